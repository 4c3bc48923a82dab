//! What can go wrong in the test kit itself.

use std::path::PathBuf;
use std::time::Duration;

/// Why the kit could not do what a test asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KitError {
    /// A program could not be started.
    #[error("cannot run {program}: {source}")]
    Program {
        /// The program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// Cargo failed.
    #[error("cargo failed: {said}")]
    Cargo {
        /// What it said.
        said: String,
    },
    /// A command of the gateway's binary failed.
    #[error("{what}: {status}: {said}")]
    Command {
        /// The command.
        what: String,
        /// Its exit status.
        status: String,
        /// What it said on standard error.
        said: String,
    },
    /// The gateway's binary is not built.
    #[error("{path} is not there: run `cargo build --workspace` first, or name the binary in BURSAR_BIN")]
    NotBuilt {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// Something did not happen in time.
    #[error("{what} did not happen within {limit:?}; {last}")]
    TooLate {
        /// What was waited for.
        what: String,
        /// How long.
        limit: Duration,
        /// What was seen last.
        last: String,
    },
    /// The gateway ended by itself.
    #[error("the gateway ended ({status}) before it was ready; it said:\n{said}")]
    Ended {
        /// Its exit status.
        status: String,
        /// Its output.
        said: String,
    },
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The Python environment with the client libraries is not there.
    #[error("{path} is not there: run `make setup` first")]
    NoPython {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The operating system gave fewer ports than asked for.
    #[error("no free port")]
    NoPort,
    /// A network operation failed.
    #[error("{what}: {source}")]
    Network {
        /// What was tried.
        what: String,
        /// Why.
        source: std::io::Error,
    },
    /// An HTTP exchange failed.
    #[error("{what}: {said}")]
    Http {
        /// What was tried.
        what: String,
        /// Why.
        said: String,
    },
    /// The mock vendor failed.
    #[error(transparent)]
    Vendor(#[from] loadtest::LoadtestError),
}
