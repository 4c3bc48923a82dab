//! What a guard is: it may edit a request before it is quoted, and raise its voice against it. It can only tighten.

use bytes::Bytes;
use types::{Amounts, Balance, Caller, Quote, Reason, UnixMs, Verdict};

use crate::draft::Draft;

/// A rule about requests that needs code. Guards run in the order of one list, [`crate::list::GuardOptions::ORDER`].
pub trait Guard: Send + Sync {
    /// The name used in the file, in rules and in the trail.
    fn name(&self) -> &'static str;

    /// Edits the request before it is quoted.
    ///
    /// # Errors
    /// The reason of the refusal where the request must not go on.
    fn shape(&self, draft: &mut Draft) -> Result<(), Reason>;

    /// A voice on the quoted request; the strictest of all voices wins.
    fn judge(&self, facts: &GuardFacts<'_>, balances: &[Balance]) -> Verdict;

    /// A watch over the answer, where the guard wants one.
    fn watch(&self) -> Option<Box<dyn StreamWatch>> {
        None
    }
}

/// What a guard may look at.
#[derive(Clone, Copy, Debug)]
pub struct GuardFacts<'a> {
    /// Who calls.
    pub caller: &'a Caller,
    /// The bound, where the exchange is priced.
    pub quote: Option<&'a Quote>,
    /// The request as it would leave.
    pub draft: &'a Draft,
    /// Now.
    pub now_ms: UnixMs,
}

/// Sees an answer while it passes; a [`Verdict::Deny`] cuts it off.
pub trait StreamWatch: Send {
    /// Sees what the agent is about to see, and the cost so far.
    fn see(&mut self, bytes: &Bytes, running: &Amounts) -> Verdict;
}

/// Why the options of a guard cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GuardError {
    /// A list that must name something is empty.
    Empty {
        /// The guard.
        guard: &'static str,
    },
    /// A pattern that is neither an exact name nor a name with one `*` at its end.
    Pattern {
        /// The guard.
        guard: &'static str,
        /// The pattern.
        pattern: String,
    },
    /// A header that only the gateway may touch, or no header name at all.
    Header {
        /// The guard.
        guard: &'static str,
        /// The header.
        header: String,
    },
    /// A cap of zero tokens: no provider takes it.
    Zero {
        /// The guard.
        guard: &'static str,
    },
}

impl std::fmt::Display for GuardError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty { guard } => write!(f, "{guard}: the list is empty; name at least one, or remove the guard"),
            Self::Pattern { guard, pattern } => {
                write!(f, "{guard}: {pattern:?} is neither an exact name nor a prefix with one `*` at its end")
            }
            Self::Header { guard, header } => {
                write!(f, "{guard}: {header:?} is no header name, or one that only the gateway may set or remove")
            }
            Self::Zero { guard } => {
                write!(f, "{guard}: tokens must be at least 1; to refuse all calls, deny the models")
            }
        }
    }
}

impl std::error::Error for GuardError {}
