//! The mock vendor seen from a client: what it answers, how it breaks, what it remembers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use loadtest::pki::{Authority, client_config};
use loadtest::vendor::{Behaviour, Fault};
use loadtest::{Vendor, VendorOptions};
use serde_json::Value;
use tokio::net::TcpStream;

const CHAT: &str = r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"twelve bytes"}]}"#;

fn streamed(usage: bool) -> String {
    CHAT.replace("}]}", &format!(r#"}}],"stream":true,"stream_options":{{"include_usage":{usage}}}}}"#))
}

async fn send(vendor: &Vendor, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, hyper::Error> {
    let stream = TcpStream::connect(vendor.plain().unwrap()).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender.send_request(request).await
}

fn post(path: &str) -> http::request::Builder {
    Request::builder()
        .method(Method::POST)
        .uri(path)
        .header("host", "vendor")
        .header("content-type", "application/json")
}

async fn ask(vendor: &Vendor, path: &str, body: &str) -> (StatusCode, Result<String, hyper::Error>) {
    let request = post(path).body(Full::from(body.to_owned())).unwrap();
    let response = send(vendor, request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.map(|all| String::from_utf8(all.to_bytes().to_vec()).unwrap());
    (status, body)
}

fn vendor() -> Vendor {
    Vendor::start(VendorOptions::default()).unwrap()
}

#[tokio::test]
async fn usage_follows_from_the_request() {
    let vendor = vendor();
    let (status, body) = ask(&vendor, "/v1/chat/completions", CHAT).await;
    let body: Value = serde_json::from_str(&body.unwrap()).unwrap();
    assert_eq!(status, StatusCode::OK);
    assert_eq!((&body["usage"]["prompt_tokens"], &body["usage"]["completion_tokens"]), (&7.into(), &74.into()));
    let served = vendor.served();
    assert_eq!((served.billed, served.input_tokens, served.output_tokens), (1, 7, 74));
    assert!(served.requests.iter().all(|seen| seen.ended && seen.status == 200));
}

#[tokio::test]
async fn a_bound_cuts_the_answer() {
    let vendor = vendor();
    let (_, body) = ask(&vendor, "/v1/messages", &CHAT.replace("}]}", r#"}],"max_tokens":5}"#)).await;
    let body: Value = serde_json::from_str(&body.unwrap()).unwrap();
    assert_eq!((&body["usage"]["output_tokens"], &body["stop_reason"]), (&5.into(), &"max_tokens".into()));
}

#[tokio::test]
async fn a_stream_has_two_hundred_chunks_and_usage_where_asked() {
    let vendor = vendor();
    for usage in [true, false] {
        let (_, body) = ask(&vendor, "/v1/chat/completions", &streamed(usage)).await;
        let body = body.unwrap();
        assert_eq!(body.matches("\" tok").count(), 200);
        assert_eq!(body.contains(r#""completion_tokens":200"#), usage);
        assert!(body.ends_with("data: [DONE]\n\n"));
    }
}

#[tokio::test]
async fn each_fault_is_what_its_name_says() {
    let vendor = vendor();
    for (fault, stream, whole) in [
        (Fault::CloseMid, false, false),
        (Fault::CloseMid, true, false),
        (Fault::LongLength, false, false),
        (Fault::ShortLength, false, true),
        (Fault::ErrorMid, true, true),
        (Fault::NoUsage, true, true),
        (Fault::NoUsage, false, true),
        (Fault::NotJson, false, true),
    ] {
        vendor.behave(Behaviour { fault, ..Behaviour::default() });
        let request = if stream { streamed(true) } else { CHAT.to_owned() };
        let (status, body) = ask(&vendor, "/v1/chat/completions", &request).await;
        assert_eq!(status, StatusCode::OK, "{fault:?}");
        assert_eq!(body.is_ok(), whole, "{fault:?} streamed: {stream}");
        let Ok(body) = body else { continue };
        assert!(!body.contains(r#""usage":{"#), "{fault:?} tells a usage: {body}");
        assert_eq!(body.contains("\"error\""), fault == Fault::ErrorMid);
    }
}

#[tokio::test]
async fn a_connection_may_close_without_an_answer() {
    let vendor = vendor();
    vendor.behave(Behaviour { fault: Fault::CloseAtOnce, fault_times: Some(1), ..Behaviour::default() });
    let request = || post("/v1/chat/completions").body(Full::from(CHAT)).unwrap();
    assert!(send(&vendor, request()).await.is_err());
    assert!(send(&vendor, request()).await.is_ok());
    assert_eq!(vendor.served().by_status.get(&0), Some(&1));
}

#[tokio::test]
async fn bytes_may_follow_an_answer() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let vendor = vendor();
    vendor.behave(Behaviour { fault: Fault::ExtraBytes, ..Behaviour::default() });
    let mut stream = TcpStream::connect(vendor.plain().unwrap()).await.unwrap();
    let head = format!("POST /v1/chat/completions HTTP/1.1\r\nhost: v\r\ncontent-length: {}\r\n\r\n{CHAT}", CHAT.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    while !read.ends_with(b"extra") {
        assert_ne!(stream.read_buf(&mut read).await.unwrap(), 0, "the connection ended before the extra bytes");
    }
}

#[tokio::test]
async fn errors_have_the_shape_of_their_provider() {
    let vendor = vendor();
    for (status, path, kind) in [
        (429, "/v1/chat/completions", "requests"),
        (500, "/v1/messages", "api_error"),
        (529, "/v1/messages", "overloaded_error"),
    ] {
        vendor.behave(Behaviour { fault: Fault::Status(status), ..Behaviour::default() });
        let request = post(path).body(Full::from(CHAT)).unwrap();
        let response = send(&vendor, request).await.unwrap();
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(response.headers().contains_key("retry-after"), status == 429);
        let body: Value = serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap();
        assert_eq!(body["error"]["type"], kind);
    }
    assert_eq!(vendor.served().billed, 0);
}

#[tokio::test]
async fn a_wrong_provider_key_is_refused_and_counted_and_the_headers_are_kept() {
    let vendor = Vendor::start(VendorOptions { key: Some("sk-real".to_owned()), ..VendorOptions::default() }).unwrap();
    for (header, value, status) in [
        ("authorization", "Bearer bk_agent", 401),
        ("authorization", "Bearer sk-real", 200),
        ("x-api-key", "sk-real", 200),
        ("accept", "*/*", 401),
    ] {
        let request = post("/v1/chat/completions").header(header, value).body(Full::from(CHAT)).unwrap();
        assert_eq!(send(&vendor, request).await.unwrap().status().as_u16(), status, "{header}: {value}");
    }
    let served = vendor.served();
    assert_eq!((served.refused_keys, served.billed), (2, 2));
    assert!(served.requests[0].contains("bk_agent"));
    assert_eq!(served.requests[1].header("authorization"), Some("Bearer sk-real"));
    assert!(!served.requests[1].contains("bk_agent"));
}

#[tokio::test]
async fn a_gzip_answer_is_gzip_only_where_it_is_accepted() {
    let vendor = vendor();
    vendor.behave(Behaviour { gzip: true, ..Behaviour::default() });
    for accepted in [true, false] {
        let mut request = post("/v1/chat/completions");
        if accepted {
            request = request.header("accept-encoding", "gzip, deflate");
        }
        let response = send(&vendor, request.body(Full::from(CHAT)).unwrap()).await.unwrap();
        assert_eq!(response.headers().contains_key("content-encoding"), accepted);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body.starts_with(&[0x1f, 0x8b]), accepted);
    }
}

#[tokio::test]
async fn the_control_pages_change_and_show() {
    let vendor = vendor();
    let get = |path: &str| Request::get(path.to_owned()).header("host", "v").body(Full::default()).unwrap();
    assert_eq!(send(&vendor, get("/__ctl?fault=503&fault_times=1")).await.unwrap().status(), StatusCode::OK);
    assert_eq!(send(&vendor, get("/__ctl?fault=teapot")).await.unwrap().status(), StatusCode::BAD_REQUEST);
    assert_eq!(ask(&vendor, "/v1/chat/completions", CHAT).await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ask(&vendor, "/v1/chat/completions", CHAT).await.0, StatusCode::OK);
    let shown = send(&vendor, get("/__served")).await.unwrap().into_body().collect().await.unwrap().to_bytes();
    let shown: Value = serde_json::from_slice(&shown).unwrap();
    assert_eq!((&shown["total"], &shown["billed"]), (&2.into(), &1.into()));
    send(&vendor, get("/__reset")).await.unwrap();
    assert_eq!(vendor.served().total, 0);
}

#[tokio::test]
async fn what_is_free_is_not_billed() {
    let vendor = vendor();
    let get = Request::get("/v1/models").header("host", "v").body(Full::default()).unwrap();
    assert_eq!(send(&vendor, get).await.unwrap().status(), StatusCode::OK);
    let (status, body) = ask(&vendor, "/v1/messages/count_tokens", CHAT).await;
    assert_eq!((status, body.unwrap().as_str()), (StatusCode::OK, r#"{"input_tokens":7}"#));
    assert_eq!(ask(&vendor, "/v1/elsewhere", CHAT).await.0, StatusCode::NOT_FOUND);
    assert_eq!(ask(&vendor, "/v1/chat/completions", "not json").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(vendor.served().billed, 0);
}

#[tokio::test]
async fn http2_is_spoken_over_tls() {
    let authority = Authority::new("test").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca.pem");
    std::fs::write(&ca, authority.certificate_pem()).unwrap();
    let leaf = authority.leaf(&["localhost"]).unwrap();
    let options = VendorOptions { tls_port: Some(0), leaf: Some(leaf), ..VendorOptions::default() };
    let vendor = Vendor::start(options).unwrap();

    let mut config = client_config(&[&ca], false).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = TcpStream::connect(vendor.tls().unwrap()).await.unwrap();
    let name = rustls_pki_types::ServerName::try_from("localhost").unwrap();
    let stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request =
        Request::post("https://localhost/v1/chat/completions").body(Full::<Bytes>::from(streamed(true))).unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!((response.version(), response.status()), (Version::HTTP_2, StatusCode::OK));
    assert!(response.into_body().collect().await.unwrap().to_bytes().ends_with(b"[DONE]\n\n"));
    let seen = &vendor.served().requests[0];
    assert_eq!((seen.version.as_str(), seen.tls), ("HTTP/2.0", true));
}

#[tokio::test]
async fn an_expired_certificate_is_not_trusted() {
    let authority = Authority::new("test").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca.pem");
    std::fs::write(&ca, authority.certificate_pem()).unwrap();
    let leaf = authority.expired_leaf(&["localhost"]).unwrap();
    let options = VendorOptions { tls_port: Some(0), leaf: Some(leaf), ..VendorOptions::default() };
    let vendor = Vendor::start(options).unwrap();
    let config = client_config(&[&ca], false).unwrap();
    let stream = TcpStream::connect(vendor.tls().unwrap()).await.unwrap();
    let name = rustls_pki_types::ServerName::try_from("localhost").unwrap();
    assert!(tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.is_err());
}

#[test]
fn a_port_in_use_is_said() {
    let vendor = vendor();
    let port = vendor.plain().unwrap().port();
    let error = Vendor::start(VendorOptions { plain_port: Some(port), ..VendorOptions::default() }).unwrap_err();
    assert!(error.to_string().contains(&port.to_string()), "{error}");
}
