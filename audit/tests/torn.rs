//! What a crash may leave is mended; nothing else is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod kit;

use std::fs;
use std::path::PathBuf;

use audit::Fault;
use kit::{Kit, append, fault, overwrite};
use types::Entry;

/// A trail of ten entries of which a checkpoint covers five, as a crash leaves it; its file, its bytes, and where the
/// last line begins.
fn crashed() -> (Kit, PathBuf, Vec<u8>, usize) {
    let kit = Kit::new();
    kit.write(5);
    let notes =
        ["checkpoint", "checkpoints"].map(|name| (kit.dir().join(name), fs::read(kit.dir().join(name)).unwrap()));
    kit.write(5);
    for (path, bytes) in notes {
        fs::write(path, bytes).unwrap();
    }
    let file = kit.segment_files().remove(0);
    let bytes = fs::read(&file).unwrap();
    let last = bytes[..bytes.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    (kit, file, bytes, last)
}

fn torn_files(kit: &Kit) -> Vec<PathBuf> {
    let files = fs::read_dir(kit.dir()).unwrap().map(|file| file.unwrap().path());
    let mut torn: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|ending| ending == "torn")).collect();
    torn.sort();
    torn
}

/// Opens a trail whose end is torn, and checks that the cut bytes are kept and told.
fn assert_cut(kit: &Kit, cut: &[u8], last_seq: u64) {
    let (trail, opened) = kit.try_open().unwrap();
    assert_eq!(opened.last_seq, last_seq);
    let torn = opened.torn.expect("something was cut");
    assert_eq!(torn.bytes, cut.len() as u64);
    assert_eq!(fs::read(kit.dir().join(&torn.file)).unwrap(), cut);
    assert_eq!(torn.at_ms, kit::START_MS);
    append(&trail, 1);
    trail.close();
    let lines = kit.lines();
    assert_eq!(lines.len() as u64, last_seq + 2);
    assert_eq!(lines[usize::try_from(last_seq).unwrap()].entry, Entry::Torn(torn));
    kit.verify().unwrap();
}

#[test]
fn a_last_line_torn_at_any_byte_is_cut_and_told() {
    let (kit, file, bytes, last) = crashed();
    let notes =
        ["checkpoint", "checkpoints"].map(|name| (kit.dir().join(name), fs::read(kit.dir().join(name)).unwrap()));
    for length in last + 1..bytes.len() {
        for zeros in [0, 4_096] {
            overwrite(&file, &[&bytes[..length], &vec![0; zeros]].concat());
            notes.iter().for_each(|(path, note)| overwrite(path, note));
            torn_files(&kit).into_iter().for_each(|path| fs::remove_file(path).unwrap());
            assert_cut(&kit, &bytes[last..length], 9);
            assert_eq!(torn_files(&kit), [file.with_extension("ndjson.torn")]);
        }
    }
}

#[test]
fn a_trail_that_ends_with_a_whole_line_loses_nothing() {
    let (kit, file, bytes, last) = crashed();
    let (trail, opened) = kit.try_open().unwrap();
    assert_eq!((opened.last_seq, opened.torn), (10, None));
    drop(trail);
    assert_eq!(fs::read(&file).unwrap(), bytes);

    let (kit, file, bytes, _) = crashed();
    overwrite(&file, &[&bytes[..last], &[0; 10_000]].concat());
    let (trail, opened) = kit.try_open().unwrap();
    assert_eq!((opened.last_seq, opened.torn), (9, None));
    trail.close();
    assert!(torn_files(&kit).is_empty());
}

#[test]
fn a_write_of_which_only_the_end_reached_the_disk_is_cut_from_its_hole_on() {
    let (kit, file, bytes, last) = crashed();
    for hole in [last - 150, last, last + 20] {
        let mut holed = bytes.clone();
        holed[hole..hole + 60].fill(0);
        overwrite(&file, &[holed.as_slice(), &[0; 512]].concat());
        let found = audit::verify(kit.dir(), Some(&kit.key()), None).unwrap();
        let begin = holed[..hole].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
        assert_eq!(found.unfinished_bytes, (bytes.len() - begin) as u64);
        let copy = Kit::new();
        kit::copy(kit.data.path(), copy.data.path());
        kit::copy(kit.dir(), copy.dir());
        assert_cut(&copy, &holed[begin..], found.entries);
    }
}

#[test]
fn a_whole_line_that_does_not_verify_is_never_cut() {
    let (kit, file, bytes, last) = crashed();
    let mut altered = bytes.clone();
    altered[last - 100] ^= 1;
    overwrite(&file, &altered);
    let found = fault(kit.try_open());
    assert!(matches!(&found, Fault::Altered { place } if place.seq == 9 && place.line == 9), "{found}");
    let text = found.to_string();
    assert!(text.contains("line 9") && text.contains("byte ") && text.contains("Restore"), "{text}");
    assert_eq!(fs::read(&file).unwrap(), altered);
    assert!(torn_files(&kit).is_empty());

    overwrite(&file, &[&bytes[..], b"what is this\n"].concat());
    assert!(matches!(fault(kit.try_open()), Fault::Malformed { place, .. } if place.seq == 11));
}

#[test]
fn what_was_torn_before_is_not_written_over() {
    let (kit, file, bytes, _) = crashed();
    overwrite(&file, &bytes[..bytes.len() - 1]);
    fs::write(file.with_extension("ndjson.torn"), b"from an earlier crash").unwrap();
    let (trail, opened) = kit.try_open().unwrap();
    assert_eq!(opened.torn.unwrap().file, "00000000000000000001.ndjson.2.torn");
    trail.close();
    assert_eq!(fs::read(file.with_extension("ndjson.torn")).unwrap(), b"from an earlier crash");
}

#[test]
fn the_rest_of_a_failed_write_under_the_next_segment_is_moved_away() {
    let kit = Kit::new().with_segments_of(1_500);
    kit.write(30);
    let segments = audit::segments(kit.dir()).unwrap();
    let surplus = &segments[segments.len() - 2].path;
    let whole = fs::read(surplus).unwrap();
    let line = whole.split_inclusive(|byte| *byte == b'\n').next().unwrap();
    overwrite(surplus, &[whole.as_slice(), line, b"{\"ent", &[0; 100]].concat());
    // The last segment is too young for a shortcut: the one before it is read.
    fs::remove_file(segments[segments.len() - 1].path.with_extension("tree")).unwrap();
    let (trail, opened) = kit.try_open().unwrap();
    assert_eq!(opened.last_seq, 30);
    assert_eq!(opened.torn.unwrap().bytes, (line.len() + 5 + 100) as u64);
    trail.close();
    assert_eq!(fs::read(surplus).unwrap(), whole);
    assert_eq!(kit.verify().unwrap().entries, 31);
}

#[test]
fn a_segment_that_was_only_just_made_is_gone_on_with() {
    let kit = Kit::new();
    kit.write(5);
    for zeros in [0, 1, 70_000] {
        let last_seq = kit.verify().unwrap().last_seq;
        fs::write(kit.dir().join(format!("{:020}.ndjson", last_seq + 1)), vec![0; zeros]).unwrap();
        let (trail, opened) = kit.try_open().unwrap();
        assert_eq!((opened.last_seq, opened.torn), (last_seq, None));
        append(&trail, 2);
        trail.close();
        assert_eq!(kit.verify().unwrap().entries, last_seq + 2);
    }
    assert_eq!(kit.segment_files().len(), 4);
}

#[test]
fn checkpoint_files_cut_anywhere_by_a_crash_stop_nothing() {
    let (kit, _, _, _) = crashed();
    let path = kit.dir().join("checkpoints");
    let notes = fs::read(&path).unwrap();
    for length in 0..notes.len() {
        overwrite(&path, &notes[..length]);
        overwrite(&kit.dir().join("checkpoint"), &[]);
        let trail = kit.open();
        append(&trail, 1);
        trail.close();
        let sizes: Vec<u64> = audit::checkpoints(kit.dir()).unwrap().map(|note| note.unwrap().size).collect();
        assert_eq!(sizes.last(), Some(&kit.verify().unwrap().last_seq), "cut at {length}");
    }
}
