//! The floor: a bare hyper reverse proxy.

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::process::ExitCode;

use clap::Parser;
use http::uri::Authority;
use tokio::net::TcpListener;

/// Forwards every request to one upstream and nothing else. Prints its address when it is ready.
#[derive(Parser)]
struct Arguments {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The upstream, `host:port`, plain HTTP/1.1.
    #[arg(long)]
    upstream: Authority,
    /// Worker threads.
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "passthrough: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(arguments.threads.max(1)).enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.port)).await?;
        writeln!(std::io::stdout(), "{}", listener.local_addr()?)?;
        loadtest::passthrough::forward(listener, arguments.upstream).await?;
        Ok(())
    })
}
