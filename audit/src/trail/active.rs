//! The segment that is being written to.

use std::io;

use super::disk::{Disk, Store};
use crate::segment::Segment;
use types::UnixMs;

/// Zeros are laid so far ahead of the entries at least: a sync into laid zeros moves data only, while a sync of a file
/// that grows also waits for the file system's journal.
const AHEAD_BYTES_MIN: u64 = 256 << 10;
/// Under load they are laid further ahead, up to this.
const AHEAD_BYTES_MAX: u64 = 4 << 20;
/// So many batches of the size just written shall fit into what is laid at once.
const BATCHES_AHEAD: u64 = 64;

static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// The segment that is being written to. After an error it is abandoned, never written to again.
pub(crate) struct Active {
    pub(crate) segment: Segment,
    store: Box<dyn Store>,
    /// Bytes of durable entries.
    used: u64,
    /// Zeros, or entries, stand up to here.
    laid: u64,
    /// No zeros are laid beyond this.
    bytes_max: u64,
    /// When its first entry happened, or it was made.
    pub(crate) started_ms: UnixMs,
}

impl Active {
    /// Makes a segment file and proves that the disk takes writes: it is synced with zeros in it.
    pub(crate) fn create(disk: &dyn Disk, segment: Segment, bytes_max: u64, now_ms: UnixMs) -> io::Result<Self> {
        let store = disk.create(&segment.path)?;
        let mut active = Self { segment, store, used: 0, laid: 0, bytes_max, started_ms: now_ms };
        active.lay(AHEAD_BYTES_MIN)?;
        active.store.sync()?;
        Ok(active)
    }

    /// Goes on in a segment file after its first `used` bytes. What was found in it becomes durable now, if a kill had
    /// left it in memory only.
    pub(crate) fn resume(
        disk: &dyn Disk,
        segment: Segment,
        used: u64,
        bytes_max: u64,
        started_ms: UnixMs,
    ) -> io::Result<Self> {
        let store = disk.open(&segment.path)?;
        store.set_len(used)?;
        let mut active = Self { segment, store, used, laid: used, bytes_max, started_ms };
        active.lay(AHEAD_BYTES_MIN)?;
        active.store.sync()?;
        Ok(active)
    }

    pub(crate) const fn used(&self) -> u64 {
        self.used
    }

    /// Writes a batch and makes it durable.
    pub(crate) fn commit(&mut self, batch: &[u8]) -> io::Result<()> {
        self.store.write_at(batch, self.used)?;
        let len = batch.len() as u64;
        let end = self.used + len;
        if end > self.laid {
            // One sync for both. A disk too full for zeros is no error: the next entries may fit.
            self.laid = end;
            let _ = self.lay((len * BATCHES_AHEAD).clamp(AHEAD_BYTES_MIN, AHEAD_BYTES_MAX));
        }
        self.store.sync()?;
        self.used = end;
        Ok(())
    }

    fn lay(&mut self, bytes: u64) -> io::Result<()> {
        let end = (self.laid + bytes).min(self.bytes_max);
        while self.laid < end {
            let count = (end - self.laid).min(ZEROS.len() as u64);
            let zeros = usize::try_from(count).ok().and_then(|count| ZEROS.get(..count)).unwrap_or(&ZEROS);
            self.store.write_at(zeros, self.laid)?;
            self.laid += count;
        }
        Ok(())
    }

    /// Cuts the zeros off; nothing is added any more.
    pub(crate) fn close(self) -> io::Result<()> {
        self.store.set_len(self.used)?;
        self.store.sync()
    }

    /// After an error: what was not known to be durable is cut off, as far as this disk still does anything; tells
    /// whether it did.
    pub(crate) fn abandon(self) -> bool {
        let (used, path) = (self.used, self.segment.path.clone());
        let cut = self.close();
        if let Err(error) = &cut {
            let path = path.display();
            tracing::warn!(%path, used, %error, "a failed segment could not be cut behind its last good entry");
        }
        cut.is_ok()
    }
}
