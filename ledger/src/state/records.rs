//! Holds by id: open ones, presumed ones until they are resolved, and closed ones for a while.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound;

use types::{DecisionId, UnixMs};

use super::record::{Record, State};

/// All holds that are remembered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Records {
    open: HashMap<DecisionId, Box<Record>>,
    presumed: BTreeMap<DecisionId, Box<Record>>,
    closed: HashMap<DecisionId, Box<Record>>,
    /// Closed ids in the order in which they closed, each once.
    order: VecDeque<(UnixMs, DecisionId)>,
}

/// How long and how many closed ids are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) remember_ms: u64,
    pub(crate) remembered_max: usize,
}

impl Records {
    pub(crate) fn get(&self, id: DecisionId) -> Option<&Record> {
        self.open.get(&id).or_else(|| self.presumed.get(&id)).or_else(|| self.closed.get(&id)).map(|record| &**record)
    }

    pub(crate) fn open_mut(&mut self, id: DecisionId) -> Option<&mut Record> {
        self.open.get_mut(&id).map(|record| &mut **record)
    }

    /// Takes a hold out, to be filed again in its next state.
    pub(crate) fn take(&mut self, id: DecisionId) -> Option<Box<Record>> {
        self.open.remove(&id).or_else(|| self.presumed.remove(&id)).or_else(|| self.reopen(id))
    }

    /// Takes a closed hold out: only what had been released and is settled late, so the walk is rare.
    fn reopen(&mut self, id: DecisionId) -> Option<Box<Record>> {
        let record = self.closed.remove(&id)?;
        self.order.retain(|(_, closed)| *closed != id);
        Some(record)
    }

    /// Files a hold where its state belongs.
    pub(crate) fn file(&mut self, record: Box<Record>) {
        match record.state {
            State::Reserved | State::Admitted => self.open.insert(record.id, record),
            State::Presumed { .. } => self.presumed.insert(record.id, record),
            State::Settled { .. } | State::Released { .. } => {
                self.order.push_back((record.since_ms, record.id));
                self.closed.insert(record.id, record)
            }
        };
    }

    /// The next closed hold that is too old, or one too many; `None` where all may stay.
    pub(crate) fn forget_one(&mut self, memory: Memory, now_ms: UnixMs) -> Option<Box<Record>> {
        let (closed_ms, id) = *self.order.front()?;
        let is_old = closed_ms.saturating_add(memory.remember_ms) < now_ms;
        if !is_old && self.order.len() <= memory.remembered_max {
            return None;
        }
        self.order.pop_front();
        self.closed.remove(&id)
    }

    pub(crate) fn open(&self) -> impl Iterator<Item = &Record> {
        self.open.values().map(|record| &**record)
    }

    pub(crate) fn open_records_mut(&mut self) -> impl Iterator<Item = &mut Record> {
        self.open.values_mut().map(|record| &mut **record)
    }

    /// Presumed holds, oldest id first.
    pub(crate) fn presumed(&self) -> impl Iterator<Item = &Record> {
        self.presumed.values().map(|record| &**record)
    }

    /// Presumed holds behind this id.
    pub(crate) fn presumed_after(&self, id: Option<DecisionId>) -> impl Iterator<Item = &Record> {
        let from = id.map_or(Bound::Unbounded, Bound::Excluded);
        self.presumed.range((from, Bound::Unbounded)).map(|(_, record)| &**record)
    }

    /// Closed holds in the order in which they closed.
    pub(crate) fn closed(&self) -> impl Iterator<Item = &Record> {
        self.order.iter().filter_map(|(_, id)| self.closed.get(id)).map(|record| &**record)
    }

    pub(crate) fn open_len(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn presumed_len(&self) -> usize {
        self.presumed.len()
    }

    pub(crate) fn closed_len(&self) -> usize {
        self.closed.len()
    }
}
