//! `bursar spend`: what was spent, and what is left.

use std::path::Path;

use clap::Args;
use control::AccountView;
use types::{Balance, Limits};

use super::output::{CliError, Format, json, line, table};
use super::place;
use crate::house::offline_balances;

/// Shows every account with its limit: posted, presumed, held, left, and when it resets.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  bursar spend\n  bursar spend --agent researcher --output json\n  bursar spend --all"
)]
pub(super) struct Spend {
    /// Only the accounts of this agent, and of its runs.
    #[arg(long)]
    agent: Option<String>,
    /// Also accounts that are counted without a limit.
    #[arg(long)]
    all: bool,
}

/// The accounts of a house: from its owner where one runs, folded from the trail otherwise.
///
/// # Errors
/// Where neither can be read.
fn accounts(house: &::config::House) -> Result<Vec<AccountView>, CliError> {
    match place::owner(house) {
        Some(client) => place::ask(async move { client.view::<Vec<AccountView>>("/v1/accounts").await }),
        None => Ok(offline_balances(house).map_err(CliError::failed)?.into_iter().map(AccountView::from).collect()),
    }
}

impl Spend {
    /// Does the command.
    ///
    /// # Errors
    /// What is wrong with the configuration, or why the accounts cannot be read.
    pub(super) fn run(&self, config: &Path, format: Format) -> Result<(), CliError> {
        let house = place::house(config)?;
        let mut accounts = accounts(&house)?;
        accounts.retain(|account| self.shows(account));
        accounts.sort_by(|one, other| one.account.cmp(&other.account));
        if format == Format::Json {
            return json(&accounts);
        }
        if accounts.is_empty() {
            return line(match &self.agent {
                Some(agent) => format!("nothing was counted for the agent {agent} yet"),
                None if self.all => "nothing was counted yet".to_owned(),
                None => "no account with a limit was used yet; --all shows accounts without one".to_owned(),
            });
        }
        let balances: Vec<Balance> = accounts.into_iter().map(Balance::from).collect();
        let printed = balances.iter().flat_map(control::rows).map(|row| {
            let resets = row.resets_ms.map(crate::reply::iso).unwrap_or_default();
            let measure = row.measure.to_owned();
            vec![row.account, measure, row.limit, row.posted, row.presumed, row.held, row.left, resets]
        });
        table(&["account", "measure", "limit", "posted", "presumed", "held", "left", "resets (UTC)"], printed)
    }

    fn shows(&self, account: &AccountView) -> bool {
        let is_asked = self.agent.as_ref().is_none_or(|agent| {
            let (subject, _) = account.account.as_str().split_once('@').unwrap_or_default();
            subject.strip_prefix("agent:").is_some_and(|name| name == agent || is_run_of(name, agent))
        });
        is_asked && (self.all || self.agent.is_some() || account.limits != Limits::NONE)
    }
}

/// Whether an agent is one run of this name, as `bursar run --agent` makes them: the name, a dash, six hex digits.
fn is_run_of(name: &str, agent: &str) -> bool {
    let run = name.strip_prefix(agent).and_then(|rest| rest.strip_prefix('-'));
    run.is_some_and(|run| run.len() == 6 && run.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_a_name_are_shown_with_it_and_other_agents_are_not() {
        assert!(is_run_of("researcher-0a1b2c", "researcher"));
        for other in ["researcher", "researcher-", "researcher-2", "researcher-assistant", "researcher2-0a1b2c"] {
            assert!(!is_run_of(other, "researcher"), "{other}");
        }
    }
}
