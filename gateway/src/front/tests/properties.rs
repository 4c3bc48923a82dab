//! What holds for any bytes at all.

use proptest::prelude::*;

use super::scan::pieces;
use crate::front::strict::{HeadLimits, MessageScan, Violation};

/// Pieces that heads and bodies are made of, good and bad.
const WORDS: [&[u8]; 64] = [
    b"GET ",
    b"POST ",
    b"HEAD ",
    b"CONNECT ",
    b"/ ",
    b"/a?b=%20 ",
    b"a:443 ",
    b"http://a/ ",
    b"* ",
    b"HTTP/1.1\r\n",
    b"HTTP/1.0\r\n",
    b"HTTP/2.0\r\n",
    b"HTTP/1.1\n",
    b"Host: a\r\n",
    b"Host: a\n",
    b"Host : a\r\n",
    b"Host:\r\n",
    b"Host: b\r\n",
    b"host:a:1\r\n",
    b" folded\r\n",
    b"Content-Length: 0\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: 3\r\n",
    b"Content-Length: +3\r\n",
    b"Content_Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: identity\r\n",
    b"Transfer-Encoding:\x0bchunked\r\n",
    b"transfer-encoding: Chunked\r\n",
    b"Connection: close\r\n",
    b"Connection: host\r\n",
    b"Expect: 100-continue\r\n",
    b"X: y\r\n",
    b"X: \xff\r\n",
    b"X: \0\r\n",
    b": x\r\n",
    b"X\r\n",
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b"abc",
    b"hello",
    b"3\r\n",
    b"3\r\nabc\r\n",
    b"0\r\n",
    b"0\r\n\r\n",
    b"a\r\n",
    b"5\r\nhello\r\n",
    b"3;x\r\n",
    b"03\r\n",
    b"g\r\n",
    b"ffffffff\r\n",
    b"123456789\r\n",
    b"\0",
    b" ",
    b"\t",
    b":",
    b"G",
    b"\x16\x03\x01",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"Trailer: x\r\n",
    b"Content-Length: 3",
    b"Host: a",
];

fn spell(words: &[u8]) -> Vec<u8> {
    words.iter().flat_map(|word| WORDS[usize::from(*word) % WORDS.len()].iter().copied()).collect()
}

/// A head that is right as far as it goes, with anything behind it.
fn likely(words: &[u8]) -> Vec<u8> {
    let mut text = b"POST /a HTTP/1.1\r\nHost: a\r\n".to_vec();
    text.extend(spell(words));
    text
}

/// Everything that must hold for one input, cut at one place.
fn check(bytes: &[u8], cut: usize) {
    let (first, second) = bytes.split_at(cut.min(bytes.len()));
    let whole = pieces(&[bytes]);
    let cut = pieces(&[first, second]);
    match (&whole, &cut) {
        (Ok(whole), Ok(cut)) => assert_eq!(whole, cut),
        // A cut may end in another word for the same refusal (a cap seen before a line's end), never in a passage.
        (Err(_), Err(_)) => {}
        _ => panic!("{whole:?} but, cut, {cut:?}"),
    }
    let mut scan = MessageScan::new(HeadLimits::default());
    let Ok(judged) = scan.judge(bytes) else { return };
    assert!(judged.skip + judged.pass <= bytes.len());
    if judged.pass > 0 {
        agrees_with_hyper(&bytes[judged.skip..], judged.pass, scan.is_complete());
    }
}

/// hyper parses heads with `httparse`; what passes here must be, for it, the same head with the same body behind it.
fn agrees_with_hyper(bytes: &[u8], pass: usize, complete: bool) {
    let mut fields = [httparse::EMPTY_HEADER; 100];
    let mut request = httparse::Request::new(&mut fields);
    let parsed = request.parse(bytes);
    let Ok(httparse::Status::Complete(head)) = parsed else {
        panic!("passed a head that hyper does not parse: {parsed:?}")
    };
    let named =
        |name: &str| request.headers.iter().filter(|field| field.name.eq_ignore_ascii_case(name)).collect::<Vec<_>>();
    assert!(named("host").len() <= 1 && named("content-length").len() + named("transfer-encoding").len() <= 1);
    assert!(bytes[..head].windows(2).all(|two| (two[0] == b'\r') == (two[1] == b'\n')), "a CR or LF stands alone");
    let length = named("content-length")
        .first()
        .map_or(0, |field| std::str::from_utf8(field.value).unwrap().parse::<usize>().unwrap());
    if named("transfer-encoding").is_empty() {
        assert_eq!(pass, (head + length).min(bytes.len()));
        assert_eq!(complete, bytes.len() >= head + length);
    } else if complete {
        assert_eq!(chunked_length(&bytes[head..]), Some(pass - head));
    }
}

/// The length of a chunked body as a plain reader sees it: sizes by `str`, data by counting.
fn chunked_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let end = at + bytes[at..].windows(2).position(|two| two == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[at..end]).ok()?, 16).ok()?;
        at = end + 2;
        if size > 0 {
            at += size + 2;
            continue;
        }
        while !bytes[at..].starts_with(b"\r\n") {
            at += bytes[at..].windows(2).position(|two| two == b"\r\n")? + 2;
        }
        return Some(at + 2);
    }
}

#[test]
fn fuzzed_words_are_judged_alike_however_they_arrive() {
    bolero::check!().with_type::<(Vec<u8>, u16)>().for_each(|(words, cut)| {
        check(&spell(words), usize::from(*cut));
        check(&likely(words), usize::from(*cut));
    });
}

#[test]
fn fuzzed_bytes_are_judged_alike_however_they_arrive() {
    bolero::check!().with_type::<(Vec<u8>, u8)>().for_each(|(bytes, cut)| check(bytes, usize::from(*cut)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn honest_requests_pass_whole(
        path in "/[a-z0-9/]{0,20}",
        fields in prop::collection::vec(("[A-Za-z][A-Za-z0-9-]{0,10}x", "[ -~]{0,30}"), 0..20),
        body in prop::collection::vec(any::<u8>(), 0..200),
        chunk in prop::option::of(1_usize..50),
        cut in any::<u16>(),
    ) {
        let mut text = format!("POST {path} HTTP/1.1\r\nHost: vendor.test\r\n");
        for (name, value) in &fields {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        let mut bytes = text.into_bytes();
        match chunk {
            None => {
                bytes.extend(format!("Content-Length: {}\r\n\r\n", body.len()).bytes());
                bytes.extend(&body);
            }
            Some(size) => {
                bytes.extend(b"Transfer-Encoding: chunked\r\n\r\n");
                for piece in body.chunks(size) {
                    bytes.extend(format!("{:x}\r\n", piece.len()).bytes());
                    bytes.extend(piece);
                    bytes.extend(b"\r\n");
                }
                bytes.extend(b"0\r\n\r\n");
            }
        }
        let whole = bytes.len();
        bytes.extend(b"GET /next");
        let mut scan = MessageScan::new(HeadLimits::default());
        let judged = scan.judge(&bytes);
        prop_assert_eq!(judged.map(|judged| judged.pass), Ok(whole));
        prop_assert!(scan.is_complete());
        check(&bytes, usize::from(cut));
    }

    #[test]
    fn one_changed_byte_never_makes_two_readings(at in any::<prop::sample::Index>(), byte in any::<u8>(), chunked in any::<bool>()) {
        let mut bytes = if chunked {
            b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".to_vec()
        } else {
            b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nX-Y: z\r\n\r\nabc".to_vec()
        };
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.extend(b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
        check(&bytes, at);
    }
}

#[test]
fn a_violation_is_final_in_every_cutting() {
    let text = b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n";
    for cut in 0..text.len() {
        let (first, second) = text.split_at(cut);
        assert_eq!(pieces(&[first, second]), Err(Violation::Duplicate), "cut at {cut}");
    }
}
