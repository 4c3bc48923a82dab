//! Vendors that break HTTP: nothing ambiguous is taken, and their connection serves nobody after.

use super::kit::*;
use crate::upstream::UpstreamKind;

/// Sends to a vendor whose first answer is `bytes`; the second one is fine.
async fn first_answer(bytes: &str) -> (Scripted, crate::upstream::Upstream) {
    let vendor = Scripted::start(vec![Reply(bytes.to_owned().into(), Then::Stay), fine()]).await;
    (vendor, upstream())
}

#[tokio::test]
async fn an_answer_that_can_be_read_in_two_ways_is_refused_and_its_connection_is_not_used_again() {
    let huge = format!("HTTP/1.1 200 OK\r\nx: {}\r\ncontent-length: 0\r\n\r\n", "a".repeat(1 << 20));
    let many = format!("HTTP/1.1 200 OK\r\n{}content-length: 0\r\n\r\n", "x: y\r\n".repeat(200));
    for bytes in [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nokk",
        "HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\n\r\n",
        "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: a\rb\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: a\r\n folded\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx : a\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nEVIL",
        "HTTP/2.0 200 OK\r\ncontent-length: 0\r\n\r\n",
        "SSH-2.0-OpenSSH_9.9\r\n\r\n",
        "{\"not\": \"http\"}\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01",
        &huge,
        &many,
    ] {
        let (vendor, upstream) = first_answer(bytes).await;
        let shown: String = bytes.chars().take(90).collect();
        let error = fail(&upstream, &vendor.target(), post("/", "x")).await;
        assert_eq!((error.kind, error.sent), (UpstreamKind::Protocol, true), "{shown:?}: {error}");
        vendor.wait_for_an_end().await;
        assert_eq!(ask(&upstream, &vendor.target(), post("/", "x")).await.1, "ok", "{shown:?}");
        assert_eq!((vendor.seen(), vendor.connections()), (2, 2), "{shown:?}");
    }
}

#[tokio::test]
async fn some_interim_answers_are_passed_over() {
    let (vendor, upstream) = first_answer(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na",
    )
    .await;
    assert_eq!(ask(&upstream, &vendor.target(), get("/")).await.1, "a");
    assert_eq!(ask(&upstream, &vendor.target(), get("/")).await.1, "ok");
    assert_eq!(vendor.connections(), 1);
}

#[tokio::test]
async fn interim_answers_without_end_are_given_up() {
    // More than fit into one read; the final answer never comes.
    let (vendor, upstream) = first_answer(&"HTTP/1.1 102 Processing\r\nx: y\r\n\r\n".repeat(10_000)).await;
    let error = fail(&upstream, &vendor.target(), post("/", "x")).await;
    assert_eq!((error.kind, error.sent), (UpstreamKind::Protocol, true), "{error}");
    vendor.wait_for_an_end().await;
}

#[tokio::test]
async fn bytes_beyond_the_answer_never_reach_the_next_one_who_asks() {
    for bytes in [
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nEVIL",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nEVIL",
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabcd",
    ] {
        let (vendor, upstream) = first_answer(bytes).await;
        assert_eq!(ask(&upstream, &vendor.target(), get("/")).await, (200, "abc".to_owned()));
        vendor.wait_for_an_end().await;
        assert_eq!(ask(&upstream, &vendor.target(), get("/")).await, (200, "ok".to_owned()), "{bytes:?}");
        assert_eq!(vendor.connections(), 2, "{bytes:?}");
    }
}

#[tokio::test]
async fn a_body_that_ends_early_is_an_error_not_an_end() {
    for bytes in [
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabc",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
    ] {
        let vendor = Scripted::start(vec![reply(bytes, Then::Close)]).await;
        let response = upstream().send(&vendor.target(), get("/")).await.unwrap();
        text(response).await.unwrap_err();
    }
}

#[tokio::test]
async fn a_body_whose_chunks_are_malformed_is_an_error() {
    for chunks in [
        "x\r\nabc\r\n0\r\n\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "-1\r\n\r\n",
        "11111111111111111\r\na\r\n",
        "3\nabc\r\n0\r\n\r\n",
    ] {
        let (vendor, upstream) =
            first_answer(&format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunks}")).await;
        let response = upstream.send(&vendor.target(), get("/")).await.unwrap();
        assert!(text(response).await.is_err(), "{chunks:?}");
        vendor.wait_for_an_end().await;
        assert_eq!(ask(&upstream, &vendor.target(), get("/")).await.1, "ok");
    }
}

#[tokio::test]
async fn a_body_without_a_length_ends_with_its_connection() {
    let vendor = Scripted::start(vec![reply("HTTP/1.1 200 OK\r\n\r\nabc", Then::Close), fine()]).await;
    let upstream = upstream();
    assert_eq!(ask(&upstream, &vendor.target(), get("/")).await.1, "abc");
    assert_eq!(ask(&upstream, &vendor.target(), get("/")).await.1, "ok");
}

#[tokio::test]
async fn an_answer_before_the_question_is_nobodys_answer() {
    use tokio::io::AsyncWriteExt;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (used, is_used) = tokio::sync::oneshot::channel::<()>();
    let (poisoned, is_poisoned) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let (mut first, _) = listener.accept().await.unwrap();
        read_request(&mut first).await.unwrap();
        first.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na").await.unwrap();
        is_used.await.unwrap();
        // Unasked, on a connection that waits in the pool.
        first.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nEVIL").await.unwrap();
        assert!(read_request(&mut first).await.is_none(), "the connection is closed without another request");
        poisoned.send(()).unwrap();
        let (mut second, _) = listener.accept().await.unwrap();
        read_request(&mut second).await.unwrap();
        second.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nb").await.unwrap();
    });
    let upstream = upstream();
    assert_eq!(ask(&upstream, &plain(address), get("/")).await.1, "a");
    used.send(()).unwrap();
    is_poisoned.await.unwrap();
    assert_eq!(ask(&upstream, &plain(address), get("/")).await.1, "b");
}
