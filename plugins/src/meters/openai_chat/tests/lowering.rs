//! The output bound that a grant pays for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use proptest::prelude::*;
use types::{Amounts, Money, OutputBound, Reason};

use super::{CHAT, at, openai};
use crate::meter::Clamp;
use crate::meters::kit::{Bench, usd};
use crate::meters::openai_chat::OpenaiChat;

const OPEN: &str = r#"{"model":"gpt-plain","messages":[]}"#;

#[test]
fn the_largest_bound_that_the_grant_pays_for_is_inserted() {
    let quote = openai().quote(OPEN).unwrap();
    let input = (OPEN.len() as i64 + 1_024) * 2_000;
    let (body, bound) = openai().lowered(OPEN, Money::from_nanos(input + 2_000 * 10_000 + 9_999)).unwrap();
    assert_eq!(bound, Some(2_000));
    assert_eq!(body, r#"{"model":"gpt-plain","messages":[],"max_completion_tokens":2000}"#);
    let (body, bound) = openai().lowered(OPEN, quote.bound.usd).unwrap();
    assert_eq!((bound, body.contains(r#""max_completion_tokens":16384"#)), (Some(16_384), true), "the whole grant");
}

#[test]
fn a_bound_that_the_client_named_is_never_lowered_without_clamp() {
    let named = r#"{"model":"gpt-plain","max_tokens":4000}"#;
    assert_eq!(openai().lowered(named, usd("5")).unwrap(), (named.to_owned(), None));
}

#[test]
fn with_clamp_every_field_that_names_the_bound_is_lowered() {
    let mut bench = openai();
    bench.options.clamp = Clamp::Always;
    let named = r#"{"max_tokens": 4000, "model":"gpt-plain","max_completion_tokens":9000}"#;
    let (body, bound) = bench.lowered(named, usd("0.03")).unwrap();
    let bound = bound.unwrap();
    assert!((1_024..4_000).contains(&bound), "{bound}");
    assert_eq!(body, format!(r#"{{"max_tokens": {bound}, "model":"gpt-plain","max_completion_tokens":{bound}}}"#));
    assert_eq!(bench.lowered(named, usd("5")).unwrap().1, None, "paid in full, nothing is changed");
}

#[test]
fn each_host_gets_the_field_that_it_reads() {
    for (provider, path, body, field) in [
        ("openai", CHAT, r#"{"model":"gpt-plain"}"#, "max_completion_tokens"),
        ("groq", CHAT, r#"{"model":"llama-x"}"#, "max_completion_tokens"),
        ("xai", CHAT, r#"{"model":"grok-x"}"#, "max_completion_tokens"),
        ("mistral", CHAT, r#"{"model":"mistral-x"}"#, "max_tokens"),
        ("openrouter", CHAT, r#"{"model":"a/cheap"}"#, "max_tokens"),
        ("novita", CHAT, r#"{"model":"open-x"}"#, "max_tokens"),
        ("azure", "/openai/deployments/o9/chat/completions", "{}", "max_completion_tokens"),
        ("azure", "/openai/deployments/gpt-4-like/chat/completions", "{}", "max_tokens"),
    ] {
        let bench = Bench::new(&OpenaiChat, provider, path);
        let floor = bench.quote(body).unwrap().floor.usd;
        let (lowered, bound) = bench.lowered(body, floor).unwrap();
        assert_eq!(bound, Some(1_024), "{provider}");
        assert!(lowered.contains(&format!(r#""{field}":1024"#)), "{provider}: {lowered}");
    }
}

#[test]
fn a_null_bound_is_replaced_and_not_sent_twice() {
    let (body, _) = openai().lowered(r#"{"max_completion_tokens":null,"model":"gpt-plain"}"#, usd("1")).unwrap();
    assert_eq!(body, r#"{"max_completion_tokens":16384,"model":"gpt-plain"}"#);
}

#[test]
fn a_wish_in_a_field_that_the_host_does_not_read_caps_what_is_inserted() {
    let (body, bound) = at("mistral").lowered(r#"{"model":"mistral-x","max_completion_tokens":50}"#, usd("1")).unwrap();
    assert_eq!(bound, Some(50));
    assert_eq!(body, r#"{"model":"mistral-x","max_completion_tokens":50,"max_tokens":50}"#);
}

#[test]
fn the_routes_cap_is_inserted_even_where_the_grant_pays_for_more() {
    let mut bench = openai();
    bench.options.output_cap = Some(300);
    assert_eq!(bench.lowered(OPEN, usd("1")).unwrap().1, Some(300));
}

#[test]
fn a_model_of_unknown_maximum_gets_a_bound_that_nearly_all_take() {
    let quote = at("openrouter").quote(r#"{"model":"a/unlisted"}"#).unwrap();
    assert_eq!(quote.output, OutputBound::Open { max: 4_096 });
    assert_eq!(at("openrouter").lowered(r#"{"model":"a/unlisted"}"#, usd("1")).unwrap().1, Some(4_096));
}

#[test]
fn a_models_own_maximum_is_not_written_where_it_would_not_fit_the_window() {
    let body = format!(r#"{{"model":"small-window","user":"{}"}}"#, "x".repeat(5_000));
    assert_eq!(openai().lowered(&body, usd("9")).unwrap(), (body.clone(), None), "the window bounds it");
    // What a smaller grant pays for is written, as far as it fits.
    let bound = openai().lowered(&body, usd("0.4")).unwrap().1.unwrap();
    assert!(bound + body.len() as u64 + 1_024 <= 8_192 && bound >= 1_024, "{bound}");
}

#[test]
fn a_grant_below_the_floor_is_refused() {
    let quote = openai().quote(OPEN).unwrap();
    let short = Money::from_nanos(quote.floor.usd.nanos() - 1);
    assert!(matches!(openai().lowered(OPEN, short), Err(Reason::Unbounded { .. })));
    assert_eq!(openai().lowered(OPEN, quote.floor.usd).unwrap().1, Some(1_024));
}

#[test]
fn a_grant_of_tokens_binds_as_one_of_dollars_does() {
    let bench = openai();
    let mut draft = bench.draft(OPEN);
    let quote = bench.meter.quote(&draft, &bench.context()).unwrap();
    let granted = Amounts { tokens: quote.bound.tokens - 10_000, ..quote.bound };
    let bound = bench.meter.lower(&mut draft, &quote, &granted, &bench.context()).unwrap();
    assert_eq!(bound, Some(6_384));
}

proptest! {
    #[test]
    fn what_is_inserted_is_paid_for_and_one_token_more_is_not(share in 0_u64..=1_000_000, words in 0_usize..3_000, n in 1_u64..=8, prio in any::<bool>()) {
        let bench = openai();
        let model = if prio { "gpt-prio" } else { "gpt-plain" };
        let open = format!(r#"{{"model":"{model}","n":{n},"user":"{}"}}"#, "x".repeat(words));
        let quote = bench.quote(&open).unwrap();
        let room = (quote.bound.usd.nanos() - quote.floor.usd.nanos()) as u64;
        let granted = Money::from_nanos(quote.floor.usd.nanos() + (room as u128 * u128::from(share) / 1_000_000) as i64);
        let bound = bench.lowered(&open, granted).unwrap().1.unwrap();
        // The cost of a bound that the client had named itself, in a body of the same length.
        let reserved = |tokens: u64| {
            let named = open.replace("\"user\"", &format!("\"max_tokens\":{tokens},\"user\""));
            let length = named.len() as i64 - open.len() as i64;
            bench.quote(&named).unwrap().bound.usd.nanos() - length * if prio { 4_000 } else { 2_000 }
        };
        prop_assert!(reserved(bound) <= granted.nanos());
        prop_assert!(bound == 16_384 || reserved(bound + 1) > granted.nanos());
    }
}
