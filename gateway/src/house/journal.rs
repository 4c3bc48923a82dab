//! The ledger's journal is the trail.

use std::sync::Arc;

use audit::{AppendError, Trail};
use ledger::{Durable, Journal, JournalError, Prepared};
use types::Entry;

/// The trail, as the ledger sees it.
pub(super) struct TrailJournal(pub Arc<Trail>);

impl Journal for TrailJournal {
    fn prepare(&self, entry: &Entry) -> Prepared {
        Prepared(self.0.prepare(entry).into_bytes())
    }

    fn append(&self, entry: Prepared) -> Result<u64, JournalError> {
        self.0.append(audit::Prepared::from_bytes(entry.0)).map_err(told)
    }

    fn append_durable(&self, entry: Prepared) -> Result<Durable, JournalError> {
        let durable = self.0.append_durable(audit::Prepared::from_bytes(entry.0)).map_err(told)?;
        Ok(Durable::of(durable.seq, async move { durable.wait().await.map_err(told) }))
    }

    fn append_reserved(&self, entry: Prepared) -> Result<u64, JournalError> {
        self.0.append_reserved(audit::Prepared::from_bytes(entry.0)).map_err(told)
    }
}

fn told(error: AppendError) -> JournalError {
    match error {
        AppendError::Full => JournalError::Full,
        AppendError::Closed => JournalError::Closed,
        _ => JournalError::Failed,
    }
}
