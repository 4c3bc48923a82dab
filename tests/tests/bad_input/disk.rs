//! A full disk under the trail: nothing is spent that cannot be written down, and it goes on by itself.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bursar_testkit::{http, wait};

use crate::desk::{Desk, GOOD, refused};

/// The size of the disk. The segment is filled ahead, so it must hold more than one step of that.
const DISK: &str = "size=4m,mode=700";
const PATIENCE: Duration = Duration::from_secs(60);
/// More calls than a disk of this size can write down.
const CALLS_MAX: usize = 20_000;

/// A small disk, unmounted at the end.
struct Disk(PathBuf);

impl Disk {
    /// `None` where this user may not mount.
    fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", DISK, "bursar-test"]).arg(at).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(at.to_owned()))
    }

    /// Fills what is left of it.
    fn fill(&self) -> PathBuf {
        use std::io::Write;
        let path = self.0.join("filler");
        let mut filler = std::fs::File::create(&path).unwrap();
        for step in [65_536, 4_096, 1] {
            while filler.write_all(&vec![b'x'; step]).is_ok() {}
        }
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a gateway that a failed test left is ended after this.
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

#[test]
fn a_full_disk_stops_spending_until_there_is_space_again() {
    let mut mounted = None;
    let desk = {
        let mounted = &mut mounted;
        Desk::open_before(|folder| *mounted = Disk::mount(&folder.join("data")))
    };
    let Some(disk) = mounted else {
        println!("SKIPPED: a full disk under the trail: this user may not mount a tmpfs");
        return;
    };
    desk.assert_works();
    let filler = disk.fill();
    // What is filled ahead still takes some entries.
    let mut calls = 0;
    let stopped = loop {
        let answer = desk.call(GOOD);
        if answer.status != 200 {
            break answer;
        }
        calls += 1;
        assert!(calls < CALLS_MAX, "the disk never filled");
    };
    let phrase = "The trail cannot be written, so nothing may be spent";
    refused(&stopped, 503, "trail_unavailable", phrase);
    assert!(stopped.header("retry-after").is_some());
    let seen = desk.vendor.served().total;
    for _ in 0..20 {
        refused(&desk.call(GOOD), 503, "trail_unavailable", phrase);
    }
    assert_eq!(desk.vendor.served().total, seen, "a call reached the vendor without its entry");
    assert_eq!(desk.books().held, 0);
    let operator = desk.gateway.setup().operator;
    let ready = http::get(operator, "/readyz").unwrap();
    assert_eq!(ready.status, 503);
    assert!(ready.text().contains("the trail cannot be written"), "{}", ready.text());
    std::fs::remove_file(filler).unwrap();
    wait::until("a call that is served again", PATIENCE, || {
        let answer = desk.call(GOOD);
        if answer.status == 200 { Ok(()) } else { Err(answer.text()) }
    })
    .unwrap();
    desk.assert_works();
    assert_eq!(http::get(operator, "/readyz").unwrap().status, 200);
    let setup = desk.gateway.setup().clone();
    assert!(desk.gateway.stop().unwrap().success());
    let verified = setup.run(&["audit", "verify"]).unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    let posted = setup.ask(&["spend", "--agent", "researcher"]).unwrap();
    let total = posted.as_array().unwrap().iter().find(|row| row["account"] == "agent:researcher@total").unwrap();
    assert_eq!(total["posted"]["requests"], desk.vendor.served().billed.to_string(), "{total:#}");
    assert_eq!(total["held"]["requests"], "0");
    drop(disk);
}
