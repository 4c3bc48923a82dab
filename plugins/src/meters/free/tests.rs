#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use bytes::Bytes;
use http::Method;
use types::{Certainty, Money, OutputBound};

use super::Free;
use crate::meter::Meter;
use crate::meters::kit::{Answer, Bench, cost, over_limit};

#[test]
fn only_what_is_listed_is_free() {
    for (method, path) in [
        (Method::GET, "/v1/models"),
        (Method::GET, "/v1/models/gpt-plain"),
        (Method::GET, "/api/v1/models"),
        (Method::GET, "/openai/v1/models/meta/llama"),
        (Method::POST, "/v1/messages/count_tokens"),
    ] {
        assert!(Free.claims(&method, path), "{method} {path}");
    }
    for (method, path) in [
        (Method::POST, "/v1/models"),
        (Method::DELETE, "/v1/models/ft:gpt"),
        (Method::POST, "/v1/chat/completions"),
        (Method::GET, "/v1/messages/count_tokens"),
        (Method::GET, "/v1/files"),
        (Method::POST, "/v1beta/models/gemini:generateContent"),
    ] {
        assert!(!Free.claims(&method, path), "{method} {path}");
    }
}

#[test]
fn a_call_counts_as_a_call_and_costs_nothing() {
    let bench = Bench::new(&Free, "openai", "/v1/models");
    let quote = bench.quote("").unwrap();
    assert_eq!((quote.bound.requests, quote.bound.usd, quote.output), (1, Money::ZERO, OutputBound::None));
    assert_eq!(bench.lowered("", Money::ZERO).unwrap(), (String::new(), None));
    let outcome = bench.measure("", &Answer::json(500, "oops").cut());
    assert_eq!((outcome.certainty(), outcome.cost(), outcome.seen()), (Certainty::Exact, cost("0"), "oops"));
    assert_eq!(outcome.running.usd, Money::ZERO);
    assert_eq!(bench.gauge("").cut(&over_limit()), Bytes::new());
}

#[test]
fn a_refusal_is_understood_by_the_libraries_of_both_protocols() {
    let words = Free.refuse(&over_limit(), false);
    let body: serde_json::Value = serde_json::from_slice(&words.body).unwrap();
    assert_eq!((&body["type"], &body["error"]["code"]), (&"error".into(), &"over_limit".into()));
    assert!(body["error"]["message"].is_string() && body["request_id"].is_string());
}
