//! Connections are used again, shared where the protocol allows, and never beyond what is allowed.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::kit::*;
use super::tls::{authority, h2, trusting};
use crate::upstream::Place;

#[tokio::test]
async fn requests_one_after_the_other_share_a_connection() {
    let vendor = Scripted::start(vec![fine()]).await;
    let upstream = upstream();
    for _ in 0..50 {
        assert_eq!(ask(&upstream, &vendor.target(), post("/", "x")).await.1, "ok");
    }
    assert_eq!(vendor.connections(), 1);
}

#[tokio::test]
async fn an_answer_that_says_close_is_the_last_on_its_connection() {
    let closing = reply("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok", Then::Stay);
    let vendor = Scripted::start(vec![closing]).await;
    let upstream = upstream();
    for number in 1..=3 {
        assert_eq!(ask(&upstream, &vendor.target(), get("/")).await.1, "ok");
        vendor.wait_for_an_end().await;
        assert_eq!(vendor.connections(), number);
    }
}

#[tokio::test]
async fn a_body_that_nobody_reads_on_takes_its_connection_with_it() {
    let long = "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nabc";
    let vendor = Scripted::start(vec![reply(long, Then::Hang), fine()]).await;
    let upstream = upstream();
    drop(upstream.send(&vendor.target(), get("/")).await.unwrap());
    vendor.wait_for_an_end().await;
    assert_eq!(ask(&upstream, &vendor.target(), get("/")).await.1, "ok");
}

#[tokio::test]
async fn over_h2_a_lane_full_of_requests_shares_one_connection_and_more_take_another() {
    let dir = tempfile::tempdir().unwrap();
    let authority = authority(dir.path());
    let (address, connections) = echo(Some(h2(&authority, "127.0.0.1"))).await;
    let upstream = Arc::new(trusting(dir.path()));
    let target = Arc::new(secure("127.0.0.1", address));
    // The first request makes the connection that the others find.
    ask(&upstream, &target, get("/")).await;
    let mut held = Vec::new();
    for _ in 0..64 {
        let response = upstream.send(&target, post("/", "x")).await.unwrap();
        assert_eq!(response.version(), http::Version::HTTP_2);
        held.push(response);
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
    let other = upstream.send(&target, get("/")).await.unwrap();
    assert_eq!(connections.load(Ordering::SeqCst), 2);
    drop((other, held));
    let response = upstream.send(&target, get("/")).await.unwrap();
    assert!(response.extensions().get::<Place>().is_some());
    assert_eq!(connections.load(Ordering::SeqCst), 2, "places were given back with the answers");
}

#[tokio::test]
async fn many_at_once_are_all_answered() {
    let dir = tempfile::tempdir().unwrap();
    let authority = authority(dir.path());
    let (cleartext, _) = echo(None).await;
    let (encrypted, connections) = echo(Some(h2(&authority, "127.0.0.1"))).await;
    let upstream = Arc::new(trusting(dir.path()));
    let mut asked = tokio::task::JoinSet::new();
    for number in 0..400 {
        let target = if number % 2 == 0 { plain(cleartext) } else { secure("127.0.0.1", encrypted) };
        let upstream = Arc::clone(&upstream);
        asked.spawn(async move {
            let (status, told) = ask(&upstream, &target, post(&format!("/{number}"), "xyz")).await;
            assert_eq!(status, 200);
            assert!(told.contains(&format!("/{number} ")) && told.ends_with(" 3"), "{told}");
        });
    }
    while let Some(result) = asked.join_next().await {
        result.unwrap();
    }
    assert!(connections.load(Ordering::SeqCst) <= 400);
}
