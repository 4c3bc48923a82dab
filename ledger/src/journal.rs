//! Where the ledger writes what it did. The gateway implements this over the trail.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use tokio::sync::oneshot;
use types::Entry;

/// An entry as bytes: serialised outside of every lock, queued inside one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared(pub Vec<u8>);

/// Why an entry was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JournalError {
    /// The queue is full: try again in a moment.
    Full,
    /// The disk refused a write or a sync; nothing is durable until the journal has healed.
    Failed,
    /// The journal has been closed.
    Closed,
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the queue of the trail is full",
            Self::Failed => "the trail cannot be written",
            Self::Closed => "the trail is closed",
        })
    }
}

impl std::error::Error for JournalError {}

/// The journal of the ledger.
///
/// The three `append` verbs are called inside the ledger's critical section, so that the order of entries is the order
/// of the ledger: they queue, and must neither wait for IO nor call the ledger back.
pub trait Journal: Send + Sync + 'static {
    /// Serialises an entry; called outside of the ledger's lock.
    fn prepare(&self, entry: &Entry) -> Prepared;

    /// Queues an entry whose loss in a crash does no harm; gives its sequence number.
    ///
    /// # Errors
    /// Every [`JournalError`]; the entry is not written then.
    fn append(&self, entry: Prepared) -> Result<u64, JournalError>;

    /// Queues an entry and gives back a promise that resolves when it is durable.
    ///
    /// # Errors
    /// Every [`JournalError`]; the entry is not written then.
    fn append_durable(&self, entry: Prepared) -> Result<Durable, JournalError>;

    /// Queues what became of an admitted hold. Never refused because the queue is full: the number of such entries is
    /// bounded by the number of open holds.
    ///
    /// # Errors
    /// [`JournalError::Failed`] and [`JournalError::Closed`]; the ledger keeps the entry and tries again later.
    fn append_reserved(&self, entry: Prepared) -> Result<u64, JournalError>;
}

/// A queued entry that will be durable, or not.
#[must_use = "what is not awaited is not known to be durable"]
pub struct Durable {
    seq: u64,
    word: Word,
}

enum Word {
    Channel(oneshot::Receiver<Result<(), JournalError>>),
    Future(Pin<Box<dyn Future<Output = Result<(), JournalError>> + Send>>),
}

impl Durable {
    /// A promise that is kept through a channel; a dropped sender is [`JournalError::Closed`].
    pub const fn new(seq: u64, told: oneshot::Receiver<Result<(), JournalError>>) -> Self {
        Self { seq, word: Word::Channel(told) }
    }

    /// A promise that is kept by a future, for journals with a promise type of their own.
    pub fn of(seq: u64, told: impl Future<Output = Result<(), JournalError>> + Send + 'static) -> Self {
        Self { seq, word: Word::Future(Box::pin(told)) }
    }

    /// The sequence number of the entry.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// Waits until the entry is durable.
    ///
    /// # Errors
    /// The reason why it is not. It may still stand in the journal.
    pub async fn wait(self) -> Result<(), JournalError> {
        match self.word {
            Word::Channel(told) => told.await.unwrap_or(Err(JournalError::Closed)),
            Word::Future(told) => told.await,
        }
    }
}

impl fmt::Debug for Durable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Durable").field("seq", &self.seq).finish_non_exhaustive()
    }
}
