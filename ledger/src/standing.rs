//! The ledger at one moment as its journal must tell it, and where the two differ: the drift detector.

use std::collections::{BTreeMap, BTreeSet};

use types::account::Subject;
use types::{AccountName, Amounts, DecisionId, UnixMs};

use crate::fold::Folded;
use crate::ledger::Ledger;
use crate::state::{Core, KEEP_CLOSED_MS, Row, Sums};

/// What the ledger holds true at one moment. Holds that were not admitted are left out: the journal knows none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The last entry the ledger queued before this moment; `None` where it has queued none since its start. A fold of
    /// the journal up to there must agree.
    pub seq: Option<u64>,
    /// Entries the journal has not taken yet; above zero the two cannot agree.
    pub entries_owed: usize,
    /// The latest time seen.
    pub now_ms: UnixMs,
    /// Accounts that stand at more than nothing.
    pub accounts: BTreeMap<AccountName, Stand>,
    /// Admitted holds that are open, with their grants.
    pub open: BTreeMap<DecisionId, Amounts>,
    /// Presumed holds.
    pub presumed: BTreeMap<DecisionId, Sums>,
    /// What is frozen.
    pub frozen: BTreeSet<Subject>,
}

/// One account at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stand {
    /// What it stands at.
    pub sums: Sums,
    /// When its window ends.
    pub resets_ms: Option<UnixMs>,
}

/// One difference between the ledger and its journal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Drift {
    /// An account stands at different sums.
    Account {
        /// The account.
        account: AccountName,
        /// By the fold of the journal.
        folded: Sums,
        /// In the ledger.
        live: Sums,
    },
    /// A hold is open on one side only, or at different amounts.
    Open(DecisionId),
    /// A hold is presumed on one side only, or at different amounts.
    Presumed(DecisionId),
    /// A subject is frozen on one side only.
    Frozen(Subject),
}

impl Ledger {
    /// A copy of everything at one moment. Takes the lock for about 50 ns an account; meant for the drift detector.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let guarded = self.0.lock();
        Standing { seq: guarded.last_seq, entries_owed: guarded.owed_len(), ..guarded.core.standing() }
    }
}

impl Folded {
    /// What the journal tells, as far as it was folded.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.core().standing()
    }

    /// Where the fold of the journal up to [`Standing::seq`] and the ledger at that moment differ: nowhere, or
    /// something is broken. Accounts whose window closed long ago are left out, either side may have forgotten them.
    #[must_use]
    pub fn compare(&self, live: &Standing) -> Vec<Drift> {
        let folded = self.standing();
        let mut drift = account_drift(&folded, live);
        drift.extend(differing(&folded.open, &live.open).map(Drift::Open));
        drift.extend(differing(&folded.presumed, &live.presumed).map(Drift::Presumed));
        drift.extend(folded.frozen.symmetric_difference(&live.frozen).cloned().map(Drift::Frozen));
        drift
    }
}

impl Core {
    pub(crate) fn standing(&self) -> Standing {
        let mut accounts: BTreeMap<AccountName, Stand> = self.accounts().rows().map(stand).collect();
        let mut open = BTreeMap::new();
        for record in self.records().open() {
            if record.is_admitted() {
                open.insert(record.id, record.granted);
                continue;
            }
            for row in record.accounts.iter().filter_map(|index| self.accounts().row(*index)) {
                if let Some(stand) = accounts.get_mut(&row.name) {
                    stand.sums = stand.sums.changed_by(&record.weight().change_to(&Sums::ZERO));
                }
            }
        }
        accounts.retain(|_, stand| stand.sums != Sums::ZERO);
        Standing {
            seq: None,
            entries_owed: 0,
            now_ms: self.now_ms(),
            accounts,
            open,
            presumed: self.records().presumed().map(|record| (record.id, record.weight())).collect(),
            frozen: self.frozen().clone(),
        }
    }
}

fn stand(row: &Row) -> (AccountName, Stand) {
    (row.name.clone(), Stand { sums: row.sums, resets_ms: row.resets_ms })
}

fn account_drift(folded: &Standing, live: &Standing) -> Vec<Drift> {
    let now_ms = folded.now_ms.max(live.now_ms);
    let names: BTreeSet<&AccountName> = folded.accounts.keys().chain(live.accounts.keys()).collect();
    names
        .into_iter()
        .filter_map(|account| {
            let sides = [folded.accounts.get(account), live.accounts.get(account)];
            let [folded, live] = sides.map(|side| side.map_or(Sums::ZERO, |stand| stand.sums));
            let is_old = sides.contains(&None) && sides.iter().flatten().any(|stand| is_long_over(stand, now_ms));
            (folded != live && !is_old).then(|| Drift::Account { account: account.clone(), folded, live })
        })
        .collect()
}

fn is_long_over(stand: &Stand, now_ms: UnixMs) -> bool {
    stand.resets_ms.is_some_and(|resets_ms| resets_ms.saturating_add(KEEP_CLOSED_MS) < now_ms)
}

fn differing<'a, V: PartialEq>(
    left: &'a BTreeMap<DecisionId, V>,
    right: &'a BTreeMap<DecisionId, V>,
) -> impl Iterator<Item = DecisionId> + 'a {
    let ids: BTreeSet<DecisionId> = left.keys().chain(right.keys()).copied().collect();
    ids.into_iter().filter(|id| left.get(id) != right.get(id))
}
