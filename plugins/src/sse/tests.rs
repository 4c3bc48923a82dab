#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    name: String,
    data: String,
    has_data: bool,
    range: Range<u64>,
    whole: bool,
    ended: bool,
}

fn seen(event: &Event<'_>) -> Seen {
    Seen {
        name: String::from_utf8_lossy(event.name).into(),
        data: String::from_utf8_lossy(event.data).into(),
        has_data: event.has_data,
        range: event.range.clone(),
        whole: event.whole,
        ended: event.ended,
    }
}

fn read_by(stream: &[u8], sizes: impl Fn(usize) -> usize, cap: usize) -> Vec<Seen> {
    let mut parser = Parser::new(cap);
    let mut events = Vec::new();
    let (mut rest, mut turn) = (stream, 0);
    while !rest.is_empty() {
        let (chunk, next) = rest.split_at(sizes(turn).clamp(1, rest.len()));
        parser.push(chunk, |event| events.push(seen(&event)));
        (rest, turn) = (next, turn + 1);
    }
    parser.finish(|event| events.push(seen(&event)));
    events
}

fn read(stream: &str) -> Vec<Seen> {
    let whole = read_by(stream.as_bytes(), |_| usize::MAX, 1 << 20);
    assert_eq!(whole, read_by(stream.as_bytes(), |_| 1, 1 << 20), "byte by byte: {stream:?}");
    whole
}

fn data(stream: &str) -> Vec<String> {
    read(stream).into_iter().filter(|event| event.has_data).map(|event| event.data).collect()
}

#[test]
fn events_end_at_an_empty_line_of_any_kind() {
    for end in ["\n", "\r\n", "\r"] {
        let stream = ["data: one", "", "event: usage", "data:two", "data", "data:  three", "", "data: [DONE]", "", ""];
        let events = read(&stream.join(end));
        assert_eq!(events.len(), 3, "{end:?}");
        assert_eq!((events[0].name.as_str(), events[0].data.as_str()), ("", "one"));
        assert_eq!((events[1].name.as_str(), events[1].data.as_str()), ("usage", "two\n\n three"));
        assert_eq!(events[2].data, "[DONE]");
        assert!(events.iter().all(|event| event.ended && event.whole));
    }
}

#[test]
fn ranges_cover_the_stream_without_a_gap_and_a_crlf_is_never_torn() {
    let stream = ": hello\r\n\r\ndata: a\r\n\r\n\r\n: x\ndata: b\n\ndata: c";
    let events = read(stream);
    let mut from = 0;
    for event in &events {
        assert_eq!(event.range.start, from);
        from = event.range.end;
    }
    assert_eq!(from, stream.len() as u64);
    let part = |event: &Seen| &stream[event.range.start as usize..event.range.end as usize];
    let parts: Vec<_> = events.iter().map(part).collect();
    assert_eq!(parts, [": hello\r\n\r\n", "data: a\r\n\r\n", "\r\n", ": x\ndata: b\n\n", "data: c"]);
}

#[test]
fn comments_unknown_fields_and_a_byte_order_mark_are_stepped_over() {
    assert_eq!(data("\u{feff}data: a\n\n"), ["a"]);
    assert_eq!(data("data: a\n\n\u{feff}data: b\n\n"), ["a"], "only the first line may start with one");
    assert_eq!(data(":data: no\nid: 7\nretry: 5\nfoo: bar\nDATA: no\n data: no\ndata: yes\n\n"), ["yes"]);
    assert_eq!(data("data\n\n"), [""]);
    assert_eq!(data("event: ping\n\n"), Vec::<String>::new());
    assert_eq!(read("event: a\nevent: b\ndata:\n\n")[0].name, "b");
}

#[test]
fn a_cut_event_is_told_and_marked() {
    let events = read("data: a\n\ndata: {\"usage\":1}\n");
    assert_eq!((events[1].data.as_str(), events[1].ended), ("{\"usage\":1}", false));
    let events = read("data: a\n\nda");
    assert_eq!((events[1].has_data, events[1].ended), (false, false));
    assert_eq!(read("data: a\r\r").len(), 1);
    assert!(read("").is_empty());
}

#[test]
fn an_event_above_the_cap_is_told_by_its_range_only_and_the_next_one_is_whole() {
    let stream = format!("data: {}\ndata: tail\n\ndata: ok\n\n: {}\ndata: fine\n\n", "x".repeat(100), "c".repeat(100));
    for size in [1, 7, 1_000] {
        let events = read_by(stream.as_bytes(), |_| size, 32);
        assert_eq!(events.len(), 3, "{size}");
        assert_eq!((events[0].whole, events[0].has_data, events[0].data.as_str()), (false, true, ""));
        assert_eq!((events[1].whole, events[1].data.as_str()), (true, "ok"));
        assert_eq!((events[2].whole, events[2].data.as_str()), (true, "fine"), "a long comment costs nothing");
    }
}

#[test]
fn an_open_event_above_the_cap_is_known_before_its_end() {
    let mut parser = Parser::new(8);
    parser.push(b"data: a\n\ndata: b", |_| {});
    assert_eq!((parser.open_from(), parser.open_is_whole()), (9, true));
    parser.push(b"bbbbbbbbb", |_| {});
    assert_eq!((parser.open_from(), parser.open_is_whole()), (9, false));
}

#[test]
fn memory_is_bounded_by_the_cap_whatever_comes() {
    let mut parser = Parser::new(1_000);
    for _ in 0..1_000 {
        parser.push(&[b'x'; 1_000], |_| {});
        parser.push(b"\ndata: yyyyyyyyyyyyyyyy\nevent: zzzzzzzzzzzz", |_| {});
    }
    assert!(parser.line.capacity() + parser.data.capacity() + parser.name.capacity() <= 4_000);
}

#[test]
fn held_bytes_are_passed_or_dropped_by_offset() {
    let stream = "data: a\n\ndata: usage\n\ndata: [DONE]\n\n";
    let (mut parser, mut held, mut passed) = (Parser::new(1 << 20), Held::new(), Vec::new());
    for byte in stream.as_bytes() {
        held.push(&[*byte]);
        parser.push(&[*byte], |event| {
            let bytes = held.take_to(event.range.end);
            if event.data != b"usage" {
                passed.extend_from_slice(&bytes);
            }
        });
    }
    assert_eq!((held.is_empty(), held.len()), (true, 0));
    assert_eq!(String::from_utf8(passed).unwrap(), "data: a\n\ndata: [DONE]\n\n");
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_events(
        lines in prop::collection::vec("(data: ?|event:|:|id:|)[a-zé]{0,6}(\n|\r\n|\r)", 0..40),
        sizes in prop::collection::vec(1_usize..9, 1..8),
        cap in 1_usize..40,
    ) {
        let stream = lines.concat();
        let whole = read_by(stream.as_bytes(), |_| usize::MAX, cap);
        prop_assert_eq!(&whole, &read_by(stream.as_bytes(), |turn| sizes[turn % sizes.len()], cap));
        let tiled = whole.iter().try_fold(0, |from, event| (event.range.start == from).then_some(event.range.end));
        prop_assert_eq!(tiled, Some(stream.len() as u64));
    }
}
