//! Refusals of one agent for one reason: ten a second are written one by one, more as a count.

use std::collections::HashMap;

use parking_lot::Mutex;
use types::entry::Refuse;
use types::{Name, UnixMs};

/// This many of a kind stand alone in each second.
const ALONE_PER_SECOND: u32 = 10;
/// More kinds than this at once are written one by one: agents and reason codes are bounded by the configuration.
const KINDS_MAX: usize = 4_096;

/// Counts refusals by (agent, reason code).
#[derive(Default)]
pub(super) struct Refusals(Mutex<HashMap<(Name, &'static str), Kind>>);

struct Kind {
    second: u64,
    written: u32,
    /// The last one that was not written, with the count of all such.
    counted: Option<Refuse>,
}

impl Refusals {
    /// Gives back what to write now: the refusal itself, a count of earlier ones, both, or nothing.
    #[must_use]
    pub(super) fn take(&self, refuse: Refuse) -> Vec<Refuse> {
        let agent = refuse.caller.as_ref().map_or_else(|| Name::from("-"), |caller| caller.agent.clone());
        let second = refuse.at_ms / 1000;
        let mut kinds = self.0.lock();
        let key = (agent, refuse.reason.code());
        if kinds.len() >= KINDS_MAX && !kinds.contains_key(&key) {
            return vec![refuse];
        }
        let kind = kinds.entry(key).or_insert(Kind { second, written: 0, counted: None });
        let mut due = Vec::new();
        if kind.second != second {
            due.extend(kind.counted.take());
            kind.second = second;
            kind.written = 0;
        }
        if kind.written < ALONE_PER_SECOND {
            kind.written += 1;
            due.push(refuse);
        } else {
            let before = kind.counted.as_ref().map_or(0, |counted| counted.count);
            kind.counted = Some(Refuse { count: before.saturating_add(refuse.count), ..refuse });
        }
        due
    }

    /// Counts of seconds that have passed, and forgets kinds that are still: called about once a second.
    #[must_use]
    pub(super) fn due(&self, now_ms: UnixMs) -> Vec<Refuse> {
        let second = now_ms / 1000;
        let mut due = Vec::new();
        self.0.lock().retain(|_, kind| {
            if kind.second == second {
                return true;
            }
            due.extend(kind.counted.take());
            false
        });
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::entry::{Proof, Request};
    use types::{DecisionId, Reason};

    fn refused(at_ms: UnixMs) -> Refuse {
        Refuse {
            at_ms,
            caller: None,
            count: 1,
            id: DecisionId::new(at_ms, [0; 10]),
            proof: Proof::default(),
            reason: Reason::IdentityMissing,
            request: Request::default(),
        }
    }

    #[test]
    fn more_than_ten_refusals_of_a_kind_in_a_second_become_a_count() {
        let refusals = Refusals::default();
        let alone: usize = (0..25).map(|_| refusals.take(refused(5_000)).len()).sum();
        assert_eq!(alone, 10);
        let due = refusals.due(6_000);
        assert_eq!(due.iter().map(|refuse| refuse.count).sum::<u64>(), 15);
        assert!(refusals.due(7_000).is_empty());
    }

    #[test]
    fn the_count_of_a_second_is_written_with_the_first_of_the_next() {
        let refusals = Refusals::default();
        for _ in 0..12 {
            let _ = refusals.take(refused(5_000));
        }
        let due = refusals.take(refused(6_000));
        assert_eq!(due.iter().map(|refuse| refuse.count).collect::<Vec<_>>(), [2, 1]);
    }
}
