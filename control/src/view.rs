//! An account as it is told: on the wire, by the commands, and as JSON. One form for all of them.

use serde::{Deserialize, Serialize};
use types::{AccountName, Amounts, Balance, Limits, Measure, Money};

/// An account, with the limits in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountView {
    /// The account.
    pub account: AccountName,
    /// Reserved by open holds.
    pub held: Amounts,
    /// The limits in force.
    pub limits: Limits,
    /// Real cost.
    pub posted: Amounts,
    /// Charged on silence, until somebody proves what it did cost.
    pub presumed: Amounts,
    /// When the window ends; `None` for totals.
    pub resets_ms: Option<u64>,
}

impl From<Balance> for AccountView {
    fn from(balance: Balance) -> Self {
        let Balance { account, posted, presumed, held, limits, resets_ms } = balance;
        Self { account, held, limits, posted, presumed, resets_ms }
    }
}

impl From<AccountView> for Balance {
    fn from(view: AccountView) -> Self {
        let AccountView { account, held, limits, posted, presumed, resets_ms } = view;
        Self { account, posted, presumed, held, limits, resets_ms }
    }
}

/// One measure of one account, as text for a table. What does not apply is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The account.
    pub account: String,
    /// `usd`, `requests` or `tokens`.
    pub measure: &'static str,
    /// The limit in force.
    pub limit: String,
    /// Real cost.
    pub posted: String,
    /// Charged on silence.
    pub presumed: String,
    /// Reserved by open holds.
    pub held: String,
    /// What the limit leaves.
    pub left: String,
    /// When the window ends.
    pub resets_ms: Option<u64>,
    /// A tenth of the limit or less is left: a person should look.
    pub is_tight: bool,
}

/// The rows of an account: dollars always, other measures where they have a limit.
pub fn rows(balance: &Balance) -> impl Iterator<Item = Row> + '_ {
    Measure::ALL
        .into_iter()
        .filter(|measure| *measure == Measure::Usd || balance.limits.of(*measure).is_some())
        .map(|measure| row(balance, measure))
}

fn row(balance: &Balance, measure: Measure) -> Row {
    let text = |value: i64| amount(measure, value);
    let (limit, left) = (balance.limits.of(measure), balance.left(measure));
    Row {
        account: balance.account.to_string(),
        measure: measure.word(),
        limit: limit.map(text).unwrap_or_default(),
        posted: text(balance.posted.of(measure)),
        presumed: text(balance.presumed.of(measure)),
        held: text(balance.held.of(measure)),
        left: left.map(text).unwrap_or_default(),
        resets_ms: balance.resets_ms,
        is_tight: left.zip(limit).is_some_and(|(left, limit)| left <= limit / 10),
    }
}

fn amount(measure: Measure, value: i64) -> String {
    if measure == Measure::Usd { format!("${}", Money::from_nanos(value)) } else { value.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn balance() -> Balance {
        Balance {
            account: "agent:a@day:2026-11-21".into(),
            posted: Amounts { requests: 9, tokens: 100, usd: Money::from_nanos(1_500_000_000) },
            presumed: Amounts::ZERO,
            held: Amounts { requests: 1, tokens: 0, usd: Money::from_nanos(250) },
            limits: Limits { requests: Some(10), tokens: None, usd: Some(5_000_000_000) },
            resets_ms: Some(7),
        }
    }

    #[test]
    fn an_account_survives_the_wire() {
        let view = AccountView::from(balance());
        let text = serde_json::to_string(&view).unwrap();
        let back: AccountView = serde_json::from_str(&text).unwrap();
        assert_eq!(back, view);
        assert_eq!(Balance::from(back), balance());
    }

    #[test]
    fn each_limited_measure_has_a_row_and_says_what_is_left() {
        let rows: Vec<Row> = rows(&balance()).collect();
        let told: Vec<_> = rows.iter().map(|row| (row.measure, &*row.limit, &*row.left, row.is_tight)).collect();
        assert_eq!(told, [("usd", "$5.00", "$3.49999975", false), ("requests", "10", "0", true)]);
    }

    #[test]
    fn an_account_without_limits_tells_its_dollars() {
        let rows: Vec<Row> = rows(&Balance { limits: Limits::NONE, ..balance() }).collect();
        assert_eq!(
            rows.iter().map(|row| (row.measure, &*row.posted, &*row.limit)).collect::<Vec<_>>(),
            [("usd", "$1.50", "")]
        );
    }
}
