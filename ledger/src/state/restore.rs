//! The state taken apart for a snapshot, in one canonical order, and put together again.

use std::collections::HashMap;

use types::account::Subject;
use types::{AccountName, Amounts, Limits, UnixMs};

use super::Core;
use super::accounts::{AccountIndex, Row};
use super::record::Record;
use super::sums::Sums;

/// An account as a snapshot keeps it. What is presumed and held follows from the records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) name: AccountName,
    pub(crate) posted: Amounts,
    pub(crate) limits: Limits,
    pub(crate) resets_ms: Option<UnixMs>,
}

/// Everything a snapshot keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) clock_ms: UnixMs,
    pub(crate) pruned_ms: UnixMs,
    /// Ascending.
    pub(crate) frozen: Vec<Subject>,
    /// Ascending by name.
    pub(crate) accounts: Vec<Known>,
    /// Open ones by id, presumed ones by id, closed ones in the order in which they closed. Their indices are places in
    /// `accounts`.
    pub(crate) records: Vec<Record>,
}

impl Core {
    /// Takes a copy apart.
    pub(crate) fn parts(&self) -> Parts {
        let mut rows: Vec<&Row> = self.accounts.rows().collect();
        rows.sort_unstable_by(|left, right| left.name.cmp(&right.name));
        let places: HashMap<AccountIndex, AccountIndex> = rows
            .iter()
            .zip(0..)
            .filter_map(|(row, place)| Some((self.accounts.find(&row.name)?, AccountIndex::new(place))))
            .collect();
        let mut open: Vec<&Record> = self.records.open().collect();
        open.sort_unstable_by_key(|record| record.id);
        let records = open.into_iter().chain(self.records.presumed()).chain(self.records.closed());
        Parts {
            clock_ms: self.now_ms(),
            pruned_ms: self.pruned_ms,
            frozen: self.frozen.iter().cloned().collect(),
            accounts: rows.into_iter().map(known).collect(),
            records: records.map(|record| placed(record, &places)).collect(),
        }
    }

    /// Puts the parts together; `None` where they contradict each other: an order that is not canonical, a record that
    /// stands twice or on an account that is not there.
    pub(crate) fn restore(parts: Parts) -> Option<Self> {
        let mut core = Self::empty();
        core.raise(parts.clock_ms);
        core.pruned_ms = parts.pruned_ms;
        if !parts.accounts.is_sorted_by(|left, right| left.name < right.name)
            || !parts.frozen.is_sorted_by(|a, b| a < b)
        {
            return None;
        }
        core.frozen = parts.frozen.into_iter().collect();
        for account in &parts.accounts {
            let index = core.accounts.open(&account.name, account.limits, account.resets_ms);
            core.accounts.add_posted(index, account.posted);
        }
        for record in parts.records {
            let is_sound = core.records.get(record.id).is_none()
                && record.accounts.iter().all(|index| core.accounts.row(*index).is_some());
            if !is_sound {
                return None;
            }
            core.resume(record);
        }
        Some(core)
    }

    /// Files a record whose posted part already stands on its accounts.
    fn resume(&mut self, record: Record) {
        self.due_ms = self.due_ms.min(record.expires_ms);
        let weight = Sums { posted: Amounts::ZERO, ..record.weight() };
        for index in &record.accounts {
            self.accounts.bear(*index, &weight);
        }
        self.records.file(record);
    }
}

fn known(row: &Row) -> Known {
    Known { name: row.name.clone(), posted: row.sums.posted, limits: row.limits, resets_ms: row.resets_ms }
}

fn placed(record: &Record, places: &HashMap<AccountIndex, AccountIndex>) -> Record {
    let accounts = record.accounts.iter().filter_map(|index| places.get(index).copied()).collect();
    Record { accounts, handles: 0, ..record.clone() }
}
