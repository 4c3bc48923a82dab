//! The commands of `bursar`. Each is a file; this one reads the words and sends them there.

mod agents;
mod audit;
mod ca;
mod config;
mod demo;
mod env;
mod init;
mod ledger;
mod output;
mod place;
mod run;
mod serve;
mod spend;

use std::path::PathBuf;
use std::process::ExitCode;

use ::config::{Environment, RealEnvironment};
use clap::{Parser, Subcommand};

pub use output::{CliError, Format};

/// The egress payment gateway for AI agents: every call is priced before it leaves, held against your limits, and
/// proved afterwards.
#[derive(Debug, Parser)]
#[command(name = "bursar", version, after_help = EXAMPLES)]
pub struct Cli {
    /// The configuration file; without it the one that BURSAR_CONFIG names, or bursar.yaml here.
    #[arg(long, short, global = true)]
    config: Option<PathBuf>,
    /// How to print.
    #[arg(long, short, global = true, value_enum, default_value_t = Format::Table)]
    output: Format,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  bursar demo                              see it work, without keys or network
  bursar run --budget 5.00 -- python a.py  run one program under a budget
  bursar init && bursar serve              a gateway of your own
  bursar spend                             what was spent, and what is left";

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a bursar.yaml that runs, with one agent at $5 a day.
    Init(init::Init),
    /// Run the gateway.
    Serve(serve::Serve),
    /// Run a program whose calls go through the gateway.
    Run(run::Run),
    /// Print the environment that sends a program's calls through the gateway.
    Env(env::Env),
    /// Add, list and revoke agents and their keys.
    #[command(subcommand)]
    Agents(agents::Agents),
    /// What was spent, and what is left.
    Spend(spend::Spend),
    /// Verify, read and export the trail.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Show, export and bundle the certificate authority.
    #[command(subcommand)]
    Ca(ca::Ca),
    /// What waits for proof; correct, freeze and unfreeze.
    #[command(subcommand)]
    Ledger(ledger::LedgerCommand),
    /// Check the configuration, or print its schema.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Show the main job on this machine, without keys or network.
    Demo(demo::Demo),
}

/// Reads the command line and does what it says.
#[must_use]
pub fn main() -> ExitCode {
    // One TLS provider in the whole process, before anything can ask for another.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let cli = Cli::parse();
    let format = cli.output;
    let named = cli.config.or_else(|| RealEnvironment.variable("BURSAR_CONFIG").map(PathBuf::from));
    let config = named.clone().unwrap_or_else(|| PathBuf::from("bursar.yaml"));
    let done = match cli.command {
        Command::Init(init) => init.run(&config, format),
        Command::Serve(serve) => serve.run(&config),
        Command::Run(run) => return run.run(named.as_deref(), format),
        Command::Env(env) => env.run(&config, format),
        Command::Agents(agents) => agents.run(&config, format),
        Command::Spend(spend) => spend.run(&config, format),
        Command::Audit(audit) => audit.run(&config, format),
        Command::Ca(ca) => ca.run(&config, format),
        Command::Ledger(ledger) => ledger.run(&config, format),
        Command::Config(config_command) => config_command.run(&config, format),
        Command::Demo(demo) => demo.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.tell(format),
    }
}
