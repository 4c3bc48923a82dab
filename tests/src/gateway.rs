//! The real gateway as a test sees it: a process, its configuration, its addresses, its output.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::error::KitError;
use crate::{http, wait};

/// Longest time from start to ready, and from a signal to the end. Both take milliseconds; a loaded machine may be slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// Variables that would change where the gateway, or a client, looks for proxies, certificates and keys.
pub const FOREIGN_VARIABLES: [&str; 14] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
];

/// The gateway's binary: the one that `BURSAR_BIN` names, or the one built beside this test.
///
/// # Errors
/// It is not built.
pub fn binary() -> Result<PathBuf, KitError> {
    if let Some(path) = std::env::var_os("BURSAR_BIN") {
        return existing(PathBuf::from(path));
    }
    // A test lies in target/<profile>/deps, the binary one folder above.
    let own = std::env::current_exe().map_err(|source| KitError::File { path: "this program".into(), source })?;
    let folder = own.ancestors().nth(2).unwrap_or(Path::new("target/debug"));
    existing(folder.join(format!("bursar{}", std::env::consts::EXE_SUFFIX)))
}

fn existing(path: PathBuf) -> Result<PathBuf, KitError> {
    if path.is_file() { Ok(path) } else { Err(KitError::NotBuilt { path }) }
}

/// A command of the gateway's binary with an environment that holds no proxies and no keys.
///
/// # Errors
/// It is not built.
pub fn command(arguments: &[&str]) -> Result<Command, KitError> {
    let mut command = Command::new(binary()?);
    command.args(arguments).stdin(Stdio::null());
    FOREIGN_VARIABLES.iter().for_each(|name| {
        command.env_remove(name);
    });
    Ok(command)
}

/// How a gateway is started.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The folder that holds `bursar.yaml` and, by default, all data.
    pub folder: PathBuf,
    /// The text of `bursar.yaml`.
    pub config: String,
    /// The operator's listener, as the configuration names it: it tells when the gateway is ready.
    pub operator: SocketAddr,
    /// Variables of its environment.
    pub variables: Vec<(String, String)>,
}

impl Setup {
    /// Runs another command of the gateway's binary with this configuration, to its end.
    ///
    /// # Errors
    /// The binary is not built or cannot be started; what the command itself says is in the output.
    pub fn run(&self, arguments: &[&str]) -> Result<Output, KitError> {
        let mut command = command(arguments)?;
        command.arg("--config").arg(self.folder.join("bursar.yaml")).current_dir(&self.folder);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.output().map_err(|source| KitError::Program { program: "bursar".to_owned(), source })
    }

    /// The same for a command that must succeed, with its answer as JSON.
    ///
    /// # Errors
    /// It fails (with what it said), or what it prints is no JSON.
    pub fn ask(&self, arguments: &[&str]) -> Result<serde_json::Value, KitError> {
        let what = format!("bursar {}", arguments.join(" "));
        let output = self.run(&[arguments, &["--output", "json"]].concat())?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(KitError::Command { what, status: output.status.to_string(), said });
        }
        serde_json::from_slice(&output.stdout).map_err(|error| KitError::Http { what, said: error.to_string() })
    }
}

/// A running gateway. Dropping it kills it.
#[derive(Debug)]
pub struct Gateway {
    setup: Setup,
    child: Child,
}

impl Gateway {
    /// Writes the configuration, starts `bursar serve`, and waits until `/readyz` answers 200.
    ///
    /// # Errors
    /// The binary is not built, the gateway ends by itself (with what it said), or it is not ready in time.
    pub fn start(setup: Setup) -> Result<Self, KitError> {
        let mut gateway = Self::spawn(setup)?;
        gateway.wait_until_ready()?;
        Ok(gateway)
    }

    /// The same without waiting: for tests of what happens before a gateway is ready.
    ///
    /// # Errors
    /// The binary is not built or cannot be started.
    pub fn spawn(setup: Setup) -> Result<Self, KitError> {
        let config = setup.folder.join("bursar.yaml");
        fs::write(&config, &setup.config).map_err(|source| KitError::File { path: config.clone(), source })?;
        // Not beside the configuration: the gateway watches that folder for changes.
        let path = log_path(&setup.folder)?;
        let log = File::options().create(true).append(true).open(&path);
        let log = log.map_err(|source| KitError::File { path: path.clone(), source })?;
        let also = log.try_clone().map_err(|source| KitError::File { path, source })?;
        let mut command = command(&["serve", "--config"])?;
        command.arg(&config).current_dir(&setup.folder).stdout(log).stderr(also);
        command.envs(setup.variables.iter().map(|(name, value)| (name, value)));
        let child = command.spawn().map_err(|source| KitError::Program { program: "bursar".to_owned(), source })?;
        Ok(Self { setup, child })
    }

    /// Waits until `/readyz` answers 200.
    ///
    /// # Errors
    /// As [`Gateway::start`].
    pub fn wait_until_ready(&mut self) -> Result<(), KitError> {
        let operator = self.setup.operator;
        let child = &mut self.child;
        let mut ended = None;
        let ready = wait::until("a ready gateway", PATIENCE, || {
            ended = child.try_wait().ok().flatten();
            if ended.is_some() {
                return Ok(());
            }
            match http::get(operator, "/readyz") {
                Ok(answer) if answer.status.is_success() => Ok(()),
                Ok(answer) => Err(format!("/readyz: {} {}", answer.status, answer.text())),
                Err(error) => Err(error.to_string()),
            }
        });
        match ended {
            Some(status) => Err(KitError::Ended { status: status.to_string(), said: self.output() }),
            None => ready,
        }
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it was started.
    #[must_use]
    pub const fn setup(&self) -> &Setup {
        &self.setup
    }

    /// Everything it wrote so far.
    #[must_use]
    pub fn output(&self) -> String {
        log_path(&self.setup.folder)
            .and_then(|path| fs::read_to_string(&path).map_err(|source| KitError::File { path, source }))
            .unwrap_or_default()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // One that has ended needs no signal.
            let _ = kill_process(pid, signal);
        }
    }

    /// Asks it to stop (SIGTERM) and waits for its end.
    ///
    /// # Errors
    /// It does not end in time.
    pub fn stop(mut self) -> Result<ExitStatus, KitError> {
        self.signal(Signal::TERM);
        self.wait_for_end()
    }

    /// Kills it (SIGKILL), as a power cut would, and gives back how it was started, so that it can be started again.
    #[must_use]
    pub fn kill(mut self) -> Setup {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.setup.clone()
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// It does not end in time.
    pub fn wait_for_end(&mut self) -> Result<ExitStatus, KitError> {
        let child = &mut self.child;
        wait::until("the end of the gateway", PATIENCE, || match child.try_wait() {
            Ok(Some(status)) => Ok(status),
            Ok(None) => Err("it runs".to_owned()),
            Err(error) => Err(error.to_string()),
        })
    }
}

fn log_path(folder: &Path) -> Result<PathBuf, KitError> {
    let folder = folder.join("log");
    fs::create_dir_all(&folder).map_err(|source| KitError::File { path: folder.clone(), source })?;
    Ok(folder.join("gateway.log"))
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
