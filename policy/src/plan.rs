//! What comes out of the policy: lines to reserve, a refusal, or a verdict on balances.

use alloc::string::String;
use alloc::vec::Vec;

use types::account::Subjects;
use types::{Amounts, Line, Reason, Verdict};

/// What to reserve for one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The accounts it touches with their limits, widest scope first, no account twice.
    pub lines: Vec<Line>,
    /// The most it may cost: the quote's bound, lowered to the caps on single transactions.
    pub amount: Amounts,
    /// The least worth reserving.
    pub floor: Amounts,
    /// Everything whose freeze stops this request, widest first.
    pub subjects: Subjects,
    /// Lists and caps that were looked at, in order. The limits follow in [`Decision::rules`].
    pub rules: Vec<String>,
}

/// A refusal before anything is reserved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// Why.
    pub reason: Reason,
    /// The rule that decided.
    pub rule: String,
    /// Lists and caps that were looked at, in order; the deciding one is the last.
    pub rules: Vec<String>,
}

/// A verdict on the balances that the reservation brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Yes, ask, or no.
    pub verdict: Verdict,
    /// The rule that decided: on a refusal the limit without room, on a yes the list that let it through.
    pub decided_by: String,
    /// The limits that were compared, in the order of the lines.
    pub rules: Vec<String>,
}
