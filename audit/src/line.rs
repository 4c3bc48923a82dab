//! One line of a trail: `{"entry":…,"gateway":"…","prev":"…","seq":"…"}`, canonical as written.
//!
//! The last two fields have a fixed form, so that a chain is checked without parsing JSON.

use types::{Entry, Name};

use crate::hex;
use crate::merkle::{Hash, leaf_hash};

/// No line is longer, its LF included: what is longer is damage, and is not gathered in memory to find that out.
pub(crate) const LINE_BYTES_MAX: usize = 4 << 20;

const OPENING: &[u8] = b"{\"entry\":";
const GATEWAY: &[u8] = b",\"gateway\":\"";
const PREV: &[u8] = b"\",\"prev\":\"";
const SEQ: &[u8] = b"\",\"seq\":\"";
const CLOSING: &[u8] = b"\"}";

/// The `prev` of the first line.
pub(crate) const GENESIS: Hash = [0; 32];

/// One entry with its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its sequence number, from 1.
    pub seq: u64,
    /// Its hash: SHA-256(0x00 ‖ line without LF), the leaf hash of RFC 6962 §2.1.
    pub hash: Hash,
    /// The hash of the line before it; zeros for the first.
    pub prev: Hash,
    /// The gateway that wrote it.
    pub gateway: Name,
    /// What it says.
    pub entry: Entry,
}

/// Why the bytes are not a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineError {
    /// The outer object is not of the form that the trail writes.
    Envelope,
    /// The entry is no entry that this program knows.
    Entry {
        /// Where in the entry, in bytes from its beginning.
        column: usize,
    },
}

/// Where a line stands in the chain, read off its end without parsing JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) prev: Hash,
    pub(crate) seq: u64,
    /// How many bytes stand before `","prev":"`.
    head_len: usize,
}

impl Link {
    /// Reads the end of a line (without its LF); `None` where it has another form.
    pub(crate) fn parse(line: &[u8]) -> Option<Self> {
        let body = line.strip_suffix(CLOSING).filter(|_| line.starts_with(OPENING))?;
        // u64::MAX has 20 digits.
        let digits = body.iter().rev().take(20).take_while(|byte| byte.is_ascii_digit()).count();
        let (body, seq) = body.split_at_checked(body.len() - digits)?;
        let seq = number(seq)?;
        let body = body.strip_suffix(SEQ)?;
        let (body, prev) = body.split_at_checked(body.len().checked_sub(64)?)?;
        let prev = hex::decode(prev)?;
        let head = body.strip_suffix(PREV)?;
        Some(Self { prev, seq, head_len: head.len() })
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    if digits.first().is_none_or(|first| *first == b'0') {
        return None;
    }
    str::from_utf8(digits).ok()?.parse().ok()
}

/// Parses a whole line (without its LF). Nothing is checked against other lines.
///
/// # Errors
/// [`LineError`]: the bytes are not what the trail writes.
pub fn parse(line: &[u8]) -> Result<Line, LineError> {
    let link = Link::parse(line).ok_or(LineError::Envelope)?;
    let head = line.get(..link.head_len).ok_or(LineError::Envelope)?;
    // A quotation mark inside JSON text is escaped, so the last occurrence is the field of the envelope.
    let at = head.windows(GATEWAY.len()).rposition(|window| window == GATEWAY).ok_or(LineError::Envelope)?;
    let (entry, gateway) = (head.get(OPENING.len()..at), head.get(at + GATEWAY.len()..));
    let (Some(entry), Some(gateway)) = (entry, gateway) else { return Err(LineError::Envelope) };
    let quoted = [b"\"", gateway, b"\""].concat();
    let gateway: String = serde_json::from_slice(&quoted).map_err(|_| LineError::Envelope)?;
    let entry = serde_json::from_slice(entry).map_err(|error| LineError::Entry { column: error.column() })?;
    Ok(Line { seq: link.seq, hash: leaf_hash(line), prev: link.prev, gateway: gateway.into(), entry })
}

/// Writes lines of one gateway.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    /// `,"gateway":"…","prev":"`, the same on every line.
    middle: Vec<u8>,
}

impl Writer {
    pub(crate) fn new(gateway: &str) -> Self {
        // A JSON string of a `str` cannot fail; the empty name it would be is told by every reader.
        let quoted = serde_json::to_vec(gateway).unwrap_or_else(|_| b"\"\"".to_vec());
        let middle = [b",\"gateway\":", quoted.as_slice(), b",\"prev\":\""].concat();
        Self { middle }
    }

    /// How long the line of an entry becomes at most, its LF included.
    pub(crate) fn line_len(&self, entry: &[u8]) -> usize {
        OPENING.len() + entry.len() + self.middle.len() + 64 + SEQ.len() + 20 + CLOSING.len() + 1
    }

    /// Appends the line with its LF to `buffer`; gives its hash.
    pub(crate) fn write(&self, buffer: &mut Vec<u8>, entry: &[u8], prev: &Hash, seq: u64) -> Hash {
        let begin = buffer.len();
        buffer.extend_from_slice(OPENING);
        buffer.extend_from_slice(entry);
        buffer.extend_from_slice(&self.middle);
        buffer.extend_from_slice(&hex::encode(prev));
        buffer.extend_from_slice(SEQ);
        buffer.extend_from_slice(seq.to_string().as_bytes());
        buffer.extend_from_slice(CLOSING);
        let hash = leaf_hash(buffer.get(begin..).unwrap_or_default());
        buffer.push(b'\n');
        hash
    }
}

/// The same line with another `prev`: to find out which of two lines that do not fit was altered.
pub(crate) fn with_prev(line: &[u8], prev: &Hash) -> Option<Vec<u8>> {
    let at = Link::parse(line)?.head_len + PREV.len();
    let mut line = line.to_vec();
    line.get_mut(at..at + 64)?.copy_from_slice(&hex::encode(prev));
    Some(line)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

    use super::*;
    use types::entry::Mark;

    fn written(gateway: &str, prev: &Hash, seq: u64) -> Vec<u8> {
        let entry = serde_json::to_vec(&Entry::Stop(Mark { at_ms: 7 })).unwrap();
        let mut line = Vec::new();
        Writer::new(gateway).write(&mut line, &entry, prev, seq);
        assert_eq!(line.pop(), Some(b'\n'));
        line
    }

    #[test]
    fn a_line_stands_as_the_book_says() {
        let expected =
            format!(r#"{{"entry":{{"stop":{{"at_ms":"7"}}}},"gateway":"gw-1","prev":"{}","seq":"1"}}"#, "0".repeat(64));
        assert_eq!(String::from_utf8(written("gw-1", &GENESIS, 1)).unwrap(), expected);
    }

    #[test]
    fn what_is_written_is_read_back_whatever_the_name() {
        for gateway in ["gw", "", "ü\"\\\n", "a\",\"prev\":\"", ",\"gateway\":\""] {
            let bytes = written(gateway, &[0xab; 32], u64::MAX);
            let line = parse(&bytes).unwrap();
            assert_eq!((&*line.gateway, line.prev, line.seq), (gateway, [0xab; 32], u64::MAX));
            assert_eq!(line.entry, Entry::Stop(Mark { at_ms: 7 }));
            assert_eq!(line.hash, leaf_hash(&bytes));
        }
    }

    #[test]
    fn another_prev_changes_nothing_else() {
        let bytes = written("gw", &[1; 32], 5);
        assert_eq!(with_prev(&bytes, &[2; 32]), Some(written("gw", &[2; 32], 5)));
    }

    #[test]
    fn an_envelope_of_another_form_is_refused() {
        let good = String::from_utf8(written("gw", &[0xab; 32], 12)).unwrap();
        let bad = [
            good.replace("\"12\"", "\"012\""),
            good.replace("\"12\"", "\"\""),
            good.replace("\"12\"", "12"),
            good.replace("\"12\"", "\"99999999999999999999\""),
            good.replace("abab", "ABAB"),
            good.replace("ab\",\"seq", "\",\"seq"),
            good.replace("{\"entry\":", "{ \"entry\":"),
            good.replace(",\"gateway\":\"gw\"", ""),
            format!("{good} "),
            String::new(),
            "\"}".into(),
        ];
        for text in bad {
            assert_eq!(parse(text.as_bytes()), Err(LineError::Envelope), "{text}");
        }
        let unknown = good.replace("\"stop\"", "\"go\"");
        assert!(matches!(parse(unknown.as_bytes()), Err(LineError::Entry { .. })));
    }

    #[test]
    fn any_bytes_are_a_line_or_refused_but_never_a_panic() {
        bolero::check!().for_each(|bytes: &[u8]| {
            if let Ok(line) = parse(bytes) {
                let entry = serde_json::to_vec(&line.entry).unwrap();
                let mut again = Vec::new();
                Writer::new(&line.gateway).write(&mut again, &entry, &line.prev, line.seq);
                assert_eq!(parse(&again[..again.len() - 1]).unwrap().entry, line.entry);
            }
        });
    }

    #[test]
    fn a_good_line_with_any_one_byte_changed_is_another_line_or_refused() {
        let good = written("gw", &[0xab; 32], 12);
        let hash = parse(&good).unwrap().hash;
        bolero::check!().with_type::<(u16, u8)>().for_each(|(at, byte)| {
            let mut bytes = good.clone();
            let at = usize::from(*at) % bytes.len();
            bytes[at] = *byte;
            if let Ok(line) = parse(&bytes) {
                assert_eq!(line.hash == hash, bytes == good);
            }
        });
    }
}
