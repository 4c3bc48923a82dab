//! Clients that take their time, on a clock that takes none.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep};

use super::pipe::Pipe;

async fn whole_seconds_of(work: impl Future<Output = ()>) -> u64 {
    let begin = Instant::now();
    work.await;
    begin.elapsed().as_millis().div_ceil(1000).try_into().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_head_that_trickles_is_ended_after_its_time() {
    let mut pipe = Pipe::open();
    let begin = Instant::now();
    for byte in b"GET / HTTP/1.1\r\n".repeat(2) {
        if pipe.client.write_all(&[byte]).await.is_err() || begin.elapsed() > Duration::from_secs(16) {
            break;
        }
        sleep(Duration::from_secs(1)).await;
    }
    let answer = pipe.rest().await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("request_timeout"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_says_nothing_is_closed_silently() {
    let mut pipe = Pipe::open();
    let waited = whole_seconds_of(async { assert_eq!(pipe.rest().await, "") }).await;
    assert_eq!(waited, 90);
}

#[tokio::test(start_paused = true)]
async fn a_kept_alive_connection_idles_out_after_its_last_answer() {
    let mut pipe = Pipe::open();
    for _ in 0..3 {
        sleep(Duration::from_secs(80)).await;
        pipe.client.write_all(b"GET /a HTTP/1.1\r\nHost: v\r\n\r\n").await.unwrap();
        let mut space = [0; 512];
        assert!(pipe.client.read(&mut space).await.unwrap() > 0);
    }
    let waited = whole_seconds_of(async { assert!(pipe.rest().await.len() < 10) }).await;
    assert_eq!(waited, 90);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_trickles_is_refused() {
    let mut pipe = Pipe::open();
    pipe.client.write_all(b"POST /a HTTP/1.1\r\nHost: v\r\nContent-Length: 100\r\n\r\n").await.unwrap();
    for _ in 0..3 {
        pipe.client.write_all(b"x").await.unwrap();
        sleep(Duration::from_millis(9_900)).await;
    }
    let answer = pipe.rest().await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("connection: close"), "{answer}");
    assert_eq!(pipe.toy.read(|log| (log.departed, log.served.len())), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_that_keeps_coming_is_read() {
    let mut pipe = Pipe::open();
    pipe.client.write_all(b"POST /a HTTP/1.1\r\nHost: v\r\nContent-Length: 20480\r\n\r\n").await.unwrap();
    for _ in 0..10 {
        sleep(Duration::from_secs(25)).await;
        pipe.client.write_all(&[b'x'; 2048]).await.unwrap();
    }
    let mut space = [0; 512];
    let count = pipe.client.read(&mut space).await.unwrap();
    assert!(String::from_utf8_lossy(&space[..count]).ends_with("POST /a 20480"));
}

#[tokio::test(start_paused = true)]
async fn waiting_for_our_own_answer_is_nobodys_delay() {
    let mut pipe = Pipe::open();
    pipe.client.write_all(b"GET /held HTTP/1.1\r\nHost: v\r\n\r\n").await.unwrap();
    sleep(Duration::from_secs(600)).await;
    pipe.toy.release.notify_one();
    let mut space = [0; 512];
    let count = pipe.client.read(&mut space).await.unwrap();
    assert!(String::from_utf8_lossy(&space[..count]).ends_with("GET /held 0"));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_of_its_answer_is_left() {
    let mut pipe = Pipe::open();
    pipe.client.write_all(b"GET /stream HTTP/1.1\r\nHost: v\r\n\r\n").await.unwrap();
    pipe.front.await.unwrap();
    assert_eq!(pipe.drain.requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_refused_client_that_does_not_close_is_left_after_a_while() {
    let mut pipe = Pipe::open();
    pipe.client.write_all(b"nonsense").await.unwrap();
    let waited = whole_seconds_of(async { pipe.front.await.unwrap() }).await;
    assert_eq!(waited, 2);
    let mut all = String::new();
    pipe.client.read_to_string(&mut all).await.unwrap();
    assert!(all.starts_with("HTTP/1.1 400"), "{all}");
}

#[tokio::test(start_paused = true)]
async fn a_tunnel_in_which_nobody_begins_is_closed() {
    let mut pipe = Pipe::open();
    let connect = b"CONNECT vendor.test:443 HTTP/1.1\r\nHost: vendor.test:443\r\nProxy-Authorization: Basic x\r\n\r\n";
    pipe.client.write_all(connect).await.unwrap();
    let waited = whole_seconds_of(async { assert!(pipe.rest().await.starts_with("HTTP/1.1 200")) }).await;
    assert_eq!(waited, 10);
    pipe.front.await.unwrap();
    assert_eq!(pipe.drain.tunnels(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_does_not_go_on_is_closed() {
    let mut pipe = Pipe::open();
    let connect = b"CONNECT vendor.test:443 HTTP/1.1\r\nHost: vendor.test:443\r\nProxy-Authorization: Basic x\r\n\r\n";
    pipe.client.write_all(connect).await.unwrap();
    pipe.client.write_all(&[22, 3, 1, 2]).await.unwrap();
    let waited = whole_seconds_of(async { assert!(pipe.rest().await.starts_with("HTTP/1.1 200")) }).await;
    assert_eq!(waited, 10);
    assert!(pipe.toy.read(|log| log.events.iter().any(|event| event.contains("HandshakeFailed"))));
}
