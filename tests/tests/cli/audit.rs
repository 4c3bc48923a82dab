//! `bursar audit`: what it finds, names and shows, with nothing but the folder and the key.

use std::fs;
use std::path::PathBuf;

use crate::desk::{Closed, Desk, until};

fn after_calls(count: usize) -> Closed {
    let desk = Desk::open();
    for _ in 0..count {
        assert_eq!(desk.call(&desk.agent.key).status, 200);
    }
    assert_eq!(desk.call("bk_00000000_wrong").status, 401);
    desk.stop()
}

fn segment(closed: &Closed) -> PathBuf {
    let mut folders = fs::read_dir(closed.folder().join("data")).unwrap().map(|entry| entry.unwrap().path());
    folders.find(|path| path.is_dir()).unwrap().join("00000000000000000001.ndjson")
}

#[test]
fn a_flipped_byte_is_found_and_the_first_bad_record_named_with_exit_code_3() {
    let closed = after_calls(2);
    let verified = closed.bursar(&["audit", "verify", "-o", "json"]).well().json();
    assert_eq!((&verified["ok"], &verified["signed"]), (&true.into(), &true.into()));
    let (path, bytes) = (segment(&closed), fs::read(segment(&closed)).unwrap());
    let third: usize = bytes.split_inclusive(|byte| *byte == b'\n').take(2).map(<[u8]>::len).sum();
    let mut flipped = bytes.clone();
    flipped[third + 30] ^= 1;
    fs::write(&path, &flipped).unwrap();
    closed.bursar(&["audit", "verify"]).failed(3, &["entry 3 (", "line 3", "byte"]);
    let told = closed.bursar(&["audit", "verify", "-o", "json"]);
    let error: serde_json::Value = serde_json::from_str(&told.err).unwrap();
    assert_eq!((told.code, &error["exit_code"]), (3, &3.into()));
    closed.bursar(&["serve"]).failed(1, &["entry 3 ("]);
    closed.bursar(&["audit", "tail", "-n", "100"]).failed(3, &["entry"]);
    fs::write(&path, &bytes).unwrap();
    closed.bursar(&["audit", "verify"]).well();
    closed.start();
}

#[test]
fn a_checkpoint_kept_elsewhere_shows_a_trail_that_was_rolled_back() {
    let closed = after_calls(1);
    let folder = segment(&closed).parent().unwrap().to_owned();
    let saved: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    let desk = closed.start();
    assert_eq!(desk.call(&desk.agent.key).status, 200);
    let closed = desk.stop();
    let elsewhere = closed.folder().join("elsewhere");
    fs::copy(folder.join("checkpoint"), &elsewhere).unwrap();
    closed.bursar(&["audit", "verify", "--against", "elsewhere"]).well();
    fs::remove_dir_all(&folder).unwrap();
    fs::create_dir(&folder).unwrap();
    saved.iter().for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
    closed.bursar(&["audit", "verify"]).well();
    closed.bursar(&["audit", "verify", "--against", "elsewhere"]).failed(3, &["missing", "from outside"]);
    closed.bursar(&["audit", "verify", "--against", "nowhere"]).failed(1, &["nowhere"]);
}

#[test]
fn a_trail_can_be_verified_while_it_is_written() {
    let desk = Desk::open();
    assert_eq!(desk.call(&desk.agent.key).status, 200);
    desk.bursar(&["audit", "verify"]).well();
    until("a checkpoint over all of it", || {
        let report = desk.bursar(&["audit", "verify", "-o", "json"]).well().json();
        (report["covered_seq"] == report["last_seq"]).then_some(()).ok_or_else(|| report.to_string())
    });
}

#[test]
fn the_last_entries_and_those_of_one_decision_are_shown() {
    let closed = after_calls(2);
    let all = closed.bursar(&["audit", "tail", "-n", "18446744073709551615", "-o", "json"]).well().json();
    let all = all.as_array().unwrap();
    assert!(all[0]["entry"].get("start").is_some() && all.last().unwrap()["entry"].get("stop").is_some(), "{all:#?}");
    let three = closed.bursar(&["audit", "tail", "-n", "3", "-o", "json"]).well().json();
    assert_eq!(three.as_array().unwrap()[..], all[all.len() - 3..]);
    assert_eq!(closed.bursar(&["audit", "tail", "-n", "0"]).well().out, "");
    let id = all.iter().find_map(|line| line["entry"]["admit"]["id"].as_str()).unwrap();
    let shown = closed.bursar(&["audit", "show", id]).well().out;
    assert!(shown.lines().count() == 2 && shown.contains("admit") && shown.contains("outcome"), "{shown}");
    let refused = all.iter().find_map(|line| line["entry"]["refuse"]["id"].as_str()).unwrap();
    assert!(closed.bursar(&["audit", "show", refused]).well().out.contains("identity_unknown"));
    let unknown = "01K00000000000000000000000";
    closed.bursar(&["audit", "show", unknown]).failed(1, &[unknown]);
    assert_eq!(closed.bursar(&["audit", "show", "what"]).code, 2);
}

#[test]
fn an_export_is_the_trails_own_lines_and_a_failed_one_leaves_the_file_as_it_was() {
    let closed = after_calls(2);
    let lines = fs::read_to_string(segment(&closed)).unwrap();
    let lines: Vec<&str> = lines.trim_matches('\0').lines().collect();
    closed.bursar(&["audit", "export", "--from", "2", "--until", "4", "--to", "part.ndjson"]).well();
    let part = || fs::read_to_string(closed.folder().join("part.ndjson")).unwrap();
    assert_eq!(part().lines().collect::<Vec<_>>(), lines[1..4]);
    closed.bursar(&["audit", "export", "--from", "9000", "--to", "part.ndjson"]).failed(1, &["9000"]);
    assert_eq!(part().lines().count(), 3);
    assert!(!closed.folder().join("part.ndjson.part").exists());
    let proved = closed.bursar(&["audit", "export", "--proofs", "--until", "3"]).well().out;
    assert!(proved.lines().count() == 4 && proved.starts_with("{\"checkpoint\":"), "{proved}");
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    let closed = after_calls(1);
    let mut command = crate::desk::command(closed.folder(), &["audit", "export"]);
    let mut child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.stderr.is_empty() && output.status.success(), "{output:?}");
}
