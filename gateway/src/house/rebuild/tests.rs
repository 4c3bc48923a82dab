use super::*;
use crate::house::keeper::write_due_snapshot;
use crate::house::kit::{SmallHouse, open};

fn names(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = files.filter(|name| name.starts_with("snapshot-")).collect();
    names.sort();
    names
}

/// A house whose newest snapshot is named by an entry that a checkpoint covers, and which has gone on since.
fn settled() -> SmallHouse {
    let house = SmallHouse::new();
    house.call(60);
    assert!(write_due_snapshot(&house.trail, &house.folder).unwrap());
    house.call(60);
    // Closing makes the last checkpoint.
    house.trail.close();
    house
}

fn newest(folder: &Path) -> OnDisk {
    snapshots(folder).unwrap().into_iter().next().unwrap()
}

fn encoded(folder: &Path) -> Vec<u8> {
    fold(folder, u64::MAX).unwrap().encode()
}

#[test]
fn a_snapshot_and_what_follows_tell_the_same_as_the_whole_trail() {
    let house = settled();
    let from_snapshot = fold_from(&house.folder, &newest(&house.folder), u64::MAX).unwrap().expect("it does not count");
    let whole = genesis(&house.folder, u64::MAX).unwrap();
    assert_eq!(from_snapshot.encode(), whole.encode());
    assert_eq!(whole.open_len(), 12);
    assert!(whole.unreconciled().len() > 10);
}

#[test]
fn a_fold_ends_where_it_is_told_to_whether_a_snapshot_lies_before_or_behind() {
    let house = settled();
    let folded_seq = newest(&house.folder).folded_seq;
    for until_seq in [1, folded_seq - 1, folded_seq, folded_seq + 1, folded_seq + 20] {
        let told = fold(&house.folder, until_seq).unwrap().encode();
        assert_eq!(told, genesis(&house.folder, until_seq).unwrap().encode(), "until {until_seq}");
    }
}

#[test]
fn a_tampered_snapshot_is_ignored() {
    let house = settled();
    let (snapshot, whole) = (newest(&house.folder), encoded(&house.folder));
    let bytes = std::fs::read(&snapshot.path).unwrap();
    // Richer by some dollars, and well-formed: only its hash betrays it.
    let forged = genesis(&house.folder, snapshot.folded_seq - 30).unwrap().encode();
    let flipped: Vec<u8> = bytes.iter().enumerate().map(|(at, byte)| if at == 40 { !byte } else { *byte }).collect();
    for bad in [&forged[..], &flipped, &bytes[..bytes.len() / 2], b""] {
        std::fs::write(&snapshot.path, bad).unwrap();
        assert!(fold_from(&house.folder, &snapshot, u64::MAX).unwrap().is_none());
        assert_eq!(encoded(&house.folder), whole);
    }
}

#[test]
fn a_snapshot_that_the_trail_does_not_name_is_ignored() {
    let house = settled();
    let whole = encoded(&house.folder);
    let folded_seq = newest(&house.folder).folded_seq;
    for seq in [folded_seq + 7, 1, 0, u64::MAX] {
        let planted = house.folder.join(format!("snapshot-{seq:020}"));
        std::fs::write(&planted, genesis(&house.folder, 3).unwrap().encode()).unwrap();
        assert_eq!(encoded(&house.folder), whole, "snapshot {seq} was believed");
        std::fs::remove_file(planted).unwrap();
    }
}

#[test]
fn a_snapshot_counts_only_when_a_checkpoint_covers_the_entry_that_names_it() {
    let house = settled();
    let snapshot = newest(&house.folder);
    assert!(fold_from(&house.folder, &snapshot, u64::MAX).unwrap().is_some());
    for file in ["checkpoint", "checkpoints"] {
        std::fs::remove_file(house.folder.join(file)).unwrap();
    }
    assert!(fold_from(&house.folder, &snapshot, u64::MAX).unwrap().is_none());
}

#[test]
fn two_snapshots_are_kept() {
    let house = SmallHouse::new();
    for _ in 0..4 {
        house.call(40);
        assert!(write_due_snapshot(&house.trail, &house.folder).unwrap());
        assert!(!write_due_snapshot(&house.trail, &house.folder).unwrap(), "nothing was closed since");
    }
    let kept = names(&house.folder);
    assert_eq!(kept.len(), 2, "{kept:?}");
    let seqs: Vec<u64> = snapshots(&house.folder).unwrap().iter().map(|snapshot| snapshot.folded_seq).collect();
    assert!(seqs[0] > seqs[1]);
}

#[test]
fn a_restart_presumes_what_was_open_once() {
    let house = settled();
    for presumed in [12, 0] {
        let trail = open(&house.folder);
        let before = trail.status().last_seq;
        let state = rebuild(&trail, &house.folder, crate::clock::now_ms()).unwrap();
        assert_eq!(trail.status().last_seq - before, presumed);
        assert_eq!(state.open_len(), 0);
        assert_eq!(state.compare(&fold(&house.folder, u64::MAX).unwrap().standing()), []);
        trail.close();
    }
}
