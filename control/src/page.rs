//! The one page: accounts, the last decisions, and whether the trail holds.

use askama::Template;
use types::{Balance, Limits, Record};

use crate::desk::{About, Desk};
use crate::text::visible;
use crate::view::{Row, rows};

const DECISIONS_SHOWN: usize = 50;
const ACCOUNTS_SHOWN: usize = 500;

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
    // Accounts with a limit first: those are what a person looks for.
    balances.sort_by(|one, other| {
        let is_unlimited = |balance: &Balance| balance.limits == Limits::NONE;
        is_unlimited(one).cmp(&is_unlimited(other)).then_with(|| one.account.cmp(&other.account))
    });
    let mut rows: Vec<Row> = balances.iter().flat_map(rows).collect();
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

/// An amount of a record as dollars; nothing where there is none.
pub(crate) fn dollars(amount: &str) -> String {
    if amount.is_empty() { String::new() } else { format!("${}", visible(amount)) }
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
