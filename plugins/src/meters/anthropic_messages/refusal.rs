//! Refusals in Anthropic's error shape: `{"type": "error", "error": {"type", "message"}, "request_id"}`, and more facts
//! beside.

use bytes::Bytes;
use serde_json::{Value, json};
use types::{Reason, Refusal};

use crate::meters::words;

/// The body of a refusal.
pub(super) fn body(refusal: &Refusal) -> Bytes {
    Bytes::from(value(refusal).to_string())
}

/// The end of a stream that is refused or cut: the `error` event that the official libraries raise.
pub(super) fn event(refusal: &Refusal) -> Bytes {
    Bytes::from(format!("event: error\ndata: {}\n\n", value(refusal)))
}

fn value(refusal: &Refusal) -> Value {
    let mut error = words::details(refusal);
    error.insert("type".into(), json!(kind(refusal)));
    error.insert("message".into(), json!(refusal.message));
    error.insert("code".into(), json!(refusal.reason.code()));
    json!({ "type": "error", "error": error, "request_id": refusal.decision.to_string() })
}

/// The `type` that Anthropic gives to an error of this meaning (Claude API, "Errors").
const fn kind(refusal: &Refusal) -> &'static str {
    match (&refusal.reason, refusal.status) {
        (Reason::OverLimit(_), _) | (_, 402) => "billing_error",
        (Reason::Overloaded | Reason::Draining | Reason::BodyBudgetFull, _) => "overloaded_error",
        (_, 401 | 407) => "authentication_error",
        (_, 403) => "permission_error",
        (_, 404) => "not_found_error",
        (_, 413) => "request_too_large",
        (_, 429) => "rate_limit_error",
        (_, 504) => "timeout_error",
        (_, 500..) => "api_error",
        _ => "invalid_request_error",
    }
}
