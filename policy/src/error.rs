//! What can be wrong with the parts of a policy.

use alloc::string::String;
use core::fmt;

/// Why a policy cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyError {
    /// The bundled time-zone rules do not know the zone.
    ZoneUnknown {
        /// The name that was given.
        name: String,
        /// The zone whose name is nearest.
        nearest: Option<String>,
    },
    /// A limit below zero.
    LimitNegative {
        /// The limit, as proof traces name it.
        rule: String,
    },
    /// A limit beyond 2^60, the largest amount that accounts keep.
    LimitTooLarge {
        /// The limit, as proof traces name it.
        rule: String,
    },
    /// A limit whose name cannot be one of its scope.
    LimitNameMalformed {
        /// The name that was given.
        name: String,
        /// How names of this scope look.
        form: &'static str,
    },
    /// A pattern of a list that can match nothing.
    PatternEmpty,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ZoneUnknown { name, nearest: Some(nearest) } => {
                write!(f, "there is no time zone {name:?}; did you mean {nearest:?}?")
            }
            Self::ZoneUnknown { name, nearest: None } => {
                write!(f, "there is no time zone {name:?}; write an IANA name such as UTC or Europe/Madrid")
            }
            Self::LimitNegative { rule } => write!(f, "{rule} is below zero; 0 refuses all"),
            Self::LimitTooLarge { rule } => {
                write!(f, "{rule} is too large; the most is 2^60 (for dollars $1,152,921,504)")
            }
            Self::LimitNameMalformed { name, form } => write!(f, "{name:?} is no such name; write {form}"),
            Self::PatternEmpty => f.write_str("an empty pattern matches nothing; write a name, or * for all"),
        }
    }
}

impl core::error::Error for PolicyError {}
