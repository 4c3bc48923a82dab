//! Tariffs: the prices of a model at a time, with the tiers for long input.

use types::UnixMs;

use super::date::Hours;
use super::rates::Table;

/// Prices that hold from a day on.
#[derive(Debug)]
pub(super) struct Tariff {
    pub(super) from_ms: UnixMs,
    pub(super) table: Table,
    /// Prices of the whole call once its total input exceeds so many tokens; ascending.
    pub(super) above: Box<[(u64, Table)]>,
}

impl Tariff {
    /// The prices of a call with so much input in total, on top of `base`, which the tariff's own prices stand on.
    pub(super) fn table(&self, base: &Table, total_input: u64) -> Table {
        let table = base.overlaid(&self.table);
        match self.above.iter().rev().find(|(more_than, _)| total_input > *more_than) {
            Some((_, above)) => table.overlaid(above),
            None => table,
        }
    }

    /// The amounts of input at which the prices change, as far as a call with so much input at most can reach them.
    pub(super) fn steps(&self, total_input_max: u64) -> impl Iterator<Item = u64> {
        let reached = self.above.iter().filter(move |(more_than, _)| total_input_max > *more_than);
        reached.map(|(more_than, _)| more_than.saturating_add(1))
    }
}

/// Tariffs in the order in which they come into force; the first holds for all time before.
#[derive(Debug)]
pub(super) struct Dated(pub(super) Box<[Tariff]>);

impl Dated {
    pub(super) fn at(&self, now_ms: UnixMs) -> Option<&Tariff> {
        self.0.iter().rev().find(|tariff| tariff.from_ms <= now_ms).or_else(|| self.0.first())
    }
}

/// Other prices at some hours of the day.
#[derive(Debug)]
pub(super) struct Peak {
    pub(super) hours: Hours,
    pub(super) table: Table,
}
