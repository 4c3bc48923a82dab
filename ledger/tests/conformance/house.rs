//! A ledger with its journal, and the words in which the stories are told.

use std::sync::Arc;

use ledger::{Folded, Hold, InFlight, Ledger, LedgerOptions, Refused, Reservation, Standing};
use types::account::Subject;
use types::entry::{Admit, Outcome, Proof, Request};
use types::{
    AccountName, Amounts, Balance, Caller, Certainty, Charge, DecisionId, Limits, Line, Measure, Money, Name, Scope,
    UnixMs, Usage,
};

use crate::journal::MemoryJournal;

/// Saturday, 21 November 2026, 00:00 UTC.
pub(crate) const NOW_MS: UnixMs = 1_795_219_200_000;
pub(crate) const DAY_MS: u64 = 86_400_000;
/// The account of most stories.
pub(crate) const AGENT: &str = "agent:researcher@day:2026-11-21";
/// Another one, for stories with two.
pub(crate) const ORG: &str = "org:acme@total";

/// A ledger and what it writes.
pub(crate) struct House {
    pub(crate) ledger: Ledger,
    pub(crate) journal: Arc<MemoryJournal>,
}

impl House {
    pub(crate) fn new() -> Self {
        Self::with(LedgerOptions::default())
    }

    pub(crate) fn with(options: LedgerOptions) -> Self {
        Self::after(Folded::new(), MemoryJournal::new(), options)
    }

    /// A house that takes up where a journal left off.
    pub(crate) fn after(state: Folded, journal: Arc<MemoryJournal>, options: LedgerOptions) -> Self {
        Self { ledger: Ledger::start(journal.clone(), state, options), journal }
    }

    /// Reserves, admits and dispatches.
    pub(crate) async fn send(&self, reservation: Reservation) -> InFlight {
        let hold = self.ledger.reserve(reservation).await.unwrap();
        self.dispatch(hold).await
    }

    /// Admits and dispatches a hold.
    pub(crate) async fn dispatch(&self, mut hold: Hold) -> InFlight {
        let permit = self.ledger.admit(&mut hold, admit(NOW_MS)).await.unwrap();
        hold.dispatch(&permit)
    }

    pub(crate) fn balance(&self, account: &str) -> Balance {
        self.ledger.balances_of(&[account.into()]).remove(0)
    }

    /// Posted, presumed and held nano-dollars of an account.
    pub(crate) fn usd(&self, account: &str) -> [i64; 3] {
        let balance = self.balance(account);
        [balance.posted.usd.nanos(), balance.presumed.usd.nanos(), balance.held.usd.nanos()]
    }

    /// The journal read back tells exactly what the ledger holds true.
    pub(crate) fn assert_replayed(&self) {
        let live = self.ledger.standing();
        assert_eq!(live.entries_owed, 0, "entries are still owed");
        let folded = self.journal.fold();
        assert_eq!(folded.compare(&live), [], "the journal tells something else than the ledger");
        let (Standing { accounts, open, presumed, frozen, .. }, told) = (live, folded.standing());
        assert_eq!((told.accounts, told.open, told.presumed, told.frozen), (accounts, open, presumed, frozen));
    }
}

/// Runs a story on every backend, each time in a house of its own.
pub(crate) fn on_every_backend(story: impl AsyncFn(House)) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for house in houses() {
        runtime.block_on(story(house));
    }
}

/// One house for every backend.
fn houses() -> Vec<House> {
    vec![House::new()]
}

pub(crate) fn id(number: u64) -> DecisionId {
    DecisionId::from_u128((u128::from(NOW_MS) << 80) | u128::from(number))
}

/// One call of so many nano-dollars and no tokens.
pub(crate) fn usd(nanos: i64) -> Amounts {
    Amounts { requests: 1, tokens: 0, usd: Money::from_nanos(nanos) }
}

pub(crate) fn line(account: &str, usd_limit: impl Into<Option<i64>>) -> Line {
    let limits = match usd_limit.into() {
        Some(limit) => Limits::NONE.tightened(Measure::Usd, limit),
        None => Limits::NONE,
    };
    let resets_ms = account.contains("@day").then_some(NOW_MS + DAY_MS);
    Line { account: AccountName::from(account), limits, resets_ms }
}

/// A reservation of exactly these nano-dollars.
pub(crate) fn ask(number: u64, nanos: i64, lines: Vec<Line>) -> Reservation {
    Reservation {
        id: id(number),
        lines,
        amount: usd(nanos),
        floor: usd(nanos),
        subjects: vec![subject(Scope::Org, "acme"), subject(Scope::Agent, "researcher")],
        vendor: "openai".into(),
        now_ms: NOW_MS,
        expires_ms: NOW_MS + 120_000,
    }
}

pub(crate) fn subject(scope: Scope, name: &str) -> Subject {
    Subject { scope, name: name.into() }
}

pub(crate) fn admit(at_ms: UnixMs) -> Admit {
    let [agent, org, none]: [Name; 3] = ["researcher".into(), "acme".into(), "-".into()];
    Admit {
        accounts: Vec::new(),
        at_ms,
        caller: Caller { agent, org, session: none.clone(), team: none.clone(), user: none },
        granted: Amounts::ZERO,
        id: id(0),
        proof: Proof::default(),
        request: Request { vendor: "openai".into(), model: "gpt-5-mini".into(), ..Request::default() },
    }
}

pub(crate) fn outcome(number: u64, certainty: Certainty, amounts: Amounts) -> Outcome {
    Outcome {
        at_ms: NOW_MS,
        charge: Charge { amounts, certainty },
        end: "complete".into(),
        id: id(number),
        latency_ms: 7,
        model: "gpt-5-mini".into(),
        status: 200,
        usage: Usage::default(),
        vendor_request: String::new(),
    }
}

pub(crate) fn exactly(number: u64, nanos: i64) -> Outcome {
    outcome(number, Certainty::Exact, usd(nanos))
}

/// The account, the measure and what was needed, where a limit refused.
pub(crate) fn over_limit(refused: Result<Hold, Refused>) -> (String, Measure, i64) {
    match refused {
        Err(Refused::OverLimit(short)) => (short.account.to_string(), short.measure, short.needed),
        other => panic!("not over a limit: {other:?}"),
    }
}

/// A small generator of numbers (SplitMix64, Steele et al. 2014), so that every failure can be repeated.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    pub(crate) fn nanos(&mut self, most: i64) -> i64 {
        i64::try_from(self.roll(u64::try_from(most).unwrap())).unwrap()
    }
}
