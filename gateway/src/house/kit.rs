//! A trail with small segments and a ledger over it, for the tests of this folder.

use std::path::PathBuf;
use std::sync::Arc;

use audit::{FileSigner, Trail, TrailOptions};
use ledger::{Folded, Ledger, LedgerOptions, Reservation};
use tempfile::TempDir;
use types::entry::{Admit, Outcome, Proof, Request};
use types::{Amounts, Caller, Certainty, Charge, DecisionId, Limits, Line, Measure, Money, UnixMs, Usage};

use super::journal::TrailJournal;
use crate::clock::now_ms;

/// One call of so many nano-dollars.
pub(super) fn usd(nanos: i64) -> Amounts {
    Amounts { requests: 1, tokens: 10, usd: Money::from_nanos(nanos) }
}

/// A trail and a ledger over it.
pub(super) struct SmallHouse {
    pub(super) trail: Arc<Trail>,
    pub(super) ledger: Ledger,
    pub(super) folder: PathBuf,
    calls: std::cell::Cell<u64>,
    begin_ms: UnixMs,
    _data: TempDir,
}

impl SmallHouse {
    /// An empty house whose segments hold a few dozen entries.
    pub(super) fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join("gw");
        let trail = Arc::new(open(&folder));
        let ledger = Ledger::start(Arc::new(TrailJournal(Arc::clone(&trail))), Folded::new(), LedgerOptions::default());
        Self { trail, ledger, folder, calls: 0.into(), begin_ms: now_ms(), _data: data }
    }

    /// Makes calls; each costs half of what was held. Every tenth is left open, every seventh tells no cost.
    pub(super) fn call(&self, count: u64) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for _ in 0..count {
            runtime.block_on(self.one_call());
        }
        self.trail.flush_blocking().unwrap();
    }

    async fn one_call(&self) {
        let number = self.calls.get();
        self.calls.set(number + 1);
        let at_ms = now_ms();
        let id = DecisionId::from_u128((u128::from(self.begin_ms) << 80) | u128::from(number));
        let mut hold = self.ledger.reserve(reservation(id, at_ms)).await.unwrap();
        let permit = self.ledger.admit(&mut hold, admit(id, at_ms)).await.unwrap();
        let flight = hold.dispatch(&permit);
        if number % 10 == 9 {
            // Open until the end of the process: as a crash would leave it.
            std::mem::forget(flight);
            return;
        }
        let certainty = if number % 7 == 6 { Certainty::Unknown } else { Certainty::Exact };
        flight.settle(outcome(id, at_ms, certainty));
    }
}

/// Opens the trail of a folder with small segments.
pub(super) fn open(folder: &std::path::Path) -> Trail {
    let key = folder.parent().unwrap().join("trail.key");
    let signer = Arc::new(FileSigner::open_or_create(&key, "bursar/gw", [7; 32]).unwrap());
    let options = TrailOptions { segment_bytes: 32 << 10, ..TrailOptions::new(folder.to_owned(), "gw".into()) };
    Trail::open(options, signer, Arc::new(now_ms)).unwrap().0
}

fn reservation(id: DecisionId, now_ms: UnixMs) -> Reservation {
    let line = |account: &str| Line {
        account: account.into(),
        limits: Limits::NONE.tightened(Measure::Usd, 1_000_000_000_000),
        resets_ms: None,
    };
    Reservation {
        id,
        lines: vec![line("org:acme@total"), line("agent:researcher@total")],
        amount: usd(1_000),
        floor: usd(1_000),
        subjects: Vec::new(),
        vendor: "openai".into(),
        now_ms,
        expires_ms: now_ms + 3_600_000,
    }
}

fn admit(id: DecisionId, at_ms: UnixMs) -> Admit {
    let none = types::caller::NOBODY;
    let caller = Caller {
        agent: "researcher".into(),
        org: "acme".into(),
        session: none.into(),
        team: none.into(),
        user: none.into(),
    };
    let (proof, request) = (Proof::default(), Request { model: "gpt-4o-mini".into(), ..Request::default() });
    Admit { accounts: Vec::new(), at_ms, caller, granted: usd(1_000), id, proof, request }
}

fn outcome(id: DecisionId, at_ms: UnixMs, certainty: Certainty) -> Outcome {
    Outcome {
        at_ms,
        charge: Charge { amounts: usd(500), certainty },
        end: "complete".into(),
        id,
        latency_ms: 1,
        model: "gpt-4o-mini".into(),
        status: 200,
        usage: Usage::default(),
        vendor_request: String::new(),
    }
}
