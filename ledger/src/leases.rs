//! Leases: what this process stands for is renewed; what nobody stands for any more is presumed.

use types::entry::Presume;
use types::{DecisionId, Entry, Name, UnixMs};

use crate::ledger::Ledger;
use crate::state::Moved;
use crate::telemetry;

/// How many holds are looked at under one lock.
const BATCH: usize = 256;

impl Ledger {
    /// Extends the leases of all open holds that something in this process stands for, writes what the journal would
    /// not take before, forgets what is old and sets the gauges. To be called every 30 seconds.
    pub fn renew(&self, now_ms: UnixMs) {
        let mut guarded = self.0.lock();
        guarded.core.raise(now_ms);
        guarded.core.renew();
        guarded.core.tidy();
        if let Err(error) = self.0.pay(&mut guarded) {
            tracing::warn!(%error, owed = guarded.owed_len(), "the trail does not take what the ledger has done");
        }
        drop(guarded);
        telemetry::status(&self.status());
    }

    /// Charges the admitted holds whose lease has ended at their bound, with an entry each, and releases those that
    /// were never admitted. Gives the ids that were presumed.
    pub fn presume_expired(&self, now_ms: UnixMs) -> Vec<DecisionId> {
        self.0.lock().core.raise(now_ms);
        let mut presumed = Vec::new();
        loop {
            let due = self.0.lock().core.due(BATCH);
            if due.is_empty() {
                return presumed;
            }
            for (id, was_admitted) in due {
                if self.expire(id, was_admitted, now_ms) {
                    presumed.push(id);
                }
            }
        }
    }

    fn expire(&self, id: DecisionId, was_admitted: bool, now_ms: UnixMs) -> bool {
        if !was_admitted {
            return self.release_unadmitted(id, now_ms);
        }
        let why: Name = "expired".into();
        let entry = Entry::Presume(Presume { at_ms: now_ms, id, why: why.clone() });
        let prepared = self.0.journal.prepare(&entry);
        let mut guarded = self.0.lock();
        if guarded.core.presume(id, &why, now_ms) != Moved::Changed {
            return false;
        }
        self.0.write(&mut guarded, prepared, &entry);
        drop(guarded);
        telemetry::presumed(&why);
        true
    }

    /// Releases a hold of which the journal knows nothing; one that was admitted meanwhile is left to the next round.
    fn release_unadmitted(&self, id: DecisionId, now_ms: UnixMs) -> bool {
        let mut guarded = self.0.lock();
        if guarded.core.record(id).is_some_and(|record| !record.is_admitted()) {
            guarded.core.release(id, now_ms);
        }
        false
    }
}
