//! Entries in, durable lines out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod kit;

use std::sync::Arc;

use audit::{AppendError, AuditError, Trail};
use kit::{Kit, START_MS, append, entry, fault, wait};
use types::Entry;
use types::entry::Mark;

#[test]
fn what_is_appended_is_read_back_in_order_and_verifies() {
    let kit = Kit::new();
    kit.write(50);
    let lines = kit.lines();
    assert_eq!(lines.len(), 50);
    for (line, number) in lines.iter().zip(0..) {
        assert_eq!((line.seq, &line.entry, &*line.gateway), (number + 1, &entry(number), "gw-1"));
    }
    assert_eq!(lines[0].prev, [0; 32]);
    assert!(lines.windows(2).all(|pair| pair[1].prev == pair[0].hash));
    let report = kit.verify().unwrap();
    assert_eq!((report.entries, report.last_seq, report.covered_seq, report.signed), (50, 50, 50, true));
    assert_eq!((report.first_seq, report.segments, report.unfinished_bytes), (Some(1), 1, 0));
}

#[test]
fn a_new_trail_is_empty_and_verifies() {
    let kit = Kit::new();
    let (trail, opened) = kit.try_open().unwrap();
    assert_eq!((opened.last_seq, opened.last_at_ms, opened.torn), (0, None, None));
    trail.close();
    let report = kit.verify().unwrap();
    assert_eq!((report.entries, report.first_seq, report.checkpoints), (0, None, 0));
    assert!(kit.lines().is_empty());
}

#[test]
fn the_sequence_goes_on_after_each_start() {
    let kit = Kit::new();
    for round in 0..4 {
        let (trail, opened) = kit.try_open().unwrap();
        assert_eq!(opened.last_seq, round * 5);
        assert_eq!(opened.last_at_ms, (round > 0).then_some(START_MS + 4));
        append(&trail, 5);
        assert_eq!(trail.status().last_seq, round * 5 + 5);
        trail.close();
    }
    assert_eq!(kit.lines().len(), 20);
    assert_eq!(kit.segment_files().len(), 1, "a segment is gone on with");
    kit.verify().unwrap();
}

#[test]
fn a_durable_entry_stands_in_the_file_when_its_wait_is_over() {
    let kit = Kit::new();
    let trail = kit.open();
    for number in 0..10 {
        let durable = trail.append_durable(trail.prepare(&entry(number))).unwrap();
        let seq = durable.seq;
        wait(durable.wait()).unwrap();
        assert_eq!(kit.lines().last().unwrap().seq, seq);
        assert!(trail.status().durable_seq >= seq);
    }
}

#[test]
fn many_threads_share_commits_and_each_gets_its_own_number() {
    let kit = Kit::new();
    let trail = Arc::new(kit.open());
    let threads: Vec<_> = (0..64)
        .map(|thread| {
            let trail = Arc::clone(&trail);
            std::thread::spawn(move || {
                (0..50).map(|number| durably(&trail, thread * 1_000 + number)).collect::<Vec<_>>()
            })
        })
        .collect();
    let mut given: Vec<(u64, u64)> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    trail.close();
    given.sort_unstable();
    let lines = kit.lines();
    assert_eq!(lines.len(), 3_200);
    for (line, (seq, at_ms)) in lines.iter().zip(given) {
        assert_eq!((line.seq, line.entry.at_ms()), (seq, at_ms), "the entry of each number is the one that got it");
    }
    assert_eq!(kit.verify().unwrap().covered_seq, 3_200);
}

fn durably(trail: &Trail, at_ms: u64) -> (u64, u64) {
    let durable = trail.append_durable(trail.prepare(&Entry::Stop(Mark { at_ms }))).unwrap();
    let seq = durable.seq;
    wait(durable.wait()).unwrap();
    (seq, at_ms)
}

#[test]
fn a_segment_is_closed_before_it_grows_too_large_and_has_no_zeros_then() {
    let kit = Kit::new().with_segments_of(2_000);
    let trail = kit.open();
    append(&trail, 60);
    let files = kit.segment_files();
    assert!(files.len() > 5, "{files:?}");
    for file in &files[..files.len() - 1] {
        let bytes = std::fs::read(file).unwrap();
        assert!(bytes.len() <= 2_000 && bytes.ends_with(b"}\n"), "{file:?}");
    }
    let closed = audit::closed_segments(kit.dir()).unwrap();
    assert_eq!(closed.len(), files.len() - 1);
    assert_eq!(audit::last_closed_seq(kit.dir()).unwrap(), closed.last().map(|(_, last)| *last));
    assert_eq!(trail.status().segment, files.last().unwrap().file_name().unwrap().to_str().unwrap());
    trail.close();
    assert_eq!(kit.lines().len(), 60);
    let report = kit.verify().unwrap();
    assert!(report.checkpoints > closed.len() as u64, "each rotation made a checkpoint: {report:?}");
    kit.write(60);
    assert_eq!(kit.lines().len(), 120);
    kit.verify().unwrap();
}

#[test]
fn an_entry_larger_than_a_segment_gets_one_of_its_own() {
    let kit = Kit::new().with_segments_of(50);
    kit.write(4);
    assert_eq!(kit.segment_files().len(), 4);
    assert_eq!(kit.verify().unwrap().entries, 4);
}

#[test]
fn a_segment_is_closed_at_its_age() {
    let kit = Kit::new();
    let trail = kit.open();
    append(&trail, 3);
    kit.pass_ms(86_399_999);
    append(&trail, 1);
    assert_eq!(kit.segment_files().len(), 1);
    kit.pass_ms(1);
    append(&trail, 1);
    assert_eq!(kit.segment_files().len(), 2);
    trail.close();
    kit.pass_ms(86_400_000);
    kit.write(1);
    assert_eq!(kit.segment_files().len(), 3, "the age counts across starts");
    assert_eq!(kit.verify().unwrap().entries, 6);
}

#[test]
fn a_checkpoint_is_made_every_second_with_new_entries_and_none_without() {
    let kit = Kit::new();
    let trail = kit.open();
    append(&trail, 1);
    for round in 0..3 {
        kit.pass_ms(1_000);
        append(&trail, 2);
        trail.flush_blocking().unwrap();
        assert!(trail.status().last_seq == 3 + round * 2);
    }
    trail.close();
    let sizes: Vec<u64> = audit::checkpoints(kit.dir()).unwrap().map(|checkpoint| checkpoint.unwrap().size).collect();
    assert!(
        sizes.is_sorted_by(|left, right| left < right) && sizes.last() == Some(&7) && sizes.len() >= 3,
        "{sizes:?}"
    );
    let trail = kit.open();
    trail.close();
    assert_eq!(audit::checkpoints(kit.dir()).unwrap().count(), sizes.len());
    assert_eq!(kit.newest_checkpoint().size, 7);
    assert_eq!(kit.newest_checkpoint().verify(&kit.key()), Ok(()));
}

#[test]
fn lines_begin_where_they_are_asked_to() {
    let kit = Kit::new().with_segments_of(1_000);
    kit.write(40);
    for from_seq in [0, 1, 2, 17, 39, 40, 41, 1_000] {
        let seqs: Vec<u64> = audit::lines(kit.dir(), from_seq).unwrap().map(|line| line.unwrap().seq).collect();
        assert_eq!(seqs, (from_seq.max(1)..=40).collect::<Vec<_>>());
    }
}

#[test]
fn a_trail_is_read_and_verified_while_it_is_written() {
    let kit = Kit::new().with_segments_of(20_000);
    let trail = Arc::new(kit.open());
    let writer = Arc::clone(&trail);
    let thread = std::thread::spawn(move || (0..300).for_each(|_| append(&writer, 10)));
    let mut seen = 0;
    while !thread.is_finished() {
        let count = audit::lines(kit.dir(), 1).unwrap().map(Result::unwrap).count();
        assert!(count >= seen);
        seen = count;
        kit.verify().unwrap();
    }
    thread.join().unwrap();
    assert_eq!(kit.lines().len(), 3_000);
}

#[test]
fn a_full_queue_refuses_all_but_what_is_reserved() {
    let mut kit = Kit::new();
    kit.options.queue_entries = 0;
    let trail = kit.open();
    let entry = trail.prepare(&entry(1));
    assert_eq!(trail.append(entry.clone()), Err(AppendError::Full));
    assert_eq!(trail.append_durable(entry.clone()).map(|durable| durable.seq), Err(AppendError::Full));
    assert_eq!(trail.append_reserved(entry), Ok(1));
    assert_eq!(trail.flush_blocking(), Ok(1));
}

#[test]
fn an_entry_too_long_for_a_line_is_refused() {
    let kit = Kit::new();
    let trail = kit.open();
    let long = audit::Prepared::from_bytes(vec![b' '; 4 << 20]);
    assert_eq!(trail.append(long), Err(AppendError::TooLong));
}

#[test]
fn a_closed_trail_takes_nothing_and_closing_twice_does_nothing() {
    let kit = Kit::new();
    let trail = kit.open();
    append(&trail, 3);
    let pending = trail.append_durable(trail.prepare(&entry(3))).unwrap();
    trail.close();
    trail.close();
    wait(pending.wait()).unwrap();
    assert_eq!(trail.append(trail.prepare(&entry(1))), Err(AppendError::Closed));
    assert_eq!(trail.append_reserved(trail.prepare(&entry(1))), Err(AppendError::Closed));
    assert_eq!(trail.flush_blocking(), Ok(4), "what was queued before is durable");
    assert!(!trail.status().healthy);
    assert_eq!(kit.lines().len(), 4);
}

#[test]
fn another_gateways_trail_is_not_gone_on_with() {
    let mut kit = Kit::new();
    kit.write(3);
    kit.options.gateway = "gw-2".into();
    let fault = fault(kit.try_open());
    assert_eq!(fault.seq(), Some(3), "{fault}");
}

#[test]
fn an_entry_of_a_newer_version_stops_reading_with_its_place() {
    let kit = Kit::new();
    let trail = kit.open();
    append(&trail, 2);
    trail.append(audit::Prepared::from_bytes(br#"{"teleport":{"at_ms":"1"}}"#.to_vec())).unwrap();
    trail.close();
    kit.verify().unwrap();
    let fault = fault(audit::lines(kit.dir(), 1).unwrap().collect::<Result<Vec<_>, _>>());
    assert_eq!(fault.place().map(|place| (place.seq, place.line)), Some((3, 3)));
    assert!(fault.to_string().contains("newer version"), "{fault}");
    assert!(matches!(kit.try_open(), Err(AuditError::Broken(_))));
}
