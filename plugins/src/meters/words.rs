//! The facts of a refusal as JSON, for every provider's error shape.

use serde_json::{Map, Value, json};
use types::{Measure, Money, Reason, Refusal, Shortfall, UnixMs};

/// What a program may want to know beside the message: the decision, and the account that had no room.
pub(super) fn details(refusal: &Refusal) -> Map<String, Value> {
    let mut details = Map::new();
    details.insert("decision_id".into(), json!(refusal.decision.to_string()));
    if let Reason::OverLimit(shortfall) = &refusal.reason {
        details.extend(account(shortfall));
    }
    details
}

fn account(shortfall: &Shortfall) -> Map<String, Value> {
    let Shortfall { account, held, limit, measure, needed, resets_ms, spent } = shortfall;
    let amount = |amount: i64| match measure {
        Measure::Usd => Money::from_nanos(amount).to_string(),
        _ => amount.to_string(),
    };
    let remaining = limit.saturating_sub(*spent).saturating_sub(*held).max(0);
    let mut facts = Map::new();
    facts.insert("account".into(), json!(account.as_str()));
    facts.insert("measure".into(), json!(measure.word()));
    facts.insert("limit".into(), json!(amount(*limit)));
    facts.insert("spent".into(), json!(amount(*spent)));
    facts.insert("held".into(), json!(amount(*held)));
    facts.insert("needed".into(), json!(amount(*needed)));
    facts.insert("remaining".into(), json!(amount(remaining)));
    facts.insert("resets_at".into(), resets_ms.map_or(Value::Null, |at| json!(utc(at))));
    facts
}

/// A time as RFC 3339 text in UTC, to the second.
fn utc(at: UnixMs) -> String {
    let seconds = at / 1_000;
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The date of a day counted from 1970-01-01, in the proleptic Gregorian calendar: years are counted from March, so
/// that the leap day is the last of its year, in eras of 400 years (146,097 days).
const fn civil(days: u64) -> (u64, u64, u64) {
    let days = days.saturating_add(719_468);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::utc;

    #[test]
    fn times_are_told_in_utc() {
        assert_eq!(utc(0), "1970-01-01T00:00:00Z");
        assert_eq!(utc(951_782_399_999), "2000-02-28T23:59:59Z");
        assert_eq!(utc(951_782_400_000), "2000-02-29T00:00:00Z");
        assert_eq!(utc(1_795_219_200_000), "2026-11-21T00:00:00Z");
        assert_eq!(utc(4_107_542_400_000), "2100-03-01T00:00:00Z");
    }
}
