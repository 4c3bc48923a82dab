//! Refusals that OpenAI's own libraries understand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::{Value, json};
use types::Reason;

use crate::meter::Meter;
use crate::meters::kit::{over_limit, refusal};
use crate::meters::openai_chat::OpenaiChat;

#[test]
fn a_refusal_has_the_shape_and_the_facts() {
    let words = OpenaiChat.refuse(&over_limit(), false);
    assert_eq!(words.content_type, "application/json");
    let body: Value = serde_json::from_slice(&words.body).unwrap();
    assert_eq!(
        body,
        json!({"error": {
            "message": "Agent researcher has spent $4.98 of $5.00",
            "type": "insufficient_quota",
            "param": null,
            "code": "over_limit",
            "decision_id": "00000000000000000000000001",
            "account": "agent:researcher@day:2026-11-21",
            "measure": "usd",
            "limit": "5.00",
            "spent": "4.98",
            "held": "0.01",
            "needed": "0.16",
            "remaining": "0.01",
            "resets_at": "2026-11-22T00:00:00Z",
        }})
    );
}

#[test]
fn every_status_has_a_type() {
    for (reason, status, kind) in [
        (Reason::IdentityMissing, 401, "authentication_error"),
        (Reason::ModelNotAllowed { model: "m".into() }, 403, "permission_error"),
        (Reason::AmbiguousBody { what: "x".into() }, 400, "invalid_request_error"),
        (Reason::Overloaded, 503, "server_error"),
        (Reason::Conflict, 429, "rate_limit_error"),
    ] {
        let body: Value =
            serde_json::from_slice(&OpenaiChat.refuse(&refusal(reason.clone(), status), false).body).unwrap();
        assert_eq!((&body["error"]["type"], &body["error"]["code"]), (&json!(kind), &json!(reason.code())));
    }
}

#[test]
fn in_a_stream_it_is_an_event_and_the_end() {
    let words = OpenaiChat.refuse(&over_limit(), true);
    assert_eq!(words.content_type, "text/event-stream");
    let text = String::from_utf8(words.body.to_vec()).unwrap();
    let data = text.strip_prefix("data: ").unwrap().strip_suffix("\n\ndata: [DONE]\n\n").unwrap();
    assert_eq!(serde_json::from_str::<Value>(data).unwrap()["error"]["code"], "over_limit");
}
