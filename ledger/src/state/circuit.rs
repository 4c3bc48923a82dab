//! The vendor's circuit: a vendor that leaves too much unproved is not asked again for a while.
//!
//! It is memory of one process: a restart closes it, and what a restart itself presumed says nothing about a vendor.
//! Calls are left out: that a call was made is never in doubt, only its dollars and tokens are.

use std::collections::HashMap;

use types::{Amounts, Limits, Measure, Name, UnixMs};

use super::accounts::AccountIndex;
use super::sums::{lacking, plus};

/// The window is counted in this many parts, and the part in which it begins counts in full.
const PARTS: u64 = 10;
/// Pairs of vendor and account beyond this many at once are not counted: the limits hold all the same.
const PAIRS_MAX: usize = 65_536;
/// The measures that can be in doubt.
const DOUBTFUL: [Measure; 2] = [Measure::Usd, Measure::Tokens];

/// What was presumed of late, by vendor and account.
#[derive(Clone, Debug)]
pub(crate) struct Circuit {
    share_percent: u32,
    part_ms: u64,
    pairs: HashMap<(Name, AccountIndex), Vec<Part>>,
}

/// What was presumed in one part of the window.
#[derive(Clone, Copy, Debug)]
struct Part {
    number: u64,
    presumed: Amounts,
}

impl Circuit {
    pub(crate) fn new(share_percent: u32, window_ms: u64) -> Self {
        Self { share_percent, part_ms: (window_ms / PARTS).max(1), pairs: HashMap::new() }
    }

    /// Counts what was presumed now.
    pub(crate) fn count(&mut self, vendor: &Name, account: AccountIndex, at_ms: UnixMs, presumed: Amounts) {
        if presumed == Amounts::ZERO {
            return;
        }
        let number = at_ms / self.part_ms;
        let key = (vendor.clone(), account);
        if !self.pairs.contains_key(&key) && self.pairs.len() >= PAIRS_MAX {
            return;
        }
        let parts = self.pairs.entry(key).or_default();
        parts.retain(|part| part.number + PARTS >= number);
        match parts.iter_mut().find(|part| part.number == number) {
            Some(part) => part.presumed = plus(part.presumed, presumed),
            None => parts.push(Part { number, presumed }),
        }
    }

    /// Takes back what was presumed at `at_ms`, where that is still counted: it has been proved since.
    pub(crate) fn forgive(&mut self, vendor: &Name, account: AccountIndex, at_ms: UnixMs, presumed: Amounts) {
        let number = at_ms / self.part_ms;
        let Some(parts) = self.pairs.get_mut(&(vendor.clone(), account)) else { return };
        if let Some(part) = parts.iter_mut().find(|part| part.number == number) {
            part.presumed = lacking(part.presumed, presumed);
        }
    }

    /// Whether too much stands unproved for the vendor on an account with these limits.
    pub(crate) fn is_open(&self, vendor: &Name, account: AccountIndex, limits: &Limits, now_ms: UnixMs) -> bool {
        if self.pairs.is_empty() {
            return false;
        }
        let Some(parts) = self.pairs.get(&(vendor.clone(), account)) else { return false };
        let now = now_ms / self.part_ms;
        let recent = parts.iter().filter(|part| part.number + PARTS >= now);
        let presumed = recent.fold(Amounts::ZERO, |sum, part| plus(sum, part.presumed));
        DOUBTFUL.iter().any(|measure| {
            limits.of(*measure).is_some_and(|limit| {
                i128::from(presumed.of(*measure)) * 100 > i128::from(limit) * i128::from(self.share_percent)
            })
        })
    }

    /// Forgets what lies before the window.
    pub(crate) fn forget(&mut self, now_ms: UnixMs) {
        let now = now_ms / self.part_ms;
        self.pairs.retain(|_, parts| {
            parts.retain(|part| part.number + PARTS >= now);
            !parts.is_empty()
        });
    }
}
