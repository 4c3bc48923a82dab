//! What a refusal looks like on the wire: one row for each reason code, one sentence for a person.

use bytes::Bytes;
use config::House;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, PROXY_AUTHENTICATE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full};
use plugins::Meter;
use serde_json::json;
use types::money::dollars;
use types::{DecisionId, Measure, Money, Reason, Refusal, Shortfall};

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

/// How a client should take a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The same request will be refused again.
    Never,
    /// It may pass after so many seconds.
    After(u16),
    /// The client's own rules hold.
    Client,
}

/// One row of the table: how a reason is answered, and what the book says about it.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The reason code.
    pub code: &'static str,
    /// The HTTP status.
    pub status: StatusCode,
    /// Whether the client should try again.
    pub retry: Retry,
    /// What it means.
    pub meaning: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
}

const fn row(code: &'static str, status: StatusCode, retry: Retry, meaning: &'static str, remedy: &'static str) -> Row {
    Row { code, status, retry, meaning, remedy }
}

use Retry::{After, Client, Never};
use StatusCode as S;

/// The table of answers: one row for each of [`Reason::CODES`], in that order.
pub const TABLE: [Row; Reason::CODES.len()] = [
    row(
        "identity_missing",
        S::UNAUTHORIZED,
        Never,
        "No key of ours was shown.",
        "Give the agent its key: as proxy user and password, as `bursar-key` header, as provider key, or as `/_k/<key>/` in the base URL.",
    ),
    row(
        "identity_unknown",
        S::UNAUTHORIZED,
        Never,
        "The key is not, or no longer, one of ours, or names another agent.",
        "Make a new key with `bursar agents add`.",
    ),
    row(
        "provider_key_refused",
        S::UNAUTHORIZED,
        Never,
        "A provider's own key was sent to a route that does not pass keys through.",
        "Send the agent's Bursar key instead; Bursar puts the provider key in.",
    ),
    row(
        "ambiguous_head",
        S::BAD_REQUEST,
        Never,
        "The request head can be read in two ways.",
        "The message says what is wrong; mend the client.",
    ),
    row(
        "head_too_large",
        S::REQUEST_HEADER_FIELDS_TOO_LARGE,
        Never,
        "The request head is larger than the cap.",
        "Send fewer or shorter headers, or raise `caps.head_bytes`.",
    ),
    row(
        "ambiguous_body",
        S::BAD_REQUEST,
        Never,
        "The body can be read in two ways, or a field that decides the price is not what it must be.",
        "The message says what and where; mend the client.",
    ),
    row(
        "body_too_large",
        S::PAYLOAD_TOO_LARGE,
        Never,
        "The body is larger than the cap.",
        "Send less, or raise `caps.body_bytes`.",
    ),
    row(
        "body_budget_full",
        S::SERVICE_UNAVAILABLE,
        After(1),
        "All memory for buffered bodies is in use.",
        "Try again in a second; raise `caps.body_budget_bytes` if it stays.",
    ),
    row(
        "misdirected",
        S::MISDIRECTED_REQUEST,
        Never,
        "The request names another host than the connection.",
        "Open a connection for each host.",
    ),
    row(
        "method_not_allowed",
        S::METHOD_NOT_ALLOWED,
        Never,
        "TRACE, and CONNECT inside a tunnel, are never forwarded.",
        "Use another method.",
    ),
    row(
        "vendor_not_allowed",
        S::FORBIDDEN,
        Never,
        "No route leads to this host, or a vendor list forbids it.",
        "Add a route or change the list, if this vendor is meant to be used.",
    ),
    row(
        "endpoint_not_allowed",
        S::FORBIDDEN,
        Never,
        "The route has no meter for this endpoint, so its cost is unknown.",
        "Add the endpoint to `free:` if it costs nothing.",
    ),
    row(
        "model_not_allowed",
        S::FORBIDDEN,
        Never,
        "A list or guard forbids the model.",
        "Use another model, or change the list.",
    ),
    row(
        "unknown_model",
        S::FORBIDDEN,
        Never,
        "The price book has no price for this model.",
        "Use the exact model name, or give its price under `prices:`.",
    ),
    row(
        "unbounded",
        S::FORBIDDEN,
        Never,
        "Nothing bounds what the request may cost.",
        "The message names what has no bound; leave it out or bound it.",
    ),
    row(
        "over_limit",
        S::PAYMENT_REQUIRED,
        Never,
        "A limit has no room for what this request may cost.",
        "Wait for the reset, ask for a smaller answer, or have the limit raised.",
    ),
    row(
        "frozen",
        S::FORBIDDEN,
        Never,
        "A person froze this agent, team, vendor or organisation.",
        "Ask the person named under `contact:`.",
    ),
    row(
        "conflict",
        S::BAD_REQUEST,
        Never,
        "The same id was used for another request.",
        "Use a fresh id for each request.",
    ),
    row(
        "credential_missing",
        S::SERVICE_UNAVAILABLE,
        Never,
        "The route's provider key is not set.",
        "Set the variable or file that the route's `credentials:` name, and reload.",
    ),
    row(
        "vendor_unstable",
        S::SERVICE_UNAVAILABLE,
        After(60),
        "Too much money for this vendor is presumed and unproved at the moment.",
        "Look at `bursar ledger unreconciled`.",
    ),
    row("ledger_unavailable", S::SERVICE_UNAVAILABLE, After(2), "The ledger does not answer.", "Look at `/readyz`."),
    row(
        "trail_unavailable",
        S::SERVICE_UNAVAILABLE,
        After(2),
        "The trail cannot be written, so nothing may be spent.",
        "Look at `/readyz`: most often the disk is full.",
    ),
    row(
        "clock_behind",
        S::SERVICE_UNAVAILABLE,
        After(2),
        "The clock stands behind the last entry of the trail.",
        "Set the clock.",
    ),
    row("draining", S::SERVICE_UNAVAILABLE, After(1), "This gateway is stopping.", "Connect again."),
    row(
        "overloaded",
        S::SERVICE_UNAVAILABLE,
        After(1),
        "Too many requests are in flight.",
        "Try again in a second, or raise `caps.in_flight`.",
    ),
    row(
        "sessions_exhausted",
        S::TOO_MANY_REQUESTS,
        After(120),
        "The agent has named too many new sessions within the hour.",
        "Reuse sessions, or leave them out.",
    ),
    row(
        "address_not_allowed",
        S::FORBIDDEN,
        Never,
        "The vendor's address lies in a private or reserved range.",
        "If that is meant, list the address under `upstream.allow_addresses`.",
    ),
    row(
        "vendor_unreachable",
        S::BAD_GATEWAY,
        Client,
        "No connection to the vendor.",
        "Look at the vendor's status page and the network.",
    ),
    row(
        "vendor_certificate",
        S::BAD_GATEWAY,
        Never,
        "The vendor's certificate does not prove its name.",
        "If the vendor uses a private CA, add it under `upstream.ca_files`.",
    ),
    row(
        "vendor_timeout",
        S::GATEWAY_TIMEOUT,
        Client,
        "The vendor did not answer in time. The money stays presumed until proved.",
        "See `bursar ledger unreconciled`.",
    ),
    row(
        "vendor_protocol",
        S::BAD_GATEWAY,
        Client,
        "The vendor broke HTTP. The money stays presumed until proved.",
        "See `bursar ledger unreconciled`.",
    ),
];

/// The row of a reason.
#[must_use]
pub fn row_of(reason: &Reason) -> &'static Row {
    let code = reason.code();
    TABLE.iter().find(|row| row.code == code).unwrap_or(&FALLBACK)
}

/// A reason without a row would be our mistake; it is answered as an unavailable ledger, and a test forbids it.
const FALLBACK: Row = row("ledger_unavailable", S::SERVICE_UNAVAILABLE, After(2), "", "");

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

/// An amount of a measure as plain decimal text, dollars without their sign.
fn amount(measure: Measure, value: i64) -> String {
    if measure == Measure::Usd { Money::from_nanos(value).to_string() } else { value.to_string() }
}

/// An amount for people: `$4.98`, `12 requests`.
fn spoken(measure: Measure, value: i64) -> String {
    if measure == Measure::Usd { dollars(Money::from_nanos(value)) } else { format!("{value} {}", measure.word()) }
}

/// RFC 3339 in UTC, to the second.
#[must_use]
pub fn iso(at_ms: types::UnixMs) -> String {
    i64::try_from(at_ms / 1000)
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
        .map_or_else(|| "-".to_owned(), |stamp| stamp.to_string())
}

/// One sentence for a person: what happened, and who or what mends it.
fn sentence(house: &House, agent: Option<&str>, reason: &Reason) -> String {
    let row = row_of(reason);
    let mut text = match reason {
        Reason::OverLimit(short) => short_sentence(short),
        Reason::AmbiguousHead { what } | Reason::AmbiguousBody { what } | Reason::Unbounded { what } => {
            format!("{} ({what})", row.meaning.trim_end_matches('.'))
        }
        Reason::BodyTooLarge { cap_bytes } => format!("The body is larger than {cap_bytes} bytes"),
        Reason::VendorNotAllowed { host } => {
            format!("{} may not call {host}: no route or list allows it", who(agent))
        }
        Reason::AddressNotAllowed { host } => {
            format!("The address of {host} lies in a private or reserved range")
        }
        Reason::EndpointNotAllowed { path } => format!("No meter knows what {path} costs"),
        Reason::ModelNotAllowed { model } => format!("{} may not use the model {model}", who(agent)),
        Reason::ModelUnknown { model } => format!("The price book has no price for the model {model}"),
        Reason::Frozen { subject } => format!("{} {} is frozen", subject.scope, subject.name),
        Reason::CredentialMissing { route } => format!("The provider key of the route {route} is not set"),
        Reason::VendorUnstable { vendor } => {
            format!("Too much money for {vendor} is presumed and unproved at the moment")
        }
        _ => row.meaning.trim_end_matches('.').to_owned(),
    };
    if matches!(row.status, S::PAYMENT_REQUIRED | S::FORBIDDEN)
        && let Some(contact) = &house.contact
    {
        text.push_str("; ask ");
        text.push_str(contact);
    }
    text
}

fn who(agent: Option<&str>) -> String {
    agent.map_or_else(|| "This caller".to_owned(), |agent| format!("Agent {agent}"))
}

/// `agent researcher has spent $4.98 of $5.00 on day 2026-11-21; this call could cost $0.16; resets …`.
fn short_sentence(short: &Shortfall) -> String {
    let account = short.account.as_str();
    let (subject, window) = account.split_once('@').unwrap_or((account, ""));
    let subject = subject.replacen(':', " ", 1);
    let window = window.replacen(':', " ", 1);
    let needed = spoken(short.measure, short.needed);
    let limit = spoken(short.measure, short.limit);
    if window == "transaction" {
        return format!("One call of {subject} may use at most {limit}; this one could use {needed}");
    }
    let used = spoken(short.measure, short.spent);
    let held =
        if short.held > 0 { format!(" ({} more is held)", spoken(short.measure, short.held)) } else { String::new() };
    let resets = short.resets_ms.map_or_else(String::new, |at_ms| format!("; resets {}", iso(at_ms)));
    let during = if window == "total" { "in total".to_owned() } else { format!("in the {window}") };
    format!("{subject} has spent {used} of {limit} {during}{held}; this call could cost {needed}{resets}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_code_has_its_row_in_the_same_order() {
        let rows: Vec<&str> = TABLE.iter().map(|row| row.code).collect();
        assert_eq!(rows, Reason::CODES);
        assert!(TABLE.iter().all(|row| !row.meaning.is_empty() && !row.remedy.is_empty()));
    }

    #[test]
    fn a_refusal_over_budget_tells_spent_limit_need_and_reset() {
        let short = Shortfall {
            account: "agent:researcher@day:2026-11-21".into(),
            held: 0,
            limit: 5_000_000_000,
            measure: Measure::Usd,
            needed: 160_000_000,
            resets_ms: Some(1_795_305_600_000),
            spent: 4_980_000_000,
        };
        assert_eq!(
            short_sentence(&short),
            "agent researcher has spent $4.98 of $5.00 in the day 2026-11-21; this call could cost $0.16; resets 2026-11-22T00:00:00Z"
        );
    }
}
