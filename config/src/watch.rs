//! The watch over the files: a change is read once it has come to rest.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use notify::event::ModifyKind;
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use crate::error::ConfigError;
use crate::house::House;
use crate::watched::{Reload, Watched};

/// Editors and orchestrators change files in several steps; a change counts when nothing moved for this long.
const REST: Duration = Duration::from_millis(150);
/// Signals that wait for the thread. More would say nothing new.
const WAITING_MAX: usize = 4;

enum Signal {
    Touched,
    Stop,
}

/// Watches the *folders* of all files, not the files: editors replace files, and an orchestrator swaps a symbolic link
/// beside them. Ends, with its thread, when dropped.
#[derive(Debug)]
pub struct Watch {
    signals: SyncSender<Signal>,
    thread: Option<JoinHandle<()>>,
}

impl Watched {
    /// Starts the watch. Every reading that fails is told by [`Watched::reloads`] and in the log; the old house stands.
    ///
    /// # Errors
    /// [`ConfigError::WatchFailed`] where the operating system grants no watch or no thread.
    pub fn watch(self: &Arc<Self>) -> Result<Watch, ConfigError> {
        let failed = |error: &dyn std::fmt::Display| ConfigError::WatchFailed {
            file: self.path().to_path_buf(),
            why: error.to_string(),
        };
        let (signals, waiting) = sync_channel(WAITING_MAX);
        let touched = signals.clone();
        let names = Names::default();
        let of_interest = names.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // A full queue holds the same news already.
            if event.map_or(true, |event| of_interest.concern(&event)) {
                let _ = touched.try_send(Signal::Touched);
            }
        })
        .map_err(|error| failed(&error))?;
        let mut folders = Folders { watcher, watched: BTreeSet::new(), names };
        let _ = folders.follow(self.path(), &self.load()).map_err(|error| failed(&error))?;
        let watched = Arc::clone(self);
        let thread = std::thread::Builder::new()
            .name("config-watch".to_owned())
            .spawn(move || run(&watched, &waiting, &mut folders))
            .map_err(|error| failed(&error))?;
        Ok(Watch { signals, thread: Some(thread) })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // The thread drains its queue, so this waits at most for one reading.
        let _ = self.signals.send(Signal::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(watched: &Watched, waiting: &Receiver<Signal>, folders: &mut Folders) {
    // What changed between the first reading and the first watch told nobody.
    let mut is_stale = true;
    loop {
        if !is_stale && !matches!(waiting.recv(), Ok(Signal::Touched)) {
            return;
        }
        loop {
            match waiting.recv_timeout(REST) {
                Ok(Signal::Touched) => {}
                Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => break,
            }
        }
        match watched.reload() {
            Ok(Reload::Changed { version }) => tracing::info!(%version, "a new configuration is in force"),
            Ok(Reload::Same) => {}
            Err(error) => tracing::error!(%error, "the configuration cannot be used; the old one stands"),
        }
        is_stale = match folders.follow(watched.path(), &watched.load()) {
            // What changed in a new folder before it was watched told nobody either.
            Ok(Followed::More) => true,
            Ok(Followed::Same) => false,
            Err(error) => {
                tracing::error!(%error, "a folder of the configuration cannot be watched");
                false
            }
        };
    }
}

/// Whether a folder is watched that was not before.
enum Followed {
    Same,
    More,
}

struct Folders {
    watcher: RecommendedWatcher,
    watched: BTreeSet<PathBuf>,
    names: Names,
}

/// The names of the files that were read. Other files may stand in the same folders, and a log among them changes all
/// the time: neither may it wake us, nor may it keep a change from coming to rest.
#[derive(Clone, Default)]
struct Names(Arc<Mutex<BTreeSet<OsString>>>);

impl Names {
    fn replace(&self, names: BTreeSet<OsString>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = names;
    }

    /// Whether an event may be about the configuration. Files that come, go or are renamed always may: that is how
    /// agents are added and how an orchestrator swaps its folders. Reading a file is no change of it.
    fn concern(&self, event: &Event) -> bool {
        match event.kind {
            EventKind::Access(_) => false,
            EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Any) => {
                let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                event.paths.iter().filter_map(|path| path.file_name()).any(|name| names.contains(name))
            }
            _ => true,
        }
    }
}

impl Folders {
    /// Watches the folders of the house's files, where they are and where their links lead; leaves those of old ones.
    fn follow(&mut self, path: &Path, house: &House) -> notify::Result<Followed> {
        let mut wanted = BTreeSet::new();
        let mut names = BTreeSet::new();
        for file in house.files.iter().map(PathBuf::as_path).chain([path]) {
            names.extend(file.file_name().map(OsString::from));
            names.extend(file.canonicalize().ok().and_then(|target| target.file_name().map(OsString::from)));
            wanted.extend(folder_of(file));
            wanted.extend(file.canonicalize().ok().as_deref().and_then(folder_of));
        }
        self.names.replace(names);
        for folder in self.watched.difference(&wanted) {
            // A folder that is gone cannot be left.
            let _ = self.watcher.unwatch(folder);
        }
        // All of them anew: a folder that was removed and made again has lost its watch.
        for folder in &wanted {
            self.watcher.watch(folder, RecursiveMode::NonRecursive)?;
        }
        let followed = if wanted.is_subset(&self.watched) { Followed::Same } else { Followed::More };
        self.watched = wanted;
        Ok(followed)
    }
}

/// The folder of a file; a folder that stands among the files stands for itself.
fn folder_of(file: &Path) -> Option<PathBuf> {
    if file.is_dir() {
        return Some(file.to_path_buf());
    }
    match file.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Some(PathBuf::from(".")),
        parent => parent.map(Path::to_path_buf),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::event::{CreateKind, DataChange};

    #[test]
    fn a_log_beside_the_configuration_is_no_change_of_it() {
        let names = Names::default();
        names.replace(BTreeSet::from([OsString::from("bursar.yaml")]));
        let event = |kind, file: &str| Event::new(kind).add_path(Path::new("/etc/bursar").join(file));
        let written = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        assert!(names.concern(&event(written, "bursar.yaml")));
        assert!(!names.concern(&event(written, "bursar.log")));
        assert!(names.concern(&event(EventKind::Create(CreateKind::File), "writer.yaml")));
        assert!(names.concern(&event(EventKind::Create(CreateKind::Folder), "..2026_11_21")));
    }
}
