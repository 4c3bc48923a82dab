//! The house rules, checked on every run: who imports whom, how large things are, which words stand nowhere.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};

use bursar_testkit::house::files::{TextFile, root, text_files, text_of};
use bursar_testkit::house::{imports, pages, ratchet, shape};
use types::Reason;

/// Which rooms a room may import.
const ROOMS: [(&str, &[&str]); 11] = [
    ("types", &[]),
    ("policy", &["types"]),
    ("plugins", &["types"]),
    ("ledger", &["types"]),
    ("audit", &["types"]),
    ("certs", &["types"]),
    ("config", &["types", "policy", "plugins"]),
    ("control", &["types", "policy", "ledger", "audit", "config"]),
    ("gateway", &["types", "policy", "plugins", "ledger", "audit", "certs", "config", "control"]),
    ("loadtest", &[]),
    ("tests", &["types", "policy", "plugins", "ledger", "audit", "certs", "config", "control", "loadtest"]),
];

/// Libraries with IO, clocks, chance or a wire, and the rooms whose business they are.
const KEPT_FOR: [(&str, &[&str]); 30] = [
    ("arc-swap", &["config", "gateway"]),
    ("askama", &["control"]),
    ("axum", &["control"]),
    ("clap", &["gateway", "loadtest"]),
    ("dashmap", &["certs", "gateway"]),
    ("ed25519-dalek", &["plugins", "audit"]),
    ("getrandom", &["audit", "gateway"]),
    ("hyper", &["control", "gateway", "loadtest", "tests"]),
    ("hyper-util", &["control", "gateway", "loadtest", "tests"]),
    ("jiff", &["policy", "gateway"]),
    ("metrics", &["ledger", "gateway"]),
    ("metrics-exporter-prometheus", &["gateway"]),
    ("notify", &["config"]),
    ("pingora-core", &["gateway"]),
    ("pingora-limits", &["gateway"]),
    ("rcgen", &["certs", "loadtest"]),
    ("redis", &["ledger"]),
    ("regex", &["policy", "plugins"]),
    ("rustix", &["audit", "control", "gateway", "loadtest", "tests"]),
    ("rustls", &["certs", "gateway", "loadtest"]),
    ("rustls-native-certs", &["certs"]),
    ("schemars", &["plugins", "config"]),
    ("serde-saphyr", &["config"]),
    ("serde_json", &["plugins", "audit", "config", "control", "gateway", "loadtest", "tests"]),
    ("sha2", &["plugins", "audit", "certs", "config", "control", "gateway"]),
    ("syn", &["tests"]),
    ("tokio", &["ledger", "audit", "control", "gateway", "loadtest", "tests"]),
    ("tokio-rustls", &["gateway", "loadtest", "tests"]),
    ("tracing-subscriber", &["gateway"]),
    ("webpki-roots", &["gateway"]),
];

/// What a pure room must not link, at any depth.
const NEVER_IN_PURE_ROOMS: [&str; 7] = ["tokio", "hyper", "redis", "rustls", "getrandom", "mio", "pingora-core"];

const EXCEPTIONS: &str = "tests/house_exceptions.txt";

fn files(ending: &str) -> Vec<TextFile> {
    text_files().unwrap().into_iter().filter(|file| file.path.ends_with(ending)).collect()
}

fn assert_none(complaints: &[String], heading: &str) {
    assert!(complaints.is_empty(), "{heading}\n  {}\n", complaints.join("\n  "));
}

#[test]
fn rooms_import_only_the_rooms_below_them() {
    let allowed: BTreeMap<_, _> = ROOMS.into_iter().collect();
    let mut complaints = Vec::new();
    for (package, dependencies) in imports::direct().unwrap() {
        let room = package.strip_prefix("bursar-").expect("every package is bursar-<room>");
        let Some(may) = allowed.get(room) else {
            complaints.push(format!("{room} is not a room of the house: a new one needs a decision in docs/adr"));
            continue;
        };
        let ours = dependencies.iter().filter_map(|name| name.strip_prefix("bursar-"));
        complaints.extend(ours.filter(|other| !may.contains(other)).map(|other| format!("{room} imports {other}")));
    }
    assert_none(&complaints, "a room imports what it may not (CONTRIBUTING.md, the rooms):");
}

#[test]
fn libraries_stay_in_the_rooms_whose_business_they_are() {
    let mut complaints = Vec::new();
    for (package, dependencies) in imports::direct().unwrap() {
        let room = package.trim_start_matches("bursar-");
        let kept = KEPT_FOR.iter().filter(|(library, rooms)| dependencies.contains(*library) && !rooms.contains(&room));
        complaints
            .extend(kept.map(|(library, rooms)| format!("{room} imports {library}, kept for {}", rooms.join(", "))));
    }
    assert_none(&complaints, "a library left its rooms:");
}

#[test]
fn pure_rooms_link_no_io_no_clock_and_no_chance() {
    for room in ["types", "policy", "plugins"] {
        let linked = imports::linked(&format!("bursar-{room}")).unwrap();
        let found: Vec<_> = NEVER_IN_PURE_ROOMS.into_iter().filter(|library| linked.contains(*library)).collect();
        assert!(
            found.is_empty(),
            "{room} links {found:?}; see `cargo tree -p bursar-{room} -e normal -i {}`",
            found[0]
        );
    }
}

#[test]
fn banned_and_outdated_libraries_are_not_linked() {
    let bans = imports::bans(&text_of("deny.toml").unwrap());
    assert!(bans.len() > 5, "deny.toml is not read right");
    let mut complaints = Vec::new();
    for (name, version) in imports::versions().unwrap() {
        let broken = bans.iter().filter(|(banned, _)| *banned == name);
        let broken =
            broken.filter(|(_, lowest)| lowest.as_ref().is_none_or(|lowest| imports::is_lower(&version, lowest)));
        complaints
            .extend(broken.map(|_| format!("{name} {version}: `cargo tree -i {name}@{version}` says who brings it")));
    }
    assert_none(&complaints, "deny.toml forbids:");
}

#[test]
fn files_functions_and_nesting_stay_small() {
    let mut found = Vec::new();
    for file in files(".rs") {
        found.extend(shape::excesses(&file.path, &file.text).unwrap_or_else(|error| panic!("{}: {error}", file.path)));
    }
    for file in files(".py").into_iter().chain(files(".sh")) {
        let size = file.text.lines().count();
        if size > shape::FILE_LINES_MAX {
            found.push(shape::Excess { path: file.path, kind: "file", name: "-".to_owned(), size });
        }
    }
    let allowed = ratchet::parse(&text_of(EXCEPTIONS).unwrap());
    assert_none(&ratchet::complaints(&found, &allowed), "the house keeps things small (tests/house_exceptions.txt):");
}

#[test]
fn nothing_names_this_machine_a_registry_or_work_left_undone() {
    // Put together here, so that this file does not hold them.
    let words = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("crates", ".io"),
        concat!("pypi", ".org"),
        concat!("registry.", "npmjs"),
        concat!("deb.", "debian.org"),
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X:"),
    ];
    let mut complaints = Vec::new();
    for file in text_files().unwrap() {
        for (number, line) in file.text.lines().enumerate() {
            let found = words.iter().filter(|word| line.contains(**word));
            complaints.extend(found.map(|word| format!("{}:{}: {word}", file.path, number + 1)));
        }
    }
    assert_none(&complaints, "words that stand nowhere in this project:");
}

#[test]
fn every_room_has_a_first_sentence_and_a_page() {
    let summary = text_of("docs/SUMMARY.md").unwrap();
    let mut complaints = Vec::new();
    for (room, _) in ROOMS {
        let lib = text_of(&format!("{room}/src/lib.rs")).unwrap();
        if !lib.starts_with("//! ") {
            complaints.push(format!("{room}/src/lib.rs does not begin with a sentence about the room"));
        }
        let page = format!("rooms/{room}.md");
        if !root().join("docs").join(&page).exists() || !summary.contains(&page) {
            complaints.push(format!("docs/{page} is missing or not in docs/SUMMARY.md"));
        }
    }
    assert_none(&complaints, "rooms without a name plate:");
}

#[test]
fn the_summary_lists_every_page_and_no_link_is_dead() {
    let pages: Vec<_> = files(".md");
    let known: BTreeSet<_> = text_files().unwrap().into_iter().map(|file| file.path).collect();
    let exists = |path: &str| known.contains(path) || root().join(path).exists();
    let mut complaints: Vec<String> = pages.iter().flat_map(|page| pages::dead_links(page, exists)).collect();
    let summary = pages::links(&text_of("docs/SUMMARY.md").unwrap());
    for page in pages.iter().filter_map(|page| page.path.strip_prefix("docs/")).filter(|page| *page != "SUMMARY.md") {
        if !summary.iter().any(|target| target.trim_start_matches("./") == page) {
            complaints.push(format!("docs/{page} is not in docs/SUMMARY.md"));
        }
    }
    assert_none(&complaints, "the book has holes:");
}

#[test]
fn every_reason_has_one_row_in_the_book() {
    let Ok(page) = text_of("docs/reason-codes.md") else {
        panic!("docs/reason-codes.md is missing: write it with `make docs`");
    };
    let rows = pages::codes_of_rows(&page);
    let codes: Vec<_> = Reason::CODES.iter().map(ToString::to_string).collect();
    assert_eq!(BTreeSet::from_iter(&rows), BTreeSet::from_iter(&codes));
    assert_eq!(rows.len(), codes.len(), "a code has two rows");
}
