//! The trail's thread: one write and one sync for everything that waits.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::active::Active;
use super::disk::Disk;
use super::options::{Clock, TrailOptions};
use super::queue::{Queue, Queued, Work};
use crate::checkpoint::Checkpoint;
use crate::files::{self, Sync};
use crate::frontier::Frontier;
use crate::history::History;
use crate::line;
use crate::merkle::{Hash, Tree};
use crate::segment::Segment;
use crate::signer::Signer;

/// A checkpoint is made so often while entries come.
const CHECKPOINT_EVERY_MS: u64 = 1_000;
/// After an error the disk is probed after this pause, which doubles up to the other one.
const PAUSE_MIN: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// What stands in the trail: where the next entry goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) tree: Tree,
    pub(crate) head: Hash,
    /// The last entry that a checkpoint covers.
    pub(crate) covered_seq: u64,
}

pub(crate) struct Writer {
    queue: Arc<Queue>,
    folder: PathBuf,
    segment_bytes: u64,
    segment_age_ms: u64,
    line: line::Writer,
    disk: Box<dyn Disk>,
    signer: Arc<dyn Signer>,
    clock: Clock,
    history: History,
    standing: Standing,
    /// `None` while the disk fails.
    active: Option<Active>,
    checkpoint_ms: u64,
    /// The last checkpoint could not be written; said once.
    is_checkpoint_failing: bool,
    /// The rest of a failed write stands in a segment. The next start is to find and move it.
    is_uncut: bool,
    pause: Duration,
    buffer: Vec<u8>,
    hashes: Vec<Hash>,
}

impl Writer {
    pub(crate) fn new(
        options: &TrailOptions,
        queue: Arc<Queue>,
        disk: Box<dyn Disk>,
        (signer, clock): (Arc<dyn Signer>, Clock),
        (history, standing): (History, Standing),
    ) -> Self {
        Self {
            queue,
            folder: options.dir.clone(),
            segment_bytes: options.segment_bytes,
            segment_age_ms: options.segment_age_ms,
            line: line::Writer::new(&options.gateway),
            disk,
            signer,
            clock,
            history,
            standing,
            active: None,
            checkpoint_ms: 0,
            is_checkpoint_failing: false,
            is_uncut: false,
            pause: PAUSE_MIN,
            buffer: Vec::new(),
            hashes: Vec::new(),
        }
    }

    /// Goes on in the newest segment, of which `used` bytes are entries; or begins one.
    pub(crate) fn begin(&mut self, newest: Option<(Segment, u64, u64)>) -> io::Result<()> {
        let Some((segment, used, started_ms)) = newest else { return self.start_segment() };
        let name = segment.file_name();
        self.active = Some(Active::resume(self.disk.as_ref(), segment, used, self.segment_bytes, started_ms)?);
        self.queue.goes_on_in(name, used);
        Ok(())
    }

    /// Works until the trail is closed.
    pub(crate) fn run(mut self) {
        // Whatever ends this thread: nobody waits for it in vain.
        let _ended = Ended(Arc::clone(&self.queue));
        loop {
            match self.queue.wait(self.patience()) {
                Work::Write(batch) => self.write(batch),
                Work::Idle => self.checkpoint(Sync::Later),
                Work::Probe => self.probe(),
                Work::Close => return self.finish(),
            }
        }
    }

    /// How long to wait for entries: not for ever where something is to be done without them.
    fn patience(&self) -> Option<Duration> {
        if self.active.is_none() {
            return Some(self.pause);
        }
        let since_ms = (self.clock)().abs_diff(self.checkpoint_ms);
        let left_ms = CHECKPOINT_EVERY_MS.saturating_sub(since_ms).max(1);
        (self.seq() > self.standing.covered_seq).then_some(Duration::from_millis(left_ms))
    }

    const fn seq(&self) -> u64 {
        self.standing.tree.size()
    }

    fn write(&mut self, mut batch: VecDeque<Queued>) {
        while !batch.is_empty() {
            match self.write_some(&batch) {
                Ok(count) => self.acknowledge(&mut batch, count),
                Err(error) => return self.fail(&error, batch),
            }
        }
        if (self.clock)().abs_diff(self.checkpoint_ms) >= CHECKPOINT_EVERY_MS {
            self.checkpoint(Sync::Later);
        }
    }

    /// Writes as much of the batch as fits into the segment, durably; gives how many entries that were. Zero after the
    /// segment was changed.
    fn write_some(&mut self, batch: &VecDeque<Queued>) -> io::Result<usize> {
        let now_ms = (self.clock)();
        let Some(active) = &mut self.active else { return Err(io::ErrorKind::NotFound.into()) };
        let is_old = now_ms.saturating_sub(active.started_ms) >= self.segment_age_ms;
        if active.used() > 0 && is_old {
            return self.rotate().map(|()| 0);
        }
        self.buffer.clear();
        self.hashes.clear();
        let mut head = self.standing.head;
        let mut seq = self.standing.tree.size();
        for queued in batch {
            let end = active.used() + (self.buffer.len() + self.line.line_len(&queued.entry)) as u64;
            if end > self.segment_bytes && active.used() + self.buffer.len() as u64 > 0 {
                break;
            }
            seq += 1;
            head = self.line.write(&mut self.buffer, &queued.entry, &head, seq);
            self.hashes.push(head);
        }
        if self.hashes.is_empty() {
            return self.rotate().map(|()| 0);
        }
        if active.used() == 0 {
            active.started_ms = now_ms;
        }
        active.commit(&self.buffer)?;
        self.standing.head = head;
        self.queue.advance(seq, active.used());
        Ok(self.hashes.len())
    }

    /// Tells those who wait first; the tree can wait.
    fn acknowledge(&mut self, batch: &mut VecDeque<Queued>, count: usize) {
        for waiter in batch.drain(..count).filter_map(|queued| queued.waiter) {
            // Who does not wait any more does not need to know.
            let _ = waiter.send(Ok(()));
        }
        for hash in self.hashes.drain(..) {
            self.standing.tree.push(hash);
        }
    }

    /// Signs the tree as it stands. What the checkpoint covers is durable, so it is never ahead of the entries. One that
    /// cannot be written stops nothing: the next one covers more.
    fn checkpoint(&mut self, sync: Sync) {
        self.checkpoint_ms = (self.clock)();
        if self.seq() == self.standing.covered_seq {
            return;
        }
        let checkpoint = Checkpoint::sign(self.seq(), self.standing.tree.root(), self.signer.as_ref());
        match self.history.write(&checkpoint, sync) {
            Ok(()) => {
                self.standing.covered_seq = checkpoint.size;
                self.queue.covered(checkpoint.size);
                self.is_checkpoint_failing = false;
            }
            Err(error) if !self.is_checkpoint_failing => {
                self.is_checkpoint_failing = true;
                tracing::warn!(%error, "a checkpoint of the trail could not be written");
            }
            Err(_) => {}
        }
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.checkpoint(Sync::Now);
        if let Some(active) = self.active.take() {
            active.close()?;
        }
        self.start_segment()
    }

    fn start_segment(&mut self) -> io::Result<()> {
        let segment = Segment::new(&self.folder, self.seq() + 1);
        // A file of this name can only be left from a try that failed: no entry in it was ever durable.
        files::remove(&segment.path).map_err(io::Error::other)?;
        self.write_frontier(&segment);
        let name = segment.file_name();
        self.active = Some(Active::create(self.disk.as_ref(), segment, self.segment_bytes, (self.clock)())?);
        self.queue.goes_on_in(name, 0);
        Ok(())
    }

    /// Spares the next start to read what lies before this segment.
    fn write_frontier(&self, segment: &Segment) {
        if self.seq() == 0 || self.is_uncut {
            return;
        }
        let frontier = Frontier { tree: self.standing.tree.clone(), head: self.standing.head };
        if let Err(error) = frontier.write(segment) {
            tracing::warn!(%error, "the next start will read more of the trail");
        }
    }

    /// A write or sync failed. What the kernel still holds of this segment is not to be relied on: it is never written
    /// to or synced again, and nothing is admitted until a new one has been synced.
    fn fail(&mut self, error: &io::Error, batch: VecDeque<Queued>) {
        tracing::error!(%error, seq = self.seq(), "the trail cannot be written; nothing is admitted until it can");
        if let Some(active) = self.active.take() {
            self.is_uncut |= !active.abandon();
        }
        self.pause = PAUSE_MIN;
        self.queue.fail(error.to_string(), batch);
    }

    fn probe(&mut self) {
        match self.start_segment() {
            Ok(()) => tracing::info!(seq = self.seq(), "the trail can be written again"),
            Err(error) => {
                self.pause = (self.pause * 2).min(PAUSE_MAX);
                self.queue.still_fails(error.to_string());
            }
        }
    }

    fn finish(mut self) {
        self.checkpoint(Sync::Now);
        if let Some(Err(error)) = self.active.take().map(Active::close) {
            tracing::warn!(%error, "the last segment could not be cut behind its last entry; the next start does it");
        }
        let lost = self.queue.end();
        if lost > 0 {
            tracing::error!(lost, "the trail was closed while it could not be written: these entries are lost");
        }
    }
}

struct Ended(Arc<Queue>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.end();
    }
}
