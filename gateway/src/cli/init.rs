//! `bursar init`: a configuration that runs, one agent with a key, and the lines to paste.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use ::config::Template;
use clap::Args;

use super::output::{CliError, line};
use super::{agents, place};

/// Write a bursar.yaml that runs, with one agent at $5 a day.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  bursar init\n  bursar init --agent researcher --config /etc/bursar/bursar.yaml")]
pub(super) struct Init {
    /// The name of the first agent.
    #[arg(long, default_value = "agent")]
    agent: String,
    /// The name of the organisation.
    #[arg(long, default_value = "home")]
    org: String,
}

impl Init {
    /// Does the command; an existing file is left as it is.
    ///
    /// # Errors
    /// Where the file exists or cannot be written.
    pub(super) fn run(&self, path: &Path) -> Result<(), CliError> {
        let minted = agents::key()?;
        let template = Template { org: &self.org, agent: &self.agent, key: &minted.kept };
        let text = ::config::init_template(&template);
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(path)
            .and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| CliError::failed(format!("{} cannot be written: {error}", path.display())))?;
        let key = minted.key.expose();
        let house = place::house(path)?;
        let proxy = house.listeners.proxy.first().map(ToString::to_string).unwrap_or_default();
        line(format!("wrote {} with the agent {} at $5.00 a day\n", path.display(), self.agent))?;
        line("1. Give Bursar the provider keys (agents never see them):")?;
        line("     export OPENAI_API_KEY=…  ANTHROPIC_API_KEY=…")?;
        line("2. Start it:")?;
        line("     bursar serve")?;
        line("3. Start the agent with its own key, shown here once:")?;
        line(format!("     eval \"$(bursar env --agent {} --key {key})\"", self.agent))?;
        line(format!("   or point an SDK at http://{proxy}/openai/v1 with that key as its API key."))?;
        line("4. See what it spends:")?;
        line("     bursar spend")
    }
}
