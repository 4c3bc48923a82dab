//! What is open, and how it comes to its end: lame duck, closing, waiting, and then nothing is left or it is cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

const SERVING: u8 = 0;
const DRAINING: u8 = 1;
const CLOSING: u8 = 2;

/// How long each step of a stop may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How long answers say `connection: close` while everything is still accepted, so that clients reconnect
    /// elsewhere by themselves instead of losing a request. At least two seconds where a network lies between.
    pub lame_duck: Duration,
    /// How long open exchanges may take to end after that.
    pub finish: Duration,
}

/// Counts connections, requests and tunnels by drop guards, and leads them to an end. One for the whole process.
#[derive(Debug)]
pub struct Drain {
    phase: AtomicU8,
    connections: AtomicUsize,
    requests: AtomicUsize,
    tunnels: AtomicUsize,
    closing: watch::Sender<bool>,
    changed: Notify,
}

/// What a guard counts.
#[derive(Clone, Copy, Debug)]
enum Count {
    Connection,
    Request,
    Tunnel,
}

/// One connection, request or tunnel, counted until this is dropped.
#[derive(Debug)]
#[must_use]
pub struct Guard {
    drain: Arc<Drain>,
    count: Count,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.drain.counter(self.count).fetch_sub(1, Ordering::AcqRel);
        if !matches!(self.count, Count::Request) {
            self.drain.changed.notify_waiters();
        }
    }
}

impl Drain {
    /// Nothing is open, nothing ends.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            phase: AtomicU8::new(SERVING),
            connections: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            tunnels: AtomicUsize::new(0),
            closing: watch::Sender::new(false),
            changed: Notify::new(),
        })
    }

    /// Whether the end has begun: not ready for new work, every answer says `connection: close`.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.phase.load(Ordering::Acquire) != SERVING
    }

    /// Open connections.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Acquire)
    }

    /// Requests whose answers have not ended.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Acquire)
    }

    /// Open CONNECT tunnels, intercepted ones included.
    #[must_use]
    pub fn tunnels(&self) -> usize {
        self.tunnels.load(Ordering::Acquire)
    }

    /// Counts a connection.
    pub fn connection(self: &Arc<Self>) -> Guard {
        self.guard(Count::Connection)
    }

    /// Counts a request.
    pub fn request(self: &Arc<Self>) -> Guard {
        self.guard(Count::Request)
    }

    /// Counts a tunnel.
    pub fn tunnel(self: &Arc<Self>) -> Guard {
        self.guard(Count::Tunnel)
    }

    fn guard(self: &Arc<Self>, count: Count) -> Guard {
        self.counter(count).fetch_add(1, Ordering::AcqRel);
        Guard { drain: Arc::clone(self), count }
    }

    const fn counter(&self, count: Count) -> &AtomicUsize {
        match count {
            Count::Connection => &self.connections,
            Count::Request => &self.requests,
            Count::Tunnel => &self.tunnels,
        }
    }

    /// Turns true when nothing new is accepted and idle connections close.
    #[must_use]
    pub fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }

    /// Waits until fewer than `most` connections are open.
    pub async fn room(&self, most: usize) {
        self.until(|drain| drain.connections() < most).await;
    }

    /// Says that the end has begun, without closing anything yet.
    pub fn begin(&self) {
        self.phase.fetch_max(DRAINING, Ordering::AcqRel);
    }

    /// The whole way: lame duck, closing, waiting for what is open. Returns whether everything ended by itself.
    pub async fn run(&self, pace: Pace) -> bool {
        self.begin();
        sleep(pace.lame_duck).await;
        self.phase.store(CLOSING, Ordering::Release);
        self.closing.send_replace(true);
        let ended = self.until(|drain| drain.connections() + drain.requests() + drain.tunnels() == 0);
        timeout(pace.finish, ended).await.is_ok()
    }

    async fn until(&self, is_so: impl Fn(&Self) -> bool) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Registered before the look, so that no change falls between look and wait.
            changed.as_mut().enable();
            if is_so(self) {
                return;
            }
            changed.await;
        }
    }
}
