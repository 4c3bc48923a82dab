//! The demo's agent: the official SDK where a Python has it, `curl` otherwise. Both go through the proxy and trust
//! the bundle, as any agent would.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

use super::super::output::CliError;

/// The SDK's side of the demo.
const SCRIPT: &str = include_str!("agent.py");
/// More calls than the budget can pay.
const CALLS_MAX: usize = 64;

/// A program that calls a vendor through the gateway.
pub(super) struct Agent {
    kind: Kind,
    proxy: String,
    /// Where the agent asks what a decision of its own did cost.
    decisions: String,
    bundle: PathBuf,
    key: String,
}

enum Kind {
    Sdk(PathBuf),
    Curl,
}

impl Agent {
    /// The best agent that this machine has.
    pub(super) fn new(python: Option<&Path>, proxy: &str, key: &str, bundle: &Path) -> Self {
        let sdk = python.filter(|python| {
            let probe = Command::new(python).args(["-c", "import openai"]).output();
            probe.is_ok_and(|output| output.status.success())
        });
        let kind = sdk.map_or(Kind::Curl, |python| Kind::Sdk(python.to_owned()));
        Self {
            kind,
            proxy: format!("http://researcher:{key}@{proxy}"),
            decisions: format!("http://{proxy}/v1/decisions/"),
            bundle: bundle.to_owned(),
            key: key.to_owned(),
        }
    }

    /// What kind of client it is.
    pub(super) fn kind(&self) -> &'static str {
        match self.kind {
            Kind::Sdk(_) => "the official openai SDK",
            Kind::Curl => "curl; the openai SDK is not installed here",
        }
    }

    /// One call; tells its answer and what it did cost.
    pub(super) fn call(&self, model: &str, streamed: bool) -> Result<String, CliError> {
        match &self.kind {
            Kind::Sdk(python) => self.sdk(python, &[if streamed { "stream" } else { "call" }, model]),
            Kind::Curl => {
                let body = json!({"model": model, "stream": streamed, "messages": [{"role": "user", "content": "What does Bursar do?"}]});
                let answer = self.curl("api.openai.com", &body)?;
                let cost = if streamed { self.cost(&answer)? } else { String::new() };
                Ok(answer.told() + &cost)
            }
        }
    }

    /// What a streamed call did cost: its head could not tell.
    fn cost(&self, answer: &Answer) -> Result<String, CliError> {
        let id = answer.header("bursar-decision-id").unwrap_or_default();
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "20"])
            .args(["-H", &format!("bursar-key: {}", self.key)])
            .arg(format!("{}{id}", self.decisions))
            .output()?;
        let record: Value = serde_json::from_str(&said(&output)?).map_err(CliError::failed)?;
        Ok(format!("; did cost ${}", record.get("cost_usd").and_then(Value::as_str).unwrap_or("?")))
    }

    /// Calls until it is refused; tells how far it came and what the client saw.
    pub(super) fn spend_up(&self, model: &str) -> Result<String, CliError> {
        if let Kind::Sdk(python) = &self.kind {
            return self.sdk(python, &["spend", model]);
        }
        // A long question makes each call cost enough to see the end of the budget.
        let body = json!({"model": model, "max_completion_tokens": 800, "messages": [{"role": "user", "content": "Why? ".repeat(400)}]});
        for count in 0..CALLS_MAX {
            let answer = self.curl("api.openai.com", &body)?;
            if answer.status != 200 {
                return Ok(format!("after {count} more calls:\n  {}", answer.told()));
            }
        }
        Err(CliError::failed("the budget did not end"))
    }

    /// A call to a host that no route leads to.
    pub(super) fn stray(&self) -> Result<String, CliError> {
        match &self.kind {
            Kind::Sdk(python) => self.sdk(python, &["stray", "gpt-4o-mini"]),
            Kind::Curl => Ok(self.curl("api.unlisted.example", &json!({}))?.told()),
        }
    }

    fn sdk(&self, python: &Path, words: &[&str]) -> Result<String, CliError> {
        let output = Command::new(python)
            .arg("-c")
            .arg(SCRIPT)
            .args(words)
            .env("HTTPS_PROXY", &self.proxy)
            .env("SSL_CERT_FILE", &self.bundle)
            .env("OPENAI_API_KEY", &self.key)
            .env("BURSAR_DECISIONS", &self.decisions)
            .env_remove("OPENAI_BASE_URL")
            .output()?;
        said(&output)
    }

    fn curl(&self, host: &str, body: &Value) -> Result<Answer, CliError> {
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--include", "--suppress-connect-headers", "--max-time", "20"])
            .args(["--proxy", &self.proxy, "--cacert"])
            .arg(&self.bundle)
            .args(["-H", "content-type: application/json", "-d", &body.to_string()])
            .arg(format!("https://{host}/v1/chat/completions"))
            .output()
            .map_err(|error| CliError::failed(format!("curl cannot be started: {error}")))?;
        Answer::parse(&said(&output)?)
    }
}

fn said(output: &Output) -> Result<String, CliError> {
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned());
    }
    Err(CliError::failed(String::from_utf8_lossy(&output.stderr).trim_end().to_owned()))
}

/// An HTTP answer as curl prints it.
struct Answer {
    status: u16,
    headers: Vec<String>,
    body: String,
}

impl Answer {
    fn parse(text: &str) -> Result<Self, CliError> {
        let (head, body) = text.split_once("\r\n\r\n").ok_or_else(|| CliError::failed("curl printed no head"))?;
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| CliError::failed("curl printed no status"))?;
        Ok(Self { status, headers: lines.map(str::to_owned).collect(), body: body.to_owned() })
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The answer in a few lines for people.
    fn told(&self) -> String {
        let mut told = format!("HTTP {}", self.status);
        for (name, words) in [
            ("bursar-reserved-usd", "held before it left $"),
            ("bursar-cost-usd", "did cost $"),
            ("bursar-max-output-tokens", "output bound put in: "),
            ("bursar-budget-remaining-usd", "left $"),
        ] {
            if let Some(value) = self.header(name) {
                told.push_str(&format!("; {words}{value}"));
            }
        }
        let message = serde_json::from_str::<Value>(&self.body).ok().and_then(|body| {
            let message = body.pointer("/error/message").or_else(|| body.get("detail"));
            message.and_then(Value::as_str).map(str::to_owned)
        });
        if let Some(message) = message {
            told.push_str("\n  ");
            told.push_str(&message);
        }
        told
    }
}
