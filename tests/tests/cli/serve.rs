//! `bursar serve`: how it starts, why it does not, what it takes over, how it stops.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use bursar_testkit::free_addresses;
use rustix::process::Signal;

use crate::desk::{Desk, bursar, until};

#[test]
fn a_second_owner_of_the_data_directory_is_refused_and_told_who_has_it() {
    let desk = Desk::open();
    let addresses = free_addresses(2).unwrap();
    let text = std::fs::read_to_string(desk.config()).unwrap();
    let text = text
        .replace(&desk.running.proxy.to_string(), &addresses[0].to_string())
        .replace(&desk.running.operator.to_string(), &addresses[1].to_string());
    std::fs::write(desk.folder().join("second.yaml"), text).unwrap();
    let owner = format!("process {}", desk.running.gateway.id());
    desk.bursar(&["serve", "-c", "second.yaml"]).failed(1, &["has an owner already", &owner, "`data:`"]);
    assert_eq!(desk.call(&desk.agent.key).status, 200, "the first one serves on");
}

#[test]
fn a_gateway_that_is_told_to_stop_as_soon_as_it_is_ready_leaves_in_good_order() {
    let mut closed = Desk::open().stop();
    for _ in 0..4 {
        closed = closed.start().stop();
    }
    closed.bursar(&["audit", "verify"]).well();
}

#[test]
fn a_port_in_use_stops_the_start_and_nothing_stays_half_open() {
    let closed = Desk::open().stop();
    let text = std::fs::read_to_string(closed.folder().join("bursar.yaml")).unwrap();
    for word in ["proxy: [\"", "operator: \""] {
        let address = text.split(word).nth(1).unwrap().split('"').next().unwrap();
        let taken = TcpListener::bind(address).unwrap();
        let said = closed.bursar(&["serve"]);
        assert!(said.code == 1 && said.err.contains(address) && said.err.contains("in use"), "{said:?}");
        assert!(!closed.folder().join("data/operator.sock").exists());
        drop(taken);
        // The directory is free again, and its trail whole.
        closed.bursar(&["audit", "verify"]).well();
        closed.bursar(&["ledger", "freeze", "agent:researcher"]).well();
    }
    let desk = closed.start();
    assert_eq!(desk.call(&desk.agent.key).status, 403);
}

#[test]
fn key_files_that_others_can_read_are_refused_with_the_way_to_mend_it() {
    let closed = Desk::open().stop();
    for name in ["trail.key", "ca.key"] {
        let key = closed.folder().join("data").join(name);
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
        closed.bursar(&["serve"]).failed(1, &[name, "chmod 600"]);
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    closed.start();
}

#[test]
fn a_wrong_configuration_is_told_with_line_and_column_and_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    bursar(folder.path(), &["serve"]).failed(2, &["bursar.yaml", "bursar init"]);
    let wrong = [
        ("version: 1\norg: [", "bursar.yaml:"),
        ("version: 1\norg: acme\nlimit: []\n", "bursar.yaml:3:1"),
        ("version: 1\norg: acme\nlimits: five\n", "bursar.yaml:3:9"),
        ("version: 1\norg: acme\nagents:\n  - name: a\n  - name: a\n", "bursar.yaml:5:11"),
    ];
    for (text, place) in wrong {
        std::fs::write(folder.path().join("bursar.yaml"), text).unwrap();
        for command in [&["serve"][..], &["config", "check"], &["spend"], &["run", "-c", "bursar.yaml", "--", "true"]] {
            bursar(folder.path(), command).failed(2, &[place]);
        }
        assert!(!folder.path().join("data").exists(), "nothing is made for a configuration that is none");
    }
}

#[test]
fn a_log_filter_that_is_none_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = crate::desk::command(folder.path(), &["serve"]);
    crate::desk::said(command.env("BURSAR_LOG", "bursar=loud=1")).failed(2, &["BURSAR_LOG", "debug"]);
}

#[test]
fn a_hangup_takes_the_new_limits_over_and_keeps_the_old_ones_where_they_are_wrong() {
    let desk = Desk::open();
    assert_eq!(desk.call(&desk.agent.key).status, 200);
    let text = std::fs::read_to_string(desk.config()).unwrap();
    std::fs::write(desk.config(), text.replace("usd: 5", "usd: 0")).unwrap();
    desk.running.gateway.signal(Signal::HUP);
    until("a refusal", || match desk.call(&desk.agent.key).status.as_u16() {
        402 => Ok(()),
        other => Err(other.to_string()),
    });
    std::fs::write(desk.config(), "version: 1\norg: [").unwrap();
    desk.running.gateway.signal(Signal::HUP);
    until("a word about it", || {
        let metrics = desk.get("/metrics").text();
        let page = desk.get("/").text();
        let told = metrics.contains("bursar_config_last_reload_success 0") && page.contains("was not taken");
        told.then_some(()).ok_or(metrics)
    });
    assert_eq!(desk.call(&desk.agent.key).status, 402, "the limits before hold on");
    assert_eq!(desk.get("/readyz").status, 200);
}

#[test]
fn an_answer_under_way_is_finished_before_the_stop() {
    let desk = Desk::open();
    desk.vendor_does("latency_ms", "700");
    let (proxy, key) = (desk.running.proxy, desk.agent.key.clone());
    let answer = std::thread::spawn(move || crate::desk::call(proxy, &key));
    until("a call at the vendor", || match desk.vendor.served().total {
        1.. => Ok(()),
        none => Err(none.to_string()),
    });
    let closed = desk.stop();
    assert_eq!(answer.join().unwrap().status, 200);
    assert_eq!(closed.bursar(&["ledger", "unreconciled", "-o", "json"]).well().json(), serde_json::json!([]));
    assert!(!closed.folder().join("data/operator.sock").exists());
}
