//! What can go wrong with a trail, and how to mend it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::checkpoint::CheckpointError;
use crate::fault::Fault;

/// Why an entry was not written, or is not known to be durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AppendError {
    /// The queue is full: the disk is slower than what comes in.
    Full,
    /// The disk refused a write or a sync: nothing is written until a new segment has been synced.
    Failed,
    /// The trail has been closed.
    Closed,
    /// The entry is longer than a line may be (4 MiB).
    TooLong,
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the queue of the trail is full",
            Self::Failed => "the trail cannot be written; it goes on by itself when the disk takes writes again",
            Self::Closed => "the trail is closed",
            Self::TooLong => "the entry is longer than a line of the trail may be (4 MiB)",
        })
    }
}

impl std::error::Error for AppendError {}

/// Why a trail, or something in it, cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum AuditError {
    /// A file or directory cannot be read or written.
    File {
        /// What was tried: a verb, as in "cannot read".
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The trail does not verify.
    Broken(Box<Fault>),
    /// Others than the owner can reach the signing key.
    LooseKey {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file holds no signing key.
    MalformedKey {
        /// The key file.
        path: PathBuf,
    },
    /// The file holds no public key.
    MalformedPublicKey {
        /// The file.
        path: PathBuf,
    },
    /// A checkpoint, or a public key, that was given cannot be read.
    Checkpoint(CheckpointError),
    /// A key cannot have this name: it is empty, or holds white space or a plus.
    KeyName {
        /// The name.
        name: String,
    },
    /// The trail's thread cannot be started.
    Thread(io::Error),
    /// What must stand in the trail before it can be used could not be written.
    NotWritten(AppendError),
    /// The trail has been closed.
    Closed,
    /// There are no such entries, or no checkpoint covers them yet.
    Range {
        /// The first entry asked for.
        from: u64,
        /// The last entry asked for.
        to: u64,
        /// The last entry there is, or that a checkpoint covers where proofs are wanted.
        last: u64,
    },
    /// Proofs for so many entries at once would not fit in memory.
    TooMany {
        /// How many entries were asked for.
        entries: u64,
        /// How many can be asked for.
        entries_max: u64,
    },
    /// An exported record is not what `export` writes, or proves nothing.
    Export {
        /// Its line, from 1.
        line: u64,
    },
}

impl fmt::Display for AuditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { action, path, source } => write!(f, "cannot {action} {}: {source}", path.display()),
            Self::Broken(fault) => write!(f, "{fault}"),
            Self::LooseKey { path, mode } => write!(
                f,
                "the signing key {} can be reached by others (mode {mode:04o}); run: chmod 600 {}",
                path.display(),
                path.display()
            ),
            Self::MalformedKey { path } => write!(
                f,
                "{} holds no signing key (one line `PRIVATE+KEY+name+id+key`); restore it from a backup, or, where no trail \
                 was signed with it, delete it so that a new one is made",
                path.display()
            ),
            Self::MalformedPublicKey { path } => {
                write!(f, "{} holds no public key (one line `name+id+key`)", path.display())
            }
            Self::Checkpoint(why) => write!(f, "what was given cannot be used: {why}"),
            Self::KeyName { name } => {
                write!(f, "a key cannot be named {name:?}: a name has no white space, no plus, and is not empty")
            }
            Self::Thread(source) => write!(f, "the trail's thread cannot be started: {source}"),
            Self::NotWritten(why) => write!(f, "the trail cannot be opened for writing: {why}"),
            Self::Closed => write!(f, "the trail is closed"),
            Self::Range { from, to, last } => {
                write!(f, "entries {from} to {to} cannot be had: the last one that can be is {last}")
            }
            Self::TooMany { entries, entries_max } => {
                write!(f, "proofs for {entries} entries at once are too many: ask for at most {entries_max}")
            }
            Self::Export { line } => write!(f, "line {line} is not what an export writes, or proves nothing"),
        }
    }
}

impl std::error::Error for AuditError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { source, .. } | Self::Thread(source) => Some(source),
            Self::Broken(fault) => Some(fault.as_ref()),
            Self::NotWritten(why) => Some(why),
            Self::Checkpoint(why) => Some(why),
            _ => None,
        }
    }
}

impl From<Fault> for AuditError {
    fn from(fault: Fault) -> Self {
        Self::Broken(Box::new(fault))
    }
}

impl From<AppendError> for AuditError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Closed => Self::Closed,
            other => Self::NotWritten(other),
        }
    }
}

/// Makes an I/O error tell what was tried on which file.
pub(crate) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> AuditError {
    let path = path.to_path_buf();
    move |source| AuditError::File { action, path, source }
}
