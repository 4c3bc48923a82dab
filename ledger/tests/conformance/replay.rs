//! The journal read back, and the drift detector.

use ledger::{Drift, Folded, LedgerOptions};
use types::entry::{Mark, Refuse, Start};
use types::{Certainty, Entry, Limits, Money, Reason, Scope};

use crate::house::{
    AGENT, DAY_MS, House, NOW_MS, admit, ask, exactly, id, line, on_every_backend, outcome, subject, usd,
};
use crate::journal::fold;

/// A house with something of everything in its journal.
async fn busy() -> House {
    let house = House::new();
    house.send(ask(1, 60, vec![line(AGENT, None)])).await.settle(exactly(1, 25));
    drop(house.send(ask(2, 60, vec![line(AGENT, None)])).await);
    house.send(ask(3, 60, vec![line(AGENT, None)])).await.settle(outcome(3, Certainty::AtLeast, usd(10)));
    let mut unsent = house.ledger.reserve(ask(4, 60, vec![line(AGENT, None)])).await.unwrap();
    let _permit = house.ledger.admit(&mut unsent, admit(NOW_MS)).await.unwrap();
    unsent.release(NOW_MS, "vendor_unreachable").await;
    house.ledger.resolve(id(2), Money::from_nanos(30), "eve", "invoice", NOW_MS).await.unwrap();
    house.ledger.adjust(AGENT.into(), usd(5), "eve", "before Bursar", NOW_MS).await.unwrap();
    house.ledger.freeze(subject(Scope::Vendor, "anthropic"), "eve", NOW_MS).await.unwrap();
    std::mem::forget(house.send(ask(5, 60, vec![line(AGENT, None)])).await);
    house
}

fn now(future: impl Future<Output = House>) -> House {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn the_journal_tells_posted_presumed_and_open_holds_to_the_nano() {
    let house = now(busy());
    house.assert_replayed();
    let standing = house.journal.fold().standing();
    let sums = standing.accounts[&AGENT.into()].sums;
    assert_eq!([sums.posted.usd, sums.presumed.usd, sums.held.usd].map(Money::nanos), [25 + 10 + 30 + 5, 50, 60]);
    assert_eq!(standing.open.keys().copied().collect::<Vec<_>>(), [id(5)]);
}

#[test]
fn a_lost_entry_is_told_as_drift() {
    let house = now(busy());
    let live = house.ledger.standing();
    assert_eq!(live.seq, Some(house.journal.len() as u64));
    let entries = house.journal.entries();
    for lost in 0..entries.len() {
        let mut rest = entries.clone();
        let entry = rest.remove(lost);
        let drift = fold(&rest).compare(&live);
        if matches!(&entry, Entry::Admit(admit) if admit.id == id(4)) {
            // What was given back whole leaves no balance behind: only the trail's own chain tells that it is missing.
            assert_eq!(drift, []);
            continue;
        }
        assert!(!drift.is_empty(), "nobody noticed that {entry:?} is missing");
        if matches!(entry, Entry::Freeze(_)) {
            assert_eq!(drift, [Drift::Frozen(subject(Scope::Vendor, "anthropic"))]);
        } else {
            assert!(drift.iter().any(|drift| matches!(drift, Drift::Account { .. })), "{drift:?}");
        }
    }
}

#[test]
fn entries_of_other_rooms_change_nothing() {
    let house = now(busy());
    let mut folded = house.journal.fold();
    let before = folded.standing();
    let none = exactly(999, 5);
    for entry in [
        Entry::Start(Start { at_ms: NOW_MS, policy: "p".into(), program: "1".into() }),
        Entry::Stop(Mark { at_ms: NOW_MS }),
        Entry::Outcome(none),
        Entry::Refuse(Refuse {
            at_ms: NOW_MS,
            caller: None,
            count: 1,
            id: id(7),
            proof: types::entry::Proof::default(),
            reason: Reason::Draining,
            request: types::entry::Request::default(),
        }),
    ] {
        folded.apply(&entry);
    }
    assert_eq!(folded.standing(), before);
}

#[test]
fn an_admission_is_taken_in_once() {
    let house = now(busy());
    let mut folded = house.journal.fold();
    let before = folded.standing();
    for entry in house.journal.entries().iter().filter(|entry| matches!(entry, Entry::Admit(_))) {
        folded.apply(entry);
    }
    assert_eq!(folded.standing(), before);
}

#[test]
fn what_the_ledger_remembers_the_fold_remembers_too() {
    let house = now(busy());
    let folded = house.journal.fold();
    assert_eq!(folded.unreconciled(), house.ledger.unreconciled());
    assert_eq!(folded.accounts(), house.ledger.accounts());
    assert_eq!(*folded.frozen(), house.ledger.frozen());
    for number in 1..=5 {
        assert_eq!(folded.decision(id(number)), house.ledger.decision(id(number)));
    }
}

#[test]
fn reserved_holds_are_no_drift() {
    on_every_backend(async |house| {
        let _hold = house.ledger.reserve(ask(1, 60, vec![line(AGENT, None)])).await.unwrap();
        assert_eq!(house.ledger.standing().accounts.len(), 0);
        house.assert_replayed();
    });
}

#[test]
fn a_fold_forgets_closed_windows_as_the_ledger_does() {
    on_every_backend(async |house| {
        let mut folded = Folded::new();
        for day in 0..300 {
            let now_ms = NOW_MS + day * DAY_MS;
            let mut entry = admit(now_ms);
            entry.id = id(day);
            entry.granted = usd(10);
            entry.accounts = vec![types::entry::Account {
                account: format!("agent:researcher@day:{day}").as_str().into(),
                committed: usd(10),
                limits: Limits::NONE,
                resets_ms: Some(now_ms + DAY_MS),
            }];
            folded.apply(&Entry::Admit(entry));
            let mut told = exactly(day, 3);
            told.at_ms = now_ms;
            folded.apply(&Entry::Outcome(told));
        }
        assert!(folded.accounts().len() < 50, "{} accounts", folded.accounts().len());
        let again = House::after(folded, house.journal, LedgerOptions::default());
        assert_eq!(again.usd("agent:researcher@day:299"), [3, 0, 0]);
    });
}
