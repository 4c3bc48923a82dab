//! A `bursar.yaml` for tests: an agent or several with keys, routes to the mock vendor, and whatever limits a story needs.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;

use crate::error::KitError;
use crate::gateway::{Gateway, Setup};
use crate::ports::free_addresses;
use crate::vendor::{PROVIDER_KEY, TestVendor};

/// How often a start is tried again because another program took a free port first.
const STARTS_MAX: usize = 5;

/// An agent of a story.
#[derive(Clone, Debug)]
pub struct TestAgent {
    /// Its name.
    pub name: String,
    /// Its key.
    pub key: String,
    sha256: String,
    id: String,
}

impl TestAgent {
    /// An agent with a key that follows from its name: the same in every run.
    #[must_use]
    pub fn new(name: &str) -> Self {
        // FNV-1a, so that names with the same beginning have different key ids; a key of a test need not be secret.
        let mut state = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, fnv);
        let mut bytes = [0_u8; config::KEY_RANDOM_BYTES];
        for byte in &mut bytes {
            state = fnv(state, 0);
            *byte = (state >> 56) as u8;
        }
        let minted = config::mint_key(bytes);
        let sha256 = minted.kept.sha256.iter().fold(String::new(), |mut text, byte| {
            // Writing into text cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        });
        Self { name: name.to_owned(), key: minted.key.expose().to_owned(), sha256, id: minted.kept.id }
    }

    /// A chat completion through the gateway's base URL, the key where SDKs put the provider's.
    ///
    /// # Errors
    /// A key that cannot stand in a header: none in practice.
    pub fn chat(&self, body: impl Into<Bytes>) -> Result<Request<Full<Bytes>>, KitError> {
        Request::post("/openai/v1/chat/completions")
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {}", self.key))
            .body(Full::new(body.into()))
            .map_err(|error| KitError::Http { what: "a chat completion".to_owned(), said: error.to_string() })
    }

    /// `Basic` credentials as a client sends them to a proxy.
    #[must_use]
    pub fn proxy_url(&self, proxy: SocketAddr) -> String {
        format!("http://{}:{}@{proxy}", self.name, self.key)
    }
}

/// What stands in the file. Everything else has its default.
#[derive(Clone, Debug, Default)]
pub struct HouseFile {
    /// Agents, all of the team `core`.
    pub agents: Vec<TestAgent>,
    /// Lines of `limits:`, such as `{ scope: agent, window: day, usd: 5 }`.
    pub limits: Vec<String>,
    /// Lines of `upstream:`, such as `head_timeout_ms: 500`.
    pub upstream: Vec<String>,
    /// More lines at the top level of the file.
    pub more: String,
}

/// A running gateway in front of a mock vendor.
#[derive(Debug)]
pub struct Running {
    /// The gateway.
    pub gateway: Gateway,
    /// Its listener for agents.
    pub proxy: SocketAddr,
    /// Its listener for the operator.
    pub operator: SocketAddr,
}

impl HouseFile {
    /// A file with these agents.
    #[must_use]
    pub fn of(agents: &[&TestAgent]) -> Self {
        Self { agents: agents.iter().copied().cloned().collect(), ..Self::default() }
    }

    /// The same with one more line of `limits:`.
    #[must_use]
    pub fn limited(mut self, line: &str) -> Self {
        self.limits.push(line.to_owned());
        self
    }

    /// The same with more lines at the top level of the file.
    #[must_use]
    pub fn with(mut self, lines: &str) -> Self {
        self.more.push_str(lines.trim_end());
        self.more.push('\n');
        self
    }

    /// The same with one more line of `upstream:`.
    #[must_use]
    pub fn upstream(mut self, line: &str) -> Self {
        self.upstream.push(line.to_owned());
        self
    }

    /// The text of the file. Routes: `/openai` and `/anthropic` as base URLs; for clients that come through the proxy
    /// the vendor's TLS listener stands for OpenAI as `localhost` and for Anthropic as `127.0.0.1`.
    ///
    /// # Errors
    /// The vendor has no address.
    pub fn text(&self, vendor: &TestVendor, proxy: SocketAddr, operator: SocketAddr) -> Result<String, KitError> {
        let agents: String = self.agents.iter().map(agent_lines).collect();
        let limits: String = self.limits.iter().map(|line| format!("  - {line}\n")).collect();
        let limits = if limits.is_empty() { String::new() } else { format!("limits:\n{limits}") };
        let upstream: String = self.upstream.iter().map(|line| format!("  {line}\n")).collect();
        let tls = vendor.tls_url()?;
        let port = vendor.tls()?.port();
        Ok(format!(
            "version: 1\norg: acme\ncontact: owner@acme.example\ndata: data\n\
             listeners:\n  proxy: [\"{proxy}\"]\n  operator: \"{operator}\"\n\
             teams:\n  - name: core\nagents:\n{agents}{limits}\
             routes:\n\
             \x20 - name: openai\n    prefix: /openai\n    hosts: [\"localhost:{port}\"]\n    upstream: {tls}\n    provider: openai\n\
             \x20   meters: [openai_chat]\n    free: [\"GET /v1/models\"]\n\
             \x20   credentials: {{ value: \"${{env:VENDOR_KEY}}\", header: authorization, scheme: Bearer }}\n\
             \x20 - name: anthropic\n    prefix: /anthropic\n    hosts: [\"127.0.0.1:{port}\"]\n    upstream: {tls}\n    provider: anthropic\n\
             \x20   meters: [anthropic_messages]\n\
             \x20   credentials: {{ value: \"${{env:VENDOR_KEY}}\", header: x-api-key }}\n\
             upstream:\n  ca_files: [\"{ca}\"]\n  allow_addresses: [\"127.0.0.1/32\", \"::1/128\"]\n{upstream}{more}",
            ca = vendor.ca().display(),
            more = self.more,
        ))
    }

    /// Starts a gateway with this file in `folder`, on free ports, and waits until it is ready.
    ///
    /// # Errors
    /// As [`Gateway::start`].
    pub fn start(&self, folder: &Path, vendor: &TestVendor) -> Result<Running, KitError> {
        let mut starts = 0;
        loop {
            starts += 1;
            match self.start_once(folder, vendor) {
                Err(KitError::Ended { said, .. }) if starts < STARTS_MAX && said.contains("in use") => {}
                done => return done,
            }
        }
    }

    fn start_once(&self, folder: &Path, vendor: &TestVendor) -> Result<Running, KitError> {
        let (setup, proxy) = self.setup(folder, vendor)?;
        let operator = setup.operator;
        Ok(Running { gateway: Gateway::start(setup)?, proxy, operator })
    }

    /// How a gateway with this file is started on free ports, and where it will listen for agents.
    ///
    /// # Errors
    /// No ports, or the vendor has no address.
    pub fn setup(&self, folder: &Path, vendor: &TestVendor) -> Result<(Setup, SocketAddr), KitError> {
        let addresses = free_addresses(2)?;
        let [proxy, operator] = addresses.as_slice() else { return Err(KitError::NoPort) };
        let setup = Setup {
            folder: folder.to_owned(),
            config: self.text(vendor, *proxy, *operator)?,
            operator: *operator,
            variables: vec![("VENDOR_KEY".to_owned(), PROVIDER_KEY.to_owned())],
        };
        Ok((setup, *proxy))
    }
}

fn fnv(state: u64, byte: u8) -> u64 {
    (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
}

fn agent_lines(agent: &TestAgent) -> String {
    let TestAgent { name, id, sha256, .. } = agent;
    format!("  - name: {name}\n    team: core\n    keys:\n      - {{ id: \"{id}\", sha256: \"{sha256}\" }}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_one_that_the_gateway_takes() {
        let folder = tempfile::tempdir().unwrap();
        let vendor = TestVendor::start(folder.path(), &[]).unwrap();
        let (one, two) = (TestAgent::new("researcher-1"), TestAgent::new("researcher-2"));
        assert_ne!(one.id, two.id);
        let file = HouseFile::of(&[&one, &two]).limited("{ scope: agent, window: day, usd: 5 }");
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let path = folder.path().join("bursar.yaml");
        std::fs::write(&path, file.text(&vendor, address(4000), address(4001)).unwrap()).unwrap();
        let house = config::load(&path, &config::RealEnvironment).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(house.directory.agents().count(), 2);
    }
}
