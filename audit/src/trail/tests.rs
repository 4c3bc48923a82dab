//! The disk fails at every single step, and the process dies at every single step.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use types::entry::Mark;

use super::disk::Store;
use super::*;
use crate::signer::FileSigner;
use crate::{Fault, lines, verify};

/// What happens at which step of the disk.
#[derive(Default)]
struct Plan {
    steps: AtomicU64,
    /// Steps from the first to before the second fail.
    fails: Mutex<(u64, u64)>,
    /// Cutting fails too, so that the rest of a failed write stays.
    cuts_fail: bool,
    /// Called before each step.
    before: Option<Box<dyn Fn(u64) + Send + Sync>>,
}

impl Plan {
    fn step(&self) -> io::Result<()> {
        let step = self.steps.fetch_add(1, Ordering::SeqCst);
        if let Some(before) = &self.before {
            before(step);
        }
        let (from, to) = *self.fails.lock();
        if (from..to).contains(&step) { Err(io::Error::from_raw_os_error(5)) } else { Ok(()) }
    }
}

struct BadDisk(Arc<Plan>);

struct BadStore(Box<dyn Store>, Arc<Plan>);

impl Disk for BadDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Store>> {
        self.0.step()?;
        Ok(Box::new(BadStore(FileSystem.create(path)?, Arc::clone(&self.0))))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Store>> {
        Ok(Box::new(BadStore(FileSystem.open(path)?, Arc::clone(&self.0))))
    }
}

impl Store for BadStore {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if let Err(error) = self.1.step() {
            // A write that fails has written a part.
            self.0.write_at(&bytes[..bytes.len() / 2], offset)?;
            return Err(error);
        }
        self.0.write_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.1.step()?;
        self.0.sync()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        if self.1.cuts_fail {
            return Err(io::Error::from_raw_os_error(5));
        }
        self.0.set_len(len)
    }
}

/// A folder in memory, where the system has one: the faults of the disk are made here.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

struct Stand {
    data: tempfile::TempDir,
    plan: Arc<Plan>,
}

impl Stand {
    fn new(plan: Plan) -> Self {
        Self { data: folder(), plan: Arc::new(plan) }
    }

    fn dir(&self) -> PathBuf {
        self.data.path().join("gw")
    }

    fn open(&self) -> Result<Trail, AuditError> {
        open_in(self.data.path(), Box::new(BadDisk(Arc::clone(&self.plan))))
    }
}

fn open_in(data: &Path, disk: Box<dyn Disk>) -> Result<Trail, AuditError> {
    let mut options = TrailOptions::new(data.join("gw"), "gw".into());
    options.segment_bytes = 2_000;
    let signer = FileSigner::open_or_create(&data.join("trail.key"), "gw", [1; 32])?;
    Ok(Trail::open_on(disk, &options, Arc::new(signer), Arc::new(|| 1_000_000))?.0)
}

fn numbered(at_ms: u64) -> Entry {
    Entry::Stop(Mark { at_ms })
}

fn wait(durable: Durable) -> Result<(), AppendError> {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(durable.wait())
}

/// The numbers of the entries in a trail, those about torn ends left out.
fn numbers(dir: &Path) -> Vec<u64> {
    let entries = lines(dir, 1).unwrap().map(|line| line.unwrap().entry);
    entries.filter(|entry| matches!(entry, Entry::Stop(_))).map(|entry| entry.at_ms()).collect()
}

/// Awaited entries have even numbers, the others odd ones; gives the numbers that must stand in the trail.
fn work(trail: &Trail, count: u64) -> Vec<u64> {
    let mut promised = Vec::new();
    for number in 0..count {
        let durable = trail.append_durable(trail.prepare(&numbered(2 * number)));
        trail.append_reserved(trail.prepare(&numbered(2 * number + 1))).unwrap();
        if durable.is_ok_and(|durable| wait(durable).is_ok()) {
            promised.push(2 * number);
        }
        promised.push(2 * number + 1);
    }
    promised
}

/// Flushes until it works: the step that fails may be one that the first flush waits for.
fn heal(trail: &Trail) {
    while trail.flush_blocking().is_err() {}
}

#[test]
fn whatever_step_of_the_disk_fails_no_promise_is_broken() {
    for from in 0..60 {
        for length in [1, 2, 5, u64::MAX - from] {
            let stand = Stand::new(Plan::default());
            let trail = stand.open().unwrap();
            let begin = stand.plan.steps.load(Ordering::SeqCst);
            *stand.plan.fails.lock() = (begin + from, begin.saturating_add(from).saturating_add(length));
            let promised = work(&trail, 12);
            *stand.plan.fails.lock() = (0, 0);
            heal(&trail);
            let status = trail.status();
            assert!(status.healthy && status.error.is_none(), "{status:?}");
            assert_eq!(status.durable_seq, promised.len() as u64, "{status:?}");
            assert_eq!(numbers(&stand.dir()), promised, "failing at {from} for {length}");
            trail.close();
            let report = verify(&stand.dir(), None, None).unwrap();
            assert_eq!(report.covered_seq, promised.len() as u64);
        }
    }
}

#[test]
fn a_failed_write_that_cannot_even_be_cut_is_mended_by_the_next_start() {
    for from in 0..40 {
        let stand = Stand::new(Plan { cuts_fail: true, ..Plan::default() });
        std::fs::create_dir(stand.dir()).unwrap();
        let trail = stand.open().unwrap();
        let begin = stand.plan.steps.load(Ordering::SeqCst);
        *stand.plan.fails.lock() = (begin + from, begin + from + 1);
        let promised = work(&trail, 8);
        heal(&trail);
        trail.close();
        match verify(&stand.dir(), None, None) {
            Ok(_) => {}
            Err(AuditError::Broken(fault)) => assert!(matches!(*fault, Fault::Surplus { .. }), "{fault}"),
            Err(error) => panic!("{error}"),
        }
        open_in(stand.data.path(), Box::new(FileSystem)).unwrap().close();
        // What failed and could not be cut may stand at the very end of the trail: nobody was told that it does not.
        let found = numbers(&stand.dir());
        assert_eq!(found[..promised.len()], promised, "failing at {from}");
        verify(&stand.dir(), None, None).unwrap();
    }
}

#[test]
fn while_the_disk_fails_only_what_is_reserved_is_taken() {
    let stand = Stand::new(Plan::default());
    let trail = stand.open().unwrap();
    *stand.plan.fails.lock() = (0, u64::MAX);
    let durable = trail.append_durable(trail.prepare(&numbered(0))).unwrap();
    assert_eq!(wait(durable), Err(AppendError::Failed));
    assert_eq!(trail.append(trail.prepare(&numbered(1))), Err(AppendError::Failed));
    assert!(matches!(trail.append_durable(trail.prepare(&numbered(2))), Err(AppendError::Failed)));
    assert_eq!(trail.append_reserved(trail.prepare(&numbered(3))), Ok(1));
    assert_eq!(trail.flush_blocking(), Err(AppendError::Failed));
    let status = trail.status();
    assert!(!status.healthy && status.error.as_deref().is_some_and(|error| error.contains("os error 5")), "{status:?}");
    assert_eq!((status.last_seq, status.durable_seq), (1, 0));
    *stand.plan.fails.lock() = (0, 0);
    assert_eq!(trail.flush_blocking(), Ok(1));
    assert!(trail.status().healthy);
    assert_eq!(trail.append(trail.prepare(&numbered(4))), Ok(2));
    trail.close();
    assert_eq!(numbers(&stand.dir()), [3, 4]);
}

#[test]
fn a_trail_heals_without_being_asked() {
    let stand = Stand::new(Plan::default());
    let trail = stand.open().unwrap();
    let begin = stand.plan.steps.load(Ordering::SeqCst);
    *stand.plan.fails.lock() = (begin, begin + 1);
    let durable = trail.append_durable(trail.prepare(&numbered(0))).unwrap();
    assert_eq!(wait(durable), Err(AppendError::Failed));
    // Only the trail's own probe can end this.
    while !trail.status().healthy {
        std::thread::yield_now();
    }
    wait(trail.append_durable(trail.prepare(&numbered(1))).unwrap()).unwrap();
    assert_eq!(numbers(&stand.dir()), [1]);
}

#[test]
fn a_failed_segment_is_never_written_to_again() {
    let stand = Stand::new(Plan::default());
    let trail = stand.open().unwrap();
    wait(trail.append_durable(trail.prepare(&numbered(0))).unwrap()).unwrap();
    let first = stand.dir().join(trail.status().segment);
    let before = std::fs::read(&first).unwrap();
    let begin = stand.plan.steps.load(Ordering::SeqCst);
    // The write works, the sync does not.
    *stand.plan.fails.lock() = (begin + 1, begin + 2);
    assert_eq!(wait(trail.append_durable(trail.prepare(&numbered(1))).unwrap()), Err(AppendError::Failed));
    trail.flush_blocking().unwrap();
    wait(trail.append_durable(trail.prepare(&numbered(2))).unwrap()).unwrap();
    assert_ne!(stand.dir().join(trail.status().segment), first);
    let after = std::fs::read(&first).unwrap();
    assert!(before.starts_with(&after) && after.ends_with(b"}\n"), "cut behind its last good entry");
    trail.close();
    assert_eq!(numbers(&stand.dir()), [0, 2]);
    verify(&stand.dir(), None, None).unwrap();
}

#[test]
fn a_process_that_dies_at_any_step_loses_nothing_that_was_durable() {
    let (copies, data) = (folder(), folder());
    let acknowledged = Arc::new(AtomicU64::new(0));
    let before = {
        let (copies, data) = (copies.path().to_path_buf(), data.path().to_path_buf());
        let acknowledged = Arc::clone(&acknowledged);
        move |step: u64| {
            let target = copies.join(format!("{step}-{}", acknowledged.load(Ordering::SeqCst)));
            copy(&data, &target);
            copy(&data.join("gw"), &target.join("gw"));
        }
    };
    let plan = Arc::new(Plan { before: Some(Box::new(before)), ..Plan::default() });
    let trail = open_in(data.path(), Box::new(BadDisk(Arc::clone(&plan)))).unwrap();
    for number in 0..25 {
        wait(trail.append_durable(trail.prepare(&numbered(number))).unwrap()).unwrap();
        acknowledged.store(number + 1, Ordering::SeqCst);
    }
    trail.close();
    let mut count = 0;
    for copy in std::fs::read_dir(copies.path()).unwrap() {
        let copy = copy.unwrap();
        let name = copy.file_name().into_string().unwrap();
        let acknowledged: u64 = name.split_once('-').unwrap().1.parse().unwrap();
        open_in(&copy.path(), Box::new(FileSystem)).unwrap().close();
        let found = numbers(&copy.path().join("gw"));
        assert!(found.len() as u64 >= acknowledged, "{name}: {found:?}");
        assert!(found.iter().copied().eq(0..found.len() as u64), "{name}: {found:?}");
        verify(&copy.path().join("gw"), None, None).unwrap();
        count += 1;
    }
    assert!(count > 50, "{count}");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).into_iter().flatten() {
        let file = file.unwrap();
        if file.path().is_file() {
            std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
}
