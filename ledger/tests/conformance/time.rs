//! Time never goes back to a fresh window.

use ledger::{LedgerOptions, Refused};

use crate::house::{AGENT, DAY_MS, House, NOW_MS, admit, ask, exactly, line, on_every_backend};

#[test]
fn a_small_step_back_is_taken_for_the_latest_time() {
    on_every_backend(async |house| {
        house.send(ask(1, 10, vec![line(AGENT, None)])).await.settle(exactly(1, 1));
        let mut back = ask(2, 10, vec![line(AGENT, None)]);
        back.now_ms = NOW_MS - 2_000;
        let mut hold = house.ledger.reserve(back).await.unwrap();
        let _permit = house.ledger.admit(&mut hold, admit(NOW_MS - 2_000)).await.unwrap();
        assert_eq!(house.ledger.status().now_ms, NOW_MS);
        assert_eq!(house.ledger.decision(hold.id()).unwrap().since_ms, NOW_MS);
    });
}

#[test]
fn a_larger_step_back_refuses_until_the_clock_has_passed() {
    on_every_backend(async |house| {
        house.send(ask(1, 10, vec![line(AGENT, None)])).await.settle(exactly(1, 1));
        let mut hold = house.ledger.reserve(ask(2, 10, vec![line(AGENT, None)])).await.unwrap();
        let mut back = ask(3, 10, vec![line(AGENT, None)]);
        back.now_ms = NOW_MS - 2_001;
        assert_eq!(house.ledger.reserve(back.clone()).await.unwrap_err(), Refused::ClockBehind);
        assert_eq!(house.ledger.admit(&mut hold, admit(NOW_MS - 2_001)).await.unwrap_err(), Refused::ClockBehind);
        back.now_ms = NOW_MS;
        assert!(house.ledger.reserve(back).await.is_ok());
    });
}

#[test]
fn outcomes_are_never_refused_for_the_clock() {
    on_every_backend(async |house| {
        let in_flight = house.send(ask(1, 10, vec![line(AGENT, None)])).await;
        let mut early = exactly(1, 4);
        early.at_ms = NOW_MS - DAY_MS;
        in_flight.settle(early);
        assert_eq!((house.usd(AGENT), house.ledger.status().now_ms), ([4, 0, 0], NOW_MS));
        house.assert_replayed();
    });
}

#[test]
fn an_operator_accepts_a_clock_that_had_run_ahead() {
    on_every_backend(async |house| {
        let mut ahead = ask(1, 10, vec![line(AGENT, None)]);
        ahead.now_ms = NOW_MS + DAY_MS;
        drop(house.ledger.reserve(ahead).await.unwrap());
        assert_eq!(house.ledger.reserve(ask(2, 10, vec![line(AGENT, None)])).await.unwrap_err(), Refused::ClockBehind);
        assert_eq!(house.ledger.accept_clock("eve", NOW_MS).await, Ok(NOW_MS + DAY_MS));
        house.send(ask(3, 10, vec![line(AGENT, None)])).await.settle(exactly(3, 4));
        assert_eq!(house.ledger.status().now_ms, NOW_MS);
        house.assert_replayed();
    });
}

#[test]
fn the_latest_time_outlives_a_restart_and_so_does_its_acceptance() {
    on_every_backend(async |house| {
        house.send(ask(1, 10, vec![line(AGENT, None)])).await.settle(exactly(1, 1));
        let again = House::after(house.journal.fold(), house.journal, LedgerOptions::default());
        let mut back = ask(2, 10, vec![line(AGENT, None)]);
        back.now_ms = NOW_MS - DAY_MS;
        assert_eq!(again.ledger.reserve(back.clone()).await.unwrap_err(), Refused::ClockBehind);
        again.ledger.accept_clock("eve", NOW_MS - DAY_MS).await.unwrap();
        let third = House::after(again.journal.fold(), again.journal, LedgerOptions::default());
        assert!(third.ledger.reserve(back).await.is_ok());
    });
}
