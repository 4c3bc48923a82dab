//! A second ledger, as slow and as plain as can be: it keeps every hold for ever and adds everything up anew each time.

use std::collections::{BTreeMap, BTreeSet};

use types::{Amounts, Certainty, Measure, Money};

/// Calls, tokens and nano-dollars, in wide integers.
pub(crate) type Triple = [i128; 3];

pub(crate) fn triple(amounts: &Amounts) -> Triple {
    [amounts.requests, amounts.tokens, amounts.usd.nanos()].map(i128::from)
}

pub(crate) fn amounts(triple: Triple) -> Amounts {
    let [requests, tokens, usd] = triple.map(|amount| i64::try_from(amount).unwrap());
    Amounts { requests, tokens, usd: Money::from_nanos(usd) }
}

fn each(left: Triple, right: Triple, join: impl Fn(i128, i128) -> i128) -> Triple {
    [0, 1, 2].map(|measure| join(left[measure], right[measure]))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Reserved,
    Admitted,
    Presumed { posted: Triple, presumed: Triple, told: bool },
    Settled { posted: Triple, overrun: bool },
    Released { admitted: bool },
}

#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) accounts: BTreeSet<usize>,
    pub(crate) asked: (Triple, Triple),
    pub(crate) granted: Triple,
    pub(crate) life: Life,
}

/// What stands on an account: posted, presumed, held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stand {
    pub(crate) posted: Triple,
    pub(crate) presumed: Triple,
    pub(crate) held: Triple,
}

impl Stand {
    pub(crate) fn committed(&self) -> Triple {
        each(each(self.posted, self.presumed, |a, b| a + b), self.held, |a, b| a + b)
    }
}

#[derive(Default)]
pub(crate) struct Oracle {
    pub(crate) holds: BTreeMap<u64, Told>,
    pub(crate) adjusted: BTreeMap<usize, Triple>,
}

impl Oracle {
    /// Adds up what stands on an account.
    pub(crate) fn stand(&self, account: usize) -> Stand {
        let mut stand = Stand { posted: self.adjusted.get(&account).copied().unwrap_or_default(), ..Stand::default() };
        for told in self.holds.values().filter(|told| told.accounts.contains(&account)) {
            let (posted, presumed, held) = match told.life {
                Life::Reserved | Life::Admitted => ([0; 3], [0; 3], told.granted),
                Life::Presumed { posted, presumed, .. } => (posted, presumed, [0; 3]),
                Life::Settled { posted, .. } => (posted, [0; 3], [0; 3]),
                Life::Released { .. } => ([0; 3], [0; 3], [0; 3]),
            };
            stand.posted = each(stand.posted, posted, |a, b| a + b);
            stand.presumed = each(stand.presumed, presumed, |a, b| a + b);
            stand.held = each(stand.held, held, |a, b| a + b);
        }
        stand
    }

    /// What a reservation would be granted, `None` where some account has not the floor.
    pub(crate) fn grant(
        &self,
        limits: &BTreeMap<usize, [Option<i64>; 3]>,
        amount: Triple,
        floor: Triple,
    ) -> Option<Triple> {
        let mut granted = amount;
        for (account, limits) in limits {
            let committed = self.stand(*account).committed();
            for measure in 0..3 {
                let room = match limits[measure] {
                    Some(limit) if limit <= 0 => return None,
                    Some(limit) => i128::from(limit) - committed[measure],
                    None => (1 << 62) - committed[measure],
                };
                granted[measure] = granted[measure].min(room);
                if granted[measure] < floor[measure] {
                    return None;
                }
            }
        }
        Some(granted)
    }

    /// An outcome, by the rules of the design: exact replaces all but what is settled; the rest only what is open,
    /// released, or presumed on mere silence.
    pub(crate) fn settle(&mut self, number: u64, certainty: Certainty, told: Triple) {
        let Some(hold) = self.holds.get_mut(&number) else { return };
        let (open_to_all, before) = match hold.life {
            Life::Settled { .. } => return,
            Life::Presumed { told, posted, .. } => (!told, posted),
            _ => (true, [0; 3]),
        };
        let late = matches!(hold.life, Life::Released { .. });
        let settled = |posted: Triple| {
            let above = (0..3).any(|measure| posted[measure] > hold.granted[measure]);
            Life::Settled { posted, overrun: above || (late && posted != [0; 3]) }
        };
        hold.life = match certainty {
            Certainty::Exact => settled(told),
            _ if !open_to_all => return,
            Certainty::AtLeast => {
                let posted = each(told, before, i128::max);
                let presumed = each(hold.granted, posted, |granted, posted| (granted - posted).max(0));
                if presumed == [0; 3] { settled(posted) } else { Life::Presumed { posted, presumed, told: true } }
            }
            Certainty::Unknown => Life::Presumed { posted: [0; 3], presumed: hold.granted, told: true },
        };
    }

    /// Silence.
    pub(crate) fn presume(&mut self, number: u64) {
        if let Some(hold) = self.holds.get_mut(&number)
            && hold.life == Life::Admitted
        {
            hold.life = Life::Presumed { posted: [0; 3], presumed: hold.granted, told: false };
        }
    }

    /// Nothing was sent.
    pub(crate) fn release(&mut self, number: u64) {
        let Some(hold) = self.holds.get_mut(&number) else { return };
        match hold.life {
            Life::Reserved => hold.life = Life::Released { admitted: false },
            Life::Admitted | Life::Presumed { told: false, .. } => hold.life = Life::Released { admitted: true },
            _ => {}
        }
    }

    /// A proof; tells whether there was something to prove.
    pub(crate) fn resolve(&mut self, number: u64, usd: i64) -> bool {
        let Some(hold) = self.holds.get_mut(&number) else { return false };
        let Life::Presumed { posted, presumed, .. } = hold.life else { return false };
        let mut proved = each(posted, presumed, |a, b| a + b);
        proved[2] = i128::from(usd);
        let overrun = (0..3).any(|measure| proved[measure] > hold.granted[measure]);
        hold.life = Life::Settled { posted: proved, overrun };
        true
    }
}

/// The limits of a line, in the order of a triple.
pub(crate) fn limits(line: &types::Limits) -> [Option<i64>; 3] {
    [line.of(Measure::Requests), line.of(Measure::Tokens), line.of(Measure::Usd)]
}
