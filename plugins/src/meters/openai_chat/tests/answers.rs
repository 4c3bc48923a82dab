//! What whole answers did cost.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use flate2::Compression;
use flate2::write::GzEncoder;
use http::StatusCode;
use std::io::Write;
use types::{Certainty, Money, Usage};

use super::{at, openai};
use crate::meter::{End, HeadEdit};
use crate::meters::kit::{Answer, Bench, Outcome, cost};

fn ask(model: &str) -> String {
    format!(r#"{{"model":"{model}","max_tokens":100}}"#)
}

fn told(bench: &Bench, model: &str, answer: &str) -> Outcome {
    bench.measure(&ask(model), &Answer::json(200, answer))
}

#[test]
fn buckets_are_disjoint_and_each_is_priced_once() {
    let outcome = told(
        &openai(),
        "gpt-long",
        r#"{"id":"chatcmpl-1","object":"chat.completion","model":"gpt-long","choices":[{"index":0,"message":{"role":"assistant","content":"{\"usage\":{\"prompt_tokens\":9}}"},"finish_reason":"stop"}],
           "usage":{"prompt_tokens":1000,"completion_tokens":50,"total_tokens":1050,"prompt_tokens_details":{"cached_tokens":600,"cache_write_tokens":300,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":40}}}"#,
    );
    let usage = Usage { input: 100, cache_read: 600, cache_write: 300, output: 50, ..Usage::default() };
    assert_eq!((outcome.certainty(), outcome.measured.usage), (Certainty::Exact, usage));
    assert_eq!(outcome.cost(), cost("0.00314"), "100 at 4, 600 at 0.4, 300 at 5, 50 at 20");
    assert_eq!(outcome.measured.charge.amounts.usd, Money::from_nanos(3_140_000));
    assert_eq!(outcome.measured.charge.amounts.tokens, 1_050);
    assert_eq!(outcome.measured.model.as_deref(), Some("gpt-long"));
    assert_eq!(outcome.measured.vendor_request.as_deref(), Some("chatcmpl-1"));
    assert_eq!(outcome.edit, HeadEdit::default(), "a whole body passes as it came");
}

#[test]
fn sound_has_prices_of_its_own() {
    let outcome = told(
        &openai(),
        "gpt-audio",
        r#"{"model":"gpt-audio","usage":{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150,"prompt_tokens_details":{"audio_tokens":30},"completion_tokens_details":{"audio_tokens":20}}}"#,
    );
    assert_eq!(outcome.cost(), cost("0.003275"), "70 at 2.5, 30 at 40, 30 at 10, 20 at 80");
}

#[test]
fn a_nano_dollar_is_the_least_that_is_charged() {
    let outcome = told(
        &at("xai"),
        "grok-x",
        r#"{"model":"grok-x","usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0,"cost_in_usd_ticks":1}}"#,
    );
    assert_eq!((outcome.cost(), outcome.measured.charge.amounts.usd), (cost("0.0000000001"), Money::from_nanos(1)));
}

#[test]
fn the_tier_of_the_answer_sets_the_price_and_not_that_of_the_request() {
    let bench = openai();
    let answer = |tier: &str| {
        format!(
            r#"{{"model":"gpt-prio","service_tier":{tier},"usage":{{"prompt_tokens":1000,"completion_tokens":100,"total_tokens":1100}}}}"#
        )
    };
    let cost_at = |asked: &str, served: &str| {
        let request = format!(r#"{{"model":"gpt-prio","max_tokens":100,"service_tier":"{asked}"}}"#);
        bench.measure(&request, &Answer::json(200, &answer(served))).cost()
    };
    assert_eq!(cost_at("priority", "\"default\""), cost("0.003"));
    assert_eq!(cost_at("auto", "\"priority\""), cost("0.006"));
    assert_eq!(cost_at("flex", "\"flex\""), cost("0.0015"));
    assert_eq!(cost_at("auto", "\"scale\""), cost("0.003"), "capacity that was paid before counts at list price");
    assert_eq!(cost_at("priority", "null"), cost("0.003"));
}

#[test]
fn long_input_reprices_the_whole_call_from_one_token_above_the_step() {
    let answer = |prompt: u64| {
        format!(
            r#"{{"model":"gpt-long","usage":{{"prompt_tokens":{prompt},"completion_tokens":1000,"total_tokens":0,"prompt_tokens_details":{{"cached_tokens":200000}}}}}}"#
        )
    };
    let cost_of = |prompt: u64| told(&openai(), "gpt-long", &answer(prompt)).cost();
    assert_eq!(cost_of(272_000), cost("0.388"), "72,000 at 4, 200,000 at 0.4, 1,000 at 20");
    assert_eq!(cost_of(272_001), cost("0.766008"), "72,001 at 8, 200,000 at 0.8, 1,000 at 30");
}

#[test]
fn a_snapshot_is_priced_as_what_was_quoted_but_never_on_a_router() {
    let usage = r#""usage":{"prompt_tokens":1000,"completion_tokens":100,"total_tokens":1100}"#;
    let unheard = told(&openai(), "gpt-plain", &format!(r#"{{"model":"gpt-plain:2023-07-21-v2",{usage}}}"#));
    assert_eq!((unheard.certainty(), unheard.cost()), (Certainty::Exact, cost("0.003")));
    let other = told(&at("openrouter"), "a/cheap", &format!(r#"{{"model":"a/dear",{usage}}}"#));
    assert_eq!(other.cost(), cost("0.012"), "the model that answered is priced on its own");
    let unknown = told(&at("openrouter"), "a/cheap", &format!(r#"{{"model":"b/none",{usage}}}"#));
    assert_eq!((unknown.certainty(), unknown.cost()), (Certainty::Unknown, None));
    assert_eq!(unknown.measured.charge.amounts.tokens, 1_100, "its tokens are known all the same");
}

#[test]
fn the_cost_that_a_vendor_states_wins_and_is_read_as_text() {
    let router = |usage: &str| {
        let answer = format!(
            r#"{{"id":"gen-1","model":"b/none","usage":{{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12,{usage}}}}}"#
        );
        told(&at("openrouter"), "a/cheap", &answer)
    };
    let stated = router(r#""cost":0.0004970133333333333,"is_byok":false"#);
    assert_eq!((stated.certainty(), stated.cost()), (Certainty::Exact, cost("0.000497013333")));
    assert_eq!(stated.measured.charge.amounts.usd, Money::from_nanos(497_014), "rounded up once");
    assert_eq!(router(r#""cost":1.4e-05"#).cost(), cost("0.000014"));
    assert_eq!(router(r#""cost":0"#).cost(), cost("0"), "a free call is free");
    let byok = router(r#""cost":0.001,"is_byok":true,"cost_details":{"upstream_inference_cost":0.02}"#);
    assert_eq!(byok.cost(), cost("0.021"), "the router's fee and the provider's bill");
    let hidden = router(r#""cost":0.001,"is_byok":true,"cost_details":{"upstream_inference_cost":null}"#);
    assert_eq!(
        (hidden.certainty(), hidden.measured.charge.amounts.usd),
        (Certainty::AtLeast, Money::from_nanos(1_000_000))
    );
    assert_eq!(router(r#""cost":-1"#).certainty(), Certainty::Unknown, "nonsense is not believed");

    let ticks = r#"{"model":"grok-x","usage":{"prompt_tokens":291,"completion_tokens":26,"total_tokens":506,"prompt_tokens_details":{"cached_tokens":244},"completion_tokens_details":{"reasoning_tokens":189},"cost_in_usd_ticks":1399000}}"#;
    let outcome = told(&at("xai"), "grok-x", ticks);
    assert_eq!(outcome.cost(), cost("0.0001399"));
    assert_eq!(outcome.measured.usage.output, 215, "reasoning is counted apart there");
    let total = r#"{"model":"sonar-x","usage":{"prompt_tokens":10,"completion_tokens":20,"total_tokens":30,"cost":{"input_tokens_cost":0.00001,"request_cost":0.005,"total_cost":0.00503}}}"#;
    assert_eq!(told(&at("perplexity"), "sonar-x", total).cost(), cost("0.00503"));
    let silent = r#"{"model":"sonar-x","usage":{"prompt_tokens":10,"completion_tokens":20,"total_tokens":30}}"#;
    assert_eq!(
        told(&at("perplexity"), "sonar-x", silent).cost(),
        cost("0.01203"),
        "the fee for the request is in the book"
    );
    let elsewhere = told(
        &openai(),
        "gpt-plain",
        r#"{"model":"gpt-plain","usage":{"prompt_tokens":1000,"completion_tokens":0,"cost":0}}"#,
    );
    assert_eq!(elsewhere.cost(), cost("0.002"), "only hosts that are known to state costs are heard");
}

#[test]
fn cached_input_is_found_under_all_its_names() {
    for details in [
        r#""prompt_tokens_details":{"cached_tokens":400}"#,
        r#""prompt_cache_hit_tokens":400,"prompt_cache_miss_tokens":600"#,
        r#""num_cached_tokens":400"#,
        r#""cached_tokens":400"#,
    ] {
        let answer = format!(
            r#"{{"model":"mistral-x","usage":{{"prompt_tokens":1000,"completion_tokens":0,"total_tokens":1000,{details}}}}}"#
        );
        assert_eq!(told(&at("mistral"), "mistral-x", &answer).cost(), cost("0.00032"), "{details}");
    }
}

#[test]
fn a_search_of_a_model_that_searches_bills_its_fee() {
    let answer =
        r#"{"model":"gpt-4o-search-preview","usage":{"prompt_tokens":100,"completion_tokens":10,"total_tokens":110}}"#;
    let outcome = told(&openai(), "gpt-4o-search-preview", answer);
    assert_eq!((outcome.cost(), outcome.measured.usage.web_searches), (cost("0.02535"), 1));
}

#[test]
fn refused_calls_cost_nothing_unless_a_model_may_have_been_at_work() {
    let error = r#"{"error":{"message":"no","type":"invalid_request_error","param":null,"code":null}}"#;
    let charge =
        |bench: &Bench, model: &str, status| bench.measure(&ask(model), &Answer::json(status, error)).measured.charge;
    for status in [400, 401, 403, 404, 429, 500, 502, 503] {
        let charge = charge(&openai(), "gpt-plain", status);
        assert_eq!(
            (charge.certainty, charge.amounts.usd, charge.amounts.requests),
            (Certainty::Exact, Money::ZERO, 1),
            "{status}"
        );
    }
    for status in [499, 504, 520, 524] {
        assert_eq!(charge(&openai(), "gpt-plain", status).certainty, Certainty::Unknown, "{status}");
    }
    assert_eq!(charge(&at("novita"), "open-x", 499).certainty, Certainty::Unknown);
    let billed =
        r#"{"error":{"message":"filtered"},"usage":{"prompt_tokens":1000,"completion_tokens":0,"total_tokens":1000}}"#;
    let outcome = openai().measure(&ask("gpt-plain"), &Answer::json(400, billed));
    assert_eq!(outcome.cost(), cost("0.002"), "an error that tells usage is billed");
}

#[test]
fn an_answer_without_usage_or_without_an_end_is_never_free() {
    for body in [
        r#"{"model":"gpt-plain","choices":[]}"#,
        r#"{"model":"gpt-plain","usage":null}"#,
        r#"{"model":"gpt-plain","usage":{}}"#,
        r#"{"model":"gpt-plain","usage":{"prompt_tokens":-5,"completion_tokens":1}}"#,
        r#"{"model":"gpt-plain","usage":{"prompt_tokens":1.5}}"#,
        r#"{"model":"gpt-plain","usage":{"prompt_tokens":1,"completion_tokens":1},"usage":{"prompt_tokens":0}}"#,
        r#"{"model":"gpt-plain","usage":{"prompt_tokens":1,"prompt_tokens":2,"completion_tokens":1}}"#,
        r#"{"model":"gpt-plain","usage":{"prompt_tokens":18446744073709551615,"completion_tokens":18446744073709551615}}"#,
        "<html>ok</html>",
        "",
    ] {
        assert_eq!(told(&openai(), "gpt-plain", body).certainty(), Certainty::Unknown, "{body}");
    }
    let half = r#"{"model":"gpt-plain","usage":{"prompt_tokens":1,"completion_tokens":1},"choices":["#;
    assert_eq!(openai().measure(&ask("gpt-plain"), &Answer::json(200, half).cut()).certainty(), Certainty::Unknown);
    let error = Answer::json(500, r#"{"error":"#).cut();
    assert_eq!(openai().measure(&ask("gpt-plain"), &error).certainty(), Certainty::Unknown, "an error that was cut");
    let partly = r#"{"model":"gpt-plain","usage":{"prompt_tokens":1000}}"#;
    let outcome = told(&openai(), "gpt-plain", partly);
    assert_eq!(
        (outcome.certainty(), outcome.measured.charge.amounts.usd),
        (Certainty::AtLeast, Money::from_nanos(2_000_000))
    );
}

#[test]
fn what_is_billed_by_other_units_makes_the_tokens_a_part() {
    let heard = r#"{"model":"mistral-x","usage":{"prompt_tokens":10,"completion_tokens":1,"total_tokens":11,"prompt_audio_seconds":30}}"#;
    assert_eq!(told(&at("mistral"), "mistral-x", heard).certainty(), Certainty::AtLeast);
    let sources = |ticks: &str| {
        let answer = format!(
            r#"{{"model":"grok-x","usage":{{"prompt_tokens":10,"completion_tokens":1,"total_tokens":11,"num_sources_used":4{ticks}}}}}"#
        );
        told(&at("xai"), "grok-x", &answer).certainty()
    };
    assert_eq!((sources(""), sources(r#","cost_in_usd_ticks":99"#)), (Certainty::AtLeast, Certainty::Exact));
}

#[test]
fn explicit_zeros_are_believed() {
    let outcome = told(
        &openai(),
        "gpt-plain",
        r#"{"model":"gpt-plain","usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}}"#,
    );
    assert_eq!((outcome.certainty(), outcome.cost()), (Certainty::Exact, cost("0")));
}

#[test]
fn compressed_answers_pass_untouched_and_are_read_all_the_same() {
    let plain = r#"{"model":"gpt-plain","usage":{"prompt_tokens":1000,"completion_tokens":100,"total_tokens":1100}}"#;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain.as_bytes()).unwrap();
    let packed = encoder.finish().unwrap();
    let headers = &[("content-type", "application/json"), ("content-encoding", "gzip"), ("x-request-id", "req_9")];
    let answer = |body, end| Answer { status: StatusCode::OK, headers, body, end };
    let outcome = openai().measure(&ask("gpt-plain"), &answer(&packed, End::Complete));
    assert_eq!((outcome.cost(), outcome.edit), (cost("0.003"), HeadEdit::default()));
    assert_eq!(outcome.seen, packed);
    assert_eq!(outcome.measured.vendor_request.as_deref(), Some("req_9"));
    let cut = openai().measure(&ask("gpt-plain"), &answer(&packed[..packed.len() - 9], End::Complete));
    assert_ne!(cut.certainty(), Certainty::Exact, "a coding that ends too early");
    let headers = &[("content-type", "application/json"), ("content-encoding", "dcz")];
    let strange = Answer { status: StatusCode::BAD_REQUEST, headers, body: b"??", end: End::Complete };
    assert_eq!(openai().measure(&ask("gpt-plain"), &strange).certainty(), Certainty::Unknown, "nobody can read it");
}

#[test]
fn the_vendors_own_id_is_kept_for_reconciliation() {
    let body =
        r#"{"id":"gen-77","model":"a/cheap","usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#;
    let headers = &[("content-type", "application/json"), ("x-request-id", "req_1")];
    let answer =
        |body: &'static str| Answer { status: StatusCode::OK, headers, body: body.as_bytes(), end: End::Complete };
    let id = |bench: &Bench, model| bench.measure(&ask(model), &answer(body)).measured.vendor_request;
    assert_eq!(id(&openai(), "gpt-plain").as_deref(), Some("req_1"));
    assert_eq!(id(&at("openrouter"), "a/cheap").as_deref(), Some("gen-77"), "a router's bill is asked by its own id");
    let odd = r#"{"id":"a b\u0007","model":"gpt-plain"}"#;
    assert_eq!(told(&openai(), "gpt-plain", odd).measured.vendor_request, None);
}
