//! What is wrong with a file, as people read it.

use proptest::prelude::*;

use crate::support::{World, refused};

/// The file, and everything that is printed about it.
fn golden(text: &str, printed: &str) {
    assert_eq!(refused(text), printed.trim_start_matches('\n'), "for\n{text}");
}

#[test]
fn malformed_yaml_is_told_where_it_breaks() {
    golden(
        "version: 1\norg: acme\nagents: [{name: a\n",
        "
bursar.yaml:3:10: unclosed bracket '{'
  |
3 | agents: [{name: a
  |          ^",
    );
    golden(
        "version: 1\norg: acme\nagents:\n\t- name: a\n",
        "
bursar.yaml:4:2: tabs disallowed within this context (block indentation)
  |
4 |  - name: a
  |  ^",
    );
}

#[test]
fn unknown_keys_are_told_with_the_key_that_was_meant() {
    golden(
        "version: 1\norg: acme\nteams:\n  - {nmae: red}\n",
        "
bursar.yaml:4:6: there is no key `nmae` here; did you mean `name`? The keys are name, vendors, models
  |
4 |   - {nmae: red}
  |      ^^^^",
    );
    golden(
        "version: 1\norg: acme\ngateway: {budget: 5}\n",
        "
bursar.yaml:3:11: there is no key `budget` here; the keys are id
  |
3 | gateway: {budget: 5}
  |           ^^^^^^",
    );
}

#[test]
fn values_of_another_kind_are_told_what_belongs_there() {
    golden(
        "version: 1\norg: acme\nlimits:\n  - {scope: agent, window: day, usd: [5]}\n",
        "
bursar.yaml:4:38: one value belongs here, neither a list nor keys
  |
4 |   - {scope: agent, window: day, usd: [5]}
  |                                      ^",
    );
    golden(
        "version: 1\norg: acme\nagents: 5\n",
        "
bursar.yaml:3:9: a list belongs here: [a, b], or lines that begin with a dash
  |
3 | agents: 5
  |         ^",
    );
    golden(
        "version: 1\norg: acme\ncaps: [1]\n",
        "
bursar.yaml:3:7: keys with values belong here: {key: value}, or lines of them
  |
3 | caps: [1]
  |       ^",
    );
    golden(
        "version: 1\norg: acme\nteams: [{name: ~}]\n",
        "
bursar.yaml:3:16: a value is missing here
  |
3 | teams: [{name: ~}]
  |                ^",
    );
}

#[test]
fn keys_that_are_missing_or_there_twice_are_told() {
    golden(
        "version: 1\nagents: []\n",
        "
bursar.yaml:2:1: the key `org` is missing
  |
2 | agents: []
  | ^^^^^^",
    );
    golden(
        "version: 1\norg: acme\norg: other\n",
        "
bursar.yaml:3:1: the key `org` stands here twice; keep one
  |
3 | org: other
  | ^^^",
    );
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    golden(
        "version: 2\norg: \"-\"\ntimezone: Europe/Madird\nmode: observ\n",
        r#"
bursar.yaml:1:10: "2" is no version of this file's form; write 1
  |
1 | version: 2
  |          ^

bursar.yaml:2:6: "-" is no name; take 1 to 64 letters, digits, dots, underscores and dashes, beginning with a letter or digit
  |
2 | org: "-"
  |      ^^^

bursar.yaml:3:11: there is no time zone "Europe/Madird"; did you mean "Europe/Madrid"?
  |
3 | timezone: Europe/Madird
  |           ^^^^^^^^^^^^^

bursar.yaml:4:7: "observ" is no mode; did you mean `observe`? Write enforce or observe
  |
4 | mode: observ
  |       ^^^^^^"#,
    );
}

#[test]
fn agents_teams_and_keys_that_stand_there_twice_name_both_places() {
    let key = format!("{{id: aaaaaaaa, sha256: {}}}", "0".repeat(64));
    let text = format!(
        "version: 1\norg: acme\nteams: [{{name: red}}, {{name: red}}]\nagents:\n  - {{name: a, team: rde}}\n  - {{name: a}}\n  \
         - name: b\n    keys: [{key}]\n  - name: c\n    keys: [{key}]\n"
    );
    let first_lines: Vec<String> =
        refused(&text).lines().filter(|line| line.starts_with("bursar.yaml")).map(str::to_owned).collect();
    assert_eq!(
        first_lines,
        [
            r#"bursar.yaml:3:29: the team "red" stands here a second time; it stands first at bursar.yaml:3:16; keep one"#,
            r#"bursar.yaml:5:21: there is no team "rde"; did you mean `red`? Add it under `teams`"#,
            r#"bursar.yaml:6:12: the agent "a" stands here a second time; it stands first at bursar.yaml:5:12; keep one"#,
            r#"bursar.yaml:10:17: the key id "aaaaaaaa" stands here a second time; it stands first at bursar.yaml:8:17; keep one"#,
        ]
    );
}

#[test]
fn money_is_exact_or_refused() {
    for (usd, printed) in [
        ("-5", "-5 is below zero; 0 refuses all"),
        ("1e3", r#""1e3" is not an amount of dollars such as 5 or 0.25; write dollars such as 5.00"#),
        ("$5", r#""$5" is not an amount of dollars such as 5 or 0.25; write dollars such as 5.00"#),
        (".inf", r#"".inf" is not an amount of dollars such as 5 or 0.25; write dollars such as 5.00"#),
        (
            "5.0000000001",
            r#""5.0000000001" is finer than a nano-dollar (nine digits after the point); write dollars such as 5.00"#,
        ),
        ("9223372037", r#""9223372037" is larger than $9,223,372,036; write dollars such as 5.00"#),
        ("2000000000", "limit agent:each@day usd is too large; the most is 2^60 (for dollars $1,152,921,504)"),
    ] {
        let text = format!("version: 1\norg: acme\nlimits:\n  - {{scope: agent, window: day, usd: {usd}}}\n");
        let carets = "^".repeat(usd.len());
        let line = format!("  - {{scope: agent, window: day, usd: {usd}}}");
        golden(&text, &format!("bursar.yaml:4:38: {printed}\n  |\n4 | {line}\n  | {}{carets}", " ".repeat(37)));
    }
}

#[test]
fn price_files_are_told_by_name() {
    let world = World::default().with_file("/house/mine.json", r#"{"provider":"mine","models":3}"#);
    let told = world.refused("version: 1\norg: acme\nprices: {files: [mine.json]}\n");
    assert!(told.starts_with("bursar.yaml: price file \"mine.json\": line 1, column 29: "), "{told}");
}

#[test]
fn documents_that_unfold_without_end_are_refused() {
    let mut bomb = String::from("version: 1\norg: acme\nteams:\n  - &a [x, x, x, x, x, x, x, x, x]\n");
    for (from, to) in ["ab", "bc", "cd", "de", "ef", "fg", "gh"].map(|pair| pair.split_at(1)) {
        let copies = vec![format!("*{from}"); 9].join(", ");
        bomb.push_str(&format!("  - &{to} [{copies}]\n"));
    }
    assert!(refused(&bomb).starts_with("bursar.yaml:"));
    let deep = format!("version: 1\norg: {}1{}\n", "[".repeat(10_000), "]".repeat(10_000));
    assert!(refused(&deep).starts_with("bursar.yaml:"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_text_brings_the_reader_down(cut in any::<prop::sample::Index>(), length in 0..40_usize, put in "\\PC{0,12}") {
        let example = include_str!("../../examples/bursar.yaml");
        let boundaries: Vec<usize> = example.char_indices().map(|(at, _)| at).collect();
        let from = cut.index(boundaries.len());
        let to = (from + length).min(boundaries.len() - 1);
        let text = format!("{}{put}{}", &example[..boundaries[from]], &example[boundaries[to]..]);
        if let Err(error) = World::default().parse(&text) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}
