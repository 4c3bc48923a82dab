//! Everything is bounded.

use ledger::{LedgerOptions, Refused};
use types::amounts::AMOUNT_MAX;

use crate::house::{AGENT, House, NOW_MS, ORG, ask, exactly, line, on_every_backend};

#[test]
fn open_holds_are_bounded() {
    on_every_backend(async |_| {
        let options = LedgerOptions { holds_max: 3, ..LedgerOptions::default() };
        let house = House::with(options);
        let mut holds = Vec::new();
        for number in 0..3 {
            holds.push(house.ledger.reserve(ask(number, 1, vec![line(AGENT, None)])).await.unwrap());
        }
        assert_eq!(house.ledger.reserve(ask(3, 1, vec![line(AGENT, None)])).await.unwrap_err(), Refused::Overloaded);
        holds.remove(0).release(NOW_MS, "not_sent").await;
        assert!(house.ledger.reserve(ask(3, 1, vec![line(AGENT, None)])).await.is_ok());
    });
}

#[test]
fn unproved_charges_are_bounded() {
    on_every_backend(async |_| {
        let options = LedgerOptions { unreconciled_max: 2, ..LedgerOptions::default() };
        let house = House::with(options);
        for number in 0..2 {
            drop(house.send(ask(number, 1, vec![line(AGENT, None)])).await);
        }
        assert_eq!(house.ledger.reserve(ask(3, 1, vec![line(AGENT, None)])).await.unwrap_err(), Refused::Overloaded);
        house.ledger.settle(exactly(0, 1)).unwrap();
        assert!(house.ledger.reserve(ask(3, 1, vec![line(AGENT, None)])).await.is_ok());
    });
}

#[test]
fn accounts_are_bounded_and_a_refused_request_opens_none() {
    on_every_backend(async |_| {
        let options = LedgerOptions { accounts_max: 2, ..LedgerOptions::default() };
        let house = House::with(options);
        assert!(house.ledger.reserve(ask(1, 9, vec![line(ORG, 5), line(AGENT, 5)])).await.is_err());
        assert!(house.ledger.accounts().is_empty());
        assert!(house.ledger.reserve(ask(2, 1, vec![line(ORG, None), line(AGENT, None)])).await.is_ok());
        let third = house.ledger.reserve(ask(3, 1, vec![line(ORG, None), line("session:1@total", None)])).await;
        assert_eq!(third.unwrap_err(), Refused::Overloaded);
        assert!(house.ledger.reserve(ask(4, 1, vec![line(AGENT, None)])).await.is_ok(), "known accounts go on");
    });
}

#[test]
fn overruns_of_billions_fill_an_account_and_wrap_nothing() {
    on_every_backend(async |house| {
        let mut in_flight = Vec::new();
        for number in 0..12 {
            in_flight.push(house.send(ask(number, 1, vec![line(ORG, None)])).await);
        }
        for (number, in_flight) in (0..).zip(in_flight) {
            assert!(in_flight.settle(exactly(number, AMOUNT_MAX)).overrun);
        }
        assert_eq!(house.usd(ORG)[0], i64::MAX);
        assert!(house.ledger.reserve(ask(99, 0, vec![line(ORG, i64::MAX)])).await.is_err(), "full, not empty");
        house.assert_replayed();
    });
}

#[test]
fn a_plan_without_accounts_is_counted_nowhere_but_still_held_and_recorded() {
    on_every_backend(async |house| {
        house.send(ask(1, 5, vec![])).await.settle(exactly(1, 5));
        assert_eq!((house.ledger.accounts().len(), house.journal.len()), (0, 2));
        house.assert_replayed();
    });
}
