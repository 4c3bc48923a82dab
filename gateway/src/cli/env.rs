//! `bursar env`: the variables that send a program's calls through the gateway, for every runtime we know.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;

use ::config::{Credentials, Environment, House, RealEnvironment};
use clap::{Args, ValueEnum};
use control::About;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::output::{CliError, Format, json, line};
use super::place;

/// Prints the environment that sends a program's calls through the gateway.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  eval \"$(bursar env --agent researcher --key bk_…)\"\n  bursar env --shell docker --at host.docker.internal:4000 --key bk_… > agent.env"
)]
pub(super) struct Env {
    /// For which shell or file.
    #[arg(long, value_enum, default_value_t = Shell::Bash)]
    shell: Shell,
    /// The agent.
    #[arg(long, default_value = "agent")]
    agent: String,
    /// The agent's key, as `bursar agents add` printed it; without it the one that BURSAR_KEY holds.
    #[arg(long)]
    key: Option<String>,
    /// Where the program reaches the gateway (HOST:PORT), if not at its own listener: from a container, for example.
    #[arg(long)]
    at: Option<String>,
}

/// The forms that an environment can be printed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Shell {
    /// `export NAME='value'`
    Bash,
    /// `set -gx NAME 'value'`
    Fish,
    /// `NAME=value`, for `docker run --env-file`
    Docker,
    /// A list of `name`/`value` for a Kubernetes container
    K8s,
}

/// Where the gateway is and who calls.
pub(super) struct Door<'a> {
    /// `host:port` of the proxy.
    pub proxy: &'a str,
    /// The agent.
    pub agent: &'a str,
    /// Its key.
    pub key: &'a str,
    /// The bundle of system roots and our CA.
    pub bundle: &'a Path,
    /// Our CA alone, for runtimes that add to their own roots.
    pub authority: &'a Path,
    /// What SDKs read beside the proxy.
    pub sdks: &'a [Sdk],
}

/// The variables of one SDK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sdk {
    /// Where it reads its base URL; `None` where somebody has pointed it elsewhere.
    base: Option<(&'static str, String)>,
    /// Where it reads its key; `None` where the user's own key is passed through.
    key: Option<&'static str>,
}

/// What may stand in the user part of a URL as it is (RFC 3986 §2.3, and the plus between agent and session).
const NON_ALPHANUMERIC_BUT_PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'+');
/// Variables that replace the roots of a runtime get the bundle (facts of each runtime's documentation).
const BUNDLE_VARIABLES: [&str; 7] = [
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "AWS_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "PIP_CERT",
    "CARGO_HTTP_CAINFO",
];
/// Variables that add to the roots of a runtime get our CA alone.
const AUTHORITY_VARIABLES: [&str; 2] = ["NODE_EXTRA_CA_CERTS", "DENO_CERT"];

/// The variables, in the order to print them.
#[must_use]
pub(super) fn variables(door: &Door<'_>) -> Vec<(String, String)> {
    let user = utf8_percent_encode(door.agent, NON_ALPHANUMERIC_BUT_PLAIN);
    let proxy = format!("http://{user}:{}@{}", utf8_percent_encode(door.key, NON_ALPHANUMERIC_BUT_PLAIN), door.proxy);
    let local = "localhost,127.0.0.1,::1".to_owned();
    let mut variables = Vec::new();
    for name in ["HTTPS_PROXY", "https_proxy"] {
        variables.push((name.to_owned(), proxy.clone()));
    }
    for name in ["NO_PROXY", "no_proxy"] {
        variables.push((name.to_owned(), local.clone()));
    }
    // Node reads the proxy variables only when told so (22.21, 24.5 and later).
    variables.push(("NODE_USE_ENV_PROXY".to_owned(), "1".to_owned()));
    for name in BUNDLE_VARIABLES {
        variables.push((name.to_owned(), door.bundle.display().to_string()));
    }
    for name in AUTHORITY_VARIABLES {
        variables.push((name.to_owned(), door.authority.display().to_string()));
    }
    for (name, suffix) in door.sdks.iter().filter_map(|sdk| sdk.base.as_ref()) {
        variables.push(((*name).to_owned(), format!("http://{}/_k/{}{suffix}", door.proxy, door.key)));
    }
    // A provider's own key is refused where ours is put in, and without any key an SDK does not even start.
    for name in door.sdks.iter().filter_map(|sdk| sdk.key) {
        variables.push((name.to_owned(), door.key.to_owned()));
    }
    variables.push(("BURSAR_KEY".to_owned(), door.key.to_owned()));
    variables
}

/// What SDKs read, for the routes that there is an SDK for: `OPENAI_BASE_URL` ends in `/v1`, `ANTHROPIC_BASE_URL` does not.
/// Whoever has pointed an SDK at a host that no route names keeps it: that may be a model on this very machine.
#[must_use]
pub(super) fn sdks(house: &House, environment: &dyn Environment) -> Vec<Sdk> {
    let mut sdks = Vec::new();
    for route in house.routes.iter() {
        let (base, suffix, key) = match &*route.provider {
            "openai" => ("OPENAI_BASE_URL", "/v1", "OPENAI_API_KEY"),
            "anthropic" => ("ANTHROPIC_BASE_URL", "", "ANTHROPIC_API_KEY"),
            _ => continue,
        };
        let is_elsewhere = environment.variable(base).is_some_and(|url| !leads_to_a_route(house, &url));
        let prefix = route.prefix.as_ref().filter(|_| !is_elsewhere);
        sdks.push(Sdk {
            base: prefix.map(|prefix| (base, format!("{prefix}{suffix}"))),
            key: (!is_elsewhere && matches!(route.credentials, Credentials::Inject { .. })).then_some(key),
        });
    }
    sdks
}

fn leads_to_a_route(house: &House, url: &str) -> bool {
    let Ok(url) = url.parse::<http::Uri>() else { return false };
    let port = url.port_u16().unwrap_or(if url.scheme_str() == Some("http") { 80 } else { 443 });
    url.host().is_some_and(|host| house.routes.find(host, port).is_some())
}

impl Env {
    /// Does the command.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub(super) fn run(&self, config: &Path, format: Format) -> Result<(), CliError> {
        let house = place::house(config)?;
        let key = self.key.clone().or_else(|| RealEnvironment.variable("BURSAR_KEY"));
        let key = key.ok_or_else(|| CliError::failed("no key was named; use --key, or set BURSAR_KEY"))?;
        if [&key, &self.agent].iter().any(|word| word.is_empty() || word.contains(char::is_control)) {
            return Err(CliError::failed("agent and key are one line of text each"));
        }
        let proxy = match &self.at {
            Some(at) => at.clone(),
            None => reachable(&house)?,
        };
        let (bundle, authority) = (house.data.join("ca-bundle.pem"), house.data.join("ca.pem"));
        // Nothing of the environment here decides for the shell that will read this.
        let sdks = sdks(&house, &Nowhere);
        let door = Door {
            proxy: &proxy,
            agent: &self.agent,
            key: &key,
            bundle: &absolute(&bundle),
            authority: &absolute(&authority),
            sdks: &sdks,
        };
        let variables = variables(&door);
        if format == Format::Json {
            return json(&variables.into_iter().collect::<std::collections::BTreeMap<_, _>>());
        }
        for (name, value) in variables {
            line(self.shell.line(&name, &value))?;
        }
        Ok(())
    }
}

/// The first listener as a program on this machine reaches it. Without a fixed port only the running gateway knows.
fn reachable(house: &House) -> Result<String, CliError> {
    let none = || CliError::failed("the configuration has no proxy listener");
    let mut listener = *house.listeners.proxy.first().ok_or_else(none)?;
    if listener.port() == 0 {
        let owner = place::owner(house).ok_or_else(|| {
            CliError::failed("the listener has no fixed port: start the gateway first, or name HOST:PORT with --at")
        })?;
        let about = place::ask(async move { owner.view::<About>("/v1/about").await })?;
        listener = about.proxy.and_then(|proxy| proxy.parse().ok()).ok_or_else(none)?;
    }
    if listener.ip().is_unspecified() {
        let local = if listener.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        listener.set_ip(local);
    }
    Ok(listener.to_string())
}

/// An environment without variables.
struct Nowhere;

impl Environment for Nowhere {
    fn variable(&self, _name: &str) -> Option<String> {
        None
    }

    fn file(&self, _path: &Path) -> std::io::Result<String> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}

fn absolute(path: &Path) -> std::path::PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

impl Shell {
    fn line(self, name: &str, value: &str) -> String {
        match self {
            Self::Bash => format!("export {name}='{}'", value.replace('\'', r"'\''")),
            Self::Fish => format!("set -gx {name} '{}'", value.replace('\\', r"\\").replace('\'', r"\'")),
            Self::Docker => format!("{name}={value}"),
            Self::K8s => format!("- name: {name}\n  value: {}", serde_json::Value::from(value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_runtime_finds_the_proxy_and_the_roots() {
        let door = Door {
            proxy: "127.0.0.1:8080",
            agent: "researcher",
            key: "bk_x",
            bundle: Path::new("/data/ca-bundle.pem"),
            authority: Path::new("/data/ca.pem"),
            sdks: &[Sdk { base: Some(("OPENAI_BASE_URL", "/openai/v1".to_owned())), key: Some("OPENAI_API_KEY") }],
        };
        let variables: std::collections::BTreeMap<String, String> = variables(&door).into_iter().collect();
        assert_eq!(variables["HTTPS_PROXY"], "http://researcher:bk_x@127.0.0.1:8080");
        assert_eq!(variables["https_proxy"], variables["HTTPS_PROXY"]);
        assert_eq!(variables["SSL_CERT_FILE"], "/data/ca-bundle.pem");
        assert_eq!(variables["NODE_EXTRA_CA_CERTS"], "/data/ca.pem");
        assert_eq!(variables["OPENAI_API_KEY"], "bk_x");
        assert_eq!(variables["OPENAI_BASE_URL"], "http://127.0.0.1:8080/_k/bk_x/openai/v1");
    }

    #[test]
    fn values_are_quoted_for_their_shell() {
        assert_eq!(Shell::Bash.line("A", "it's"), r"export A='it'\''s'");
        assert_eq!(Shell::Fish.line("A", "it's"), r"set -gx A 'it\'s'");
        assert_eq!(Shell::K8s.line("A", "\"x\""), "- name: A\n  value: \"\\\"x\\\"\"");
    }
}
