//! One message after another on a connection: which bytes belong to the present one.

use super::chunks::ChunkScan;
use super::fields::Framing;
use super::head::{HeadLimits, HeadScan};
use super::violation::Violation;

/// What was found in the bytes shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// Bytes at the front that belong to no message (empty lines before a request line).
    pub skip: usize,
    /// Bytes after those that belong to the present message and may be handed on.
    pub pass: usize,
}

#[derive(Clone, Debug)]
enum Part {
    Head(HeadScan),
    Length(u64),
    Chunked(ChunkScan),
    Complete,
}

/// The state of the message that is being received.
#[derive(Clone, Debug)]
pub struct MessageScan {
    limits: HeadLimits,
    part: Part,
}

impl MessageScan {
    /// Waits for the first byte of a head.
    #[must_use]
    pub fn new(limits: HeadLimits) -> Self {
        Self { limits, part: Part::Head(HeadScan::default()) }
    }

    /// Begins the next message.
    pub fn next(&mut self) {
        self.part = Part::Head(HeadScan::default());
    }

    /// Whether the whole message has been seen.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        matches!(self.part, Part::Complete)
    }

    /// Whether the head is not complete yet.
    #[must_use]
    pub fn is_in_head(&self) -> bool {
        matches!(self.part, Part::Head(_))
    }

    /// Judges the next bytes. While the head is incomplete nothing passes, and the caller shows the same bytes again
    /// with more behind them; what has passed is never shown again.
    ///
    /// # Errors
    /// The first violation. The connection is of no use after it.
    pub fn judge(&mut self, bytes: &[u8]) -> Result<Judged, Violation> {
        let mut judged = Judged::default();
        if let Part::Head(scan) = &mut self.part {
            let Some(head) = scan.advance(bytes, &self.limits)? else { return Ok(judged) };
            judged = Judged { skip: head.skip, pass: head.length };
            self.part = match head.framing {
                Framing::Length(0) => Part::Complete,
                Framing::Length(left) => Part::Length(left),
                Framing::Chunked => Part::Chunked(ChunkScan::default()),
            };
        }
        let body = bytes.get(judged.skip + judged.pass..).unwrap_or_default();
        judged.pass += self.judge_body(body)?;
        Ok(judged)
    }

    fn judge_body(&mut self, bytes: &[u8]) -> Result<usize, Violation> {
        match &mut self.part {
            Part::Head(_) | Part::Complete => Ok(0),
            Part::Length(left) => {
                let here = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= here as u64;
                if *left == 0 {
                    self.part = Part::Complete;
                }
                Ok(here)
            }
            Part::Chunked(scan) => {
                let here = scan.advance(bytes)?;
                if scan.is_done() {
                    self.part = Part::Complete;
                }
                Ok(here)
            }
        }
    }
}
