//! What the ledger holds, with the limits that are in force now.

use config::House;
use control::Presumed;
use ledger::{HoldState, HoldView};
use types::{Balance, Name, UnixMs};

/// Puts the limits in force on balances, and leaves out accounts whose window has closed.
pub(super) fn limited(balances: Vec<Balance>, house: &House, now_ms: UnixMs) -> Vec<Balance> {
    balances
        .into_iter()
        .filter(|balance| balance.resets_ms.is_none_or(|resets_ms| resets_ms > now_ms))
        .map(|balance| Balance { limits: house.policy.limits_of(&balance.account), ..balance })
        .collect()
}

/// A hold that waits for proof.
pub(super) fn presumed(hold: HoldView) -> Presumed {
    let why = match hold.state {
        HoldState::Presumed { why } => why,
        _ => Name::from("-"),
    };
    Presumed {
        id: hold.id,
        amounts: hold.sums.presumed,
        accounts: hold.accounts,
        vendor: hold.vendor,
        at_ms: hold.since_ms,
        why,
    }
}
