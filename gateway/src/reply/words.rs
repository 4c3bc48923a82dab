//! Refusals in words for a person.

use config::House;
use http::StatusCode as S;
use types::money::dollars;
use types::{Measure, Money, Reason, Shortfall};

use super::table::row_of;

/// An amount of a measure as plain decimal text, dollars without their sign.
pub(super) fn amount(measure: Measure, value: i64) -> String {
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
pub(super) fn sentence(house: &House, agent: Option<&str>, reason: &Reason) -> String {
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
