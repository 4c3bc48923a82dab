//! Requests one after another on one connection.

use super::house::{House, answer};

const GET: &str = "GET /a HTTP/1.1\r\nHost: v\r\n\r\n";

#[test]
fn a_connection_serves_one_request_after_another() {
    let house = House::open();
    let mut client = house.dial();
    for count in 0..3 {
        client.send(format!("POST /{count} HTTP/1.1\r\nHost: v\r\nContent-Length: 4\r\n\r\nbody"));
        let answer = client.answer();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with(&format!("POST /{count} 4")), "{answer}");
    }
    assert_eq!(house.drain.requests(), 0);
    assert_eq!(house.drain.connections(), 1);
}

#[test]
fn a_request_may_be_cut_anywhere() {
    let house = House::open();
    let message = "\r\nPOST /cut HTTP/1.1\r\nHost: v\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n";
    let mut client = house.dial();
    for at in 1..message.len() {
        let (first, second) = message.split_at(at);
        client.send(first);
        // The other side must really see the two parts apart: give it the time of a round trip on another connection.
        let mut other = house.dial();
        other.send("GET /other HTTP/1.1\r\nHost: v\r\nConnection: close\r\n\r\n");
        other.rest();
        client.send(second);
        assert!(client.answer().ends_with("POST /cut 4"), "cut at {at}");
    }
    let bodies = house.toy.read(|log| log.served.iter().filter(|served| served.body == b"body").count());
    assert_eq!(bodies, message.len() - 1);
}

#[test]
fn pipelined_requests_are_answered_in_order_and_one_at_a_time() {
    let house = House::open();
    let mut client = house.dial();
    client.send(format!(
        "GET /held HTTP/1.1\r\nHost: v\r\n\r\n{GET}POST /b HTTP/1.1\r\nHost: v\r\nContent-Length: 1\r\n\r\nx"
    ));
    house.toy.until("the first is there", |log| log.started == 1);
    // The others are held while the first is open, although their bytes are here.
    let mut other = house.dial();
    other.send(GET);
    other.answer();
    assert_eq!(house.toy.read(|log| log.started), 2);
    house.toy.release.notify_one();
    assert!(client.answer().ends_with("GET /held 0"));
    assert!(client.answer().ends_with("GET /a 0"));
    assert!(client.answer().ends_with("POST /b 1"));
}

#[test]
fn a_hundred_pipelined_requests_all_arrive() {
    let house = House::open();
    let mut client = house.dial();
    client.send(GET.repeat(100));
    for _ in 0..100 {
        assert!(client.answer().ends_with("GET /a 0"));
    }
    assert_eq!(house.toy.read(|log| log.served.len()), 100);
}

#[test]
fn a_violation_is_answered_after_the_answers_before_it() {
    let house = House::open();
    let answers = house.whole(format!("{GET}GET /b HTTP/1.1\r\nHost: v\r\nHost: w\r\n\r\n{GET}").as_bytes());
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 1, "{answers}");
    let refused = answers.split("GET /a 0").nth(1).unwrap();
    assert!(refused.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answers}");
    assert!(refused.contains("connection: close") && refused.contains("\"code\":\"ambiguous_head\""), "{answers}");
    assert_eq!(house.toy.read(|log| log.served.len()), 1);
    house.toy.until("it is noted", |log| log.events.iter().any(|event| event.contains("\"duplicate\"")));
}

#[test]
fn a_body_that_breaks_its_framing_is_answered_through_its_request() {
    let house = House::open();
    let head = "POST /b HTTP/1.1\r\nHost: v\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut client = house.dial();
    client.send(format!("{head}3\r\nabc\r\n"));
    house.toy.until("the request is there", |log| log.started == 1);
    client.send("3;x\r\nabc\r\n0\r\n\r\n");
    let answer = client.rest();
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("ambiguous_body"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    house.toy.until("its future is dropped", |log| log.departed == 1);
    assert!(house.toy.read(|log| log.served.is_empty()));
}

#[test]
fn the_answer_to_an_unread_body_arrives_whole() {
    let house = House::open();
    let mut client = house.dial();
    client.send("POST /early HTTP/1.1\r\nHost: v\r\nContent-Length: 200000\r\n\r\n");
    client.send(vec![b'x'; 150_000]);
    let answer = client.rest();
    assert!(answer.starts_with("HTTP/1.1 402") && answer.ends_with("no"), "{answer}");
}

#[test]
fn the_answer_to_a_flood_arrives_whole() {
    let house = House::open();
    let mut client = house.dial();
    client.send("GET / HTTP/1.1\r\nHost: v\r\nX: ");
    client.send(vec![b'x'; 100_000]);
    let answer = client.rest();
    assert!(answer.starts_with("HTTP/1.1 431") && answer.contains("head_too_large"), "{answer}");
}

#[test]
fn expect_100_continue_is_answered_when_the_body_is_wanted() {
    let house = House::open();
    let mut client = house.dial();
    client.send("POST /x HTTP/1.1\r\nHost: v\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    assert_eq!(client.answer(), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("body");
    assert!(client.answer().ends_with("POST /x 4"));
    // A refused body is not asked for.
    client.send("POST /early HTTP/1.1\r\nHost: v\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    assert!(client.answer().starts_with("HTTP/1.1 402"));
}

#[test]
fn a_truncated_head_is_told_and_a_silent_end_is_not() {
    let house = House::open();
    let mut client = house.dial();
    client.send("GET / HTTP/1.1\r\nHos");
    client.socket.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(client.rest().starts_with("HTTP/1.1 400"));
    let mut silent = house.dial();
    silent.socket.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(silent.rest(), "");
}

#[test]
fn http_1_0_closes_unless_asked_and_trace_is_never_served() {
    let house = House::open();
    assert!(house.whole(b"GET /a HTTP/1.0\r\n\r\n").ends_with("GET /a 0"));
    let mut client = house.dial();
    client.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    client.answer();
    client.send("TRACE /a HTTP/1.1\r\nHost: v\r\n\r\n");
    let refused = answer(&mut client.socket, &mut Vec::new());
    assert!(refused.starts_with("HTTP/1.1 405"), "{refused}");
}

#[test]
fn an_upgrade_is_not_followed_and_hides_nothing() {
    let house = House::open();
    let upgrade = "GET /a HTTP/1.1\r\nHost: v\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let answers = house.whole(format!("{upgrade}{GET}nonsense").as_bytes());
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 2, "{answers}");
    assert_eq!(answers.matches("HTTP/1.1 400 Bad Request").count(), 1, "{answers}");
    assert_eq!(house.toy.read(|log| log.served.len()), 2);
}

#[test]
fn an_aborted_answer_does_not_look_whole() {
    let house = House::open();
    let answer = house.whole(b"GET /abort HTTP/1.1\r\nHost: v\r\n\r\n");
    assert!(!answer.ends_with("0\r\n\r\n"), "{answer}");
    // It is this connection that ends, and no other.
    assert!(house.whole(b"GET /a HTTP/1.0\r\n\r\n").ends_with("GET /a 0"));
}

#[test]
fn an_absolute_target_arrives_with_its_authority() {
    let house = House::open();
    let mut client = house.dial();
    client.send("GET http://vendor.test:81/x?y=1 HTTP/1.1\r\nHost: other.test\r\n\r\n");
    assert!(client.answer().ends_with("GET http://vendor.test:81/x?y=1 0"));
}
