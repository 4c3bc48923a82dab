//! The address that was judged is the address that is dialled, and no other one.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use types::Name;

use super::kit::*;
use crate::upstream::{Target, Upstream, UpstreamError, UpstreamKind, UpstreamOptions};

fn named(host: &str, port: u16) -> Target {
    Target { tls: false, host: Name::from(host), port }
}

fn was_not_allowed(error: &UpstreamError) {
    assert_eq!((error.kind, error.sent), (UpstreamKind::AddressNotAllowed, false), "{error}");
}

#[tokio::test]
async fn without_an_exception_this_machine_is_not_dialled_however_it_is_spelt() {
    let vendor = Scripted::start(vec![fine()]).await;
    let port = vendor.address.port();
    let names = Names::of(&[("localhost", &["127.0.0.1", "::1"]), ("evil.example", &["127.0.0.1"])]);
    let upstream = Upstream::with_lookup(&UpstreamOptions::default(), names).unwrap();
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "::1",
        "[::ffff:127.0.0.1]",
        "0",
        "①②⑦.0.0.1",
        "localhost",
        "LOCALHOST.",
        "evil.example",
    ] {
        was_not_allowed(&fail(&upstream, &named(host, port), get("/")).await);
        was_not_allowed(&upstream.dial(host, port).await.unwrap_err());
    }
    assert_eq!(vendor.connections(), 0);
}

#[tokio::test]
async fn of_a_name_with_good_and_bad_addresses_only_the_good_ones_are_dialled() {
    let vendor = Scripted::start(vec![fine()]).await;
    // The second one would answer, too: it is the same listener's machine, but nobody allowed it.
    let names = Names::of(&[("mixed.example", &["10.0.0.1", "127.0.0.2", "169.254.169.254", "127.0.0.1"])]);
    let upstream = Upstream::with_lookup(&local(), names).unwrap();
    assert_eq!(ask(&upstream, &named("mixed.example", vendor.address.port()), get("/")).await.1, "ok");
    assert_eq!(vendor.connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_turns_private_is_refused_on_the_next_connection() {
    let names = Names::of(&[("rebind.example", &["192.0.2.1"])]);
    let options = UpstreamOptions { allow_addresses: vec!["192.0.2.0/24".parse().unwrap()], ..local() };
    let options = UpstreamOptions { connect_timeout_ms: 1, ..options };
    let upstream = Upstream::with_lookup(&options, Arc::clone(&names) as Arc<_>).unwrap();
    let error = fail(&upstream, &named("rebind.example", 80), get("/")).await;
    assert!(matches!(error.kind, UpstreamKind::Timeout | UpstreamKind::Unreachable), "{error}");
    names.set("rebind.example", &["169.254.169.254"]);
    tokio::time::advance(Duration::from_secs(6)).await;
    was_not_allowed(&fail(&upstream, &named("rebind.example", 80), get("/")).await);
    assert_eq!(names.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_address_where_nobody_listens_leaves_time_for_the_next_one() {
    let vendor = Scripted::start(vec![fine()]).await;
    let options = UpstreamOptions { allow_addresses: vec!["127.0.0.0/8".parse().unwrap()], ..local() };
    let names = Names::of(&[("two.example", &["127.0.0.9", "127.0.0.1"])]);
    let upstream = Upstream::with_lookup(&options, names).unwrap();
    assert_eq!(ask(&upstream, &named("two.example", vendor.address.port()), get("/")).await.1, "ok");
}

#[tokio::test]
async fn this_gateway_is_no_vendor_even_where_its_address_is_allowed() {
    let vendor = Scripted::start(vec![fine()]).await;
    let port = vendor.address.port();
    let own_ports = Arc::from([port]);
    let upstream = Upstream::new(&UpstreamOptions { own_ports, ..local() }).unwrap();
    was_not_allowed(&fail(&upstream, &vendor.target(), get("/")).await);
    assert_eq!(vendor.connections(), 0);
    let other = Scripted::start(vec![fine()]).await;
    assert_eq!(ask(&upstream, &other.target(), get("/")).await.1, "ok", "another port is another program");
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_unreachable() {
    let upstream = Upstream::with_lookup(&local(), Names::of(&[("empty.example", &[])])).unwrap();
    for host in ["nobody.example", "empty.example"] {
        let error = fail(&upstream, &named(host, 80), get("/")).await;
        assert_eq!((error.kind, error.sent), (UpstreamKind::Unreachable, false), "{error}");
    }
}

#[tokio::test]
async fn what_is_no_host_is_refused_before_anything_is_asked() {
    let names = Names::of(&[]);
    let upstream = Upstream::with_lookup(&local(), Arc::clone(&names) as Arc<_>).unwrap();
    for host in ["", "a b", "a@b", "a/b", "[::1", "1.2.3.4.5", "a\r\nb"] {
        was_not_allowed(&fail(&upstream, &named(host, 80), get("/")).await);
    }
    assert_eq!(names.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_tunnel_ends_at_a_judged_address() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let vendor = Scripted::start(vec![reply("HTTP/1.1 200 OK\r\n\r\n", Then::Close)]).await;
    let mut stream = upstream().dial("127.0.0.1", vendor.address.port()).await.unwrap();
    assert!(stream.nodelay().unwrap());
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut told = String::new();
    stream.read_to_string(&mut told).await.unwrap();
    assert!(told.starts_with("HTTP/1.1 200"), "{told}");
}
