//! What a request may cost at most.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use http::Method;
use types::{Money, OutputBound, Reason};

use super::{CHAT, at, openai};
use crate::meter::{Clamp, Meter};
use crate::meters::kit::{Bench, usd};
use crate::meters::openai_chat::OpenaiChat;

/// Nano-dollars of so many tokens at a price in dollars per million.
fn nanos(tokens: u64, dollars_per_million: u64) -> i64 {
    i64::try_from(tokens * dollars_per_million * 1_000).unwrap()
}

fn bytes(body: &str) -> u64 {
    body.len() as u64
}

#[test]
fn the_meter_claims_posts_to_both_endpoints_wherever_hosts_put_them() {
    for path in
        [CHAT, "/v1/completions", "/chat/completions", "/openai/v1/chat/completions", "/api/v1/chat/completions"]
    {
        assert!(OpenaiChat.claims(&Method::POST, path), "{path}");
        assert!(!OpenaiChat.claims(&Method::GET, path), "{path}");
    }
    for path in ["/v1/responses", "/v1/chat/completions/abc", "/v1/embeddings", "/"] {
        assert!(!OpenaiChat.claims(&Method::POST, path), "{path}");
    }
}

#[test]
fn input_is_bounded_by_bytes_and_output_by_the_named_bound() {
    let body = r#"{"model":"gpt-plain","messages":[{"role":"user","content":"hi"}],"max_completion_tokens":100}"#;
    let quote = openai().quote(body).unwrap();
    assert_eq!(quote.output, OutputBound::Named(100));
    assert_eq!(quote.bound.usd.nanos(), nanos(bytes(body) + 1_024, 2) + nanos(100, 10));
    assert_eq!(quote.bound.tokens, i64::try_from(bytes(body) + 1_124).unwrap());
    assert_eq!((quote.bound.requests, quote.floor), (1, quote.bound), "a named bound is reserved whole");
    assert_eq!((&*quote.vendor, &*quote.model), ("openai", "gpt-plain"));
}

#[test]
fn an_open_output_reserves_the_models_maximum_and_at_least_the_floor() {
    let body = r#"{"model":"gpt-plain","messages":[]}"#;
    let quote = openai().quote(body).unwrap();
    assert_eq!(quote.output, OutputBound::Open { max: 16_384 });
    let input = nanos(bytes(body) + 1_024, 2);
    assert_eq!(quote.bound.usd.nanos(), input + nanos(16_384, 10));
    assert_eq!(quote.floor.usd.nanos(), input + nanos(1_024, 10));
}

#[test]
fn the_routes_cap_limits_what_may_be_inserted() {
    let mut bench = openai();
    bench.options.output_cap = Some(500);
    let quote = bench.quote(r#"{"model":"gpt-plain","messages":[]}"#).unwrap();
    assert_eq!(quote.output, OutputBound::Open { max: 500 });
    assert_eq!(quote.floor, quote.bound, "the floor is never above the most");
}

#[test]
fn a_null_bound_is_no_bound_and_of_two_bounds_the_larger_counts() {
    let open = openai().quote(r#"{"model":"gpt-plain","max_tokens":null,"n":null}"#).unwrap();
    assert_eq!(open.output, OutputBound::Open { max: 16_384 });
    let two = openai().quote(r#"{"model":"gpt-plain","max_tokens":5,"max_completion_tokens":10000}"#).unwrap();
    assert_eq!(two.output, OutputBound::Named(10_000));
}

#[test]
fn a_bound_in_a_field_that_the_host_does_not_read_is_only_a_wish() {
    let quote = at("mistral").quote(r#"{"model":"mistral-x","max_completion_tokens":7000}"#).unwrap();
    assert_eq!(quote.output, OutputBound::Open { max: 7_000 });
    let quote = at("mistral").quote(r#"{"model":"mistral-x","max_tokens":7000}"#).unwrap();
    assert_eq!(quote.output, OutputBound::Named(7_000));
}

#[test]
fn every_multiplier_of_choices_multiplies_the_output() {
    let one = openai().quote(r#"{"model":"gpt-plain","max_tokens":1000,"xxx":111}"#).unwrap();
    for body in [
        r#"{"model":"gpt-plain","max_tokens":1000,"n":    100}"#,
        r#"{"model":"gpt-plain","max_tokens":1000,"best_of":100}"#,
        r#"{"model":"gpt-plain","max_tokens":1000,"samples":100}"#,
        r#"{"model":"gpt-plain","max_tokens":1000,"candidate_count":100}"#,
    ] {
        let many = openai().quote(body).unwrap();
        let more = many.bound.usd.nanos() - one.bound.usd.nanos();
        assert!(more >= nanos(99 * 1_000, 10), "{body}: {more}");
    }
    // Other hosts may bill the prompt for each choice.
    let body = r#"{"model":"mistral-x","max_tokens":1,"n":3}"#;
    let quote = at("mistral").quote(body).unwrap();
    assert_eq!(quote.bound.tokens, i64::try_from(3 * (bytes(body) + 1_024) + 3).unwrap());
}

#[test]
fn completions_default_to_sixteen_tokens_for_each_choice_of_each_prompt() {
    let bench = Bench::new(&OpenaiChat, "openai", "/v1/completions");
    let quote = |body: &str| bench.quote(body).unwrap();
    assert_eq!(quote(r#"{"model":"old-base","prompt":"Once"}"#).output, OutputBound::Named(16));
    let tokens = |body: &str| quote(body).bound.tokens - i64::try_from(bytes(body) + 1_024).unwrap();
    assert_eq!(tokens(r#"{"model":"old-base","prompt":"Once"}"#), 16);
    assert_eq!(tokens(r#"{"model":"old-base","prompt":["a","b","c"],"best_of":4,"n":2}"#), 16 * 3 * 4);
    assert_eq!(tokens(r#"{"model":"old-base","prompt":[1,2,3],"max_tokens":7}"#), 7, "one prompt of three tokens");
    assert_eq!(tokens(r#"{"model":"old-base","prompt":[[1,2],[3]],"max_tokens":7}"#), 14);
    let elsewhere = Bench::new(&OpenaiChat, "mistral", "/v1/completions");
    let open = elsewhere.quote(r#"{"model":"mistral-x","prompt":"Once"}"#).unwrap();
    assert_eq!(open.output, OutputBound::Open { max: 8_000 }, "the default of sixteen is OpenAI's alone");
}

#[test]
fn the_dearest_service_tier_that_may_serve_is_reserved() {
    let reserved = |tier: &str| {
        let body = format!(r#"{{"model":"gpt-prio","max_tokens":1000{tier:<30}}}"#);
        openai().quote(&body).unwrap().bound.usd
    };
    let (default, priority) = (reserved(r#","service_tier":"default""#), reserved(r#","service_tier":"priority""#));
    assert!(priority.nanos() == 2 * default.nanos());
    assert_eq!(reserved(r#","service_tier":"auto""#), priority, "auto is what the project says");
    assert_eq!(reserved(""), priority, "and auto is the default");
    assert_eq!(reserved(r#","service_tier":"flex""#), default, "flex may be served at list price");
    let unlisted = openai().quote(r#"{"model":"gpt-plain","max_tokens":1,"service_tier":"priority"}"#);
    assert!(matches!(unlisted, Err(Reason::Unbounded { .. })));
}

#[test]
fn long_input_reserves_the_long_price_for_all_of_it() {
    let quote = |bytes: usize| {
        let body = format!(r#"{{"model":"gpt-long","max_tokens":1000,"user":"{}"}}"#, "x".repeat(bytes));
        (openai().quote(&body).unwrap().bound.usd.nanos(), body.len() as u64)
    };
    let (usd, length) = quote(100_000);
    assert_eq!(usd, nanos(length + 1_024, 5) + nanos(1_000, 20), "cache writes are dearer than input");
    let (usd, length) = quote(280_000);
    assert_eq!(usd, nanos(length + 1_024, 10) + nanos(1_000, 30));
}

#[test]
fn data_that_stay_in_a_region_are_reserved_with_their_uplift() {
    let body = r#"{"model":"gpt-long","max_tokens":1000}"#;
    let mut bench = openai();
    let world = bench.quote(body).unwrap().bound.usd.nanos();
    bench.host = "us.api.openai.com";
    assert_eq!(bench.quote(body).unwrap().bound.usd.nanos() * 10, world * 11);
}

#[test]
fn more_input_than_the_model_takes_is_not_reserved() {
    let body = format!(r#"{{"model":"small-window","max_tokens":1,"user":"{}"}}"#, "x".repeat(50_000));
    assert_eq!(openai().quote(&body).unwrap().bound.tokens, 8_193);
}

#[test]
fn images_are_bounded_by_their_rules_and_not_by_their_bytes() {
    let with = |model: &str, url: &str, detail: &str| {
        let body = format!(
            r#"{{"model":"{model}","max_tokens":1,"messages":[{{"role":"user","content":[{{"type":"text","text":"?"}},{{"type":"image_url","image_url":{{"url":"{url}"{detail}}}}}]}}]}}"#
        );
        openai().quote(&body).unwrap().bound.tokens
    };
    let inline = format!("data:image/png;base64,{}", "A".repeat(60_000));
    assert!((8_000..11_000).contains(&with("gpt-plain", &inline, "")), "{}", with("gpt-plain", &inline, ""));
    assert!(with("gpt-plain", "https://img.example/a.png", "") > 8_000, "as many wherever it comes from");
    assert!(with("gpt-4o-mini", "data:image/png;base64,AAAA", "") > 48_000, "one family counts far more");
    assert_eq!(with("gpt-plain", &inline, r#","detail":"original""#), 128_001, "a size of its own has no rule");
    let elsewhere = at("openrouter").quote(
        r#"{"model":"a/cheap","max_tokens":1,"messages":[{"content":[{"type":"image_url","image_url":{"url":"data:x"}}]}]}"#,
    );
    assert_eq!(elsewhere.unwrap().bound.tokens, 100_001, "other hosts publish no rules");
}

#[test]
fn what_lies_elsewhere_reserves_the_whole_window_or_is_refused() {
    for part in [
        r#"{"type":"file","file":{"file_id":"file-1"}}"#,
        r#"{"type":"video_url","video_url":{"url":"https://v.example"}}"#,
        r#"{"type":"document_url","document_url":"https://d.example"}"#,
        r#"{"type":"what_is_this"}"#,
    ] {
        let body = format!(r#"{{"model":"gpt-plain","max_tokens":1,"messages":[{{"content":[{part}]}}]}}"#);
        assert_eq!(openai().quote(&body).unwrap().bound.tokens, 128_001, "{part}");
        let unknown = body.replace("gpt-plain", "a/unlisted");
        assert!(matches!(at("openrouter").quote(&unknown), Err(Reason::Unbounded { .. })), "{part}");
    }
    for field in ["previous_response_id", "conversation", "data_sources", "documents", "extra_body"] {
        let body = format!(r#"{{"model":"gpt-plain","max_tokens":1,"{field}":{{"id":"x"}}}}"#);
        assert_eq!(openai().quote(&body).unwrap().bound.tokens, 128_001, "{field}");
    }
    let spoken = r#"{"model":"gpt-audio","max_tokens":1,"messages":[{"role":"assistant","audio":{"id":"audio_1"}}]}"#;
    assert_eq!(openai().quote(spoken).unwrap().bound.tokens, 128_001, "sound that lies at the vendor");
}

#[test]
fn sound_is_reserved_at_the_price_of_sound() {
    let heard = r#"{"model":"gpt-audio","max_tokens":100,"messages":[{"content":[{"type":"input_audio","input_audio":{"data":"AAAA"}}]}]}"#;
    let quote = openai().quote(heard).unwrap();
    assert_eq!(quote.bound.usd.nanos(), nanos(bytes(heard) + 1_024, 40) + nanos(100, 10));
    let spoken = r#"{"model":"gpt-audio","max_tokens":100,"modalities":["text","audio"]}"#;
    let quote = openai().quote(spoken).unwrap();
    assert_eq!(quote.bound.usd.nanos() * 10, nanos(bytes(spoken) + 1_024, 25) + nanos(100, 800));
}

#[test]
fn the_dearest_model_of_a_fallback_list_is_reserved_and_an_unknown_one_refused() {
    let list = r#"{"model":"a/cheap","models":["a/dear"],"max_tokens":100}"#;
    let quote = at("openrouter").quote(list).unwrap();
    assert_eq!(quote.bound.usd.nanos(), nanos(bytes(list) + 1_024, 10) + nanos(100, 20));
    let open = at("openrouter").quote(r#"{"model":"a/cheap","models":["a/dear"]}"#).unwrap();
    assert_eq!(open.output, OutputBound::Open { max: 4_000 }, "what is inserted must suit both");
    let unknown = at("openrouter").quote(r#"{"model":"a/cheap","models":["b/none"]}"#);
    assert_eq!(unknown, Err(Reason::ModelUnknown { model: "b/none".into() }));
}

#[test]
fn a_prediction_may_be_billed_as_output() {
    let without = r#"{"model":"gpt-plain","max_tokens":10,"predXXXXXX":{"type":"content","content":"abc"}}"#;
    let with = without.replace("predXXXXXX", "prediction");
    let more = openai().quote(&with).unwrap().bound.usd.nanos() - openai().quote(without).unwrap().bound.usd.nanos();
    assert_eq!(more, nanos(bytes(without) + 1_024, 10));
}

#[test]
fn a_search_is_reserved_with_its_fee_and_all_that_it_may_bring() {
    for body in [
        r#"{"model":"gpt-4o-search-preview","max_tokens":1000}"#,
        r#"{"model":"gpt-4o-search-preview","max_tokens":1000,"web_search_options":{}}"#,
    ] {
        let quote = openai().quote(body).unwrap();
        assert_eq!(quote.bound.usd.nanos(), nanos(128_000, 5) / 2 + nanos(1_000, 10) + 25_000_000);
    }
    let request = at("perplexity").quote(r#"{"model":"sonar-x","max_tokens":10}"#).unwrap();
    assert!(request.bound.usd > usd("0.012"), "a fee for the request itself");
}

#[test]
fn what_nothing_bounds_is_refused_with_a_word_on_how_to_mend_it() {
    let refused = |provider: &str, body: &str| match at(provider).quote(body) {
        Err(Reason::Unbounded { what }) => what,
        other => panic!("{body}: {other:?}"),
    };
    for tool in ["openrouter:web_search", "web_search", "mcp", "builtin_function", "code_interpreter"] {
        let body = format!(r#"{{"model":"gpt-plain","tools":[{{"type":"{tool}"}}]}}"#);
        assert!(refused("openai", &body).contains(tool));
    }
    assert!(refused("openrouter", r#"{"model":"a/cheap","plugins":[{"id":"web"}]}"#).contains("plugins"));
    assert!(refused("openrouter", r#"{"model":"a/cheap:online"}"#).contains(":online"));
    assert!(refused("openrouter", r#"{"model":"a/cheap","web_search_options":{}}"#).contains("web_search_options"));
    assert!(refused("openrouter", r#"{"model":"a/cheap","preset":"x"}"#).contains("preset"));
    assert!(refused("xai", r#"{"model":"grok-x","search_parameters":{"mode":"on"}}"#).contains("search_parameters"));
    assert!(refused("mistral", r#"{"model":"mistral-x","enable_search":true}"#).contains("enable_search"));
    assert!(refused("perplexity", r#"{"model":"sonar-deep-research"}"#).contains("searches"));
    for fine in [
        r#"{"model":"gpt-plain","tools":[{"type":"function","function":{"name":"f"}},{"type":"custom","custom":{}}]}"#,
        r#"{"model":"gpt-plain","tools":[{"function":{"name":"f"}}],"plugins":[],"enable_search":false}"#,
    ] {
        assert!(openai().quote(fine).is_ok(), "{fine}");
    }
}

#[test]
fn unknown_models_are_refused_whatever_they_resemble() {
    for model in ["gpt-9", " gpt-plain ", "gpt-plain\\u0001x", "gpt-pl\\u0430in", "", "gpt-plain-20x6"] {
        let body = format!(r#"{{"model":"{model}","max_tokens":1}}"#);
        assert!(matches!(openai().quote(&body), Err(Reason::ModelUnknown { .. })), "{model:?}");
    }
    assert!(openai().quote(r#"{"model":"gpt-plain-0806","max_tokens":1}"#).is_ok(), "a dated snapshot");
}

#[test]
fn an_azure_path_names_the_deployment_and_the_body_does_not() {
    let bench = Bench::new(&OpenaiChat, "azure", "/openai/deployments/gpt-4-like/chat/completions");
    let quote = bench.quote(r#"{"model":"nothing-known","max_tokens":1}"#).unwrap();
    assert_eq!(&*quote.model, "gpt-4-like");
    let unmapped = Bench::new(&OpenaiChat, "azure", "/openai/deployments/our-chat/chat/completions");
    let refused = unmapped.quote(r#"{"model":"gpt-4-like","max_tokens":1}"#);
    assert_eq!(refused, Err(Reason::ModelUnknown { model: "our-chat".into() }));
}

#[test]
fn a_bound_that_no_account_can_hold_is_refused() {
    let body = r#"{"model":"small-window","max_tokens":100000000,"n":1024}"#;
    assert!(openai().quote(body).is_ok(), "six million dollars can be written down");
    assert_eq!(
        openai().quote(r#"{"model":"gpt-plain","max_tokens":0}"#).map_err(|reason| reason.code()).unwrap_err(),
        "ambiguous_body"
    );
}

#[test]
fn with_clamp_a_named_bound_needs_no_more_than_the_floor() {
    let mut bench = openai();
    bench.options.clamp = Clamp::Always;
    let body = r#"{"model":"gpt-plain","max_tokens":4000}"#;
    let quote = bench.quote(body).unwrap();
    let spared = quote.bound.usd.nanos() - quote.floor.usd.nanos();
    assert_eq!((quote.output, spared), (OutputBound::Named(4_000), nanos(4_000 - 1_024, 10)));
    assert!(Money::from_nanos(spared) > Money::ZERO);
}
