//! What a vendor gets to see.

use http_body_util::BodyExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::kit::*;

#[tokio::test]
async fn the_vendor_sees_one_host_one_length_and_no_word_about_the_agents_connection() {
    let vendor = Scripted::start(vec![fine()]).await;
    let mut request = post("http://elsewhere.example/v1/chat?x=1", r#"{"a":1}"#);
    for (name, value) in [
        ("host", "evil.example"),
        ("content-length", "999"),
        ("transfer-encoding", "chunked"),
        ("connection", "close, x-mine"),
        ("upgrade", "h2c"),
        ("expect", "100-continue"),
        ("te", "trailers"),
        ("authorization", "Bearer k"),
    ] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    *request.version_mut() = http::Version::HTTP_2;
    assert_eq!(ask(&upstream(), &vendor.target(), request).await, (200, "ok".to_owned()));
    let seen = vendor.requests.lock()[0].clone();
    let (head, body) = seen.split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<_> = head.lines().map(str::to_lowercase).collect();
    lines[1..].sort();
    let host = format!("host: {}", vendor.address);
    assert_eq!(lines, ["post /v1/chat?x=1 http/1.1", "authorization: bearer k", "content-length: 7", &host]);
    assert_eq!(body, r#"{"a":1}"#);
}

#[tokio::test]
async fn bodies_that_are_empty_say_so() {
    let vendor = Scripted::start(vec![fine()]).await;
    let upstream = upstream();
    ask(&upstream, &vendor.target(), post("/", "")).await;
    ask(&upstream, &vendor.target(), get("/")).await;
    let seen = vendor.requests.lock().clone();
    assert!(seen[0].to_lowercase().contains("\r\ncontent-length: 0\r\n"), "{}", seen[0]);
    assert!(!seen[1].to_lowercase().contains("content-length"), "{}", seen[1]);
}

#[tokio::test]
async fn connect_is_never_forwarded() {
    let vendor = Scripted::start(vec![fine()]).await;
    let request = http::Request::connect("a.example:443").body(http_body_util::Full::default()).unwrap();
    let error = fail(&upstream(), &vendor.target(), request).await;
    assert!(!error.sent, "{error}");
    assert_eq!(vendor.connections(), 0);
}

#[tokio::test]
async fn large_bodies_pass_whole_in_both_directions() {
    let (address, _) = echo(None).await;
    let body = vec![b'x'; 8 << 20];
    let (_, told) = ask(&upstream(), &plain(address), post("/big", body)).await;
    assert_eq!(told, format!("POST /big {address} HTTP/1.1 {}", 8 << 20));
    let length = 8 << 20;
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{}", "y".repeat(length));
    let vendor = Scripted::start(vec![Reply(answer.into(), Then::Stay)]).await;
    assert_eq!(ask(&upstream(), &vendor.target(), get("/")).await.1.len(), length);
}

#[tokio::test]
async fn a_stream_is_handed_on_piece_by_piece() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (read_one, has_read_one) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_request(&mut stream).await.unwrap();
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-type: text/event-stream\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(b"9\r\ndata: 1\n\n\r\n").await.unwrap();
        // The rest is sent only once the first piece has arrived: a vendor that were waited for would never go on.
        has_read_one.await.unwrap();
        stream.write_all(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n").await.unwrap();
    });
    let mut body = upstream().send(&plain(address), get("/")).await.unwrap().into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "data: 1\n\n");
    read_one.send(()).unwrap();
    assert_eq!(body.collect().await.unwrap().to_bytes(), "data: 2\n\n");
}

#[tokio::test]
async fn redirects_and_errors_are_answers() {
    let redirect = "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n";
    let error = "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 4\r\n\r\noops";
    let vendor = Scripted::start(vec![reply(redirect, Then::Stay), reply(error, Then::Stay)]).await;
    let upstream = upstream();
    assert_eq!(ask(&upstream, &vendor.target(), get("/")).await.0, 307);
    assert_eq!(ask(&upstream, &vendor.target(), get("/")).await, (500, "oops".to_owned()));
}
