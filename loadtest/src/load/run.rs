//! A run: warm-up, then a window in which everything is counted.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tokio::sync::Semaphore;

use super::client::Client;
use super::exchange::{Kept, exchange};
use super::report::{Costs, Report};
use crate::histogram::Histogram;

/// Different error texts that are counted by themselves; more are counted as `other`.
const ERRORS_MAX: usize = 32;

/// What is sent, how fast and for how long.
#[derive(Clone)]
pub struct Load {
    /// How to reach the target.
    pub client: Client,
    /// Path of every request.
    pub path: String,
    /// Headers of every request, `Host` included.
    pub headers: HeaderMap,
    /// Body of every request.
    pub body: Bytes,
    /// Whether the answers are streams.
    pub stream: bool,
    /// A new connection for each request.
    pub fresh: bool,
    /// The status that counts as good.
    pub expect: StatusCode,
    /// Requests a second; `None` sends as fast as answers come.
    pub rate: Option<NonZeroU64>,
    /// Connections, each with at most one request in flight.
    pub connections: u32,
    /// Time before the window.
    pub warm_up: Duration,
    /// Length of the window.
    pub window: Duration,
    /// Process trees whose processor time and memory are counted.
    pub processes: Vec<u32>,
    /// Process trees of the upstream, counted apart.
    pub upstream: Vec<u32>,
}

/// Counters of a run; single-threaded, as the run is.
pub(super) struct Counters {
    pub(super) latency: RefCell<Histogram>,
    pub(super) first_byte: RefCell<Histogram>,
    pub(super) connect: Cell<u64>,
    pub(super) done: Cell<u64>,
    pub(super) failed: Cell<u64>,
    pub(super) errors: RefCell<BTreeMap<String, u64>>,
    counting: Cell<bool>,
}

impl Counters {
    fn new() -> Rc<Self> {
        Rc::new(Self {
            latency: RefCell::default(),
            first_byte: RefCell::default(),
            connect: Cell::new(0),
            done: Cell::new(0),
            failed: Cell::new(0),
            errors: RefCell::default(),
            counting: Cell::new(false),
        })
    }

    fn failed(&self, text: String) {
        add_one(&self.failed);
        let mut errors = self.errors.borrow_mut();
        let known = errors.len() < ERRORS_MAX || errors.contains_key(&text);
        let count = errors.entry(if known { text } else { "other".to_owned() }).or_default();
        *count = count.saturating_add(1);
    }
}

fn add_one(counter: &Cell<u64>) {
    counter.set(counter.get().saturating_add(1));
}

/// Makes a run and reports it. Blocks for the warm-up, the window and, at a constant rate, up to four seconds in which
/// late answers may still arrive.
///
/// # Errors
/// The operating system gives no thread.
pub fn measure(load: Load) -> std::io::Result<Report> {
    let runtime = crate::vendor::runtime(1)?;
    let local = tokio::task::LocalSet::new();
    Ok(local.block_on(&runtime, run(Rc::new(load))))
}

async fn run(load: Rc<Load>) -> Report {
    let counters = Counters::new();
    let due = load.rate.map(Due::start);
    let workers: Vec<_> = (0..load.connections)
        .map(|_| {
            let (load, counters, due) = (Rc::clone(&load), Rc::clone(&counters), due.clone());
            tokio::task::spawn_local(async move { worker(&load, &counters, due.as_deref()).await })
        })
        .collect();
    tokio::time::sleep(load.warm_up).await;
    let before = Costs::now(&load, false);
    let (begin, done_before) = (Instant::now(), counters.done.get());
    counters.counting.set(true);
    tokio::time::sleep(load.window).await;
    let (wall, done) = (begin.elapsed(), counters.done.get().saturating_sub(done_before));
    let costs = Costs::now(&load, true).since(&before);
    if let Some(due) = &due {
        due.stop();
        // Requests that were due inside the window are waited for: a slow answer is a figure, not a gap.
        let _ = tokio::time::timeout(Duration::from_secs(4), async {
            for worker in workers {
                let _ = worker.await;
            }
        })
        .await;
    }
    counters.counting.set(false);
    Report::new(&load, &counters, &costs, done, wall)
}

async fn worker(load: &Load, counters: &Counters, due: Option<&Due>) {
    let mut kept: Kept = None;
    let mut failures_in_a_row = 0_u32;
    loop {
        let intended = match due {
            None => Instant::now(),
            Some(due) => match due.next().await {
                Some(intended) => intended,
                None => return,
            },
        };
        let counting = counters.counting.get();
        match exchange(load, &mut kept).await {
            Ok((arrived, connected)) => {
                failures_in_a_row = 0;
                add_one(&counters.done);
                if connected {
                    add_one(&counters.connect);
                }
                // A request belongs to the window in which it was due and, without a rate, in which it also ended.
                if counting && (due.is_some() || counters.counting.get()) {
                    counters.latency.borrow_mut().record(micros(arrived.last, intended));
                    counters.first_byte.borrow_mut().record(micros(arrived.first, intended));
                }
            }
            Err(text) => {
                counters.failed(text);
                failures_in_a_row = failures_in_a_row.saturating_add(1);
                if failures_in_a_row > 3 {
                    // A target that is down must not turn this into a busy loop.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }
}

fn micros(end: Instant, begin: Instant) -> u64 {
    u64::try_from(end.saturating_duration_since(begin).as_micros()).unwrap_or(u64::MAX).max(1)
}

/// The clock of a constant rate: request *k* is due at *start + k ÷ rate*, whatever happened to the ones before.
struct Due {
    start: Instant,
    rate: NonZeroU64,
    released: Arc<Semaphore>,
    next: Cell<u64>,
}

impl Due {
    fn start(rate: NonZeroU64) -> Rc<Self> {
        let released = Arc::new(Semaphore::new(0));
        let due = Rc::new(Self { start: Instant::now(), rate, released: Arc::clone(&released), next: Cell::new(0) });
        let start = due.start;
        // A thread of its own: the runtime's timers are a millisecond coarse.
        std::thread::spawn(move || release(start, rate, &released));
        due
    }

    /// Waits until a request is due and says since when; `None` after [`Due::stop`].
    async fn next(&self) -> Option<Instant> {
        let permit = self.released.acquire().await.ok()?;
        permit.forget();
        let number = self.next.get();
        self.next.set(number.saturating_add(1));
        Some(at(self.start, number, self.rate))
    }

    fn stop(&self) {
        self.released.close();
    }
}

fn at(start: Instant, number: u64, rate: NonZeroU64) -> Instant {
    let nanos = u128::from(number).saturating_mul(1_000_000_000).checked_div(u128::from(rate.get())).unwrap_or(0);
    start.checked_add(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))).unwrap_or(start)
}

fn release(start: Instant, rate: NonZeroU64, released: &Semaphore) {
    // The kernel may wake a sleeper up to 50 µs late to save power; one nanosecond asks it not to (prctl(2)).
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
    for number in 0.. {
        std::thread::sleep(at(start, number, rate).saturating_duration_since(Instant::now()));
        if released.is_closed() {
            return;
        }
        released.add_permits(1);
    }
}
