//! The verbs on the way of a request.

use std::fmt;
use std::sync::Arc;

use types::Entry;
use types::entry::{Admit, Outcome};

use crate::error::LedgerError;
use crate::fold::Folded;
use crate::hold::{Hold, Permit, Settled};
use crate::journal::{Durable, Journal};
use crate::options::LedgerOptions;
use crate::refusal::Refused;
use crate::reservation::Reservation;
use crate::shared::Shared;
use crate::telemetry;

/// The ledger: a cheap handle, shared by everything in one process.
///
/// Embedded: one state machine behind one mutex that is held for about a microsecond and never across an await. Its
/// durability is the journal: what is reserved stands at once and is undone if its `admit` does not become durable.
#[derive(Clone)]
pub struct Ledger(pub(crate) Arc<Shared>);

impl Ledger {
    /// Takes up work where the folded journal left off. Holds that the fold still knows as open (see
    /// [`Folded::finish_restart`]) live for one more lease and are presumed then.
    #[must_use]
    pub fn start(journal: Arc<dyn Journal>, state: Folded, options: LedgerOptions) -> Self {
        telemetry::describe();
        Self(Arc::new(Shared::new(journal, state.into_core().in_service(options))))
    }

    /// Reserves on every account of a request, or on none: `g = min(amount, room in every account)`, measure by
    /// measure, where that is at least the floor.
    ///
    /// The same id with the same charges gets the same answer and another handle of the same hold; the money is given
    /// back with the last handle, and only one handle is ever admitted.
    ///
    /// # Errors
    /// The first reason that applies, in the order of [`Refused`]. Nothing is reserved then.
    pub async fn reserve(&self, reservation: Reservation) -> Result<Hold, Refused> {
        let mut guarded = self.0.lock();
        if guarded.is_closed {
            return Err(Refused::Unavailable);
        }
        let granted = guarded.core.reserve(reservation)?;
        drop(guarded);
        Ok(Hold::new(Arc::clone(&self.0), granted))
    }

    /// Writes the `admit` entry and waits until it is durable: from then on the request may be sent.
    ///
    /// The ledger fills in what it knows better: id, grant and accounts. Switches are judged once more. Dropped while
    /// it waits, the hold is released by its own drop.
    ///
    /// # Errors
    /// [`Refused::Unavailable`], [`Refused::ClockBehind`], [`Refused::Conflict`] where the hold was admitted already or
    /// has expired, [`Refused::Frozen`]; [`Refused::NotRecorded`] where the journal failed: the hold is released.
    pub async fn admit(&self, hold: &mut Hold, mut entry: Admit) -> Result<Permit, Refused> {
        hold.describe(&mut entry);
        let durable = match self.queue_admission(hold, entry) {
            Ok(durable) => durable,
            Err(refused) => {
                if refused == Refused::NotRecorded {
                    hold.end(None, "trail_unavailable");
                }
                return Err(refused);
            }
        };
        hold.set_admitted();
        let seq = durable.seq();
        if durable.wait().await.is_err() {
            hold.end(None, "trail_unavailable");
            return Err(Refused::NotRecorded);
        }
        Ok(Permit::new(hold.id(), seq))
    }

    fn queue_admission(&self, hold: &Hold, entry: Admit) -> Result<Durable, Refused> {
        let at_ms = entry.at_ms;
        let entry = Entry::Admit(entry);
        let prepared = self.0.journal.prepare(&entry);
        let Entry::Admit(entry) = entry else { return Err(Refused::Conflict) };
        let mut guarded = self.0.lock();
        if guarded.is_closed {
            return Err(Refused::Unavailable);
        }
        guarded.core.check_admission(hold.id(), hold.subjects(), at_ms)?;
        self.0.pay(&mut guarded).map_err(|_| Refused::NotRecorded)?;
        let durable = self.0.journal.append_durable(prepared).map_err(|_| Refused::NotRecorded)?;
        guarded.last_seq = Some(durable.seq());
        guarded.core.admit(&entry);
        Ok(durable)
    }

    /// Applies an outcome by its id, for one that comes from elsewhere than the exchange itself: another process that
    /// still runs its stream, a late report. The rules are those of [`InFlight::settle`](crate::InFlight::settle).
    ///
    /// # Errors
    /// [`LedgerError::UnknownHold`] where no such hold is remembered, [`LedgerError::NotAdmitted`] where nothing can
    /// have been spent under it.
    pub fn settle(&self, outcome: Outcome) -> Result<Settled, LedgerError> {
        let id = outcome.id;
        match self.0.lock().core.record(id) {
            None => return Err(LedgerError::UnknownHold(id)),
            Some(record) if !record.is_admitted() => return Err(LedgerError::NotAdmitted(id)),
            Some(_) => {}
        }
        let settled = self.0.settle(outcome, |core, _, record| core.balances_of(record));
        settled.ok_or(LedgerError::UnknownHold(id))
    }

    /// Reserves and admits nothing any more; what is open can still be settled. For a process that stops or hands over.
    pub fn close(&self) {
        self.0.lock().is_closed = true;
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ledger").field(&self.status()).finish()
    }
}
