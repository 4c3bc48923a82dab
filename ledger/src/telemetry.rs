//! What the ledger tells about itself: few figures, with bounded labels.

use metrics::{counter, describe_counter, describe_gauge, gauge};
use types::{DecisionId, Name};

use crate::views::LedgerStatus;

const HOLDS_OPEN: &str = "bursar_ledger_holds_open";
const UNRECONCILED: &str = "bursar_ledger_unreconciled";
const ACCOUNTS: &str = "bursar_ledger_accounts";
const OWED: &str = "bursar_ledger_entries_owed";
const PRESUMED: &str = "bursar_ledger_presumed_total";
const OVERRUNS: &str = "bursar_ledger_overruns_total";

/// The reasons that are labels; what is none of them is counted as `other`.
const REASONS: [&str; 4] = ["restart", "expired", "dropped", "unknown_usage"];

/// Tells what the figures mean.
pub(crate) fn describe() {
    describe_gauge!(HOLDS_OPEN, "Holds that are open now: money reserved for exchanges under way.");
    describe_gauge!(UNRECONCILED, "Charges that stand on silence and wait for a proof (bursar ledger unreconciled).");
    describe_gauge!(ACCOUNTS, "Accounts in memory.");
    describe_gauge!(OWED, "Entries that the trail has not taken yet; above 0 the trail is failing.");
    describe_counter!(PRESUMED, "Holds charged at their bound because nobody told what they did cost, by reason.");
    describe_counter!(OVERRUNS, "Charges above what was held for them.");
}

/// Sets the gauges.
pub(crate) fn status(status: &LedgerStatus) {
    gauge!(HOLDS_OPEN).set(as_gauge(status.holds_open));
    gauge!(UNRECONCILED).set(as_gauge(status.unreconciled));
    gauge!(ACCOUNTS).set(as_gauge(status.accounts));
    gauge!(OWED).set(as_gauge(status.entries_owed));
}

/// Counts below 2^32 are exact as gauges; all of ours are bounded far below.
fn as_gauge(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// A hold was presumed.
pub(crate) fn presumed(why: &Name) {
    let label = REASONS.into_iter().find(|reason| **reason == **why).unwrap_or("other");
    counter!(PRESUMED, "why" => label).increment(1);
}

/// A charge was above its hold.
pub(crate) fn overrun(id: DecisionId) {
    counter!(OVERRUNS).increment(1);
    tracing::warn!(hold = %id, "the exchange cost more than was held for it");
}
