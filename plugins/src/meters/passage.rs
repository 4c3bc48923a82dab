//! The way of an answer through a meter, the same for all: bytes pass to the agent, fields of them to a [`Reader`].
//!
//! A body that is one JSON object passes untouched; of a compressed one a decoded copy is read. A stream passes event
//! by event: what is held is at most one open event, so that an event can be hidden and a cut never splits one. A
//! compressed stream, which nobody asked for, reaches the agent decoded, because events can only be read that way.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use types::{Amounts, Refusal};

use super::picks::{Picks, Want};
use crate::decode::{Budget, Decoder};
use crate::meter::{End, Gauge, HeadEdit, Measured};
use crate::sse::{Event, Held, Parser};

/// What one protocol reads from its answers.
pub(super) trait Reader: Send {
    /// The fields of an answer, or of each event's data, that it looks at.
    const WANTS: &'static [Want];

    /// Reads one event, and tells what the agent shall see of it. `fields` are those of its data.
    fn event(&mut self, event: &Event<'_>, fields: &Picks) -> Pass;

    /// Reads a whole body.
    fn body(&mut self, fields: &Picks);

    /// The cost so far.
    fn running(&self) -> Amounts;

    /// The last events of a stream that is cut off.
    fn cut(&self, refusal: &Refusal) -> Bytes;

    /// The charge; its tail is not the reader's.
    fn measure(&self, ending: &Ending) -> Measured;
}

/// What the agent sees of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// All of it, byte for byte.
    AsItIs,
    /// Nothing.
    Hidden,
    /// All but this range of its data.
    Without(Range<usize>),
}

/// How an answer ended.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    /// Its status.
    pub(super) status: StatusCode,
    /// Its framing ended as it should, and so did its coding.
    pub(super) complete: bool,
    /// It was a stream of events.
    pub(super) streamed: bool,
    /// Nothing of it was withheld from the reader by a coding that we cannot read.
    pub(super) readable: bool,
    /// The vendor's id of the request from the head.
    pub(super) request_id: Option<String>,
}

/// Headers that carry a vendor's id of a request, the most telling first (as seen on recorded traffic).
const REQUEST_ID_HEADERS: [&str; 6] =
    ["request-id", "x-request-id", "apim-request-id", "mistral-correlation-id", "x-ds-trace-id", "x-debug-trace-id"];
const REQUEST_ID_BYTES_MAX: usize = 200;

/// An answer is read in constant memory, so only absurd density is refused: gzip tops out at 1,032.
const ANSWER_BUDGET: Budget = Budget { bytes_max: 1 << 40, ratio_max: 1_100 };

/// How the body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Object,
    Events,
    /// In a coding that we do not know.
    Unreadable,
}

/// The gauge of a protocol that has a [`Reader`].
pub(super) struct Passage<R> {
    reader: R,
    /// The request asked for a stream: decides where the answer does not name its form.
    asked_stream: bool,
    form: Form,
    status: StatusCode,
    request_id: Option<String>,
    decoder: Option<Decoder>,
    /// The coding turned out not to be what the head said.
    miscoded: bool,
    picks: Picks,
    parser: Parser,
    held: Held,
    /// Bytes of the stream that were pushed.
    pushed: u64,
}

impl<R: Reader> Passage<R> {
    /// A passage for one answer.
    pub(super) fn new(reader: R, asked_stream: bool) -> Self {
        Self {
            reader,
            asked_stream,
            form: Form::Object,
            status: StatusCode::OK,
            request_id: None,
            decoder: None,
            miscoded: false,
            picks: Picks::new(R::WANTS),
            parser: Parser::new(Parser::EVENT_BYTES_MAX),
            held: Held::new(),
            pushed: 0,
        }
    }

    /// Reads the events that a piece completes, and returns what may go to the agent.
    fn pass(&mut self, piece: &Bytes) -> Bytes {
        let fresh = self.held.is_empty();
        self.held.push(piece);
        self.pushed = self.pushed.saturating_add(piece.len() as u64);
        let (reader, picks) = (&mut self.reader, &mut self.picks);
        let mut edits = Vec::new();
        self.parser.push(piece, |event| edits.extend(read(reader, picks, &event)));
        // Nobody waits for the end of an event that is too large to be read.
        let to = if self.parser.open_is_whole() { self.parser.open_from() } else { self.pushed };
        if !edits.is_empty() {
            return self.release(&edits, to);
        }
        let released = self.held.take_to(to);
        if fresh && released.len() == piece.len() { piece.clone() } else { released }
    }

    fn release(&mut self, edits: &[(Range<u64>, Pass)], to: u64) -> Bytes {
        let mut released = BytesMut::new();
        for (range, pass) in edits {
            released.extend_from_slice(&self.held.take_to(range.start));
            let raw = self.held.take_to(range.end);
            if let Pass::Without(span) = pass {
                released.extend_from_slice(&without(&raw, span));
            }
        }
        released.extend_from_slice(&self.held.take_to(to));
        released.freeze()
    }

    fn decoded(&mut self, bytes: &Bytes) -> Bytes {
        let Some(decoder) = self.decoder.as_mut() else { return bytes.clone() };
        let mut plain = BytesMut::new();
        if !self.miscoded {
            self.miscoded = decoder.push(bytes, |piece| plain.extend_from_slice(piece)).is_err();
        }
        plain.freeze()
    }

    fn read_object(&mut self, bytes: &Bytes) {
        let picks = &mut self.picks;
        match self.decoder.as_mut() {
            None => picks.push(bytes),
            Some(_) if self.miscoded => {}
            Some(decoder) => self.miscoded = decoder.push(bytes, |piece| picks.push(piece)).is_err(),
        }
    }

    /// Reads what is still open, and returns what the agent is still owed.
    fn close(&mut self) -> Bytes {
        match self.form {
            Form::Unreadable => Bytes::new(),
            Form::Object => {
                if self.picks.is_whole() {
                    self.reader.body(&self.picks);
                }
                Bytes::new()
            }
            Form::Events => {
                let (reader, picks) = (&mut self.reader, &mut self.picks);
                let mut edits = Vec::new();
                self.parser.finish(|event| edits.extend(read(reader, picks, &event)));
                self.release(&edits, self.pushed)
            }
        }
    }
}

impl<R: Reader> Gauge for Passage<R> {
    fn head(&mut self, status: StatusCode, headers: &HeaderMap) -> HeadEdit {
        self.status = status;
        self.request_id = REQUEST_ID_HEADERS.iter().find_map(|name| identifier(headers.get(*name)?.to_str().ok()?));
        let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media_type = media_type.to_ascii_lowercase();
        let events = media_type.contains("event-stream") || (self.asked_stream && !media_type.contains("json"));
        self.form = if events { Form::Events } else { Form::Object };
        let codings: Vec<&str> =
            headers.get_all(CONTENT_ENCODING).iter().map(|value| value.to_str().unwrap_or("unreadable")).collect();
        match Decoder::new(Some(codings.join(", ").as_str()), ANSWER_BUDGET) {
            Ok(decoder) if decoder.is_identity() => {}
            Ok(decoder) => self.decoder = Some(decoder),
            Err(_) => self.form = Form::Unreadable,
        }
        let edits = self.form == Form::Events;
        HeadEdit { drop_content_length: edits, drop_content_encoding: edits && self.decoder.is_some() }
    }

    fn chunk(&mut self, bytes: &Bytes) -> Bytes {
        match self.form {
            Form::Unreadable => bytes.clone(),
            Form::Object => {
                self.read_object(bytes);
                bytes.clone()
            }
            Form::Events => {
                let plain = self.decoded(bytes);
                self.pass(&plain)
            }
        }
    }

    fn running(&self) -> Amounts {
        self.reader.running()
    }

    fn cut(&mut self, refusal: &Refusal) -> Bytes {
        if self.form != Form::Events {
            return Bytes::new();
        }
        let split = !self.parser.open_is_whole();
        let _unseen = self.held.take_to(self.pushed);
        let last = self.reader.cut(refusal);
        if split { Bytes::from([b"\n\n", last.as_ref()].concat()) } else { last }
    }

    fn finish(mut self: Box<Self>, end: End) -> Measured {
        let tail = self.close();
        let decoded = !self.miscoded && self.decoder.as_ref().is_none_or(|decoder| decoder.finish().is_ok());
        let ending = Ending {
            status: self.status,
            complete: end == End::Complete && decoded,
            streamed: self.form == Form::Events,
            readable: self.form != Form::Unreadable && !self.miscoded,
            request_id: self.request_id.take(),
        };
        Measured { tail, ..self.reader.measure(&ending) }
    }
}

/// Gives one event to the reader, and tells where it must not pass as it is.
fn read(reader: &mut impl Reader, picks: &mut Picks, event: &Event<'_>) -> Option<(Range<u64>, Pass)> {
    if !event.whole || !event.has_data {
        return None;
    }
    picks.reset();
    picks.push(event.data);
    match reader.event(event, picks) {
        Pass::AsItIs => None,
        pass => Some((event.range.clone(), pass)),
    }
}

/// An event without a range of its data, which must stand on one line to be edited.
fn without(raw: &Bytes, span: &Range<usize>) -> Bytes {
    let mut lines = raw.split(|byte| matches!(byte, b'\n' | b'\r')).scan(0_usize, |at, line| {
        let start = *at;
        *at = start.saturating_add(line.len()).saturating_add(1);
        Some((start, line))
    });
    let data = lines.by_ref().find(|(_, line)| line.starts_with(b"data:"));
    let more = lines.any(|(_, line)| line.starts_with(b"data:"));
    let Some((start, line)) = data.filter(|_| !more) else { return raw.clone() };
    let value = start + if line.starts_with(b"data: ") { 6 } else { 5 };
    match (raw.get(..value + span.start), raw.get(value + span.end..)) {
        (Some(before), Some(after)) => Bytes::from([before, after].concat()),
        _ => raw.clone(),
    }
}

/// An id as it may stand in the trail: short, and of visible ASCII characters.
pub(super) fn identifier(text: &str) -> Option<String> {
    let sane =
        !text.is_empty() && text.len() <= REQUEST_ID_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic());
    sane.then(|| text.to_owned())
}
