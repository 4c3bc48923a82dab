//! Holds by id: open ones, presumed ones until they are resolved, and closed ones for a while.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Bound;

use types::{DecisionId, UnixMs};

use super::record::{Record, State};

/// All holds that are remembered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Records {
    open: ById<Record>,
    presumed: BTreeMap<DecisionId, Record>,
    closed: Closed,
}

/// How long and how many closed ids are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) remember_ms: u64,
    pub(crate) remembered_max: usize,
}

impl Records {
    pub(crate) fn get(&self, id: DecisionId) -> Option<&Record> {
        self.open.get(&id).or_else(|| self.presumed.get(&id)).or_else(|| self.closed.get(id))
    }

    pub(crate) fn open_mut(&mut self, id: DecisionId) -> Option<&mut Record> {
        self.open.get_mut(&id)
    }

    /// Takes a hold out, to be filed again in its next state.
    pub(crate) fn take(&mut self, id: DecisionId) -> Option<Record> {
        self.open.remove(&id).or_else(|| self.presumed.remove(&id)).or_else(|| self.closed.take(id))
    }

    /// Files a hold where its state belongs.
    pub(crate) fn file(&mut self, record: Record) {
        match record.state {
            State::Reserved(_) | State::Admitted(_) => {
                self.open.insert(record.id, record);
            }
            State::Presumed { .. } => {
                self.presumed.insert(record.id, record);
            }
            State::Settled { .. } | State::Released { .. } => self.closed.push(record),
        }
    }

    /// The next closed hold that is too old, or one too many; `None` where all may stay.
    pub(crate) fn forget_one(&mut self, memory: Memory, now_ms: UnixMs) -> Option<Record> {
        let is_old = self.closed.oldest_ms()?.saturating_add(memory.remember_ms) < now_ms;
        (is_old || self.closed.len() > memory.remembered_max).then(|| self.closed.pop()).flatten()
    }

    pub(crate) fn open(&self) -> impl Iterator<Item = &Record> {
        self.open.values()
    }

    pub(crate) fn open_records_mut(&mut self) -> impl Iterator<Item = &mut Record> {
        self.open.values_mut()
    }

    /// Presumed holds, oldest id first.
    pub(crate) fn presumed(&self) -> impl Iterator<Item = &Record> {
        self.presumed.values()
    }

    /// Presumed holds behind this id.
    pub(crate) fn presumed_after(&self, id: Option<DecisionId>) -> impl Iterator<Item = &Record> {
        let from = id.map_or(Bound::Unbounded, Bound::Excluded);
        self.presumed.range((from, Bound::Unbounded)).map(|(_, record)| record)
    }

    /// Closed holds in the order in which they closed.
    pub(crate) fn closed(&self) -> impl Iterator<Item = &Record> {
        self.closed.line.iter().flatten()
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

/// Closed holds in one line of memory, so that closing one and forgetting the oldest touch its two ends only.
#[derive(Clone, Debug, Default)]
struct Closed {
    /// Where each stands, counted from the first that ever closed.
    places: ById<u64>,
    /// `None` where a hold was taken out again: one that had been released and was settled late.
    line: VecDeque<Option<Record>>,
    /// The place of the first in the line.
    first: u64,
}

impl Closed {
    fn len(&self) -> usize {
        self.places.len()
    }

    fn get(&self, id: DecisionId) -> Option<&Record> {
        let at = self.places.get(&id)?.checked_sub(self.first)?;
        self.line.get(usize::try_from(at).ok()?)?.as_ref()
    }

    fn push(&mut self, record: Record) {
        self.places.insert(record.id, self.first + self.line.len() as u64);
        self.line.push_back(Some(record));
    }

    fn take(&mut self, id: DecisionId) -> Option<Record> {
        let at = self.places.remove(&id)?.checked_sub(self.first)?;
        self.line.get_mut(usize::try_from(at).ok()?)?.take()
    }

    /// When the oldest closed; the front is never an empty place.
    fn oldest_ms(&mut self) -> Option<UnixMs> {
        while self.line.front()?.is_none() {
            self.line.pop_front();
            self.first += 1;
        }
        self.line.front()?.as_ref().map(|record| record.since_ms)
    }

    fn pop(&mut self) -> Option<Record> {
        let record = self.line.pop_front()??;
        self.first += 1;
        self.places.remove(&record.id);
        Some(record)
    }
}

/// A table by id. Ids carry 80 random bits that no agent chooses, so one multiplication spreads them well enough.
type ById<V> = HashMap<DecisionId, V, BuildHasherDefault<IdHasher>>;

/// Folds the two halves of an id into 64 bits.
#[derive(Clone, Copy, Debug, Default)]
struct IdHasher(u64);

/// Two odd constants with well mixed bits: the golden ratio and the square root of three, as fractions of 2^64.
const LOW: u64 = 0x9e37_79b9_7f4a_7c15;
const HIGH: u64 = 0xbb67_ae85_84ca_a73b;

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u128(u128::from(*byte));
        }
    }

    fn write_u128(&mut self, id: u128) {
        let low = (id & u128::from(u64::MAX)) ^ u128::from(LOW ^ self.0);
        let high = (id >> 64) ^ u128::from(HIGH);
        let product = low.wrapping_mul(high);
        self.0 = u64::try_from((product ^ (product >> 64)) & u128::from(u64::MAX)).unwrap_or_default();
    }
}
