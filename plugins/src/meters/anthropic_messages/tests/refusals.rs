//! Refusals that Anthropic's own libraries understand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::{Value, json};
use types::Reason;

use crate::meter::Meter;
use crate::meters::anthropic_messages::AnthropicMessages;
use crate::meters::kit::{over_limit, refusal};

fn body(reason: Reason, status: u16) -> Value {
    serde_json::from_slice(&AnthropicMessages.refuse(&refusal(reason, status), false).body).unwrap()
}

#[test]
fn a_refusal_has_the_shape_and_the_facts() {
    let words = AnthropicMessages.refuse(&over_limit(), false);
    assert_eq!(words.content_type, "application/json");
    let body: Value = serde_json::from_slice(&words.body).unwrap();
    assert_eq!((&body["type"], &body["error"]["type"]), (&json!("error"), &json!("billing_error")));
    assert_eq!(body["error"]["message"], "Agent researcher has spent $4.98 of $5.00");
    assert_eq!(body["request_id"], "00000000000000000000000001");
    assert_eq!((&body["error"]["code"], &body["error"]["remaining"]), (&json!("over_limit"), &json!("0.01")));
}

#[test]
fn every_status_has_a_type() {
    for (reason, status, kind) in [
        (Reason::IdentityUnknown, 401, "authentication_error"),
        (Reason::IdentityMissing, 407, "authentication_error"),
        (Reason::ModelUnknown { model: "m".into() }, 403, "permission_error"),
        (Reason::AmbiguousBody { what: "x".into() }, 400, "invalid_request_error"),
        (Reason::EndpointNotAllowed { path: "/".into() }, 404, "not_found_error"),
        (Reason::BodyTooLarge { cap_bytes: 1 }, 413, "request_too_large"),
        (Reason::Conflict, 429, "rate_limit_error"),
        (Reason::Overloaded, 503, "overloaded_error"),
        (Reason::Draining, 503, "overloaded_error"),
        (Reason::LedgerUnavailable, 503, "api_error"),
        (Reason::VendorUnreachable, 502, "api_error"),
        (Reason::VendorTimeout, 504, "timeout_error"),
    ] {
        assert_eq!(body(reason.clone(), status)["error"]["type"], kind, "{reason:?}");
    }
}

#[test]
fn in_a_stream_it_is_an_error_event() {
    let words = AnthropicMessages.refuse(&over_limit(), true);
    assert_eq!(words.content_type, "text/event-stream");
    let text = String::from_utf8(words.body.to_vec()).unwrap();
    let data = text.strip_prefix("event: error\ndata: ").unwrap().strip_suffix("\n\n").unwrap();
    assert_eq!(serde_json::from_str::<Value>(data).unwrap()["error"]["type"], "billing_error");
}
