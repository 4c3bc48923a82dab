//! Is the trail what was written? The chain first, then the tree against every checkpoint.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::checkpoint::{Checkpoint, CheckpointError, PublicKey};
use crate::error::AuditError;
use crate::examine::{Examiner, Mark, Marks, own_marks};
use crate::fault::Fault;
use crate::files;
use crate::history::checkpoints;
use crate::line::GENESIS;
use crate::merkle::Tree;
use crate::scan::Scanner;
use crate::segment::segments;

/// The file with the public key, in the folder that holds the folder of the trail.
pub(crate) const PUBLIC_KEY_FILE: &str = "trail.pub";

/// What holds of a trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Always true, for who reads this as JSON: a trail that does not hold is an error, so that nobody overlooks it.
    pub ok: bool,
    /// How many entries there are.
    pub entries: u64,
    /// The first entry; `None` in an empty trail.
    pub first_seq: Option<u64>,
    /// The last entry; 0 in an empty trail.
    pub last_seq: u64,
    /// How many segment files there are.
    pub segments: usize,
    /// How many checkpoints the trail was held against.
    pub checkpoints: u64,
    /// The last entry that a checkpoint vouches for; 0 where none does. Later ones are chained, but not signed yet.
    pub covered_seq: u64,
    /// The root of the tree of all entries, in base64 as in checkpoints.
    pub root: String,
    /// Whether the newest checkpoint's signature was verified. `false` where there is no checkpoint, or no key was given
    /// or published: then the report excludes accidents, not forgery.
    pub signed: bool,
    /// Bytes after the last entry that are not a whole line: a write in progress, or one that was cut off.
    pub unfinished_bytes: u64,
}

/// Verifies a trail: one chain from entry 1, every checkpoint that was ever made, the newest one's signature, and
/// `against`, a checkpoint kept elsewhere, which shows a trail that was rolled back together with its own checkpoints.
///
/// Without `key` the published one is taken (`trail.pub` beside the folder); whoever could write the trail could
/// replace that one too. A trail can be verified while it is written.
///
/// # Errors
/// [`AuditError::Broken`] names the first bad record; [`AuditError::File`], [`AuditError::MalformedPublicKey`].
pub fn verify(folder: &Path, key: Option<&[u8; 32]>, against: Option<&Checkpoint>) -> Result<Report, AuditError> {
    let key = match key {
        Some(key) => Some(*key),
        None => published_key(folder)?.map(|key| key.bytes),
    };
    // The checkpoint is read before the segments: what it covers was in them by then.
    let mut fixed = own_marks(folder, key.as_ref())?;
    let is_signed = key.is_some() && !fixed.is_empty();
    if let Some(checkpoint) = against.cloned() {
        fixed.push(Mark { checkpoint, file: folder.to_path_buf(), outside: true }.signed_with(key.as_ref())?);
    }
    let marks = Marks::new(folder, key, fixed).with_history(checkpoints(folder)?)?;
    let segments = segments(folder)?;
    if let Some(first) = segments.first().filter(|first| first.first_seq != 1) {
        return Err(Fault::Missing { seq: 1, next: first.first_seq }.into());
    }
    let count = segments.len();
    let mut examiner = Examiner::new(Scanner::new(segments, Some(GENESIS)), marks, Tree::new());
    let end = examiner.run()?;
    let last_seq = examiner.tree.size();
    Ok(Report {
        ok: true,
        entries: last_seq,
        first_seq: (last_seq > 0).then_some(1),
        last_seq,
        segments: count,
        checkpoints: examiner.marks.checked(),
        covered_seq: examiner.vouched,
        root: STANDARD.encode(examiner.tree.root()),
        signed: is_signed,
        unfinished_bytes: end.unfinished_bytes,
    })
}

/// The public key that the gateway published beside the folder of its trail; `None` where there is none.
///
/// # Errors
/// [`AuditError::MalformedPublicKey`], [`AuditError::File`].
pub fn published_key(folder: &Path) -> Result<Option<PublicKey>, AuditError> {
    let path = public_key_path(folder);
    let Some(bytes) = files::read(&path)? else { return Ok(None) };
    let key = str::from_utf8(&bytes).map_err(|_| CheckpointError::BadKey).and_then(str::parse);
    key.map(Some).map_err(|_| AuditError::MalformedPublicKey { path })
}

pub(crate) fn public_key_path(folder: &Path) -> std::path::PathBuf {
    folder.parent().map_or_else(|| PUBLIC_KEY_FILE.into(), |data| data.join(PUBLIC_KEY_FILE))
}
