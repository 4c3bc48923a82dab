//! How much of each measure: dollars, requests and tokens side by side.

use serde::{Deserialize, Serialize};

use crate::account::Measure;
use crate::money::Money;

/// The largest single amount of any measure, 2^60: sums of many stay far from `i64::MAX`.
pub const AMOUNT_MAX: i64 = 1 << 60;

/// Amounts of all measures that one exchange uses, holds or has used.
///
/// Integers as strings in JSON, so that no reader rounds them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Amounts {
    /// Calls to a vendor.
    #[serde(with = "as_text")]
    pub requests: i64,
    /// Tokens of input and output together.
    #[serde(with = "as_text")]
    pub tokens: i64,
    /// Dollars.
    pub usd: Money,
}

impl Amounts {
    /// Nothing of anything.
    pub const ZERO: Self = Self { requests: 0, tokens: 0, usd: Money::ZERO };

    /// The amount of one measure as a plain integer (nano-USD for dollars).
    #[must_use]
    pub const fn of(&self, measure: Measure) -> i64 {
        match measure {
            Measure::Requests => self.requests,
            Measure::Tokens => self.tokens,
            Measure::Usd => self.usd.nanos(),
        }
    }

    /// The same amounts with one measure replaced.
    #[must_use]
    pub const fn with(mut self, measure: Measure, amount: i64) -> Self {
        match measure {
            Measure::Requests => self.requests = amount,
            Measure::Tokens => self.tokens = amount,
            Measure::Usd => self.usd = Money::from_nanos(amount),
        }
        self
    }

    /// Sum measure by measure, or `None` where one does not fit.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.zip(other, i64::checked_add)
    }

    /// Difference measure by measure, or `None` where one does not fit.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.zip(other, i64::checked_sub)
    }

    /// The lesser of each measure.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        let mut least = self;
        for measure in Measure::ALL {
            least = least.with(measure, self.of(measure).min(other.of(measure)));
        }
        least
    }

    /// The greater of each measure.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        let mut most = self;
        for measure in Measure::ALL {
            most = most.with(measure, self.of(measure).max(other.of(measure)));
        }
        most
    }

    /// Whether every measure is between zero and [`AMOUNT_MAX`]: what a charge may be.
    #[must_use]
    pub fn is_chargeable(&self) -> bool {
        Measure::ALL.iter().all(|measure| (0..=AMOUNT_MAX).contains(&self.of(*measure)))
    }

    fn zip(self, other: Self, join: impl Fn(i64, i64) -> Option<i64>) -> Option<Self> {
        let mut joined = self;
        for measure in Measure::ALL {
            joined = joined.with(measure, join(self.of(measure), other.of(measure))?);
        }
        Some(joined)
    }
}

/// Serialises an integer as a decimal string (canonical JSON numbers are doubles; see RFC 8785 §3.2.2.3).
pub mod as_text {
    use alloc::string::String;
    use core::fmt::Display;
    use core::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes the integer as a string.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    /// Reads the integer from a string.
    ///
    /// # Errors
    /// A string that is no such integer.
    pub fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr,
        T::Err: Display,
        D: Deserializer<'de>,
    {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// As [`as_text`], for a value that may be absent (`null`).
pub mod opt_as_text {
    use alloc::string::String;
    use core::fmt::Display;
    use core::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes the integer as a string, or null.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<T: Display, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.collect_str(value),
            None => serializer.serialize_none(),
        }
    }

    /// Reads the integer from a string, or null.
    ///
    /// # Errors
    /// A string that is no such integer.
    pub fn deserialize<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr,
        T::Err: Display,
        D: Deserializer<'de>,
    {
        match Option::<String>::deserialize(deserializer)? {
            Some(text) => text.parse().map(Some).map_err(serde::de::Error::custom),
            None => Ok(None),
        }
    }
}
