//! The house in force, and how a new one takes its place while requests run.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use types::{Name, UnixMs};

use crate::environment::Environment;
use crate::error::{ConfigError, Fixed};
use crate::house::House;
use crate::load::load;

/// Tells the time, for "last read at".
pub type Clock = Arc<dyn Fn() -> UnixMs + Send + Sync>;

/// The house in force. Reading it costs one atomic load; a request keeps the version that it began with.
pub struct Watched {
    path: PathBuf,
    environment: Arc<dyn Environment>,
    clock: Clock,
    house: ArcSwap<House>,
    reloads: Mutex<Reloads>,
}

/// How the last readings went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reloads {
    /// When the house in force was read.
    pub succeeded_at_ms: UnixMs,
    /// When it was last tried.
    pub attempted_at_ms: UnixMs,
    /// Readings that succeeded since the start, the first one included.
    pub successes: u64,
    /// Readings that failed since the start.
    pub failures: u64,
    /// Why the last reading failed, where it did: the old house stands.
    pub error: Option<String>,
}

/// What a reading brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reload {
    /// The same rules; secrets may have changed.
    Same,
    /// Another version is in force from now on.
    Changed {
        /// Its version.
        version: Name,
    },
}

impl Watched {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// As [`load`].
    pub fn open(path: &Path, environment: Arc<dyn Environment>, clock: Clock) -> Result<Self, ConfigError> {
        let house = load(path, environment.as_ref())?;
        let now_ms = clock();
        let reloads =
            Reloads { succeeded_at_ms: now_ms, attempted_at_ms: now_ms, successes: 1, failures: 0, error: None };
        Ok(Self {
            path: path.to_path_buf(),
            environment,
            clock,
            house: ArcSwap::from_pointee(house),
            reloads: Mutex::new(reloads),
        })
    }

    /// The house in force now.
    #[must_use]
    pub fn load(&self) -> Arc<House> {
        self.house.load_full()
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How the last readings went.
    #[must_use]
    pub fn reloads(&self) -> Reloads {
        self.lock().clone()
    }

    /// Reads the files again (on SIGHUP, on a change, after `bursar agents add`) and puts the new house in force.
    /// Blocks on the file system. Readings follow each other, never overlap.
    ///
    /// # Errors
    /// As [`load`], and [`ConfigError::NeedsRestart`] where something changed that is fixed while running. The old
    /// house stands, and [`Watched::reloads`] tells the error.
    pub fn reload(&self) -> Result<Reload, ConfigError> {
        let mut reloads = self.lock();
        let read = load(&self.path, self.environment.as_ref()).and_then(|house| self.replaceable(house));
        reloads.attempted_at_ms = (self.clock)();
        match read {
            Ok(house) => {
                reloads.succeeded_at_ms = reloads.attempted_at_ms;
                reloads.successes += 1;
                reloads.error = None;
                let version = house.version.clone();
                let old = self.house.swap(Arc::new(house));
                Ok(if old.version == version { Reload::Same } else { Reload::Changed { version } })
            }
            Err(error) => {
                reloads.failures += 1;
                reloads.error = Some(error.to_string());
                Err(error)
            }
        }
    }

    /// What the data directory and the sockets are built on cannot change under a running gateway.
    fn replaceable(&self, new: House) -> Result<House, ConfigError> {
        let old = self.house.load();
        let changed = [
            (Fixed::Org, old.org != new.org),
            (Fixed::Data, old.data != new.data),
            (Fixed::Gateway, old.gateway != new.gateway),
            (Fixed::Listeners, old.listeners != new.listeners),
        ];
        match changed.into_iter().find(|(_, changed)| *changed) {
            Some((key, _)) => Err(ConfigError::NeedsRestart { file: self.path.clone(), key }),
            None => Ok(new),
        }
    }

    /// A reading that panicked left at worst the error of the one before.
    fn lock(&self) -> MutexGuard<'_, Reloads> {
        self.reloads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watched").field("path", &self.path).field("house", &self.house.load().version).finish()
    }
}
