//! Why the ledger said no.

use types::account::Subject;
use types::{Name, Reason, Shortfall};

/// Why a hold was not given or not admitted.
///
/// Where more than one applies the first in this order is told, whatever the order of evaluation: what no waiting mends
/// stands before what a retry may mend, so that a client that retries on "try again" does not retry in vain.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// The ledger has been closed: its owner is stopping or has handed over.
    Unavailable,
    /// The amounts cannot be charged: negative, above 2^60, a floor above its amount, or more than 64 accounts.
    NotChargeable(&'static str),
    /// The clock stands more than two seconds behind the latest time the ledger has seen.
    ClockBehind,
    /// The id stands for other charges, or for a hold that is no longer to be had.
    Conflict,
    /// A person froze this subject.
    Frozen(Subject),
    /// An account has no room.
    OverLimit(Shortfall),
    /// Too much stands unproved for this vendor.
    VendorUnstable(Name),
    /// Too many holds, accounts or unproved charges are open.
    Overloaded,
    /// The `admit` entry could not be made durable: nothing may be sent.
    NotRecorded,
}

impl From<Refused> for Reason {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Unavailable => Self::LedgerUnavailable,
            Refused::NotChargeable(what) => Self::Unbounded { what: what.into() },
            Refused::ClockBehind => Self::ClockBehind,
            Refused::Conflict => Self::Conflict,
            Refused::Frozen(subject) => Self::Frozen { subject },
            Refused::OverLimit(shortfall) => Self::OverLimit(shortfall),
            Refused::VendorUnstable(vendor) => Self::VendorUnstable { vendor },
            Refused::Overloaded => Self::Overloaded,
            Refused::NotRecorded => Self::TrailUnavailable,
        }
    }
}
