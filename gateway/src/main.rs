//! `bursar`: the egress payment gateway for AI agents.

fn main() -> std::process::ExitCode {
    gateway::cli::main()
}
