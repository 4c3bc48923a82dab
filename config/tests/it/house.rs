//! What files mean that are accepted.

use std::path::{Path, PathBuf};

use config::{Credentials, House, KEY_RANDOM_BYTES, Mode, Template, init_template, mint_key, schema};
use http::Method;
use policy::{Facts, Kind};
use types::{Amounts, Caller, Cost, Measure, Money, OutputBound, Quote, Usage};

use crate::support::{World, accepted};

const NOON: u64 = 1_795_262_400_000; // 2026-11-21T12:00:00Z

fn example() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/bursar.yaml")).unwrap()
}

/// What an agent's call is planned as: the limits by account, or the rule that refuses it.
fn planned(house: &House, agent: &str, vendor: &str, model: &str) -> Result<Vec<String>, String> {
    let agent = house.directory.agent(agent).unwrap();
    let caller = Caller {
        agent: agent.name.clone(),
        org: house.org.clone(),
        session: "s-1".into(),
        team: agent.team.clone().unwrap_or_else(|| "-".into()),
        user: "-".into(),
    };
    let amounts = Amounts { requests: 1, tokens: 10, usd: Money::from_nanos(10) };
    let quote = Quote {
        vendor: vendor.into(),
        model: model.into(),
        bound: amounts,
        floor: amounts,
        output: OutputBound::Named(10),
        streaming: false,
    };
    let facts = Facts {
        caller: &caller,
        kind: Kind::Llm,
        route: vendor,
        vendor,
        model,
        host: "host",
        method: "POST",
        path: "/v1/chat/completions",
        quote: Some(&quote),
        now_ms: NOON,
    };
    let plan = house.policy.plan(&facts).map_err(|denial| denial.rule)?;
    let limited = plan.lines.iter().filter_map(|line| {
        let limits: Vec<String> = Measure::ALL
            .into_iter()
            .filter_map(|measure| Some(format!("{} {}", line.limits.of(measure)?, measure.word())))
            .collect();
        (!limits.is_empty()).then(|| format!("{}: {}", line.account, limits.join(", ")))
    });
    Ok(limited.collect())
}

#[test]
fn the_full_example_is_accepted_and_means_what_it_says() {
    let world = World::default().with("OPENAI_API_KEY", "sk-1").with("GROQ_API_KEY", "gsk-1");
    let house = world.accepted(&example());
    assert!(house.warnings.is_empty(), "{:?}", house.warnings);
    assert_eq!((&*house.org, house.mode, &*house.gateway), ("acme", Mode::Enforce, "gw-1"));
    assert_eq!(house.data, PathBuf::from("/house/bursar-data"));
    assert_eq!(house.listeners.proxy.len(), 2);
    assert_eq!(
        planned(&house, "helpdesk", "openai", "gpt-5-mini").unwrap(),
        [
            "org:acme@month:2026-11: 2000000000000 usd",
            "team:support@day:2026-11-21: 50000000000 usd, 10000 requests",
            "agent:helpdesk@hour:2026-11-21T13: 1500000000 usd, 2000000 tokens",
            "agent:helpdesk@day:2026-11-21: 25000000000 usd",
            "session:helpdesk/s-1@total: 3000000000 usd",
            "vendor:openai@month:2026-11: 1500000000000 usd",
        ]
    );
    let researcher = planned(&house, "researcher", "anthropic", "claude-opus-5").unwrap();
    assert!(researcher.contains(&"agent:researcher@day:2026-11-21: 20000000000 usd".to_owned()), "{researcher:?}");
    assert!(researcher.contains(&"model:anthropic/claude-opus-5@day:2026-11-21: 10000000000 usd".to_owned()));
    for (agent, vendor, model, rule) in [
        ("helpdesk", "openai", "gpt-5-pro", "models@team:support"),
        ("helpdesk", "openai", "gpt-4o", "models@team:support"),
        ("researcher", "openai", "o1-pro", "models@org"),
        ("researcher", "groq", "gpt-oss-120b", "vendors@team:research"),
    ] {
        assert_eq!(planned(&house, agent, vendor, model).unwrap_err(), rule, "{agent} {model}");
    }
}

#[test]
fn the_first_file_runs() {
    let minted = mint_key([9; KEY_RANDOM_BYTES]);
    let text = init_template(&Template { org: "acme", agent: "researcher", key: &minted.kept });
    let house = World::default().with("OPENAI_API_KEY", "sk-1").accepted(&text);
    assert_eq!(house.directory.authenticate(minted.key.expose()).map(|agent| &*agent.name), Some("researcher"));
    assert_eq!(
        planned(&house, "researcher", "openai", "gpt-5-mini").unwrap(),
        ["agent:researcher@day:2026-11-21: 5000000000 usd"]
    );
    assert_eq!(
        house.warnings,
        ["bursar.yaml:25:26: the variable ANTHROPIC_API_KEY is not set; this route answers 503 until its key is there"]
    );
    let laptop = accepted(&config::laptop_template());
    assert!(laptop.routes.iter().all(|route| matches!(route.credentials, Credentials::Passthrough)));
}

#[test]
fn every_preset_makes_a_route_that_is_found_by_host_and_by_prefix() {
    let laptop = accepted(&config::laptop_template());
    assert_eq!(laptop.routes.iter().count(), 14);
    for route in laptop.routes.iter() {
        assert!(!route.meters.is_empty() && !route.hosts.is_empty());
        for host in &route.hosts {
            assert_eq!(laptop.routes.find(&host.name, 443).map(|found| &found.name), Some(&route.name));
            let provider = laptop.prices.provider_of_host(&host.name).map(|provider| &provider.id);
            assert_eq!(provider, Some(&route.provider), "{host}");
        }
        let path = format!("{}/v1/chat/completions", route.prefix.as_deref().unwrap());
        let (found, rest) = laptop.routes.find_prefix(&path).unwrap();
        assert_eq!((&found.name, rest), (&route.name, "/v1/chat/completions"));
    }
    let anthropic = laptop.routes.named("anthropic").unwrap();
    assert!(anthropic.is_free(&Method::POST, "/v1/messages/count_tokens"));
    assert!(!anthropic.is_free(&Method::POST, "/v1/messages"));
    assert!(!anthropic.is_free(&Method::DELETE, "/v1/models/x"));
}

#[test]
fn hosts_are_found_in_any_spelling_and_prefixes_in_whole_segments_only() {
    let house = accepted(
        "version: 1\norg: acme\nroutes:\n  - {preset: openai, credentials: none}\n  \
         - {name: b, hosts: ['bücher.example:8443'], prefix: /openai/b, provider: openai, meters: [openai_chat], credentials: none}\n",
    );
    let found = |host: &str, port| house.routes.find(host, port).map(|route| route.name.to_string());
    assert_eq!(found("API.OpenAI.com.", 443).as_deref(), Some("openai"));
    assert_eq!(found("xn--bcher-kva.example", 8443).as_deref(), Some("b"));
    assert_eq!(found("BÜCHER.example", 8443).as_deref(), Some("b"));
    for (host, port) in [("api.openai.com", 80), ("api.openai.com:443", 443), ("evil.openai.com", 443), ("", 443)] {
        assert_eq!(found(host, port), None, "{host}");
    }
    let by_prefix = |path| house.routes.find_prefix(path).map(|(route, rest)| format!("{} {rest}", route.name));
    assert_eq!(by_prefix("/openai/v1").as_deref(), Some("openai /v1"));
    assert_eq!(by_prefix("/openai").as_deref(), Some("openai /"));
    assert_eq!(by_prefix("/openai/b/v1").as_deref(), Some("b /v1"));
    for path in ["/openaix/v1", "/v1", "", "openai/v1", "/OPENAI/v1"] {
        assert_eq!(by_prefix(path), None, "{path}");
    }
}

#[test]
fn keys_take_the_form_of_their_vendor_and_are_never_shown() {
    let world = World::default()
        .with("OPENAI_API_KEY", "sk-canary-1")
        .with_file("/run/secrets/anthropic", "sk-canary-2\n")
        .with("EMPTY", "");
    let house = world.accepted(
        "version: 1\norg: acme\nroutes:\n  - preset: openai\n  \
         - {preset: anthropic, credentials: {value: \"${file:/run/secrets/anthropic}\"}}\n  \
         - {preset: xai, credentials: {value: sk-canary-3, header: X-Key}}\n  \
         - {preset: groq, credentials: {value: \"${env:EMPTY}\"}}\n  \
         - {preset: zai, credentials: {value: sk-canary-4, scheme: Token}}\n  \
         - {preset: mistral, credentials: passthrough}\n",
    );
    let injected = |name: &str| match &house.routes.named(name).unwrap().credentials {
        Credentials::Inject { header, value } => {
            format!("{header}: {}", value.as_ref().map_or("(missing)", |value| value.expose()))
        }
        other => format!("{other:?}"),
    };
    assert_eq!(injected("openai"), "authorization: Bearer sk-canary-1");
    assert_eq!(injected("anthropic"), "x-api-key: sk-canary-2");
    assert_eq!(injected("xai"), "x-key: sk-canary-3");
    assert_eq!(injected("groq"), "authorization: (missing)");
    assert_eq!(injected("zai"), "authorization: Token sk-canary-4");
    assert_eq!(injected("mistral"), "Passthrough");
    assert!(house.warnings.iter().any(|warning| warning.contains("stands here in the clear")), "{:?}", house.warnings);
    assert!(!format!("{house:?}").contains("canary"));
    assert!(!house.warnings.join("\n").contains("canary"));
}

#[test]
fn no_fault_shows_a_provider_key() {
    let world = World::default().with("KEY", "sk-canary\u{7}");
    for route in [
        "credentials: {value: sk-canary, heade: x}",
        "credentials: sk-canary",
        "credentials: {value: [sk-canary]}",
        "credentials: {value: \"${env:KEY}\"}",
        "credentials: {value: \"${env:NO KEY:-sk-canary}\"}",
        "credentials: {value: sk-canary, header: host}",
        "credentials: {value: sk-canary, header: x, header: y}",
        "credentials: {value: \"sk-canary",
    ] {
        let told = world.refused(&format!("version: 1\norg: acme\nroutes:\n  - preset: xai\n    {route}\n"));
        assert!(!told.contains("canary"), "{told}");
    }
}

#[test]
fn no_fault_shows_what_a_reference_stood_for() {
    let world = World::default().with("KEY", "sk canary/");
    for line in [
        "timezone: ${env:KEY}",
        "mode: ${env:KEY}",
        "gateway: {id: \"${env:KEY}\"}",
        "limits: [{scope: org, window: day, usd: \"${env:KEY}\"}]",
        "caps: {drain_ms: \"1${env:KEY}\"}",
    ] {
        let told = world.refused(&format!("version: 1\norg: acme\n{line}\n"));
        assert!(told.contains("${env:KEY}") && !told.contains("canary"), "{told}");
    }
}

#[test]
fn an_owners_price_takes_the_place_of_the_one_that_ships() {
    let house = accepted(
        "version: 1\norg: acme\nprices:\n  models:\n    \
         - {provider: openai, model: gpt-5-mini, usd_per_1m: {input: 0.225, output: 1.8}}\n    \
         - {provider: mine, model: llama, usd_per_1m: {input: 0.2, output: 0.6}, context: 1000, max_output: 100}\n    \
         - {provider: openai, model: gpt-5-2025-08-07, usd_per_1m: {input: 7, output: 9}}\n",
    );
    let usage = Usage { input: 1_000_000, output: 1_000_000, ..Usage::default() };
    let cost = |provider: &str, model: &str| house.prices.cost(provider, model, &usage, NOON, None);
    let usd = |text: &str| text.parse::<Cost>().ok();
    assert_eq!(cost("openai", "gpt-5-mini"), usd("2.025"));
    // Names that the book knows for the model lead to the owner's price too.
    assert_eq!(cost("openai", "gpt-5-mini-2025-08-07"), usd("2.025"));
    assert_eq!(cost("mine", "llama"), usd("0.8"));
    assert_eq!(house.prices.model("mine", "llama", NOON).and_then(|model| model.max_output), Some(100));
    assert_eq!(cost("openai", "gpt-5-2025-08-07"), usd("16"));
    let shipped = accepted("version: 1\norg: acme\n");
    assert_ne!(house.prices.version(), shipped.prices.version());
    assert_ne!(shipped.prices.cost("openai", "gpt-5-mini", &usage, NOON, None), usd("2.025"));
}

#[test]
fn the_version_follows_everything_that_decides_and_no_secret() {
    let text = "version: 1\norg: acme\nlimits: [{scope: org, window: day, usd: \"${env:USD:-5}\"}]\nroutes: [{preset: openai}]\n";
    let version = |world: &World, text: &str| world.accepted(text).version;
    let world = World::default();
    let first = version(&world, text);
    assert_eq!(first.len(), 12);
    assert_eq!(version(&world, text), first);
    assert_ne!(version(&world, &text.replace("acme", "acne")), first);
    assert_ne!(version(&world.clone().with("USD", "6"), text), first);
    assert_eq!(version(&world.clone().with("OPENAI_API_KEY", "sk-1"), text), first);
}

#[test]
fn what_works_but_should_be_looked_at_is_warned_of() {
    let house = accepted("version: 1\norg: acme\nlisteners: {operator: '0.0.0.0:4001'}\nmodels: {deny: ['gpt-99*']}\n");
    assert_eq!(
        house.warnings,
        [
            "bursar.yaml:3:23: 0.0.0.0:4001 can be reached from outside; keep agents away from it",
            r#"bursar.yaml:4:17: "gpt-99*" matches nothing in the price book yet"#,
        ]
    );
}

#[test]
fn sessions_may_be_limited_where_their_agents_are() {
    let limits = |agent: &str| {
        format!(
            "version: 1\norg: acme\nagents: [{{name: a}}, {{name: b{agent}}}]\nlimits:\n  \
             - {{scope: session, window: total, usd: 1}}\n  - {{scope: agent, name: a, window: month, usd: 9}}\n"
        )
    };
    assert!(World::default().refused(&limits("")).contains("agent \"b\" may begin any number of sessions"));
    accepted(&limits(", limits: [{window: day, requests: 5}]"));
}

#[test]
fn the_published_schema_is_the_one_that_is_checked_by() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/bursar.schema.json");
    if std::env::var_os("BURSAR_WRITE_SCHEMA").is_some() {
        std::fs::write(&file, schema()).unwrap();
    }
    let published = std::fs::read_to_string(file).unwrap();
    assert_eq!(published, schema(), "write it anew: BURSAR_WRITE_SCHEMA=1 cargo test -p bursar-config");
}

#[test]
fn the_published_schema_knows_every_key_and_the_example_names_each() {
    let schema: serde_json::Value = serde_json::from_str(&schema()).unwrap();
    let example = example();
    for key in schema["properties"].as_object().unwrap().keys() {
        assert!(example.contains(&format!("\n{key}:")), "the example says nothing of `{key}`");
    }
    assert_eq!(schema["additionalProperties"], false);
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        let is_closed = definition["additionalProperties"] == false;
        let is_word = definition.get("anyOf").or(definition.get("oneOf")).or(definition.get("enum")).is_some();
        let is_list = definition["type"] == "array";
        assert!(is_closed || is_word || is_list, "{name}: {definition}");
    }
}
