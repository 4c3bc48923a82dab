//! The fold as bytes.

use ledger::{Folded, LedgerError};
use types::{Certainty, Scope};

use crate::house::{AGENT, Dice, House, NOW_MS, ORG, admit, ask, exactly, line, outcome, subject, usd};
use crate::journal::fold;

fn block_on<T>(story: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(story)
}

/// A house with holds in every state.
async fn lived_in(requests: u64) -> House {
    let house = House::new();
    let mut dice = Dice(7);
    for number in 0..requests {
        let lines = vec![line(AGENT, None), line(ORG, 1 << 50), line(&format!("model:{}@total", number % 3), None)];
        let mut hold = house.ledger.reserve(ask(number, 10, lines)).await.unwrap();
        let permit = house.ledger.admit(&mut hold, admit(NOW_MS + number)).await.unwrap();
        match dice.roll(6) {
            0 => hold.release(NOW_MS + number, "vendor_unreachable").await,
            1 => drop(hold.dispatch(&permit)),
            2 => drop(hold.dispatch(&permit).settle(outcome(number, Certainty::AtLeast, usd(4)))),
            3 => std::mem::forget(hold),
            4 => drop(hold.dispatch(&permit).settle(exactly(number, 99))),
            _ => drop(hold.dispatch(&permit).settle(exactly(number, 3))),
        }
        if dice.roll(5) == 0 {
            // An outcome of what had been released or presumed.
            drop(house.ledger.settle(exactly(dice.roll(number + 1), 2)));
        }
    }
    house.ledger.freeze(subject(Scope::User, "mallory"), "eve", NOW_MS).await.unwrap();
    house
}

#[test]
fn a_snapshot_is_the_state_and_the_same_state_is_the_same_bytes() {
    let house = block_on(lived_in(60));
    let folded = house.journal.fold();
    let bytes = folded.encode();
    let back = Folded::decode(&bytes).unwrap();
    assert_eq!(back.standing(), folded.standing());
    assert_eq!(back.unreconciled(), folded.unreconciled());
    assert_eq!(back.encode(), bytes);
    assert_eq!(house.journal.fold().encode(), bytes);
}

#[test]
fn a_fold_goes_on_from_any_snapshot_as_if_it_had_never_stopped() {
    let house = block_on(lived_in(60));
    let entries = house.journal.entries();
    let whole = fold(&entries).encode();
    for cut in 0..=entries.len() {
        let mut folded = Folded::decode(&fold(&entries[..cut]).encode()).unwrap();
        entries[cut..].iter().for_each(|entry| folded.apply(entry));
        assert_eq!(folded.encode(), whole, "cut at {cut}");
    }
}

#[test]
fn an_empty_state_has_a_snapshot_too() {
    let bytes = Folded::new().encode();
    assert_eq!(Folded::decode(&bytes).unwrap().standing(), Folded::new().standing());
    assert_eq!(&bytes[..25], b"bursar ledger snapshot 1\n");
}

#[test]
fn every_flipped_bit_and_every_cut_is_refused() {
    let bytes = block_on(lived_in(8)).journal.fold().encode();
    for at in 0..bytes.len() {
        let cut = Folded::decode(&bytes[..at]).unwrap_err();
        assert!(matches!(cut, LedgerError::SnapshotVersion | LedgerError::SnapshotDamaged { .. }));
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            let error = Folded::decode(&damaged).unwrap_err();
            assert_eq!(error == LedgerError::SnapshotVersion, at < 25, "byte {at}: {error}");
        }
    }
    let longer = [bytes.as_slice(), b"\0"].concat();
    assert!(matches!(Folded::decode(&longer), Err(LedgerError::SnapshotDamaged { .. })));
}

#[test]
fn bytes_that_contradict_themselves_are_refused_whatever_their_sum_says() {
    let bytes = block_on(lived_in(8)).journal.fold().encode();
    let body = bytes.len() - 8;
    let mut accepted = 0;
    for at in 25..body {
        for value in [0, 1, 2, 0x7f, 0xff] {
            let mut forged = bytes.clone();
            forged[at] = value;
            let sum = forged[..body].iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
                (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
            });
            forged[body..].copy_from_slice(&sum.to_be_bytes());
            // Other amounts and times are another state, which only the trail can tell; but whatever is read is a state
            // that is written the same way again.
            if let Ok(read) = Folded::decode(&forged) {
                accepted += 1;
                assert_eq!(read.encode(), forged, "byte {at} as {value}");
            }
        }
    }
    assert!(accepted > 0);
}
