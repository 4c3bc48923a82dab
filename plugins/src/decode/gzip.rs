//! One gzip member (RFC 1952): its head, its deflated data, and the checksum and length behind them.

use flate2::{Crc, Decompress};

use super::DecodeError;
use super::engine::{Step, inflate_step};

const FLAG_HEAD_CHECK: u8 = 1 << 1;
const FLAG_EXTRA: u8 = 1 << 2;
const FLAG_NAME: u8 = 1 << 3;
const FLAG_COMMENT: u8 = 1 << 4;
/// Bits that RFC 1952 §2.3.1.2 wants to be zero.
const FLAGS_RESERVED: u8 = 0b1110_0000;
/// A head longer than this is nobody's: extra fields and names are of no use in HTTP.
const HEAD_BYTES_MAX: usize = 4 << 10;

/// A reader of one member.
pub(super) struct Gzip {
    stage: Stage,
    inflate: Decompress,
    crc: Crc,
    /// Head or trailer as far as it came.
    kept: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Head,
    Data,
    Trailer,
}

impl Default for Gzip {
    fn default() -> Self {
        Self { stage: Stage::Head, inflate: Decompress::new(false), crc: Crc::new(), kept: Vec::new() }
    }
}

impl Gzip {
    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, DecodeError> {
        match self.stage {
            Stage::Head => self.head(input),
            Stage::Data => {
                let step = inflate_step(&mut self.inflate, input, output)?;
                self.crc.update(output.get(..step.produced).unwrap_or_default());
                if step.ended {
                    self.stage = Stage::Trailer;
                }
                Ok(Step { ended: false, ..step })
            }
            Stage::Trailer => self.trailer(input),
        }
    }

    /// Takes the head byte by byte: it is short, and may be split anywhere.
    fn head(&mut self, input: &[u8]) -> Result<Step, DecodeError> {
        let mut consumed = 0;
        for byte in input {
            self.kept.push(*byte);
            consumed += 1;
            if head_is_whole(&self.kept)? {
                self.kept.clear();
                self.stage = Stage::Data;
                break;
            }
        }
        Ok(Step { consumed, produced: 0, ended: false })
    }

    fn trailer(&mut self, input: &[u8]) -> Result<Step, DecodeError> {
        const TRAILER_BYTES: usize = 8;
        let consumed = input.len().min(TRAILER_BYTES.saturating_sub(self.kept.len()));
        self.kept.extend_from_slice(input.get(..consumed).unwrap_or_default());
        let Ok(trailer) = <[u8; TRAILER_BYTES]>::try_from(self.kept.as_slice()) else {
            return Ok(Step { consumed, produced: 0, ended: false });
        };
        let told = u64::from_le_bytes(trailer);
        let found = u64::from(self.crc.sum()) | (u64::from(self.crc.amount()) << 32);
        if told == found { Ok(Step { consumed, produced: 0, ended: true }) } else { Err(DecodeError::Malformed) }
    }
}

/// Whether these bytes are a whole member head; false: more is needed.
fn head_is_whole(head: &[u8]) -> Result<bool, DecodeError> {
    const FIXED: [u8; 3] = [0x1f, 0x8b, 8];
    if head.iter().zip(FIXED).any(|(byte, fixed)| *byte != fixed) || head.len() > HEAD_BYTES_MAX {
        return Err(DecodeError::Malformed);
    }
    let flags = head.get(3).copied().unwrap_or_default();
    if flags & FLAGS_RESERVED != 0 {
        return Err(DecodeError::Malformed);
    }
    Ok(optional_fields_end(head, flags).is_some_and(|end| head.len() >= end))
}

/// Where the head ends; `None` where it goes on behind what came of it.
fn optional_fields_end(head: &[u8], flags: u8) -> Option<usize> {
    let mut end = 10;
    if flags & FLAG_EXTRA != 0 {
        let length: [u8; 2] = head.get(end..end + 2)?.try_into().ok()?;
        end += 2 + usize::from(u16::from_le_bytes(length));
    }
    for flag in [FLAG_NAME, FLAG_COMMENT] {
        if flags & flag != 0 {
            end += head.get(end..)?.iter().position(|byte| *byte == 0)? + 1;
        }
    }
    Some(if flags & FLAG_HEAD_CHECK != 0 { end + 2 } else { end })
}
