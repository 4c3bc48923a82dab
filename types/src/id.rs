//! Ids: 128 bits, time first, as 26 characters of Crockford base 32 (the ULID text form).

use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::UnixMs;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const TEXT_LEN: usize = 26;

/// The one id of an exchange: its decision, its hold and its entries share it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DecisionId(u128);

/// The text is not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MalformedId;

impl fmt::Display for MalformedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id is 26 characters of 0-9 and A-Z without I, L, O and U")
    }
}

impl core::error::Error for MalformedId {}

impl DecisionId {
    /// An id from the time (48 bits) and ten random bytes.
    #[must_use]
    pub fn new(now_ms: UnixMs, random: [u8; 10]) -> Self {
        let mut bytes = [0_u8; 16];
        let (time, rest) = bytes.split_at_mut(6);
        let stamp = now_ms.to_be_bytes();
        time.copy_from_slice(stamp.split_at(2).1);
        rest.copy_from_slice(&random);
        Self(u128::from_be_bytes(bytes))
    }

    /// The id as a number.
    #[must_use]
    pub const fn as_u128(self) -> u128 {
        self.0
    }

    /// An id from a number.
    #[must_use]
    pub const fn from_u128(bits: u128) -> Self {
        Self(bits)
    }

    /// When it was made.
    #[must_use]
    pub const fn made_ms(self) -> UnixMs {
        (self.0 >> 80) as u64
    }
}

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [b'0'; TEXT_LEN];
        let mut bits = self.0;
        for slot in text.iter_mut().rev() {
            let index = usize::try_from(bits & 31).unwrap_or(0);
            *slot = ALPHABET.get(index).copied().unwrap_or(b'0');
            bits >>= 5;
        }
        f.write_str(core::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for DecisionId {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        if text.len() != TEXT_LEN {
            return Err(MalformedId);
        }
        let mut bits: u128 = 0;
        for byte in text.bytes() {
            let digit = ALPHABET.iter().position(|letter| *letter == byte).ok_or(MalformedId)?;
            if bits >> 123 != 0 {
                return Err(MalformedId);
            }
            bits = (bits << 5) | u128::try_from(digit).map_err(|_| MalformedId)?;
        }
        Ok(Self(bits))
    }
}

impl Serialize for DecisionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DecisionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    #[test]
    fn an_id_sorts_by_its_time_and_tells_it() {
        let early = DecisionId::new(1_000, [255; 10]);
        let late = DecisionId::new(1_001, [0; 10]);
        assert!(early < late && early.to_string() < late.to_string());
        assert_eq!(early.made_ms(), 1_000);
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        for text in ["", "0", "8ZZZZZZZZZZZZZZZZZZZZZZZZZ", "0000000000000000000000000I", "0000000000000000000000000\n"]
        {
            assert_eq!(text.parse::<DecisionId>(), Err(MalformedId), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_id_survives_print_and_parse(bits in any::<u128>()) {
            let id = DecisionId::from_u128(bits);
            prop_assert_eq!(id.to_string().parse::<DecisionId>(), Ok(id));
        }
    }
}
