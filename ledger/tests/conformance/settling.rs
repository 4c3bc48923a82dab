//! What an outcome does.

use ledger::{HoldState, LedgerError};
use types::{Amounts, Certainty, Money};

use crate::house::{AGENT, NOW_MS, ORG, ask, exactly, id, line, on_every_backend, outcome, usd};

#[test]
fn an_exact_charge_is_posted_and_the_rest_given_back() {
    on_every_backend(async |house| {
        let settled = house.send(ask(1, 60, vec![line(AGENT, 100), line(ORG, None)])).await.settle(exactly(1, 25));
        assert_eq!((settled.posted, settled.overrun), (usd(25), false));
        assert_eq!(settled.balances[0], house.ledger.balances_of(&[AGENT.into()])[0]);
        assert_eq!((house.usd(AGENT), house.usd(ORG)), ([25, 0, 0], [25, 0, 0]));
        house.assert_replayed();
    });
}

#[test]
fn an_exact_nothing_gives_everything_back() {
    on_every_backend(async |house| {
        let nothing = outcome(1, Certainty::Exact, Amounts::ZERO);
        house.send(ask(1, 60, vec![line(AGENT, 100)])).await.settle(nothing);
        assert_eq!(house.balance(AGENT).committed(types::Measure::Requests), 0);
        assert_eq!(house.usd(AGENT), [0, 0, 0]);
        house.assert_replayed();
    });
}

#[test]
fn a_charge_above_the_hold_is_posted_and_told() {
    on_every_backend(async |house| {
        let settled = house.send(ask(1, 60, vec![line(AGENT, 100)])).await.settle(exactly(1, 250));
        assert_eq!((settled.posted, settled.overrun), (usd(250), true));
        assert_eq!(house.usd(AGENT), [250, 0, 0]);
        assert!(house.ledger.reserve(ask(2, 0, vec![line(AGENT, 100)])).await.is_err(), "nothing fits any more");
        house.assert_replayed();
    });
}

#[test]
fn at_least_posts_what_is_known_and_presumes_the_rest() {
    on_every_backend(async |house| {
        let told = outcome(1, Certainty::AtLeast, usd(25));
        let settled = house.send(ask(1, 60, vec![line(AGENT, 100)])).await.settle(told);
        assert_eq!((settled.posted, settled.overrun), (usd(25), false));
        assert_eq!(house.usd(AGENT), [25, 35, 0]);
        assert_eq!(house.ledger.unreconciled().len(), 1);
        house.assert_replayed();
    });
}

#[test]
fn at_least_more_than_the_hold_leaves_nothing_to_presume() {
    on_every_backend(async |house| {
        let told = outcome(1, Certainty::AtLeast, usd(70));
        let settled = house.send(ask(1, 60, vec![line(AGENT, 100)])).await.settle(told);
        assert_eq!((settled.posted, settled.overrun), (usd(70), true));
        assert_eq!(house.usd(AGENT), [70, 0, 0]);
        assert!(house.ledger.unreconciled().is_empty());
        house.assert_replayed();
    });
}

#[test]
fn what_is_unknown_is_presumed_at_the_bound() {
    on_every_backend(async |house| {
        for (number, amounts) in [(1, Amounts::ZERO), (2, usd(1_000))] {
            let told = outcome(number, Certainty::Unknown, amounts);
            let settled = house.send(ask(number, 60, vec![line(AGENT, None)])).await.settle(told);
            assert_eq!((settled.posted, settled.overrun), (Amounts::ZERO, false));
        }
        assert_eq!(house.usd(AGENT), [0, 120, 0]);
        let view = &house.ledger.unreconciled()[0];
        assert_eq!((view.id, &*view.vendor, view.agent.as_deref()), (id(1), "openai", Some("researcher")));
        assert_eq!(view.state, HoldState::Presumed { why: "unknown_usage".into() });
        assert_eq!(view.accounts, [AGENT.into()]);
        house.assert_replayed();
    });
}

#[test]
fn a_hold_posts_to_the_window_it_was_made_in() {
    on_every_backend(async |house| {
        let (today, tomorrow) = ("agent:researcher@day:2026-11-21", "agent:researcher@day:2026-11-22");
        let late = house.send(ask(1, 90, vec![line(today, 100)])).await;
        let mut next = ask(2, 100, vec![line(tomorrow, 100)]);
        next.now_ms = NOW_MS + crate::house::DAY_MS;
        let hold = house.ledger.reserve(next).await.unwrap();
        late.settle(exactly(1, 70));
        assert_eq!((house.usd(today), house.usd(tomorrow)), ([70, 0, 0], [0, 0, 100]));
        drop(hold);
        house.assert_replayed();
    });
}

#[test]
fn the_same_outcome_again_changes_nothing_and_writes_nothing() {
    on_every_backend(async |house| {
        let first = house.send(ask(1, 60, vec![line(AGENT, 100)])).await.settle(exactly(1, 25));
        let written = house.journal.len();
        for again in [exactly(1, 25), exactly(1, 99), outcome(1, Certainty::Unknown, usd(0))] {
            assert_eq!(house.ledger.settle(again).unwrap(), first);
        }
        assert_eq!((house.usd(AGENT), house.journal.len()), ([25, 0, 0], written));
    });
}

#[test]
fn an_exact_outcome_replaces_a_presumption_once_in_both_directions() {
    on_every_backend(async |house| {
        for (number, actual, overrun) in [(1, 10, false), (2, 95, true)] {
            let account = format!("agent:{number}@total");
            drop(house.send(ask(number, 60, vec![line(&account, None)])).await);
            assert_eq!(house.usd(&account), [0, 60, 0]);
            let settled = house.ledger.settle(exactly(number, actual)).unwrap();
            assert_eq!((settled.posted, settled.overrun), (usd(actual), overrun));
            assert_eq!(house.ledger.settle(exactly(number, 1)).unwrap(), settled);
            assert_eq!(house.usd(&account), [actual, 0, 0]);
        }
        assert!(house.ledger.unreconciled().is_empty());
        house.assert_replayed();
    });
}

#[test]
fn a_partial_outcome_replaces_silence_and_an_exact_one_replaces_the_partial() {
    on_every_backend(async |house| {
        drop(house.send(ask(1, 60, vec![line(AGENT, None)])).await);
        house.ledger.settle(outcome(1, Certainty::AtLeast, usd(40))).unwrap();
        assert_eq!(house.usd(AGENT), [40, 20, 0]);
        // Neither less certain nor equally certain words change it again.
        house.ledger.settle(outcome(1, Certainty::AtLeast, usd(50))).unwrap();
        house.ledger.settle(outcome(1, Certainty::Unknown, usd(0))).unwrap();
        assert_eq!(house.usd(AGENT), [40, 20, 0]);
        house.ledger.settle(exactly(1, 45)).unwrap();
        assert_eq!(house.usd(AGENT), [45, 0, 0]);
        house.assert_replayed();
    });
}

#[test]
fn an_outcome_of_a_released_hold_is_posted_and_told() {
    on_every_backend(async |house| {
        for (number, certainty, sums) in
            [(1, Certainty::Exact, [5, 0, 0]), (2, Certainty::AtLeast, [5, 55, 0]), (3, Certainty::Unknown, [0, 60, 0])]
        {
            let account = format!("agent:{number}@total");
            let mut hold = house.ledger.reserve(ask(number, 60, vec![line(&account, None)])).await.unwrap();
            let _permit = house.ledger.admit(&mut hold, crate::house::admit(NOW_MS)).await.unwrap();
            hold.release(NOW_MS, "vendor_unreachable").await;
            assert_eq!(house.usd(&account), [0, 0, 0]);
            let settled = house.ledger.settle(outcome(number, certainty, usd(5))).unwrap();
            assert_eq!((house.usd(&account), settled.overrun), (sums, certainty == Certainty::Exact));
        }
        house.assert_replayed();
    });
}

#[test]
fn an_outcome_of_a_hold_that_was_never_admitted_is_refused() {
    on_every_backend(async |house| {
        let hold = house.ledger.reserve(ask(1, 60, vec![line(AGENT, None)])).await.unwrap();
        assert_eq!(house.ledger.settle(exactly(1, 5)), Err(LedgerError::NotAdmitted(id(1))));
        drop(hold);
        assert_eq!(house.ledger.settle(exactly(1, 5)), Err(LedgerError::NotAdmitted(id(1))));
        assert_eq!(house.ledger.settle(exactly(2, 5)), Err(LedgerError::UnknownHold(id(2))));
        assert_eq!((house.usd(AGENT), house.journal.len()), ([0, 0, 0], 0));
    });
}

#[test]
fn tokens_and_calls_are_kept_beside_the_dollars() {
    on_every_backend(async |house| {
        let mut asked = ask(1, 60, vec![line(AGENT, 100)]);
        asked.amount = Amounts { requests: 1, tokens: 900, usd: Money::from_nanos(60) };
        asked.floor = asked.amount;
        let used = Amounts { requests: 1, tokens: 120, usd: Money::from_nanos(25) };
        house.send(asked).await.settle(outcome(1, Certainty::AtLeast, used));
        let balance = house.balance(AGENT);
        assert_eq!(balance.posted, used);
        assert_eq!(balance.presumed, Amounts { requests: 0, tokens: 780, usd: Money::from_nanos(35) });
        house.assert_replayed();
    });
}

#[test]
fn the_admit_entry_tells_what_the_ledger_knows_better() {
    on_every_backend(async |house| {
        let in_flight = house.send(ask(1, 60, vec![line(AGENT, 100)])).await;
        let types::Entry::Admit(entry) = house.journal.entries().remove(0) else { panic!("no admit") };
        assert_eq!((entry.id, entry.granted), (id(1), usd(60)));
        let account = &entry.accounts[0];
        assert_eq!((account.account.as_str(), account.committed, account.limits.usd), (AGENT, usd(60), Some(100)));
        assert_eq!(account.resets_ms, line(AGENT, 1).resets_ms);
        in_flight.settle(exactly(99, 1));
        let types::Entry::Outcome(entry) = house.journal.entries().remove(1) else { panic!("no outcome") };
        assert_eq!(entry.id, id(1), "an outcome is of its own exchange, whatever the entry said");
    });
}
