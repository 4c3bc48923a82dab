//! The house as it stands: the rooms wired together around one data directory.

mod data;
mod desk;
mod error;
mod journal;
mod keeper;
#[cfg(test)]
mod kit;
mod offline;
mod rebuild;
mod refusals;
mod sessions;
mod ungoverned;
mod views;

pub use data::DataDirectory;
pub use error::HouseError;
pub use keeper::Keeper;
pub use offline::{offline_act, offline_balances, offline_unreconciled};

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use audit::{FileSigner, Trail, TrailOptions};
use certs::Authority;
use config::{ConfigError, House, Reload, Watched};
use ledger::{Ledger, LedgerOptions};
use metrics_exporter_prometheus::PrometheusHandle;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use types::entry::{Refuse, Start};
use types::{Entry, Name, Record, UnixMs};

use crate::clock::{now_ms, random};
use crate::front::Drain;
use crate::read::BodyBudget;
use crate::record::{Lines, RecentDecisions};
use crate::upstream::{Upstream, UpstreamOptions};
use journal::TrailJournal;
use refusals::Refusals;
use sessions::Sessions;
use ungoverned::Ungoverned;

/// Why a gateway that has just started is not ready: programs started now would find no bundle.
pub const BUNDLE_PENDING: &str = "the bundle of roots is being written";
/// An agent may name this many new sessions within an hour.
const SESSIONS_PER_HOUR_MAX: usize = 1_000;

/// Everything that a request needs on its way.
pub struct Gateway {
    config: Arc<Watched>,
    /// The ledger.
    pub ledger: Ledger,
    /// The trail.
    pub trail: Arc<Trail>,
    upstream: Mutex<Outward>,
    /// Our certificate authority.
    pub authority: Arc<Authority>,
    /// Whether the bundle of roots is written, as far as it can be.
    bundled: Arc<AtomicBool>,
    /// Memory for bodies that are being judged.
    pub bodies: BodyBudget,
    /// Places for answers that nobody waits for.
    pub drains: Arc<Semaphore>,
    /// Sessions that agents have named.
    pub sessions: Sessions,
    /// Tunnels to hosts that no route names.
    pub ungoverned: Ungoverned,
    /// The last decisions.
    pub decisions: RecentDecisions,
    lines: Lines,
    refusals: Refusals,
    in_flight: AtomicUsize,
    /// Counts what a stopping gateway waits for.
    pub drain: Arc<Drain>,
    proxy: OnceLock<SocketAddr>,
    started_ms: UnixMs,
    metrics: PrometheusHandle,
    verified: Mutex<Option<control::Verified>>,
    clients: Arc<AtomicUsize>,
    directory: DataDirectory,
}

impl Gateway {
    /// Opens the house: owns the data directory, opens the trail, rebuilds the ledger from it, and prepares the rest.
    ///
    /// # Errors
    /// [`HouseError`], which says where and how to mend it; nothing is left half open.
    pub fn open(config: Arc<Watched>, lines: Lines, metrics: PrometheusHandle) -> Result<Arc<Self>, HouseError> {
        let house = config.load();
        let directory = DataDirectory::own(&house.data)?;
        let now_ms = now_ms();
        let signer = signer(&house.data, &house.gateway)?;
        let trail_folder = DataDirectory::trail(&house.data, &house.gateway);
        let (trail, _opened) = Trail::open(
            TrailOptions::new(trail_folder.clone(), house.gateway.clone()),
            signer,
            Arc::new(crate::clock::now_ms),
        )?;
        let trail = Arc::new(trail);
        let state = rebuild::rebuild(&trail, &trail_folder, now_ms)?;
        let journal = Arc::new(TrailJournal(Arc::clone(&trail)));
        // The balances come from the trail as it stands now, so they agree with it.
        let verified = control::Verified { at_ms: now_ms, seq: trail.status().last_seq, drift: Vec::new() };
        let ledger = Ledger::start(journal, state, LedgerOptions::default());
        let authority = Arc::new(Authority::open_or_create(&house.data, now_ms)?);
        let bundled = write_bundle(&authority, &house)?;
        let upstream = Upstream::new(&outward(&house, &authority)).map_err(HouseError::Upstream)?;
        let upstream =
            Outward { options: house.upstream.clone(), version: house.version.clone(), way: Arc::new(upstream) };
        let start =
            Start { at_ms: now_ms, policy: house.version.clone(), program: Name::from(env!("CARGO_PKG_VERSION")) };
        // A trail that fails at once makes the gateway not ready; it says so there.
        let _ = trail.append(trail.prepare(&Entry::Start(start)));
        Ok(Arc::new(Self {
            ledger,
            trail,
            upstream: Mutex::new(upstream),
            authority,
            bundled,
            bodies: BodyBudget::new(house.caps.body_budget_bytes),
            drains: Arc::new(Semaphore::new(house.caps.drains)),
            sessions: Sessions::new(SESSIONS_PER_HOUR_MAX),
            ungoverned: Ungoverned::default(),
            decisions: RecentDecisions::default(),
            lines,
            refusals: Refusals::default(),
            in_flight: AtomicUsize::new(0),
            drain: Drain::new(),
            proxy: OnceLock::new(),
            started_ms: now_ms,
            metrics,
            verified: Mutex::new(Some(verified)),
            clients: Arc::new(AtomicUsize::new(0)),
            directory,
            config,
        }))
    }

    /// The version of the house in force now.
    #[must_use]
    pub fn house(&self) -> Arc<House> {
        self.config.load()
    }

    /// The way to the vendors as this version of the house wants it. Where a new version cannot be had (a file of
    /// authorities that is none), the old way stays and the log says so.
    pub fn upstream(&self, house: &House) -> Arc<Upstream> {
        let mut outward_now = self.upstream.lock();
        if outward_now.version != house.version {
            outward_now.version = house.version.clone();
            if outward_now.options != house.upstream {
                match Upstream::new(&outward(house, &self.authority)) {
                    Ok(way) => {
                        outward_now.way = Arc::new(way);
                        outward_now.options = house.upstream.clone();
                    }
                    Err(error) => tracing::error!("the way to the vendors stays as it was: {error}"),
                }
            }
        }
        Arc::clone(&outward_now.way)
    }

    /// Remembers a finished request: the canonical line, and its place among the last decisions.
    pub fn remember(&self, record: Record) {
        self.lines.push(&record);
        self.decisions.push(Arc::new(record));
    }

    /// Writes a refusal to the trail, or counts it where there are too many of a kind.
    pub fn write_refusal(&self, refuse: Refuse) {
        for due in self.refusals.take(refuse) {
            self.write_refused(due);
        }
    }

    /// A refusal moves no money: one that the trail cannot take is told by the canonical line alone.
    fn write_refused(&self, refuse: Refuse) {
        let _ = self.trail.append(self.trail.prepare(&Entry::Refuse(refuse)));
    }

    /// Tells where agents reach us, once the listener is bound.
    pub fn listens_at(&self, proxy: SocketAddr) {
        // Bound once in a process; a second word would be about another gateway.
        let _ = self.proxy.set(proxy);
    }

    /// Reads the configuration again; the old one stays in force where the new one is wrong.
    ///
    /// # Errors
    /// What is wrong with the new one.
    pub fn reload(&self) -> Result<Reload, ConfigError> {
        let done = self.config.reload();
        match &done {
            Ok(Reload::Changed { version }) => tracing::info!(%version, "a new configuration is in force"),
            Ok(Reload::Same) => {}
            Err(error) => tracing::error!("the configuration was not taken, the old one stays: {error}"),
        }
        done
    }

    /// Requests between acceptance and the end of their answer.
    #[must_use]
    pub fn requests_in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Acquire)
    }

    /// Closes trail and lines; called after the last listener is gone.
    pub fn close(&self) {
        for due in self.refusals.due(u64::MAX) {
            self.write_refused(due);
        }
        let stop = types::entry::Mark { at_ms: now_ms() };
        // A trail that cannot be written now has told so before.
        let _ = self.trail.append(self.trail.prepare(&Entry::Stop(stop)));
        self.ledger.close();
        self.trail.close();
        self.lines.close();
    }
}

/// The way to the vendors, and what it was made from.
struct Outward {
    options: config::UpstreamOptions,
    version: Name,
    way: Arc<Upstream>,
}

/// A place among the requests in flight; dropping it gives it back.
pub struct Busy(Arc<Gateway>);

impl Busy {
    /// Takes a place, or `None` where all are taken.
    #[must_use]
    pub fn take(gateway: &Arc<Gateway>, places_max: usize) -> Option<Self> {
        let taken = gateway.in_flight.fetch_add(1, Ordering::AcqRel);
        let place = Self(Arc::clone(gateway));
        (taken < places_max).then_some(place)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The trail's signing key, made on the first start.
fn signer(data: &Path, gateway: &str) -> Result<Arc<FileSigner>, HouseError> {
    let seed = random().map_err(|_| HouseError::Randomness)?;
    Ok(Arc::new(FileSigner::open_or_create(&data.join("trail.key"), &format!("bursar/{gateway}"), seed)?))
}

/// How we go out: as configured, never to our own ports, never trusting our own authority.
fn outward(house: &House, authority: &Authority) -> UpstreamOptions {
    let own_ports = house.listeners.proxy.iter().chain(&house.listeners.operator).map(SocketAddr::port).collect();
    UpstreamOptions {
        ca_files: house.upstream.ca_files.clone(),
        allow_addresses: house.upstream.allow_addresses.clone(),
        own_ports,
        never_trust: vec![authority.export_der().into()],
        connect_timeout_ms: house.upstream.connect_timeout_ms,
        head_timeout_ms: house.upstream.head_timeout_ms,
        in_flight_max: u32::try_from(house.caps.in_flight).unwrap_or(u32::MAX),
        ..UpstreamOptions::default()
    }
}

/// Writes the bundle of system roots and ours beside the start: reading the system's roots takes longer than the rest.
/// Without system roots there is no bundle; our CA alone stands in `ca.pem`.
///
/// The flag turns true when that is over.
fn write_bundle(authority: &Arc<Authority>, house: &House) -> Result<Arc<AtomicBool>, HouseError> {
    let (authority, path) = (Arc::clone(authority), house.data.join("ca-bundle.pem"));
    let bundled = Arc::new(AtomicBool::new(false));
    let done = Arc::clone(&bundled);
    let write = move || {
        if let Err(error) = authority.write_bundle(&path) {
            tracing::warn!("the bundle of roots could not be written: {error}");
        }
        done.store(true, Ordering::Release);
    };
    let thread = std::thread::Builder::new().name("bursar-bundle".into()).spawn(write);
    thread.map_err(|source| HouseError::System { what: "a thread cannot be started".into(), source })?;
    Ok(bundled)
}
