//! What a request asks of the ledger.

use types::account::Subjects;
use types::{Amounts, DecisionId, Line, Name, UnixMs};

/// The most accounts that one request may touch.
pub(crate) const LINES_MAX: usize = 64;

/// A request for a hold on every account it touches: all of them or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// The hold to be: repeated with the same charges it gets the same answer, with others a conflict.
    pub id: DecisionId,
    /// The accounts with their limits now; at most 64. An account that stands twice counts once, under its tighter limits.
    pub lines: Vec<Line>,
    /// The most it may cost: granted where there is room.
    pub amount: Amounts,
    /// The least worth granting, measure by measure; at most `amount`.
    pub floor: Amounts,
    /// Who and what takes part, widest first: none of them may be frozen.
    pub subjects: Subjects,
    /// Who would be paid: the vendor's circuit may be open.
    pub vendor: Name,
    /// The time now, in milliseconds since the Unix epoch.
    pub now_ms: UnixMs,
    /// When the hold is given up where nobody renews it.
    pub expires_ms: UnixMs,
}
