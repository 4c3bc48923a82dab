//! The keeper: one thread that once a second writes counted refusals, lets overdue holds go, and after each closed
//! segment folds a snapshot and compares it with the live balances.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use types::Entry;
use types::entry::Snapshot;

use super::{DataDirectory, Gateway, HouseError, rebuild};
use crate::clock::now_ms;
use crate::read::hash;
use crate::record::{tell_in_flight, tell_reload};

const TICK: Duration = Duration::from_secs(1);
/// A hold in flight is renewed this often (design §6).
const RENEW_TICKS: u64 = 30;

/// The keeper's thread; dropping it ends the thread.
pub struct Keeper {
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts the thread. It does not keep the gateway alive.
    ///
    /// # Errors
    /// [`HouseError::System`] where no thread is to be had.
    pub fn start(gateway: &Arc<Gateway>) -> Result<Self, HouseError> {
        let (stop, stopped) = sync_channel(1);
        let gateway = Arc::downgrade(gateway);
        let thread =
            std::thread::Builder::new().name("bursar-keeper".into()).spawn(move || keep(&gateway, &stopped)).map_err(
                |source| HouseError::System { what: "the keeper's thread cannot be started".into(), source },
            )?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // A keeper that panicked has nothing left to do.
            let _ = thread.join();
        }
    }
}

fn keep(gateway: &Weak<Gateway>, stopped: &Receiver<()>) {
    let mut tick = 0;
    let mut segment = None;
    while matches!(stopped.recv_timeout(TICK), Err(RecvTimeoutError::Timeout)) {
        let Some(gateway) = gateway.upgrade() else { return };
        tick += 1;
        let now_ms = now_ms();
        for due in gateway.refusals.due(now_ms) {
            gateway.write_refused(due);
        }
        if tick % RENEW_TICKS == 0 {
            gateway.ledger.renew(now_ms);
        }
        gateway.ledger.presume_expired(now_ms);
        tell_in_flight(gateway.requests_in_flight());
        tell_reload(gateway.config.reloads().error.is_none());
        gateway.metrics.run_upkeep();
        let current = gateway.trail.status().segment;
        if segment.as_ref().is_some_and(|before| *before != current) {
            snapshot(&gateway);
        }
        segment = Some(current);
    }
}

/// Folds what is closed, writes it down, and compares it with the live balances. A failure leaves the last snapshot
/// in force: the trail is the truth, a snapshot only saves time.
fn snapshot(gateway: &Gateway) {
    let folder = folder(gateway);
    let Some(closed_seq) = audit::last_closed_seq(&folder).ok().flatten() else { return };
    let Ok(state) = rebuild::fold(&folder, closed_seq) else {
        tracing::warn!("the trail could not be folded for a snapshot; `bursar audit verify` tells why");
        return;
    };
    let bytes = state.encode();
    let path = rebuild::snapshot_path(&folder, closed_seq);
    let draft = path.with_extension("new");
    if std::fs::write(&draft, &bytes).and_then(|()| std::fs::rename(&draft, &path)).is_err() {
        tracing::warn!("the snapshot {} could not be written", path.display());
        return;
    }
    let entry = Entry::Snapshot(Snapshot { at_ms: now_ms(), folded_seq: closed_seq, sha256: hash(&bytes) });
    // Unnamed by the trail, the snapshot simply does not count.
    let _ = gateway.trail.append(gateway.trail.prepare(&entry));
    if let Err(error) = compare(gateway) {
        tracing::warn!("balances could not be compared with the trail: {error}");
    }
}

/// Folds the trail up to a moment and compares it with the live balances of the same moment: the drift detector.
///
/// # Errors
/// [`HouseError`] where the trail cannot be read.
pub(super) fn compare(gateway: &Gateway) -> Result<control::Verified, HouseError> {
    let standing = gateway.ledger.standing();
    gateway.trail.flush_blocking().map_err(|_| HouseError::Trail(audit::AuditError::Closed))?;
    // Nothing was queued since the start: the trail as it stands is the moment to compare with.
    let seq = standing.seq.unwrap_or(gateway.trail.status().durable_seq);
    let state = rebuild::fold(&folder(gateway), seq)?;
    let drift: Vec<String> = state.compare(&standing).iter().map(|drift| format!("{drift:?}")).collect();
    if !drift.is_empty() {
        tracing::error!(accounts = drift.len(), "live balances differ from the trail");
    }
    let verified = control::Verified { at_ms: now_ms(), seq, drift };
    *gateway.verified.lock() = Some(verified.clone());
    Ok(verified)
}

fn folder(gateway: &Gateway) -> PathBuf {
    DataDirectory::trail(gateway.directory.root(), &gateway.house().gateway)
}
