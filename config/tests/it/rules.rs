//! Limits, routes, guards, lists and prices that cannot be, as people read it.

use crate::support::refused;

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
    ] {
        assert_routes_refused(routes, &printed);
    }
}

fn assert_routes_refused(routes: &str, printed: &[&str]) {
    let told = refused(&format!("version: 1\norg: acme\nroutes: {routes}\n"));
    let told: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("bursar.yaml:")).collect();
    assert_eq!(told, printed);
}

#[test]
fn what_a_route_names_must_be_there() {
    for (routes, printed) in [
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
        assert_routes_refused(routes, &printed);
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
