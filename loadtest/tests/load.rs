//! The load generator against the mock vendor and the bare proxy: it counts right, and it calls a wrong answer wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::num::NonZeroU64;
use std::time::Duration;

use http::header::HOST;
use http::{HeaderMap, StatusCode};
use loadtest::load::{Client, Load, Report, Target, chat_request, measure};
use loadtest::vendor::{Behaviour, Fault};
use loadtest::{Vendor, VendorOptions};

fn load(address: std::net::SocketAddr, stream: bool) -> Load {
    let target = Target::parse(&format!("http://{address}/v1/chat/completions")).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(HOST, target.host_header().parse().unwrap());
    Load {
        path: target.path().to_owned(),
        client: Client::new(target, None, None),
        headers,
        body: chat_request(1229, stream),
        stream,
        fresh: false,
        expect: StatusCode::OK,
        rate: None,
        connections: 2,
        warm_up: Duration::from_millis(20),
        window: Duration::from_millis(200),
        processes: vec![std::process::id()],
        upstream: Vec::new(),
    }
}

fn run(load: Load) -> Report {
    std::thread::spawn(move || measure(load).unwrap()).join().unwrap()
}

#[test]
fn every_answer_is_counted_once() {
    let vendor = Vendor::start(VendorOptions::default()).unwrap();
    let report = run(load(vendor.plain().unwrap(), false));
    assert_eq!((report.failed, &report.errors), (0, &Default::default()));
    assert!(report.done > 0 && report.done <= vendor.served().billed);
    assert!(report.samples > 0 && report.p50_us <= report.p99_us && report.p99_us <= report.max_us);
    assert_eq!(report.connections_opened, 2);
    assert!(report.cpu_ns_per_request > 0);
}

#[test]
fn a_constant_rate_is_the_rate_that_was_asked_for() {
    let vendor = Vendor::start(VendorOptions::default()).unwrap();
    let mut load = load(vendor.plain().unwrap(), false);
    load.rate = NonZeroU64::new(100);
    load.window = Duration::from_millis(500);
    let begin = std::time::Instant::now();
    let report = run(load);
    let due = begin.elapsed().as_millis() / 10 + 1;
    assert_eq!(report.failed, 0);
    assert!(report.samples > 0);
    // Never more than was due since the beginning, however slow this machine is.
    assert!(u128::from(vendor.served().total) <= due, "{} of {due}", vendor.served().total);
}

#[test]
fn each_request_may_have_a_connection_of_its_own() {
    let vendor = Vendor::start(VendorOptions::default()).unwrap();
    let mut load = load(vendor.plain().unwrap(), true);
    load.fresh = true;
    let report = run(load);
    assert_eq!(report.failed, 0);
    assert!(report.connections_opened >= report.done);
}

#[test]
fn answers_that_lack_something_are_failures() {
    for (fault, stream, word) in [
        (Fault::NoUsage, false, "without usage"),
        (Fault::ErrorMid, true, "without usage"),
        (Fault::Status(500), false, "status 500"),
        (Fault::CloseMid, true, "body"),
    ] {
        let vendor = Vendor::start(VendorOptions::default()).unwrap();
        vendor.behave(Behaviour { fault, ..Behaviour::default() });
        let report = run(load(vendor.plain().unwrap(), stream));
        assert_eq!(report.samples, 0, "{fault:?}");
        assert!(report.errors.keys().all(|text| text.contains(word)), "{fault:?}: {:?}", report.errors);
        assert!(report.failed > 0);
    }
}

#[test]
fn the_bare_proxy_passes_calls_and_streams_through() {
    let vendor = Vendor::start(VendorOptions::default()).unwrap();
    let upstream = vendor.plain().unwrap().to_string().parse().unwrap();
    let (send, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            send.send(listener.local_addr().unwrap()).unwrap();
            loadtest::passthrough::forward(listener, upstream).await.unwrap();
        });
    });
    let address = address.recv().unwrap();
    for stream in [false, true] {
        let report = run(load(address, stream));
        assert_eq!((report.failed, &report.errors), (0, &Default::default()));
        assert!(report.done > 0);
    }
}
