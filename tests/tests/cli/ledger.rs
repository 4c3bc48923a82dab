//! `bursar spend` and `bursar ledger`: the same figures and verbs with an owner and without one.

use serde_json::Value;

use crate::desk::{Desk, until};

fn accounts(said: &Value) -> Vec<(String, Value, Value, Value)> {
    let mut accounts: Vec<_> = said
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (
                row["account"].as_str().unwrap().to_owned(),
                row["posted"].clone(),
                row["presumed"].clone(),
                row["held"].clone(),
            )
        })
        .collect();
    accounts.sort_by(|one, other| one.0.cmp(&other.0));
    accounts
}

fn usd(rows: &Value, account: &str, state: &str) -> String {
    let rows = rows.as_array().unwrap();
    let row = rows.iter().find(|row| row["account"].as_str().unwrap() == account);
    row.unwrap_or_else(|| panic!("{account} is not in {rows:#?}"))[state]["usd"].as_str().unwrap().to_owned()
}

const SPEND: [&str; 4] = ["spend", "--all", "-o", "json"];
const TOTAL: &str = "agent:researcher@total";

#[test]
fn the_owner_and_the_trail_tell_the_same_figures() {
    let desk = Desk::open();
    for _ in 0..3 {
        assert_eq!(desk.call(&desk.agent.key).status, 200);
    }
    let mut running = Value::Null;
    until("three settled calls", || {
        running = desk.bursar(&SPEND).well().json();
        let open = running.as_array().unwrap().iter().any(|row| row["held"]["requests"] != "0");
        if open { Err(running.to_string()) } else { Ok(()) }
    });
    assert_ne!(usd(&running, TOTAL, "posted"), "0.00");
    let closed = desk.stop();
    assert_eq!(closed.bursar(&SPEND).well().json(), running);
    let table = closed.bursar(&["spend"]).well().out;
    assert!(table.contains("agent:researcher@day:") && table.contains("$5.00"), "{table}");
}

#[test]
fn a_crash_leaves_what_was_in_flight_as_presumed_before_and_after_the_next_start() {
    let desk = Desk::open();
    desk.vendor_does("fault", "hang");
    let (proxy, key) = (desk.running.proxy, desk.agent.key.clone());
    let call = std::thread::spawn(move || std::panic::catch_unwind(|| crate::desk::call(proxy, &key)).is_err());
    until("a call at the vendor", || match desk.vendor.served().total {
        1.. => Ok(()),
        none => Err(none.to_string()),
    });
    let closed = desk.kill();
    assert!(call.join().unwrap());
    let (spend, waiting) = (closed.bursar(&SPEND).well().json(), ["ledger", "unreconciled", "-o", "json"]);
    let unreconciled = closed.bursar(&waiting).well().json();
    assert_eq!(unreconciled.as_array().unwrap().len(), 1);
    assert_eq!((usd(&spend, TOTAL, "held"), usd(&spend, TOTAL, "posted")), ("0.00".into(), "0.00".into()));
    assert_ne!(usd(&spend, TOTAL, "presumed"), "0.00");
    let desk = closed.start();
    assert_eq!(accounts(&desk.bursar(&SPEND).well().json()), accounts(&spend));
    let after = desk.bursar(&waiting).well().json();
    assert_eq!((&after[0]["id"], &after[0]["amounts"]), (&unreconciled[0]["id"], &unreconciled[0]["amounts"]));
}

/// A call that the vendor charged and did not tell the usage of.
fn with_one_presumed() -> (Desk, String) {
    let desk = Desk::open();
    desk.vendor_does("fault", "no_usage");
    assert_eq!(desk.call(&desk.agent.key).status, 200);
    desk.vendor_does("fault", "none");
    let mut id = String::new();
    until("a charge on silence", || {
        let waiting = desk.bursar(&["ledger", "unreconciled", "-o", "json"]).well().json();
        id = waiting[0]["id"].as_str().map(str::to_owned).ok_or_else(|| waiting.to_string())?;
        Ok(())
    });
    (desk, id)
}

#[test]
fn a_proof_takes_the_place_of_a_presumption_and_survives_a_restart() {
    let (desk, id) = with_one_presumed();
    let resolve = ["ledger", "resolve", &id, "--actual", "0.0123", "--evidence", "invoice 7"];
    desk.bursar(&resolve).well();
    desk.bursar(&resolve).failed(1, &[&id]);
    let desk = desk.stop().start();
    let spend = desk.bursar(&SPEND).well().json();
    assert_eq!((usd(&spend, TOTAL, "posted"), usd(&spend, TOTAL, "presumed")), ("0.0123".into(), "0.00".into()));
    assert!(desk.bursar(&["ledger", "unreconciled"]).well().out.contains("nothing waits"));
    assert!(desk.bursar(&["audit", "show", &id]).well().out.contains("resolve"));
}

#[test]
fn a_proof_can_be_given_while_no_gateway_runs() {
    let (desk, id) = with_one_presumed();
    let closed = desk.stop();
    closed.bursar(&["ledger", "resolve", &id, "--actual", "0.5", "--evidence", "invoice 8"]).well();
    assert_eq!(usd(&closed.bursar(&SPEND).well().json(), TOTAL, "posted"), "0.50");
    let desk = closed.start();
    assert_eq!(usd(&desk.bursar(&SPEND).well().json(), TOTAL, "posted"), "0.50");
    desk.stop().bursar(&["audit", "verify"]).well();
}

#[test]
fn a_frozen_agent_is_refused_at_once_wherever_the_freeze_was_said() {
    let desk = Desk::open();
    assert_eq!(desk.call(&desk.agent.key).status, 200);
    desk.bursar(&["ledger", "freeze", "agent:researcher"]).well();
    assert_eq!(desk.call(&desk.agent.key).status, 403);
    desk.bursar(&["ledger", "unfreeze", "agent:researcher"]).well();
    assert_eq!(desk.call(&desk.agent.key).status, 200);
    let closed = desk.stop();
    closed.bursar(&["ledger", "freeze", "team:core"]).well();
    let desk = closed.start();
    assert_eq!(desk.call(&desk.agent.key).status, 403);
    desk.bursar(&["ledger", "unfreeze", "team:core"]).well();
    assert_eq!(desk.call(&desk.agent.key).status, 200);
    let typo = desk.bursar(&["ledger", "freeze", "agent:resaercher"]).well();
    assert!(typo.err.contains("knows no agent:resaercher"), "{typo:?}");
}

#[test]
fn a_correction_is_added_and_never_below_zero() {
    let desk = Desk::open();
    assert_eq!(desk.call(&desk.agent.key).status, 200);
    let adjust = |usd: &str| desk.bursar(&["ledger", "adjust", TOTAL, "--usd", usd, "--evidence", "invoice"]);
    adjust("1.25").well();
    let posted = usd(&desk.bursar(&SPEND).well().json(), TOTAL, "posted");
    assert!(posted.starts_with("1.25"), "{posted}");
    adjust("-9").failed(1, &[TOTAL]);
    desk.bursar(&["ledger", "adjust", "agent:nobody@total", "--usd", "1", "--evidence", "x"])
        .failed(1, &["agent:nobody@total"]);
    let closed = desk.stop();
    assert_eq!(usd(&closed.bursar(&SPEND).well().json(), TOTAL, "posted"), posted);
    closed.bursar(&["ledger", "adjust", TOTAL, "--usd", "-1", "--evidence", "credit"]).well();
    assert!(usd(&closed.bursar(&SPEND).well().json(), TOTAL, "posted").starts_with("0.25"));
}

#[test]
fn words_that_are_no_subject_are_told() {
    let folder = tempfile::tempdir().unwrap();
    for word in ["researcher", "agnet:x", "agent:"] {
        let said = crate::desk::bursar(folder.path(), &["ledger", "freeze", word]);
        assert_eq!(said.code, 2, "{said:?}");
    }
}
