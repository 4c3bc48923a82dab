//! `bursar run`: one program under a budget. Attaches to the owner of the data directory or starts one that ends
//! half a minute after its last client.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use ::config::{Environment, House, RealEnvironment};
use clap::Args;
use control::{About, Action, Client, Done};
use types::{Measure, Money, Window};

use super::env::{Door, bases, variables};
use super::output::CliError;
use super::{agents, place, spend};
use crate::clock::random;
use crate::house::DataDirectory;

/// Run a program whose calls go through the gateway.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  bursar run -- python agent.py\n  bursar run --budget 5.00 -- claude\n  bursar run --agent researcher --budget 0.50 -- node agent.js"
)]
pub(super) struct Run {
    /// The name the calls are counted under.
    #[arg(long)]
    agent: Option<String>,
    /// What this run may spend, in dollars.
    #[arg(long)]
    budget: Option<Money>,
    /// The program and its arguments.
    #[arg(last = true, required = true)]
    program: Vec<String>,
}

/// How long a fresh owner may take to be ready.
const READY_MAX: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// A fresh owner ends so long after its last client.
const IDLE_SECONDS: u64 = 30;

impl Run {
    /// Does the command; the exit code is the program's own.
    pub(super) fn run(&self, config: &Path) -> ExitCode {
        match self.steps(config) {
            Ok(code) => code,
            Err(error) => error.tell(),
        }
    }

    fn steps(&self, config: &Path) -> Result<ExitCode, CliError> {
        let config = profile(config)?;
        let house = place::house(&config)?;
        let name = self.name()?;
        let limits = self.budget.map(|budget| (Window::Total, budget)).into_iter().collect();
        let (key, file) = agents::mint(&house, &name, None, limits)?;
        let guest = Guest { file };
        let runtime = place::runtime()?;
        let client = runtime.block_on(attach_or_start(&config, &house))?;
        let attached = runtime.block_on(client.attach()).map_err(CliError::failed)?;
        let about: About = runtime
            .block_on(async {
                client.send::<Done>("/v1/actions", &Action::Reload).await?;
                client.view("/v1/about").await
            })
            .map_err(CliError::failed)?;
        let status = self.program(&house, &about, &name, &key)?;
        tell(&runtime, &client, &name)?;
        drop(attached);
        drop(guest);
        Ok(ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1)))
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
            .collect();
        let plain = plain.trim_matches('-');
        if plain.is_empty() { "run".to_owned() } else { plain.chars().take(32).collect() }
    }

    fn program(
        &self,
        house: &House,
        about: &About,
        name: &str,
        key: &str,
    ) -> Result<std::process::ExitStatus, CliError> {
        let proxy = about.proxy.as_deref().ok_or_else(|| CliError::failed("the gateway has no proxy listener"))?;
        let bundle = std::path::absolute(house.data.join("ca-bundle.pem"))?;
        let authority = std::path::absolute(house.data.join("ca.pem"))?;
        let bases = bases(house);
        let door = Door { proxy, agent: name, key, bundle: &bundle, authority: &authority, bases: &bases };
        let (program, arguments) =
            self.program.split_first().ok_or_else(|| CliError::failed("no program was named"))?;
        Command::new(program)
            .args(arguments)
            .envs(variables(&door))
            .status()
            .map_err(|error| CliError::failed(format!("{program} cannot be started: {error}")))
    }
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

/// The configuration to run under: the one named or found here, or the laptop's own.
fn profile(config: &Path) -> Result<PathBuf, CliError> {
    if config.exists() {
        return Ok(config.to_owned());
    }
    let home = RealEnvironment
        .variable("XDG_DATA_HOME")
        .map(PathBuf::from)
        .or_else(|| RealEnvironment.variable("HOME").map(|home| Path::new(&home).join(".local/share")))
        .ok_or_else(|| CliError::failed("neither XDG_DATA_HOME nor HOME is set; name a configuration with --config"))?
        .join("bursar");
    std::fs::create_dir_all(&home)?;
    let path = home.join("bursar.yaml");
    if !path.exists() {
        std::fs::write(&path, ::config::laptop_template())?;
    }
    Ok(path)
}

async fn attach_or_start(config: &Path, house: &House) -> Result<Client, CliError> {
    let client = Client::new(&DataDirectory::operator_socket(&house.data));
    if client.view::<About>("/v1/about").await.is_ok() {
        return Ok(client);
    }
    let log = house.data.join("gateway.log");
    std::fs::create_dir_all(&house.data)?;
    let mut owner = start(config, &log)?;
    let until = Instant::now() + READY_MAX;
    while Instant::now() < until {
        if client.view::<About>("/v1/about").await.is_ok() {
            return Ok(client);
        }
        if let Some(status) = owner.try_wait()? {
            // Another run may have been quicker; then its owner answers.
            if client.view::<About>("/v1/about").await.is_ok() {
                return Ok(client);
            }
            return Err(CliError::failed(format!("the gateway did not start ({status}); see {}", log.display())));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Err(CliError::failed(format!("the gateway was not ready after {} s; see {}", READY_MAX.as_secs(), log.display())))
}

fn start(config: &Path, log: &Path) -> Result<Child, CliError> {
    let program = std::env::current_exe()?;
    let out = std::fs::OpenOptions::new().create(true).append(true).open(log)?;
    let errors = out.try_clone()?;
    use std::os::unix::process::CommandExt;
    Command::new(program)
        .arg("--config")
        .arg(config)
        .args(["serve", "--until-idle-seconds", &IDLE_SECONDS.to_string()])
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(errors)
        // A group of its own: what stops the program in the terminal does not stop the owner in mid-settlement.
        .process_group(0)
        .spawn()
        .map_err(CliError::failed)
}

/// Says what the run did cost, on standard error so that the program's own output stays as it is.
fn tell(runtime: &tokio::runtime::Runtime, client: &Client, name: &str) -> Result<(), CliError> {
    let rows: Vec<spend::Row> = runtime.block_on(client.view("/v1/accounts")).map_err(CliError::failed)?;
    let total = format!("agent:{name}@total");
    let own = rows.iter().find(|row| row.account.as_str() == total);
    let calls =
        own.map_or(0, |row| row.posted.of(Measure::Requests).saturating_add(row.presumed.of(Measure::Requests)));
    let text = if calls == 0 {
        "0 calls seen: your program did not use the proxy. Try `bursar env` to see the variables, \
         a base URL instead of the proxy (Node before 22.21 and aiohttp ignore HTTPS_PROXY), or `trust_env=True`."
            .to_owned()
    } else {
        let spent = own.map(|row| row.posted.usd).unwrap_or_default();
        let presumed = own.map(|row| row.presumed.usd).unwrap_or_default();
        let unproved =
            if presumed > Money::ZERO { format!(", and ${presumed} presumed until proved") } else { String::new() };
        format!("{calls} calls, ${spent}{unproved}")
    };
    use std::io::Write;
    writeln!(std::io::stderr().lock(), "bursar: {text}").map_err(CliError::failed)
}
