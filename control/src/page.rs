//! The one page: accounts, the last decisions, and whether the trail holds.

use askama::Template;
use types::{Balance, Measure, Money, Record};

use crate::desk::{About, Desk};

const DECISIONS_SHOWN: usize = 50;
const ACCOUNTS_SHOWN: usize = 500;

/// One measure of one account, as text.
struct Row {
    account: String,
    measure: &'static str,
    limit: String,
    posted: String,
    presumed: String,
    held: String,
    left: String,
    resets: String,
    tight: bool,
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page {
    about: About,
    rows: Vec<Row>,
    hidden: usize,
    decisions: Vec<std::sync::Arc<Record>>,
    unreconciled: usize,
}

/// The page as HTML.
pub(crate) fn render(desk: &dyn Desk) -> Result<String, askama::Error> {
    let mut balances = desk.balances();
    balances.sort_by(|one, other| {
        let limited = |balance: &Balance| Measure::ALL.iter().all(|measure| balance.limits.of(*measure).is_none());
        limited(one).cmp(&limited(other)).then_with(|| one.account.cmp(&other.account))
    });
    let mut rows: Vec<Row> = balances.iter().flat_map(rows_of).collect();
    let hidden = rows.len().saturating_sub(ACCOUNTS_SHOWN);
    rows.truncate(ACCOUNTS_SHOWN);
    Page {
        about: desk.about(),
        rows,
        hidden,
        decisions: desk.decisions(DECISIONS_SHOWN),
        unreconciled: desk.unreconciled().len(),
    }
    .render()
}

/// Dollars always, other measures where they have a limit.
fn rows_of(balance: &Balance) -> impl Iterator<Item = Row> + '_ {
    Measure::ALL
        .into_iter()
        .filter(|measure| *measure == Measure::Usd || balance.limits.of(*measure).is_some())
        .map(|measure| row(balance, measure))
}

fn row(balance: &Balance, measure: Measure) -> Row {
    let text = |value: i64| amount(measure, value);
    let left = balance.left(measure);
    // A tenth of the limit is the mark from which a person should look.
    let tight = left.zip(balance.limits.of(measure)).is_some_and(|(left, limit)| left <= limit / 10);
    Row {
        account: balance.account.to_string(),
        measure: measure.word(),
        limit: balance.limits.of(measure).map(text).unwrap_or_default(),
        posted: text(balance.posted.of(measure)),
        presumed: text(balance.presumed.of(measure)),
        held: text(balance.held.of(measure)),
        left: left.map(text).unwrap_or_default(),
        resets: balance.resets_ms.as_ref().map(utc).unwrap_or_default(),
        tight,
    }
}

fn amount(measure: Measure, value: i64) -> String {
    if measure == Measure::Usd { format!("${}", Money::from_nanos(value)) } else { value.to_string() }
}

/// `2026-11-21 14:03:05` in UTC; by reference because templates hand out references.
///
/// Proleptic Gregorian calendar by the days-from-civil method, inverted.
pub(crate) fn utc(at_ms: &u64) -> String {
    let seconds = *at_ms / 1000;
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Days are counted from 0000-03-01, so that a leap day is the last of its year.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_shifted + 2) / 5 + 1;
    let month = if month_shifted < 10 { month_shifted + 3 } else { month_shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_utc() {
        assert_eq!(utc(&0), "1970-01-01 00:00:00");
        assert_eq!(utc(&951_782_399_000), "2000-02-28 23:59:59");
        assert_eq!(utc(&951_782_400_000), "2000-02-29 00:00:00");
        assert_eq!(utc(&1_795_305_600_000), "2026-11-22 00:00:00");
    }
}
