//! `bursar run`: one program under a budget. Attaches to the owner of the data directory or starts one that ends
//! half a minute after its last client.

mod owner;
mod program;
mod summary;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ::config::{Environment, House, RealEnvironment};
use clap::Args;
use control::{Action, Client, Done};
use types::{Money, Name, Window};

use self::program::Program;
use super::env::{Door, sdks, variables};
use super::output::{CONFIG, CliError, Format};
use super::{agents, place};
use crate::clock::random;

/// Run a program whose calls go through the gateway.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  bursar run -- python agent.py\n  bursar run --budget 5.00 -- claude\n  bursar run --agent researcher --budget 0.50 -- node agent.js\n\nThe exit code is the program's own; 126 and 127 where it cannot be started, 128 and the signal's number where one\nended it."
)]
pub(super) struct Run {
    /// The name the run is counted under, with a few letters added that make its account its own. Where it is an
    /// agent of the configuration, the run belongs to that agent's team.
    #[arg(long)]
    agent: Option<String>,
    /// What this run may spend, in dollars.
    #[arg(long)]
    budget: Option<Money>,
    /// A gateway started for this run ends so many seconds after its last client.
    #[arg(long, hide = true, default_value_t = 30)]
    idle_seconds: u64,
    /// The program and its arguments.
    #[arg(last = true, required = true)]
    program: Vec<String>,
}

impl Run {
    /// Does the command; the exit code is the program's own. `named` is a configuration that somebody named.
    pub(super) fn run(&self, named: Option<&Path>, format: Format) -> ExitCode {
        match self.steps(named, format) {
            Ok(code) => ExitCode::from(code),
            Err(error) => error.tell(format),
        }
    }

    fn steps(&self, named: Option<&Path>, format: Format) -> Result<u8, CliError> {
        if self.budget.is_some_and(|budget| budget < Money::ZERO) {
            return Err(CliError::failed("a budget below zero refuses nothing; use 0 to refuse all calls"));
        }
        let config = match named {
            Some(named) => named.to_owned(),
            None => profile()?,
        };
        let house = place::house(&config)?;
        place::runtime()?.block_on(self.accompany(&config, &house, format))
    }

    /// From before the program's start to after its end.
    async fn accompany(&self, config: &Path, house: &House, format: Format) -> Result<u8, CliError> {
        // From here on a signal ends the program and not us, so that what is made for this run is tidied up.
        let mut signals = program::Signals::listen()?;
        let name = self.name()?;
        let limits = self.budget.map(|budget| (Window::Total, budget)).into_iter().collect();
        let (key, file) = agents::mint(config, house, &name, self.team(house), limits)?;
        let guest = Guest { file };
        let mut attached = owner::attach_or_start(config, house, self.idle_seconds).await?;
        reload(&attached.client).await?;
        let bundle = std::path::absolute(house.data.join("ca-bundle.pem"))?;
        let authority = std::path::absolute(house.data.join("ca.pem"))?;
        let sdks = sdks(house, &RealEnvironment);
        let door = Door {
            proxy: &attached.proxy,
            agent: &name,
            key: &key,
            bundle: &bundle,
            authority: &authority,
            sdks: &sdks,
        };
        let program = Program { words: &self.program, variables: variables(&door) };
        let ended = program.run(&mut signals, attached.gone()).await;
        if let Ok(code) = &ended {
            summary::tell(&attached.client, &name, *code, format).await;
        }
        drop(guest);
        // The key is refused from now on; an owner that has gone refuses it anyway.
        let _ = reload(&attached.client).await;
        ended
    }

    /// The program's name, or what was asked for, and a few letters that make this run's account its own.
    fn name(&self) -> Result<String, CliError> {
        let bytes: [u8; 3] =
            random().map_err(|_| CliError::failed("the operating system has no randomness to give"))?;
        let [one, two, three] = bytes;
        Ok(format!("{}-{one:02x}{two:02x}{three:02x}", self.stem()))
    }

    fn stem(&self) -> String {
        let program = self.program.first().map_or("run", String::as_str);
        let name = self.agent.as_deref().unwrap_or(program).rsplit('/').next().unwrap_or("run");
        let plain: String = name
            .chars()
            .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' })
            .take(32)
            .collect();
        let plain = plain.trim_matches('-');
        if plain.is_empty() { "run".to_owned() } else { plain.to_owned() }
    }

    fn team(&self, house: &House) -> Option<String> {
        let agent = house.directory.agent(self.agent.as_deref()?)?;
        agent.team.as_ref().map(Name::to_string)
    }
}

async fn reload(client: &Client) -> Result<(), CliError> {
    client.send::<Done>("/v1/actions", &Action::Reload).await.map(drop).map_err(CliError::failed)
}

/// The agent file of this run; removed when the run is over.
struct Guest {
    file: PathBuf,
}

impl Drop for Guest {
    fn drop(&mut self) {
        // Left behind, it is an agent that nobody has the key of.
        let _ = std::fs::remove_file(&self.file);
    }
}

/// The configuration to run under where none was named: the one found here, or the laptop's own.
fn profile() -> Result<PathBuf, CliError> {
    let here = PathBuf::from("bursar.yaml");
    if here.exists() {
        return Ok(here);
    }
    let home = RealEnvironment
        .variable("XDG_DATA_HOME")
        .map(PathBuf::from)
        .or_else(|| RealEnvironment.variable("HOME").map(|home| Path::new(&home).join(".local/share")))
        .ok_or_else(|| {
            CliError::new(CONFIG, "neither XDG_DATA_HOME nor HOME is set; name a configuration with --config")
        })?
        .join("bursar");
    std::fs::create_dir_all(&home)?;
    let path = home.join("bursar.yaml");
    if !path.exists() {
        // Another run may be reading it already: it sees the whole file or none.
        let draft = home.join(format!(".bursar.yaml.{}", std::process::id()));
        std::fs::write(&draft, ::config::laptop_template())?;
        std::fs::rename(&draft, &path)?;
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(agent: Option<&str>, program: &str) -> Run {
        Run { agent: agent.map(str::to_owned), budget: None, idle_seconds: 30, program: vec![program.to_owned()] }
    }

    #[test]
    fn a_run_is_named_after_its_program_or_as_asked() {
        assert_eq!(run(None, "/usr/bin/python3.12").stem(), "python3-12");
        assert_eq!(run(Some("Researcher"), "python").stem(), "researcher");
        assert_eq!(run(None, "./...").stem(), "run");
        assert_eq!(run(None, &"x".repeat(80)).stem().len(), 32);
    }

    #[test]
    fn no_name_of_a_run_ends_or_begins_with_a_dash() {
        for program in ["-", "--x--", &format!("{}-y", "x".repeat(31)), "é"] {
            let stem = run(None, program).stem();
            assert!(!stem.starts_with('-') && !stem.ends_with('-') && !stem.is_empty(), "{program}: {stem}");
        }
    }
}
