//! The ledger as the trail tells it: the newest snapshot that the trail vouches for, and every entry after it.

use std::path::{Path, PathBuf};

use audit::Trail;
use ledger::Folded;
use types::{Entry, UnixMs};

use super::HouseError;
use crate::read::hash;

/// Snapshots that stay on disk: the newest one counts only when a checkpoint covers the entry that names it, so the one
/// before it is still needed.
const SNAPSHOTS_KEPT: usize = 2;

/// Rebuilds the ledger's state, and writes what a restart means for holds that were open: with an `admit` and no
/// `outcome`, their bound is presumed.
///
/// # Errors
/// [`HouseError::Trail`] where the trail cannot be read.
pub(super) fn rebuild(trail: &Trail, folder: &Path, now_ms: UnixMs) -> Result<Folded, HouseError> {
    let mut state = fold(folder, u64::MAX)?;
    for entry in state.finish_restart(now_ms) {
        trail.append_reserved(trail.prepare(&entry)).map_err(|_| HouseError::Trail(audit::AuditError::Closed))?;
    }
    trail.flush_blocking().map_err(|_| HouseError::Trail(audit::AuditError::Closed))?;
    Ok(state)
}

/// Folds the trail up to and with entry `until_seq`.
///
/// # Errors
/// As [`rebuild`].
pub(super) fn fold(folder: &Path, until_seq: u64) -> Result<Folded, HouseError> {
    for snapshot in snapshots(folder)? {
        if let Some(state) = fold_from(folder, &snapshot, until_seq)? {
            return Ok(state);
        }
    }
    genesis(folder, until_seq)
}

/// Folds the trail from its first entry.
///
/// # Errors
/// As [`rebuild`].
fn genesis(folder: &Path, until_seq: u64) -> Result<Folded, HouseError> {
    let mut state = Folded::new();
    for line in audit::lines(folder, 1)? {
        let line = line?;
        if line.seq > until_seq {
            break;
        }
        state.apply(&line.entry);
    }
    Ok(state)
}

/// A snapshot on disk: the state after entry `folded_seq`.
struct OnDisk {
    folded_seq: u64,
    path: PathBuf,
}

/// The snapshots beside the trail, newest first.
fn snapshots(folder: &Path) -> Result<Vec<OnDisk>, HouseError> {
    let failed = |source| HouseError::Data { path: folder.to_owned(), source };
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder).map_err(failed)? {
        let path = file.map_err(failed)?.path();
        let named = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix("snapshot-"));
        if let Some(folded_seq) = named.and_then(|seq| seq.parse().ok()) {
            found.push(OnDisk { folded_seq, path });
        }
    }
    found.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.folded_seq));
    Ok(found)
}

/// The last entry that a snapshot on disk has folded, where there is any.
///
/// # Errors
/// [`HouseError::Data`] where the folder cannot be read.
pub(super) fn last_snapshot_seq(folder: &Path) -> Result<Option<u64>, HouseError> {
    Ok(snapshots(folder)?.first().map(|snapshot| snapshot.folded_seq))
}

/// Writes a snapshot whole or not at all, and removes the ones that nobody needs any more.
///
/// # Errors
/// [`HouseError::Data`] where the disk does not take it.
pub(super) fn write_snapshot(folder: &Path, folded_seq: u64, bytes: &[u8]) -> Result<(), HouseError> {
    let path = folder.join(format!("snapshot-{folded_seq:020}"));
    let draft = path.with_extension("new");
    std::fs::write(&draft, bytes)
        .and_then(|()| std::fs::rename(&draft, &path))
        .map_err(|source| HouseError::Data { path: path.clone(), source })?;
    for old in snapshots(folder)?.into_iter().skip(SNAPSHOTS_KEPT) {
        if let Err(error) = std::fs::remove_file(&old.path) {
            tracing::warn!("the old snapshot {} cannot be removed: {error}", old.path.display());
        }
    }
    Ok(())
}

/// Folds on from a snapshot. A snapshot counts only if the trail itself names it by hash further on, in an entry that a
/// checkpoint covers: otherwise it could bypass the evidence. `None` where it does not count.
fn fold_from(folder: &Path, snapshot: &OnDisk, until_seq: u64) -> Result<Option<Folded>, HouseError> {
    if snapshot.folded_seq > until_seq {
        return Ok(None);
    }
    let Ok(bytes) = std::fs::read(&snapshot.path) else { return Ok(None) };
    let Ok(mut state) = Folded::decode(&bytes) else { return Ok(None) };
    let (sha256, covered_seq) = (hash(&bytes), audit::newest_checkpoint(folder)?.map_or(0, |newest| newest.size));
    let mut is_named = false;
    for line in audit::lines(folder, snapshot.folded_seq.saturating_add(1))? {
        let line = line?;
        if let Entry::Snapshot(named) = &line.entry {
            let is_covered = line.seq <= covered_seq;
            is_named |= is_covered && named.folded_seq == snapshot.folded_seq && named.sha256 == sha256;
        }
        // The entry that names it comes soon after what it has folded; without one the rest need not be read.
        if !is_named && line.seq > covered_seq {
            return Ok(None);
        }
        if line.seq <= until_seq {
            state.apply(&line.entry);
        } else if is_named {
            break;
        }
    }
    Ok(is_named.then_some(state))
}

#[cfg(test)]
mod tests;
