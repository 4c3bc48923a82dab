//! A hold and its life: reserved, admitted, in flight, settled. Each step consumes the one before.
//!
//! Nothing goes to a vendor without a [`Permit`], and only [`Ledger::admit`](crate::Ledger::admit) makes one:
//!
//! ```compile_fail
//! let permit = ledger::Permit { id: types::DecisionId::from_u128(1), seq: 1 };
//! ```
//!
//! A hold that was not admitted cannot go in flight:
//!
//! ```compile_fail
//! fn forward(hold: ledger::Hold) -> ledger::InFlight {
//!     hold.dispatch()
//! }
//! ```
//!
//! A hold goes in flight once:
//!
//! ```compile_fail
//! fn forward(hold: ledger::Hold, permit: ledger::Permit) {
//!     let first = hold.dispatch(&permit);
//!     let second = hold.dispatch(&permit);
//! }
//! ```
//!
//! And what is in flight is settled once:
//!
//! ```compile_fail
//! fn settle(in_flight: ledger::InFlight, outcome: types::entry::Outcome) {
//!     let first = in_flight.settle(outcome.clone());
//!     let second = in_flight.settle(outcome);
//! }
//! ```

use std::fmt;
use std::mem;
use std::sync::Arc;

use types::account::{Subject, Subjects};
use types::entry::{Account, Admit, Outcome};
use types::{Amounts, Balance, DecisionId, Entry, UnixMs};

use crate::shared::Shared;
use crate::state::{Granted, Moved, Record, State};
use crate::telemetry;

/// Money that is reserved on every account of a request.
///
/// Dropped before it was admitted: released, nothing has left. Dropped after that but before [`Hold::dispatch`]:
/// released as well, with an entry, because nothing was sent.
#[must_use = "a hold that is dropped is released"]
pub struct Hold {
    shared: Arc<Shared>,
    id: DecisionId,
    granted: Amounts,
    balances: Vec<Balance>,
    subjects: Subjects,
    stage: Stage,
}

/// How far a hold has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Reserved,
    Admitted,
    Gone,
}

impl Hold {
    pub(crate) fn new(shared: Arc<Shared>, granted: Granted) -> Self {
        let Granted { id, amounts, balances, subjects } = granted;
        Self { shared, id, granted: amounts, balances, subjects, stage: Stage::Reserved }
    }

    /// The id that decision, hold and entries share.
    #[must_use]
    pub const fn id(&self) -> DecisionId {
        self.id
    }

    /// What is held on every account: between the floor and the amount that was asked for.
    #[must_use]
    pub const fn granted(&self) -> Amounts {
        self.granted
    }

    /// The accounts as they stood after the reservation, this hold included.
    #[must_use]
    pub fn balances(&self) -> &[Balance] {
        &self.balances
    }

    pub(crate) fn subjects(&self) -> &[Subject] {
        &self.subjects
    }

    /// Makes an entry tell what the ledger knows of the hold.
    pub(crate) fn describe(&self, entry: &mut Admit) {
        entry.id = self.id;
        entry.granted = self.granted;
        entry.accounts = self
            .balances
            .iter()
            .map(|balance| Account {
                account: balance.account.clone(),
                committed: crate::Sums { posted: balance.posted, presumed: balance.presumed, held: balance.held }
                    .committed(),
                limits: balance.limits,
                resets_ms: balance.resets_ms,
            })
            .collect();
    }

    /// From here on the trail knows the hold.
    pub(crate) fn set_admitted(&mut self) {
        self.stage = Stage::Admitted;
    }

    /// Gives the money back at once. `why` is a reason code; it stands in the entry where the hold had been admitted.
    pub async fn release(mut self, now_ms: UnixMs, why: &str) {
        self.end(Some(now_ms), why);
    }

    /// Gives the money back, whoever still carries this value.
    pub(crate) fn end(&mut self, now_ms: Option<UnixMs>, why: &str) {
        match mem::replace(&mut self.stage, Stage::Gone) {
            Stage::Reserved => self.shared.lock().core.give_up(self.id),
            Stage::Admitted => self.shared.withdraw(self.id, now_ms, why),
            Stage::Gone => {}
        }
    }

    /// The request goes to the vendor now. No trip to the ledger: the entry is durable, the permit proves it.
    ///
    /// The permit must be the one that was made for this hold; in a debug build another one stops the program.
    pub fn dispatch(mut self, permit: &Permit) -> InFlight {
        debug_assert_eq!(permit.id, self.id, "a permit of another hold");
        if permit.id != self.id {
            tracing::error!(hold = %self.id, permit = %permit.id, "a hold was dispatched under the permit of another");
        }
        self.stage = Stage::Gone;
        InFlight {
            shared: Arc::clone(&self.shared),
            id: self.id,
            granted: self.granted,
            balances: mem::take(&mut self.balances),
            is_open: true,
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.end(None, "not_sent");
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold")
            .field("id", &self.id)
            .field("granted", &self.granted)
            .field("stage", &self.stage)
            .finish()
    }
}

/// The right to send one request: its `admit` entry is durable. Neither made elsewhere nor copied.
#[derive(Debug)]
#[must_use = "nothing is sent without its permit"]
pub struct Permit {
    id: DecisionId,
    seq: u64,
}

impl Permit {
    pub(crate) const fn new(id: DecisionId, seq: u64) -> Self {
        Self { id, seq }
    }

    /// The hold it was made for.
    #[must_use]
    pub const fn id(&self) -> DecisionId {
        self.id
    }

    /// The sequence number of the `admit` entry.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.seq
    }
}

/// Money that may be on its way to a vendor.
///
/// Dropped without [`InFlight::settle`]: presumed at the bound, because silence means it was spent.
#[must_use = "what is dropped unsettled is charged at its bound"]
pub struct InFlight {
    shared: Arc<Shared>,
    id: DecisionId,
    granted: Amounts,
    balances: Vec<Balance>,
    is_open: bool,
}

impl InFlight {
    /// The id that decision, hold and entries share.
    #[must_use]
    pub const fn id(&self) -> DecisionId {
        self.id
    }

    /// What is held for it on every account.
    #[must_use]
    pub const fn granted(&self) -> Amounts {
        self.granted
    }

    /// Charges what the exchange did cost and writes the outcome, in one step; never refused, whatever the amount.
    ///
    /// `Exact` posts the amounts and gives the rest back. `AtLeast` posts them and presumes what is left of the grant.
    /// `Unknown` presumes the grant. The entry's id is this exchange's.
    pub fn settle(mut self, mut outcome: Outcome) -> Settled {
        self.is_open = false;
        outcome.id = self.id;
        let mut balances = mem::take(&mut self.balances);
        let settled = self.shared.settle(outcome, |core, id, _| {
            core.refresh(id, &mut balances);
            balances
        });
        settled.unwrap_or_else(|| {
            tracing::error!(hold = %self.id, "an outcome came after its hold had been forgotten");
            Settled { balances: Vec::new(), overrun: false, posted: Amounts::ZERO }
        })
    }
}

impl InFlight {
    /// Takes the dispatch back: it is certain that not one byte was sent. An entry says why.
    pub fn unsent(mut self, now_ms: UnixMs, why: &str) {
        self.is_open = false;
        self.shared.withdraw(self.id, Some(now_ms), why);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.is_open {
            self.shared.presume(self.id, "dropped");
        }
    }
}

impl fmt::Debug for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InFlight").field("id", &self.id).field("granted", &self.granted).finish_non_exhaustive()
    }
}

/// The answer to an outcome. The same outcome once more gets the same answer and changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The accounts of the hold as they stand now.
    pub balances: Vec<Balance>,
    /// Whether it cost more than was held for it, or came after the hold had been given back.
    pub overrun: bool,
    /// What is posted on every account for this exchange.
    pub posted: Amounts,
}

impl Shared {
    /// Applies an outcome and queues its entry in one critical section; `None` where the hold is not remembered.
    pub(crate) fn settle(
        &self,
        outcome: Outcome,
        balances: impl FnOnce(&crate::state::Core, DecisionId, &Record) -> Vec<Balance>,
    ) -> Option<Settled> {
        let (id, charge, at_ms) = (outcome.id, outcome.charge, outcome.at_ms);
        let entry = Entry::Outcome(outcome);
        let prepared = self.journal.prepare(&entry);
        let mut guarded = self.lock();
        let moved = guarded.core.settle(id, &charge, at_ms);
        if moved == Moved::Changed {
            self.write(&mut guarded, prepared, &entry);
        }
        let record = guarded.core.record(id)?;
        let (posted, overrun, why) = told(record);
        let settled = Settled { balances: balances(&guarded.core, id, record), overrun, posted };
        drop(guarded);
        if moved == Moved::Changed {
            note(id, overrun, why.as_ref());
        }
        Some(settled)
    }
}

/// What a record tells of its cost: posted, overrun, and why a part is presumed.
fn told(record: &Record) -> (Amounts, bool, Option<types::Name>) {
    match &record.state {
        State::Settled { posted, overrun } => (*posted, *overrun, None),
        State::Presumed { posted, why, .. } => (*posted, false, Some(why.clone())),
        State::Reserved(_) | State::Admitted(_) | State::Released { .. } => (Amounts::ZERO, false, None),
    }
}

fn note(id: DecisionId, overrun: bool, why: Option<&types::Name>) {
    if overrun {
        telemetry::overrun(id);
    }
    if let Some(why) = why {
        telemetry::presumed(why);
    }
}
