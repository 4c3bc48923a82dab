//! The trail while it is written: entries in, durable lines out.

mod active;
mod disk;
mod options;
mod queue;
mod recover;
mod writer;

#[cfg(test)]
mod tests;

pub use options::{Clock, Opened, TrailOptions, TrailStatus};

use std::fmt;
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::Mutex;
use tokio::sync::oneshot;
use types::Entry;

use crate::error::{AppendError, AuditError, failed};
use crate::history::History;
use crate::signer::Signer;
use disk::{Disk, FileSystem};
use queue::{Claim, Queue};
use writer::Writer;

/// An entry as canonical JSON, ready to be queued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared(Vec<u8>);

impl Prepared {
    /// Takes bytes over that [`Trail::prepare`] made.
    #[must_use]
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// A queued entry that will be durable, or not.
#[derive(Debug)]
#[must_use = "what is not awaited is not known to be durable"]
pub struct Durable {
    /// The sequence number of the entry.
    pub seq: u64,
    told: oneshot::Receiver<Result<(), AppendError>>,
}

impl Durable {
    /// Waits until the entry is durable.
    ///
    /// # Errors
    /// [`AppendError::Failed`]: the entry is not in the trail, and will not be (unless the process ends before the trail
    /// has healed: then it may be, as far as it had been written). [`AppendError::Closed`]: nothing is known.
    pub async fn wait(self) -> Result<(), AppendError> {
        self.told.await.unwrap_or(Err(AppendError::Closed))
    }
}

/// The trail of one gateway: appended to by any thread, written by a thread of its own. Share it as `Arc<Trail>`.
///
/// Entries stand in the trail in the order of the calls. After a write or sync has failed, the segment is never touched
/// again: awaited entries are reported as failed and are not in the trail; entries that nobody awaits are kept, and are
/// the first ones of the next segment, which is begun as soon as the disk takes writes. They are numbered anew then, so
/// a number that was given out before a failure counts only if it was reported durable.
pub struct Trail {
    queue: Arc<Queue>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Trail {
    /// Opens the trail of a folder, or begins one. A last line that was cut off by a crash is moved to
    /// `<segment>.torn`, and an entry is appended that says so. Starts the trail's thread.
    ///
    /// # Errors
    /// [`AuditError::Broken`] where the trail does not verify: file, line, byte, and how to mend it;
    /// [`AuditError::File`] where the disk does not take writes; [`AuditError::Thread`].
    pub fn open(options: TrailOptions, signer: Arc<dyn Signer>, clock: Clock) -> Result<(Self, Opened), AuditError> {
        Self::open_on(Box::new(FileSystem), &options, signer, clock)
    }

    fn open_on(
        disk: Box<dyn Disk>,
        options: &TrailOptions,
        signer: Arc<dyn Signer>,
        clock: Clock,
    ) -> Result<(Self, Opened), AuditError> {
        let found = recover::recover(options, signer.as_ref(), clock())?;
        let last_seq = found.standing.tree.size();
        let queue = Arc::new(Queue::new(last_seq, found.standing.covered_seq, options.queue_entries));
        let history = History::open(&options.dir)?;
        let mut writer = Writer::new(options, Arc::clone(&queue), disk, (signer, clock), (history, found.standing));
        writer.begin(found.newest).map_err(failed("write a segment in", &options.dir))?;
        let thread = std::thread::Builder::new()
            .name("bursar-trail".into())
            .spawn(move || writer.run())
            .map_err(AuditError::Thread)?;
        let trail = Self { queue, thread: Mutex::new(Some(thread)) };
        for torn in &found.torn {
            trail.append_reserved(trail.prepare(&Entry::Torn(torn.clone())))?;
        }
        if !found.torn.is_empty() {
            trail.flush_blocking()?;
        }
        Ok((trail, Opened { last_seq, last_at_ms: found.last_at_ms, torn: found.torn.into_iter().next_back() }))
    }

    /// Serialises an entry; to be called outside of any lock.
    #[must_use]
    pub fn prepare(&self, entry: &Entry) -> Prepared {
        // Entries are plain data with text keys: writing them to memory cannot fail. An empty entry would be refused by
        // the next start, loudly.
        Prepared(serde_json::to_vec(entry).unwrap_or_default())
    }

    /// Queues an entry that nobody awaits; gives its sequence number. Never waits for IO.
    ///
    /// # Errors
    /// [`AppendError`]; the entry is not taken.
    pub fn append(&self, entry: Prepared) -> Result<u64, AppendError> {
        self.queue.push(entry.0, None, Claim::Common)
    }

    /// Queues an entry whose durability is awaited. Never waits for IO.
    ///
    /// # Errors
    /// [`AppendError`]; the entry is not taken.
    pub fn append_durable(&self, entry: Prepared) -> Result<Durable, AppendError> {
        let (tell, told) = oneshot::channel();
        let seq = self.queue.push(entry.0, Some(tell), Claim::Common)?;
        Ok(Durable { seq, told })
    }

    /// Queues an entry for which there is always room: what became of an admitted hold. Taken while the disk fails, too,
    /// and written first when it has recovered.
    ///
    /// # Errors
    /// [`AppendError::Closed`], [`AppendError::TooLong`]; [`AppendError::Full`] beyond 262,144 entries or 256 MiB above
    /// the limits of the queue, which no number of open holds reaches.
    pub fn append_reserved(&self, entry: Prepared) -> Result<u64, AppendError> {
        self.queue.push(entry.0, None, Claim::Reserved)
    }

    /// Waits until everything queued so far is durable; gives the number of the last such entry. While the disk fails it
    /// is probed once more at once.
    ///
    /// # Errors
    /// [`AppendError::Failed`], [`AppendError::Closed`].
    pub fn flush_blocking(&self) -> Result<u64, AppendError> {
        self.queue.flush()
    }

    /// How the trail stands now.
    #[must_use]
    pub fn status(&self) -> TrailStatus {
        self.queue.status()
    }

    /// Writes what is queued, makes the last checkpoint, and waits for the trail's thread to end. What is appended
    /// afterwards is refused. Closing twice does nothing.
    pub fn close(&self) {
        self.queue.close();
        if let Some(thread) = self.thread.lock().take() {
            // A thread that panicked has told those who waited.
            let _ = thread.join();
        }
    }
}

impl Drop for Trail {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Trail").field(&self.status()).finish()
    }
}
