//! Chunked bodies (RFC 9112 §7.1): plain sizes, no extensions, data that ends where it says.

use super::fields::judge_trailer;
use super::violation::Violation;

/// Hexadecimal digits of a chunk size: 4 GiB a chunk.
const SIZE_MAX_DIGITS: u8 = 8;
const TRAILERS_MAX_BYTES: usize = 8 * 1024;
const TRAILERS_MAX: u8 = 32;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    #[default]
    SizeStart,
    Size,
    SizeLineFeed,
    Data,
    DataReturn,
    DataLineFeed,
    Trailer,
    End,
}

/// A chunked body in progress.
#[derive(Clone, Debug, Default)]
pub struct ChunkScan {
    at: At,
    size: u64,
    digits: u8,
    trailers: u8,
    trailers_bytes: usize,
    line: Vec<u8>,
}

impl ChunkScan {
    /// Whether the last CRLF is in.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.at == At::End
    }

    /// Judges the next bytes and says how many of them belong to this body.
    ///
    /// # Errors
    /// The first violation in `bytes`.
    pub fn advance(&mut self, bytes: &[u8]) -> Result<usize, Violation> {
        let mut rest = bytes;
        while let ([first, tail @ ..], false) = (rest, self.is_done()) {
            if self.at == At::Data {
                rest = self.pass_data(rest);
                continue;
            }
            self.step(*first)?;
            rest = tail;
        }
        Ok(bytes.len() - rest.len())
    }

    fn pass_data<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let here = usize::try_from(self.size).unwrap_or(usize::MAX).min(bytes.len());
        self.size -= here as u64;
        if self.size == 0 {
            self.at = At::DataReturn;
        }
        bytes.split_at(here).1
    }

    fn step(&mut self, byte: u8) -> Result<(), Violation> {
        self.at = match (self.at, byte) {
            (At::SizeStart, b'0') => {
                // A zero is the last chunk: canonical sizes have no leading zeros.
                (self.size, self.digits) = (0, SIZE_MAX_DIGITS);
                At::Size
            }
            (At::SizeStart, _) => {
                (self.size, self.digits) = (hexadecimal(byte)?, 1);
                At::Size
            }
            (At::Size, b'\r') => At::SizeLineFeed,
            (At::Size, _) if self.digits < SIZE_MAX_DIGITS => {
                self.size = self.size * 16 + hexadecimal(byte)?;
                self.digits += 1;
                At::Size
            }
            (At::SizeLineFeed, b'\n') if self.size == 0 => At::Trailer,
            (At::SizeLineFeed, b'\n') => At::Data,
            (At::Size | At::SizeLineFeed, _) => return Err(Violation::ChunkSize),
            (At::DataReturn, b'\r') => At::DataLineFeed,
            (At::DataLineFeed, b'\n') => At::SizeStart,
            (At::Trailer, _) => return self.trailer(byte),
            (At::Data | At::DataReturn | At::DataLineFeed | At::End, _) => return Err(Violation::ChunkEnd),
        };
        Ok(())
    }

    fn trailer(&mut self, byte: u8) -> Result<(), Violation> {
        self.trailers_bytes += 1;
        if self.trailers_bytes > TRAILERS_MAX_BYTES {
            return Err(Violation::Trailer);
        }
        self.line.push(byte);
        if byte != b'\n' {
            return Ok(());
        }
        let line = std::mem::take(&mut self.line);
        let [line @ .., b'\r', b'\n'] = line.as_slice() else { return Err(Violation::BareLineFeed) };
        if line.is_empty() {
            self.at = At::End;
            return Ok(());
        }
        self.trailers += 1;
        if self.trailers > TRAILERS_MAX {
            return Err(Violation::Trailer);
        }
        judge_trailer(line)
    }
}

fn hexadecimal(byte: u8) -> Result<u64, Violation> {
    char::from(byte).to_digit(16).map(u64::from).ok_or(Violation::ChunkSize)
}
