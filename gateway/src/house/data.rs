//! The data directory and its one owner.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use super::HouseError;

/// Commands own the directory for the time of one entry; a gateway owns it for as long as it runs.
const PATIENCE: Duration = Duration::from_secs(1);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A data directory that this process owns until the value is dropped.
pub struct DataDirectory {
    root: PathBuf,
    _lock: File,
}

impl DataDirectory {
    /// Makes the directory (mode 0700) where it is missing and takes its lock. Waits a moment for a command that owns
    /// the directory only while it writes one entry.
    ///
    /// # Errors
    /// [`HouseError::SecondOwner`] where another process holds it, [`HouseError::Data`] where it cannot be made.
    pub fn own(root: &Path) -> Result<Self, HouseError> {
        let failed = |source| HouseError::Data { path: root.to_owned(), source };
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(root).map_err(failed)?;
        let path = root.join("lock");
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        if !take(&lock) {
            let mut owner = String::new();
            lock.read_to_string(&mut owner).map_err(failed)?;
            return Err(HouseError::SecondOwner { path: root.to_owned(), owner: owner.trim().to_owned() });
        }
        lock.set_len(0).and_then(|()| lock.rewind()).map_err(failed)?;
        writeln!(lock, "{}", std::process::id()).map_err(failed)?;
        Ok(Self { root: root.to_owned(), _lock: lock })
    }

    /// Whether some process owns the directory now.
    #[must_use]
    pub fn is_owned(root: &Path) -> bool {
        let Ok(lock) = OpenOptions::new().read(true).open(root.join("lock")) else { return false };
        flock(&lock, FlockOperation::NonBlockingLockShared).is_err()
    }

    /// The directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a gateway keeps its trail.
    #[must_use]
    pub fn trail(root: &Path, gateway: &str) -> PathBuf {
        root.join(gateway)
    }

    /// The socket on which the owner answers other processes of the same user.
    #[must_use]
    pub fn operator_socket(root: &Path) -> PathBuf {
        root.join("operator.sock")
    }
}

/// Takes the lock; `false` where somebody holds it who does not let go within a moment.
fn take(lock: &File) -> bool {
    let until = Instant::now() + PATIENCE;
    while flock(lock, FlockOperation::NonBlockingLockExclusive).is_err() {
        if Instant::now() >= until {
            return false;
        }
        std::thread::sleep(LOOK_AGAIN);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_directory_has_one_owner_and_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let owner = DataDirectory::own(folder.path()).unwrap();
        assert!(DataDirectory::is_owned(folder.path()));
        let Err(HouseError::SecondOwner { owner: named, .. }) = DataDirectory::own(folder.path()) else {
            panic!("two owners")
        };
        assert_eq!(named, std::process::id().to_string());
        drop(owner);
        assert!(!DataDirectory::is_owned(folder.path()));
        assert!(DataDirectory::own(folder.path()).is_ok());
    }

    #[test]
    fn who_only_looks_does_not_keep_an_owner_out() {
        let folder = tempfile::tempdir().unwrap();
        drop(DataDirectory::own(folder.path()).unwrap());
        // As `is_owned` does for an instant.
        let looking = File::open(folder.path().join("lock")).unwrap();
        flock(&looking, FlockOperation::NonBlockingLockShared).unwrap();
        let leaves = std::thread::spawn(move || drop(looking));
        assert!(DataDirectory::own(folder.path()).is_ok());
        leaves.join().unwrap();
    }
}
