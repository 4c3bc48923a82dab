//! The disk under a segment that is being written: the seam at which tests make it fail.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use crate::files;

/// Where segments are written.
pub(crate) trait Disk: Send {
    /// Makes a new segment file, and its name durable.
    fn create(&self, path: &Path) -> io::Result<Box<dyn Store>>;
    /// Opens a segment file that is there.
    fn open(&self, path: &Path) -> io::Result<Box<dyn Store>>;
}

/// One segment file.
pub(crate) trait Store: Send {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// `fdatasync`: the bytes, and the length where it grew, are durable when it returns.
    fn sync(&self) -> io::Result<()>;
    fn set_len(&self, len: u64) -> io::Result<()>;
}

/// The file system.
pub(crate) struct FileSystem;

impl Disk for FileSystem {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Store>> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        files::sync_folder_of(path).map_err(io::Error::other)?;
        Ok(Box::new(file))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Store>> {
        Ok(Box::new(OpenOptions::new().write(true).open(path)?))
    }
}

impl Store for File {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        Self::set_len(self, len)
    }
}
