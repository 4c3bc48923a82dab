//! Files that are whole or absent, and a key that only its owner can read.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use types::Secret;

use crate::error::CertError;

/// Mode of what everybody may read.
pub(crate) const PUBLIC: u32 = 0o644;
/// Mode of the private key.
pub(crate) const OWNER_ONLY: u32 = 0o600;
/// No file of ours is larger; a larger one is not ours.
const FILE_MAX_BYTES: u64 = 64 * 1024;

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CertError {
    let path = path.to_path_buf();
    move |source| CertError::File { action, path, source }
}

/// Makes the directory, for its owner only, where it is missing.
pub(crate) fn make_directory(dir: &Path) -> Result<(), CertError> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed("create", dir))
}

/// Whether something is there. Unlike `Path::exists`, a directory that may not be searched is an error.
pub(crate) fn is_there(path: &Path) -> Result<bool, CertError> {
    path.try_exists().map_err(failed("look for", path))
}

/// Reads a text file of ours.
pub(crate) fn read(path: &Path) -> Result<String, CertError> {
    let file = File::open(path).map_err(failed("read", path))?;
    read_opened(file, path)
}

/// Reads a private key; refuses it where group or others have any right to the file.
pub(crate) fn read_secret(path: &Path) -> Result<Secret, CertError> {
    let file = File::open(path).map_err(failed("read", path))?;
    // The opened file is asked, not the path: the answer is about the bytes that are read.
    let mode = file.metadata().map_err(failed("read", path))?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(CertError::LooseKey { path: path.to_path_buf(), mode });
    }
    read_opened(file, path).map(Secret::new)
}

fn read_opened(file: File, path: &Path) -> Result<String, CertError> {
    let mut text = String::new();
    file.take(FILE_MAX_BYTES).read_to_string(&mut text).map_err(failed("read", path))?;
    Ok(text)
}

/// Writes a file so that a reader, and a crash, sees the old content or the new, never a part: a file beside it is
/// written, synced and renamed, and the directory is synced.
pub(crate) fn write_whole(path: &Path, text: &str, mode: u32) -> Result<(), CertError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    let beside = Path::new(&beside);
    let written = write_beside(beside, text, mode).and_then(|()| fs::rename(beside, path));
    if written.is_err() {
        // Best effort: the error that counts is the one of the write.
        let _ = fs::remove_file(beside);
    }
    written.map_err(failed("write", path))?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent).and_then(|dir| dir.sync_all()).map_err(failed("sync", parent))
}

fn write_beside(beside: &Path, text: &str, mode: u32) -> io::Result<()> {
    // What an earlier crash of a process with our id left behind.
    match fs::remove_file(beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // `create_new` follows no link that somebody laid there.
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(beside)?;
    // The umask may have taken bits away that readers of a public file need.
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
