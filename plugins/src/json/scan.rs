//! The scanner: one pass over the bytes, no recursion, no float, no allocation per value.

use super::error::{Fault, JsonError};
use super::text::{escape, unescape};

/// How strictly, and how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The most bytes.
    pub bytes_max: usize,
    /// The most levels of nesting.
    pub depth_max: usize,
    /// Whether `\u0000` and half surrogate pairs may stand in strings, which then read as U+0000 and U+FFFD.
    pub odd_characters: bool,
}

impl Rules {
    /// For what an agent sends: 128 levels as serde_json has, 64 MiB; the route's body cap is far below.
    pub const REQUEST: Self = Self { bytes_max: 64 << 20, depth_max: 128, odd_characters: false };
    /// For what a vendor answers. Models do emit `\u0000` and split emoji over two chunks; nobody is steered by it.
    pub const ANSWER: Self = Self { bytes_max: 64 << 20, depth_max: 128, odd_characters: true };
}

/// Values of at least this many bytes are remembered by their ends, so that skipping one never walks more than this.
pub(super) const LONG_BYTES: usize = 256;

/// Start and end of a value.
pub(super) type Span = (u32, u32);

/// What a scan leaves: the text, where its value lies, and the ends of long values in order of their starts.
pub(super) struct Scanned<'a> {
    pub(super) text: &'a str,
    pub(super) root: Span,
    pub(super) long: Vec<Span>,
}

/// Scans a document.
pub(super) fn scan<'a>(bytes: &'a [u8], rules: &Rules) -> Result<Scanned<'a>, JsonError> {
    // Offsets are kept in 32 bits.
    let cap_bytes = rules.bytes_max.min(u32::MAX as usize - 1);
    if bytes.len() > cap_bytes {
        return Err(JsonError::new(&[], cap_bytes, Fault::TooLarge { cap_bytes }));
    }
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err(JsonError::new(bytes, 0, Fault::ByteOrderMark));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| JsonError::new(bytes, error.valid_up_to(), Fault::Utf8))?;
    let mut scanner = Scanner { text, bytes, at: 0, rules, frames: Vec::new(), keys: Vec::new(), long: Vec::new() };
    let root = scanner.run().map_err(|(fault, offset)| JsonError::new(bytes, offset, fault))?;
    Ok(Scanned { text, root, long: scanner.long })
}

type Outcome<T> = Result<T, (Fault, usize)>;

/// An open object or array.
struct Frame {
    object: bool,
    empty: bool,
    start: usize,
    /// Its place in `long`, taken when it opened so that the list stays in order of starts.
    long_at: usize,
    /// Where its keys begin in the shared list of keys.
    keys_from: usize,
}

/// A key of an open object: its span without quotes, and its text where it holds escapes.
struct Key {
    start: u32,
    end: u32,
    unescaped: Option<Box<str>>,
}

struct Scanner<'a, 'r> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    rules: &'r Rules,
    frames: Vec<Frame>,
    keys: Vec<Key>,
    long: Vec<Span>,
}

impl<'a> Scanner<'a, '_> {
    fn run(&mut self) -> Outcome<Span> {
        self.skip_space();
        let start = self.at;
        self.value()?;
        while let Some(frame) = self.frames.last() {
            if frame.object { self.member()? } else { self.element()? }
        }
        let end = self.at;
        self.skip_space();
        match self.peek() {
            None => Ok((narrow(start), narrow(end))),
            Some(_) => Err((Fault::Trailing, self.at)),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn unexpected<T>(&self, wanted: &'static str) -> Outcome<T> {
        let fault = if self.at < self.bytes.len() { Fault::Unexpected { wanted } } else { Fault::UnexpectedEnd };
        Err((fault, self.at))
    }

    /// A scalar, or the opening of a container.
    fn value(&mut self) -> Outcome<()> {
        match self.peek() {
            Some(b'"') => {
                let start = self.at;
                self.string()?;
                if self.at - start >= LONG_BYTES {
                    self.long.push((narrow(start), narrow(self.at)));
                }
                Ok(())
            }
            Some(b'{') => self.open(true),
            Some(b'[') => self.open(false),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word(b"true"),
            Some(b'f') => self.word(b"false"),
            Some(b'n') => self.word(b"null"),
            _ => self.unexpected("a JSON value"),
        }
    }

    fn word(&mut self, word: &'static [u8]) -> Outcome<()> {
        if !self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            return self.unexpected("true, false or null");
        }
        self.at += word.len();
        Ok(())
    }

    fn open(&mut self, object: bool) -> Outcome<()> {
        if self.frames.len() >= self.rules.depth_max {
            return Err((Fault::TooDeep { cap: self.rules.depth_max }, self.at));
        }
        let (start, long_at, keys_from) = (self.at, self.long.len(), self.keys.len());
        self.frames.push(Frame { object, empty: true, start, long_at, keys_from });
        self.long.push((narrow(start), 0));
        self.at += 1;
        Ok(())
    }

    fn close(&mut self) -> Outcome<()> {
        self.at += 1;
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        if frame.object {
            self.refuse_duplicates(frame.keys_from)?;
            self.keys.truncate(frame.keys_from);
        }
        if self.at - frame.start < LONG_BYTES {
            // What lies inside a short value is short too, so its own entry is the last one.
            self.long.truncate(frame.long_at);
        } else if let Some(span) = self.long.get_mut(frame.long_at) {
            span.1 = narrow(self.at);
        }
        Ok(())
    }

    /// Steps over what stands between two entries of a container. `true`: an entry follows; `false`: it was closed.
    fn next_entry(&mut self, closing: u8, wanted: &'static str) -> Outcome<bool> {
        self.skip_space();
        let empty = self.frames.last_mut().is_some_and(|frame| std::mem::replace(&mut frame.empty, false));
        if self.peek() == Some(closing) {
            return self.close().map(|()| false);
        }
        if !empty {
            if self.peek() != Some(b',') {
                return self.unexpected(wanted);
            }
            self.at += 1;
            self.skip_space();
        }
        Ok(true)
    }

    fn element(&mut self) -> Outcome<()> {
        if self.next_entry(b']', "a comma or ]")? { self.value() } else { Ok(()) }
    }

    fn member(&mut self) -> Outcome<()> {
        if !self.next_entry(b'}', "a comma or }")? {
            return Ok(());
        }
        if self.peek() != Some(b'"') {
            return self.unexpected("a key in double quotes");
        }
        let start = self.at + 1;
        let escaped = self.string()?;
        let end = self.at - 1;
        let unescaped = if escaped { self.text.get(start..end).map(|raw| unescape(raw).into()) } else { None };
        self.keys.push(Key { start: narrow(start), end: narrow(end), unescaped });
        self.skip_space();
        if self.peek() != Some(b':') {
            return self.unexpected("a colon");
        }
        self.at += 1;
        self.skip_space();
        self.value()
    }

    /// Steps over a string; tells whether it holds escapes.
    fn string(&mut self) -> Outcome<bool> {
        self.at += 1;
        let mut escaped = false;
        loop {
            self.at += plain_run(self.bytes.get(self.at..).unwrap_or_default());
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return Err((Fault::ControlCharacter, self.at)),
                None => return Err((Fault::UnexpectedEnd, self.at)),
            }
        }
    }

    fn escape(&mut self) -> Outcome<()> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let Some((character, length)) = escape(rest) else {
            return Err((Fault::Escape, self.at));
        };
        if !self.rules.odd_characters {
            match character {
                Some('\0') => return Err((Fault::Nul, self.at)),
                None => return Err((Fault::LoneSurrogate, self.at)),
                Some(_) => {}
            }
        }
        self.at += length;
        Ok(())
    }

    fn number(&mut self) -> Outcome<()> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let whole = self.digits();
        let zero_led = whole > 1 && self.bytes.get(self.at - whole) == Some(&b'0');
        let mut right = whole > 0 && !zero_led;
        if self.peek() == Some(b'.') {
            self.at += 1;
            right &= self.digits() > 0;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            right &= self.digits() > 0;
        }
        if right { Ok(()) } else { Err((Fault::Number, start)) }
    }

    fn digits(&mut self) -> usize {
        let from = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - from
    }

    /// Refuses a key that stands twice. Few keys are compared pairwise, many are sorted: no hash, so no crafted keys
    /// can make it quadratic.
    fn refuse_duplicates(&mut self, from: usize) -> Outcome<()> {
        const PAIRWISE_MAX: usize = 16;
        let (text, keys) = (self.text, self.keys.get_mut(from..).unwrap_or_default());
        let twice = if keys.len() <= PAIRWISE_MAX {
            keys.iter().enumerate().find_map(|(index, key)| {
                let earlier = keys.get(..index).unwrap_or_default();
                earlier.iter().any(|other| other.text(text) == key.text(text)).then_some(key)
            })
        } else {
            keys.sort_unstable_by(|a, b| a.text(text).cmp(b.text(text)).then(a.start.cmp(&b.start)));
            let mut pairs = keys.iter().zip(keys.iter().skip(1));
            pairs.find_map(|(a, b)| (a.text(text) == b.text(text)).then_some(b))
        };
        match twice {
            None => Ok(()),
            Some(key) => {
                let name = key.text(text).chars().take(64).collect();
                Err((Fault::DuplicateKey { key: name }, wide(key.start) - 1))
            }
        }
    }
}

impl Key {
    fn text<'k>(&'k self, text: &'k str) -> &'k str {
        match &self.unescaped {
            Some(unescaped) => unescaped,
            None => text.get(wide(self.start)..wide(self.end)).unwrap_or_default(),
        }
    }
}

/// How many bytes from here on are neither a quote, a backslash nor a control character; eight at a time.
pub(super) fn plain_run(bytes: &[u8]) -> usize {
    let mut run = 0;
    let (words, _) = bytes.as_chunks::<8>();
    for word in words {
        let stops = stops(u64::from_le_bytes(*word));
        if stops != 0 {
            return run + (stops.trailing_zeros() / 8) as usize;
        }
        run += 8;
    }
    let rest = bytes.get(run..).unwrap_or_default();
    run + rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)).unwrap_or(rest.len())
}

/// The high bit of each byte that is a quote, a backslash or below 0x20. Borrows can only mark bytes *above* a true
/// hit, so the lowest mark is exact (Mycroft's zero-byte test).
const fn stops(word: u64) -> u64 {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = LOW << 7;
    const fn zero_bytes(word: u64) -> u64 {
        word.wrapping_sub(LOW) & !word & HIGH
    }
    let control = word.wrapping_sub(LOW * 0x20) & !word & HIGH;
    zero_bytes(word ^ (LOW * b'"' as u64)) | zero_bytes(word ^ (LOW * b'\\' as u64)) | control
}

/// An offset in 32 bits; the size cap keeps it exact.
fn narrow(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

/// An offset as it is used.
pub(super) const fn wide(offset: u32) -> usize {
    offset as usize
}
