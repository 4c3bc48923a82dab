//! How long the ledger takes for one request: `cargo run --release -p bursar-ledger --example throughput`.
//!
//! Prints nanoseconds of CPU per request on ten accounts, without a trail behind it (the journal throws away what it
//! gets), with one thread and with two, and how fast a journal is folded.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ledger::{Durable, Folded, Journal, JournalError, Ledger, LedgerOptions, Prepared, Reservation};
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::oneshot;
use types::account::Subject;
use types::entry::{Account, Admit, Outcome, Proof, Request};
use types::{
    AccountName, Amounts, Caller, Charge, DecisionId, Entry, Limits, Line, Measure, Money, Name, Scope, Usage,
};

const NOW_MS: u64 = 1_795_219_200_000;
const REQUESTS: u64 = 409_600;
const BATCH: u64 = 64;

/// A journal that is always durable and keeps nothing.
#[derive(Default)]
struct Nowhere(AtomicU64);

impl Journal for Nowhere {
    fn prepare(&self, _: &Entry) -> Prepared {
        Prepared(Vec::new())
    }

    fn append(&self, _: Prepared) -> Result<u64, JournalError> {
        Ok(self.0.fetch_add(1, Ordering::Relaxed))
    }

    fn append_durable(&self, entry: Prepared) -> Result<Durable, JournalError> {
        let (told, wait) = oneshot::channel();
        let seq = self.append(entry)?;
        let _ = told.send(Ok(()));
        Ok(Durable::new(seq, wait))
    }

    fn append_reserved(&self, entry: Prepared) -> Result<u64, JournalError> {
        self.append(entry)
    }
}

/// The accounts that every request of an agent touches: org, team and agent by day, month and total, and a model.
fn lines(agent: u64) -> Vec<Line> {
    let scopes = ["org:acme".to_owned(), "team:research".to_owned(), format!("agent:researcher-{agent}")];
    let windows = ["day:2026-11-21", "month:2026-11", "total"];
    let mut names: Vec<String> =
        scopes.iter().flat_map(|scope| windows.map(|window| format!("{scope}@{window}"))).collect();
    names.push("model:openai/gpt-5-mini@day:2026-11-21".to_owned());
    names.into_iter().map(line).collect()
}

fn line(name: String) -> Line {
    Line {
        account: AccountName(name.into()),
        limits: Limits::NONE.tightened(Measure::Usd, 1 << 58),
        resets_ms: Some(NOW_MS + 86_400_000),
    }
}

fn reservation(id: u64, lines: Vec<Line>, vendor: &Name, subject: &Subject) -> Reservation {
    let amount = Amounts { requests: 1, tokens: 4_000, usd: Money::from_nanos(30_000) };
    Reservation {
        id: DecisionId::from_u128(u128::from(id) << 40),
        lines,
        amount,
        floor: amount,
        subjects: vec![subject.clone()],
        vendor: vendor.clone(),
        now_ms: NOW_MS,
        expires_ms: NOW_MS + 120_000,
    }
}

fn admit(id: DecisionId) -> Admit {
    let nobody: Name = "-".into();
    let caller = Caller {
        agent: nobody.clone(),
        org: nobody.clone(),
        session: nobody.clone(),
        team: nobody.clone(),
        user: nobody,
    };
    Admit {
        accounts: Vec::new(),
        at_ms: NOW_MS,
        caller,
        granted: Amounts::ZERO,
        id,
        proof: Proof::default(),
        request: Request::default(),
    }
}

fn outcome(id: DecisionId, model: &Name) -> Outcome {
    let amounts = Amounts { requests: 1, tokens: 900, usd: Money::from_nanos(7_000) };
    Outcome {
        at_ms: NOW_MS,
        charge: Charge::exact(amounts),
        end: model.clone(),
        id,
        latency_ms: 700,
        model: model.clone(),
        status: 200,
        usage: Usage::default(),
        vendor_request: String::new(),
    }
}

/// Nanoseconds of CPU that this thread has used: other programs on the machine do not count.
fn cpu_ns() -> u128 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    u128::try_from(i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)).unwrap_or_default()
}

/// What a request costs in each verb, in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    reserve: u128,
    admit: u128,
    settle: u128,
}

/// One thread's requests, in batches so that the clock is read seldom. The making of lines and entries is policy's and
/// the journey's work and not counted.
async fn run(ledger: Ledger, thread: u64) -> Spent {
    let (vendor, model): (Name, Name) = ("openai".into(), "gpt-5-mini".into());
    let subject = Subject { scope: Scope::Agent, name: "researcher".into() };
    let template = lines(thread % 2);
    let mut spent = Spent::default();
    for batch in 0..REQUESTS / BATCH {
        let ids = (thread << 40) + batch * BATCH..(thread << 40) + (batch + 1) * BATCH;
        let asked: Vec<Reservation> = ids.map(|id| reservation(id, template.clone(), &vendor, &subject)).collect();
        let entries: Vec<Admit> = asked.iter().map(|reservation| admit(reservation.id)).collect();
        let outcomes: Vec<Outcome> = asked.iter().map(|reservation| outcome(reservation.id, &model)).collect();
        let (mut holds, mut in_flight) = (Vec::with_capacity(asked.len()), Vec::with_capacity(asked.len()));
        let start = cpu_ns();
        for reservation in asked {
            holds.extend(ledger.reserve(reservation).await);
        }
        let reserved = cpu_ns();
        for (mut hold, entry) in holds.into_iter().zip(entries) {
            if let Ok(permit) = ledger.admit(&mut hold, entry).await {
                in_flight.push(hold.dispatch(&permit));
            }
        }
        let admitted = cpu_ns();
        for (in_flight, outcome) in in_flight.into_iter().zip(outcomes) {
            black_box(in_flight.settle(outcome));
        }
        spent.reserve += reserved - start;
        spent.admit += admitted - reserved;
        spent.settle += cpu_ns() - admitted;
    }
    spent.per_request()
}

impl Spent {
    fn per_request(self) -> Self {
        let requests = u128::from(REQUESTS);
        Self { reserve: self.reserve / requests, admit: self.admit / requests, settle: self.settle / requests }
    }
}

fn measure(threads: u64) -> Vec<Spent> {
    let ledger = Ledger::start(Arc::new(Nowhere::default()), Folded::new(), LedgerOptions::default());
    let workers: Vec<_> = (0..threads)
        .map(|thread| {
            let ledger = ledger.clone();
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build();
                runtime.map(|runtime| runtime.block_on(run(ledger, thread))).unwrap_or_default()
            })
        })
        .collect();
    workers.into_iter().filter_map(|worker| worker.join().ok()).collect()
}

fn fold() -> u128 {
    let accounts: Vec<Account> = lines(0)
        .into_iter()
        .map(|line| Account {
            account: line.account,
            committed: Amounts::ZERO,
            limits: line.limits,
            resets_ms: line.resets_ms,
        })
        .collect();
    let granted = Amounts { requests: 1, tokens: 4_000, usd: Money::from_nanos(30_000) };
    let model: Name = "gpt-5-mini".into();
    let mut folded = Folded::new();
    let start = cpu_ns();
    for id in 0..u128::from(REQUESTS) {
        let id = DecisionId::from_u128(id << 40);
        folded.apply(&Entry::Admit(Admit { accounts: accounts.clone(), granted, ..admit(id) }));
        folded.apply(&Entry::Outcome(outcome(id, &model)));
    }
    let spent = (cpu_ns() - start) / u128::from(REQUESTS * 2);
    black_box(folded.encode());
    spent
}

#[allow(clippy::print_stdout)]
fn main() {
    for threads in [1, 2] {
        println!("ns a request on 10 accounts, {threads} threads: {:?}", measure(threads));
    }
    println!("fold: {} ns an entry (after parsing)", fold());
}
