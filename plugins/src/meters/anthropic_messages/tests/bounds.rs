//! What a request may cost at most, and the output bound that a grant pays for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use http::Method;
use http::header::ACCEPT_ENCODING;
use proptest::prelude::*;
use types::{Money, OutputBound, Reason};

use super::{MESSAGES, anthropic};
use crate::meter::{Clamp, Meter};
use crate::meters::anthropic_messages::AnthropicMessages;
use crate::meters::kit::usd;

/// Nano-dollars of so many tokens at a price in cents per million.
fn nanos(tokens: u64, cents_per_million: u64) -> i64 {
    i64::try_from(tokens * cents_per_million * 10).unwrap()
}

/// The input that is reserved for a body.
fn input(body: &str) -> u64 {
    body.len() as u64 + 1_024
}

fn bound(body: &str) -> i64 {
    anthropic().quote(body).unwrap_or_else(|reason| panic!("{body}: {reason:?}")).bound.usd.nanos()
}

fn unbounded(body: &str) -> String {
    match anthropic().quote(body) {
        Err(Reason::Unbounded { what }) => what,
        other => panic!("{body}: {other:?}"),
    }
}

#[test]
fn the_meter_claims_messages_and_nothing_beside() {
    assert!(AnthropicMessages.claims(&Method::POST, MESSAGES));
    assert!(AnthropicMessages.claims(&Method::POST, "/anthropic/v1/messages"));
    for path in ["/v1/messages/count_tokens", "/v1/messages/batches", "/v1/complete", "/v1/messages/"] {
        assert!(!AnthropicMessages.claims(&Method::POST, path), "{path}");
    }
    assert!(!AnthropicMessages.claims(&Method::GET, MESSAGES));
}

#[test]
fn input_is_bounded_by_bytes_and_output_by_max_tokens_thinking_included() {
    let body =
        r#"{"model":"claude-s","max_tokens":64000,"thinking":{"type":"enabled","budget_tokens":60000},"messages":[]}"#;
    let quote = anthropic().quote(body).unwrap();
    assert_eq!(quote.output, OutputBound::Named(64_000));
    assert_eq!(quote.bound.usd.nanos(), nanos(input(body), 300) + nanos(64_000, 1_500));
    assert_eq!((quote.floor, &*quote.model), (quote.bound, "claude-s"));
    let interleaved = body.replace("\"max_tokens\":64000", "\"max_tokens\":10000");
    assert_eq!(
        bound(&interleaved),
        nanos(input(&interleaved), 300) + nanos(70_000, 1_500),
        "thinking beyond the bound"
    );
}

#[test]
fn a_bound_is_required_and_zero_is_one() {
    for body in [
        r#"{"model":"claude-s","messages":[]}"#,
        r#"{"model":"claude-s","max_tokens":null}"#,
        r#"{"model":"claude-s","max_tokens":-1}"#,
        r#"{"model":"claude-s","max_tokens":1.0}"#,
        r#"{"model":"claude-s","max_tokens":"10"}"#,
        r#"{"model":"claude-s","max_tokens":100000001}"#,
        r#"{"model":"claude-s","max_tokens":10,"Max_Tokens":99}"#,
        r#"{"model":"claude-s","max_tokens":10,"max_tokens":99}"#,
        r#"{"model":"claude-s","max_tokens":10,"base_url":"https://evil.example"}"#,
        r#"{"model":"claude-s","max_tokens":10,"thinking":{"budget_tokens":-3}}"#,
    ] {
        assert!(matches!(anthropic().quote(body), Err(Reason::AmbiguousBody { .. })), "{body}");
    }
    let warm = r#"{"model":"claude-s","max_tokens":0}"#;
    assert_eq!(bound(warm), nanos(input(warm), 300), "a call that only fills the cache");
}

#[test]
fn what_is_to_be_cached_is_reserved_at_the_price_of_writing() {
    for (place, cents) in [
        (r#""cache_control":{"type":"ephemeral"}"#, 375),
        (r#""system":[{"type":"text","text":"x","cache_control":{"type":"ephemeral","ttl":"5m"}}]"#, 375),
        (r#""tools":[{"name":"f","cache_control":{"type":"ephemeral","ttl":"1h"}}]"#, 600),
        (
            r#""messages":[{"content":[{"type":"text","text":"x","cache_control":{"type":"ephemeral","ttl":"1h"}}]}]"#,
            600,
        ),
        (
            r#""messages":[{"content":[{"type":"tool_result","content":[{"type":"text","text":"x","cache_control":{"ttl":"1h"}}]}]}]"#,
            600,
        ),
        (r#""cache_control":null"#, 300),
    ] {
        let body = format!(r#"{{"model":"claude-s","max_tokens":10,{place}}}"#);
        assert_eq!(bound(&body), nanos(input(&body), cents) + nanos(10, 1_500), "{place}");
    }
}

#[test]
fn speed_and_place_are_reserved_with_their_prices() {
    let body = r#"{"model":"claude-o","max_tokens":1000,"speed":"fast","inference_geo":"global"}"#;
    assert_eq!(bound(body), nanos(input(body), 1_000) + nanos(1_000, 5_000));
    let unsaid = r#"{"model":"claude-o","max_tokens":1000}"#;
    assert_eq!(bound(unsaid) * 10, (nanos(input(unsaid), 500) + nanos(1_000, 2_500)) * 11, "the workspace may say us");
    assert!(unbounded(r#"{"model":"claude-s","max_tokens":1,"speed":"fast"}"#).contains("speed"));
}

#[test]
fn long_input_reserves_the_long_price() {
    let body = format!(r#"{{"model":"claude-s","max_tokens":10,"system":"{}"}}"#, "x".repeat(250_000));
    assert_eq!(bound(&body), nanos(200_000, 300) + nanos(10, 1_500), "more than the window is not taken");
    let body =
        format!(r#"{{"model":"claude-o","max_tokens":0,"inference_geo":"global","system":"{}"}}"#, "x".repeat(250_000));
    assert_eq!(bound(&body), nanos(input(&body), 500));
}

#[test]
fn images_count_by_their_rule_and_other_media_as_the_whole_window() {
    let with = |block: &str| {
        let body =
            format!(r#"{{"model":"claude-s","max_tokens":0,"messages":[{{"role":"user","content":[{block}]}}]}}"#);
        anthropic().quote(&body).unwrap().bound.tokens
    };
    let image = format!(
        r#"{{"type":"image","source":{{"type":"base64","media_type":"image/png","data":"{}"}}}}"#,
        "A".repeat(90_000)
    );
    assert!((9_000..11_000).contains(&with(&image)), "{}", with(&image));
    assert!(with(r#"{"type":"image","source":{"type":"url","url":"https://i.example"}}"#) > 9_000);
    let nested = format!(r#"{{"type":"tool_result","tool_use_id":"t","content":[{image}]}}"#);
    assert!((9_000..11_000).contains(&with(&nested)));
    for block in [
        r#"{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0="}}"#,
        r#"{"type":"document","source":{"type":"url","url":"https://d.example"}}"#,
        r#"{"type":"document","source":{"type":"file","file_id":"file_1"}}"#,
        r#"{"type":"container_upload","file_id":"file_1"}"#,
        r#"{"type":"never_heard_of"}"#,
    ] {
        assert_eq!(with(block), 200_000, "{block}");
    }
    for block in [
        r#"{"type":"document","source":{"type":"text","media_type":"text/plain","data":"hello"}}"#,
        r#"{"type":"document","source":{"type":"content","content":[{"type":"text","text":"hello"}]}}"#,
        r#"{"type":"web_search_tool_result","content":[{"type":"web_search_result","encrypted_content":"abc"}]}"#,
        r#"{"type":"thinking","thinking":"","signature":"abc"}"#,
    ] {
        assert!(with(block) < 2_000, "{block}");
    }
}

#[test]
fn tools_of_the_client_add_their_hidden_prompt_only() {
    let body = r#"{"model":"claude-s","max_tokens":0,"tools":[{"type":"bash_20250124","name":"bash"},{"name":"f"},{"type":"custom","name":"g"}]}"#;
    assert_eq!(anthropic().quote(body).unwrap().bound.tokens, i64::try_from(input(body) + 2_048).unwrap());
}

#[test]
fn tools_of_the_vendor_bill_every_round_anew() {
    let search = r#"{"model":"claude-s","max_tokens":1000,"tools":[{"type":"web_search_20250305","name":"web_search","max_uses":3}]}"#;
    assert_eq!(bound(search), nanos(4 * 200_000, 300) + nanos(4 * 1_000, 1_500) + 3 * 10_000_000);
    let later = search.replace("20250305", "20260209");
    assert_eq!(
        bound(&later),
        nanos(11 * 200_000, 300) + nanos(11 * 1_000, 1_500) + 3 * 10_000_000,
        "the vendor pauses after ten"
    );
    let many = search.replace("\"max_uses\":3", "\"max_uses\":50");
    assert_eq!(bound(&many), nanos(11 * 200_000, 300) + nanos(11 * 1_000, 1_500) + 50 * 10_000_000);
    let fetch = r#"{"model":"claude-s","max_tokens":0,"tools":[{"type":"web_fetch_20250910","name":"web_fetch"}]}"#;
    assert_eq!(bound(fetch), nanos(11 * 200_000, 300), "fetching has no fee, and the loop ends by itself");
    let mcp = r#"{"model":"claude-s","max_tokens":0,"mcp_servers":[{"type":"url","url":"https://m.example"}]}"#;
    assert_eq!(bound(mcp), nanos(11 * 200_000, 300));
    let toolset = r#"{"model":"claude-s","max_tokens":0,"tools":[{"type":"mcp_toolset","mcp_server_name":"m"}]}"#;
    assert_eq!(bound(toolset), nanos(11 * 200_000, 300));
    let finder =
        r#"{"model":"claude-s","max_tokens":100,"tools":[{"type":"tool_search_tool_bm25_20251119","name":"t"}]}"#;
    assert_eq!(
        bound(finder),
        nanos(11 * (input(finder) + 11 * 100), 300) + nanos(11 * 100, 1_500),
        "it finds what is in the body"
    );
}

#[test]
fn advice_of_another_model_is_reserved_at_that_models_price() {
    let body = r#"{"model":"claude-s","max_tokens":100,"tools":[{"type":"advisor_20260301","name":"advisor","model":"claude-f","max_uses":2,"max_tokens":2048}]}"#;
    let round = input(body) + 3 * 100;
    let own = nanos(3 * round, 375) + nanos(3 * 100, 1_500);
    assert_eq!(bound(body), own + nanos(2 * round, 1_250) + nanos(2 * 2_048, 5_000));
    let open = body.replace(",\"max_tokens\":2048", "");
    assert!(bound(&open) > nanos(2 * 128_000, 5_000), "without a bound of its own, all that the model can say");
    let unknown = body.replace("claude-f", "claude-9");
    assert_eq!(anthropic().quote(&unknown), Err(Reason::ModelUnknown { model: "claude-9".into() }));
}

#[test]
fn fallbacks_and_summing_up_are_runs_of_their_own() {
    let body = r#"{"model":"claude-f","max_tokens":1000,"inference_geo":"global","fallbacks":[{"model":"claude-o"}]}"#;
    assert_eq!(bound(body), nanos(input(body), 1_500) + nanos(1_000, 5_000 + 2_500), "both may be billed");
    assert!(unbounded(r#"{"model":"claude-f","max_tokens":1,"fallbacks":"default"}"#).contains("name the models"));
    assert!(
        unbounded(r#"{"model":"claude-f","max_tokens":1,"fallbacks":[{"model":"claude-o","max_tokens":9}]}"#)
            .contains("settings")
    );
    let compact =
        r#"{"model":"claude-s","max_tokens":1000,"context_management":{"edits":[{"type":"compact_20260112"}]}}"#;
    assert_eq!(bound(compact), nanos(2 * input(compact), 300) + nanos(1_000 + 64_000, 1_500));
    let clear = compact.replace("compact_20260112", "clear_tool_uses_2025");
    assert_eq!(bound(&clear), nanos(input(&clear), 300) + nanos(1_000, 1_500));
}

#[test]
fn what_nothing_bounds_is_refused_with_a_word_on_how_to_mend_it() {
    for (tool, word) in [
        (r#"{"type":"web_search_20250305","name":"web_search"}"#, "max_uses"),
        (r#"{"type":"advisor_20260301","name":"advisor","model":"claude-o"}"#, "max_uses"),
        (r#"{"type":"code_execution_20260120","name":"code_execution"}"#, "container time"),
        (r#"{"type":"teleport_20270101","name":"teleport"}"#, "teleport"),
    ] {
        let what = unbounded(&format!(r#"{{"model":"claude-s","max_tokens":1,"tools":[{tool}]}}"#));
        assert!(what.contains(word), "{what}");
    }
}

#[test]
fn with_clamp_max_tokens_is_lowered_but_not_into_the_thinking() {
    let mut bench = anthropic();
    let body = r#"{"model":"claude-s","max_tokens":64000,"messages":[]}"#;
    assert_eq!(bench.lowered(body, usd("9")).unwrap(), (body.to_owned(), None));
    bench.options.clamp = Clamp::Always;
    assert_eq!(bench.lowered(body, usd("9")).unwrap(), (body.to_owned(), None), "paid in full");
    let (lowered, tokens) = bench.lowered(body, usd("0.1")).unwrap();
    let paid = (100_000_000 - nanos(input(body), 300)) as u64 / 15_000;
    assert_eq!(tokens, Some(paid));
    assert_eq!(lowered, body.replace("64000", &paid.to_string()));
    let thinking = r#"{"model":"claude-s","max_tokens":64000,"thinking":{"type":"enabled","budget_tokens":8000}}"#;
    let quote = bench.quote(thinking).unwrap();
    assert_eq!(quote.floor.usd.nanos(), nanos(input(thinking), 300) + nanos(8_001, 1_500));
}

#[test]
fn streams_are_asked_for_without_a_coding_and_nothing_else_is_edited() {
    let body = r#"{ "model":"claude-s","max_tokens":1,"stream":true }"#;
    let draft = anthropic().shaped(body).unwrap();
    assert_eq!(&draft.body[..], body.as_bytes());
    assert_eq!(draft.headers.get(ACCEPT_ENCODING).unwrap(), "identity");
}

proptest! {
    #[test]
    fn what_is_lowered_is_paid_for_and_one_token_more_is_not(share in 0_u64..=1_000_000, words in 0_usize..2_000, uses in 0_u64..=3) {
        let mut bench = anthropic();
        bench.options.clamp = Clamp::Always;
        let body = |tokens: &str| format!(
            r#"{{"model":"claude-s","max_tokens":{tokens:<6},"system":"{}","tools":[{{"type":"web_search_20250305","max_uses":{uses}}}]}}"#,
            "x".repeat(words)
        );
        let quote = bench.quote(&body("64000")).unwrap();
        let room = (quote.bound.usd.nanos() - quote.floor.usd.nanos()) as u128;
        let granted = Money::from_nanos(quote.floor.usd.nanos() + (room * u128::from(share) / 1_000_000) as i64);
        let tokens = bench.lowered(&body("64000"), granted).unwrap().1.unwrap_or(64_000);
        let reserved = |tokens: u64| bench.quote(&body(&tokens.to_string())).unwrap().bound.usd;
        prop_assert!(reserved(tokens) <= granted);
        prop_assert!(tokens == 64_000 || reserved(tokens + 1) > granted);
    }
}
