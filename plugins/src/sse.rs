//! Server-sent events, read in any chunking down to single bytes, with the byte range of every event.
//!
//! The format is that of the WHATWG HTML standard, §9.2.6 "Interpreting an event stream": lines end in CR, LF or CRLF,
//! a leading byte order mark is dropped, lines that start with a colon are comments, `data` lines join with LF, and an
//! empty line ends an event. Ranges are offsets in the stream; they tile it without a gap, so that a meter can hide or
//! pass every event byte for byte, the comments before it included.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

/// An event, borrowed for the time of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'p> {
    /// The bytes of its last `event` field; empty where it has none, which means `message`.
    pub name: &'p [u8],
    /// Its `data` lines, joined with LF. Whether that is UTF-8 is not looked at.
    pub data: &'p [u8],
    /// Whether it had any `data` line: an event without one is dropped by browsers and client libraries.
    pub has_data: bool,
    /// Where it stands in the stream, from zero, its closing empty line included.
    pub range: Range<u64>,
    /// Whether `name` and `data` are all of it: an event above the cap is told without them.
    pub whole: bool,
    /// Whether its closing empty line came; only the last event of a cut stream may lack it.
    pub ended: bool,
}

/// An incremental reader of an event stream. Keeps at most one event, and of that at most the cap.
#[derive(Debug)]
pub struct Parser {
    event_bytes_max: usize,
    /// Offset of the next byte.
    at: u64,
    /// Offset behind the last event told.
    event_start: u64,
    /// The last byte was a CR: an LF now still belongs to its line.
    after_return: bool,
    /// The empty line was seen, but its CR may still be followed by an LF.
    closing: bool,
    first_line: bool,
    /// The line so far, without its end.
    line: Vec<u8>,
    /// The line is longer than what was kept of it.
    line_cut: bool,
    name: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    whole: bool,
}

impl Parser {
    /// A cap that fits the events of all providers known to us: the last event of a Responses stream repeats the
    /// whole answer, images in base64 included.
    pub const EVENT_BYTES_MAX: usize = 8 << 20;

    /// A reader for a new stream; of an event above `event_bytes_max` only its range is told.
    #[must_use]
    pub const fn new(event_bytes_max: usize) -> Self {
        Self {
            event_bytes_max,
            at: 0,
            event_start: 0,
            after_return: false,
            closing: false,
            first_line: true,
            line: Vec::new(),
            line_cut: false,
            name: Vec::new(),
            data: Vec::new(),
            has_data: false,
            whole: true,
        }
    }

    /// The offset behind the last event told: what lies between here and the end of the pushed bytes is still open.
    #[must_use]
    pub const fn open_from(&self) -> u64 {
        self.event_start
    }

    /// Whether the open event is still within the cap. Where not, nobody need wait for its end: it will not be read.
    #[must_use]
    pub const fn open_is_whole(&self) -> bool {
        self.whole
    }

    /// Reads a piece of the stream and tells every event that it completes, in order.
    ///
    /// An event whose empty line ends in a CR is told with the next byte or by [`Parser::finish`], so that an LF
    /// after it lies in its range.
    pub fn push(&mut self, chunk: &[u8], mut each: impl FnMut(Event<'_>)) {
        let mut rest = chunk;
        while let Some(first) = rest.first() {
            if self.after_return {
                if *first == b'\n' {
                    rest = self.step(rest, 1);
                }
                self.after_return = false;
                if self.closing {
                    self.tell(true, &mut each);
                }
                continue;
            }
            let Some(length) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                self.keep(rest);
                self.step(rest, rest.len());
                return;
            };
            self.keep(rest.get(..length).unwrap_or_default());
            self.after_return = rest.get(length) == Some(&b'\r');
            rest = self.step(rest, length + 1);
            self.end_line();
            if self.closing && !self.after_return {
                self.tell(true, &mut each);
            }
        }
    }

    /// Ends the stream: tells the event that is still open, where any byte of it came. The standard drops an event
    /// that lacks its empty line; for the charge its usage counts all the same.
    pub fn finish(&mut self, mut each: impl FnMut(Event<'_>)) {
        let ended = self.closing;
        if !self.line.is_empty() || self.line_cut {
            self.end_line();
        }
        if self.at > self.event_start {
            self.tell(ended, &mut each);
        }
    }

    fn step<'c>(&mut self, rest: &'c [u8], count: usize) -> &'c [u8] {
        self.at = self.at.saturating_add(count as u64);
        rest.get(count..).unwrap_or_default()
    }

    /// Adds to the line what the cap leaves room for.
    fn keep(&mut self, part: &[u8]) {
        let used = self.line.len() + self.data.len() + self.name.len();
        let room = self.event_bytes_max.saturating_sub(used).min(part.len());
        self.line.extend_from_slice(part.get(..room).unwrap_or_default());
        self.line_cut |= room < part.len();
        if self.line_cut && self.line.first() != Some(&b':') {
            self.whole = false;
            self.has_data = true;
        }
    }

    fn end_line(&mut self) {
        let mut line = std::mem::take(&mut self.line);
        let cut = std::mem::take(&mut self.line_cut);
        let text = line.as_slice();
        let text = if std::mem::take(&mut self.first_line) {
            text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
        } else {
            text
        };
        if text.is_empty() && !cut {
            self.closing = true;
        } else if self.whole {
            self.field(text);
        }
        line.clear();
        // The room of the line is used again.
        self.line = line;
    }

    fn field(&mut self, line: &[u8]) {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (name, value) = line.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"event" => {
                self.name.clear();
                self.name.extend_from_slice(value);
            }
            b"data" => {
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.has_data = true;
                self.data.extend_from_slice(value);
            }
            // `id` and `retry` steer reconnecting, which a gateway does not do; a comment has an empty name.
            _ => {}
        }
    }

    fn tell(&mut self, ended: bool, each: &mut impl FnMut(Event<'_>)) {
        let (name, data) = if self.whole { (self.name.as_slice(), self.data.as_slice()) } else { (&[][..], &[][..]) };
        let range = self.event_start..self.at;
        each(Event { name, data, has_data: self.has_data, range, whole: self.whole, ended });
        self.event_start = self.at;
        self.closing = false;
        self.has_data = false;
        self.whole = true;
        self.name.clear();
        self.data.clear();
    }
}

/// Bytes of a stream that wait until it is known whether the agent may see them, addressed by offsets in the stream.
#[derive(Debug, Default)]
pub struct Held {
    from: u64,
    bytes: BytesMut,
}

impl Held {
    /// Nothing held yet, at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Holds the next bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// How many bytes are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Lets go of the bytes before an offset, and returns them to be passed on, or to be dropped.
    #[must_use]
    pub fn take_to(&mut self, offset: u64) -> Bytes {
        let count = usize::try_from(offset.saturating_sub(self.from)).unwrap_or(usize::MAX).min(self.bytes.len());
        self.from = self.from.saturating_add(count as u64);
        self.bytes.split_to(count).freeze()
    }
}

#[cfg(test)]
mod tests;
