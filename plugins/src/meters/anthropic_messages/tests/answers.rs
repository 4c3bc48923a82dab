//! What whole answers did cost.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use types::{Certainty, Money, Usage};

use super::anthropic;
use crate::meters::kit::{Answer, Outcome, cost};

fn told(model: &str, usage: &str) -> Outcome {
    let request = format!(r#"{{"model":"{model}","max_tokens":100}}"#);
    let answer = format!(
        r#"{{"id":"msg_1","type":"message","role":"assistant","model":"{model}","content":[{{"type":"text","text":"\"usage\":{{}}"}}],"stop_reason":"end_turn","usage":{usage}}}"#
    );
    anthropic().measure(&request, &Answer::json(200, &answer))
}

#[test]
fn input_excludes_what_the_cache_read_and_wrote() {
    let outcome = told(
        "claude-s",
        r#"{"input_tokens":100,"cache_creation_input_tokens":500,"cache_read_input_tokens":1000,"cache_creation":{"ephemeral_5m_input_tokens":300,"ephemeral_1h_input_tokens":200},"output_tokens":50,"service_tier":"standard","output_tokens_details":{"thinking_tokens":33}}"#,
    );
    let usage =
        Usage { input: 100, cache_read: 1_000, cache_write: 300, cache_write_1h: 200, output: 50, ..Usage::default() };
    assert_eq!((outcome.certainty(), outcome.measured.usage), (Certainty::Exact, usage));
    assert_eq!(outcome.cost(), cost("0.003675"), "100 at 3, 1,000 at 0.3, 300 at 3.75, 200 at 6, 50 at 15");
    assert_eq!(outcome.measured.vendor_request.as_deref(), Some("msg_1"));
}

#[test]
fn cache_writes_are_never_billed_twice_nor_at_the_wrong_lifetime() {
    let writes = |usage: &str| {
        let usage = told("claude-s", usage).measured.usage;
        (usage.cache_write, usage.cache_write_1h)
    };
    assert_eq!(writes(r#"{"input_tokens":1,"output_tokens":1,"cache_creation_input_tokens":500}"#), (500, 0));
    let parts = r#""cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":500}"#;
    assert_eq!(
        writes(&format!(r#"{{"input_tokens":1,"output_tokens":1,"cache_creation_input_tokens":500,{parts}}}"#)),
        (0, 500)
    );
    assert_eq!(
        writes(&format!(r#"{{"input_tokens":1,"output_tokens":1,"cache_creation_input_tokens":700,{parts}}}"#)),
        (0, 700)
    );
    assert_eq!(writes(&format!(r#"{{"input_tokens":1,"output_tokens":1,{parts}}}"#)), (0, 500));
}

#[test]
fn iterations_are_billed_each_at_its_own_model() {
    // Advice: the totals leave it out.
    let advised = told(
        "claude-s",
        r#"{"input_tokens":3000,"output_tokens":100,"iterations":[{"type":"message","input_tokens":1000,"output_tokens":60},{"type":"advisor_message","model":"claude-f","input_tokens":1200,"output_tokens":20},{"type":"message","input_tokens":2000,"output_tokens":40}]}"#,
    );
    assert_eq!(advised.cost(), cost("0.0235"), "3,000 and 100 of its own, 1,200 and 20 of the dearer model");
    assert_eq!(advised.measured.usage.input, 4_200, "all tokens count");
    // Summing up: the totals leave it out too.
    let compacted = told(
        "claude-s",
        r#"{"input_tokens":700,"output_tokens":1300,"iterations":[{"type":"compaction","input_tokens":60000,"output_tokens":600},{"type":"message","input_tokens":700,"output_tokens":1300}]}"#,
    );
    assert_eq!(compacted.cost(), cost("0.2106"));
    // A refusal that another model took over.
    let fallen = told(
        "claude-o",
        r#"{"input_tokens":412,"output_tokens":264,"iterations":[{"type":"message","model":"claude-f","input_tokens":408,"output_tokens":0},{"type":"fallback_message","model":"claude-o","input_tokens":412,"output_tokens":264}]}"#,
    );
    assert_eq!(fallen.cost(), cost("0.01274"));
    let foreign = told(
        "claude-s",
        r#"{"input_tokens":1,"output_tokens":1,"iterations":[{"model":"gpt-x","input_tokens":1,"output_tokens":1}]}"#,
    );
    assert_eq!(foreign.certainty(), Certainty::Unknown, "a model that nobody knows may cost anything");
}

#[test]
fn the_long_price_is_judged_for_each_iteration() {
    let each = told(
        "claude-s",
        r#"{"input_tokens":300000,"output_tokens":0,"iterations":[{"type":"message","input_tokens":150000,"output_tokens":0},{"type":"message","input_tokens":150000,"output_tokens":0}]}"#,
    );
    assert_eq!(each.cost(), cost("0.9"));
    assert_eq!(told("claude-s", r#"{"input_tokens":200000,"output_tokens":0}"#).cost(), cost("0.6"));
    assert_eq!(
        told("claude-s", r#"{"input_tokens":199000,"cache_read_input_tokens":1001,"output_tokens":0}"#).cost(),
        cost("1.1946006")
    );
    // A sum over rounds of a server tool: nobody knows how long each was.
    let summed =
        told("claude-s", r#"{"input_tokens":300000,"output_tokens":0,"server_tool_use":{"web_search_requests":2}}"#);
    assert_eq!(
        (summed.certainty(), summed.measured.charge.amounts.usd),
        (Certainty::AtLeast, Money::from_nanos(920_000_000))
    );
}

#[test]
fn searches_are_billed_and_fetches_are_not() {
    let outcome = told(
        "claude-s",
        r#"{"input_tokens":1000,"output_tokens":100,"server_tool_use":{"web_search_requests":2,"web_fetch_requests":3},"service_tier":"standard"}"#,
    );
    assert_eq!((outcome.cost(), outcome.measured.usage.web_searches), (cost("0.0245"), 2));
    assert_eq!(outcome.certainty(), Certainty::Exact);
}

#[test]
fn speed_place_and_tier_of_the_answer_set_the_price() {
    let priced = |rest: &str| told("claude-o", &format!(r#"{{"input_tokens":1000,"output_tokens":100{rest}}}"#)).cost();
    assert_eq!(priced(""), cost("0.0075"));
    assert_eq!(priced(r#","speed":"fast""#), cost("0.015"));
    assert_eq!(priced(r#","inference_geo":"us""#), cost("0.00825"));
    assert_eq!(priced(r#","inference_geo":"global","speed":"standard""#), cost("0.0075"));
    assert_eq!(priced(r#","inference_geo":"us","speed":"fast""#), cost("0.0165"));
    assert_eq!(
        priced(r#","service_tier":"priority""#),
        cost("0.0075"),
        "capacity that was paid before counts at list price"
    );
}

#[test]
fn errors_cost_nothing_unless_a_model_may_have_been_at_work() {
    let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"no"},"request_id":"req_1"}"#;
    let certainty = |status| {
        anthropic().measure(r#"{"model":"claude-s","max_tokens":1}"#, &Answer::json(status, error)).certainty()
    };
    for status in [400, 401, 403, 404, 413, 429, 500, 529] {
        assert_eq!(certainty(status), Certainty::Exact, "{status}");
    }
    for status in [200, 499, 504, 520, 524] {
        assert_eq!(certainty(status), Certainty::Unknown, "{status}");
    }
}

#[test]
fn an_answer_that_tells_no_usage_is_never_free() {
    for usage in [
        "null",
        "{}",
        r#"{"output_tokens":5}"#,
        r#"{"input_tokens":"7"}"#,
        "[]",
        r#"{"input_tokens":1,"input_tokens":0}"#,
    ] {
        assert_eq!(told("claude-s", usage).certainty(), Certainty::Unknown, "{usage}");
    }
}

#[test]
fn a_refusal_by_the_model_is_billed() {
    let answer = r#"{"id":"msg_1","type":"message","model":"claude-f","content":[],"stop_reason":"refusal","usage":{"input_tokens":106,"output_tokens":1}}"#;
    let outcome = anthropic().measure(r#"{"model":"claude-f","max_tokens":1}"#, &Answer::json(200, answer));
    assert_eq!(outcome.cost(), cost("0.00111"));
}
