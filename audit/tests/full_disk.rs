//! A disk without room: on a real file system of one mebibyte.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::print_stdout)]

mod kit;

use std::path::Path;
use std::process::Command;

use audit::{AppendError, AuditError, Trail};
use kit::{Kit, entry, wait};

/// The data directory of a kit on a file system of one mebibyte; unmounted when dropped.
struct Small(Kit);

impl Small {
    fn mount() -> Option<Self> {
        let kit = Kit::new();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "bursar-test"])
            .arg(kit.data.path())
            .output()
            .is_ok_and(|output| output.status.success());
        if !mounted {
            println!("SKIPPED: a full disk: no tmpfs can be mounted here (it takes root and `mount`)");
            return None;
        }
        Some(Self(kit))
    }

    fn ballast(&self) -> std::path::PathBuf {
        self.0.data.path().join("ballast")
    }

    /// Takes all room that is left.
    fn fill(&self) {
        fill(&self.ballast());
    }
}

fn fill(path: &Path) {
    let mut bytes = vec![1; 4_096];
    let mut file = std::fs::File::create(path).unwrap();
    while !bytes.is_empty() {
        if std::io::Write::write_all(&mut file, &bytes).is_err() {
            bytes.truncate(bytes.len() / 2);
        }
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(self.0.data.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()));
    }
}

/// Appends and awaits entries until one fails; gives how many were durable.
fn append_until_full(trail: &Trail) -> u64 {
    for count in 0..100_000 {
        match trail.append_durable(trail.prepare(&entry(count))).map(|durable| wait(durable.wait())) {
            Ok(Ok(())) => {}
            Ok(Err(error)) | Err(error) => {
                assert_eq!(error, AppendError::Failed);
                return count;
            }
        }
    }
    panic!("the disk never became full");
}

#[test]
fn a_full_disk_stops_admissions_and_they_go_on_when_there_is_room() {
    let Some(small) = Small::mount() else { return };
    let kit = &small.0;
    let trail = kit.open();
    small.fill();
    let mut durable = append_until_full(&trail);
    assert!(durable > 100, "zeros laid ahead are room that is left: {durable}");
    let status = trail.status();
    assert!(!status.healthy && status.error.as_deref().is_some_and(|error| error.contains("28")), "{status:?}");

    // What became of admitted holds is taken while nothing can be written, and comes first afterwards.
    for number in 0..50 {
        trail.append_reserved(trail.prepare(&entry(1_000 + number))).unwrap();
    }
    assert_eq!(trail.append(trail.prepare(&entry(1))), Err(AppendError::Failed));
    small.fill();
    assert_eq!(trail.flush_blocking(), Err(AppendError::Failed));
    assert_eq!(kit.lines().len() as u64, durable);

    std::fs::remove_file(small.ballast()).unwrap();
    trail.flush_blocking().unwrap();
    durable += 50;
    assert!(trail.status().healthy);
    assert_eq!(kit.lines().len() as u64, durable);

    // Once more: full, and room again.
    small.fill();
    durable += append_until_full(&trail);
    assert_eq!(trail.status().durable_seq, durable);
    std::fs::remove_file(small.ballast()).unwrap();
    trail.flush_blocking().unwrap();
    trail.close();
    let report = kit.verify().unwrap();
    assert_eq!((report.entries, report.covered_seq), (durable, durable));
    let kept = kit.lines().iter().filter(|line| line.entry.at_ms() >= kit::START_MS + 1_000).count();
    assert!(kept >= 50);
}

#[test]
fn a_start_on_a_full_disk_says_so_and_a_later_one_works() {
    let Some(small) = Small::mount() else { return };
    let kit = &small.0;
    kit.write(10);
    small.fill();
    let error = kit.try_open().unwrap_err();
    assert!(matches!(error, AuditError::File { .. }), "{error}");
    assert!(error.to_string().contains("No space left"), "{error}");
    std::fs::remove_file(small.ballast()).unwrap();
    kit.write(10);
    assert_eq!(kit.verify().unwrap().entries, 20);
}

#[test]
fn a_trail_closed_on_a_full_disk_keeps_what_was_durable() {
    let Some(small) = Small::mount() else { return };
    let kit = &small.0;
    let trail = kit.open();
    small.fill();
    let durable = append_until_full(&trail);
    small.fill();
    trail.close();
    std::fs::remove_file(small.ballast()).unwrap();
    let (trail, opened) = kit.try_open().unwrap();
    assert_eq!(opened.last_seq, durable);
    trail.close();
    assert_eq!(kit.verify().unwrap().covered_seq, durable);
}
