//! The verbs of people.

use ledger::{LedgerError, Refused};
use types::amounts::AMOUNT_MAX;
use types::{Amounts, Certainty, Entry, Money, Scope};

use crate::house::{AGENT, House, NOW_MS, ORG, admit, ask, exactly, id, line, on_every_backend, outcome, subject, usd};

#[test]
fn what_is_frozen_is_neither_reserved_nor_admitted() {
    on_every_backend(async |house| {
        let mut before = house.ledger.reserve(ask(1, 10, vec![line(AGENT, None)])).await.unwrap();
        let in_flight = house.send(ask(2, 10, vec![line(AGENT, None)])).await;
        let switches = house.ledger.switches();
        house.ledger.freeze(subject(Scope::Agent, "researcher"), "eve", NOW_MS).await.unwrap();
        assert!(switches.has_changed().unwrap());
        let frozen = Refused::Frozen(subject(Scope::Agent, "researcher"));
        assert_eq!(house.ledger.reserve(ask(3, 10, vec![line(AGENT, None)])).await.unwrap_err(), frozen);
        assert_eq!(house.ledger.admit(&mut before, admit(NOW_MS)).await.unwrap_err(), frozen);
        in_flight.settle(exactly(2, 4));
        house.ledger.unfreeze(subject(Scope::Agent, "researcher"), "eve", NOW_MS).await.unwrap();
        let _permit = house.ledger.admit(&mut before, admit(NOW_MS)).await.unwrap();
        assert_eq!(house.usd(AGENT), [4, 0, 10]);
        house.assert_replayed();
    });
}

#[test]
fn a_freeze_names_who_did_it_and_outlives_a_restart() {
    on_every_backend(async |house| {
        house.ledger.freeze(subject(Scope::Vendor, "openai"), "eve", NOW_MS).await.unwrap();
        let Entry::Freeze(entry) = house.journal.entries().remove(0) else { panic!("no freeze") };
        assert_eq!((entry.by.as_str(), entry.frozen), ("eve", true));
        let again = House::after(house.journal.fold(), house.journal, ledger::LedgerOptions::default());
        assert_eq!(again.ledger.frozen(), [subject(Scope::Vendor, "openai")].into());
    });
}

#[test]
fn a_person_proves_what_a_presumed_hold_did_cost() {
    on_every_backend(async |house| {
        let mut asked = ask(1, 60, vec![line(AGENT, 100), line(ORG, None)]);
        asked.amount.tokens = 900;
        let told = Amounts { requests: 1, tokens: 300, usd: Money::from_nanos(20) };
        house.send(asked).await.settle(outcome(1, Certainty::AtLeast, told));
        let settled =
            house.ledger.resolve(id(1), Money::from_nanos(33), "eve", "invoice 7, line 3", NOW_MS).await.unwrap();
        let proved = Amounts { requests: 1, tokens: 900, usd: Money::from_nanos(33) };
        assert_eq!((settled.posted, settled.overrun), (proved, false));
        assert_eq!((house.usd(AGENT), house.usd(ORG)), ([33, 0, 0], [33, 0, 0]));
        assert!(house.ledger.unreconciled().is_empty());
        house.assert_replayed();
    });
}

#[test]
fn only_what_is_presumed_can_be_resolved() {
    on_every_backend(async |house| {
        let money = Money::from_nanos(5);
        let open = house.send(ask(1, 60, vec![line(AGENT, None)])).await;
        house.send(ask(2, 60, vec![line(AGENT, None)])).await.settle(exactly(2, 9));
        for number in [1, 2] {
            let told = house.ledger.resolve(id(number), money, "eve", "invoice", NOW_MS).await;
            assert_eq!(told.unwrap_err(), LedgerError::NotPresumed(id(number)));
        }
        let told = house.ledger.resolve(id(3), money, "eve", "invoice", NOW_MS).await;
        assert_eq!(told.unwrap_err(), LedgerError::UnknownHold(id(3)));
        drop(open);
        for nanos in [-1, AMOUNT_MAX + 1] {
            let told = house.ledger.resolve(id(1), Money::from_nanos(nanos), "eve", "invoice", NOW_MS).await;
            assert_eq!(told.unwrap_err(), LedgerError::NotChargeable);
        }
        house.ledger.resolve(id(1), money, "eve", "invoice", NOW_MS).await.unwrap();
        let twice = house.ledger.resolve(id(1), money, "eve", "invoice", NOW_MS).await;
        assert_eq!(twice.unwrap_err(), LedgerError::NotPresumed(id(1)));
        house.assert_replayed();
    });
}

#[test]
fn a_late_outcome_does_not_undo_what_a_person_proved() {
    on_every_backend(async |house| {
        drop(house.send(ask(1, 60, vec![line(AGENT, None)])).await);
        house.ledger.resolve(id(1), Money::from_nanos(33), "eve", "invoice", NOW_MS).await.unwrap();
        house.ledger.settle(exactly(1, 50)).unwrap();
        assert_eq!(house.usd(AGENT), [33, 0, 0]);
        house.assert_replayed();
    });
}

#[test]
fn an_account_is_corrected_in_both_directions_but_never_below_zero() {
    on_every_backend(async |house| {
        house.send(ask(1, 60, vec![line(AGENT, 100)])).await.settle(exactly(1, 50));
        let balance = house.ledger.adjust(AGENT.into(), usd(30), "eve", "before Bursar", NOW_MS).await.unwrap();
        assert_eq!(balance.posted.usd, Money::from_nanos(80));
        house.ledger.credit(AGENT.into(), Amounts { requests: 0, ..usd(70) }, "eve", "refund 3", NOW_MS).await.unwrap();
        assert_eq!(house.usd(AGENT), [10, 0, 0]);
        let told = house.ledger.credit(AGENT.into(), usd(11), "eve", "refund 4", NOW_MS).await;
        assert_eq!(told.unwrap_err(), LedgerError::BelowZero(AGENT.into()));
        let told = house.ledger.credit(AGENT.into(), usd(-5), "eve", "refund 4", NOW_MS).await;
        assert_eq!(told.unwrap_err(), LedgerError::NotChargeable);
        for nanos in [AMOUNT_MAX + 1, -AMOUNT_MAX - 1, i64::MIN] {
            let told = house.ledger.adjust(AGENT.into(), usd(nanos), "eve", "typing error", NOW_MS).await;
            assert_eq!(told.unwrap_err(), LedgerError::NotChargeable);
        }
        house.assert_replayed();
    });
}

#[test]
fn a_correction_of_an_account_that_is_not_counted_is_a_typing_error() {
    on_every_backend(async |house| {
        let told = house.ledger.adjust("agent:reseacher@total".into(), usd(1), "eve", "before Bursar", NOW_MS).await;
        assert_eq!(told.unwrap_err(), LedgerError::UnknownAccount("agent:reseacher@total".into()));
        assert!(house.ledger.accounts().is_empty() && house.journal.len() == 0);
    });
}

#[test]
fn a_closed_ledger_settles_but_admits_nothing() {
    on_every_backend(async |house| {
        let mut hold = house.ledger.reserve(ask(1, 10, vec![line(AGENT, None)])).await.unwrap();
        let in_flight = house.send(ask(2, 10, vec![line(AGENT, None)])).await;
        house.ledger.close();
        let refused = house.ledger.reserve(ask(3, 10, vec![line(AGENT, None)])).await;
        assert_eq!(refused.unwrap_err(), Refused::Unavailable);
        assert_eq!(house.ledger.admit(&mut hold, admit(NOW_MS)).await.unwrap_err(), Refused::Unavailable);
        in_flight.settle(exactly(2, 4));
        drop(hold);
        assert_eq!(house.usd(AGENT), [4, 0, 0]);
    });
}

#[test]
fn errors_say_what_is_wrong_and_how_to_mend_it() {
    let told = [
        LedgerError::UnknownHold(id(1)),
        LedgerError::NotAdmitted(id(1)),
        LedgerError::NotPresumed(id(1)),
        LedgerError::UnknownAccount(AGENT.into()),
        LedgerError::BelowZero(AGENT.into()),
        LedgerError::NotChargeable,
        LedgerError::Journal(ledger::JournalError::Full),
        LedgerError::SnapshotVersion,
        LedgerError::SnapshotDamaged { at: 7 },
    ]
    .map(|error| error.to_string());
    assert!(told[0].contains(&id(1).to_string()) && told[0].contains("48 hours"), "{}", told[0]);
    assert!(told[3].contains(AGENT) && told[3].contains("bursar spend"), "{}", told[3]);
    assert!(told[6].contains("queue") && told[8].contains("byte 7"));
    assert!(told.iter().all(|text| text.len() > 20));
}
