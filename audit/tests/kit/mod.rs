//! What the tests of this room share: a trail in a folder of its own, with a clock that stands still until it is moved.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use audit::{AuditError, Checkpoint, Fault, FileSigner, Line, Opened, Signer, Trail, TrailOptions};
use tempfile::TempDir;
use types::entry::{Freeze, Mark};
use types::{Entry, Scope, Subject};

pub const START_MS: u64 = 1_800_000_000_000;

/// A data directory with the trail of one gateway.
pub struct Kit {
    pub data: TempDir,
    pub now_ms: Arc<AtomicU64>,
    pub options: TrailOptions,
}

impl Kit {
    pub fn new() -> Self {
        let data = folder();
        let options = TrailOptions::new(data.path().join("gw-1"), "gw-1".into());
        Self { data, now_ms: Arc::new(AtomicU64::new(START_MS)), options }
    }

    /// Segments of at most so many bytes.
    pub fn with_segments_of(mut self, bytes: u64) -> Self {
        self.options.segment_bytes = bytes;
        self
    }

    pub fn dir(&self) -> &Path {
        &self.options.dir
    }

    pub fn signer(&self) -> Arc<FileSigner> {
        Arc::new(FileSigner::open_or_create(&self.data.path().join("trail.key"), "bursar/gw-1", [7; 32]).unwrap())
    }

    pub fn key(&self) -> [u8; 32] {
        self.signer().public_key()
    }

    pub fn try_open(&self) -> Result<(Trail, Opened), AuditError> {
        let now_ms = Arc::clone(&self.now_ms);
        Trail::open(self.options.clone(), self.signer(), Arc::new(move || now_ms.load(Ordering::Relaxed)))
    }

    pub fn open(&self) -> Trail {
        self.try_open().unwrap().0
    }

    pub fn pass_ms(&self, ms: u64) {
        self.now_ms.fetch_add(ms, Ordering::Relaxed);
    }

    /// Opens the trail, appends entries, closes it.
    pub fn write(&self, count: u64) {
        let trail = self.open();
        append(&trail, count);
        trail.close();
    }

    pub fn lines(&self) -> Vec<Line> {
        audit::lines(self.dir(), 1).unwrap().collect::<Result<_, _>>().unwrap()
    }

    pub fn segment_files(&self) -> Vec<PathBuf> {
        audit::segments(self.dir()).unwrap().into_iter().map(|segment| segment.path).collect()
    }

    pub fn newest_checkpoint(&self) -> Checkpoint {
        audit::newest_checkpoint(self.dir()).unwrap().unwrap()
    }

    /// Verifies with the gateway's own key.
    pub fn verify(&self) -> Result<audit::Report, AuditError> {
        audit::verify(self.dir(), Some(&self.key()), None)
    }
}

/// A folder in memory, where the system has one: these tests sync often, and a power cut is not what they test.
pub fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// Appends entries with different lengths, and waits until they are durable.
pub fn append(trail: &Trail, count: u64) {
    for number in 0..count {
        trail.append(trail.prepare(&entry(number))).unwrap();
    }
    trail.flush_blocking().unwrap();
}

pub fn entry(number: u64) -> Entry {
    let subject = Subject { scope: Scope::Agent, name: "researcher".into() };
    let by = "x".repeat(usize::try_from(number % 7).unwrap());
    match number % 3 {
        0 => Entry::Stop(Mark { at_ms: START_MS + number }),
        _ => Entry::Freeze(Freeze { at_ms: START_MS + number, by, frozen: number.is_multiple_of(2), subject }),
    }
}

/// The fault in an error that must be one.
pub fn fault<T>(result: Result<T, AuditError>) -> Fault {
    match result {
        Err(AuditError::Broken(fault)) => *fault,
        Err(error) => panic!("another error: {error}"),
        Ok(_) => panic!("nothing was found"),
    }
}

/// What an async function gives, on this thread.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// Copies the files of a folder.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        if file.path().is_file() {
            std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
}

/// Gives a file another content in place: quicker than to write it anew, which some file systems sync.
pub fn overwrite(path: &Path, bytes: &[u8]) {
    let file = std::fs::OpenOptions::new().write(true).create(true).truncate(false).open(path).unwrap();
    file.write_all_at(bytes, 0).unwrap();
    file.set_len(bytes.len() as u64).unwrap();
}
