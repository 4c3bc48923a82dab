//! The few answers that the front gives by itself, as problem details (RFC 9457).

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::json;

use super::handler::ReplyBody;
use super::strict::Violation;

const PROBLEM: &str = "application/problem+json";

fn problem(status: StatusCode, code: &str, detail: &str) -> String {
    json!({
        "type": format!("urn:bursar:reason:{code}"),
        "title": status.canonical_reason().unwrap_or("Refused"),
        "status": status.as_u16(),
        "detail": detail,
        "code": code,
    })
    .to_string()
}

fn raw(status: StatusCode, more: &str, body: &str) -> Bytes {
    let phrase = status.canonical_reason().unwrap_or("Refused");
    let length = body.len();
    Bytes::from(format!(
        "HTTP/1.1 {} {phrase}\r\ncontent-type: {PROBLEM}\r\ncontent-length: {length}\r\ncache-control: no-store\r\n\
         {more}connection: close\r\n\r\n{body}",
        status.as_u16()
    ))
}

fn status_of(violation: Violation) -> StatusCode {
    StatusCode::from_u16(violation.status()).unwrap_or(StatusCode::BAD_REQUEST)
}

/// The whole answer to a violation, for a stream on which hyper knows nothing of the message.
pub(super) fn to_violation_raw(violation: Violation) -> Bytes {
    let status = status_of(violation);
    let body = problem(status, violation.code(), violation.detail());
    raw(status, "x-should-retry: false\r\n", &body)
}

/// The answer to a violation in a body, whose request hyper is serving.
pub(super) fn to_violation(violation: Violation) -> Response<ReplyBody> {
    let status = status_of(violation);
    let body = Bytes::from(problem(status, violation.code(), violation.detail()));
    let mut response = Response::new(Full::new(body).map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM));
    headers.insert("x-should-retry", HeaderValue::from_static("false"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// The whole answer to a connection too many.
pub(super) fn to_crowd_raw() -> Bytes {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let body = problem(status, "overloaded", "This address has too many connections open.");
    raw(status, "retry-after: 1\r\n", &body)
}
