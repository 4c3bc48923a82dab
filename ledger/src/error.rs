//! What can go wrong with the verbs of people and of restarts.

use std::fmt;

use types::{AccountName, DecisionId};

use crate::journal::JournalError;

/// Why a verb that is not on the way of a request failed. Nothing was changed then, unless the variant says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LedgerError {
    /// No hold of this id is remembered.
    UnknownHold(DecisionId),
    /// The hold was never admitted: no money can have left.
    NotAdmitted(DecisionId),
    /// The hold is still open, settled or released: there is nothing presumed to be proved.
    NotPresumed(DecisionId),
    /// No account of this name is counted.
    UnknownAccount(AccountName),
    /// The account would stand below zero.
    BelowZero(AccountName),
    /// A negative amount, or one above 2^60 in either direction.
    NotChargeable,
    /// The journal did not take the entry. It was undone here, but may stand in the trail if the disk failed half-way;
    /// a freeze stays in force.
    Journal(JournalError),
    /// The bytes are no snapshot of a version this program reads.
    SnapshotVersion,
    /// The snapshot is damaged.
    SnapshotDamaged {
        /// Where, in bytes from its beginning.
        at: usize,
    },
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownHold(id) => {
                write!(f, "no hold {id} is remembered (settled ones are forgotten after 48 hours)")
            }
            Self::NotAdmitted(id) => write!(f, "hold {id} was never admitted, so nothing can have been spent under it"),
            Self::NotPresumed(id) => write!(f, "hold {id} is not presumed: there is nothing to resolve"),
            Self::UnknownAccount(account) => write!(f, "no account {account} is counted; `bursar spend` lists them"),
            Self::BelowZero(account) => write!(f, "account {account} would stand below zero"),
            Self::NotChargeable => f.write_str("an amount must be neither negative nor above 2^60"),
            Self::Journal(error) => write!(f, "not recorded: {error}"),
            Self::SnapshotVersion => f.write_str("not a snapshot of a version that this program reads"),
            Self::SnapshotDamaged { at } => {
                write!(f, "the snapshot is damaged at byte {at}; remove it and start again")
            }
        }
    }
}

impl std::error::Error for LedgerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Journal(error) => Some(error),
            _ => None,
        }
    }
}

impl From<JournalError> for LedgerError {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}
