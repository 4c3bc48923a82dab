//! Bytes out and bytes in.

use types::Name;

use crate::error::LedgerError;

/// FNV-1a, 64 bits (draft-eastlake-fnv, §2): offset basis and prime.
const FNV_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;
/// The sum at the end.
const SUM_BYTES: usize = 8;

fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(FNV_BASIS, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(FNV_PRIME))
}

/// Writes values one behind the other.
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn new(magic: &[u8]) -> Self {
        Self(magic.to_vec())
    }

    pub(super) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn i64(&mut self, value: i64) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn u128(&mut self, value: u128) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn text(&mut self, text: &str) {
        self.u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
        self.0.extend_from_slice(text.as_bytes());
    }

    pub(super) fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.u8(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    pub(super) fn list<T>(&mut self, items: &[T], write: impl Fn(&mut Self, &T)) {
        self.u32(u32::try_from(items.len()).unwrap_or(u32::MAX));
        for item in items {
            write(self, item);
        }
    }

    /// The bytes with their sum behind them.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let sum = sum(&self.0);
        self.u64(sum);
        self.0
    }
}

/// Reads what [`Writer`] wrote; refuses everything else, and names the byte.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    length: usize,
}

impl<'a> Reader<'a> {
    /// Checks magic and sum.
    pub(super) fn open(bytes: &'a [u8], magic: &[u8]) -> Result<Self, LedgerError> {
        if !bytes.starts_with(magic) {
            return Err(LedgerError::SnapshotVersion);
        }
        let damaged = LedgerError::SnapshotDamaged { at: bytes.len() };
        let length = bytes.len().checked_sub(SUM_BYTES).ok_or(damaged.clone())?;
        let (body, told) = bytes.split_at_checked(length).ok_or(damaged.clone())?;
        let rest = body.get(magic.len()..).ok_or(damaged.clone())?;
        if sum(body).to_be_bytes() != *told {
            return Err(damaged);
        }
        Ok(Self { rest, length })
    }

    /// The error that points at the next byte.
    pub(super) const fn damage(&self) -> LedgerError {
        LedgerError::SnapshotDamaged { at: self.length.saturating_sub(self.rest.len()) }
    }

    /// Nothing may follow; gives the position.
    pub(super) const fn end(self) -> Result<usize, LedgerError> {
        if self.rest.is_empty() { Ok(self.length) } else { Err(self.damage()) }
    }

    fn bytes(&mut self, count: usize) -> Result<&'a [u8], LedgerError> {
        let (head, rest) = self.rest.split_at_checked(count).ok_or_else(|| self.damage())?;
        self.rest = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], LedgerError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or_else(|| self.damage())?;
        self.rest = rest;
        Ok(*head)
    }

    pub(super) fn u8(&mut self) -> Result<u8, LedgerError> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    pub(super) fn flag(&mut self) -> Result<bool, LedgerError> {
        let damage = self.damage();
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(damage),
        }
    }

    pub(super) fn u32(&mut self) -> Result<u32, LedgerError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, LedgerError> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    pub(super) fn i64(&mut self) -> Result<i64, LedgerError> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    pub(super) fn u128(&mut self) -> Result<u128, LedgerError> {
        Ok(u128::from_be_bytes(self.array()?))
    }

    fn length(&mut self) -> Result<usize, LedgerError> {
        let damage = self.damage();
        usize::try_from(self.u32()?).map_err(|_| damage)
    }

    pub(super) fn name(&mut self) -> Result<Name, LedgerError> {
        let damage = self.damage();
        let length = self.length()?;
        let text = std::str::from_utf8(self.bytes(length)?).map_err(|_| damage)?;
        Ok(Name::from(text))
    }

    pub(super) fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, LedgerError>,
    ) -> Result<Option<T>, LedgerError> {
        if self.flag()? { read(self).map(Some) } else { Ok(None) }
    }

    /// A list grows as it is read: its told length reserves nothing.
    pub(super) fn list<T>(
        &mut self,
        read: impl Fn(&mut Self) -> Result<T, LedgerError>,
    ) -> Result<Vec<T>, LedgerError> {
        (0..self.length()?).map(|_| read(self)).collect()
    }
}
