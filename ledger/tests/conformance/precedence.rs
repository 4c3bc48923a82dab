//! Where more than one reason applies, the same one is told whatever the order of evaluation.

use ledger::{LedgerOptions, Refused};
use types::{Certainty, Reason, Scope, UnixMs};

use crate::house::{AGENT, House, NOW_MS, ORG, ask, line, outcome, subject, usd};

const PAST_MS: UnixMs = NOW_MS - 3_600_000;

/// A house in which everything is wrong: one hold too many, a vendor that leaves things unproved, no room, something
/// frozen, an id that stands for other charges.
async fn house() -> House {
    let options = LedgerOptions { holds_max: 0, ..LedgerOptions::default() };
    let house = House::with(LedgerOptions::default());
    house.send(ask(1, 30, vec![line(AGENT, 100)])).await.settle(outcome(1, Certainty::Unknown, usd(0)));
    let state = house.journal.fold();
    let full = House::after(state, house.journal, options);
    full.ledger.freeze(subject(Scope::Agent, "researcher"), "eve", NOW_MS).await.unwrap();
    full
}

#[test]
fn refusals_come_in_one_order_of_precedence() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let house = house().await;
        let mut asked = ask(1, -1, vec![line(AGENT, 10)]);
        asked.now_ms = PAST_MS;
        assert!(matches!(refused(&house, &asked).await, Refused::NotChargeable(_)));
        asked.amount = usd(90);
        asked.floor = usd(90);
        assert_eq!(refused(&house, &asked).await, Refused::ClockBehind);
        asked.now_ms = NOW_MS;
        assert_eq!(refused(&house, &asked).await, Refused::Conflict);
        asked.id = crate::house::id(2);
        assert_eq!(refused(&house, &asked).await, Refused::Frozen(subject(Scope::Agent, "researcher")));
        house.ledger.unfreeze(subject(Scope::Agent, "researcher"), "eve", NOW_MS).await.unwrap();
        assert!(matches!(refused(&house, &asked).await, Refused::OverLimit(_)));
        asked.lines = vec![line(AGENT, 200)];
        assert_eq!(refused(&house, &asked).await, Refused::Overloaded);
        house.ledger.close();
        asked.amount = usd(-1);
        assert_eq!(refused(&house, &asked).await, Refused::Unavailable);
    });
}

#[test]
fn a_limit_is_told_before_an_unstable_vendor_and_that_before_an_overload() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let options = LedgerOptions { holds_max: 1, ..LedgerOptions::default() };
        let house = House::with(options);
        house.send(ask(1, 30, vec![line(AGENT, 100)])).await.settle(outcome(1, Certainty::Unknown, usd(0)));
        let _full = house.ledger.reserve(ask(2, 1, vec![line(ORG, 100)])).await.unwrap();
        let mut asked = ask(3, 90, vec![line(AGENT, 100)]);
        assert!(matches!(refused(&house, &asked).await, Refused::OverLimit(_)));
        asked.amount = usd(1);
        asked.floor = usd(1);
        assert_eq!(refused(&house, &asked).await, Refused::VendorUnstable("openai".into()));
        asked.lines = vec![line(ORG, 100)];
        assert_eq!(refused(&house, &asked).await, Refused::Overloaded);
    });
}

#[test]
fn the_widest_frozen_subject_is_told() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let house = House::new();
        for scope in [(Scope::Agent, "researcher"), (Scope::Org, "acme")] {
            house.ledger.freeze(subject(scope.0, scope.1), "eve", NOW_MS).await.unwrap();
        }
        let asked = ask(1, 1, vec![line(AGENT, 10)]);
        assert_eq!(refused(&house, &asked).await, Refused::Frozen(subject(Scope::Org, "acme")));
    });
}

#[test]
fn every_refusal_has_its_reason_code() {
    let codes = [
        (Refused::Unavailable, "ledger_unavailable"),
        (Refused::NotChargeable("an amount below zero"), "unbounded"),
        (Refused::ClockBehind, "clock_behind"),
        (Refused::Conflict, "conflict"),
        (Refused::Frozen(subject(Scope::Org, "acme")), "frozen"),
        (Refused::VendorUnstable("openai".into()), "vendor_unstable"),
        (Refused::Overloaded, "overloaded"),
        (Refused::NotRecorded, "trail_unavailable"),
    ];
    for (refused, code) in codes {
        assert_eq!(Reason::from(refused).code(), code);
    }
}

async fn refused(house: &House, asked: &ledger::Reservation) -> Refused {
    house.ledger.reserve(asked.clone()).await.unwrap_err()
}
