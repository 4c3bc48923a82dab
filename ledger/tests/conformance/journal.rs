//! A journal in memory that can be told to fail.

use std::sync::Arc;

use ledger::{Durable, Folded, Journal, JournalError, Prepared};
use parking_lot::Mutex;
use tokio::sync::oneshot;
use types::Entry;

/// What the journal does with entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Takes and keeps them at once.
    Well,
    /// Takes none.
    Refusing,
    /// Takes and keeps them, but never says they are durable: the disk failed after the write.
    Losing,
    /// Takes and keeps them, and says so when asked to by [`MemoryJournal::sync`].
    Slow,
}

/// Entries as JSON lines, as a trail keeps them.
pub(crate) struct MemoryJournal(Mutex<Kept>);

struct Kept {
    lines: Vec<Vec<u8>>,
    mood: Mood,
    waiting: Vec<oneshot::Sender<Result<(), JournalError>>>,
}

impl MemoryJournal {
    pub(crate) fn new() -> Arc<Self> {
        Self::holding(&[])
    }

    /// A journal that was left with these entries.
    pub(crate) fn holding(entries: &[Entry]) -> Arc<Self> {
        let lines = entries.iter().map(|entry| serde_json::to_vec(entry).unwrap()).collect();
        Arc::new(Self(Mutex::new(Kept { lines, mood: Mood::Well, waiting: Vec::new() })))
    }

    pub(crate) fn set(&self, mood: Mood) {
        self.0.lock().mood = mood;
    }

    /// Tells everybody who waits that their entries are durable.
    pub(crate) fn sync(&self) {
        for waiting in self.0.lock().waiting.drain(..) {
            let _ = waiting.send(Ok(()));
        }
    }

    pub(crate) fn waiting(&self) -> usize {
        self.0.lock().waiting.len()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().lines.len()
    }

    /// What was written, read back from its JSON.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.0.lock().lines.iter().map(|line| serde_json::from_slice(line).unwrap()).collect()
    }

    pub(crate) fn fold(&self) -> Folded {
        fold(&self.entries())
    }

    fn keep(&self, entry: Prepared) -> Result<u64, JournalError> {
        let mut kept = self.0.lock();
        if kept.mood == Mood::Refusing {
            return Err(JournalError::Failed);
        }
        kept.lines.push(entry.0);
        Ok(kept.lines.len() as u64)
    }
}

/// The state that these entries tell.
pub(crate) fn fold(entries: &[Entry]) -> Folded {
    let mut folded = Folded::new();
    for entry in entries {
        folded.apply(entry);
    }
    folded
}

impl Journal for MemoryJournal {
    fn prepare(&self, entry: &Entry) -> Prepared {
        Prepared(serde_json::to_vec(entry).unwrap())
    }

    fn append(&self, entry: Prepared) -> Result<u64, JournalError> {
        self.keep(entry)
    }

    fn append_durable(&self, entry: Prepared) -> Result<Durable, JournalError> {
        let seq = self.keep(entry)?;
        let (tell, told) = oneshot::channel();
        let mut kept = self.0.lock();
        match kept.mood {
            Mood::Slow => kept.waiting.push(tell),
            Mood::Losing => drop(tell.send(Err(JournalError::Failed))),
            Mood::Well | Mood::Refusing => drop(tell.send(Ok(()))),
        }
        Ok(Durable::new(seq, told))
    }

    fn append_reserved(&self, entry: Prepared) -> Result<u64, JournalError> {
        self.keep(entry)
    }
}
