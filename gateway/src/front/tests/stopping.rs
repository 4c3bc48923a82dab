//! The end: announced, polite, bounded, and complete when `run` returns.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, kill_process};

use super::house::{House, Toy, answer};
use crate::front::{Drain, Front, FrontError, FrontOptions, Pace, Signal, Signals};

const GET: &str = "GET /a HTTP/1.1\r\nHost: v\r\n\r\n";
const HOUR: Duration = Duration::from_secs(3600);

fn pace(lame_duck_ms: u64, finish: Duration) -> Pace {
    Pace { lame_duck: Duration::from_millis(lame_duck_ms), finish }
}

/// Waits until the front refuses new connections.
fn until_closed(address: SocketAddr) {
    while !matches!(TcpStream::connect(address), Err(error) if error.kind() == ErrorKind::ConnectionRefused) {
        std::thread::yield_now();
    }
}

#[test]
fn the_open_request_is_answered_and_then_nothing_is_left() {
    let mut house = House::with(|options| options.stop.terminate = pace(300, HOUR));
    let (mut held, mut kept, mut idle) = (house.dial(), house.dial(), house.dial());
    held.send("GET /held HTTP/1.1\r\nHost: v\r\n\r\n");
    for client in [&mut kept, &mut idle] {
        client.send(GET);
        assert!(client.answer().contains("HTTP/1.1 200 OK"));
    }
    house.toy.until("the request is there", |log| log.started == 3);
    house.tell(Signal::Terminate);
    while !house.drain.is_draining() {
        std::thread::yield_now();
    }
    // Lame duck: still served, old and new connections alike, and told to go elsewhere.
    kept.send(GET);
    assert!(kept.rest().contains("connection: close"));
    assert!(house.whole(GET.as_bytes()).contains("connection: close"));
    until_closed(house.address);
    assert_eq!(idle.rest(), "");
    assert_eq!(house.drain.requests(), 1);
    house.toy.release.notify_one();
    let answer = held.rest();
    assert!(answer.ends_with("GET /held 0") && answer.contains("connection: close"), "{answer}");
    house.join();
    assert_eq!((house.drain.connections(), house.drain.requests()), (0, 0));
    assert_eq!(house.toy.read(|log| log.departed), 0);
}

#[test]
fn what_does_not_end_is_cut_and_dropped_before_run_returns() {
    let mut house = House::with(|options| options.stop.terminate = pace(0, Duration::from_millis(50)));
    let mut client = house.dial();
    client.send("GET /never HTTP/1.1\r\nHost: v\r\n\r\n");
    house.toy.until("the request is there", |log| log.started == 1);
    house.tell(Signal::Terminate);
    house.join();
    assert_eq!(house.toy.read(|log| log.departed), 1);
    assert_eq!((house.drain.connections(), house.drain.requests()), (0, 0));
}

#[test]
fn an_interrupt_closes_idle_connections_without_a_lame_duck() {
    let mut house = House::with(|options| {
        options.stop.terminate = pace(3_600_000, HOUR);
        options.stop.interrupt = pace(0, HOUR);
    });
    let mut client = house.dial();
    client.send(GET);
    client.answer();
    house.tell(Signal::Interrupt);
    assert_eq!(client.rest(), "");
    house.join();
}

#[test]
fn a_second_signal_stops_at_once() {
    let mut house = House::with(|options| options.stop.terminate = pace(3_600_000, HOUR));
    let mut client = house.dial();
    client.send("GET /never HTTP/1.1\r\nHost: v\r\n\r\n");
    house.toy.until("the request is there", |log| log.started == 1);
    house.tell(Signal::Terminate);
    house.tell(Signal::Quit);
    house.tell(Signal::Terminate);
    house.join();
    assert_eq!(house.toy.read(|log| log.departed), 1);
}

#[test]
fn a_quit_without_a_successor_changes_nothing() {
    let house = House::open();
    house.tell(Signal::Quit);
    let mut client = house.dial();
    client.send(GET);
    assert!(client.answer().contains("HTTP/1.1 200 OK"));
    assert!(!house.drain.is_draining());
}

#[test]
fn an_address_in_use_is_told_before_anything_runs() {
    let house = House::open();
    let options = FrontOptions { listeners: vec![house.address], ..FrontOptions::default() };
    let Err(error) = Front::bind(options, Arc::new(Toy::new()), Drain::new()) else { panic!("bound twice") };
    assert!(matches!(&error, FrontError::Bind { address, .. } if *address == house.address));
    assert!(error.to_string().contains("in use"), "{error}");
    let none = Front::bind(
        FrontOptions { listeners: Vec::new(), ..FrontOptions::default() },
        Arc::new(Toy::new()),
        Drain::new(),
    );
    assert!(matches!(none, Err(FrontError::NoListener)));
}

#[test]
fn beyond_the_cap_connections_wait_in_line() {
    let house = House::with(|options| options.connections = 1);
    let mut first = house.dial();
    first.send(GET);
    first.answer();
    let mut second = house.dial();
    second.send(GET);
    first.send(GET);
    first.answer();
    assert_eq!(house.toy.read(|log| log.served.len()), 2);
    drop(first);
    assert!(second.answer().ends_with("GET /a 0"));
}

#[test]
fn one_peer_has_only_its_share() {
    let house = House::with(|options| options.connections_per_peer = 1);
    let mut first = house.dial();
    first.send(GET);
    first.answer();
    let refused = house.dial().rest();
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("overloaded"), "{refused}");
    assert!(house.toy.read(|log| log.events.iter().any(|event| event.contains("ConnectionRefused"))));
    first.send(GET);
    assert!(first.answer().ends_with("GET /a 0"));
}

/// Not a test of its own: the process that the test below starts and stops.
#[test]
#[ignore = "started by `a_process_drains_on_its_signals`"]
fn a_process_of_its_own() {
    let mut options =
        FrontOptions { listeners: vec![SocketAddr::from(([127, 0, 0, 1], 0))], ..FrontOptions::default() };
    options.stop.terminate = pace(0, HOUR);
    let front = Front::bind(options, Arc::new(Toy::new()), Drain::new()).unwrap();
    println!("listening on {}", front.addresses().next().unwrap());
    front.run(Signals::Process);
    println!("run has returned");
}

#[test]
fn a_process_drains_on_its_signals() {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "front::tests::stopping::a_process_of_its_own", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = Pid::from_child(&process);
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
    let told = lines.find(|line| line.contains("listening on ")).unwrap();
    let address: SocketAddr = told.rsplit(' ').next().unwrap().parse().unwrap();
    let mut socket = TcpStream::connect(address).unwrap();
    let mut ask = |request: &str| {
        socket.write_all(request.as_bytes()).unwrap();
        answer(&mut socket, &mut Vec::new())
    };
    // Answered: so the runtime is up, and with it, by the order in which pingora starts them, the signal watch soon.
    assert!(ask(GET).ends_with("GET /a 0"));
    while !watches_quit(pid) {
        std::thread::yield_now();
    }
    kill_process(pid, rustix::process::Signal::QUIT).unwrap();
    assert!(ask(GET).ends_with("GET /a 0"));
    kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(lines.any(|line| line.contains("run has returned")));
    assert!(process.wait().unwrap().success());
}

/// Whether the process catches SIGQUIT, SIGTERM and SIGINT (proc(5), `SigCgt`).
fn watches_quit(pid: Pid) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap().trim();
    let caught = u64::from_str_radix(caught, 16).unwrap();
    [2, 3, 15].iter().all(|signal| caught >> (signal - 1) & 1 == 1)
}
