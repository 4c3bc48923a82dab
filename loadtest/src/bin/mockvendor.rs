//! A mock vendor as a program: OpenAI and Anthropic on the wire, on loopback, with latency and faults.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use loadtest::pki::{Authority, Leaf};
use loadtest::vendor::{Behaviour, Keep};
use loadtest::{LoadtestError, Vendor, VendorOptions};

/// Answers like OpenAI and Anthropic on 127.0.0.1. Prints one JSON line with its addresses when it is ready, and runs
/// until it is stopped. `GET /__served` shows what it saw, `/__ctl?fault=500&fault_times=2` changes how it behaves.
#[derive(Parser)]
struct Arguments {
    /// Port of the plain listener; 0 takes a free one.
    #[arg(long)]
    plain: Option<u16>,
    /// Port of the TLS listener; 0 takes a free one.
    #[arg(long)]
    tls: Option<u16>,
    /// Certificate chain of the TLS listener; without it a throw-away authority makes one for the names given.
    #[arg(long, requires = "key")]
    cert: Option<PathBuf>,
    /// Key of the TLS listener.
    #[arg(long, requires = "cert")]
    key: Option<PathBuf>,
    /// Host names of the made certificate.
    #[arg(long = "name", default_values = ["localhost", "127.0.0.1"])]
    names: Vec<String>,
    /// Where the throw-away authority's certificate is written.
    #[arg(long)]
    ca_out: Option<PathBuf>,
    /// Where its key is written, for proxies that mint certificates of their own with it.
    #[arg(long)]
    ca_key_out: Option<PathBuf>,
    /// Offer HTTP/1.1 only on the TLS listener.
    #[arg(long)]
    http1_only: bool,
    /// The provider key that requests must carry.
    #[arg(long)]
    provider_key: Option<String>,
    /// Worker threads.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Requests remembered in full; 0 keeps counts only, for measurements.
    #[arg(long, default_value_t = Keep::default().requests)]
    keep: usize,
    /// Settings at the start, as in `/__ctl`: `latency_ms=50`.
    #[arg(long = "set")]
    settings: Vec<String>,
}

fn main() -> ExitCode {
    match start(&Arguments::parse()) {
        Ok(vendor) => {
            loop_for_ever();
            drop(vendor);
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "mockvendor: {error}");
            ExitCode::FAILURE
        }
    }
}

fn loop_for_ever() {
    loop {
        std::thread::park();
    }
}

fn start(arguments: &Arguments) -> Result<Vendor, Box<dyn std::error::Error>> {
    let mut behaviour = Behaviour::default();
    for setting in &arguments.settings {
        let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
        behaviour.set(key, value)?;
    }
    let neither = arguments.plain.is_none() && arguments.tls.is_none();
    let vendor = Vendor::start(VendorOptions {
        plain_port: if neither { Some(0) } else { arguments.plain },
        tls_port: arguments.tls,
        leaf: arguments.tls.map(|_| leaf(arguments)).transpose()?,
        http2: !arguments.http1_only,
        key: arguments.provider_key.clone(),
        threads: arguments.threads,
        behaviour,
        keep: Keep { requests: arguments.keep, ..Keep::default() },
    })?;
    let line = serde_json::json!({
        "plain": vendor.plain().ok().map(|address| address.to_string()),
        "tls": vendor.tls().ok().map(|address| address.to_string()),
    });
    writeln!(std::io::stdout(), "{line}")?;
    Ok(vendor)
}

fn leaf(arguments: &Arguments) -> Result<Leaf, LoadtestError> {
    if let (Some(certificate), Some(key)) = (&arguments.cert, &arguments.key) {
        return Leaf::read(certificate, key);
    }
    let authority = Authority::new("Bursar mock vendor (throw-away)")?;
    write(arguments.ca_out.as_ref(), &authority.certificate_pem())?;
    write(arguments.ca_key_out.as_ref(), &authority.key_pem())?;
    authority.leaf(&arguments.names.iter().map(String::as_str).collect::<Vec<_>>())
}

fn write(path: Option<&PathBuf>, text: &str) -> Result<(), LoadtestError> {
    let Some(path) = path else { return Ok(()) };
    std::fs::write(path, text).map_err(|source| LoadtestError::Write { path: path.clone(), source })
}
