//! What a refusal looks like on the wire: one row for each reason code, one sentence for a person.

mod table;
mod words;

pub use table::{Retry, Row, TABLE, row_of};
pub use words::iso;

use bytes::Bytes;
use config::House;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, PROXY_AUTHENTICATE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode as S};
use http_body_util::{BodyExt, Full};
use plugins::Meter;
use serde_json::json;
use types::{DecisionId, Reason, Refusal, Shortfall};

use self::Retry::{After, Client, Never};
use self::words::{amount, sentence};
use crate::front::ReplyBody;

/// The header that carries the decision id on every answer.
pub const DECISION_HEADER: HeaderName = HeaderName::from_static("bursar-decision-id");
/// What was reserved for the request, in dollars.
pub const RESERVED_HEADER: HeaderName = HeaderName::from_static("bursar-reserved-usd");
/// What is left of the tightest dollar limit after the reservation.
pub const REMAINING_HEADER: HeaderName = HeaderName::from_static("bursar-budget-remaining-usd");
/// What the exchange did cost, where that is known before the head is sent.
pub const COST_HEADER: HeaderName = HeaderName::from_static("bursar-cost-usd");
/// The output bound that was inserted where the client named none.
pub const OUTPUT_BOUND_HEADER: HeaderName = HeaderName::from_static("bursar-max-output-tokens");
/// Told to SDKs of OpenAI and Anthropic alike: do not send this again by yourself.
pub const SHOULD_RETRY_HEADER: HeaderName = HeaderName::from_static("x-should-retry");

/// A refusal as data: what meters put into their provider's words.
#[must_use]
pub fn refusal(house: &House, decision: DecisionId, agent: Option<&str>, reason: Reason) -> Refusal {
    let status = row_of(&reason).status.as_u16();
    let message = sentence(house, agent, &reason);
    Refusal { decision, status, message, bound: None, reason }
}

/// The answer to a refused request: the provider's own error shape where a meter is known, RFC 9457 otherwise.
#[must_use]
pub fn refuse(refusal: &Refusal, meter: Option<&dyn Meter>, proxy_challenge: bool) -> Response<ReplyBody> {
    let row = row_of(&refusal.reason);
    let (content_type, body) = match meter {
        Some(meter) => {
            let words = meter.refuse(refusal, false);
            (HeaderValue::from_static(words.content_type), words.body)
        }
        None => (HeaderValue::from_static("application/problem+json"), problem(refusal)),
    };
    let mut response = Response::new(Full::new(body).map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = row.status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, content_type);
    if row.status == S::UNAUTHORIZED {
        let challenge = HeaderValue::from_static("Basic realm=\"bursar\"");
        headers.insert(if proxy_challenge { PROXY_AUTHENTICATE } else { WWW_AUTHENTICATE }, challenge);
    }
    match row.retry {
        Never => {
            headers.insert(SHOULD_RETRY_HEADER, HeaderValue::from_static("false"));
        }
        After(seconds) => {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        Client => {}
    }
    if let Ok(id) = HeaderValue::from_str(&refusal.decision.to_string()) {
        headers.insert(DECISION_HEADER, id);
    }
    response
}

/// Problem details (RFC 9457) with the members that design §11 names.
fn problem(refusal: &Refusal) -> Bytes {
    let mut body = json!({
        "type": format!("urn:bursar:reason:{}", refusal.reason.code()),
        "title": row_of(&refusal.reason).meaning,
        "status": refusal.status,
        "detail": refusal.message,
        "code": refusal.reason.code(),
        "decision_id": refusal.decision.to_string(),
    });
    if let (Reason::OverLimit(short), Some(members)) = (&refusal.reason, body.as_object_mut()) {
        members.extend(shortfall_members(short));
    }
    Bytes::from(body.to_string())
}

fn shortfall_members(short: &Shortfall) -> serde_json::Map<String, serde_json::Value> {
    let mut members = serde_json::Map::new();
    let remaining = short.limit.saturating_sub(short.spent).saturating_sub(short.held).max(0);
    members.insert("account".into(), json!(short.account.as_str()));
    members.insert("measure".into(), json!(short.measure.word()));
    members.insert("limit".into(), json!(amount(short.measure, short.limit)));
    members.insert("spent".into(), json!(amount(short.measure, short.spent)));
    members.insert("held".into(), json!(amount(short.measure, short.held)));
    members.insert("remaining".into(), json!(amount(short.measure, remaining)));
    members.insert("resets_at".into(), json!(short.resets_ms.map(iso)));
    members
}
