//! Why the house cannot be opened.

use std::fmt;
use std::path::PathBuf;

/// Why the gateway does not start. Each says where, and how to mend it.
#[derive(Debug)]
#[non_exhaustive]
pub enum HouseError {
    /// The data directory cannot be used.
    Data {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another process owns the data directory.
    SecondOwner {
        /// The directory.
        path: PathBuf,
        /// The owner's process id, where it left one.
        owner: String,
    },
    /// The trail cannot be opened.
    Trail(audit::AuditError),
    /// The certificate authority cannot be opened.
    Certs(certs::CertError),
    /// The configuration cannot be used.
    Config(config::ConfigError),
    /// The ledger cannot be rebuilt.
    Ledger(ledger::LedgerError),
    /// The way to the vendors cannot be prepared.
    Upstream(crate::upstream::UpstreamSetupError),
    /// A listener or thread cannot be had.
    System {
        /// What was wanted.
        what: String,
        /// Why.
        source: std::io::Error,
    },
    /// The operating system has no randomness to give.
    Randomness,
}

impl fmt::Display for HouseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data { path, source } => write!(f, "the data directory {} cannot be used: {source}", path.display()),
            Self::SecondOwner { path, owner } => write!(
                f,
                "the data directory {} has an owner already (process {owner}); stop it, or give this gateway another `data:`",
                path.display()
            ),
            Self::Trail(error) => write!(f, "the trail cannot be opened: {error}"),
            Self::Certs(error) => write!(f, "the certificate authority cannot be opened: {error}"),
            Self::Config(error) => write!(f, "{error}"),
            Self::Ledger(error) => write!(f, "the ledger cannot be rebuilt from the trail: {error}"),
            Self::Upstream(why) => write!(f, "the way to the vendors cannot be prepared: {why}"),
            Self::System { what, source } => write!(f, "{what}: {source}"),
            Self::Randomness => f.write_str("the operating system has no randomness to give"),
        }
    }
}

impl std::error::Error for HouseError {}

impl From<audit::AuditError> for HouseError {
    fn from(error: audit::AuditError) -> Self {
        Self::Trail(error)
    }
}

impl From<certs::CertError> for HouseError {
    fn from(error: certs::CertError) -> Self {
        Self::Certs(error)
    }
}

impl From<config::ConfigError> for HouseError {
    fn from(error: config::ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<ledger::LedgerError> for HouseError {
    fn from(error: ledger::LedgerError) -> Self {
        Self::Ledger(error)
    }
}
