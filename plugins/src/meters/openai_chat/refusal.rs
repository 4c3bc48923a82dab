//! Refusals in OpenAI's error shape: `{"error": {"message", "type", "param", "code"}}`, and more facts beside.

use bytes::Bytes;
use serde_json::{Value, json};
use types::{Reason, Refusal};

use crate::meters::words;

/// The body of a refusal.
pub(super) fn body(refusal: &Refusal) -> Bytes {
    Bytes::from(value(refusal).to_string())
}

/// The end of a stream that is refused or cut: an error that the official libraries raise (they look for `error` in
/// every event), then the sign that ends every stream.
pub(super) fn event(refusal: &Refusal) -> Bytes {
    Bytes::from(format!("data: {}\n\ndata: [DONE]\n\n", value(refusal)))
}

fn value(refusal: &Refusal) -> Value {
    let mut error = words::details(refusal);
    error.insert("message".into(), json!(refusal.message));
    error.insert("type".into(), json!(kind(refusal)));
    error.insert("param".into(), Value::Null);
    error.insert("code".into(), json!(refusal.reason.code()));
    json!({ "error": error })
}

/// The `type` that OpenAI gives to an error of this meaning.
const fn kind(refusal: &Refusal) -> &'static str {
    match (&refusal.reason, refusal.status) {
        (Reason::OverLimit(_), _) | (_, 402) => "insufficient_quota",
        (_, 401 | 407) => "authentication_error",
        (_, 403) => "permission_error",
        (_, 429) => "rate_limit_error",
        (_, 500..) => "server_error",
        _ => "invalid_request_error",
    }
}
