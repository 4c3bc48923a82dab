//! What happens when the journal fails, verb by verb.

use ledger::{JournalError, LedgerError, Refused};
use types::{Certainty, Entry, Money, Scope};

use crate::house::{AGENT, NOW_MS, admit, ask, exactly, id, line, on_every_backend, outcome, subject, usd};
use crate::journal::Mood;

#[test]
fn an_admit_that_is_not_taken_releases_the_hold() {
    on_every_backend(async |house| {
        house.journal.set(Mood::Refusing);
        let mut hold = house.ledger.reserve(ask(1, 60, vec![line(AGENT, 100)])).await.unwrap();
        assert_eq!(house.ledger.admit(&mut hold, admit(NOW_MS)).await.unwrap_err(), Refused::NotRecorded);
        assert_eq!((house.usd(AGENT), house.journal.len()), ([0, 0, 0], 0), "released before the hold is dropped");
        drop(hold);
        house.journal.set(Mood::Well);
        house.assert_replayed();
    });
}

#[test]
fn an_admit_that_is_not_durable_releases_the_hold_and_says_so() {
    on_every_backend(async |house| {
        house.journal.set(Mood::Losing);
        let mut hold = house.ledger.reserve(ask(1, 60, vec![line(AGENT, 100)])).await.unwrap();
        assert_eq!(house.ledger.admit(&mut hold, admit(NOW_MS)).await.unwrap_err(), Refused::NotRecorded);
        assert_eq!(house.usd(AGENT), [0, 0, 0]);
        drop(hold);
        // The entry may stand in the trail after all: what follows it says that nothing was sent.
        assert!(matches!(house.journal.entries()[..], [Entry::Admit(_), Entry::Release(_)]));
        house.assert_replayed();
    });
}

#[test]
fn a_hold_whose_admit_failed_is_not_admitted_by_trying_again() {
    on_every_backend(async |house| {
        let mut hold = house.ledger.reserve(ask(1, 60, vec![line(AGENT, 100)])).await.unwrap();
        house.journal.set(Mood::Refusing);
        assert_eq!(house.ledger.admit(&mut hold, admit(NOW_MS)).await.unwrap_err(), Refused::NotRecorded);
        house.journal.set(Mood::Well);
        assert_eq!(house.ledger.admit(&mut hold, admit(NOW_MS)).await.unwrap_err(), Refused::Conflict);
    });
}

#[test]
fn outcomes_are_kept_while_the_journal_fails_and_written_before_the_next_admission() {
    on_every_backend(async |house| {
        let mut in_flight = Vec::new();
        for number in 1..=4 {
            in_flight.push(house.send(ask(number, 10, vec![line(AGENT, None)])).await);
        }
        let mut unsent = house.ledger.reserve(ask(5, 10, vec![line(AGENT, None)])).await.unwrap();
        let _permit = house.ledger.admit(&mut unsent, admit(NOW_MS)).await.unwrap();
        house.journal.set(Mood::Refusing);
        in_flight.remove(0).settle(exactly(1, 3));
        drop(in_flight.remove(0));
        in_flight.remove(0).settle(outcome(3, Certainty::Unknown, usd(0)));
        drop(unsent);
        assert_eq!(house.usd(AGENT), [3, 20, 10], "the ledger goes on in memory");
        assert_eq!((house.ledger.status().entries_owed, house.journal.len()), (4, 5));

        let mut next = house.ledger.reserve(ask(6, 10, vec![line(AGENT, None)])).await.unwrap();
        assert_eq!(house.ledger.admit(&mut next, admit(NOW_MS)).await.unwrap_err(), Refused::NotRecorded);
        house.journal.set(Mood::Well);
        house.send(ask(7, 10, vec![line(AGENT, None)])).await.settle(exactly(7, 10));
        let kinds: Vec<&str> = house.journal.entries()[5..].iter().map(kind).collect();
        assert_eq!(kinds, ["outcome", "presume", "outcome", "release", "admit", "outcome"]);
        drop(in_flight);
        house.assert_replayed();
    });
}

#[test]
fn what_is_owed_is_written_by_the_next_renewal() {
    on_every_backend(async |house| {
        let in_flight = house.send(ask(1, 10, vec![line(AGENT, 100)])).await;
        house.journal.set(Mood::Refusing);
        in_flight.settle(exactly(1, 3));
        house.ledger.renew(NOW_MS + 30_000);
        assert_eq!(house.ledger.status().entries_owed, 1);
        house.journal.set(Mood::Well);
        house.ledger.renew(NOW_MS + 60_000);
        house.assert_replayed();
    });
}

#[test]
fn a_freeze_is_in_force_even_if_it_cannot_be_written_yet() {
    on_every_backend(async |house| {
        for mood in [Mood::Refusing, Mood::Losing] {
            house.journal.set(mood);
            let told = house.ledger.freeze(subject(Scope::Org, "acme"), "eve", NOW_MS).await;
            assert_eq!(told, Err(LedgerError::Journal(JournalError::Failed)));
            let refused = house.ledger.reserve(ask(1, 1, vec![line(AGENT, 100)])).await.unwrap_err();
            assert_eq!(refused, Refused::Frozen(subject(Scope::Org, "acme")));
        }
        house.journal.set(Mood::Well);
        house.ledger.renew(NOW_MS);
        house.assert_replayed();
    });
}

#[test]
fn an_unfreeze_that_cannot_be_written_leaves_the_subject_frozen() {
    on_every_backend(async |house| {
        house.ledger.freeze(subject(Scope::Org, "acme"), "eve", NOW_MS).await.unwrap();
        for mood in [Mood::Refusing, Mood::Losing] {
            house.journal.set(mood);
            assert!(house.ledger.unfreeze(subject(Scope::Org, "acme"), "eve", NOW_MS).await.is_err());
            assert!(house.ledger.frozen().contains(&subject(Scope::Org, "acme")));
        }
        house.journal.set(Mood::Well);
        house.ledger.renew(NOW_MS);
        house.assert_replayed();
    });
}

#[test]
fn a_persons_correction_that_cannot_be_written_is_undone() {
    on_every_backend(async |house| {
        drop(house.send(ask(1, 60, vec![line(AGENT, None)])).await);
        house.send(ask(2, 30, vec![line(AGENT, None)])).await.settle(exactly(2, 30));
        let before = house.ledger.standing();
        for mood in [Mood::Refusing, Mood::Losing] {
            house.journal.set(mood);
            let failed = LedgerError::Journal(JournalError::Failed);
            let resolved = house.ledger.resolve(id(1), Money::from_nanos(9), "eve", "invoice 7", NOW_MS).await;
            assert_eq!(resolved.unwrap_err(), failed);
            let adjusted = house.ledger.adjust(AGENT.into(), usd(5), "eve", "before Bursar", NOW_MS).await;
            assert_eq!(adjusted.unwrap_err(), failed);
            let credited = house.ledger.credit(AGENT.into(), usd(1), "eve", "refund 3", NOW_MS).await;
            assert_eq!(credited.unwrap_err(), failed);
            assert_eq!(house.ledger.accept_clock("eve", NOW_MS - 9_000).await.unwrap_err(), failed);
            let now = house.ledger.standing();
            assert_eq!((&now.accounts, &now.presumed, now.now_ms), (&before.accounts, &before.presumed, before.now_ms));
        }
    });
}

fn kind(entry: &Entry) -> &'static str {
    match entry {
        Entry::Admit(_) => "admit",
        Entry::Outcome(_) => "outcome",
        Entry::Presume(_) => "presume",
        Entry::Release(_) => "release",
        _ => "other",
    }
}
