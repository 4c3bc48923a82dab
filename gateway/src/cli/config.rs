//! `bursar config`: is the file right, and what may stand in it.

use std::path::Path;

use clap::Subcommand;
use serde::Serialize;

use super::output::{CliError, Format, json, line};
use super::place;

/// Check the configuration, or print its schema.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  bursar config check\n  bursar config schema > bursar.schema.json")]
pub(super) enum ConfigCommand {
    /// Read the file as the gateway would, and say what is wrong and how to mend it.
    Check,
    /// Print the JSON Schema of the file.
    Schema,
}

#[derive(Serialize)]
struct Checked {
    agents: usize,
    mode: &'static str,
    routes: usize,
    version: String,
    warnings: Vec<String>,
}

impl ConfigCommand {
    /// Does the command.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub(super) fn run(&self, path: &Path, format: Format) -> Result<(), CliError> {
        match self {
            Self::Schema => line(::config::schema().trim_end()),
            Self::Check => check(path, format),
        }
    }
}

fn check(path: &Path, format: Format) -> Result<(), CliError> {
    let house = place::house(path)?;
    let checked = Checked {
        agents: house.directory.agents().count(),
        mode: house.mode.word(),
        routes: house.routes.iter().count(),
        version: house.version.to_string(),
        warnings: house.warnings.clone(),
    };
    if format == Format::Json {
        return json(&checked);
    }
    for warning in &checked.warnings {
        line(format!("warning: {warning}"))?;
    }
    line(format!(
        "{} is right: {} routes, {} agents, mode {}, version {}",
        path.display(),
        checked.routes,
        checked.agents,
        checked.mode,
        checked.version
    ))
}
