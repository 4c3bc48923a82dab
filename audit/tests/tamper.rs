//! Whatever is done to a closed trail is found, and the first bad record is named.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod kit;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use audit::{AuditError, Checkpoint, CheckpointError, Fault, FileSigner, Signer};
use kit::{Kit, append, copy, fault, overwrite};

/// A closed trail of one segment, its bytes, and its lines with their LF.
fn small() -> (Kit, PathBuf, Vec<u8>, Vec<Vec<u8>>) {
    let kit = Kit::new();
    kit.write(12);
    let file = kit.segment_files().remove(0);
    let bytes = std::fs::read(&file).unwrap();
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    (kit, file, bytes, lines)
}

/// Replaces the segment, and says which record `verify` and the next start name.
fn first_bad(kit: &Kit, file: &Path, bytes: &[u8]) -> Option<u64> {
    overwrite(file, bytes);
    let verified = fault(kit.verify());
    let opened = fault(kit.try_open());
    assert_eq!(verified, opened, "a start finds what verify finds");
    assert_eq!(std::fs::read(file).unwrap(), bytes, "a start that refuses changes nothing");
    let text = verified.to_string();
    assert!(text.contains(file.to_str().unwrap()) || matches!(verified, Fault::Truncated { .. }), "{text}");
    verified.seq()
}

#[test]
fn every_flipped_bit_of_every_byte_is_found_and_its_record_named() {
    let (kit, file, bytes, lines) = small();
    // The checkpoints stay as they are: without a key their signatures are not looked at sixteen thousand times.
    std::fs::remove_file(kit.data.path().join("trail.pub")).unwrap();
    let verify = || audit::verify(kit.dir(), None, None);
    let mut at = 0;
    for (line, seq) in lines.iter().zip(1..) {
        for offset in 0..line.len() {
            for bit in 0..8 {
                let mut altered = bytes.clone();
                altered[at + offset] ^= 1 << bit;
                overwrite(&file, &altered);
                let fault = fault(verify());
                assert_eq!(fault.seq(), Some(seq), "bit {bit} of byte {offset} in record {seq}: {fault}");
            }
        }
        at += line.len();
    }
    std::fs::write(&file, &bytes).unwrap();
    kit.verify().unwrap();
}

#[test]
fn a_start_finds_altered_bytes_too() {
    let (kit, file, bytes, lines) = small();
    let mut at = 0;
    for (line, seq) in lines.iter().zip(1..) {
        let offsets = [0, 5, 12, line.len() / 2, line.len() - 40, line.len() - 4, line.len() - 1];
        let changes = offsets.into_iter().flat_map(|offset| b"\0\nx0\"".map(|byte| (offset, byte)));
        for (offset, byte) in changes.filter(|(offset, byte)| line[*offset] != *byte) {
            let mut altered = bytes.clone();
            altered[at + offset] = byte;
            assert_eq!(first_bad(&kit, &file, &altered), Some(seq), "byte {offset} in record {seq} to {byte}");
        }
        at += line.len();
    }
}

#[test]
fn every_deleted_record_is_missed() {
    let (kit, file, _, lines) = small();
    for index in 0..lines.len() {
        let mut rest = lines.clone();
        rest.remove(index);
        assert_eq!(first_bad(&kit, &file, &rest.concat()), Some(index as u64 + 1));
    }
}

#[test]
fn every_inserted_copy_of_a_record_is_found() {
    let (kit, file, _, lines) = small();
    for index in 0..=lines.len() {
        for copied in &lines {
            let mut more = lines.clone();
            more.insert(index, copied.clone());
            // A copy before itself stands where it belongs: the second one is the first that does not.
            let expected = if index < lines.len() && *copied == lines[index] { index + 2 } else { index + 1 };
            assert_eq!(first_bad(&kit, &file, &more.concat()), Some(expected as u64));
        }
    }
}

#[test]
fn every_swap_of_records_is_found() {
    let (kit, file, _, lines) = small();
    for first in 0..lines.len() {
        for second in first + 1..lines.len() {
            let mut swapped = lines.clone();
            swapped.swap(first, second);
            assert_eq!(first_bad(&kit, &file, &swapped.concat()), Some(first as u64 + 1));
        }
    }
}

#[test]
fn every_truncation_below_the_checkpoint_is_found_and_refused_by_a_start() {
    let (kit, file, bytes, lines) = small();
    let mut record = 0;
    let mut end = 0;
    for length in 0..bytes.len() {
        if length == end + lines[record].len() {
            end = length;
            record += 1;
        }
        assert_eq!(first_bad(&kit, &file, &bytes[..length]), Some(record as u64 + 1), "at {length} bytes");
    }
    std::fs::remove_file(&file).unwrap();
    assert_eq!(fault(kit.verify()), Fault::Truncated { seq: 1, size: 12, outside: false });
    assert_eq!(fault(kit.try_open()).seq(), Some(1));
}

#[test]
fn zeros_and_garbage_over_a_covered_record_are_no_torn_end() {
    let (kit, file, bytes, lines) = small();
    let last = bytes.len() - lines[11].len();
    let mut altered = bytes.clone();
    altered[last..].fill(0);
    assert_eq!(first_bad(&kit, &file, &altered), Some(12));
    altered.truncate(last);
    altered.extend_from_slice(b"{\"entry\":");
    assert_eq!(first_bad(&kit, &file, &altered), Some(12));
}

/// A closed trail of several segments.
fn segmented() -> Kit {
    let kit = Kit::new().with_segments_of(1_500);
    kit.write(30);
    assert!(kit.segment_files().len() >= 4);
    kit
}

#[test]
fn a_missing_segment_is_named_by_its_first_record() {
    let kit = segmented();
    let segments = audit::segments(kit.dir()).unwrap();
    for segment in &segments {
        let bytes = std::fs::read(&segment.path).unwrap();
        std::fs::remove_file(&segment.path).unwrap();
        assert_eq!(fault(kit.verify()).seq(), Some(segment.first_seq));
        std::fs::write(&segment.path, bytes).unwrap();
    }
    kit.verify().unwrap();
}

#[test]
fn swapped_segment_files_and_those_of_another_trail_are_found() {
    let kit = segmented();
    let written = kit.lines();
    let segments = audit::segments(kit.dir()).unwrap();
    let (second, third) = (&segments[1], &segments[2]);
    let (bytes_of_second, bytes_of_third) = (std::fs::read(&second.path).unwrap(), std::fs::read(&third.path).unwrap());
    std::fs::write(&second.path, &bytes_of_third).unwrap();
    std::fs::write(&third.path, &bytes_of_second).unwrap();
    assert_eq!(fault(kit.verify()).seq(), Some(second.first_seq));
    std::fs::write(&third.path, &bytes_of_third).unwrap();

    // The same entries at other times: the same lengths, numbers and file names, another chain.
    let other = Kit::new().with_segments_of(1_500);
    let trail = other.open();
    for line in written {
        let text = serde_json::to_string(&line.entry).unwrap().replace("18000000000", "18100000000");
        trail.append(audit::Prepared::from_bytes(text.into_bytes())).unwrap();
    }
    trail.close();
    let foreign = std::fs::read(other.dir().join(second.file_name())).unwrap();
    assert_eq!(foreign.len(), bytes_of_second.len());
    std::fs::write(&second.path, &foreign).unwrap();
    let found = fault(kit.verify());
    assert_eq!(
        found.seq(),
        Some(second.first_seq),
        "the checkpoint of the rotation vouches for the first file: {found}"
    );
}

#[test]
fn bytes_after_the_end_of_a_closed_segment_are_found() {
    let kit = segmented();
    let segments = audit::segments(kit.dir()).unwrap();
    let bytes = std::fs::read(&segments[0].path).unwrap();
    let line = bytes.split_inclusive(|byte| *byte == b'\n').next().unwrap();
    for added in [b"x".as_slice(), b"\n", line, b"\0\0x"] {
        std::fs::write(&segments[0].path, [&bytes, added].concat()).unwrap();
        let found = fault(kit.verify());
        assert!(matches!(&found, Fault::Surplus { place } if place.seq == segments[1].first_seq), "{found}");
        assert!(found.to_string().contains(&format!("truncate -s {}", bytes.len())), "{found}");
    }
    std::fs::write(&segments[0].path, [bytes.as_slice(), &[0; 100]].concat()).unwrap();
    kit.verify().unwrap();
}

/// Writes the chain anew from a record on, as one can who has the files but not the key.
fn forge(lines: &[Vec<u8>], from: usize) -> Vec<u8> {
    let mut forged: Vec<u8> = lines[..from].concat();
    let mut prev = audit::line::parse(lines[from - 1].trim_ascii_end()).unwrap().hash;
    for line in &lines[from..] {
        let parsed = audit::line::parse(line.trim_ascii_end()).unwrap();
        let entry = serde_json::to_string(&parsed.entry).unwrap().replace("researcher", "somebody-x");
        let hex: String = prev.iter().map(|byte| format!("{byte:02x}")).collect();
        let text = format!(r#"{{"entry":{entry},"gateway":"gw-1","prev":"{hex}","seq":"{}"}}"#, parsed.seq);
        prev = audit::line::parse(text.as_bytes()).unwrap().hash;
        forged.extend_from_slice(text.as_bytes());
        forged.push(b'\n');
    }
    forged
}

#[test]
fn a_chain_written_anew_does_not_fit_the_signed_root() {
    let kit = Kit::new();
    kit.write(8);
    kit.pass_ms(1_000);
    kit.write(8);
    let file = kit.segment_files().remove(0);
    let bytes = std::fs::read(&file).unwrap();
    let lines: Vec<Vec<u8>> = bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    for from in 1..15 {
        std::fs::write(&file, forge(&lines, from)).unwrap();
        let Fault::Root { place, since, outside: false } = fault(kit.verify()) else { panic!("another fault") };
        assert!((since..=place.seq).contains(&(from as u64 + 1)), "record {} in {since}..={}", from + 1, place.seq);
        assert!(matches!(fault(kit.try_open()), Fault::Root { .. }));
    }
}

#[test]
fn every_flipped_bit_of_the_newest_checkpoint_is_found() {
    let (kit, _, _, _) = small();
    let path = kit.dir().join("checkpoint");
    let note = std::fs::read(&path).unwrap();
    for at in 0..note.len() * 8 {
        let mut altered = note.clone();
        altered[at / 8] ^= 1 << (at % 8);
        overwrite(&path, &altered);
        assert!(matches!(fault(kit.verify()), Fault::Checkpoint { .. }), "bit {at}");
        assert!(matches!(fault(kit.try_open()), Fault::Checkpoint { .. }), "bit {at}");
    }
}

#[test]
fn altered_older_checkpoints_are_found() {
    let kit = segmented();
    let path = kit.dir().join("checkpoints");
    let notes = std::fs::read_to_string(&path).unwrap();
    let first: Checkpoint = audit::checkpoints(kit.dir()).unwrap().next().unwrap().unwrap();
    let size = format!("\n{}\n", first.size);
    std::fs::write(&path, notes.replacen(&size, &format!("\n{}\n", first.size - 1), 1)).unwrap();
    assert!(matches!(fault(kit.verify()), Fault::Checkpoint { why: CheckpointError::BadSignature, .. }));
    std::fs::write(&path, notes.replacen("bursar/gw-1\n", "\n", 1)).unwrap();
    assert!(matches!(fault(kit.verify()), Fault::Checkpoint { why: CheckpointError::Malformed, .. }));
}

#[test]
fn a_rollback_with_its_own_checkpoints_is_shown_by_one_from_outside() {
    let kit = Kit::new();
    kit.write(6);
    let old = kit::folder();
    copy(kit.dir(), old.path());
    kit.write(6);
    let kept = kit.newest_checkpoint();
    assert_eq!(audit::verify(kit.dir(), Some(&kit.key()), Some(&kept)).unwrap().covered_seq, 12);

    std::fs::remove_dir_all(kit.dir()).unwrap();
    copy(old.path(), kit.dir());
    assert_eq!(kit.verify().unwrap().entries, 6, "by itself the old state is sound");
    let found = fault(audit::verify(kit.dir(), Some(&kit.key()), Some(&kept)));
    assert_eq!(found, Fault::Truncated { seq: 7, size: 12, outside: true });

    // Gone on with after the rollback: as long, and another history.
    let trail = kit.open();
    append(&trail, 1);
    append(&trail, 5);
    trail.close();
    let found = fault(audit::verify(kit.dir(), Some(&kit.key()), Some(&kept)));
    assert!(matches!(found, Fault::Root { since, outside: true, .. } if since <= 7), "{found}");
}

#[test]
fn an_older_checkpoint_alone_forgets_nothing_that_the_history_knows() {
    let kit = Kit::new();
    kit.write(6);
    let old = std::fs::read(kit.dir().join("checkpoint")).unwrap();
    kit.write(6);
    std::fs::write(kit.dir().join("checkpoint"), old).unwrap();
    let file = kit.segment_files().remove(0);
    let bytes = std::fs::read(&file).unwrap();
    let end = bytes[..bytes.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap();
    std::fs::write(&file, &bytes[..=end]).unwrap();
    assert_eq!(fault(kit.verify()).seq(), Some(12));
    assert_eq!(fault(kit.try_open()).seq(), Some(12));
}

#[test]
fn a_swapped_key_is_told_from_an_altered_trail() {
    let (kit, _, _, _) = small();
    let thief = FileSigner::open_or_create(&kit.data.path().join("other.key"), "bursar/gw-1", [9; 32]).unwrap();
    let found = fault(audit::verify(kit.dir(), Some(&thief.public_key()), None));
    assert!(matches!(found, Fault::Checkpoint { why: CheckpointError::OtherKey, .. }), "{found}");

    // The thief signs everything anew and publishes the own key: only who kept the old key sees it.
    let root = kit.newest_checkpoint().root;
    let forged = Checkpoint::sign(12, root, &thief);
    std::fs::write(kit.dir().join("checkpoint"), forged.to_string()).unwrap();
    std::fs::write(kit.dir().join("checkpoints"), format!("{forged}\n")).unwrap();
    let public = audit::PublicKey { name: "bursar/gw-1".into(), bytes: thief.public_key() };
    std::fs::write(kit.data.path().join("trail.pub"), format!("{public}\n")).unwrap();
    assert!(audit::verify(kit.dir(), None, None).unwrap().signed);
    assert!(matches!(fault(kit.verify()), Fault::Checkpoint { why: CheckpointError::OtherKey, .. }));
    let refused = fault(kit.try_open());
    assert!(matches!(refused, Fault::Checkpoint { why: CheckpointError::OtherKey, .. }), "{refused}");
    assert!(refused.to_string().contains("Restore the key"), "{refused}");
}

#[test]
fn without_any_key_accidents_are_found_and_the_report_says_so() {
    let (kit, file, mut bytes, _) = small();
    std::fs::remove_file(kit.data.path().join("trail.pub")).unwrap();
    let report = audit::verify(kit.dir(), None, None).unwrap();
    assert_eq!((report.signed, report.covered_seq), (false, 12));
    bytes[20] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    assert_eq!(fault(audit::verify(kit.dir(), None, None)).seq(), Some(1));
    std::fs::write(kit.data.path().join("trail.pub"), "bursar/gw-1+00000000+AAAA").unwrap();
    assert!(matches!(audit::verify(kit.dir(), None, None), Err(AuditError::MalformedPublicKey { .. })));
}

#[test]
fn a_damaged_shortcut_costs_time_and_nothing_else() {
    let kit = segmented();
    let trees: Vec<PathBuf> = audit::segments(kit.dir())
        .unwrap()
        .iter()
        .map(|segment| segment.path.with_extension("tree"))
        .filter(|path| path.exists())
        .collect();
    assert_eq!(trees.len(), kit.segment_files().len() - 1);
    for tree in &trees {
        let text = std::fs::read_to_string(tree).unwrap();
        std::fs::write(tree, text.replace(['0', '1', '2'], "3")).unwrap();
    }
    kit.write(1);
    for tree in &trees {
        std::fs::write(tree, "bursar tree\n").unwrap();
    }
    kit.write(1);
    assert_eq!(kit.verify().unwrap().entries, 32);
}

#[test]
fn a_start_reads_old_segments_only_where_the_newest_does_not_hold() {
    let kit = segmented();
    let first = kit.segment_files().remove(0);
    let bytes = std::fs::read(&first).unwrap();
    std::fs::write(&first, b"nothing of the kind").unwrap();
    kit.write(1);
    assert_eq!(fault(kit.verify()).seq(), Some(1), "verify reads all");
    std::fs::write(&first, bytes).unwrap();
    kit.verify().unwrap();
}

#[test]
fn a_signer_is_shared() {
    let kit = Kit::new();
    let signer: Arc<dyn Signer> = kit.signer();
    assert_eq!(Checkpoint::sign(0, [0; 32], signer.as_ref()).verify(&kit.key()), Ok(()));
}
