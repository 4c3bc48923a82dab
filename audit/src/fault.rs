//! Where and how a trail does not verify.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::checkpoint::CheckpointError;
use crate::line::LineError;

/// Where a record stands, or should stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The segment file.
    pub file: PathBuf,
    /// The line in it, from 1.
    pub line: u64,
    /// The first byte of the line, from 0.
    pub offset: u64,
    /// The sequence number that the record at this place must have.
    pub seq: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {} ({}, line {}, byte {})", self.seq, self.file.display(), self.line, self.offset)
    }
}

/// What is wrong with the first bad record, or with a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A complete line that is not of the form that the trail writes.
    Malformed {
        /// The record.
        place: Place,
        /// What is wrong with it.
        why: LineError,
    },
    /// Another record stands at this place: one was removed, inserted or moved.
    Sequence {
        /// The place.
        place: Place,
        /// The number of the record that stands there.
        found: u64,
    },
    /// The record is not the one that its neighbours in the chain know.
    Altered {
        /// The record.
        place: Place,
    },
    /// The line breaks off although something follows it, or although a checkpoint covers it.
    Unfinished {
        /// The record.
        place: Place,
    },
    /// Bytes stand in a segment after the place where the next segment goes on.
    Surplus {
        /// The place where they begin.
        place: Place,
    },
    /// Another gateway's record stands in this trail.
    Gateway {
        /// The record.
        place: Place,
    },
    /// Records are missing between two segments, or before the first one.
    Missing {
        /// The first missing record.
        seq: u64,
        /// The segment that should have followed, by the number of its first record.
        next: u64,
    },
    /// The trail ends before the last record that a checkpoint covers.
    Truncated {
        /// The first missing record.
        seq: u64,
        /// How many records the checkpoint covers.
        size: u64,
        /// Whether the checkpoint came from outside, rather than from the trail's own folder.
        outside: bool,
    },
    /// The chain holds, but the tree is not the one that was signed: the last record was altered, or everything since
    /// record `since` was written anew.
    Root {
        /// The last record that the checkpoint covers.
        place: Place,
        /// The first record that no earlier checkpoint vouches for.
        since: u64,
        /// Whether the checkpoint came from outside.
        outside: bool,
    },
    /// A checkpoint file cannot be relied on.
    Checkpoint {
        /// The file, or the folder of the trail for one from outside.
        file: PathBuf,
        /// What is wrong with it.
        why: CheckpointError,
    },
}

impl Fault {
    /// The sequence number of the first record that cannot be relied on; `None` where a checkpoint is at fault and not
    /// a record.
    #[must_use]
    pub const fn seq(&self) -> Option<u64> {
        match self {
            Self::Malformed { place, .. }
            | Self::Sequence { place, .. }
            | Self::Altered { place }
            | Self::Unfinished { place }
            | Self::Surplus { place }
            | Self::Gateway { place }
            | Self::Root { place, .. } => Some(place.seq),
            Self::Missing { seq, .. } | Self::Truncated { seq, .. } => Some(*seq),
            Self::Checkpoint { .. } => None,
        }
    }

    /// The place of the first record that cannot be relied on, where it is in a file.
    #[must_use]
    pub const fn place(&self) -> Option<&Place> {
        match self {
            Self::Malformed { place, .. }
            | Self::Sequence { place, .. }
            | Self::Altered { place }
            | Self::Unfinished { place }
            | Self::Surplus { place }
            | Self::Gateway { place }
            | Self::Root { place, .. } => Some(place),
            Self::Missing { .. } | Self::Truncated { .. } | Self::Checkpoint { .. } => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { place, why: LineError::Envelope } => {
                write!(f, "{place} is not of the form that the trail writes. {MEND}")
            }
            Self::Malformed { place, why: LineError::Entry { column } } => write!(
                f,
                "{place} holds an entry that this version of Bursar cannot read (at character {column} of the entry). \
                 If a newer version wrote it, use that one. {MEND}"
            ),
            Self::Sequence { place, found } => write!(
                f,
                "{place} is not there: entry {found} stands in its place. A record was removed, inserted or moved. {MEND}"
            ),
            Self::Altered { place } => {
                write!(f, "{place} was altered: its hash is not the one that the chain knows. {MEND}")
            }
            Self::Unfinished { place } => {
                write!(f, "{place} breaks off, although the trail went on after it. {MEND}")
            }
            Self::Surplus { place } => write!(
                f,
                "{place}: bytes stand here although the next segment begins with this entry. They are the rest of a write \
                 that failed, or were added. Keep a copy of the file, then run: truncate -s {} {}",
                place.offset,
                place.file.display()
            ),
            Self::Gateway { place } => {
                write!(f, "{place} was written by another gateway: one folder holds one gateway's trail. {MEND}")
            }
            Self::Missing { seq, next } => {
                write!(f, "entries {seq} to {} are missing before segment {next:020}.ndjson. {MEND}", next - 1)
            }
            Self::Truncated { seq, size, outside } => {
                let whose = whose(*outside);
                write!(f, "entry {seq} is missing: the trail ends before it, but {whose} covers {size} entries. {MEND}")
            }
            Self::Root { place, since, outside } => write!(
                f,
                "{place} is not what was signed: {} of {} entries does not fit. The entry was altered, or entries from \
                 {since} on were written anew. {MEND}",
                whose(*outside),
                place.seq
            ),
            Self::Checkpoint { file, why } => checkpoint(f, file, *why),
        }
    }
}

const MEND: &str = "Restore the folder from a copy; or move it aside for examination, and a new trail begins";

const fn whose(outside: bool) -> &'static str {
    if outside { "the checkpoint from outside" } else { "a checkpoint" }
}

fn checkpoint(f: &mut fmt::Formatter<'_>, file: &Path, why: CheckpointError) -> fmt::Result {
    write!(f, "the checkpoint in {} cannot be relied on: {why}. ", file.display())?;
    match why {
        CheckpointError::OtherKey => {
            f.write_str("Restore the key that signed this trail, or move the trail aside, and a new one begins")
        }
        _ => f.write_str("Restore the file from a copy"),
    }
}

impl std::error::Error for Fault {}
