//! What people, pages and agents may see.

use std::collections::BTreeSet;

use tokio::sync::watch;
use types::account::Subject;
use types::{AccountName, Amounts, Balance, DecisionId, Limits, Name, UnixMs};

use crate::fold::Folded;
use crate::ledger::Ledger;
use crate::state::{Core, Record, Row, State, Sums};

/// How many accounts or holds are copied under one lock.
const BATCH: usize = 4_096;

/// Where a hold stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HoldState {
    /// Reserved, not admitted.
    Reserved,
    /// Admitted: money may be on its way.
    Admitted,
    /// Charged on silence, to be proved.
    Presumed {
        /// Why: `restart`, `expired`, `dropped`, `unknown_usage`.
        why: Name,
    },
    /// The cost is known.
    Settled {
        /// Whether it was more than was held.
        overrun: bool,
    },
    /// Nothing left.
    Released,
}

/// One hold, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldView {
    /// Its id: the decision's.
    pub id: DecisionId,
    /// Where it stands.
    pub state: HoldState,
    /// Since when.
    pub since_ms: UnixMs,
    /// The agent it was admitted for; `None` before that.
    pub agent: Option<Name>,
    /// The model, `-` where there is none; `None` before the hold was admitted.
    pub model: Option<Name>,
    /// Who would be paid.
    pub vendor: Name,
    /// What was held on every account.
    pub granted: Amounts,
    /// What it adds to each of its accounts now.
    pub sums: Sums,
    /// Its accounts.
    pub accounts: Vec<AccountName>,
}

/// How the ledger is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerStatus {
    /// Holds that are open.
    pub holds_open: usize,
    /// Charges that wait for a proof.
    pub unreconciled: usize,
    /// Settled and released holds that are remembered.
    pub remembered: usize,
    /// Accounts in memory.
    pub accounts: usize,
    /// Entries that the journal has not taken yet: above zero it is failing.
    pub entries_owed: usize,
    /// The latest time seen.
    pub now_ms: UnixMs,
    /// Whether the ledger has been closed.
    pub is_closed: bool,
}

impl Ledger {
    /// All accounts by name. Copied in parts, so that nobody waits: not one moment for all of them.
    #[must_use]
    pub fn accounts(&self) -> Vec<Balance> {
        let mut balances = Vec::new();
        let mut from = 0;
        while let Some(part) = self.0.lock().core.accounts().slots(from, BATCH) {
            balances.extend(part.map(Row::balance));
            from += BATCH;
        }
        balances.sort_unstable_by(|left, right| left.account.cmp(&right.account));
        balances
    }

    /// The accounts of these names, as they stand at one moment; one that is not counted yet stands at nothing.
    #[must_use]
    pub fn balances_of(&self, accounts: &[AccountName]) -> Vec<Balance> {
        let guarded = self.0.lock();
        accounts
            .iter()
            .map(|account| guarded.core.row(account).map_or_else(|| nothing(account), Row::balance))
            .collect()
    }

    /// The charges that stand on silence, oldest first.
    #[must_use]
    pub fn unreconciled(&self) -> Vec<HoldView> {
        let mut views: Vec<HoldView> = Vec::new();
        loop {
            let before = views.len();
            let last = views.last().map(|view| view.id);
            let guarded = self.0.lock();
            let part = guarded.core.records().presumed_after(last).take(BATCH);
            views.extend(part.map(|record| guarded.core.view(record)));
            if views.len() - before < BATCH {
                return views;
            }
        }
    }

    /// The hold of this id, while it is remembered.
    #[must_use]
    pub fn decision(&self, id: DecisionId) -> Option<HoldView> {
        let guarded = self.0.lock();
        guarded.core.record(id).map(|record| guarded.core.view(record))
    }

    /// What is frozen now.
    #[must_use]
    pub fn frozen(&self) -> BTreeSet<Subject> {
        self.0.lock().core.frozen().clone()
    }

    /// A counter that moves with every freeze and unfreeze: those who run streams walk them when it does.
    #[must_use]
    pub fn switches(&self) -> watch::Receiver<u64> {
        self.0.switches.subscribe()
    }

    /// How the ledger is, for readiness and the operator's page.
    #[must_use]
    pub fn status(&self) -> LedgerStatus {
        let guarded = self.0.lock();
        let records = guarded.core.records();
        LedgerStatus {
            holds_open: records.open_len(),
            unreconciled: records.presumed_len(),
            remembered: records.closed_len(),
            accounts: guarded.core.accounts().len(),
            entries_owed: guarded.owed_len(),
            now_ms: guarded.core.now_ms(),
            is_closed: guarded.is_closed,
        }
    }
}

impl Folded {
    /// All accounts by name.
    #[must_use]
    pub fn accounts(&self) -> Vec<Balance> {
        let mut balances: Vec<Balance> = self.core().accounts().rows().map(Row::balance).collect();
        balances.sort_unstable_by(|left, right| left.account.cmp(&right.account));
        balances
    }

    /// The charges that stand on silence, oldest first.
    #[must_use]
    pub fn unreconciled(&self) -> Vec<HoldView> {
        self.core().records().presumed().map(|record| self.core().view(record)).collect()
    }

    /// The hold of this id, while it is remembered.
    #[must_use]
    pub fn decision(&self, id: DecisionId) -> Option<HoldView> {
        self.core().record(id).map(|record| self.core().view(record))
    }

    /// What is frozen.
    #[must_use]
    pub fn frozen(&self) -> &BTreeSet<Subject> {
        self.core().frozen()
    }
}

impl Core {
    fn view(&self, record: &Record) -> HoldView {
        let rows = record.accounts.iter().filter_map(|index| self.accounts().row(*index));
        HoldView {
            id: record.id,
            state: (&record.state).into(),
            since_ms: record.since_ms,
            agent: record.about.as_ref().map(|about| about.agent.clone()),
            model: record.about.as_ref().map(|about| about.model.clone()),
            vendor: record.vendor.clone(),
            granted: record.granted,
            sums: record.weight(),
            accounts: rows.map(|row| row.name.clone()).collect(),
        }
    }
}

impl From<&State> for HoldState {
    fn from(state: &State) -> Self {
        match state {
            State::Reserved(_) => Self::Reserved,
            State::Admitted(_) => Self::Admitted,
            State::Presumed { why, .. } => Self::Presumed { why: why.clone() },
            State::Settled { overrun, .. } => Self::Settled { overrun: *overrun },
            State::Released { .. } => Self::Released,
        }
    }
}

fn nothing(account: &AccountName) -> Balance {
    Balance {
        account: account.clone(),
        posted: Amounts::ZERO,
        presumed: Amounts::ZERO,
        held: Amounts::ZERO,
        limits: Limits::NONE,
        resets_ms: None,
    }
}
