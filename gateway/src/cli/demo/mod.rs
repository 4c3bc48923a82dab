//! `bursar demo`: the main job on this machine, without keys or network. The vendor is a small one on loopback; the
//! gateway, its trail, its interception and its refusals are the real ones, in a process of their own.

mod agent;
mod vendor;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ::config::{Environment, RealEnvironment};
use clap::Args;
use control::{About, Client};
use types::{Money, Window};

use self::agent::Agent;
use super::output::{CliError, line};
use super::{agents, place};
use crate::house::DataDirectory;

/// Show the main job on this machine, without keys or network.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  bursar demo\n  bursar demo --python .state/venv/bin/python")]
pub(super) struct Demo {
    /// A Python that has the `openai` package: the demo then shows what the SDK itself sees. Without it the one that
    /// BURSAR_DEMO_PYTHON names.
    #[arg(long)]
    python: Option<PathBuf>,
}

const READY_MAX: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// What the demo's agent may spend: enough for a few small calls, not for many.
const BUDGET: &str = "0.05";

impl Demo {
    /// Does the command.
    ///
    /// # Errors
    /// Where the machine gives no port, folder or process, or a step shows something else than it should.
    pub(super) fn run(&self) -> Result<(), CliError> {
        let folder = Folder::new()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let (address, served) = runtime.block_on(vendor::start())?;
        let config = folder.0.join("bursar.yaml");
        std::fs::write(&config, configuration(&folder.0, address.port()))?;
        let budget: Money = BUDGET.parse().map_err(CliError::failed)?;
        let house = place::house(&config)?;
        let (key, _) = agents::mint(&config, &house, "researcher", None, vec![(Window::Day, budget)])?;
        let client = Client::new(&DataDirectory::operator_socket(&house.data));
        let _owner = Owner::start(&config)?;
        let about = runtime.block_on(ready(&client))?;
        let proxy = about.proxy.ok_or_else(|| CliError::failed("the gateway has no proxy listener"))?;
        let python = self.python.clone().or_else(|| RealEnvironment.variable("BURSAR_DEMO_PYTHON").map(PathBuf::from));
        let agent = Agent::new(python.as_deref(), &proxy, &key, &house.data.join("ca-bundle.pem"));
        story(&agent, &config, &served)
    }
}

fn story(agent: &Agent, config: &Path, served: &vendor::Served) -> Result<(), CliError> {
    line(format!("An agent with ${BUDGET} a day, calling api.openai.com through Bursar ({}).", agent.kind()))?;
    heading("1. A call, with its cost")?;
    line(agent.call("gpt-4o-mini", false)?)?;
    heading("2. A streamed call, with its cost")?;
    line(agent.call("gpt-4o-mini", true)?)?;
    heading("3. Small calls without a bound of their own: Bursar puts one in that the budget can pay")?;
    line(agent.call("gpt-5", false)?)?;
    heading("4. Until the money is used up: refused before anything leaves")?;
    line(agent.spend_up("gpt-5")?)?;
    heading("5. A vendor nobody listed")?;
    line(agent.stray()?)?;
    heading("What the vendor has served")?;
    line(format!("{} calls; everything else was refused here", served.calls()))?;
    for (title, words) in [
        ("bursar spend", &["spend"][..]),
        ("bursar audit verify", &["audit", "verify"]),
        ("bursar audit tail -n 6", &["audit", "tail", "-n", "6"]),
    ] {
        heading(title)?;
        line(bursar(config, words)?.trim_end())?;
    }
    line("\nNext: `bursar init` writes a configuration of your own.")
}

fn heading(text: &str) -> Result<(), CliError> {
    line(format!("\n\u{2500}\u{2500} {text}"))
}

/// Runs a command of this very program.
fn bursar(config: &Path, words: &[&str]) -> Result<String, CliError> {
    let output = Command::new(std::env::current_exe()?).arg("--config").arg(config).args(words).output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(CliError::failed(format!("bursar {}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr))))
}

/// The demo's configuration: the real route of OpenAI, its upstream pointed at the demo's vendor.
fn configuration(folder: &Path, vendor_port: u16) -> String {
    format!(
        "version: 1\n\
         org: demo\n\
         data: {data}\n\
         contact: you@example.com\n\
         listeners:\n  proxy: [\"127.0.0.1:0\"]\n\
         upstream:\n  allow_addresses: [\"127.0.0.1/32\"]\n\
         routes:\n  - preset: openai\n    upstream: http://127.0.0.1:{vendor_port}\n    credentials: {{value: {key}}}\n",
        data = folder.join("data").display(),
        key = vendor::VENDOR_KEY,
    )
}

async fn ready(client: &Client) -> Result<About, CliError> {
    let until = Instant::now() + READY_MAX;
    loop {
        match client.view::<About>("/v1/about").await {
            Ok(about) if about.not_ready.is_empty() => return Ok(about),
            Ok(about) if Instant::now() >= until => {
                return Err(CliError::failed(format!("the gateway is not ready: {}", about.not_ready.join(", "))));
            }
            Err(error) if Instant::now() >= until => return Err(CliError::failed(error)),
            _ => tokio::time::sleep(LOOK_AGAIN).await,
        }
    }
}

/// The gateway's process; ended with the demo.
struct Owner(Child);

impl Owner {
    fn start(config: &Path) -> Result<Self, CliError> {
        let child = Command::new(std::env::current_exe()?)
            .arg("--config")
            .arg(config)
            .arg("serve")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Self(child))
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // The demo's folder goes with it; there is nothing to drain for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A folder that goes with the demo.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, CliError> {
        let path = std::env::temp_dir().join(format!("bursar-demo-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's own cleaning.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
