//! `bursar spend`: what was spent, and what is left.

use std::path::Path;

use clap::Args;
use serde::{Deserialize, Serialize};
use types::{AccountName, Amounts, Balance, Limits, Measure, Money};

use super::output::{CliError, Format, json, table};
use super::place;
use crate::house::offline_balances;

/// Shows every account with its limit: posted, presumed, held, left, and when it resets.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  bursar spend\n  bursar spend --agent researcher --output json\n  bursar spend --all"
)]
pub(super) struct Spend {
    /// Only the accounts of this agent.
    #[arg(long)]
    agent: Option<String>,
    /// Also accounts that are counted without a limit.
    #[arg(long)]
    all: bool,
}

/// An account as it is printed, and as the owner tells it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Row {
    /// The account.
    pub account: AccountName,
    /// Reserved by open holds.
    pub held: Amounts,
    /// The limits in force.
    pub limits: Limits,
    /// Real cost.
    pub posted: Amounts,
    /// Charged on silence.
    pub presumed: Amounts,
    /// When the window ends.
    pub resets_ms: Option<u64>,
}

impl Row {
    fn balance(&self) -> Balance {
        Balance {
            account: self.account.clone(),
            posted: self.posted,
            presumed: self.presumed,
            held: self.held,
            limits: self.limits,
            resets_ms: self.resets_ms,
        }
    }
}

impl From<Balance> for Row {
    fn from(balance: Balance) -> Self {
        Self {
            account: balance.account,
            held: balance.held,
            limits: balance.limits,
            posted: balance.posted,
            presumed: balance.presumed,
            resets_ms: balance.resets_ms,
        }
    }
}

/// The accounts of a house: from its owner where one runs, folded from the trail otherwise.
///
/// # Errors
/// Where neither can be read.
pub(super) fn rows(house: &::config::House) -> Result<Vec<Row>, CliError> {
    match place::owner(house) {
        Some(client) => place::ask(async move { client.view::<Vec<Row>>("/v1/accounts").await }),
        None => Ok(offline_balances(house).map_err(CliError::failed)?.into_iter().map(Row::from).collect()),
    }
}

impl Spend {
    /// Does the command.
    ///
    /// # Errors
    /// What is wrong with the configuration, or why the accounts cannot be read.
    pub(super) fn run(&self, config: &Path, format: Format) -> Result<(), CliError> {
        let house = place::house(config)?;
        let mut rows = rows(&house)?;
        rows.retain(|row| self.shows(row));
        rows.sort_by(|one, other| one.account.cmp(&other.account));
        if format == Format::Json {
            return json(&rows);
        }
        let printed = rows.iter().flat_map(|row| self.lines(row));
        table(&["account", "measure", "limit", "posted", "presumed", "held", "left", "resets (UTC)"], printed)
    }

    fn shows(&self, row: &Row) -> bool {
        let is_asked = self.agent.as_ref().is_none_or(|agent| {
            let (subject, _) = row.account.as_str().split_once('@').unwrap_or_default();
            subject.strip_prefix("agent:") == Some(agent.as_str())
        });
        is_asked && (self.all || self.agent.is_some() || row.limits != Limits::NONE)
    }

    fn lines(&self, row: &Row) -> Vec<Vec<String>> {
        let balance = row.balance();
        Measure::ALL
            .into_iter()
            .filter(|measure| {
                row.limits.of(*measure).is_some() || (*measure == Measure::Usd && row.limits == Limits::NONE)
            })
            .map(|measure| {
                let text = |value: i64| amount(measure, value);
                vec![
                    row.account.to_string(),
                    measure.word().to_owned(),
                    row.limits.of(measure).map(text).unwrap_or_default(),
                    text(row.posted.of(measure)),
                    text(row.presumed.of(measure)),
                    text(row.held.of(measure)),
                    balance.left(measure).map(text).unwrap_or_default(),
                    row.resets_ms.map(crate::reply::iso).unwrap_or_default(),
                ]
            })
            .collect()
    }
}

fn amount(measure: Measure, value: i64) -> String {
    if measure == Measure::Usd { format!("${}", Money::from_nanos(value)) } else { value.to_string() }
}
