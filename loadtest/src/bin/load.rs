//! The load generator as a program: one run, one JSON line.

use std::io::Write as _;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderValue, StatusCode};
use loadtest::load::{Client, Load, Target, chat_request, headers, measure};
use loadtest::pki;

/// Sends chat calls and prints the figures of the run as one JSON line.
#[derive(Parser)]
struct Arguments {
    /// `http://host:port/path` or `https://host:port/path`.
    #[arg(long)]
    url: String,
    /// `host:port` of a proxy that is asked for a tunnel (CONNECT).
    #[arg(long)]
    proxy: Option<String>,
    /// `user:password` for the proxy.
    #[arg(long)]
    proxy_user: Option<String>,
    /// PEM file with the authorities that TLS trusts; none other are.
    #[arg(long)]
    ca: Vec<PathBuf>,
    /// Resume TLS sessions.
    #[arg(long)]
    resume: bool,
    /// Requests a second; 0 sends as fast as answers come.
    #[arg(long, default_value_t = 0)]
    rate: u64,
    /// Connections.
    #[arg(long, default_value_t = 16)]
    conns: u32,
    /// A new connection, tunnel and handshake for each request.
    #[arg(long)]
    fresh: bool,
    /// Streamed answers.
    #[arg(long)]
    stream: bool,
    /// Bytes of each request body.
    #[arg(long, default_value_t = 1229)]
    body_size: usize,
    /// More headers, `name: value`.
    #[arg(long)]
    header: Vec<String>,
    /// The status that counts as good.
    #[arg(long, default_value_t = 200)]
    expect: u16,
    /// Milliseconds before the window.
    #[arg(long, default_value_t = 2_000)]
    warmup_ms: u64,
    /// Milliseconds of the window.
    #[arg(long, default_value_t = 6_000)]
    duration_ms: u64,
    /// Roots of the process trees that are measured.
    #[arg(long, value_delimiter = ',')]
    pid: Vec<u32>,
    /// Roots of the upstream's process trees.
    #[arg(long, value_delimiter = ',')]
    upstream_pid: Vec<u32>,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let target = Target::parse(&arguments.url)?;
    let tls = (!arguments.ca.is_empty()).then(|| pki::client_config(&arguments.ca, arguments.resume)).transpose()?;
    let mut all = headers(&arguments.header)?;
    all.insert(HOST, HeaderValue::from_str(&target.host_header())?);
    all.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let report = measure(Load {
        path: target.path().to_owned(),
        client: Client::new(target, arguments.proxy, tls.map(Arc::new)).naming_itself(arguments.proxy_user.as_deref()),
        headers: all,
        body: chat_request(arguments.body_size, arguments.stream),
        stream: arguments.stream,
        fresh: arguments.fresh,
        expect: StatusCode::from_u16(arguments.expect)?,
        rate: NonZeroU64::new(arguments.rate),
        connections: arguments.conns,
        warm_up: Duration::from_millis(arguments.warmup_ms),
        window: Duration::from_millis(arguments.duration_ms),
        processes: arguments.pid,
        upstream: arguments.upstream_pid,
    })?;
    writeln!(std::io::stdout(), "{}", serde_json::to_string(&report)?)?;
    Ok(())
}
