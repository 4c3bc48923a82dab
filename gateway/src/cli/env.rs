//! `bursar env`: the variables that send a program's calls through the gateway, for every runtime we know.

use std::path::Path;

use clap::{Args, ValueEnum};

use super::output::{CliError, Format, json, line};
use super::place;

/// Prints the environment that sends a program's calls through the gateway.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  eval \"$(bursar env --agent researcher --key bk_…)\"\n  bursar env --shell docker --key bk_… > agent.env"
)]
pub(super) struct Env {
    /// For which shell or file.
    #[arg(long, value_enum, default_value_t = Shell::Bash)]
    shell: Shell,
    /// The agent.
    #[arg(long, default_value = "agent")]
    agent: String,
    /// The agent's key, as `bursar agents add` printed it.
    #[arg(long, env = "BURSAR_KEY", hide_env_values = true)]
    key: String,
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
    /// Path prefixes of routes by the variable that SDKs read their base URL from.
    pub bases: &'a [(&'static str, String)],
}

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
    let proxy = format!("http://{}:{}@{}", door.agent, door.key, door.proxy);
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
    for (name, suffix) in door.bases {
        variables.push(((*name).to_owned(), format!("http://{}/_k/{}{suffix}", door.proxy, door.key)));
    }
    variables.push(("BURSAR_KEY".to_owned(), door.key.to_owned()));
    variables
}

/// Base URLs of the routes that SDKs have a variable for: `OPENAI_BASE_URL` ends in `/v1`, `ANTHROPIC_BASE_URL` does not.
#[must_use]
pub(super) fn bases(house: &::config::House) -> Vec<(&'static str, String)> {
    let mut bases = Vec::new();
    for route in house.routes.iter() {
        let Some(prefix) = &route.prefix else { continue };
        match &*route.provider {
            "openai" => bases.push(("OPENAI_BASE_URL", format!("{prefix}/v1"))),
            "anthropic" => bases.push(("ANTHROPIC_BASE_URL", prefix.to_string())),
            _ => {}
        }
    }
    bases
}

impl Env {
    /// Does the command.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub(super) fn run(&self, config: &Path, format: Format) -> Result<(), CliError> {
        let house = place::house(config)?;
        let proxy =
            house.listeners.proxy.first().ok_or_else(|| CliError::failed("the configuration has no proxy listener"))?;
        let (bundle, authority) = (house.data.join("ca-bundle.pem"), house.data.join("ca.pem"));
        let bases = bases(&house);
        let door = Door {
            proxy: &proxy.to_string(),
            agent: &self.agent,
            key: &self.key,
            bundle: &absolute(&bundle),
            authority: &absolute(&authority),
            bases: &bases,
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
            bases: &[("OPENAI_BASE_URL", "/openai/v1".to_owned())],
        };
        let variables: std::collections::BTreeMap<String, String> = variables(&door).into_iter().collect();
        assert_eq!(variables["HTTPS_PROXY"], "http://researcher:bk_x@127.0.0.1:8080");
        assert_eq!(variables["https_proxy"], variables["HTTPS_PROXY"]);
        assert_eq!(variables["SSL_CERT_FILE"], "/data/ca-bundle.pem");
        assert_eq!(variables["NODE_EXTRA_CA_CERTS"], "/data/ca.pem");
        assert_eq!(variables["OPENAI_BASE_URL"], "http://127.0.0.1:8080/_k/bk_x/openai/v1");
    }

    #[test]
    fn values_are_quoted_for_their_shell() {
        assert_eq!(Shell::Bash.line("A", "it's"), r"export A='it'\''s'");
        assert_eq!(Shell::Fish.line("A", "it's"), r"set -gx A 'it\'s'");
        assert_eq!(Shell::K8s.line("A", "\"x\""), "- name: A\n  value: \"\\\"x\\\"\"");
    }
}
