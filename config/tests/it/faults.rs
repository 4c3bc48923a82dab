//! What is wrong with a file, as people read it.

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
fn limits_name_somebody_and_limit_something() {
    for (limit, printed) in [
        (
            "{scope: agnet, window: day, usd: 1}",
            r#"4:13: "agnet" is no scope; did you mean `agent`? Write org, team, agent, user, session, vendor or model"#,
        ),
        (
            "{scope: agent, window: dya, usd: 1}",
            r#"4:28: "dya" is no window; did you mean `day`? Write transaction, hour, day, week, month or total"#,
        ),
        ("{scope: agent, window: day}", "4:28: this limit limits nothing; give it usd, requests or tokens"),
        ("{scope: agent, window: day, tokens: -4}", r#"4:41: "-4" is no whole number from 0 to 1152921504606846976"#),
        (
            "{scope: agent, window: day, requests: 1.5}",
            r#"4:43: "1.5" is no whole number from 0 to 1152921504606846976"#,
        ),
        (
            "{scope: org, name: acne, window: day, usd: 1}",
            r#"4:24: there is no organisation "acne"; did you mean `acme`? Leave the name out: there is one only"#,
        ),
        ("{scope: team, name: blue, window: day, usd: 1}", r#"4:25: there is no team "blue"; add it under `teams`"#),
        (
            "{scope: agent, name: writre, window: day, usd: 1}",
            r#"4:26: there is no agent "writre"; did you mean `writer`? Add it under `agents`, or by `bursar agents add`"#,
        ),
        ("{scope: session, name: s, window: day, usd: 1}", r#"4:28: "s" is no session; write agent/session"#),
        (
            "{scope: vendor, name: openia, window: day, usd: 1}",
            r#"4:27: there is no vendor "openia"; did you mean `openai`? The price book knows none of this name; vendors of your own stand under `prices`"#,
        ),
        (
            "{scope: model, name: gpt-5, window: day, usd: 1}",
            r#"4:26: "gpt-5" is no model of a vendor; write vendor/model"#,
        ),
        (
            "{scope: model, name: openai/gpt-5-2025-08-07, window: day, usd: 1}",
            r#"4:26: there is no model "openai/gpt-5-2025-08-07"; did you mean `openai/gpt-5`? Write the name that the price book has for it; models of your own stand under `prices`"#,
        ),
        (
            "{scope: session, window: day, usd: 1}",
            r#"4:40: agent "writer" may begin any number of sessions, so a limit on sessions alone holds nothing; give the agent a limit by day, week, month or total too"#,
        ),
    ] {
        let text = format!("version: 1\norg: acme\nlimits:\n  - {limit}\nagents: [{{name: writer}}]\n");
        let first = refused(&text);
        assert_eq!(first.lines().next().unwrap(), format!("bursar.yaml:{printed}"));
        assert_eq!(first.matches("bursar.yaml:").count(), 1, "{first}");
    }
}

#[test]
fn routes_are_whole_unique_and_lead_somewhere() {
    for (routes, printed) in [
        (
            "[{preset: opena}]",
            vec![
                r#"3:19: "opena" is no preset; did you mean `openai`? Write anthropic, cerebras, deepinfra, deepseek, fireworks, groq, mistral, moonshot, openai, openrouter, perplexity, together, xai or zai"#,
            ],
        ),
        (
            "[{preset: xai}, {preset: xai}]",
            vec![
                r#"3:34: the route "xai" stands here a second time; it stands first at bursar.yaml:3:19; keep one"#,
                r#"3:34: the host "api.x.ai" stands here a second time; it stands first at bursar.yaml:3:19; keep one"#,
                r#"3:34: the prefix "/xai" stands here a second time; it stands first at bursar.yaml:3:19; keep one"#,
            ],
        ),
        (
            "[{preset: xai, name: v1}]",
            vec![r#"3:30: "/v1" is no prefix; write /name; /_k and /v1 are the gateway's own"#],
        ),
        (
            "[{name: bare}]",
            vec![
                r#"3:17: nothing leads to the route "bare"; give it hosts, a prefix, or both"#,
                r#"3:17: the route "bare" has no `provider`; give it one, or a preset that has"#,
                r#"3:17: the route "bare" has no `meters`; give it one, or a preset that has"#,
                r#"3:17: the route "bare" has no `credentials`; give it one, or a preset that has"#,
            ],
        ),
        (
            "[{prefix: /x, provider: openai, meters: [openai_chat], credentials: none}]",
            vec!["3:19: the key `name` is missing"],
        ),
        (
            "[{name: x, prefix: /x, provider: openai, meters: [openai_chat], credentials: none}]",
            vec![r#"3:17: the route "x" has no `upstream`; give it one, or a preset that has"#],
        ),
        (
            "[{preset: xai, hosts: ['*.x.ai']}]",
            vec![
                r#"3:32: "*.x.ai" is no host; write one name such as api.example.com or api.example.com:8443, without scheme, path or star"#,
            ],
        ),
        (
            "[{preset: xai, provider: nobody}]",
            vec![
                r#"3:34: there is no vendor "nobody"; the price book knows none of this name; vendors of your own stand under `prices`"#,
            ],
        ),
        (
            "[{preset: xai, meters: [openai_cht]}]",
            vec![
                r#"3:33: "openai_cht" is no meter; did you mean `openai_chat`? Write anthropic_messages, openai_chat or free"#,
            ],
        ),
        (
            "[{preset: xai, free: [get /v1]}]",
            vec![
                r#"3:31: "get /v1" is no endpoint; write a method and a path, such as GET /v1/models/* (a star is one whole segment)"#,
            ],
        ),
        (
            "[{preset: xai, upstream: 'http://x/v1'}]",
            vec![
                r#"3:34: "http://x/v1" is no upstream; write https://host or http://host:port; the path comes from the request"#,
            ],
        ),
        (
            "[{preset: xai, clamp: allways}]",
            vec![r#"3:31: "allways" is no clamp; did you mean `always`? Write never or always"#],
        ),
        ("[{preset: xai, body_bytes: 0}]", vec![r#"3:36: "0" is no whole number from 1 to 1073741824"#]),
    ] {
        let told = refused(&format!("version: 1\norg: acme\nroutes: {routes}\n"));
        let told: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("bursar.yaml:")).collect();
        assert_eq!(told, printed);
    }
}

#[test]
fn guards_are_known_and_can_work() {
    for (guard, printed) in [
        (
            "{deny_modles: [x]}",
            r#"3:34: "deny_modles" is no name that is known here; did you mean `deny_models`? Write deny_models, max_output or strip_headers"#,
        ),
        (
            "{max_output: {tokns: 1}}",
            "3:47: there is no key `tokns` here; did you mean `tokens`? The keys are tokens, over",
        ),
        (
            "{max_output: {tokens: 0}}",
            "3:33: max_output: tokens must be at least 1; to refuse all calls, deny the models",
        ),
        ("{deny_models: []}", "3:33: deny_models: the list is empty; name at least one, or remove the guard"),
    ] {
        let told = refused(&format!("version: 1\norg: acme\nroutes: [{{preset: xai, guards: [{guard}]}}]\n"));
        assert_eq!(told.lines().next().unwrap(), format!("bursar.yaml:{printed}"));
    }
}

#[test]
fn lists_name_what_there_is() {
    for (lists, printed) in [
        (
            "vendors: {deny: [openia]}",
            r#"3:18: there is no vendor "openia"; did you mean `openai`? The price book knows none of this name; vendors of your own stand under `prices`"#,
        ),
        (
            "models: {deny: [gpt-5-min]}",
            r#"3:17: there is no model "gpt-5-min"; did you mean `gpt-5-mini`? Write the name that the price book has for it; models of your own stand under `prices`"#,
        ),
        (
            "models: {deny: [openai/gpt-5-2025-08-07]}",
            r#"3:17: there is no model "openai/gpt-5-2025-08-07"; did you mean `openai/gpt-5`? Write the name that the price book has for it; models of your own stand under `prices`"#,
        ),
        ("models: {deny: ['']}", "3:17: an empty pattern matches nothing; write a name, or * for all"),
    ] {
        let told = refused(&format!("version: 1\norg: acme\n{lists}\n"));
        assert_eq!(told.lines().next().unwrap(), format!("bursar.yaml:{printed}"));
    }
}

#[test]
fn prices_listeners_and_caps_are_checked() {
    for (lines, printed) in [
        ("prices: {models: [{provider: p, model: m, usd_per_1m: {input: 1}}]}", "3:40: the key `output` is missing"),
        (
            "prices: {models: [{provider: p, model: m, usd_per_1m: {input: 1, output: 0.1234567}}]}",
            r#"3:74: "0.1234567" is no price; write dollars with at most six decimals, such as 1.25"#,
        ),
        (
            "prices: {models: [{provider: p, model: m, usd_per_1m: {inptu: 1}}]}",
            r#"3:56: "inptu" is no name that is known here; did you mean `input`? Write input, output, cache_read, cache_write or cache_write_1h"#,
        ),
        ("prices: {files: [mine.json]}", "3:18: /house/mine.json: entity not found"),
        (
            "listeners: {proxy: [4000]}",
            r#"3:21: "4000" is no address to listen on; write 127.0.0.1:4000 or [::1]:4000"#,
        ),
        (
            "listeners: {operator: '127.0.0.1:4000'}",
            r#"3:23: the listener "127.0.0.1:4000" stands here a second time; it stands first at bursar.yaml; keep one"#,
        ),
        (
            "upstream: {allow_addresses: [10.0.0.1/8]}",
            r#"3:30: "10.0.0.1/8" is no range of addresses; the address has bits beyond the prefix; write its network, as in 10.0.0.0/8"#,
        ),
        ("upstream: {ca_files: [ca.pem]}", "3:23: /house/ca.pem: entity not found"),
        ("upstream: {idle_timeout_ms: 0}", r#"3:29: "0" is no whole number from 1 to 3600000"#),
        ("caps: {drain_ms: -1}", r#"3:18: "-1" is no whole number from 0 to 3600000"#),
        ("unlisted: pass", r#"3:11: "pass" is no way with unlisted hosts; write deny or tunnel"#),
    ] {
        let told = refused(&format!("version: 1\norg: acme\n{lines}\n"));
        assert_eq!(told.lines().next().unwrap(), format!("bursar.yaml:{printed}"));
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
