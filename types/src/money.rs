//! Money: `i64` nano-USD with checked arithmetic; costs are summed exactly in `i128` pico-USD first.

use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const NANOS_PER_USD: i64 = 1_000_000_000;
const PICOS_PER_NANO: i128 = 1_000;

/// An amount of US dollars in nano-USD (1e-9 USD). At most ±$9,223,372,036.
///
/// Reads and prints as a decimal string (`"5.00"`, `"0.000150001"`), never as a JSON number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i64);

/// Why a text is not an amount of money, or why a sum of it cannot be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MoneyError {
    /// Not of the form `-?digits[.digits]`.
    Malformed,
    /// More than nine digits after the point: finer than a nano-dollar.
    TooFine,
    /// Beyond what an `i64` of nano-USD holds.
    TooLarge,
}

impl fmt::Display for MoneyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "not an amount of dollars such as 5 or 0.25",
            Self::TooFine => "finer than a nano-dollar (nine digits after the point)",
            Self::TooLarge => "larger than $9,223,372,036",
        })
    }
}

impl core::error::Error for MoneyError {}

impl Money {
    /// No money.
    pub const ZERO: Self = Self(0);
    /// The largest amount that can be written down.
    pub const MAX: Self = Self(i64::MAX);

    /// An amount from nano-USD.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// An amount of whole dollars; saturates at [`Money::MAX`].
    #[must_use]
    pub const fn from_usd(dollars: u32) -> Self {
        Self((dollars as i64).saturating_mul(NANOS_PER_USD))
    }

    /// The amount in nano-USD.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Sum, or `None` where it does not fit.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(nanos) => Some(Self(nanos)),
            None => None,
        }
    }

    /// Difference, or `None` where it does not fit.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(nanos) => Some(Self(nanos)),
            None => None,
        }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nanos = self.0.unsigned_abs();
        let whole = nanos / NANOS_PER_USD.unsigned_abs();
        let mut fraction = nanos % NANOS_PER_USD.unsigned_abs();
        let mut digits = 9;
        while digits > 2 && fraction.is_multiple_of(10) {
            fraction /= 10;
            digits -= 1;
        }
        write!(f, "{sign}{whole}.{fraction:0digits$}")
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    /// Reads `5`, `5.00`, `-0.25`, `0.000000001`. No exponent, no plus sign, no blanks, no currency sign.
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let scaled = decimal_scaled(digits, 9)?;
        let nanos = i64::try_from(scaled).map_err(|_| MoneyError::TooLarge)?;
        Ok(Self(if negative { -nanos } else { nanos }))
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// An exact cost in pico-USD (1e-12 USD): what prices times tokens sum up to before rounding.
///
/// Every price in the book (USD per million tokens, at most six decimals) times whole tokens is exact here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cost(i128);

impl Cost {
    /// No cost.
    pub const ZERO: Self = Self(0);

    /// A cost from pico-USD.
    #[must_use]
    pub const fn from_picos(picos: i128) -> Self {
        Self(picos)
    }

    /// The cost in pico-USD.
    #[must_use]
    pub const fn picos(self) -> i128 {
        self.0
    }

    /// Sum, or `None` where it does not fit.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(picos) => Some(Self(picos)),
            None => None,
        }
    }

    /// The cost of `count` things at this cost each, or `None` where it does not fit.
    #[must_use]
    pub const fn checked_mul(self, count: u64) -> Option<Self> {
        match self.0.checked_mul(count as i128) {
            Some(picos) => Some(Self(picos)),
            None => None,
        }
    }

    /// The cost as money, rounded **up** to the next nano-USD: done once per settled charge.
    /// `None` beyond what [`Money`] holds.
    #[must_use]
    pub fn round_up(self) -> Option<Money> {
        let nanos = self.0.div_euclid(PICOS_PER_NANO);
        let nanos = if self.0.rem_euclid(PICOS_PER_NANO) > 0 { nanos + 1 } else { nanos };
        i64::try_from(nanos).ok().map(Money)
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let picos = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:012}", picos / 1_000_000_000_000, picos % 1_000_000_000_000)
    }
}

impl FromStr for Cost {
    type Err = MoneyError;

    /// Reads a decimal string of dollars with at most twelve digits after the point.
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        decimal_scaled(text, 12).map(Self)
    }
}

/// Reads unsigned `digits[.digits]` as an integer scaled by ten to the power of `places`.
///
/// # Errors
/// [`MoneyError::Malformed`] for any other form, [`MoneyError::TooFine`] for more than `places` decimals that matter.
pub fn decimal_scaled(text: &str, places: u32) -> Result<i128, MoneyError> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if whole.is_empty() || fraction.is_empty() || whole.len() > 26 {
        return Err(MoneyError::Malformed);
    }
    let fraction = fraction.trim_end_matches('0');
    let places = usize::try_from(places).map_err(|_| MoneyError::TooFine)?;
    let mut scaled: i128 = 0;
    for byte in whole.bytes().chain(fraction.bytes()) {
        if !byte.is_ascii_digit() {
            return Err(MoneyError::Malformed);
        }
        if fraction.len() > places {
            continue;
        }
        scaled = scaled
            .checked_mul(10)
            .and_then(|tens| tens.checked_add(i128::from(byte - b'0')))
            .ok_or(MoneyError::TooLarge)?;
    }
    if fraction.len() > places {
        return Err(MoneyError::TooFine);
    }
    for _ in fraction.len()..places {
        scaled = scaled.checked_mul(10).ok_or(MoneyError::TooLarge)?;
    }
    Ok(scaled)
}

/// The text of an amount for people: `$5.00`.
#[must_use]
pub fn dollars(amount: Money) -> String {
    let mut text = String::from("$");
    text.push_str(&amount.to_string());
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn money_prints_at_least_cents_and_no_more_than_needed() {
        assert_eq!(Money::from_usd(5).to_string(), "5.00");
        assert_eq!(Money::from_nanos(150_001).to_string(), "0.000150001");
        assert_eq!(Money::from_nanos(-250_000_000).to_string(), "-0.25");
    }

    #[test]
    fn money_refuses_what_is_not_a_plain_decimal() {
        for text in ["", ".", "5.", ".5", "1e3", "+1", " 1", "1 ", "0x1", "1,000", "--1", "NaN", "1.2.3", "٣"] {
            assert_eq!(text.parse::<Money>(), Err(MoneyError::Malformed), "{text:?}");
        }
        assert_eq!("0.0000000001".parse::<Money>(), Err(MoneyError::TooFine));
        assert_eq!("9223372037".parse::<Money>(), Err(MoneyError::TooLarge));
        assert_eq!("0.1000000000000".parse::<Money>(), Ok(Money::from_nanos(100_000_000)));
    }

    #[test]
    fn costs_round_up_to_the_next_nano() {
        assert_eq!(Cost::from_picos(1).round_up(), Some(Money::from_nanos(1)));
        assert_eq!(Cost::from_picos(1_000).round_up(), Some(Money::from_nanos(1)));
        assert_eq!(Cost::from_picos(1_001).round_up(), Some(Money::from_nanos(2)));
        assert_eq!(Cost::ZERO.round_up(), Some(Money::ZERO));
        assert_eq!(Cost::from_picos(i128::MAX).round_up(), None);
    }

    proptest! {
        #[test]
        fn any_money_survives_print_and_parse(nanos in any::<i64>().prop_filter("no -2^63", |n| *n != i64::MIN)) {
            let money = Money::from_nanos(nanos);
            prop_assert_eq!(money.to_string().parse::<Money>(), Ok(money));
        }

        #[test]
        fn rounding_up_never_loses_and_never_adds_a_whole_nano(picos in 0..i128::from(i64::MAX)) {
            let nanos = i128::from(Cost::from_picos(picos).round_up().map_or(0, Money::nanos));
            prop_assert!(nanos * 1000 >= picos && nanos * 1000 - picos < 1000);
        }
    }
}
