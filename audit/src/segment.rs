//! The segment files of a trail: `00000000000000000001.ndjson` is named by the number of its first entry.

use std::path::{Path, PathBuf};

use crate::error::{AuditError, failed};

const ENDING: &str = ".ndjson";
const DIGITS: usize = 20;

/// One segment file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Segment {
    /// The sequence number of its first entry.
    pub first_seq: u64,
    /// The file.
    pub path: PathBuf,
}

impl Segment {
    /// The segment of a folder that begins with this entry.
    #[must_use]
    pub fn new(folder: &Path, first_seq: u64) -> Self {
        Self { first_seq, path: folder.join(format!("{first_seq:020}{ENDING}")) }
    }

    /// The name of its file.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{:020}{ENDING}", self.first_seq)
    }
}

/// The segments of a trail, oldest first. The last one is still being written to.
///
/// # Errors
/// [`AuditError::File`] where the folder cannot be read.
pub fn segments(folder: &Path) -> Result<Vec<Segment>, AuditError> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder).map_err(failed("read", folder))? {
        let path = file.map_err(failed("read", folder))?.path();
        let first_seq = path.file_name().and_then(|name| name.to_str()).and_then(first_seq);
        found.extend(first_seq.map(|first_seq| Segment { first_seq, path }));
    }
    found.sort_unstable();
    Ok(found)
}

fn first_seq(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(ENDING).filter(|digits| digits.len() == DIGITS)?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|seq| is_number && *seq > 0)
}

/// The segments that nothing is added to any more, oldest first, each with its last entry's number.
///
/// # Errors
/// As [`segments`].
pub fn closed_segments(folder: &Path) -> Result<Vec<(Segment, u64)>, AuditError> {
    let all = segments(folder)?;
    let last_seqs: Vec<u64> = all.iter().skip(1).map(|next| next.first_seq - 1).collect();
    Ok(all.into_iter().zip(last_seqs).collect())
}

/// The last entry of the newest closed segment; `None` where no segment is closed yet.
///
/// # Errors
/// As [`segments`].
pub fn last_closed_seq(folder: &Path) -> Result<Option<u64>, AuditError> {
    Ok(closed_segments(folder)?.last().map(|(_, last_seq)| *last_seq))
}
