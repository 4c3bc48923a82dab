//! The house as checked: what the gateway runs by.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use plugins::PriceBook;
use policy::Policy;
use types::Name;

use crate::address::AddressRange;
use crate::directory::Directory;
use crate::routes::Routes;

/// One version of the configuration, checked whole. Requests are judged by exactly one.
#[derive(Debug)]
pub struct House {
    /// The start of a SHA-256 over everything that decides: the text of all files and what `${...}` stood for, secrets
    /// left out. The same files in the same environment have the same version everywhere.
    pub version: Name,
    /// The organisation.
    pub org: Name,
    /// Whether refusals are made, or only recorded.
    pub mode: Mode,
    /// Whom an agent's person may ask.
    pub contact: Option<String>,
    /// The data directory.
    pub data: PathBuf,
    /// The id of this gateway: the name of its trail.
    pub gateway: Name,
    /// Where it listens.
    pub listeners: Listeners,
    /// Agents, teams and keys.
    pub directory: Directory,
    /// The route table.
    pub routes: Routes,
    /// Limits and lists.
    pub policy: Policy,
    /// Prices of the book that ships, with the owner's.
    pub prices: Arc<PriceBook>,
    /// How vendors are reached.
    pub upstream: UpstreamOptions,
    /// Ceilings on memory and on what happens at once.
    pub caps: Caps,
    /// What happens to hosts that no route names.
    pub unlisted: Unlisted,
    /// The folder of agents with a file each; `bursar agents add` writes there.
    pub agents_folder: PathBuf,
    /// What works, but should be looked at: one sentence each, with the file.
    pub warnings: Vec<String>,
    /// The file, those beside it in `agents.d`, and price files: what a change of which makes another version.
    pub files: Vec<PathBuf>,
}

/// Whether refusals are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// What is refused does not pass.
    Enforce,
    /// Everything is decided and recorded; rules and limits block nothing.
    Observe,
}

impl Mode {
    /// The word of the file.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Observe => "observe",
        }
    }
}

/// What happens to hosts that no route names, where the gateway is reached as a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unlisted {
    /// Refused.
    Deny,
    /// Passed on unread, and counted as ungoverned: for a laptop, not for a fleet.
    Tunnel,
}

/// Where the gateway listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listeners {
    /// For agents.
    pub proxy: Vec<SocketAddr>,
    /// For the operator's pages and probes; `None`: nowhere.
    pub operator: Option<SocketAddr>,
}

/// How vendors are reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamOptions {
    /// PEM files of authorities that are trusted beside the public ones.
    pub ca_files: Vec<PathBuf>,
    /// Exceptions from the private and reserved ranges, which are never dialled otherwise.
    pub allow_addresses: Vec<AddressRange>,
    /// How long a connection may take to be made, its TLS included.
    pub connect_timeout_ms: u64,
    /// How long a vendor may take from the request to the head of its answer.
    pub head_timeout_ms: u64,
    /// How long an answer may be silent.
    pub idle_timeout_ms: u64,
}

/// Ceilings on memory and on what happens at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// The largest request body, unless its route says otherwise.
    pub body_bytes: u64,
    /// All request bodies in memory together.
    pub body_budget_bytes: u64,
    /// The largest request head.
    pub head_bytes: usize,
    /// Requests at once.
    pub in_flight: usize,
    /// Connections at once.
    pub connections: usize,
    /// Answers read to their end after their agent has left, at once.
    pub drains: usize,
    /// How long a stop waits for what is in flight.
    pub drain_ms: u64,
}
