//! CONNECT, and what happens inside.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::house::{Client, House, answer, provider};
use crate::front::{Mode, Signal};

type Tls = StreamOwned<ClientConnection, TcpStream>;

fn connect_to(authority: &str) -> String {
    format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\nProxy-Authorization: Basic YTpi\r\n\r\n")
}

fn tls(house: &House, socket: TcpStream, name: &str) -> Tls {
    let mut roots = RootCertStore::empty();
    roots.add(house.toy.root()).unwrap();
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), socket)
}

fn tunnel(house: &House, authority: &str) -> Client {
    let mut client = house.dial();
    client.send(connect_to(authority));
    let answer = client.answer();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    client
}

fn ask(tls: &mut Tls, request: &str) -> String {
    tls.write_all(request.as_bytes()).unwrap();
    answer(tls, &mut Vec::new())
}

#[test]
fn requests_inside_a_tunnel_are_served_like_any_other() {
    let house = House::open();
    let mut tls = tls(&house, tunnel(&house, "Vendor.Test:443").socket, "vendor.test");
    for host in ["vendor.test", "VENDOR.test:443", "vendor.test."] {
        let answer = ask(&mut tls, &format!("POST /v1 HTTP/1.1\r\nHost: {host}\r\nContent-Length: 2\r\n\r\n{{}}"));
        assert!(answer.ends_with("POST /v1 2"), "{answer}");
    }
    let served = house.toy.read(|log| log.served.clone());
    assert_eq!(served.len(), 3);
    assert!(served.iter().all(|served| served.tls && served.credentials.as_deref() == Some("Basic YTpi")));
    assert!(served.iter().all(|served| served.mode == Mode::Intercepted { host: "vendor.test".into(), port: 443 }));
    assert_eq!((house.drain.connections(), house.drain.tunnels()), (1, 1));
}

#[test]
fn a_connect_without_identity_is_challenged_and_may_be_repeated_on_the_same_connection() {
    let house = House::open();
    let mut client = house.dial();
    client.send("GET /a HTTP/1.1\r\nHost: v\r\n\r\n");
    client.answer();
    client.send("CONNECT vendor.test:443 HTTP/1.1\r\nHost: vendor.test:443\r\n\r\n");
    let challenge = client.answer();
    assert!(challenge.starts_with("HTTP/1.1 407"), "{challenge}");
    assert!(challenge.contains("proxy-authenticate: Basic realm=\"bursar\"\r\n"), "{challenge}");
    client.send(connect_to("vendor.test:443"));
    assert!(client.answer().starts_with("HTTP/1.1 200"));
    let mut tls = tls(&house, client.socket, "vendor.test");
    assert!(ask(&mut tls, "GET /x HTTP/1.1\r\nHost: vendor.test\r\n\r\n").ends_with("GET /x 0"));
}

#[test]
fn a_client_hello_may_come_in_the_same_segment() {
    let house = House::open();
    let mut client = house.dial();
    // Take the ClientHello out of a connection that goes nowhere, and send it with the CONNECT.
    let mut tls = tls(&house, client.socket.try_clone().unwrap(), "vendor.test");
    let mut bytes = connect_to("vendor.test:443").into_bytes();
    tls.conn.write_tls(&mut bytes).unwrap();
    client.send(bytes);
    assert!(read_head(&mut client.socket).starts_with("HTTP/1.1 200"));
    assert!(ask(&mut tls, "GET /x HTTP/1.1\r\nHost: vendor.test\r\n\r\n").ends_with("GET /x 0"));
}

fn read_head(socket: &mut TcpStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        socket.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

#[test]
fn another_host_inside_is_misdirected() {
    let house = House::open();
    let mut tls = tls(&house, tunnel(&house, "vendor.test:443").socket, "vendor.test");
    let requests = [
        "GET / HTTP/1.1\r\nHost: other.test\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: vendor.test:8443\r\n\r\n",
        "GET https://other.test/ HTTP/1.1\r\nHost: vendor.test\r\n\r\n",
        "GET https://vendor.test/ HTTP/1.1\r\nHost: other.test\r\n\r\n",
    ];
    for request in requests {
        let answer = ask(&mut tls, request);
        assert!(answer.starts_with("HTTP/1.1 421"), "{request} {answer}");
    }
    let answer = ask(&mut tls, &connect_to("vendor.test:443"));
    assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
    assert!(house.toy.read(|log| log.served.is_empty()));
}

#[test]
fn another_name_in_the_handshake_closes_the_tunnel() {
    let house = House::open();
    let mut tls = tls(&house, tunnel(&house, "vendor.test:443").socket, "other.test");
    let error = tls.write_all(b"GET / HTTP/1.1\r\nHost: other.test\r\n\r\n").unwrap_err();
    assert!(error.to_string().contains("UnrecognisedName"), "{error}");
    house.toy.until("it is noted", |log| log.events.iter().any(|event| event.contains("another host")));
}

#[test]
fn a_client_that_does_not_trust_us_is_noted() {
    let house = House::open();
    let stranger = House::open();
    let mut tls = tls(&stranger, tunnel(&house, "vendor.test:443").socket, "vendor.test");
    tls.write_all(b"GET / HTTP/1.1\r\n").unwrap_err();
    house.toy.until("it is noted", |log| log.events.iter().any(|event| event.contains("HandshakeFailed")));
}

#[test]
fn only_tls_passes_where_cleartext_was_not_allowed() {
    let house = House::open();
    for bytes in ["POST /v1 HTTP/1.1\r\nHost: vendor.test\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "\0\0\0\0"] {
        let mut client = tunnel(&house, "vendor.test:443");
        client.send(bytes);
        assert_eq!(client.rest(), "", "{bytes:?}");
    }
    let mut plain = tunnel(&house, "vendor.test:80");
    plain.send("GET /x HTTP/1.1\r\nHost: vendor.test\r\n\r\n");
    assert!(plain.answer().ends_with("GET /x 0"));
    assert!(house.toy.read(|log| log.served.iter().all(|served| !served.tls)));
    let mut ssh = tunnel(&house, "vendor.test:80");
    ssh.send("SSH-2.0-OpenSSH_9.2\r\n");
    assert!(ssh.rest().starts_with("HTTP/1.1 400"));
}

#[test]
fn a_refused_connect_leaves_an_http_connection() {
    let house = House::open();
    let mut client = house.dial();
    client.send(connect_to("10.0.0.1:443"));
    assert!(client.answer().starts_with("HTTP/1.1 403"));
    // What an optimistic client sent after it is no tunnel, and no HTTP.
    client.send([22, 3, 1, 2, 0, 1]);
    let refused = client.rest();
    assert!(refused.starts_with("HTTP/1.1 400"), "{refused:?}");
}

#[test]
fn an_old_client_may_connect_with_http_1_0() {
    let house = House::open();
    let mut client = house.dial();
    client.send("CONNECT vendor.test:443 HTTP/1.0\r\nProxy-Authorization: Basic YTpi\r\n\r\n");
    assert!(client.answer().contains(" 200 "));
    let mut tls = tls(&house, client.socket, "vendor.test");
    assert!(ask(&mut tls, "GET /x HTTP/1.1\r\nHost: vendor.test\r\n\r\n").ends_with("GET /x 0"));
}

#[test]
fn a_blind_tunnel_passes_bytes_and_counts_them() {
    let house = House::open();
    let far = TcpListener::bind("127.0.0.1:0").unwrap();
    *house.toy.blind.lock() = Some(far.local_addr().unwrap());
    let mut client = house.dial();
    client.send(format!("{}ahead", connect_to("blind.test:22")));
    let (mut far, _) = far.accept().unwrap();
    assert!(client.answer().starts_with("HTTP/1.1 200"));
    let mut ahead = [0; 5];
    far.read_exact(&mut ahead).unwrap();
    assert_eq!(&ahead, b"ahead");
    far.write_all(b"answer!").unwrap();
    drop(far);
    assert_eq!(client.rest(), "answer!");
    drop(client);
    house.toy.until("it is noted", |log| log.events.iter().any(|event| event.contains("sent: 5, received: 7")));
}

#[test]
fn going_away_inside_tls_drops_the_request() {
    let house = House::open();
    let mut tls = tls(&house, tunnel(&house, "vendor.test:443").socket, "vendor.test");
    tls.write_all(b"GET /never HTTP/1.1\r\nHost: vendor.test\r\n\r\n").unwrap();
    house.toy.until("the request is there", |log| log.started == 1);
    drop(tls);
    house.toy.until("its future is dropped", |log| log.departed == 1);
}

#[test]
fn a_stop_ends_idle_tunnels_and_waits_for_open_requests_inside() {
    let mut house = House::with(|options| options.stop.interrupt.finish = std::time::Duration::from_secs(3600));
    let mut idle = tls(&house, tunnel(&house, "vendor.test:443").socket, "vendor.test");
    assert!(ask(&mut idle, "GET /x HTTP/1.1\r\nHost: vendor.test\r\n\r\n").ends_with("GET /x 0"));
    let mut held = tls(&house, tunnel(&house, "vendor.test:443").socket, "vendor.test");
    held.write_all(b"GET /held HTTP/1.1\r\nHost: vendor.test\r\n\r\n").unwrap();
    house.toy.until("the request is there", |log| log.started == 2);
    house.tell(Signal::Interrupt);
    assert_eq!(idle.read(&mut [0; 16]).unwrap(), 0);
    house.toy.release.notify_one();
    let answer = answer(&mut held, &mut Vec::new());
    assert!(answer.ends_with("GET /held 0") && answer.contains("connection: close"), "{answer}");
    drop((idle, held));
    house.join();
    assert_eq!(house.drain.tunnels(), 0);
}

#[test]
fn curl_goes_through_the_proxy() {
    if Command::new("curl").arg("--version").output().is_err() {
        println!("SKIPPED: curl not found");
        return;
    }
    let house = House::open();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("ca.pem");
    std::fs::write(&root, house.toy.root_pem()).unwrap();
    let curl = |arguments: &[&str]| {
        let proxy = format!("http://agent:key@{}", house.address);
        let output =
            Command::new("curl").args(["-sS", "--proxy", &proxy, "--cacert"]).arg(&root).args(arguments).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(curl(&["https://vendor.test/x", "-d", "hello"]), "POST /x 5");
    assert_eq!(curl(&["http://vendor.test/x"]), "GET http://vendor.test/x 0");
    let body = folder.path().join("body");
    std::fs::write(&body, vec![b'x'; 300_000]).unwrap();
    let upload = format!("@{}", body.display());
    // Over a megabyte of limits apart: with `Expect`, chunked, and by length.
    assert_eq!(
        curl(&["https://vendor.test/x", "-H", "Expect: 100-continue", "--data-binary", &upload]),
        "POST /x 300000"
    );
    assert_eq!(
        curl(&["https://vendor.test/x", "-H", "Transfer-Encoding: chunked", "--data-binary", &upload]),
        "POST /x 300000"
    );
    assert_eq!(curl(&["https://vendor.test/1", "https://vendor.test/2"]), "GET /1 0GET /2 0");
}
