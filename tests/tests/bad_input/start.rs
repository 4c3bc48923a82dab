//! What makes a gateway not start: each with its exit code and words that say where, and how to mend it.

use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use bursar_testkit::{Gateway, Setup};

use crate::desk::Desk;

/// Something is wrong with the configuration.
const CONFIG: i32 = 2;
/// It cannot be started otherwise.
const FAILED: i32 = 1;

/// A folder in which `bursar serve` finds this file.
fn with_file(folder: &tempfile::TempDir, text: &str) -> Setup {
    let setup = Setup {
        folder: folder.path().to_owned(),
        config: text.to_owned(),
        operator: ([127, 0, 0, 1], 9).into(),
        variables: Vec::new(),
    };
    std::fs::write(folder.path().join("bursar.yaml"), text).unwrap();
    setup
}

/// `bursar serve` ends at once, so.
fn assert_ends(setup: &Setup, code: i32, phrases: &[&str]) {
    let mut gateway = Gateway::spawn(setup.clone()).unwrap();
    let status = gateway.wait_for_end().unwrap();
    let said = gateway.output();
    assert_eq!(status.code(), Some(code), "{said}");
    for phrase in phrases {
        assert!(said.contains(phrase), "{said:?} does not tell {phrase:?}");
    }
}

/// A file that is wrong: `serve` and `config check` say the same, and nothing was made.
fn assert_wrong(text: &str, phrases: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let setup = with_file(&folder, text);
    assert_ends(&setup, CONFIG, phrases);
    let checked = setup.run(&["config", "check"]).unwrap();
    assert_eq!(checked.status.code(), Some(CONFIG));
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(phrases.iter().all(|phrase| said.contains(phrase)), "{said}");
    assert!(!folder.path().join("data").exists(), "a gateway that did not start left data behind");
}

#[test]
fn a_file_that_is_no_yaml_is_refused_where_it_breaks() {
    assert_wrong("version: 1\norg: [acme\nagents:\n", &["bursar.yaml:2:6: one value belongs here"]);
    assert_wrong("version: 1\norg: acme\nteams:\n  - name: \"core\n", &["bursar.yaml:5:1: "]);
    assert_wrong(
        "version: 1\norg: acme\n\tdata: data\n",
        &["bursar.yaml:2:6: while scanning a plain scalar, found a tab"],
    );
}

#[test]
fn wrong_types_are_refused_where_they_stand() {
    let base = "version: 1\norg: acme\ndata: data\n";
    let wrong = [
        (
            "limits:\n  - { scope: org, window: day, usd: lots }\n",
            "bursar.yaml:5:37: \"lots\" is not an amount of dollars",
        ),
        ("limits:\n  - { scope: org, window: day, usd: -1 }\n", "is below zero; 0 refuses all"),
        ("limits:\n  - { scope: org, window: day, requests: 1.5 }\n", "bursar.yaml:5:42: \"1.5\" is no whole number"),
        ("limits:\n  - { scope: org, window: fortnight, usd: 1 }\n", "bursar.yaml:5:27: \"fortnight\" is no"),
        ("agents: 5\n", "bursar.yaml:4:9: a list belongs here"),
        ("listeners: { proxy: [\"localhost\"] }\n", "bursar.yaml:4:22: "),
    ];
    for (lines, phrase) in wrong {
        assert_wrong(&format!("{base}{lines}"), &[phrase]);
    }
}

#[test]
fn unknown_keys_are_refused_with_the_key_that_was_meant() {
    let phrases = ["bursar.yaml:3:1: there is no key `limts` here; did you mean `limits`?"];
    assert_wrong("version: 1\norg: acme\nlimts: []\n", &phrases);
}

#[test]
fn duplicate_agents_are_refused_with_both_places() {
    let text =
        "version: 1\norg: acme\nteams: [{name: core}]\nagents:\n  - {name: a, team: core}\n  - {name: a, team: core}\n";
    // `serve` names the file by its whole path, and so both places.
    assert_wrong(text, &["bursar.yaml:6:12: the agent \"a\" stands here a second time", "bursar.yaml:5:12; keep one"]);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let setup = with_file(&folder, "");
    std::fs::remove_file(folder.path().join("bursar.yaml")).unwrap();
    let checked = setup.run(&["serve"]).unwrap();
    assert_eq!(checked.status.code(), Some(CONFIG));
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(said.contains("there is no such file; `bursar init` writes one"), "{said}");
}

#[test]
fn a_second_owner_is_refused_and_the_first_works_on() {
    let desk = Desk::open();
    let owner = desk.gateway.id().to_string();
    let mut setup = desk.gateway.setup().clone();
    let second = setup.folder.join("second");
    std::fs::create_dir(&second).unwrap();
    let data = setup.folder.join("data").display().to_string();
    setup.config = setup.config.replace("data: data\n", &format!("data: {data}\n"));
    setup.folder = second;
    let phrase = format!("has an owner already (process {owner}); stop it, or give this gateway another `data:`");
    assert_ends(&setup, FAILED, &[&phrase]);
    desk.assert_works();
}

#[test]
fn keys_that_others_can_reach_are_refused() {
    for key in ["trail.key", "ca.key"] {
        let desk = Desk::open();
        let setup = desk.gateway.setup().clone();
        assert!(desk.gateway.stop().unwrap().success());
        let path = setup.folder.join("data").join(key);
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        assert_ends(&setup, FAILED, &[key, "mode 0644", "chmod 600"]);
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        // Mended, it starts, and leaves in good order however soon it is told to.
        assert!(Gateway::start(setup).unwrap().stop().unwrap().success());
    }
}

#[test]
fn a_file_of_agents_that_others_can_change_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let setup = with_file(&folder, "version: 1\norg: acme\ndata: data\n");
    let agents = folder.path().join("agents.d");
    std::fs::create_dir(&agents).unwrap();
    std::fs::set_permissions(&agents, Permissions::from_mode(0o700)).unwrap();
    let agent = agents.join("a.yaml");
    std::fs::write(&agent, "name: a\n").unwrap();
    std::fs::set_permissions(&agent, Permissions::from_mode(0o666)).unwrap();
    assert_ends(&setup, CONFIG, &["a.yaml", "others may read or change this file (mode 0666)", "chmod 600"]);
}

#[test]
fn ports_in_use_are_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let head = "version: 1\norg: acme\ndata: data\nlisteners:";
    let proxy = tempfile::tempdir().unwrap();
    let setup = with_file(&proxy, &format!("{head} {{ proxy: [\"{address}\"] }}\n"));
    let phrase = format!("{address} is in use: stop the other process, or choose another port under `listeners.proxy`");
    assert_ends(&setup, FAILED, &[&phrase]);
    let operator = tempfile::tempdir().unwrap();
    let lines = format!("{head} {{ proxy: [\"127.0.0.1:0\"], operator: \"{address}\" }}\n");
    assert_ends(&with_file(&operator, &lines), FAILED, &[&address.to_string(), "in use"]);
}
