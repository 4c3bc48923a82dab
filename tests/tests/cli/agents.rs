//! `bursar agents`: keys come into and go out of service while the gateway runs.

use crate::desk::{Desk, Said};

fn key_of(added: &Said) -> String {
    added.json()["key"].as_str().unwrap().to_owned()
}

#[test]
fn a_key_works_when_the_command_has_returned_and_a_revoked_one_works_no_more() {
    let desk = Desk::open();
    let key = key_of(&desk.bursar(&["agents", "add", "writer", "--team", "core", "-o", "json"]).well());
    assert_eq!(desk.call(&key).status, 200);
    let id = &key[3..11];
    let revoked = desk.bursar(&["agents", "revoke", id, "-o", "json"]).well().json();
    assert_eq!((&revoked["key_id"], &revoked["in_force"]), (&id.into(), &true.into()));
    assert_eq!(desk.call(&key).status, 401);
    // Said again it is still so.
    desk.bursar(&["agents", "revoke", id]).well();
}

#[test]
fn a_file_that_somebody_puts_into_the_folder_is_noticed() {
    let desk = Desk::open();
    let key = key_of(&desk.bursar(&["agents", "add", "writer", "-o", "json"]).well());
    let file = desk.folder().join("agents.d/writer.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    crate::desk::until("a refusal", || match desk.call(&key).status.as_u16() {
        401 => Ok(()),
        other => Err(other.to_string()),
    });
    let draft = desk.folder().join("draft");
    std::fs::write(&draft, text).unwrap();
    std::fs::set_permissions(&draft, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::rename(&draft, &file).unwrap();
    crate::desk::until("an answer", || match desk.call(&key).status.as_u16() {
        200 => Ok(()),
        other => Err(other.to_string()),
    });
}

#[test]
fn what_would_break_the_configuration_leaves_nothing_behind() {
    let desk = Desk::open();
    desk.bursar(&["agents", "add", "writer", "--team", "nosuch"]).failed(2, &["no team", "nosuch"]);
    desk.bursar(&["agents", "add", "researcher"]).failed(2, &["researcher"]);
    desk.bursar(&["agents", "add", "../evil"]).failed(1, &["../evil"]);
    desk.bursar(&["agents", "add", "writer", "--usd-per-day", "-1"]);
    desk.bursar(&["config", "check"]).well();
    let closed = desk.stop();
    closed.bursar(&["agents", "add", "writer", "--team", "nosuch"]).failed(2, &["nosuch"]);
    closed.bursar(&["config", "check"]).well();
    closed.start();
}

#[test]
fn a_limit_of_an_agents_own_holds() {
    let desk = Desk::open();
    let key = key_of(&desk.bursar(&["agents", "add", "writer", "--usd-total", "0", "-o", "json"]).well());
    assert_eq!(desk.call(&key).status, 402);
}

#[test]
fn the_list_tells_teams_and_keys_in_service() {
    let desk = Desk::open();
    let added = key_of(&desk.bursar(&["agents", "add", "writer", "-o", "json"]).well());
    let listed = desk.bursar(&["agents", "list", "-o", "json"]).well().json();
    let names: Vec<&str> = listed.as_array().unwrap().iter().map(|agent| agent["agent"].as_str().unwrap()).collect();
    assert_eq!(names, ["researcher", "writer"]);
    assert_eq!((&listed[0]["team"], &listed[1]["keys"]), (&"core".into(), &serde_json::json!([&added[3..11]])));
    desk.bursar(&["agents", "revoke", &added[3..11]]).well();
    let listed = desk.bursar(&["agents", "list", "-o", "json"]).well().json();
    assert_eq!(listed[1]["keys"], serde_json::json!([]));
    desk.bursar(&["agents", "revoke", "aaaaaaaa"]).failed(1, &["aaaaaaaa"]);
    assert!(desk.bursar(&["agents", "list"]).well().out.contains("researcher"));
}
