//! Whether anything was sent, and that nothing is sent twice: money hangs on it.

use std::future::Future;
use std::task::Poll;

use tokio::net::TcpListener;

use super::kit::*;
use crate::upstream::{Upstream, UpstreamKind, UpstreamOptions};

#[tokio::test]
async fn a_vendor_that_is_not_there_got_nothing() {
    // A port that was just free: nobody listens.
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for target in [plain(address), secure("127.0.0.1", address)] {
        let error = fail(&upstream(), &target, post("/", "x")).await;
        assert_eq!((error.kind, error.sent), (UpstreamKind::Unreachable, false), "{error}");
    }
}

#[tokio::test]
async fn a_vendor_that_closes_without_an_answer_may_have_read_the_request_and_is_not_asked_again() {
    for request in [get("/"), post("/", ""), post("/", "x"), post("/", vec![b'x'; 100_000])] {
        let vendor = Scripted::start(vec![reply("", Then::Close)]).await;
        let error = fail(&upstream(), &vendor.target(), request).await;
        assert!(error.sent, "{error}");
        assert!(matches!(error.kind, UpstreamKind::Protocol | UpstreamKind::Unreachable), "{error}");
        assert_eq!((vendor.seen(), vendor.connections()), (1, 1));
    }
}

#[tokio::test]
async fn a_vendor_that_closes_a_used_connection_on_the_next_request_is_not_asked_again() {
    for request in [get("/"), post("/", "x")] {
        let vendor = Scripted::start(vec![fine(), reply("", Then::Close)]).await;
        let upstream = upstream();
        ask(&upstream, &vendor.target(), get("/")).await;
        let error = fail(&upstream, &vendor.target(), request).await;
        assert!(error.sent, "{error}");
        assert_eq!((vendor.seen(), vendor.connections()), (2, 1));
    }
}

#[tokio::test]
async fn a_vendor_that_breaks_off_in_the_head_may_have_read_the_request() {
    let vendor = Scripted::start(vec![reply("HTTP/1.1 200 OK\r\ncontent-le", Then::Close)]).await;
    let error = fail(&upstream(), &vendor.target(), post("/", "x")).await;
    assert_eq!((error.kind, error.sent), (UpstreamKind::Protocol, true), "{error}");
    assert_eq!(vendor.seen(), 1);
}

#[tokio::test]
async fn a_connection_that_was_closed_while_unused_is_replaced_unnoticed() {
    let closing = reply("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", Then::Close);
    let vendor = Scripted::start(vec![closing]).await;
    let upstream = upstream();
    for number in 1..=20 {
        assert_eq!(ask(&upstream, &vendor.target(), post("/", "x")).await.1, "ok");
        assert_eq!((vendor.seen(), vendor.connections()), (number, number), "each request once");
        vendor.wait_for_an_end().await;
    }
}

/// Options with little patience.
fn impatient() -> UpstreamOptions {
    UpstreamOptions { head_timeout_ms: 50, connect_timeout_ms: 50, ..local() }
}

#[tokio::test]
async fn a_vendor_that_never_answers_is_given_up_and_may_have_read_the_request() {
    for bytes in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 100 Continue\r\n\r\n"] {
        let vendor = Scripted::start(vec![reply(bytes, Then::Hang)]).await;
        let error = fail(&Upstream::new(&impatient()).unwrap(), &vendor.target(), post("/", "x")).await;
        assert_eq!((error.kind, error.sent), (UpstreamKind::Timeout, true), "{error}");
        vendor.wait_for_an_end().await;
        assert_eq!(vendor.connections(), 1);
    }
}

#[tokio::test]
async fn a_handshake_that_does_not_end_sent_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = secure("127.0.0.1", listener.local_addr().unwrap());
    // Accepted by the system, answered by nobody.
    let error = fail(&Upstream::new(&impatient()).unwrap(), &target, post("/", "x")).await;
    assert_eq!((error.kind, error.sent), (UpstreamKind::Timeout, false), "{error}");
}

#[tokio::test]
async fn a_vendor_that_speaks_no_tls_got_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = secure("127.0.0.1", listener.local_addr().unwrap());
    tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await.ok();
        }
    });
    let error = fail(&upstream(), &target, post("/", "x")).await;
    assert_eq!((error.kind, error.sent), (UpstreamKind::Protocol, false), "{error}");
}

#[tokio::test]
async fn one_who_stops_waiting_closes_the_connection() {
    let vendor = Scripted::start(vec![reply("", Then::Hang)]).await;
    let upstream = upstream();
    let target = vendor.target();
    tokio::select! {
        error = fail(&upstream, &target, post("/", "x")) => panic!("{error}"),
        () = async { while vendor.seen() == 0 { tokio::task::yield_now().await } } => {}
    }
    vendor.wait_for_an_end().await;
}

#[tokio::test]
async fn too_many_at_once_are_refused_before_anything_is_sent() {
    let vendor = Scripted::start(vec![reply("", Then::Hang)]).await;
    let upstream = Upstream::new(&UpstreamOptions { in_flight_max: 3, ..local() }).unwrap();
    let target = vendor.target();
    let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(upstream.send(&target, get("/")))).collect();
    for future in &mut waiting {
        assert!(std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await.is_pending());
    }
    let error = fail(&upstream, &target, get("/")).await;
    assert_eq!((error.kind, error.sent), (UpstreamKind::Overloaded, false), "{error}");
    drop(waiting);
    let mut freed = Box::pin(upstream.send(&target, get("/")));
    assert!(std::future::poll_fn(|context| Poll::Ready(freed.as_mut().poll(context))).await.is_pending());
}
