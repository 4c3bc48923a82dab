//! `bursar agents`: agents and their keys. A running gateway takes changes over by itself.

use std::path::{Path, PathBuf};

use ::config::{House, MintedKey, NewAgent};
use clap::Subcommand;
use serde::Serialize;
use types::{Money, Window};

use super::output::{CliError, Format, json, line, table};
use super::place;
use crate::clock::random;

/// Agents and their keys.
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  bursar agents add researcher --team core --usd-per-day 5.00\n  bursar agents list\n  bursar agents revoke Ab3dE6gH"
)]
pub(super) enum Agents {
    /// Add an agent; prints its key once.
    Add {
        /// The agent's name.
        name: String,
        /// Its team.
        #[arg(long)]
        team: Option<String>,
        /// A limit for each day.
        #[arg(long)]
        usd_per_day: Option<Money>,
        /// A limit for ever.
        #[arg(long)]
        usd_total: Option<Money>,
    },
    /// The agents, their teams and the ids of their keys.
    List,
    /// Take a key out of service.
    Revoke {
        /// The key's id: the eight characters after `bk_`.
        key_id: String,
    },
}

/// What `agents add` tells.
#[derive(Serialize)]
struct Added<'a> {
    agent: &'a str,
    file: PathBuf,
    key: &'a str,
}

/// What `agents revoke` tells.
#[derive(Serialize)]
struct Revoked<'a> {
    file: &'a Path,
    /// A running gateway refuses the key already; `false` where none is running.
    in_force: bool,
    key_id: &'a str,
}

/// What `agents list` tells of one agent.
#[derive(Serialize)]
struct Listed {
    agent: String,
    team: Option<String>,
    keys: Vec<String>,
}

impl Agents {
    /// Does the command.
    ///
    /// # Errors
    /// What is wrong with the configuration, or why a file cannot be written.
    pub(super) fn run(self, path: &Path, format: Format) -> Result<(), CliError> {
        match self {
            Self::Add { name, team, usd_per_day, usd_total } => {
                let limits = [(Window::Day, usd_per_day), (Window::Total, usd_total)];
                add(path, format, &name, team, limits)
            }
            Self::List => list(path, format),
            Self::Revoke { key_id } => {
                let house = place::house(path)?;
                let file = ::config::revoke_key(&house.agents_folder, &key_id).map_err(CliError::failed)?;
                let in_force = reloaded(&house, "the key stays in service until then")?;
                if format == Format::Json {
                    return json(&Revoked { file: &file, key_id: &key_id, in_force });
                }
                line(format!("key {key_id} is out of service ({})", file.display()))
            }
        }
    }
}

fn add(
    path: &Path,
    format: Format,
    name: &str,
    team: Option<String>,
    limits: [(Window, Option<Money>); 2],
) -> Result<(), CliError> {
    let house = place::house(path)?;
    let limits = limits.into_iter().filter_map(|(window, usd)| usd.map(|usd| (window, usd))).collect();
    let (key, file) = mint(path, &house, name, team, limits)?;
    if let Err(error) = reloaded(&house, "the file is removed again, nothing has changed") {
        // The old configuration is in force, and a new one with this file in it could not be.
        std::fs::remove_file(&file)?;
        return Err(error);
    }
    let door = house.listeners.proxy.first().map_or_else(|| "HOST:PORT".to_owned(), ToString::to_string);
    if format == Format::Json {
        return json(&Added { agent: name, file, key: &key });
    }
    line(format!("agent {name} may now use the key below; it is shown once and kept nowhere\n\n  {key}\n"))?;
    line(format!("as proxy:    HTTPS_PROXY=http://{name}:{key}@{door}"))?;
    line(format!("as base URL: http://{door}/openai/v1 with the key as API key"))?;
    line(format!("written to   {}", file.display()))
}

/// Puts a change in force in a running gateway; whether there was one.
///
/// # Errors
/// Where it does not take the configuration, with what that means.
fn reloaded(house: &House, meaning: &str) -> Result<bool, CliError> {
    match place::reload(house) {
        Ok(done) => Ok(done.is_some()),
        Err(error) => {
            Err(CliError::failed(format!("the running gateway did not take the change ({error}); {meaning}")))
        }
    }
}

/// Makes an agent with a key, and writes the key's hash beside the configuration.
///
/// # Errors
/// Where there is no randomness, the file cannot be written, or the configuration would be wrong with it (an agent of this
/// name, a team that is none): then nothing is left behind.
pub(super) fn mint(
    config: &Path,
    house: &House,
    name: &str,
    team: Option<String>,
    limits: Vec<(Window, Money)>,
) -> Result<(String, PathBuf), CliError> {
    let minted = key()?;
    let agent = NewAgent { name: name.to_owned(), team, key: minted.kept, limits };
    let file = ::config::add_agent(&house.agents_folder, &agent).map_err(CliError::failed)?;
    if let Err(error) = place::house(config) {
        std::fs::remove_file(&file)?;
        return Err(error);
    }
    Ok((minted.key.expose().to_owned(), file))
}

/// A fresh key.
///
/// # Errors
/// Where the operating system has no randomness to give.
pub(super) fn key() -> Result<MintedKey, CliError> {
    let bytes = random().map_err(|_| CliError::failed("the operating system has no randomness to give"))?;
    Ok(::config::mint_key(bytes))
}

fn list(path: &Path, format: Format) -> Result<(), CliError> {
    let house = place::house(path)?;
    let listed: Vec<Listed> = house
        .directory
        .agents()
        .map(|agent| Listed {
            agent: agent.name.to_string(),
            team: agent.team.as_ref().map(ToString::to_string),
            keys: house
                .directory
                .keys_of(&agent.name)
                .into_iter()
                .filter(|(_, key)| !key.revoked)
                .map(|(id, _)| id.to_owned())
                .collect(),
        })
        .collect();
    if format == Format::Json {
        return json(&listed);
    }
    let rows = listed.into_iter().map(|agent| vec![agent.agent, agent.team.unwrap_or_default(), agent.keys.join(" ")]);
    table(&["agent", "team", "keys"], rows)
}
