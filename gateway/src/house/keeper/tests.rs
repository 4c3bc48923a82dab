use ledger::{Folded, LedgerOptions};

use super::*;
use crate::house::journal::TrailJournal;
use crate::house::kit::SmallHouse;

#[test]
fn a_ledger_that_agrees_with_its_trail_shows_no_drift() {
    let house = SmallHouse::new();
    house.call(90);
    write_due_snapshot(&house.trail, &house.folder).unwrap();
    house.call(30);
    let (seq, drift) = differences(&house.trail, &house.ledger, &house.folder).unwrap();
    assert_eq!(drift, []);
    assert!(seq >= 120);
}

#[test]
fn a_planted_drift_is_reported_with_both_sides() {
    let house = SmallHouse::new();
    house.call(20);
    // A ledger that starts from less than the trail tells: as if an entry had been forgotten.
    let forgetful = rebuild::fold(&house.folder, 30).unwrap();
    let ledger = Ledger::start(Arc::new(TrailJournal(house.trail.clone())), forgetful, LedgerOptions::default());
    let (_, drift) = differences(&house.trail, &ledger, &house.folder).unwrap();
    let told: Vec<String> = drift.iter().map(sentence).collect();
    assert!(
        told.iter().any(|text| text.starts_with("org:acme@total: $") && text.contains("where the trail tells $")),
        "{told:?}"
    );
    assert!(told.iter().any(|text| text.contains("agent:researcher@total")), "{told:?}");
}

#[test]
fn a_frozen_subject_that_the_trail_does_not_know_is_drift() {
    let house = SmallHouse::new();
    house.call(1);
    let elsewhere = SmallHouse::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let subject = types::Subject { scope: types::Scope::Agent, name: "researcher".into() };
    runtime.block_on(elsewhere.ledger.freeze(subject, "test", now_ms())).unwrap();
    let (_, drift) = differences(&house.trail, &elsewhere.ledger, &house.folder).unwrap();
    assert!(drift.iter().map(sentence).any(|text| text == "agent:researcher is frozen on one side only"));
}

#[test]
fn a_ledger_that_has_said_nothing_yet_is_compared_with_the_trail_as_it_found_it() {
    let house = SmallHouse::new();
    house.call(15);
    house.ledger.close();
    let state = rebuild::fold(&house.folder, u64::MAX).unwrap();
    let fresh = Ledger::start(Arc::new(TrailJournal(house.trail.clone())), state, LedgerOptions::default());
    assert_eq!(differences(&house.trail, &fresh, &house.folder).unwrap().1, []);
    let nothing = Ledger::start(Arc::new(TrailJournal(house.trail.clone())), Folded::new(), LedgerOptions::default());
    assert_ne!(differences(&house.trail, &nothing, &house.folder).unwrap().1, []);
}
