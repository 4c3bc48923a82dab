//! The keeper: one thread that once a second writes counted refusals, lets overdue holds go, and after each closed
//! segment folds a snapshot; and that compares the live balances with the trail then, and once an hour.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use audit::Trail;
use ledger::{Drift, Ledger};
use types::Entry;
use types::entry::Snapshot;

use super::{DataDirectory, Gateway, HouseError, rebuild};
use crate::clock::now_ms;
use crate::read::hash;
use crate::record::{tell_in_flight, tell_reload};

const TICK: Duration = Duration::from_secs(1);
/// A hold in flight is renewed this often (design §6).
const RENEW_MS: u64 = 30_000;
/// Live balances are compared with the trail this often, beside every snapshot.
const COMPARE_TICKS: u64 = 3_600;
/// So many differences are told one by one.
const DRIFT_TOLD_MAX: usize = 20;

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
    let (mut tick, mut renewed_ms) = (0, 0);
    let mut segment = String::new();
    while matches!(stopped.recv_timeout(TICK), Err(RecvTimeoutError::Timeout)) {
        let Some(gateway) = gateway.upgrade() else { return };
        tick += 1;
        let now_ms = now_ms();
        for due in gateway.refusals.due(now_ms) {
            gateway.write_refused(due);
        }
        // By the clock and before anything is presumed: folding a segment may have taken longer than a lease. At the first
        // tick as well, because the ledger's own figures are told with it.
        if now_ms.saturating_sub(renewed_ms) >= RENEW_MS {
            gateway.ledger.renew(now_ms);
            renewed_ms = now_ms;
        }
        gateway.ledger.presume_expired(now_ms);
        tell_in_flight(gateway.requests_in_flight());
        tell_reload(gateway.config.reloads().error.is_none());
        gateway.metrics.run_upkeep();
        let current = gateway.trail.status().segment;
        // At the first tick as well: a segment may have been closed just before the last stop.
        let wrote = segment != current && snapshot(&gateway);
        segment = current;
        if wrote || tick % COMPARE_TICKS == 0 {
            compare_and_tell(&gateway);
        }
    }
}

fn snapshot(gateway: &Gateway) -> bool {
    let house = gateway.house();
    gateway.ungoverned.keep(|agent| house.directory.agent(agent).is_some());
    write_due_snapshot(&gateway.trail, &folder(gateway)).unwrap_or_else(|error| {
        // The last snapshot stays in force: the trail is the truth, a snapshot only saves time.
        tracing::warn!("no snapshot could be made ({error}); `bursar audit verify` tells whether the trail holds");
        false
    })
}

/// Folds what is closed and not folded yet, writes it down, and names it in the trail. Whether there was anything.
///
/// # Errors
/// [`HouseError`] where the trail cannot be folded or the disk does not take the snapshot.
pub(super) fn write_due_snapshot(trail: &Trail, folder: &Path) -> Result<bool, HouseError> {
    let Some(closed_seq) = audit::last_closed_seq(folder)? else { return Ok(false) };
    if rebuild::last_snapshot_seq(folder)?.is_some_and(|seq| seq >= closed_seq) {
        return Ok(false);
    }
    let bytes = rebuild::fold(folder, closed_seq)?.encode();
    rebuild::write_snapshot(folder, closed_seq, &bytes)?;
    let entry = Entry::Snapshot(Snapshot { at_ms: now_ms(), folded_seq: closed_seq, sha256: hash(&bytes) });
    // Unnamed by the trail, the snapshot simply does not count.
    let _ = trail.append(trail.prepare(&entry));
    Ok(true)
}

fn compare_and_tell(gateway: &Gateway) {
    if let Err(error) = compare(gateway) {
        tracing::warn!("balances could not be compared with the trail: {error}");
    }
}

/// Folds the trail up to a moment and compares it with the live balances of the same moment: the drift detector.
///
/// # Errors
/// [`HouseError`] where the trail cannot be read, or does not take what the ledger has to say now.
pub(super) fn compare(gateway: &Gateway) -> Result<control::Verified, HouseError> {
    let (seq, drift) = differences(&gateway.trail, &gateway.ledger, &folder(gateway))?;
    if !drift.is_empty() {
        tracing::error!(differences = drift.len(), "live balances differ from the trail");
    }
    let more = drift.len().saturating_sub(DRIFT_TOLD_MAX);
    let mut told: Vec<String> = drift.iter().take(DRIFT_TOLD_MAX).map(sentence).collect();
    if more > 0 {
        told.push(format!("and {more} more"));
    }
    let verified = control::Verified { at_ms: now_ms(), seq, drift: told };
    *gateway.verified.lock() = Some(verified.clone());
    Ok(verified)
}

/// Where ledger and trail differ, and up to which entry they were compared.
///
/// # Errors
/// As [`compare`].
fn differences(trail: &Trail, ledger: &Ledger, folder: &Path) -> Result<(u64, Vec<Drift>), HouseError> {
    // Read before the ledger: where it has queued nothing since its start, no entry up to here is its own.
    let before_seq = trail.status().last_seq;
    let standing = ledger.standing();
    if standing.entries_owed > 0 {
        return Err(HouseError::Trail(audit::AuditError::NotWritten(audit::AppendError::Failed)));
    }
    trail.flush_blocking().map_err(|why| HouseError::Trail(audit::AuditError::NotWritten(why)))?;
    let seq = standing.seq.unwrap_or(before_seq);
    Ok((seq, rebuild::fold(folder, seq)?.compare(&standing)))
}

/// A difference in words.
fn sentence(drift: &Drift) -> String {
    match drift {
        Drift::Account { account, folded, live } => format!(
            "{account}: ${} posted, ${} presumed, ${} held, where the trail tells ${}, ${}, ${}",
            live.posted.usd, live.presumed.usd, live.held.usd, folded.posted.usd, folded.presumed.usd, folded.held.usd
        ),
        Drift::Open(id) => format!("hold {id} is open on one side only"),
        Drift::Presumed(id) => format!("hold {id} is presumed on one side only"),
        Drift::Frozen(subject) => format!("{subject} is frozen on one side only"),
        _ => format!("{drift:?}"),
    }
}

fn folder(gateway: &Gateway) -> PathBuf {
    DataDirectory::trail(gateway.directory.root(), &gateway.house().gateway)
}

#[cfg(test)]
mod tests;
