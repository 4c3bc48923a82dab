//! Leases, remembered ids, closed windows.

use ledger::{HoldState, LedgerError, LedgerOptions, Refused};
use types::{Entry, Limits, Line};

use crate::house::{AGENT, DAY_MS, House, NOW_MS, ORG, admit, ask, exactly, id, line, on_every_backend};

const LEASE_MS: u64 = 120_000;

#[test]
fn a_renewed_hold_does_not_expire() {
    on_every_backend(async |house| {
        let in_flight = house.send(ask(1, 10, vec![line(AGENT, None)])).await;
        for minute in 1..=60 {
            house.ledger.renew(NOW_MS + minute * 60_000);
            assert_eq!(house.ledger.presume_expired(NOW_MS + minute * 60_000), []);
        }
        in_flight.settle(exactly(1, 3));
        assert_eq!(house.usd(AGENT), [3, 0, 0]);
    });
}

#[test]
fn a_renewal_never_shortens_a_lease() {
    on_every_backend(async |house| {
        let mut payment = ask(1, 10, vec![line(AGENT, None)]);
        payment.expires_ms = NOW_MS + DAY_MS;
        let _in_flight = house.send(payment).await;
        house.ledger.renew(NOW_MS + 30_000);
        assert_eq!(house.ledger.presume_expired(NOW_MS + DAY_MS - 1), []);
        assert_eq!(house.ledger.presume_expired(NOW_MS + DAY_MS), [id(1)]);
    });
}

#[test]
fn an_expired_hold_is_presumed_and_corrected_by_its_late_outcome() {
    on_every_backend(async |house| {
        let in_flight = house.send(ask(1, 10, vec![line(AGENT, None)])).await;
        assert_eq!(house.ledger.presume_expired(NOW_MS + LEASE_MS - 1), []);
        assert_eq!(house.ledger.presume_expired(NOW_MS + LEASE_MS), [id(1)]);
        assert_eq!(house.usd(AGENT), [0, 10, 0]);
        assert!(matches!(&house.journal.entries()[1], Entry::Presume(presume) if &*presume.why == "expired"));
        in_flight.settle(exactly(1, 3));
        assert_eq!(house.usd(AGENT), [3, 0, 0]);
        house.assert_replayed();
    });
}

#[test]
fn an_expired_hold_that_was_never_admitted_is_released() {
    on_every_backend(async |house| {
        let mut hold = house.ledger.reserve(ask(1, 10, vec![line(AGENT, None)])).await.unwrap();
        assert_eq!(house.ledger.presume_expired(NOW_MS + LEASE_MS), []);
        assert_eq!((house.usd(AGENT), house.journal.len()), ([0, 0, 0], 0));
        let refused = house.ledger.admit(&mut hold, admit(NOW_MS + LEASE_MS)).await;
        assert_eq!(refused.unwrap_err(), Refused::Conflict);
    });
}

#[test]
fn an_expired_hold_that_was_not_sent_after_all_is_given_back() {
    on_every_backend(async |house| {
        let mut hold = house.ledger.reserve(ask(1, 10, vec![line(AGENT, None)])).await.unwrap();
        let _permit = house.ledger.admit(&mut hold, admit(NOW_MS)).await.unwrap();
        assert_eq!(house.ledger.presume_expired(NOW_MS + LEASE_MS), [id(1)]);
        drop(hold);
        assert_eq!(house.usd(AGENT), [0, 0, 0]);
        house.assert_replayed();
    });
}

#[test]
fn more_expired_holds_than_fit_one_batch_are_all_presumed() {
    on_every_backend(async |house| {
        let mut in_flight = Vec::new();
        for number in 0..1_000 {
            in_flight.push(house.send(ask(number, 1, vec![line(AGENT, None)])).await);
        }
        assert_eq!(house.ledger.presume_expired(NOW_MS + LEASE_MS).len(), 1_000);
        assert_eq!(house.usd(AGENT), [0, 1_000, 0]);
        drop(in_flight);
        assert_eq!(house.ledger.unreconciled().len(), 1_000);
        house.assert_replayed();
    });
}

#[test]
fn an_open_hold_of_a_process_that_is_gone_lives_for_one_lease() {
    on_every_backend(async |house| {
        let in_flight = house.send(ask(1, 10, vec![line(AGENT, None)])).await;
        let again = House::after(house.journal.fold(), house.journal, LedgerOptions::default());
        std::mem::forget(in_flight);
        again.ledger.renew(NOW_MS + 60_000);
        assert_eq!(again.ledger.presume_expired(NOW_MS + LEASE_MS), [id(1)], "nobody here stands for it");
        again.assert_replayed();
    });
}

#[test]
fn settled_ids_are_forgotten_after_48_hours_and_presumed_ones_never() {
    on_every_backend(async |house| {
        house.send(ask(1, 10, vec![line(AGENT, None)])).await.settle(exactly(1, 3));
        drop(house.send(ask(2, 10, vec![line(AGENT, None)])).await);
        house.ledger.renew(NOW_MS + 2 * DAY_MS);
        assert_eq!(house.ledger.decision(id(1)).unwrap().state, HoldState::Settled { overrun: false });
        house.ledger.renew(NOW_MS + 2 * DAY_MS + 1);
        assert_eq!(house.ledger.decision(id(1)), None);
        assert_eq!(house.ledger.settle(exactly(1, 3)), Err(LedgerError::UnknownHold(id(1))));
        house.ledger.renew(NOW_MS + 400 * DAY_MS);
        house.ledger.settle(exactly(2, 4)).unwrap();
        assert_eq!(house.usd(AGENT), [7, 0, 0]);
        house.assert_replayed();
    });
}

#[test]
fn remembered_ids_are_bounded_in_number() {
    on_every_backend(async |_| {
        let options = LedgerOptions { remembered_max: 100, ..LedgerOptions::default() };
        let house = House::with(options);
        for number in 0..250 {
            house.send(ask(number, 1, vec![line(AGENT, None)])).await.settle(exactly(number, 1));
        }
        let status = house.ledger.status();
        assert_eq!((status.remembered, status.holds_open), (100, 0));
        assert!(house.ledger.decision(id(149)).is_none() && house.ledger.decision(id(150)).is_some());
        house.assert_replayed();
    });
}

#[test]
fn an_account_is_forgotten_45_days_after_its_window_and_totals_never() {
    on_every_backend(async |house| {
        house.send(ask(1, 10, vec![line(AGENT, None), line(ORG, None)])).await.settle(exactly(1, 3));
        let end_ms = NOW_MS + DAY_MS;
        house.ledger.renew(end_ms + 45 * DAY_MS);
        assert_eq!(house.ledger.accounts().len(), 2);
        house.ledger.renew(end_ms + 46 * DAY_MS + 1);
        assert_eq!(house.ledger.accounts().iter().map(|row| row.account.as_str()).collect::<Vec<_>>(), [ORG]);
        assert_eq!(house.usd(ORG), [3, 0, 0]);
        assert_eq!(house.journal.fold().compare(&house.ledger.standing()), [], "forgetting is no drift");
    });
}

#[test]
fn an_account_with_an_open_question_is_not_forgotten() {
    on_every_backend(async |house| {
        drop(house.send(ask(1, 10, vec![line(AGENT, None)])).await);
        house.ledger.renew(NOW_MS + 100 * DAY_MS);
        assert_eq!(house.usd(AGENT), [0, 10, 0]);
        house.ledger.settle(exactly(1, 4)).unwrap();
        house.ledger.renew(NOW_MS + 103 * DAY_MS);
        assert!(house.ledger.accounts().is_empty());
    });
}

#[test]
fn a_place_that_became_free_serves_another_account() {
    on_every_backend(async |house| {
        let mut open = None;
        for day in 0..200 {
            let now_ms = NOW_MS + day * DAY_MS;
            let account = Line {
                account: format!("agent:researcher@day:{day}").as_str().into(),
                limits: Limits::NONE,
                resets_ms: Some(now_ms + DAY_MS),
            };
            let mut asked = ask(day, 10, vec![account]);
            (asked.now_ms, asked.expires_ms) = (now_ms, now_ms + LEASE_MS);
            house.ledger.renew(now_ms);
            let mut told = exactly(day, 3);
            told.at_ms = now_ms;
            let mut hold = house.ledger.reserve(asked).await.unwrap();
            let permit = house.ledger.admit(&mut hold, admit(now_ms)).await.unwrap();
            let in_flight = hold.dispatch(&permit);
            if day == 0 { open = Some(in_flight) } else { drop(in_flight.settle(told)) }
        }
        assert!(house.ledger.accounts().len() < 50, "{} accounts", house.ledger.accounts().len());
        assert_eq!(house.usd("agent:researcher@day:0"), [0, 0, 10]);
        open.unwrap().settle(exactly(0, 9));
        assert_eq!(house.usd("agent:researcher@day:0"), [9, 0, 0]);
        assert_eq!(house.usd("agent:researcher@day:199"), [3, 0, 0]);
        assert_eq!(house.journal.fold().compare(&house.ledger.standing()), []);
    });
}
