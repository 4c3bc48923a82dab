//! The one mutex: the state machine, and what still has to be written about it.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;
use types::entry::{Presume, Release};
use types::{DecisionId, Entry, Name, UnixMs};

use crate::journal::{Journal, JournalError, Prepared};
use crate::state::{Core, Moved};
use crate::telemetry;

/// What every handle of one ledger shares.
pub(crate) struct Shared {
    pub(crate) journal: Arc<dyn Journal>,
    guarded: Mutex<Guarded>,
    /// Counts freezes and unfreezes, for those who watch running streams.
    pub(crate) switches: watch::Sender<u64>,
}

/// What stands behind the mutex. It is never held across an await or any IO.
pub(crate) struct Guarded {
    pub(crate) core: Core,
    /// What the journal would not take while it was failing, in order: at most a few entries for each hold that was
    /// open or presumed then, because nothing is admitted before they are written.
    owed: VecDeque<Entry>,
    /// The last entry that the ledger queued.
    pub(crate) last_seq: Option<u64>,
    /// Nothing is reserved or admitted any more.
    pub(crate) is_closed: bool,
}

impl Shared {
    pub(crate) fn new(journal: Arc<dyn Journal>, core: Core) -> Self {
        let guarded = Guarded { core, owed: VecDeque::new(), last_seq: None, is_closed: false };
        Self { journal, guarded: Mutex::new(guarded), switches: watch::Sender::new(0) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Guarded> {
        self.guarded.lock()
    }

    /// Writes a state change that has no refusal, in the order in which it was made.
    pub(crate) fn write(&self, guarded: &mut Guarded, prepared: Prepared, entry: &Entry) {
        if self.pay(guarded).is_ok()
            && let Ok(seq) = self.journal.append_reserved(prepared)
        {
            guarded.last_seq = Some(seq);
            return;
        }
        guarded.owed.push_back(entry.clone());
    }

    /// Writes what is owed to the journal, oldest first.
    ///
    /// # Errors
    /// That of the journal; the rest stays owed.
    pub(crate) fn pay(&self, guarded: &mut Guarded) -> Result<(), JournalError> {
        while let Some(entry) = guarded.owed.front() {
            let seq = self.journal.append_reserved(self.journal.prepare(entry))?;
            guarded.last_seq = Some(seq);
            guarded.owed.pop_front();
        }
        Ok(())
    }

    /// Charges an admitted hold at its bound. Needs no runtime, waits for nothing but the mutex, cannot fail.
    pub(crate) fn presume(&self, id: DecisionId, why: &'static str) {
        let at_ms = self.lock().core.now_ms();
        let why: Name = why.into();
        let entry = Entry::Presume(Presume { at_ms, id, why: why.clone() });
        let prepared = self.journal.prepare(&entry);
        let mut guarded = self.lock();
        if guarded.core.presume(id, &why, at_ms) == Moved::Changed {
            self.write(&mut guarded, prepared, &entry);
            drop(guarded);
            telemetry::presumed(&why);
        }
    }

    /// Takes an admission back of which it is certain that nothing was sent. Needs no runtime and cannot fail.
    pub(crate) fn withdraw(&self, id: DecisionId, now_ms: Option<UnixMs>, why: &str) {
        let at_ms = now_ms.unwrap_or_else(|| self.lock().core.now_ms());
        let entry = Entry::Release(Release { at_ms, id, why: why.into() });
        let prepared = self.journal.prepare(&entry);
        let mut guarded = self.lock();
        if guarded.core.release(id, at_ms) == Moved::Changed {
            self.write(&mut guarded, prepared, &entry);
        }
    }
}

impl Guarded {
    /// How many entries the journal has not taken yet.
    pub(crate) fn owed_len(&self) -> usize {
        self.owed.len()
    }

    /// Notes an entry that repeats a fact without harm, unless it is owed already.
    pub(crate) fn owe(&mut self, entry: Entry) {
        if !self.owed.contains(&entry) {
            self.owed.push_back(entry);
        }
    }
}
