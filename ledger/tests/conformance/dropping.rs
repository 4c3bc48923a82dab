//! What becomes of money when a value is dropped: in a runtime, outside of one, while it waits, in a panic.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use ledger::HoldState;
use types::Entry;

use crate::house::{AGENT, House, NOW_MS, admit, ask, exactly, id, line, on_every_backend};
use crate::journal::Mood;

/// Runs a story where no runtime is: nothing in it may wait.
fn without_runtime<T>(story: impl Future<Output = T>) -> T {
    assert!(tokio::runtime::Handle::try_current().is_err());
    match pin!(story).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(told) => told,
        Poll::Pending => panic!("the story waits"),
    }
}

#[test]
fn a_dropped_hold_is_released_without_an_entry() {
    on_every_backend(async |house| {
        drop(house.ledger.reserve(ask(1, 60, vec![line(AGENT, 100)])).await.unwrap());
        assert_eq!((house.usd(AGENT), house.journal.len()), ([0, 0, 0], 0));
        assert_eq!(house.ledger.decision(id(1)).unwrap().state, HoldState::Released);
    });
}

#[test]
fn a_dropped_hold_that_was_admitted_is_released_with_an_entry() {
    on_every_backend(async |house| {
        let mut hold = house.ledger.reserve(ask(1, 60, vec![line(AGENT, 100)])).await.unwrap();
        let _permit = house.ledger.admit(&mut hold, admit(NOW_MS)).await.unwrap();
        drop(hold);
        assert_eq!(house.usd(AGENT), [0, 0, 0]);
        assert!(matches!(&house.journal.entries()[1], Entry::Release(release) if &*release.why == "not_sent"));
        house.assert_replayed();
    });
}

#[test]
fn a_released_hold_that_was_admitted_tells_why() {
    on_every_backend(async |house| {
        let mut hold = house.ledger.reserve(ask(1, 60, vec![line(AGENT, 100)])).await.unwrap();
        let _permit = house.ledger.admit(&mut hold, admit(NOW_MS)).await.unwrap();
        hold.release(NOW_MS + 5, "vendor_unreachable").await;
        let Entry::Release(release) = house.journal.entries().remove(1) else { panic!("no release") };
        assert_eq!((release.id, &*release.why, release.at_ms), (id(1), "vendor_unreachable", NOW_MS + 5));
        house.assert_replayed();
    });
}

#[test]
fn what_is_dropped_in_flight_is_presumed_at_its_bound() {
    on_every_backend(async |house| {
        drop(house.send(ask(1, 60, vec![line(AGENT, 100)])).await);
        assert_eq!(house.usd(AGENT), [0, 60, 0]);
        assert!(matches!(&house.journal.entries()[1], Entry::Presume(presume) if &*presume.why == "dropped"));
        house.assert_replayed();
    });
}

#[test]
fn drops_need_no_runtime() {
    let house = House::new();
    without_runtime(async {
        drop(house.ledger.reserve(ask(1, 60, vec![line(AGENT, None)])).await.unwrap());
        let mut admitted = house.ledger.reserve(ask(2, 60, vec![line(AGENT, None)])).await.unwrap();
        let _permit = house.ledger.admit(&mut admitted, admit(NOW_MS)).await.unwrap();
        drop(admitted);
        drop(house.send(ask(3, 60, vec![line(AGENT, None)])).await);
        house.send(ask(4, 60, vec![line(AGENT, None)])).await.settle(exactly(4, 7));
    });
    assert_eq!(house.usd(AGENT), [7, 60, 0]);
    house.assert_replayed();
}

#[test]
fn a_runtime_that_ends_under_its_tasks_loses_no_money() {
    let house = House::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let (sent, all_sent) = std::sync::mpsc::channel();
    for number in 0..16 {
        let (ledger, sent) = (house.ledger.clone(), sent.clone());
        runtime.spawn(async move {
            let mut hold = ledger.reserve(ask(number, 10, vec![line(AGENT, None)])).await.unwrap();
            let permit = ledger.admit(&mut hold, admit(NOW_MS)).await.unwrap();
            let _in_flight = hold.dispatch(&permit);
            sent.send(()).unwrap();
            std::future::pending::<()>().await;
        });
    }
    for _ in 0..16 {
        all_sent.recv().unwrap();
    }
    drop(runtime);
    assert_eq!(house.usd(AGENT), [0, 160, 0]);
    house.assert_replayed();
}

#[test]
fn a_panic_while_in_flight_is_presumed() {
    let house = House::new();
    let in_flight = without_runtime(house.send(ask(1, 60, vec![line(AGENT, None)])));
    let panicked = std::thread::spawn(move || {
        let _in_flight = in_flight;
        panic!("a bug in the middle of a stream");
    });
    assert!(panicked.join().is_err());
    assert_eq!(house.usd(AGENT), [0, 60, 0]);
}

#[test]
fn an_admission_that_nobody_waits_for_any_more_is_released() {
    let house = House::new();
    house.journal.set(Mood::Slow);
    let mut hold = without_runtime(house.ledger.reserve(ask(1, 60, vec![line(AGENT, None)]))).unwrap();
    {
        let mut admitting = pin!(house.ledger.admit(&mut hold, admit(NOW_MS)));
        assert!(admitting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert_eq!(house.usd(AGENT), [0, 0, 60]);
    }
    drop(hold);
    assert_eq!(house.usd(AGENT), [0, 0, 0]);
    house.journal.sync();
    assert!(matches!(house.journal.entries()[..], [Entry::Admit(_), Entry::Release(_)]));
    house.assert_replayed();
}

#[test]
fn an_admission_waits_until_its_entry_is_durable() {
    let house = House::new();
    house.journal.set(Mood::Slow);
    let mut hold = without_runtime(house.ledger.reserve(ask(1, 60, vec![line(AGENT, None)]))).unwrap();
    let permit = {
        let mut admitting = pin!(house.ledger.admit(&mut hold, admit(NOW_MS)));
        let mut context = Context::from_waker(Waker::noop());
        assert!(admitting.as_mut().poll(&mut context).is_pending());
        assert_eq!(house.journal.waiting(), 1);
        house.journal.sync();
        let Poll::Ready(admitted) = admitting.as_mut().poll(&mut context) else { panic!("still waiting") };
        admitted.unwrap()
    };
    assert_eq!((permit.id(), permit.seq()), (id(1), 1));
    hold.dispatch(&permit).settle(exactly(1, 7));
    house.assert_replayed();
}
