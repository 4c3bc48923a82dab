//! Arithmetic on amounts that can neither wrap nor stop the ledger.
//!
//! Admission keeps every account at or below [`CEILING`], so that nothing saturates before overruns of billions of
//! dollars; where something does, the account stays full, which refuses rather than admits.

use types::amounts::AMOUNT_MAX;
use types::{Amounts, Money};

/// No account is filled above this by an admission, limit or not: 2^62, a quarter of what is left to overruns.
pub(crate) const CEILING: i64 = 1 << 62;

/// What one account, or one hold on each of its accounts, stands at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Real cost.
    pub posted: Amounts,
    /// Charged on silence, to be proved.
    pub presumed: Amounts,
    /// Reserved by open holds.
    pub held: Amounts,
}

impl Sums {
    /// Nothing of anything.
    pub const ZERO: Self = Self { posted: Amounts::ZERO, presumed: Amounts::ZERO, held: Amounts::ZERO };

    /// `posted + presumed + held`.
    #[must_use]
    pub fn committed(&self) -> Amounts {
        plus(plus(self.posted, self.presumed), self.held)
    }

    /// What has to be added to these sums to get the others.
    #[must_use]
    pub(crate) fn change_to(&self, to: &Self) -> Self {
        Self {
            posted: minus(to.posted, self.posted),
            presumed: minus(to.presumed, self.presumed),
            held: minus(to.held, self.held),
        }
    }

    /// These sums after a change.
    #[must_use]
    pub(crate) fn changed_by(&self, change: &Self) -> Self {
        Self {
            posted: plus(self.posted, change.posted),
            presumed: plus(self.presumed, change.presumed),
            held: plus(self.held, change.held),
        }
    }
}

fn zip(left: Amounts, right: Amounts, join: impl Fn(i64, i64) -> i64) -> Amounts {
    Amounts {
        requests: join(left.requests, right.requests),
        tokens: join(left.tokens, right.tokens),
        usd: Money::from_nanos(join(left.usd.nanos(), right.usd.nanos())),
    }
}

/// Sum, saturating.
pub(crate) fn plus(left: Amounts, right: Amounts) -> Amounts {
    zip(left, right, i64::saturating_add)
}

/// Difference, saturating.
pub(crate) fn minus(left: Amounts, right: Amounts) -> Amounts {
    zip(left, right, i64::saturating_sub)
}

/// What is lacking to the whole, never below zero.
pub(crate) fn lacking(whole: Amounts, part: Amounts) -> Amounts {
    zip(whole, part, |whole, part| whole.saturating_sub(part).max(0))
}

/// The amounts as a charge may carry them: between zero and 2^60.
pub(crate) fn clamped(amounts: Amounts) -> Amounts {
    zip(amounts, Amounts::ZERO, |amount, _| amount.clamp(0, AMOUNT_MAX))
}

/// Whether some measure is above the bound.
pub(crate) fn exceeds(amounts: Amounts, bound: Amounts) -> bool {
    lacking(amounts, bound) != Amounts::ZERO
}
