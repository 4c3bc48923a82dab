//! The head of a request, line by line, in one pass however it arrives.

use memchr::memchr;

use super::fields::{Facts, Framing};
use super::request_line::{self, RequestLine};
use super::violation::Violation;

/// Empty lines before the request line that are skipped (RFC 9112 §2.2 asks for at least one).
const LEADING_LINES_MAX: usize = 2;

/// How much head a client may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// The whole head in bytes, leading empty lines and the last CRLF included.
    pub bytes: usize,
    /// One line in bytes, CRLF included.
    pub line_bytes: usize,
    /// The request target in bytes.
    pub target_bytes: usize,
    /// Header lines.
    pub fields: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self { bytes: 64 * 1024, line_bytes: 32 * 1024, target_bytes: 16 * 1024, fields: 100 }
    }
}

/// A head that passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Bytes of empty lines before it, which are not part of the message.
    pub skip: usize,
    /// Bytes up to and including the empty line, without `skip`.
    pub length: usize,
    /// What its first line says.
    pub request: RequestLine,
    /// How its body is delimited.
    pub framing: Framing,
}

/// A scan in progress. It keeps positions, not bytes: the caller shows the same bytes again, and more of them.
#[derive(Clone, Debug, Default)]
pub struct HeadScan {
    line_start: usize,
    searched: usize,
    skip: usize,
    lines: usize,
    request: Option<RequestLine>,
    facts: Facts,
}

impl HeadScan {
    /// Judges as much of a head as has arrived. `bytes` begins with its first byte and never loses any between calls.
    ///
    /// # Errors
    /// The first violation, as soon as its line is complete or its cap is passed.
    pub fn advance(&mut self, bytes: &[u8], limits: &HeadLimits) -> Result<Option<Head>, Violation> {
        while let Some(rest) = bytes.get(self.searched..) {
            let Some(found) = memchr(b'\n', rest) else { break };
            let end = self.searched + found;
            let line = bytes.get(self.line_start..end).unwrap_or_default();
            self.searched = end + 1;
            let done = self.judge_line(line, limits)?;
            self.line_start = end + 1;
            if self.line_start > limits.bytes {
                return Err(Violation::HeadTooLarge);
            }
            if let Some((request, framing)) = done {
                return Ok(Some(Head { skip: self.skip, length: self.line_start - self.skip, request, framing }));
            }
        }
        self.searched = bytes.len();
        self.judge_rest(bytes.get(self.line_start..).unwrap_or_default(), bytes.len(), limits)?;
        Ok(None)
    }

    fn judge_line(&mut self, line: &[u8], limits: &HeadLimits) -> Result<Option<(RequestLine, Framing)>, Violation> {
        let Some((b'\r', line)) = line.split_last() else { return Err(Violation::BareLineFeed) };
        if line.len() + 2 > limits.line_bytes {
            return Err(Violation::LineTooLong);
        }
        // No rule lets a CR pass; it only gets its own name here.
        self.judge_content(line, limits).map_err(|violation| match memchr(b'\r', line) {
            Some(_) => Violation::BareCarriageReturn,
            None => violation,
        })
    }

    fn judge_content(&mut self, line: &[u8], limits: &HeadLimits) -> Result<Option<(RequestLine, Framing)>, Violation> {
        let Some(request) = self.request else {
            return self.judge_first(line, limits).map(|()| None);
        };
        if line.is_empty() {
            return self.facts.framing(&request).map(|framing| Some((request, framing)));
        }
        self.lines += 1;
        if self.lines > limits.fields {
            return Err(Violation::TooManyFields);
        }
        self.facts.note(line)?;
        Ok(None)
    }

    fn judge_first(&mut self, line: &[u8], limits: &HeadLimits) -> Result<(), Violation> {
        if line.is_empty() {
            self.skip += 2;
            return if self.skip / 2 > LEADING_LINES_MAX { Err(Violation::LeadingLines) } else { Ok(()) };
        }
        self.request = Some(request_line::judge(line, limits.target_bytes)?);
        Ok(())
    }

    /// What can be said of a line before its end: caps, and whether this is HTTP at all.
    fn judge_rest(&self, rest: &[u8], total: usize, limits: &HeadLimits) -> Result<(), Violation> {
        if total > limits.bytes {
            return Err(Violation::HeadTooLarge);
        }
        if rest.len() > limits.line_bytes {
            return Err(Violation::LineTooLong);
        }
        let method = rest.split(|byte| *byte == b' ').next().unwrap_or_default();
        if self.request.is_some() || method.is_empty() || method == b"\r" {
            return Ok(());
        }
        request_line::judge_method(method)
    }
}
