//! Hashes as lower-case hex, which is the one form the trail uses.

use crate::merkle::Hash;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The hash as 64 hex digits.
pub(crate) fn encode(hash: &Hash) -> [u8; 64] {
    let mut text = [b'0'; 64];
    for (pair, byte) in text.chunks_exact_mut(2).zip(hash) {
        for (digit, nibble) in pair.iter_mut().zip([byte >> 4, byte & 15]) {
            *digit = DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
        }
    }
    text
}

/// The hash as text.
pub(crate) fn text(hash: &Hash) -> String {
    encode(hash).iter().map(|digit| char::from(*digit)).collect()
}

/// Reads 64 lower-case hex digits; `None` for anything else.
pub(crate) fn decode(text: &[u8]) -> Option<Hash> {
    if text.len() != 64 {
        return None;
    }
    let mut hash = Hash::default();
    for (byte, pair) in hash.iter_mut().zip(text.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = (value(*high)? << 4) | value(*low)?;
    }
    Some(hash)
}

const fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}
