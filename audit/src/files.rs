//! Files that are whole or absent.

use std::fs::{self, DirBuilder, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::error::{AuditError, failed};

/// Whether a file that is replaced reaches the disk before the call returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sync {
    /// It does.
    Now,
    /// Whenever the system likes: losing the new content to a power cut does no harm.
    Later,
}

/// Makes the folder, for its owner only, where it is missing, and its name durable.
pub(crate) fn make_folder(folder: &Path) -> Result<(), AuditError> {
    if folder.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed("create", folder))?;
    sync_folder_of(folder)
}

/// The path of a file beside this one: its name with one more ending.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

/// Replaces a file: a reader sees the old content or the new, never a part.
pub(crate) fn replace(path: &Path, bytes: &[u8], sync: Sync) -> Result<(), AuditError> {
    let beside = beside(path, "new");
    let mut file = File::create(&beside).map_err(failed("write", &beside))?;
    file.write_all(bytes).map_err(failed("write", &beside))?;
    if sync == Sync::Now {
        file.sync_all().map_err(failed("sync", &beside))?;
    }
    fs::rename(&beside, path).map_err(failed("replace", path))?;
    if sync == Sync::Now { sync_folder_of(path) } else { Ok(()) }
}

/// Removes a file where there is one.
pub(crate) fn remove(path: &Path) -> Result<(), AuditError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(failed("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Makes the names in the folder of this file durable.
pub(crate) fn sync_folder_of(path: &Path) -> Result<(), AuditError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed("sync", folder))
}

/// Reads a small file; `None` where there is none.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, AuditError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path)(error)),
    }
}
