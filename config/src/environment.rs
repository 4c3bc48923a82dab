//! The world outside the file: variables and files. Read here and nowhere else.

use std::io;
use std::path::Path;

/// What `${env:...}` and `${file:...}` stand for.
pub trait Environment: Send + Sync {
    /// The value of a variable; `None` where it is not set, or not Unicode.
    fn variable(&self, name: &str) -> Option<String>;

    /// The text of a file.
    ///
    /// # Errors
    /// Those of the file system; `InvalidData` where it is not UTF-8.
    fn file(&self, path: &Path) -> io::Result<String>;

    /// The permission bits of a file, where the file system has any.
    fn mode(&self, path: &Path) -> Option<u32> {
        let _ = path;
        None
    }
}

/// The environment of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealEnvironment;

impl Environment for RealEnvironment {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn file(&self, path: &Path) -> io::Result<String> {
        std::fs::read_to_string(path)
    }

    #[cfg(unix)]
    fn mode(&self, path: &Path) -> Option<u32> {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(path).ok().map(|metadata| metadata.permissions().mode() & 0o7777)
    }
}
