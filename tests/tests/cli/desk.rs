//! A folder with a vendor, a house and an agent in it, and `bursar` run there.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use bursar_testkit::http::Answer;
use bursar_testkit::{Gateway, HouseFile, PROVIDER_KEY, Running, TestAgent, TestVendor, gateway, http, wait};
use serde_json::Value;

/// Far above what anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What a command said and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// It went well.
    #[track_caller]
    pub(crate) fn well(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    /// It failed with this code and one sentence on standard error.
    #[track_caller]
    pub(crate) fn failed(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.err.starts_with("bursar: "), "{self:?}");
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in {self:?}");
        }
        self
    }

    /// Its output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// `bursar` with these words in a folder; to be given more before it runs.
pub(crate) fn command(folder: &Path, words: &[&str]) -> Command {
    let mut command = gateway::command(words).unwrap();
    command.current_dir(folder).env("VENDOR_KEY", PROVIDER_KEY).env_remove("BURSAR_CONFIG");
    command
}

/// Runs `bursar` with these words in a folder.
pub(crate) fn bursar(folder: &Path, words: &[&str]) -> Said {
    Said::of(&command(folder, words).output().unwrap())
}

/// Runs a command to its end.
pub(crate) fn said(command: &mut Command) -> Said {
    Said::of(&command.output().unwrap())
}

/// A vendor, a running gateway in front of it, and one agent.
pub(crate) struct Desk {
    pub(crate) vendor: TestVendor,
    pub(crate) agent: TestAgent,
    pub(crate) running: Running,
    folder: tempfile::TempDir,
}

impl Desk {
    /// An agent with five dollars a day.
    pub(crate) fn open() -> Self {
        Self::with("{ scope: agent, window: day, usd: 5 }")
    }

    /// An agent with this limit.
    pub(crate) fn with(limit: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let vendor = TestVendor::start(folder.path(), &[]).unwrap();
        let agent = TestAgent::new("researcher");
        let house = HouseFile::of(&[&agent]).limited(limit);
        let running = house.start(folder.path(), &vendor).unwrap_or_else(|error| panic!("{error}"));
        Self { vendor, agent, running, folder }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder().join("bursar.yaml")
    }

    pub(crate) fn bursar(&self, words: &[&str]) -> Said {
        bursar(self.folder(), words)
    }

    /// How the vendor behaves from now on: one setting and its value.
    pub(crate) fn vendor_does(&self, setting: &str, value: &str) {
        let mut behaviour = loadtest::vendor::Behaviour::default();
        behaviour.set(setting, value).unwrap();
        self.vendor.behave(behaviour);
    }

    /// A call of this agent's key.
    pub(crate) fn call(&self, key: &str) -> Answer {
        call(self.running.proxy, key)
    }

    /// The operator's page, or what lies beside it.
    pub(crate) fn get(&self, path: &str) -> Answer {
        http::get(self.running.operator, path).unwrap()
    }

    /// Stops the gateway in good order; the rest stays.
    pub(crate) fn stop(self) -> Closed {
        let setup = self.running.gateway.setup().clone();
        assert!(self.running.gateway.stop().unwrap().success());
        Closed { setup, vendor: self.vendor, agent: self.agent, folder: self.folder }
    }

    /// Ends the gateway as a power cut would.
    pub(crate) fn kill(self) -> Closed {
        let setup = self.running.gateway.kill();
        Closed { setup, vendor: self.vendor, agent: self.agent, folder: self.folder }
    }
}

/// The same without a running gateway.
pub(crate) struct Closed {
    setup: gateway::Setup,
    vendor: TestVendor,
    agent: TestAgent,
    folder: tempfile::TempDir,
}

impl Closed {
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn bursar(&self, words: &[&str]) -> Said {
        bursar(self.folder(), words)
    }

    /// Starts the gateway again.
    pub(crate) fn start(self) -> Desk {
        let operator = self.setup.operator;
        let text = self.setup.config.clone();
        let proxy = text.split("proxy: [\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().parse().unwrap();
        let gateway = Gateway::start(self.setup).unwrap_or_else(|error| panic!("{error}"));
        let running = Running { gateway, proxy, operator };
        Desk { vendor: self.vendor, agent: self.agent, running, folder: self.folder }
    }
}

/// A small chat completion with this key.
pub(crate) fn call(proxy: SocketAddr, key: &str) -> Answer {
    let body = r#"{"model":"gpt-4o-mini","max_tokens":64,"messages":[{"role":"user","content":"twelve bytes"}]}"#;
    let request = ::http::Request::post("/openai/v1/chat/completions")
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json")
        .body(body.into());
    http::send_blocking(proxy, request.unwrap()).unwrap()
}

/// Waits until something is so.
pub(crate) fn until(what: &str, look: impl FnMut() -> Result<(), String>) {
    wait::until(what, PATIENCE, look).unwrap_or_else(|error| panic!("{error}"));
}
