//! A vendor that leaves too much unproved is not asked again for a while.

use ledger::{LedgerOptions, Refused};
use types::{Amounts, Certainty, Limits, Line, Measure, Money};

use crate::house::{AGENT, House, NOW_MS, ORG, ask, exactly, id, line, on_every_backend, outcome, usd};

async fn leave_unproved(house: &House, number: u64, nanos: i64) {
    let asked = ask(number, nanos, vec![line(AGENT, 1_000)]);
    house.send(asked).await.settle(outcome(number, Certainty::Unknown, usd(0)));
}

fn unstable() -> Refused {
    Refused::VendorUnstable("openai".into())
}

#[test]
fn more_than_a_tenth_of_a_limit_unproved_opens_the_circuit() {
    on_every_backend(async |house| {
        leave_unproved(&house, 1, 100).await;
        drop(house.ledger.reserve(ask(2, 1, vec![line(AGENT, 1_000)])).await.unwrap());
        leave_unproved(&house, 3, 1).await;
        assert_eq!(house.ledger.reserve(ask(4, 1, vec![line(AGENT, 1_000)])).await.unwrap_err(), unstable());
    });
}

#[test]
fn another_vendor_and_another_account_go_on() {
    on_every_backend(async |house| {
        leave_unproved(&house, 1, 200).await;
        let mut elsewhere = ask(2, 1, vec![line(AGENT, 1_000)]);
        elsewhere.vendor = "anthropic".into();
        assert!(house.ledger.reserve(elsewhere).await.is_ok());
        assert!(house.ledger.reserve(ask(3, 1, vec![line(ORG, 1_000)])).await.is_ok());
        assert!(house.ledger.reserve(ask(4, 1, vec![line(AGENT, 10_000)])).await.is_ok(), "a tenth of a larger limit");
        assert!(house.ledger.reserve(ask(5, 1, vec![line(AGENT, None)])).await.is_ok(), "no limit, no tenth of it");
        let both = ask(6, 1, vec![line(ORG, None), line(AGENT, 1_000)]);
        assert_eq!(house.ledger.reserve(both).await.unwrap_err(), unstable());
    });
}

#[test]
fn the_circuit_closes_when_ten_whole_minutes_have_passed() {
    on_every_backend(async |house| {
        leave_unproved(&house, 1, 200).await;
        for (later_ms, is_open) in [(600_000, true), (659_999, true), (660_000, false)] {
            let mut asked = ask(2, 1, vec![line(AGENT, 1_000)]);
            asked.now_ms = NOW_MS + later_ms;
            assert_eq!(house.ledger.reserve(asked).await.err(), is_open.then(unstable), "{later_ms} ms later");
            house.ledger.renew(NOW_MS + later_ms);
        }
    });
}

#[test]
fn a_proof_closes_the_circuit() {
    on_every_backend(async |house| {
        let both = [1, 2].map(|number| ask(number, 150, vec![line(AGENT, 1_000)]));
        let [first, second] = both.map(|asked| house.send(asked));
        drop((first.await, second.await));
        house.ledger.resolve(id(1), Money::from_nanos(9), "eve", "invoice", NOW_MS).await.unwrap();
        assert_eq!(house.ledger.reserve(ask(3, 1, vec![line(AGENT, 1_000)])).await.unwrap_err(), unstable());
        house.ledger.settle(exactly(2, 9)).unwrap();
        assert!(house.ledger.reserve(ask(3, 1, vec![line(AGENT, 1_000)])).await.is_ok());
    });
}

#[test]
fn what_a_restart_presumed_says_nothing_about_a_vendor() {
    on_every_backend(async |house| {
        std::mem::forget(house.send(ask(1, 500, vec![line(AGENT, 1_000)])).await);
        let mut state = house.journal.fold();
        state.finish_restart(NOW_MS);
        let again = House::after(state, house.journal, LedgerOptions::default());
        assert_eq!(again.usd(AGENT), [0, 500, 0]);
        assert!(again.ledger.reserve(ask(2, 1, vec![line(AGENT, 1_000)])).await.is_ok());
        again.ledger.resolve(id(1), Money::from_nanos(9), "eve", "invoice", NOW_MS).await.unwrap();
        leave_unproved(&again, 3, 101).await;
        let refused = again.ledger.reserve(ask(4, 1, vec![line(AGENT, 1_000)])).await;
        assert_eq!(refused.unwrap_err(), unstable(), "the proof of an older presumption is no credit");
    });
}

#[test]
fn tokens_open_the_circuit_and_calls_do_not() {
    on_every_backend(async |house| {
        let limited = |measure| Line { limits: Limits::NONE.tightened(measure, 5), ..line(AGENT, None) };
        let mut asked = ask(1, 0, vec![line(AGENT, None)]);
        asked.amount = Amounts { requests: 1, tokens: 1, usd: Money::ZERO };
        asked.floor = asked.amount;
        house.send(asked).await.settle(outcome(1, Certainty::Unknown, usd(0)));
        let refused = house.ledger.reserve(ask(2, 0, vec![limited(Measure::Tokens)])).await;
        assert_eq!(refused.unwrap_err(), unstable());
        assert!(house.ledger.reserve(ask(2, 0, vec![limited(Measure::Requests)])).await.is_ok());
    });
}

#[test]
fn dropped_and_expired_exchanges_count_too() {
    on_every_backend(async |house| {
        drop(house.send(ask(1, 60, vec![line(AGENT, 1_000)])).await);
        let in_flight = house.send(ask(2, 60, vec![line(AGENT, 1_000)])).await;
        assert_eq!(house.ledger.presume_expired(NOW_MS + 120_000), [id(2)]);
        let mut asked = ask(3, 1, vec![line(AGENT, 1_000)]);
        asked.now_ms = NOW_MS + 120_000;
        assert_eq!(house.ledger.reserve(asked).await.unwrap_err(), unstable());
        drop(in_flight);
    });
}
