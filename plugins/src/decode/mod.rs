//! Content codings: one layer taken off, within a budget.
//!
//! Request bodies are decoded once, before anybody judges them, and leave without a coding; of a compressed answer the
//! gauge reads a decoded copy. `gzip`, `deflate`, `br`, `zstd` and `identity` (RFC 9110 §8.4.1, RFC 7932, RFC 8878).
//! `deflate` is the zlib format, as RFC 9110 §8.4.1.2 says; raw deflate, which some readers accept too, is refused, and
//! so are a second layer, a second member, and anything behind the end.

mod engine;
mod gzip;

use std::fmt;

use bytes::Bytes;
use types::Reason;

use engine::{Engine, Step};

/// How much may come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The most bytes.
    pub bytes_max: u64,
    /// The most bytes out for each byte in, once [`Budget::FREE_BYTES`] are out.
    pub ratio_max: u64,
}

impl Budget {
    /// Below this much output the ratio is not looked at: small bodies of one repeated word are no bombs.
    pub const FREE_BYTES: u64 = 64 << 10;
    /// A ratio that no text reaches, and every bomb: gzip tops out at 1,032, and prompts lie below 20.
    pub const RATIO_MAX: u64 = 200;
}

/// Why a body cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// A coding that is not known, or more than one.
    Coding,
    /// The bytes are not what the coding says.
    Malformed,
    /// Something stands behind the end of the coded data.
    Trailing,
    /// The coded data end too early.
    Truncated,
    /// More comes out than the budget's bytes.
    TooLarge {
        /// The budget in bytes.
        cap_bytes: u64,
    },
    /// More comes out for what goes in than the budget's ratio.
    TooDense {
        /// The budget's ratio.
        ratio_max: u64,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Coding => f.write_str("content-encoding must be one of gzip, deflate, br, zstd or identity, once"),
            Self::Malformed => f.write_str("the body is not what its content-encoding says"),
            Self::Trailing => f.write_str("something stands behind the end of the compressed body"),
            Self::Truncated => f.write_str("the compressed body ends too early"),
            Self::TooLarge { cap_bytes } => write!(f, "the body is larger than {cap_bytes} bytes once decompressed"),
            Self::TooDense { ratio_max } => {
                write!(f, "the body grows more than {ratio_max} times when decompressed; send it uncompressed")
            }
        }
    }
}

impl std::error::Error for DecodeError {}

impl From<DecodeError> for Reason {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::TooLarge { cap_bytes } => Self::BodyTooLarge { cap_bytes },
            other => Self::AmbiguousBody { what: other.to_string() },
        }
    }
}

/// Takes the coding off a whole body. `encoding` is the value of the `content-encoding` header, all its fields joined.
///
/// # Errors
/// [`Reason::BodyTooLarge`] above `cap_bytes`; [`Reason::AmbiguousBody`] for everything else that is wrong.
pub fn decode(encoding: Option<&str>, body: Bytes, cap_bytes: u64, ratio_max: u64) -> Result<Bytes, Reason> {
    let mut decoder = Decoder::new(encoding, Budget { bytes_max: cap_bytes, ratio_max })?;
    if decoder.is_identity() {
        let fits = u64::try_from(body.len()).is_ok_and(|length| length <= cap_bytes);
        return if fits { Ok(body) } else { Err(Reason::BodyTooLarge { cap_bytes }) };
    }
    let mut decoded = Vec::new();
    decoder.push(&body, |piece| decoded.extend_from_slice(piece))?;
    decoder.finish()?;
    Ok(Bytes::from(decoded))
}

/// Takes the coding off a body that comes in pieces, in constant memory (plus the window of the coding: at most 32 KiB
/// for gzip and deflate, 16 MiB for br, 8 MiB for zstd).
#[derive(Debug)]
pub struct Decoder {
    engine: Engine,
    budget: Budget,
    bytes_in: u64,
    bytes_out: u64,
    ended: bool,
    /// The first error: after it the decoder says nothing else.
    failed: Option<DecodeError>,
    scratch: Box<[u8]>,
}

impl Decoder {
    const SCRATCH_BYTES: usize = 16 << 10;

    /// A decoder for a `content-encoding`; none, an empty one and `identity` pass the bytes on.
    ///
    /// # Errors
    /// [`DecodeError::Coding`] for a coding that is not known, and for more than one.
    pub fn new(encoding: Option<&str>, budget: Budget) -> Result<Self, DecodeError> {
        let engine = Engine::for_coding(encoding.unwrap_or_default().trim_matches([' ', '\t']))?;
        let scratch_bytes = if matches!(engine, Engine::Identity) { 0 } else { Self::SCRATCH_BYTES };
        let scratch = vec![0; scratch_bytes].into_boxed_slice();
        Ok(Self { engine, budget, bytes_in: 0, bytes_out: 0, ended: false, failed: None, scratch })
    }

    /// Whether the bytes pass as they are.
    #[must_use]
    pub const fn is_identity(&self) -> bool {
        matches!(self.engine, Engine::Identity)
    }

    /// Decodes a piece and hands out what comes of it, in pieces of at most 16 KiB.
    ///
    /// # Errors
    /// What is wrong with the bytes, or which budget they exceed; nothing more comes out of this decoder then, and
    /// every further call is the same error.
    pub fn push(&mut self, input: &[u8], each: impl FnMut(&[u8])) -> Result<(), DecodeError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let outcome = self.run(input, each);
        self.failed = outcome.err();
        outcome
    }

    fn run(&mut self, input: &[u8], mut each: impl FnMut(&[u8])) -> Result<(), DecodeError> {
        if self.is_identity() {
            self.count(input.len(), input.len())?;
            each(input);
            return Ok(());
        }
        let mut rest = input;
        loop {
            if self.ended {
                return if rest.is_empty() { Ok(()) } else { Err(DecodeError::Trailing) };
            }
            let Step { consumed, produced, ended } = self.engine.step(rest, &mut self.scratch)?;
            self.count(consumed, produced)?;
            rest = rest.get(consumed..).unwrap_or_default();
            if let Some(piece) = self.scratch.get(..produced).filter(|piece| !piece.is_empty()) {
                each(piece);
            }
            self.ended = ended;
            if !ended && consumed == 0 && produced == 0 {
                return if rest.is_empty() { Ok(()) } else { Err(DecodeError::Malformed) };
            }
        }
    }

    /// Checks that the coded data came whole.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] where they did not; the error of [`Decoder::push`] where there was one.
    pub const fn finish(&self) -> Result<(), DecodeError> {
        match self.failed {
            Some(error) => Err(error),
            None if self.ended || self.is_identity() => Ok(()),
            None => Err(DecodeError::Truncated),
        }
    }

    fn count(&mut self, consumed: usize, produced: usize) -> Result<(), DecodeError> {
        self.bytes_in = self.bytes_in.saturating_add(consumed as u64);
        self.bytes_out = self.bytes_out.saturating_add(produced as u64);
        let Budget { bytes_max, ratio_max } = self.budget;
        if self.bytes_out > bytes_max {
            return Err(DecodeError::TooLarge { cap_bytes: bytes_max });
        }
        if self.bytes_out > Budget::FREE_BYTES && self.bytes_out > self.bytes_in.saturating_mul(ratio_max) {
            return Err(DecodeError::TooDense { ratio_max });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
