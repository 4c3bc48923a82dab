//! The scanner, rule by rule.

use crate::front::strict::{Authority, ChunkScan, HeadLimits, HostKind, Judged, MessageScan, Violation};

/// The judgement on a whole message: how much passes and whether it is complete.
fn judge(text: &str) -> Result<(usize, bool), Violation> {
    let mut scan = MessageScan::new(HeadLimits::default());
    let judged = scan.judge(text.as_bytes())?;
    Ok((judged.pass, scan.is_complete()))
}

fn with(line: &str) -> String {
    format!("POST /v1 HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n")
}

fn passes(text: &str) {
    assert_eq!(judge(text).map(|(pass, _)| pass), Ok(text.len()), "{text:?}");
}

fn refuses(text: &str, violation: Violation) {
    assert_eq!(judge(text), Err(violation), "{text:?}");
}

#[test]
fn plain_requests_pass_whole() {
    passes("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    passes("GET / HTTP/1.0\r\n\r\n");
    passes("GET /v1/models/gpt-4o?limit=20&after=a%20b HTTP/1.1\r\nhost:api.example:8443\r\nAccept:\r\n\r\n");
    passes("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    passes("GET http://a.example:80/x HTTP/1.1\r\nHost: a.example\r\n\r\n");
    passes("CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n\r\n");
    passes("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \t5 \r\n\r\nhello");
    passes("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n");
    passes(&with("X-Name: caf\u{e9}"));
}

#[test]
fn request_lines_have_one_form() {
    for line in ["GET  / HTTP/1.1", "GET / HTTP/1.1 ", "GET /", "GET\t/ HTTP/1.1", " GET / HTTP/1.1", "GET / http/1.1"]
    {
        let judged = judge(&format!("{line}\r\nHost: a\r\n\r\n"));
        assert!(matches!(judged, Err(Violation::RequestLine | Violation::Method)), "{line:?} {judged:?}");
    }
    refuses("get / HTTP/1.1\r\nHost: a\r\n\r\n", Violation::Method);
    refuses("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Violation::Version);
    refuses("GET / HTTP/1.2\r\nHost: a\r\n\r\n", Violation::Version);
    refuses("\u{16}\u{3}\u{1}", Violation::Method);
    refuses("A_B / HTTP/1.1\r\n", Violation::Method);
}

#[test]
fn targets_are_read_alike_by_everybody() {
    let targets = [
        "*",
        "a",
        "/a#b",
        "/a\"b",
        "/<a>",
        "/a\\b",
        "/%zz",
        "/%2",
        "/a%00b",
        "http://",
        "http:///a",
        "http://u@a/",
        "ftp://a/",
        "//",
        "http://a:0/",
        "http://127.1/",
        "http://a..b/",
    ];
    for target in targets.iter().filter(|target| **target != "//") {
        refuses(&format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"), Violation::Target);
    }
    for target in ["/..", "/a/../b", "/%2e%2E/b", "/a/.", "/..;x=1/b", "/./a", "/.%2e/a"] {
        refuses(&format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"), Violation::DotSegments);
    }
    for target in ["/.well-known/x", "/a/...", "/a..b", "/?q=../..", "/v1/models/org%2Fname"] {
        passes(&format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
    }
    for target in ["/", "a", "a:", "a:0", "a:65536", "a:443:1", "u@a:443", "127.1:443", "http://a:443", ":443"] {
        refuses(&format!("CONNECT {target} HTTP/1.1\r\nHost: a\r\n\r\n"), Violation::Target);
    }
}

#[test]
fn lines_end_with_crlf_and_nothing_else() {
    refuses("GET / HTTP/1.1\nHost: a\n\n", Violation::BareLineFeed);
    refuses("GET / HTTP/1.1\r\nHost: a\n\r\n", Violation::BareLineFeed);
    refuses("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Violation::BareLineFeed);
    refuses(&with("X: a\rb"), Violation::BareCarriageReturn);
    refuses("\r\n\r\n\r\nGET / HTTP/1.1\r\n", Violation::LeadingLines);
    let two = "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let judged = MessageScan::new(HeadLimits::default()).judge(two.as_bytes());
    assert_eq!(judged, Ok(Judged { skip: 4, pass: two.len() - 4 }));
}

#[test]
fn header_lines_are_a_name_a_colon_and_a_value() {
    refuses(&with(" folded"), Violation::Folding);
    refuses(&with("\tfolded"), Violation::Folding);
    refuses(&with("no colon"), Violation::NoColon);
    for line in [": x", "A : x", "A\u{b}: x", "A B: x", "Content_Length: 5", "A\u{0}: x", "caf\u{e9}: x", "A\"b: x"] {
        refuses(&with(line), Violation::FieldName);
    }
    for line in ["A: \u{0}", "A: \u{7f}", "A: x\u{8}y"] {
        refuses(&with(line), Violation::FieldValue);
    }
}

#[test]
fn a_request_names_one_host() {
    refuses("GET / HTTP/1.1\r\n\r\n", Violation::HostMissing);
    refuses(&with("Host: a"), Violation::Duplicate);
    for host in
        ["", "a b", "a,b", "a/b", "u@a", "a:", "a:x", "a:00443", "[::1", "::1", "a%2eb", "0x7f.1", "1.2.3.4.", "\u{e9}"]
    {
        refuses(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"), Violation::Host);
    }
    for host in ["a", "A.example.", "a_b.example:8080", "127.0.0.1", "[::1]:80", "xn--bcher-kva.example"] {
        passes(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    }
}

#[test]
fn a_body_has_one_length() {
    for value in ["", "+5", "-5", "05", "5e0", "5,5", "5, 5", "5;", "\"5\"", "0x5", "5 5", "1000000000000000000"] {
        refuses(&with(&format!("Content-Length: {value}")), Violation::ContentLength);
    }
    refuses(&with("Content-Length: 5\r\nContent-Length: 5"), Violation::Duplicate);
    refuses(&with("Transfer-Encoding: chunked\r\nContent-Length: 5"), Violation::TwoLengths);
    refuses(&with("Content-Length: 5\r\nTransfer-Encoding: chunked"), Violation::TwoLengths);
    for value in ["", "identity", "gzip, chunked", "chunked, chunked", "chunked;x", "\"chunked\"", "xchunked", "cow"] {
        refuses(&with(&format!("Transfer-Encoding: {value}")), Violation::TransferEncoding);
    }
    refuses(&with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), Violation::Duplicate);
    refuses("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", Violation::TransferEncoding);
    for method in ["GET", "HEAD", "TRACE"] {
        let head = format!("{method} / HTTP/1.1\r\nHost: a\r\n");
        refuses(&format!("{head}Content-Length: 1\r\n\r\n"), Violation::BodyOnMethod);
        refuses(&format!("{head}Transfer-Encoding: chunked\r\n\r\n"), Violation::BodyOnMethod);
        passes(&format!("{head}Content-Length: 0\r\n\r\n"));
    }
    refuses("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nContent-Length: 5\r\n\r\nhello", Violation::BodyOnMethod);
}

#[test]
fn chunks_are_plain() {
    let sizes = [
        "",
        "+3",
        "-3",
        "3 ",
        " 3",
        "3\t",
        "3;a=b",
        "3;",
        "03",
        "00",
        "0x3",
        "3,3",
        "FFFFFFFF3",
        "3\n",
        "g",
        "3\r3",
        "\u{0}3",
    ];
    for size in sizes {
        let judged = judge(&format!("{}{size}\r\nabc\r\n0\r\n\r\n", with("Transfer-Encoding: chunked")));
        assert_eq!(judged, Err(Violation::ChunkSize), "{size:?}");
    }
    for body in ["3\r\nabcd\r\n0\r\n\r\n", "3\r\nabc0\r\n\r\n", "3\r\nabc\r0\r\n\r\n", "3\r\nabc\n0\r\n\r\n"] {
        refuses(&format!("{}{body}", with("Transfer-Encoding: chunked")), Violation::ChunkEnd);
    }
}

#[test]
fn trailers_bring_nothing_that_decides() {
    let body = |trailers: &str| format!("{}0\r\n{trailers}\r\n", with("Transfer-Encoding: chunked"));
    passes(&body(""));
    passes(&body("X-Checksum: 1\r\nServer-Timing: a\r\n"));
    let refused = [
        "Content-Length: 50",
        "Authorization: x",
        "HOST: b",
        "payment-signature: x",
        "Connection: close",
        "A : b",
        " a",
    ];
    for line in refused {
        refuses(&body(&format!("{line}\r\n")), Violation::Trailer);
    }
    refuses(&body(&format!("X: {}\r\n", "a".repeat(9000))), Violation::Trailer);
    refuses(&body(&"X: a\r\n".repeat(33)), Violation::Trailer);
    refuses(&body("X: a\n"), Violation::BareLineFeed);
}

#[test]
fn identity_and_meaning_stand_there_once() {
    for name in ["Authorization", "Proxy-Authorization", "x-api-key", "bursar-key", "Content-Type", "Payment-Signature"]
    {
        refuses(&with(&format!("{name}: a\r\n{name}: b")), Violation::Duplicate);
    }
    passes(&with("Accept: a\r\nAccept: b"));
}

#[test]
fn connection_removes_nothing_that_must_arrive() {
    for value in ["content-length", "close, Authorization", "Host", "payment-signature", "", "close,,te", "a b"] {
        refuses(&with(&format!("Connection: {value}")), Violation::Connection);
    }
    refuses(&with("Connection: a, b, c, d, e, f, g, h, i"), Violation::Connection);
    passes(&with("Connection: keep-alive, Upgrade, HTTP2-Settings, TE"));
    refuses(&with("Expect: 200-maybe"), Violation::Expectation);
    passes("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n\r\n");
}

#[test]
fn caps_hold_before_the_line_ends() {
    let limits = HeadLimits { bytes: 200, line_bytes: 100, target_bytes: 50, fields: 3 };
    let judge = |text: &str| MessageScan::new(limits).judge(text.as_bytes()).map(|judged| judged.pass);
    assert_eq!(judge(&format!("GET /{} HTTP/1.1\r\n", "a".repeat(50))), Err(Violation::TargetTooLong));
    assert_eq!(judge(&format!("GET /{}", "a".repeat(100))), Err(Violation::LineTooLong));
    assert_eq!(judge(&format!("GET / HTTP/1.1\r\nA: {}", "a".repeat(100))), Err(Violation::LineTooLong));
    assert_eq!(
        judge(&format!("GET / HTTP/1.1\r\n{}", format!("A: {}\r\n", "a".repeat(80)).repeat(3))),
        Err(Violation::HeadTooLarge)
    );
    assert_eq!(judge("GET / HTTP/1.1\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\n"), Err(Violation::TooManyFields));
    assert_eq!(judge(&format!("GET / HTTP/1.1\r\nHost: a\r\nA: {}", "a".repeat(10))), Ok(0));
}

#[test]
fn any_cutting_gives_the_same_judgement() {
    let texts = [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\nPOST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\nX: 1\r\n\r\nNEXT",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbodyGET",
    ];
    for text in texts {
        let whole = pieces(&[text.as_bytes()]);
        for at in 0..=text.len() {
            let (first, second) = text.as_bytes().split_at(at);
            assert_eq!(pieces(&[first, second]), whole, "{text:?} at {at}");
        }
        let single: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(pieces(&single), whole, "{text:?} byte by byte");
    }
}

/// Feeds pieces as a stream would and returns what passed.
pub(super) fn pieces(pieces: &[&[u8]]) -> Result<Vec<u8>, Violation> {
    let mut scan = MessageScan::new(HeadLimits::default());
    let (mut held, mut passed) = (Vec::new(), Vec::new());
    for piece in pieces {
        held.extend_from_slice(piece);
        if scan.is_complete() {
            continue;
        }
        let judged = scan.judge(&held)?;
        passed.extend_from_slice(&held[judged.skip..judged.skip + judged.pass]);
        held.drain(..judged.skip + judged.pass);
    }
    Ok(passed)
}

#[test]
fn authorities_know_their_one_spelling() {
    let read = |text: &str| Authority::read(text.as_bytes()).map(|found| (found.canonical(), found.kind, found.port));
    assert_eq!(read("API.Example.:443"), Some(("api.example".to_owned(), HostKind::Name, Some(443))));
    assert_eq!(read("10.0.0.1"), Some(("10.0.0.1".to_owned(), HostKind::V4, None)));
    assert_eq!(read("[2001:DB8:0::1]:1"), Some(("2001:db8::1".to_owned(), HostKind::V6, Some(1))));
    for text in
        ["127.1", "2130706433", "0x7f.0.0.1", "017700000001", "127.0.0.1.", "1.2.3.04", "a b", "", ".", "[1.2.3.4]"]
    {
        assert_eq!(read(text), None, "{text:?}");
    }
    let named = Authority::read(b"a.example").unwrap();
    assert!(named.names("a.example", 443, 443) && !named.names("a.example", 8443, 443) && !named.names("b", 443, 443));
}

#[test]
fn every_violation_has_its_own_word_and_a_client_error() {
    let mut words: Vec<&str> = Violation::ALL.iter().map(|violation| violation.word()).collect();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), Violation::ALL.len());
    assert!(
        Violation::ALL.iter().all(|violation| violation.status() == 505 || (400..500).contains(&violation.status()))
    );
}

#[test]
fn a_body_longer_than_shown_stays_open() {
    let mut scan = MessageScan::new(HeadLimits::default());
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999999999999\r\n\r\n";
    assert_eq!(scan.judge(head.as_bytes()), Ok(Judged { skip: 0, pass: head.len() }));
    assert!(!scan.is_complete() && !scan.is_in_head());
    let mut chunks = ChunkScan::default();
    assert_eq!(chunks.advance(b"ffffffff\r\nab"), Ok(12));
    assert!(!chunks.is_done());
}
