//! The table of answers: one row for each reason code.

use http::StatusCode;
use types::Reason;

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
        "request_timeout",
        S::REQUEST_TIMEOUT,
        Client,
        "The client began a request and did not finish it in time.",
        "Send the head within ten seconds, and the body without long pauses.",
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
        "output_over_cap",
        S::FORBIDDEN,
        Never,
        "The request asks for more output than a guard allows.",
        "Ask for less output, or change `max_output` of the route.",
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
        "The vendor did not answer in time. What it told of the cost is posted, the rest is presumed until proved.",
        "See `bursar ledger unreconciled`.",
    ),
    row(
        "vendor_protocol",
        S::BAD_GATEWAY,
        Client,
        "The vendor broke HTTP. What it told of the cost is posted, the rest is presumed until proved.",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_code_has_its_row_in_the_same_order() {
        let rows: Vec<&str> = TABLE.iter().map(|row| row.code).collect();
        assert_eq!(rows, Reason::CODES);
        assert!(TABLE.iter().all(|row| !row.meaning.is_empty() && !row.remedy.is_empty()));
    }
}
