//! What others need to check the trail without us: notes, keys, exports, proofs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod kit;

use audit::merkle::{verify_consistency, verify_inclusion};
use audit::{AuditError, Checkpoint, CheckpointError, PublicKey, Signer, read_export};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kit::{Kit, append};

#[test]
fn a_checkpoint_is_a_signed_note_as_c2sp_writes_it() {
    let kit = Kit::new();
    kit.write(5);
    let note = std::fs::read_to_string(kit.dir().join("checkpoint")).unwrap();
    let lines: Vec<&str> = note.split('\n').collect();
    let ["bursar/gw-1", "5", root, "", signature, ""] = lines.as_slice() else { panic!("{note}") };
    assert_eq!(STANDARD.decode(root).unwrap().len(), 32);
    let signature = signature.strip_prefix("— bursar/gw-1 ").unwrap();
    assert_eq!(STANDARD.decode(signature).unwrap().len(), 4 + 64);
    assert_eq!(Checkpoint::parse(&note).unwrap().to_string(), note);
    // An earlier one stands before it where the first entries were signed by themselves.
    let history = std::fs::read_to_string(kit.dir().join("checkpoints")).unwrap();
    assert!(history.ends_with(&format!("{note}\n")), "{history}");
}

#[test]
fn a_public_key_in_the_form_of_the_note_specification_is_read() {
    // The example key of the signed-note implementation of Go (golang.org/x/mod/sumdb/note).
    let text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let key: PublicKey = text.parse().unwrap();
    assert_eq!((key.name.as_str(), key.to_string().as_str()), ("PeterNeumann", text));
    assert_eq!(audit::parse_key(&format!("{text}\n")).unwrap(), key.bytes);
    for bad in
        ["", "a", "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "a b+00000000+AAAA", "x+y"]
    {
        assert!(matches!(audit::parse_key(bad), Err(AuditError::Checkpoint(CheckpointError::BadKey))), "{bad}");
    }
}

#[test]
fn the_published_key_is_the_one_that_signs() {
    let kit = Kit::new();
    kit.write(1);
    let key = audit::published_key(kit.dir()).unwrap().unwrap();
    assert_eq!((key.name.as_str(), key.bytes), ("bursar/gw-1", kit.key()));
}

#[test]
fn what_is_no_note_is_refused() {
    let kit = Kit::new();
    let good = Checkpoint::sign(5, [1; 32], kit.signer().as_ref()).to_string();
    let root = STANDARD.encode([1; 32]);
    for bad in [
        String::new(),
        "\n\n\n".into(),
        good.replace("bursar/gw-1\n5", "\n5"),
        good.replace("\n5\n", "\n05\n"),
        good.replace("\n5\n", "\n+5\n"),
        good.replace("\n5\n", "\n-5\n"),
        good.replace("\n5\n", "\n18446744073709551616\n"),
        good.replace(&root, &root[1..]),
        good.replace(&root, ""),
        good.replace("— ", "- "),
        good.replace("— bursar/gw-1 ", "— bursar/gw-1  "),
        good.replace("\n\n", "\n"),
        good.trim_end().into(),
        format!("{good}x"),
        good.replace("gw-1\n5", "gw-1\r\n5"),
        format!("{}\n\n{good}", "x".repeat(20_000)),
    ] {
        assert_eq!(bad.parse::<Checkpoint>(), Err(CheckpointError::Malformed), "{bad:?}");
    }
}

#[test]
fn notes_with_more_lines_and_signatures_of_witnesses_are_read_and_verified() {
    let kit = Kit::new();
    let mut checkpoint = Checkpoint::sign(5, [1; 32], kit.signer().as_ref());
    checkpoint.extensions = vec!["something else".into()];
    assert_eq!(checkpoint.verify(&kit.key()), Err(CheckpointError::BadSignature), "the text is another");
    checkpoint.signatures[0].bytes = kit.signer().sign(checkpoint.text().as_bytes()).to_vec();
    let witness = audit::checkpoint::NoteSignature { name: "witness".into(), key_id: [1, 2, 3, 4], bytes: vec![0; 72] };
    checkpoint.signatures.insert(0, witness);
    let read = Checkpoint::parse(&checkpoint.to_string()).unwrap();
    assert_eq!(read, checkpoint);
    assert_eq!(read.verify(&kit.key()), Ok(()));
    let mut keys = (0..=255).map(|byte| [byte; 32]);
    assert!(keys.any(|key| read.verify(&key) == Err(CheckpointError::BadKey)), "not every 32 bytes are a key");
}

#[test]
fn any_bytes_are_a_note_or_refused_but_never_a_panic() {
    let kit = Kit::new();
    let good = Checkpoint::sign(5, [1; 32], kit.signer().as_ref()).to_string().into_bytes();
    bolero::check!().with_type::<(Vec<u8>, u16)>().for_each(|(bytes, at)| {
        // Random bytes alone, and pasted into a good note.
        let mut pasted = good.clone();
        let at = usize::from(*at) % pasted.len();
        let end = (at + bytes.len()).min(pasted.len());
        pasted.splice(at..end, bytes.iter().copied());
        for bytes in [bytes, &pasted] {
            let Ok(text) = str::from_utf8(bytes) else { continue };
            if let Ok(checkpoint) = Checkpoint::parse(text) {
                assert_eq!(Checkpoint::parse(&checkpoint.to_string()).unwrap(), checkpoint);
            }
        }
    });
}

#[test]
fn an_export_without_proofs_is_the_lines_as_they_stand() {
    let kit = Kit::new().with_segments_of(1_000);
    kit.write(30);
    let all: Vec<u8> = kit.segment_files().iter().flat_map(|file| std::fs::read(file).unwrap()).collect();
    let mut exported = Vec::new();
    audit::export(kit.dir(), 1..=u64::MAX, false, &mut exported).unwrap();
    assert_eq!(exported, all);
    let mut some = Vec::new();
    audit::export(kit.dir(), 10..=12, false, &mut some).unwrap();
    assert_eq!(some.iter().filter(|byte| **byte == b'\n').count(), 3);
    assert!(all.windows(some.len()).any(|window| window == some));
    for range in [31..=40, 32..=u64::MAX] {
        let error = audit::export(kit.dir(), range, false, &mut Vec::new()).unwrap_err();
        assert!(matches!(error, AuditError::Range { .. }), "{error}");
    }
}

#[test]
fn an_export_with_proofs_is_checked_with_nothing_but_the_key() {
    let kit = Kit::new().with_segments_of(1_000);
    kit.write(30);
    for range in [1..=1, 1..=30, 7..=19, 30..=u64::MAX, 0..=3] {
        let mut exported = Vec::new();
        audit::export(kit.dir(), range.clone(), true, &mut exported).unwrap();
        let (checkpoint, lines) = read_export(&mut exported.as_slice(), &kit.key()).unwrap();
        assert_eq!(checkpoint, kit.newest_checkpoint());
        let expected: Vec<_> = kit.lines().into_iter().filter(|line| range.contains(&line.seq)).collect();
        assert_eq!(lines, expected);
    }
    let error = audit::export(kit.dir(), 31..=40, true, &mut Vec::new()).unwrap_err();
    assert!(matches!(error, AuditError::Range { last: 30, .. }), "{error}");
}

#[test]
fn an_export_in_which_anything_was_changed_is_refused() {
    let kit = Kit::new();
    kit.write(6);
    let mut exported = Vec::new();
    audit::export(kit.dir(), 3..=4, true, &mut exported).unwrap();
    for at in 0..exported.len() {
        let mut altered = exported.clone();
        altered[at] ^= 1;
        match read_export(&mut altered.as_slice(), &kit.key()) {
            Err(AuditError::Export { line }) => assert!((1..=4).contains(&line)),
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("byte {at} is not proved: {}", String::from_utf8_lossy(&altered)),
        }
    }
    assert!(matches!(read_export(&mut exported.as_slice(), &[3; 32]), Err(AuditError::Export { line: 1 })));
    assert!(matches!(read_export(&mut b"".as_slice(), &kit.key()), Err(AuditError::Export { line: 1 })));
}

#[test]
fn entries_that_no_checkpoint_covers_are_left_out_of_proofs() {
    let kit = Kit::new();
    kit.write(5);
    let covered = kit.newest_checkpoint().to_string();
    let trail = kit.open();
    append(&trail, 5);
    trail.close();
    std::fs::write(kit.dir().join("checkpoint"), &covered).unwrap();
    std::fs::write(kit.dir().join("checkpoints"), format!("{covered}\n")).unwrap();
    let mut exported = Vec::new();
    audit::export(kit.dir(), 4..=9, true, &mut exported).unwrap();
    let (_, lines) = read_export(&mut exported.as_slice(), &kit.key()).unwrap();
    assert_eq!(lines.iter().map(|line| line.seq).collect::<Vec<_>>(), [4, 5]);
}

#[test]
fn one_entry_is_proved_against_any_checkpoint_and_checkpoints_against_each_other() {
    let kit = Kit::new().with_segments_of(1_000);
    kit.write(30);
    let checkpoints: Vec<Checkpoint> = audit::checkpoints(kit.dir()).unwrap().map(Result::unwrap).collect();
    assert!(checkpoints.len() > 3);
    let lines = kit.lines();
    for new in &checkpoints {
        for seq in 1..=new.size {
            let proof = audit::inclusion(kit.dir(), seq, new.size).unwrap();
            let leaf = lines[usize::try_from(seq).unwrap() - 1].hash;
            assert_eq!(verify_inclusion(seq - 1, new.size, &leaf, &proof, &new.root), Ok(()));
        }
        for old in checkpoints.iter().filter(|old| old.size <= new.size) {
            let proof = audit::consistency(kit.dir(), old.size, new.size).unwrap();
            assert_eq!(verify_consistency(old.size, new.size, &proof, &old.root, &new.root), Ok(()));
        }
    }
    for (seq, size) in [(0, 5), (6, 5), (1, 31)] {
        assert!(matches!(audit::inclusion(kit.dir(), seq, size), Err(AuditError::Range { .. })));
    }
    for (old, new) in [(0, 5), (6, 5), (5, 31)] {
        assert!(matches!(audit::consistency(kit.dir(), old, new), Err(AuditError::Range { .. })));
    }
}
