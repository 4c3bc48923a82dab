//! Entries on their way to the trail's thread. Pushing never waits for IO.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};
use tokio::sync::oneshot;

use super::options::TrailStatus;
use crate::error::AppendError;
use crate::line::LINE_BYTES_MAX;

/// Bytes that may wait to be written; further entries are refused.
const QUEUE_BYTES_MAX: usize = 64 << 20;
/// Reserved entries may go beyond the other limits by this much: a few for each of the 65,536 holds that can be open.
const RESERVED_ENTRIES_MAX: usize = 262_144;
const RESERVED_BYTES_MAX: usize = 256 << 20;
/// The thread takes so many bytes at once, or one entry.
const BATCH_BYTES_MAX: usize = 4 << 20;
/// Room for what the trail adds to an entry to make it a line.
const ENVELOPE_BYTES_MAX: usize = 64 << 10;

/// Who is told when an entry is durable, or is not going to be.
/// An entry that nobody waits for rides with the next that somebody does, so that an outcome costs no sync of its own;
/// this long at most. What a crash takes with it is presumed at its bound by the next start.
const RIDE: Duration = Duration::from_millis(2);

pub(crate) type Waiter = oneshot::Sender<Result<(), AppendError>>;

/// An entry on its way.
pub(crate) struct Queued {
    pub(crate) entry: Vec<u8>,
    pub(crate) waiter: Option<Waiter>,
}

/// Whether an entry may be refused because too many are waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// It may.
    Common,
    /// It may not: its place was reserved when its hold was admitted. It is taken while the disk fails, too.
    Reserved,
}

/// What the thread does next.
pub(crate) enum Work {
    /// Write these.
    Write(VecDeque<Queued>),
    /// Nothing came in time.
    Idle,
    /// See whether the disk takes writes again.
    Probe,
    /// End.
    Close,
}

struct State {
    entries: VecDeque<Queued>,
    bytes: usize,
    next_seq: u64,
    durable_seq: u64,
    /// Why nothing can be written now.
    error: Option<String>,
    /// How often writing has failed, and how often the disk was probed: what `flush` waits for.
    failures: u64,
    probes: u64,
    probe_wanted: bool,
    is_idle: bool,
    /// Somebody waits for an entry in the queue.
    is_urgent: bool,
    is_closing: bool,
    is_ended: bool,
    segment: String,
    segment_bytes_used: u64,
    last_checkpoint_seq: u64,
}

pub(crate) struct Queue {
    state: Mutex<State>,
    /// The thread waits here.
    work: Condvar,
    /// Those who flush wait here.
    progress: Condvar,
    entries_max: usize,
}

impl Queue {
    pub(crate) fn new(last_seq: u64, last_checkpoint_seq: u64, entries_max: usize) -> Self {
        let state = State {
            entries: VecDeque::new(),
            bytes: 0,
            next_seq: last_seq + 1,
            durable_seq: last_seq,
            error: None,
            failures: 0,
            probes: 0,
            probe_wanted: false,
            is_idle: false,
            is_urgent: false,
            is_closing: false,
            is_ended: false,
            segment: String::new(),
            segment_bytes_used: 0,
            last_checkpoint_seq,
        };
        Self { state: Mutex::new(state), work: Condvar::new(), progress: Condvar::new(), entries_max }
    }

    /// Queues an entry; gives its sequence number.
    pub(crate) fn push(&self, entry: Vec<u8>, waiter: Option<Waiter>, claim: Claim) -> Result<u64, AppendError> {
        if entry.len() > LINE_BYTES_MAX - ENVELOPE_BYTES_MAX {
            return Err(AppendError::TooLong);
        }
        let mut state = self.state.lock();
        if state.is_closing || state.is_ended {
            return Err(AppendError::Closed);
        }
        let (mut entries_max, mut bytes_max) = (self.entries_max, QUEUE_BYTES_MAX);
        if claim == Claim::Reserved {
            entries_max += RESERVED_ENTRIES_MAX;
            bytes_max += RESERVED_BYTES_MAX;
        } else if state.error.is_some() {
            return Err(AppendError::Failed);
        }
        if state.entries.len() >= entries_max || state.bytes.saturating_add(entry.len()) > bytes_max {
            return Err(AppendError::Full);
        }
        let seq = state.next_seq;
        state.next_seq += 1;
        state.bytes += entry.len();
        let was_empty = state.entries.is_empty();
        state.is_urgent |= waiter.is_some();
        state.entries.push_back(Queued { entry, waiter });
        // While the disk fails the thread looks when its pause is over, not at each entry.
        if state.is_idle && state.error.is_none() && (state.is_urgent || was_empty) {
            state.is_idle = false;
            self.work.notify_one();
        }
        Ok(seq)
    }

    /// Waits until everything queued so far is durable. While the disk fails, it is probed once more, now.
    pub(crate) fn flush(&self) -> Result<u64, AppendError> {
        let mut state = self.state.lock();
        if state.error.is_some() && !state.is_ended {
            let probes = state.probes;
            self.ask_for_probe(&mut state);
            while state.probes == probes && !state.is_ended {
                self.progress.wait(&mut state);
            }
            if state.error.is_some() {
                return Err(AppendError::Failed);
            }
        }
        if !state.entries.is_empty() {
            state.is_urgent = true;
            state.is_idle = false;
            self.work.notify_one();
        }
        let (seq, failures) = (state.next_seq - 1, state.failures);
        while state.durable_seq < seq {
            if state.is_ended {
                return Err(AppendError::Closed);
            }
            if state.failures != failures {
                return Err(AppendError::Failed);
            }
            self.progress.wait(&mut state);
        }
        Ok(seq)
    }

    fn ask_for_probe(&self, state: &mut MutexGuard<'_, State>) {
        state.probe_wanted = true;
        state.is_idle = false;
        self.work.notify_one();
    }

    /// Takes nothing more; the thread ends when everything is written, or cannot be.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.is_closing = true;
        self.ask_for_probe(&mut state);
    }

    pub(crate) fn status(&self) -> TrailStatus {
        let state = self.state.lock();
        TrailStatus {
            healthy: state.error.is_none() && !state.is_ended,
            last_seq: state.next_seq - 1,
            durable_seq: state.durable_seq,
            segment: state.segment.clone(),
            segment_bytes_used: state.segment_bytes_used,
            error: state.error.clone(),
            last_checkpoint_seq: state.last_checkpoint_seq,
        }
    }

    /// Waits for work, at most `patience` long where one is given. For the thread.
    pub(crate) fn wait(&self, patience: Option<Duration>) -> Work {
        let mut state = self.state.lock();
        let (mut is_over, mut has_ridden) = (false, false);
        loop {
            if state.error.is_some() && (state.probe_wanted || is_over) {
                state.probe_wanted = false;
                return Work::Probe;
            }
            let is_waiting = state.error.is_none() && !state.entries.is_empty();
            if is_waiting && (state.is_urgent || has_ridden || state.is_closing) {
                return Work::Write(take(&mut state));
            }
            if state.is_closing {
                return Work::Close;
            }
            if is_over {
                return Work::Idle;
            }
            state.is_idle = true;
            match patience {
                _ if is_waiting => has_ridden = self.work.wait_for(&mut state, RIDE).timed_out(),
                Some(patience) => is_over = self.work.wait_for(&mut state, patience).timed_out(),
                None => self.work.wait(&mut state),
            }
            state.is_idle = false;
        }
    }

    /// Entries up to `seq` are durable. For the thread.
    pub(crate) fn advance(&self, seq: u64, segment_bytes_used: u64) {
        let mut state = self.state.lock();
        state.durable_seq = seq;
        state.segment_bytes_used = segment_bytes_used;
        drop(state);
        self.progress.notify_all();
    }

    /// A segment is being written to, and the disk takes writes. For the thread.
    pub(crate) fn goes_on_in(&self, segment: String, segment_bytes_used: u64) {
        let mut state = self.state.lock();
        state.segment = segment;
        state.segment_bytes_used = segment_bytes_used;
        state.error = None;
        state.probes += 1;
        drop(state);
        self.progress.notify_all();
    }

    /// A checkpoint covers entries up to `seq`. For the thread.
    pub(crate) fn covered(&self, seq: u64) {
        self.state.lock().last_checkpoint_seq = seq;
    }

    /// Writing failed. Whoever waits for an entry is told so, and that entry will not stand in the trail; the others
    /// are kept, `batch` first, and are numbered anew. For the thread.
    pub(crate) fn fail(&self, error: String, batch: VecDeque<Queued>) {
        let mut state = self.state.lock();
        state.error = Some(error);
        state.failures += 1;
        state.probes += 1;
        let queued = std::mem::take(&mut state.entries);
        let (mut kept, mut waiters) = (VecDeque::new(), Vec::new());
        for queued in batch.into_iter().chain(queued) {
            match queued.waiter {
                Some(waiter) => waiters.push(waiter),
                None => kept.push_back(queued),
            }
        }
        state.bytes = kept.iter().map(|queued: &Queued| queued.entry.len()).sum();
        state.next_seq = state.durable_seq + 1 + kept.len() as u64;
        state.entries = kept;
        drop(state);
        for waiter in waiters {
            // Who does not wait any more does not need to know.
            let _ = waiter.send(Err(AppendError::Failed));
        }
        self.progress.notify_all();
    }

    /// The disk was probed and takes no writes yet. For the thread.
    pub(crate) fn still_fails(&self, error: String) {
        let mut state = self.state.lock();
        state.error = Some(error);
        state.probes += 1;
        drop(state);
        self.progress.notify_all();
    }

    /// The thread has ended; gives how many entries were lost with it.
    pub(crate) fn end(&self) -> usize {
        let mut state = self.state.lock();
        state.is_ended = true;
        let lost = std::mem::take(&mut state.entries);
        drop(state);
        self.progress.notify_all();
        lost.len()
    }
}

/// Takes a batch from the front of the queue.
fn take(state: &mut MutexGuard<'_, State>) -> VecDeque<Queued> {
    if state.bytes <= BATCH_BYTES_MAX {
        state.bytes = 0;
        state.is_urgent = false;
        return std::mem::take(&mut state.entries);
    }
    let mut batch = VecDeque::new();
    let mut bytes = 0;
    while bytes < BATCH_BYTES_MAX
        && let Some(queued) = state.entries.pop_front()
    {
        bytes += queued.entry.len();
        batch.push_back(queued);
    }
    state.bytes = state.bytes.saturating_sub(bytes);
    batch
}
