//! The table of accounts: names are looked up once a reservation, holds carry indices.

use std::collections::HashMap;
use std::sync::Arc;

use types::{AccountName, Amounts, Balance, Limits, UnixMs};

use super::sums::{Sums, plus};

/// How long an account is kept after its window has closed: 45 days, longer than any hold and its disputes.
pub(crate) const KEEP_CLOSED_MS: u64 = 45 * 24 * 60 * 60 * 1000;

/// Where an account stands in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct AccountIndex(u32);

impl AccountIndex {
    pub(crate) const fn new(place: u32) -> Self {
        Self(place)
    }

    pub(crate) const fn place(self) -> u32 {
        self.0
    }
}

/// One account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) name: AccountName,
    pub(crate) sums: Sums,
    /// `posted + presumed + held`: the one number that a reservation compares.
    pub(crate) committed: Amounts,
    /// The limits of the line that was reserved last, for people to see; never compared.
    pub(crate) limits: Limits,
    /// When the window ends; `None` for totals.
    pub(crate) resets_ms: Option<UnixMs>,
    /// How many remembered holds stand on it: the row stays until there is none.
    references: u32,
}

impl Row {
    fn new(name: AccountName, limits: Limits, resets_ms: Option<UnixMs>) -> Self {
        Self { name, sums: Sums::ZERO, committed: Amounts::ZERO, limits, resets_ms, references: 0 }
    }

    /// The account as people and gates see it.
    pub(crate) fn balance(&self) -> Balance {
        Balance {
            account: self.name.clone(),
            posted: self.sums.posted,
            presumed: self.sums.presumed,
            held: self.sums.held,
            limits: self.limits,
            resets_ms: self.resets_ms,
        }
    }

    /// Whether the account may be forgotten at `now_ms`.
    pub(crate) fn is_over(&self, now_ms: UnixMs) -> bool {
        self.references == 0
            && self.resets_ms.is_some_and(|resets_ms| resets_ms.saturating_add(KEEP_CLOSED_MS) < now_ms)
    }
}

/// All accounts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Accounts {
    by_name: HashMap<Arc<str>, AccountIndex>,
    rows: Vec<Option<Row>>,
    free: Vec<AccountIndex>,
}

impl Accounts {
    /// How many accounts there are.
    pub(crate) fn len(&self) -> usize {
        self.by_name.len()
    }

    pub(crate) fn find(&self, name: &AccountName) -> Option<AccountIndex> {
        self.by_name.get(name.as_str()).copied()
    }

    pub(crate) fn row(&self, index: AccountIndex) -> Option<&Row> {
        self.rows.get(index.0 as usize)?.as_ref()
    }

    fn row_mut(&mut self, index: AccountIndex) -> Option<&mut Row> {
        self.rows.get_mut(index.0 as usize)?.as_mut()
    }

    /// Every account, in no order.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().flatten()
    }

    /// A part of the table, for a reader that must not hold the lock for the whole: the accounts in slots
    /// `from..from + count`, or `None` past the end.
    pub(crate) fn slots(&self, from: usize, count: usize) -> Option<impl Iterator<Item = &Row>> {
        (from < self.rows.len()).then(|| self.rows.iter().skip(from).take(count).flatten())
    }

    /// The account of this name, opened where there is none, with the limits it has now.
    pub(crate) fn open(&mut self, name: &AccountName, limits: Limits, resets_ms: Option<UnixMs>) -> AccountIndex {
        let Some(index) = self.find(name) else { return self.add(name, limits, resets_ms) };
        self.describe(index, limits, resets_ms);
        index
    }

    /// Notes the limits and the end of the window that the latest line told.
    pub(crate) fn describe(&mut self, index: AccountIndex, limits: Limits, resets_ms: Option<UnixMs>) {
        if let Some(row) = self.row_mut(index) {
            row.limits = limits;
            row.resets_ms = resets_ms;
        }
    }

    fn add(&mut self, name: &AccountName, limits: Limits, resets_ms: Option<UnixMs>) -> AccountIndex {
        let row = Row::new(name.clone(), limits, resets_ms);
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                self.rows.push(None);
                AccountIndex(u32::try_from(self.rows.len() - 1).unwrap_or(u32::MAX))
            }
        };
        if let Some(slot) = self.rows.get_mut(index.0 as usize) {
            *slot = Some(row);
            self.by_name.insert(name.0.clone(), index);
        }
        index
    }

    /// Changes what stands on an account.
    pub(crate) fn change(&mut self, index: AccountIndex, change: &Sums) {
        if let Some(row) = self.row_mut(index) {
            row.sums = row.sums.changed_by(change);
            row.committed = row.sums.committed();
        }
    }

    /// Adds to what is posted; the amounts may be negative.
    pub(crate) fn add_posted(&mut self, index: AccountIndex, added: Amounts) {
        if let Some(row) = self.row_mut(index) {
            row.sums.posted = plus(row.sums.posted, added);
            row.committed = row.sums.committed();
        }
    }

    /// A hold stands on the account from now on, and adds this to it.
    pub(crate) fn bear(&mut self, index: AccountIndex, weight: &Sums) -> Option<&Row> {
        let row = self.row_mut(index)?;
        row.references = row.references.saturating_add(1);
        row.sums = row.sums.changed_by(weight);
        row.committed = row.sums.committed();
        Some(row)
    }

    /// A hold that stood on the account is forgotten.
    pub(crate) fn forget_reference(&mut self, index: AccountIndex) {
        if let Some(row) = self.row_mut(index) {
            row.references = row.references.saturating_sub(1);
        }
    }

    /// Forgets the accounts whose window closed long ago and on which no remembered hold stands.
    pub(crate) fn prune(&mut self, now_ms: UnixMs) {
        for (slot, number) in self.rows.iter_mut().zip(0..) {
            if let Some(row) = slot.take_if(|row| row.is_over(now_ms)) {
                self.by_name.remove(row.name.as_str());
                self.free.push(AccountIndex(number));
            }
        }
    }
}
