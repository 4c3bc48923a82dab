//! What a reservation gets.

use ledger::Refused;
use types::amounts::AMOUNT_MAX;
use types::{Amounts, Line, Measure, Money};

use crate::house::{AGENT, NOW_MS, ORG, ask, exactly, line, on_every_backend, over_limit, usd};

#[test]
fn a_hold_stands_on_every_account_or_on_none() {
    on_every_backend(async |house| {
        let hold = house.ledger.reserve(ask(1, 60, vec![line(AGENT, 100), line(ORG, 1000)])).await.unwrap();
        assert_eq!((house.usd(AGENT), house.usd(ORG)), ([0, 0, 60], [0, 0, 60]));
        let refused = house.ledger.reserve(ask(2, 60, vec![line(ORG, 1000), line(AGENT, 100)])).await;
        assert_eq!(over_limit(refused), (AGENT.into(), Measure::Usd, 60));
        assert_eq!((house.usd(AGENT), house.usd(ORG)), ([0, 0, 60], [0, 0, 60]));
        hold.release(NOW_MS, "changed_its_mind").await;
        assert_eq!((house.usd(AGENT), house.usd(ORG)), ([0, 0, 0], [0, 0, 0]));
    });
}

#[test]
fn the_grant_is_what_the_tightest_account_has_room_for() {
    on_every_backend(async |house| {
        let mut open = ask(1, 500, vec![line(ORG, 1000), line(AGENT, 300)]);
        open.floor = usd(100);
        let hold = house.ledger.reserve(open.clone()).await.unwrap();
        assert_eq!(hold.granted(), usd(300));
        assert_eq!(
            hold.balances().iter().map(|balance| balance.left(Measure::Usd)).collect::<Vec<_>>(),
            [Some(700), Some(0)]
        );
        open.id = crate::house::id(2);
        assert_eq!(over_limit(house.ledger.reserve(open).await), (AGENT.into(), Measure::Usd, 100));
    });
}

#[test]
fn a_refusal_tells_the_account_with_the_least_room_and_how_it_stands() {
    on_every_backend(async |house| {
        house.send(ask(1, 30, vec![line(AGENT, 100)])).await.settle(exactly(1, 20));
        let _hold = house.ledger.reserve(ask(2, 40, vec![line(AGENT, 100)])).await.unwrap();
        let Err(Refused::OverLimit(short)) =
            house.ledger.reserve(ask(3, 70, vec![line(ORG, 60), line(AGENT, 100)])).await
        else {
            panic!("not refused")
        };
        assert_eq!((short.account.as_str(), short.spent, short.held, short.limit), (AGENT, 20, 40, 100));
        assert_eq!((short.needed, short.measure, short.resets_ms), (70, Measure::Usd, line(AGENT, 1).resets_ms));
    });
}

#[test]
fn dollars_are_told_before_calls_and_calls_before_tokens() {
    on_every_backend(async |house| {
        let full = line(AGENT, 10).limits.tightened(Measure::Requests, 1).tightened(Measure::Tokens, 5);
        let all = Line { limits: full, ..line(AGENT, 10) };
        let mut asked = ask(1, 11, vec![all.clone()]);
        asked.amount = Amounts { requests: 2, tokens: 6, usd: Money::from_nanos(11) };
        asked.floor = asked.amount;
        for (measure, within) in [(Measure::Usd, 10), (Measure::Requests, 1), (Measure::Tokens, 5)] {
            assert_eq!(over_limit(house.ledger.reserve(asked.clone()).await).1, measure);
            asked.amount = asked.amount.with(measure, within);
            asked.floor = asked.amount;
        }
        assert!(house.ledger.reserve(asked).await.is_ok());
    });
}

#[test]
fn a_limit_of_zero_refuses_even_what_costs_nothing() {
    on_every_backend(async |house| {
        let refused = house.ledger.reserve(ask(1, 0, vec![line(AGENT, 0)])).await;
        assert_eq!(over_limit(refused), (AGENT.into(), Measure::Usd, 0));
        assert!(house.ledger.reserve(ask(1, 0, vec![line(AGENT, 1)])).await.is_ok());
    });
}

#[test]
fn the_last_nano_is_granted_and_the_next_refused() {
    on_every_backend(async |house| {
        for (number, limit) in [1, 1 << 53, (1 << 53) + 1, AMOUNT_MAX].into_iter().enumerate() {
            let number = number as u64 * 3;
            let account = format!("agent:{limit}@total");
            let first = house.ledger.reserve(ask(number, limit - 1, vec![line(&account, limit)])).await.unwrap();
            let last = house.ledger.reserve(ask(number + 1, 1, vec![line(&account, limit)])).await.unwrap();
            assert_eq!(over_limit(house.ledger.reserve(ask(number + 2, 1, vec![line(&account, limit)])).await).2, 1);
            drop((first, last));
        }
    });
}

#[test]
fn a_lowered_limit_holds_for_what_is_reserved_already() {
    on_every_backend(async |house| {
        let _hold = house.ledger.reserve(ask(1, 80, vec![line(AGENT, 100)])).await.unwrap();
        assert_eq!(over_limit(house.ledger.reserve(ask(2, 1, vec![line(AGENT, 50)])).await).2, 1);
        assert!(house.ledger.reserve(ask(2, 1, vec![line(AGENT, 81)])).await.is_ok());
    });
}

#[test]
fn an_account_that_stands_twice_counts_once_under_its_tighter_limit() {
    on_every_backend(async |house| {
        let hold = house.ledger.reserve(ask(1, 40, vec![line(AGENT, 100), line(AGENT, 50)])).await.unwrap();
        assert_eq!((hold.balances().len(), house.usd(AGENT)), (1, [0, 0, 40]));
        assert_eq!(hold.balances()[0].limits.usd, Some(50));
        assert_eq!(over_limit(house.ledger.reserve(ask(2, 20, vec![line(AGENT, 100), line(AGENT, 50)])).await).2, 20);
        house.dispatch(hold).await.settle(exactly(1, 40));
        assert_eq!(house.usd(AGENT), [40, 0, 0]);
        house.assert_replayed();
    });
}

#[test]
fn what_cannot_be_charged_is_refused() {
    on_every_backend(async |house| {
        for nanos in [-1, AMOUNT_MAX + 1, i64::MIN, i64::MAX] {
            let refused = house.ledger.reserve(ask(1, nanos, vec![line(AGENT, None)])).await;
            assert!(matches!(refused, Err(Refused::NotChargeable(_))), "{nanos}: {refused:?}");
        }
        let mut floor_above = ask(1, 5, vec![line(AGENT, None)]);
        floor_above.floor = usd(6);
        assert!(matches!(house.ledger.reserve(floor_above).await, Err(Refused::NotChargeable(_))));
        let many = (0..65).map(|number| line(&format!("model:{number}@total"), None)).collect();
        assert!(matches!(house.ledger.reserve(ask(1, 5, many)).await, Err(Refused::NotChargeable(_))));
        assert!(house.ledger.accounts().is_empty());
    });
}

#[test]
fn an_account_without_a_limit_fills_up_but_never_over() {
    on_every_backend(async |house| {
        let mut holds = Vec::new();
        for number in 0..4 {
            holds.push(house.ledger.reserve(ask(number, AMOUNT_MAX, vec![line(ORG, None)])).await.unwrap());
        }
        assert_eq!(
            over_limit(house.ledger.reserve(ask(9, 1, vec![line(ORG, None)])).await),
            (ORG.into(), Measure::Usd, 1)
        );
        // Charges far above their holds are posted all the same, and nothing wraps.
        for (number, hold) in (0..).zip(holds) {
            house.dispatch(hold).await.settle(exactly(number, i64::MAX));
        }
        assert_eq!(house.usd(ORG), [1 << 62, 0, 0]);
        house.assert_replayed();
    });
}

#[test]
fn the_same_id_and_charges_get_the_same_answer() {
    on_every_backend(async |house| {
        let lines = vec![line(AGENT, 100), line(ORG, None)];
        let first = house.ledger.reserve(ask(1, 60, lines.clone())).await.unwrap();
        let again = house.ledger.reserve(ask(1, 60, lines)).await.unwrap();
        assert_eq!((first.granted(), first.balances()), (again.granted(), again.balances()));
        assert_eq!(house.usd(AGENT), [0, 0, 60]);
        drop(first);
        assert_eq!(house.usd(AGENT), [0, 0, 60], "the other handle still stands for the hold");
        drop(again);
        assert_eq!(house.usd(AGENT), [0, 0, 0]);
    });
}

#[test]
fn the_same_id_with_other_charges_is_a_conflict() {
    on_every_backend(async |house| {
        let _hold = house.ledger.reserve(ask(1, 60, vec![line(AGENT, None)])).await.unwrap();
        let mut lower_floor = ask(1, 60, vec![line(AGENT, None)]);
        lower_floor.floor = usd(1);
        for other in [
            ask(1, 61, vec![line(AGENT, None)]),
            ask(1, 60, vec![line(ORG, None)]),
            ask(1, 60, vec![line(AGENT, None), line(ORG, None)]),
            ask(1, 60, vec![]),
            lower_floor,
        ] {
            assert_eq!(house.ledger.reserve(other).await.unwrap_err(), Refused::Conflict);
        }
        assert_eq!((house.usd(AGENT), house.usd(ORG)), ([0, 0, 60], [0, 0, 0]));
    });
}

#[test]
fn an_id_whose_hold_has_ended_is_not_to_be_had_again() {
    on_every_backend(async |house| {
        let lines = || vec![line(AGENT, None)];
        house.ledger.reserve(ask(1, 60, lines())).await.unwrap().release(NOW_MS, "not_sent").await;
        house.send(ask(2, 60, lines())).await.settle(exactly(2, 5));
        drop(house.send(ask(3, 60, lines())).await);
        for number in 1..=3 {
            assert_eq!(house.ledger.reserve(ask(number, 60, lines())).await.unwrap_err(), Refused::Conflict);
        }
    });
}

#[test]
fn one_hold_is_admitted_once_whoever_asks() {
    on_every_backend(async |house| {
        let mut first = house.ledger.reserve(ask(1, 60, vec![line(AGENT, None)])).await.unwrap();
        let mut again = house.ledger.reserve(ask(1, 60, vec![line(AGENT, None)])).await.unwrap();
        let permit = house.ledger.admit(&mut first, crate::house::admit(NOW_MS)).await.unwrap();
        let refused = house.ledger.admit(&mut again, crate::house::admit(NOW_MS)).await;
        assert_eq!(refused.unwrap_err(), Refused::Conflict);
        let in_flight = first.dispatch(&permit);
        drop(again);
        assert_eq!(house.usd(AGENT), [0, 0, 60], "the handle that was not admitted gives nothing back");
        in_flight.settle(exactly(1, 8));
        assert_eq!(house.usd(AGENT), [8, 0, 0]);
        house.assert_replayed();
    });
}

#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = "a permit of another hold")]
fn a_permit_is_good_for_its_own_hold_only() {
    on_every_backend(async |house| {
        let mut first = house.ledger.reserve(ask(1, 60, vec![line(AGENT, None)])).await.unwrap();
        let second = house.ledger.reserve(ask(2, 60, vec![line(AGENT, None)])).await.unwrap();
        let permit = house.ledger.admit(&mut first, crate::house::admit(NOW_MS)).await.unwrap();
        drop(second.dispatch(&permit));
    });
}
