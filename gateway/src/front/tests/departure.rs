//! The client goes away while its request is open: the request's future is dropped, at once and by itself.

use std::net::Shutdown;

use super::house::House;

fn departs_after(bytes: &[u8], leave: impl FnOnce(&House, super::house::Client)) {
    let house = House::open();
    let mut client = house.dial();
    client.send(bytes);
    house.toy.until("the request is there", |log| log.started == 1);
    leave(&house, client);
    house.toy.until("its future is dropped", |log| log.departed == 1);
    // The front itself stays well.
    let mut other = house.dial();
    other.send("GET /a HTTP/1.1\r\nHost: v\r\n\r\n");
    assert!(other.answer().ends_with("GET /a 0"));
    assert_eq!(house.drain.requests(), 0);
}

#[test]
fn closing_drops_a_request_that_waits_for_its_answer() {
    departs_after(b"GET /never HTTP/1.1\r\nHost: v\r\n\r\n", |_, client| drop(client));
}

#[test]
fn closing_the_sending_side_is_going_away_too() {
    departs_after(b"GET /never HTTP/1.1\r\nHost: v\r\n\r\n", |house, client| {
        client.socket.shutdown(Shutdown::Write).unwrap();
        house.toy.until("its future is dropped", |log| log.departed == 1);
        drop(client);
    });
}

#[test]
fn going_away_is_noticed_behind_a_pipelined_request() {
    let requests =
        b"POST /never HTTP/1.1\r\nHost: v\r\nContent-Length: 4\r\n\r\nbodyGET /a HTTP/1.1\r\nHost: v\r\n\r\n";
    departs_after(requests, |_, client| drop(client));
}

#[test]
fn going_away_in_the_middle_of_a_body_ends_the_request() {
    let house = House::open();
    let mut client = house.dial();
    client.send("POST /a HTTP/1.1\r\nHost: v\r\nContent-Length: 10\r\n\r\nhalf");
    house.toy.until("the request is there", |log| log.started == 1);
    drop(client);
    // The toy answers a broken body by itself; nothing was served.
    let mut other = house.dial();
    other.send("GET /b HTTP/1.1\r\nHost: v\r\n\r\n");
    other.answer();
    assert!(house.toy.read(|log| log.served.iter().all(|served| served.target == "/b")));
}

#[test]
fn going_away_in_the_middle_of_an_answer_drops_its_body() {
    let house = House::open();
    let mut client = house.dial();
    client.send("GET /stream HTTP/1.1\r\nHost: v\r\n\r\n");
    let mut first = [0; 64];
    std::io::Read::read_exact(&mut client.socket, &mut first).unwrap();
    assert_eq!(house.drain.requests(), 1);
    drop(client);
    let drain = std::sync::Arc::clone(&house.drain);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // Wakes when the connection has ended, and its answer with it.
    runtime.block_on(async { tokio::time::timeout(super::house::AT_MOST, drain.room(1)).await }).unwrap();
    assert_eq!(house.drain.requests(), 0);
}
