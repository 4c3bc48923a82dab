//! The journal read back: the same state machine as the ledger in service, driven by entries.

use types::entry::Presume;
use types::{DecisionId, Entry, Name, UnixMs};

use crate::error::LedgerError;
use crate::snapshot;
use crate::state::{Core, Moved};
use crate::telemetry;

/// The state that a journal tells: posted, presumed and open holds of every account, to the nano-dollar.
#[derive(Clone, Debug)]
pub struct Folded(Core);

impl Default for Folded {
    fn default() -> Self {
        Self::new()
    }
}

impl Folded {
    /// The state of an empty journal.
    #[must_use]
    pub fn new() -> Self {
        Self(Core::empty())
    }

    /// Takes the next entry in. Every entry is taken in once, in the order of the journal; one that changes nothing
    /// here (a refusal, an outcome of a hold that is not remembered) only tells the time.
    pub fn apply(&mut self, entry: &Entry) {
        let at_ms = entry.at_ms();
        match entry {
            Entry::Admit(admit) => self.0.replay(admit),
            Entry::Outcome(outcome) => self.note(|core| core.settle(outcome.id, &outcome.charge, at_ms)),
            Entry::Presume(presume) => self.note(|core| core.presume(presume.id, &presume.why, at_ms)),
            Entry::Release(release) => self.note(|core| core.release(release.id, at_ms)),
            Entry::Resolve(resolve) => self.note(|core| core.resolve(resolve.id, resolve.actual, at_ms)),
            Entry::Adjust(adjust) => self.0.adjust(&adjust.account, adjust.added),
            Entry::Freeze(freeze) => {
                self.0.switch(&freeze.subject, freeze.frozen);
            }
            Entry::Clock(clock) => return self.0.accept_clock(clock.at_ms),
            _ => {}
        }
        self.0.raise(at_ms);
        self.0.tidy();
    }

    fn note(&mut self, apply: impl FnOnce(&mut Core) -> Moved) {
        if apply(&mut self.0) == Moved::Unknown {
            tracing::debug!("an entry about a hold that is not remembered");
        }
    }

    /// Ends what the process before left open: every hold with an `admit` and no outcome is presumed at its bound.
    /// Gives the entries that say so; they are to be written, durably, before the ledger starts. What was never
    /// admitted is not in the journal and so is released already.
    pub fn finish_restart(&mut self, now_ms: UnixMs) -> Vec<Entry> {
        let at_ms = self.0.raise(now_ms);
        let why: Name = "restart".into();
        let mut open: Vec<DecisionId> = self.0.records().open().map(|record| record.id).collect();
        open.sort_unstable();
        for id in &open {
            self.0.presume(*id, &why, at_ms);
            telemetry::presumed(&why);
        }
        open.into_iter().map(|id| Entry::Presume(Presume { at_ms, id, why: why.clone() })).collect()
    }

    /// The latest time that the journal tells.
    #[must_use]
    pub fn now_ms(&self) -> UnixMs {
        self.0.now_ms()
    }

    /// How many holds are open.
    #[must_use]
    pub fn open_len(&self) -> usize {
        self.0.records().open_len()
    }

    /// The state as bytes: the same state gives the same bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        snapshot::encode(&self.0)
    }

    /// The state from bytes that [`Folded::encode`] wrote.
    ///
    /// # Errors
    /// [`LedgerError::SnapshotVersion`] for anything else, [`LedgerError::SnapshotDamaged`] for bytes that were
    /// changed, cut or contradict themselves.
    pub fn decode(bytes: &[u8]) -> Result<Self, LedgerError> {
        snapshot::decode(bytes).map(Self)
    }

    pub(crate) const fn core(&self) -> &Core {
        &self.0
    }

    pub(crate) fn into_core(self) -> Core {
        self.0
    }
}
