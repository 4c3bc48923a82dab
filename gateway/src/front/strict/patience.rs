//! How long a client may take, and the clock that holds it to that.

use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::deadline::Deadline;

/// A body brings at least this much in each [`Patience::body`].
const BODY_MIN_BYTES: usize = 1024;

/// How long a client may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// From the first byte of a head to its last (slowloris).
    pub head: Duration,
    /// Between two requests, and before the first.
    pub idle: Duration,
    /// For each KiB of a body.
    pub body: Duration,
    /// Without taking a single byte of the answer.
    pub write: Duration,
    /// To close its side after we closed ours.
    pub linger: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(15),
            idle: Duration::from_secs(90),
            body: Duration::from_secs(30),
            write: Duration::from_secs(60),
            linger: Duration::from_secs(2),
        }
    }
}

/// What the client keeps us waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    Idle,
    Head,
    Body,
    Write,
    Linger,
}

/// Runs while a client keeps us waiting, for one direction of a connection.
#[derive(Debug)]
pub(super) struct ClientClock {
    patience: Patience,
    wait: Option<Wait>,
    deadline: Deadline,
    window_bytes: usize,
}

impl ClientClock {
    pub(super) fn new(patience: Patience) -> Self {
        Self { patience, wait: None, deadline: Deadline::default(), window_bytes: 0 }
    }

    /// Nothing is awaited of the client.
    pub(super) fn rest(&mut self) {
        if self.wait.take().is_some() {
            self.deadline.clear();
        }
    }

    /// The client has sent something.
    pub(super) fn received(&mut self, bytes: usize) {
        self.window_bytes = self.window_bytes.saturating_add(bytes);
        if self.wait == Some(Wait::Body) && self.deadline.has_passed() {
            // Nobody read in the meantime: that was not the client's delay.
            self.rest();
        }
    }

    /// Ready once the client has taken too long; the task is woken for it.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, wait: Wait) -> Poll<()> {
        if self.wait != Some(wait) {
            self.begin(wait);
        }
        loop {
            ready!(self.deadline.poll(cx));
            if wait != Wait::Body || self.window_bytes < BODY_MIN_BYTES {
                return Poll::Ready(());
            }
            self.begin(wait);
        }
    }

    fn begin(&mut self, wait: Wait) {
        self.wait = Some(wait);
        self.window_bytes = 0;
        self.deadline.set(match wait {
            Wait::Idle => self.patience.idle,
            Wait::Head => self.patience.head,
            Wait::Body => self.patience.body,
            Wait::Write => self.patience.write,
            Wait::Linger => self.patience.linger,
        });
    }
}
