//! Reads scalars for the checks: fills them in, collects what is wrong, and remembers what decides.

use std::path::{Path, PathBuf};

use types::Secret;

use crate::cause::Cause;
use crate::environment::Environment;
use crate::error::{ConfigError, Fault};
use crate::interpolate::{Filled, fill, reference_in};
use crate::source::Source;
use crate::written::{At, FromScalar, Scalar};

/// More faults than a person mends in one go; a file of ten thousand lines of one wrong form is told by its first ones.
const FAULTS_MAX: usize = 100;

/// The state of one check.
pub(crate) struct Reader<'a> {
    environment: &'a dyn Environment,
    /// The folder of the main file, from which all paths are seen.
    pub(crate) folder: &'a Path,
    faults: Vec<Fault>,
    /// What `${...}` stood for where it is no secret, in the order of reading.
    pub(crate) resolved: Vec<String>,
    pub(crate) warnings: Vec<String>,
    pub(crate) files: Vec<PathBuf>,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(environment: &'a dyn Environment, folder: &'a Path) -> Self {
        Self { environment, folder, faults: Vec::new(), resolved: Vec::new(), warnings: Vec::new(), files: Vec::new() }
    }

    /// Notes a fault. The check goes on, so that all of them are told at once.
    pub(crate) fn fault(&mut self, source: &Source, at: At, cause: Cause) {
        self.add(source.fault(at, cause));
    }

    pub(crate) fn add(&mut self, fault: Fault) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        }
    }

    /// The faults so far, where there are any.
    pub(crate) fn verdict(&mut self) -> Result<(), ConfigError> {
        if self.faults.is_empty() { Ok(()) } else { Err(ConfigError::Faults(std::mem::take(&mut self.faults))) }
    }

    /// The faults so far, of which there is one at least.
    pub(crate) fn into_error(self) -> ConfigError {
        ConfigError::Faults(self.faults)
    }

    /// The value of a scalar; `None` where it has none, which is noted.
    pub(crate) fn read<T: FromScalar>(&mut self, source: &Source, scalar: &Scalar<T>) -> Option<T> {
        let read = self.filled(scalar).and_then(|(text, from_outside)| {
            let written = |cause: Cause| if from_outside { cause.about(&reference_in(&scalar.text)) } else { cause };
            T::from_scalar(&text).map_err(written)
        });
        match read {
            Ok(value) => Some(value),
            Err(cause) => {
                self.fault(source, scalar.at, cause);
                None
            }
        }
    }

    /// As [`Reader::read`], for a scalar that may be left out.
    pub(crate) fn read_or<T: FromScalar>(&mut self, source: &Source, scalar: Option<&Scalar<T>>, default: T) -> T {
        scalar.map_or(Some(None), |scalar| self.read(source, scalar).map(Some)).flatten().unwrap_or(default)
    }

    /// As [`Reader::read`], for many.
    pub(crate) fn read_all<T: FromScalar>(&mut self, source: &Source, scalars: &[Scalar<T>]) -> Vec<T> {
        scalars.iter().filter_map(|scalar| self.read(source, scalar)).collect()
    }

    /// A provider key: `None` where it is missing or empty, which is no fault. Never remembered, never shown.
    pub(crate) fn read_secret(&mut self, source: &Source, scalar: &Scalar<Secret>) -> Option<Secret> {
        match fill(&scalar.text, self.folder, self.environment) {
            Ok(filled) => {
                self.look_at_secret(source, scalar.at, &filled);
                (!filled.text.is_empty()).then(|| Secret::new(filled.text))
            }
            Err(cause @ Cause::ReferenceMalformed { .. }) => {
                self.fault(source, scalar.at, cause);
                None
            }
            Err(cause) => {
                let missing = match cause {
                    Cause::VariableMissing { name } => format!("the variable {name} is not set"),
                    other => other.to_string(),
                };
                let place = source.place(scalar.at);
                self.warnings.push(format!("{place}: {missing}; this route answers 503 until its key is there"));
                None
            }
        }
    }

    /// The permission bits of a file or folder.
    pub(crate) fn mode(&self, path: &Path) -> Option<u32> {
        self.environment.mode(path)
    }

    /// The text of a file that the configuration names.
    pub(crate) fn file(&mut self, source: &Source, at: At, path: &Path) -> Option<String> {
        let file = self.folder.join(path);
        match self.environment.file(&file) {
            Ok(text) => {
                self.files.push(file);
                Some(text)
            }
            Err(error) => {
                self.fault(source, at, Cause::FileUnreadable { file, kind: error.kind() });
                None
            }
        }
    }

    /// The text, and whether something in it came from outside the file.
    fn filled<T>(&mut self, scalar: &Scalar<T>) -> Result<(String, bool), Cause> {
        let filled = fill(&scalar.text, self.folder, self.environment)?;
        if filled.from_outside {
            self.resolved.push(filled.text.clone());
        }
        self.files.extend(filled.files);
        Ok((filled.text, filled.from_outside))
    }

    fn look_at_secret(&mut self, source: &Source, at: At, filled: &Filled) {
        if !filled.from_outside {
            let place = source.place(at);
            self.warnings.push(format!(
                "{place}: a provider key stands here in the clear; write ${{env:NAME}} or ${{file:/path}}"
            ));
        }
        for file in &filled.files {
            if self.environment.mode(file).is_some_and(|mode| mode & 0o007 != 0) {
                let file = file.display();
                self.warnings.push(format!(
                    "{file}: everybody on this machine may read this provider key; run `chmod 600` on it"
                ));
            }
        }
        self.files.extend(filled.files.iter().cloned());
    }
}
