//! The codings behind one step: bytes in, bytes out, and whether that was the end.

use std::fmt;

use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{DParameter, Decoder as Zstd, Operation};

use super::DecodeError;
use super::gzip::Gzip;

/// The largest zstd window: 8 MiB, the most that RFC 9659 §3 allows for content codings.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// What one step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) consumed: usize,
    pub(super) produced: usize,
    /// The coded data end here.
    pub(super) ended: bool,
}

type Allocator = brotli::enc::StandardAlloc;
type Brotli = BrotliState<Allocator, Allocator, Allocator>;

/// One coding at work.
pub(super) enum Engine {
    Identity,
    Gzip(Box<Gzip>),
    Zlib(Box<Decompress>),
    Brotli(Box<Brotli>),
    Zstd(Box<Zstd<'static>>),
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Identity => "identity",
            Self::Gzip(_) => "gzip",
            Self::Zlib(_) => "deflate",
            Self::Brotli(_) => "br",
            Self::Zstd(_) => "zstd",
        })
    }
}

impl Engine {
    /// The engine for one coding; names are case-insensitive, and `x-gzip` is `gzip` (RFC 9110 §8.4.1.3).
    pub(super) fn for_coding(name: &str) -> Result<Self, DecodeError> {
        match name.to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip(Box::default())),
            "deflate" => Ok(Self::Zlib(Box::new(Decompress::new(true)))),
            "br" => {
                let (bytes, words, codes) = (Allocator::default(), Allocator::default(), Allocator::default());
                Ok(Self::Brotli(Box::new(BrotliState::new(bytes, words, codes))))
            }
            "zstd" => {
                let mut decoder = Zstd::new().map_err(|_| DecodeError::Malformed)?;
                let window = DParameter::WindowLogMax(ZSTD_WINDOW_LOG_MAX);
                decoder.set_parameter(window).map_err(|_| DecodeError::Malformed)?;
                Ok(Self::Zstd(Box::new(decoder)))
            }
            _ => Err(DecodeError::Coding),
        }
    }

    /// Decodes until the input is used up or the output is full.
    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, DecodeError> {
        match self {
            Self::Identity => {
                let length = input.len().min(output.len());
                for (to, from) in output.iter_mut().zip(input) {
                    *to = *from;
                }
                Ok(Step { consumed: length, produced: length, ended: false })
            }
            Self::Gzip(gzip) => gzip.step(input, output),
            Self::Zlib(inflate) => inflate_step(inflate, input, output),
            Self::Brotli(state) => brotli_step(state, input, output),
            Self::Zstd(decoder) => {
                let status = decoder.run_on_buffers(input, output).map_err(|_| DecodeError::Malformed)?;
                let (consumed, produced) = (status.bytes_read, status.bytes_written);
                Ok(Step { consumed, produced, ended: status.remaining == 0 })
            }
        }
    }
}

/// One step of the deflate algorithm.
pub(super) fn inflate_step(inflate: &mut Decompress, input: &[u8], output: &mut [u8]) -> Result<Step, DecodeError> {
    let (before_in, before_out) = (inflate.total_in(), inflate.total_out());
    let status = inflate.decompress(input, output, FlushDecompress::None).map_err(|_| DecodeError::Malformed)?;
    let moved = |now: u64, before: u64| usize::try_from(now.saturating_sub(before)).unwrap_or(usize::MAX);
    let (consumed, produced) = (moved(inflate.total_in(), before_in), moved(inflate.total_out(), before_out));
    Ok(Step { consumed, produced, ended: status == Status::StreamEnd })
}

fn brotli_step(state: &mut Brotli, input: &[u8], output: &mut [u8]) -> Result<Step, DecodeError> {
    let (mut left_in, mut consumed) = (input.len(), 0);
    let (mut left_out, mut produced, mut total) = (output.len(), 0, 0);
    let result = BrotliDecompressStream(
        &mut left_in,
        &mut consumed,
        input,
        &mut left_out,
        &mut produced,
        output,
        &mut total,
        state,
    );
    match result {
        BrotliResult::ResultFailure => Err(DecodeError::Malformed),
        BrotliResult::ResultSuccess => Ok(Step { consumed, produced, ended: true }),
        BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => Ok(Step { consumed, produced, ended: false }),
    }
}
