//! The state machine: accounts, holds, switches, time. Pure: no IO, no lock, no clock.
//!
//! The ledger in service and the fold of its journal are both this machine, so that there is one truth.

mod accounts;
mod circuit;
mod clock;
mod record;
mod records;
mod reserve;
mod restore;
mod sums;

use std::collections::BTreeSet;

use types::account::Subject;
use types::entry::Admit;
use types::{AccountName, Amounts, Balance, Charge, DecisionId, Money, Name, UnixMs};

pub(crate) use accounts::{AccountIndex, Accounts, KEEP_CLOSED_MS, Row};
use circuit::Circuit;
use clock::HighWater;
pub(crate) use record::{About, AccountList, Asked, Record, State};
pub(crate) use records::{Memory, Records};
pub(crate) use reserve::Granted;
pub(crate) use restore::{Known, Parts};
pub use sums::Sums;

use crate::options::{LedgerOptions, REMEMBER_MS, REMEMBERED_MAX};

/// How often closed windows are looked for, in milliseconds of the ledger's own time.
const PRUNE_EVERY_MS: u64 = 24 * 60 * 60 * 1000;

/// Everything the ledger knows.
#[derive(Clone, Debug)]
pub(crate) struct Core {
    accounts: Accounts,
    records: Records,
    frozen: BTreeSet<Subject>,
    /// `None` in a fold, which judges no vendor.
    circuit: Option<Circuit>,
    clock: HighWater,
    pruned_ms: UnixMs,
    /// No lease ends before this: leases only grow longer, so the table is seldom walked for them.
    due_ms: UnixMs,
    options: LedgerOptions,
}

/// What became of a verb on a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moved {
    /// No such hold is remembered.
    Unknown,
    /// The hold stood there already: the same answer again.
    Same,
    /// The hold came into another state.
    Changed,
}

impl Core {
    /// An empty state as a fold starts from.
    pub(crate) fn empty() -> Self {
        Self {
            accounts: Accounts::default(),
            records: Records::default(),
            frozen: BTreeSet::new(),
            circuit: None,
            clock: HighWater::default(),
            pruned_ms: 0,
            due_ms: UnixMs::MAX,
            options: LedgerOptions::default(),
        }
    }

    /// The same state in service: under these bounds, with every vendor's circuit closed.
    pub(crate) fn in_service(mut self, options: LedgerOptions) -> Self {
        self.circuit = Some(Circuit::new(options.presume_share_percent, options.presume_window_ms));
        self.options = LedgerOptions {
            remember_ms: options.remember_ms.min(REMEMBER_MS),
            remembered_max: options.remembered_max.min(REMEMBERED_MAX),
            ..options
        };
        self
    }

    fn memory(&self) -> Memory {
        Memory { remember_ms: self.options.remember_ms, remembered_max: self.options.remembered_max }
    }

    /// Applies what an outcome told; the second value is the hold as it stands then.
    pub(crate) fn settle(&mut self, id: DecisionId, charge: &Charge, at_ms: UnixMs) -> Moved {
        self.move_to(id, at_ms, |record| record.settle(charge))
    }

    /// Charges an admitted hold at its bound because nobody told what became of it.
    pub(crate) fn presume(&mut self, id: DecisionId, why: &Name, at_ms: UnixMs) -> Moved {
        self.move_to(id, at_ms, |record| record.presume(why))
    }

    /// Gives a hold back of which it is certain that nothing was sent.
    pub(crate) fn release(&mut self, id: DecisionId, at_ms: UnixMs) -> Moved {
        self.move_to(id, at_ms, Record::release)
    }

    /// Replaces a presumption by what a person proved.
    pub(crate) fn resolve(&mut self, id: DecisionId, actual: Money, at_ms: UnixMs) -> Moved {
        self.move_to(id, at_ms, |record| record.resolve(actual))
    }

    /// Puts a presumption back whose resolution could not be recorded.
    pub(crate) fn unresolve(&mut self, id: DecisionId, before: State, at_ms: UnixMs) {
        self.move_to(id, at_ms, |record| matches!(record.state, State::Settled { .. }).then_some(before));
    }

    /// One handle of a hold is gone; with the last one a hold that was not admitted is released.
    pub(crate) fn give_up(&mut self, id: DecisionId) {
        let Some(record) = self.records.open_mut(id) else { return };
        record.handles = record.handles.saturating_sub(1);
        if record.handles == 0 && record.is_reserved() {
            self.release(id, self.now_ms());
        }
    }

    fn move_to(&mut self, id: DecisionId, at_ms: UnixMs, next: impl FnOnce(&Record) -> Option<State>) -> Moved {
        let at_ms = self.clock.raise(at_ms);
        let Some(record) = self.records.get(id) else { return Moved::Unknown };
        let Some(state) = next(record) else { return Moved::Same };
        let Some(mut record) = self.records.take(id) else { return Moved::Unknown };
        let (from, to) = (record.weight(), record.weight_in(&state));
        let change = from.change_to(&to);
        for index in &record.accounts {
            self.accounts.change(*index, &change);
        }
        self.watch_vendor(&record, &from, &to, at_ms);
        record.state = state;
        record.since_ms = at_ms;
        self.records.file(record);
        self.forget();
        Moved::Changed
    }

    fn watch_vendor(&mut self, record: &Record, from: &Sums, to: &Sums, at_ms: UnixMs) {
        if from.presumed == to.presumed {
            return;
        }
        let Some(circuit) = &mut self.circuit else { return };
        let (more, less) = (sums::lacking(to.presumed, from.presumed), sums::lacking(from.presumed, to.presumed));
        for index in &record.accounts {
            circuit.count(&record.vendor, *index, at_ms, more);
            circuit.forgive(&record.vendor, *index, record.since_ms, less);
        }
    }

    fn forget(&mut self) {
        let memory = self.memory();
        while let Some(record) = self.records.forget_one(memory, self.clock.now_ms()) {
            for index in &record.accounts {
                self.accounts.forget_reference(*index);
            }
        }
    }

    /// Takes an admission over from the journal: it happened, whatever the limits are now.
    pub(crate) fn replay(&mut self, entry: &Admit) {
        let at_ms = self.clock.raise(entry.at_ms);
        if self.records.get(entry.id).is_some() {
            return;
        }
        let mut accounts = AccountList::new();
        for account in &entry.accounts {
            let index = self.accounts.open(&account.account, account.limits, account.resets_ms);
            if !accounts.contains(&index) {
                accounts.push(index);
            }
        }
        self.enter(Record {
            id: entry.id,
            accounts,
            granted: entry.granted,
            vendor: entry.request.vendor.clone(),
            about: Some(About::of(entry)),
            expires_ms: at_ms.saturating_add(self.options.lease_ms),
            since_ms: at_ms,
            handles: 0,
            state: State::Admitted(Asked { amount: entry.granted, floor: entry.granted }),
        });
    }

    /// Files a new record and puts its weight on its accounts.
    fn enter(&mut self, record: Record) {
        self.due_ms = self.due_ms.min(record.expires_ms);
        let weight = record.weight();
        for index in &record.accounts {
            self.accounts.bear(*index, &weight);
        }
        self.records.file(record);
    }

    /// Adds to what is posted on an account, which is opened where there is none.
    pub(crate) fn adjust(&mut self, account: &AccountName, added: Amounts) {
        let known = self.accounts.find(account);
        let index = known.unwrap_or_else(|| self.accounts.open(account, types::Limits::NONE, None));
        self.accounts.add_posted(index, added);
    }

    /// Freezes or unfreezes a subject; tells whether that changed anything.
    pub(crate) fn switch(&mut self, subject: &Subject, frozen: bool) -> bool {
        if frozen { self.frozen.insert(subject.clone()) } else { self.frozen.remove(subject) }
    }

    pub(crate) fn frozen(&self) -> &BTreeSet<Subject> {
        &self.frozen
    }

    /// The latest time seen, in milliseconds since the Unix epoch.
    pub(crate) fn now_ms(&self) -> UnixMs {
        self.clock.now_ms()
    }

    /// Takes note of the time, which never goes back.
    pub(crate) fn raise(&mut self, now_ms: UnixMs) -> UnixMs {
        self.clock.raise(now_ms)
    }

    /// Time goes on from here, because a person says so.
    pub(crate) fn accept_clock(&mut self, now_ms: UnixMs) {
        self.clock = HighWater::at(now_ms);
        self.pruned_ms = self.pruned_ms.min(now_ms);
    }

    /// Extends the holds that something in this process stands for.
    pub(crate) fn renew(&mut self) {
        let until_ms = self.now_ms().saturating_add(self.options.lease_ms);
        for record in self.records.open_records_mut().filter(|record| record.handles > 0) {
            record.expires_ms = record.expires_ms.max(until_ms);
        }
    }

    /// Up to `most` open holds whose lease has ended, with whether they were admitted.
    pub(crate) fn due(&mut self, most: usize) -> Vec<(DecisionId, bool)> {
        let now_ms = self.now_ms();
        if self.due_ms > now_ms {
            return Vec::new();
        }
        let due = self.records.open().filter(|record| record.expires_ms <= now_ms);
        let due: Vec<_> = due.take(most).map(|record| (record.id, record.is_admitted())).collect();
        if due.is_empty() {
            self.due_ms = self.records.open().map(|record| record.expires_ms).min().unwrap_or(UnixMs::MAX);
        }
        due
    }

    /// Forgets what need not be remembered any more: old ids, closed windows, old presumptions of vendors.
    pub(crate) fn tidy(&mut self) {
        let now_ms = self.now_ms();
        if let Some(circuit) = &mut self.circuit {
            circuit.forget(now_ms);
        }
        self.forget();
        if now_ms.saturating_sub(self.pruned_ms) >= PRUNE_EVERY_MS {
            self.pruned_ms = now_ms;
            self.accounts.prune(now_ms);
        }
    }

    pub(crate) fn record(&self, id: DecisionId) -> Option<&Record> {
        self.records.get(id)
    }

    pub(crate) fn records(&self) -> &Records {
        &self.records
    }

    pub(crate) fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// The account of this name.
    pub(crate) fn row(&self, account: &AccountName) -> Option<&Row> {
        self.accounts.row(self.accounts.find(account)?)
    }

    /// The accounts of a record, as they stand now.
    pub(crate) fn balances_of(&self, record: &Record) -> Vec<Balance> {
        record.accounts.iter().filter_map(|index| self.accounts.row(*index)).map(Row::balance).collect()
    }

    /// Brings the balances that a hold was given up to date; the limits stay those of its reservation.
    pub(crate) fn refresh(&self, id: DecisionId, balances: &mut [Balance]) {
        let Some(record) = self.records.get(id) else { return };
        for (index, balance) in record.accounts.iter().zip(balances) {
            if let Some(row) = self.accounts.row(*index) {
                balance.posted = row.sums.posted;
                balance.presumed = row.sums.presumed;
                balance.held = row.sums.held;
            }
        }
    }
}

impl About {
    pub(crate) fn of(entry: &Admit) -> Self {
        Self { agent: entry.caller.agent.clone(), model: entry.request.model.clone() }
    }
}
