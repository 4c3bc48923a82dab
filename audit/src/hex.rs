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
    // Looked at once, at the end: every line of a trail passes here, and a branch for each digit would be felt.
    let mut all = 0;
    for (byte, pair) in hash.iter_mut().zip(text.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        let (high, low) = (value(*high), value(*low));
        *byte = (high << 4) | (low & 15);
        all |= high | low;
    }
    (all < 16).then_some(hash)
}

/// The value of a digit; 16 or more for what is none.
fn value(digit: u8) -> u8 {
    let decimal = digit.wrapping_sub(b'0');
    let letter = digit.wrapping_sub(b'a');
    if letter < 6 {
        letter + 10
    } else if decimal < 10 {
        decimal
    } else {
        16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hash_survives_and_every_other_digit_is_refused() {
        let hash: Hash = std::array::from_fn(|place| u8::try_from(place * 8 + 7).unwrap());
        let good = encode(&hash);
        assert_eq!(text(&hash).as_bytes(), good);
        assert_eq!(decode(&good), Some(hash));
        assert_eq!((decode(&good[1..]), decode(b"")), (None, None));
        for byte in 0..=255_u8 {
            let mut altered = good;
            altered[33] = byte;
            let is_digit = byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            assert_eq!(decode(&altered).is_some(), is_digit, "{byte}");
        }
    }
}
