//! A world without a file system: variables and files of a test's own.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use config::{ConfigError, Environment, House, parse};

/// What `${...}` and the files beside the main one are.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    variables: BTreeMap<String, String>,
    files: BTreeMap<PathBuf, String>,
}

impl World {
    /// The world with one more variable.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The world with one more file.
    pub(crate) fn with_file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(PathBuf::from(path), text.to_owned());
        self
    }

    /// The house of a file that lies in `/house`.
    pub(crate) fn parse(&self, text: &str) -> Result<House, ConfigError> {
        parse(text, Path::new("/house"), self)
    }

    /// What is printed about a file that is refused.
    pub(crate) fn refused(&self, text: &str) -> String {
        match self.parse(text) {
            Ok(house) => panic!("version {} was made of\n{text}", house.version),
            Err(error) => error.to_string(),
        }
    }

    /// The house of a file that is accepted.
    pub(crate) fn accepted(&self, text: &str) -> House {
        self.parse(text).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Environment for World {
    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    fn file(&self, path: &Path) -> io::Result<String> {
        self.files.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// What is printed about a file that is refused in an empty world.
pub(crate) fn refused(text: &str) -> String {
    World::default().refused(text)
}

/// The house of a file that is accepted in an empty world.
pub(crate) fn accepted(text: &str) -> House {
    World::default().accepted(text)
}
