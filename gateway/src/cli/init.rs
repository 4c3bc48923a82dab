//! `bursar init`: a configuration that runs, one agent with a key, and the lines to paste.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use ::config::{RealEnvironment, Template};
use clap::Args;
use serde::Serialize;

use super::agents;
use super::output::{CONFIG, CliError, Format, json, line};

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

/// What `init` tells.
#[derive(Serialize)]
struct Written<'a> {
    agent: &'a str,
    file: &'a Path,
    key: &'a str,
}

fn refused(path: &Path, error: &std::io::Error) -> CliError {
    let path = path.display();
    CliError::failed(match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            format!("{path} is there already and stays as it is; name another file with --config")
        }
        _ => format!("{path} cannot be written: {error}"),
    })
}

impl Init {
    /// Does the command; an existing file is left as it is.
    ///
    /// # Errors
    /// Where the file exists or cannot be written.
    pub(super) fn run(&self, path: &Path, format: Format) -> Result<(), CliError> {
        let minted = agents::key()?;
        let template = Template { org: &self.org, agent: &self.agent, key: &minted.kept };
        let text = ::config::init_template(&template);
        // Checked before it is written: a name that cannot be one leaves no file behind.
        let folder = path.parent().unwrap_or(Path::new(""));
        let house = ::config::parse(&text, folder, &RealEnvironment).map_err(|error| CliError::new(CONFIG, error))?;
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(path)
            .and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| refused(path, &error))?;
        let key = minted.key.expose();
        if format == Format::Json {
            return json(&Written { agent: &self.agent, file: path, key });
        }
        let named = match path.to_str() {
            Some("bursar.yaml") => String::new(),
            _ => format!(" --config {}", path.display()),
        };
        let proxy = house.listeners.proxy.first().map(ToString::to_string).unwrap_or_default();
        line(format!("wrote {} with the agent {} at $5.00 a day\n", path.display(), self.agent))?;
        line("1. Give Bursar the provider keys (agents never see them):")?;
        line("     export OPENAI_API_KEY=…  ANTHROPIC_API_KEY=…")?;
        line("2. Start it:")?;
        line(format!("     bursar serve{named}"))?;
        line("3. Start the agent with its own key, shown here once:")?;
        line(format!("     eval \"$(bursar env{named} --agent {} --key {key})\"", self.agent))?;
        line(format!("   or point an SDK at http://{proxy}/openai/v1 with that key as its API key."))?;
        line("4. See what it spends:")?;
        line(format!("     bursar spend{named}"))
    }
}
