//! The owner of the data directory that a run attaches to: one that is there, or one started for it.

use std::fs::OpenOptions;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ::config::House;
use control::{About, Client};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::cli::output::CliError;
use crate::cli::place;
use crate::house::{BUNDLE_PENDING, DataDirectory};

/// How long a fresh owner may take to be ready, and an old one to leave.
const READY_MAX: Duration = Duration::from_secs(40);
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// A log that has grown beyond this is set aside at the next start.
const LOG_BYTES_MAX: u64 = 16 << 20;
/// So much of the log's end is looked at for the reason why an owner did not start.
const LOG_TAIL_BYTES: u64 = 4_096;

/// A place at an owner, which stays until this is dropped.
pub(super) struct Attached {
    /// Speaks to it.
    pub client: Client,
    /// Where agents reach it.
    pub proxy: String,
    held: Incoming,
}

impl Attached {
    /// Returns when the owner has gone.
    pub(super) async fn gone(&mut self) {
        while self.held.frame().await.is_some_and(|frame| frame.is_ok()) {}
    }
}

/// Attaches to the owner of the data directory; where there is none, starts one.
///
/// # Errors
/// Why it did not start, with what it said.
pub(super) async fn attach_or_start(config: &Path, house: &House, idle_seconds: u64) -> Result<Attached, CliError> {
    let client = place::client(house);
    let log = house.data.join("gateway.log");
    let until = Instant::now() + READY_MAX;
    let mut started: Option<Child> = None;
    loop {
        if let Some(attached) = attach(&client).await {
            return Ok(attached);
        }
        let is_owned = DataDirectory::is_owned(&house.data);
        match &mut started {
            // Whoever owns it now is about to answer, or about to leave.
            _ if is_owned => {}
            None => started = Some(start(config, house, &log, idle_seconds)?),
            Some(owner) => {
                if let Some(status) = owner.try_wait()? {
                    return Err(CliError::failed(format!(
                        "the gateway did not start ({status}): {}; see {}",
                        last_line(&log),
                        log.display()
                    )));
                }
            }
        }
        if Instant::now() >= until {
            let seconds = READY_MAX.as_secs();
            return Err(CliError::failed(format!("no gateway was ready after {seconds} s; see {}", log.display())));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// A place at an owner that takes requests; `None` where there is none, or one that is leaving.
async fn attach(client: &Client) -> Option<Attached> {
    let held = client.attach().await.ok()?;
    let about: About = client.view("/v1/about").await.ok()?;
    let proxy =
        about.proxy.filter(|_| !about.not_ready.iter().any(|why| why == "draining" || why == BUNDLE_PENDING))?;
    Some(Attached { client: client.clone(), proxy, held })
}

fn start(config: &Path, house: &House, log: &Path, idle_seconds: u64) -> Result<Child, CliError> {
    std::fs::create_dir_all(&house.data)?;
    if std::fs::metadata(log).is_ok_and(|metadata| metadata.len() > LOG_BYTES_MAX) {
        std::fs::rename(log, log.with_extension("log.old"))?;
    }
    let out = OpenOptions::new().create(true).append(true).open(log)?;
    let errors = out.try_clone()?;
    Command::new(std::env::current_exe()?)
        .arg("--config")
        .arg(config)
        .args(["serve", "--until-idle-seconds", &idle_seconds.to_string()])
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(errors)
        // A group of its own: what stops the program in the terminal does not stop the owner in mid-settlement.
        .process_group(0)
        .spawn()
        .map_err(CliError::failed)
}

/// What the owner said last.
fn last_line(log: &Path) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = std::fs::File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL_BYTES)))?;
        let mut tail = Vec::new();
        file.read_to_end(&mut tail)?;
        Ok(String::from_utf8_lossy(&tail).into_owned())
    };
    let said = read().unwrap_or_default();
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    last.trim_start_matches("bursar: ").to_owned()
}
