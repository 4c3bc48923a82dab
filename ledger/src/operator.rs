//! The verbs of people: each takes effect with its entry, and is reported as done when that is durable.

use types::account::Subject;
use types::entry::{Adjust, Clock, Freeze, Resolve};
use types::{AccountName, Amounts, Balance, DecisionId, Entry, Money, UnixMs};

use crate::error::LedgerError;
use crate::hold::Settled;
use crate::journal::{Durable, JournalError, Prepared};
use crate::ledger::Ledger;
use crate::shared::Guarded;
use crate::state::{Moved, Row, State};

impl Ledger {
    /// Freezes a subject: from this moment on nothing that names it is reserved or admitted, even if the entry then
    /// cannot be written.
    ///
    /// # Errors
    /// [`LedgerError::Journal`]: in force, but not yet durable.
    pub async fn freeze(&self, subject: Subject, by: &str, now_ms: UnixMs) -> Result<(), LedgerError> {
        let freeze = Freeze { at_ms: now_ms, by: by.into(), frozen: true, subject };
        let prepared = self.0.journal.prepare(&Entry::Freeze(freeze.clone()));
        let queued = self.apply_freeze(&freeze, prepared);
        let written = match queued {
            Ok(durable) => durable.wait().await,
            Err(error) => Err(error),
        };
        // Said again when the journal has healed: twice frozen is frozen.
        written.inspect_err(|_| self.0.lock().owe(Entry::Freeze(freeze))).map_err(LedgerError::Journal)
    }

    fn apply_freeze(&self, freeze: &Freeze, prepared: Prepared) -> Result<Durable, JournalError> {
        let mut guarded = self.0.lock();
        guarded.core.raise(freeze.at_ms);
        guarded.core.switch(&freeze.subject, true);
        self.0.switches.send_modify(|version| *version += 1);
        self.queue(&mut guarded, prepared)
    }

    /// Lets a subject go on. Where that cannot be recorded it is frozen again.
    ///
    /// # Errors
    /// [`LedgerError::Journal`]: still frozen.
    pub async fn unfreeze(&self, subject: Subject, by: &str, now_ms: UnixMs) -> Result<(), LedgerError> {
        let freeze = Freeze { at_ms: now_ms, by: by.into(), frozen: false, subject };
        let prepared = self.0.journal.prepare(&Entry::Freeze(freeze.clone()));
        let durable = self.apply_unfreeze(&freeze, prepared)?;
        let Err(error) = durable.wait().await else { return Ok(()) };
        let mut guarded = self.0.lock();
        guarded.core.switch(&freeze.subject, true);
        guarded.owe(Entry::Freeze(Freeze { frozen: true, ..freeze }));
        self.0.switches.send_modify(|version| *version += 1);
        Err(error.into())
    }

    fn apply_unfreeze(&self, freeze: &Freeze, prepared: Prepared) -> Result<Durable, JournalError> {
        let mut guarded = self.0.lock();
        guarded.core.raise(freeze.at_ms);
        let durable = self.queue(&mut guarded, prepared)?;
        guarded.core.switch(&freeze.subject, false);
        self.0.switches.send_modify(|version| *version += 1);
        Ok(durable)
    }

    /// Replaces a presumption by what a person proved: the dollars as told, presumed calls and tokens as used.
    ///
    /// # Errors
    /// [`LedgerError::NotChargeable`], [`LedgerError::UnknownHold`], [`LedgerError::NotPresumed`],
    /// [`LedgerError::Journal`]: undone.
    pub async fn resolve(
        &self,
        id: DecisionId,
        actual: Money,
        by: &str,
        evidence: &str,
        now_ms: UnixMs,
    ) -> Result<Settled, LedgerError> {
        if !(Amounts { usd: actual, ..Amounts::ZERO }).is_chargeable() {
            return Err(LedgerError::NotChargeable);
        }
        let resolve = Resolve { actual, at_ms: now_ms, by: by.into(), evidence: evidence.into(), id };
        let prepared = self.0.journal.prepare(&Entry::Resolve(resolve));
        let (durable, before, settled) = {
            let mut guarded = self.0.lock();
            let record = guarded.core.record(id).ok_or(LedgerError::UnknownHold(id))?;
            let before = record.state.clone();
            if !matches!(before, State::Presumed { .. }) {
                return Err(LedgerError::NotPresumed(id));
            }
            let durable = self.queue(&mut guarded, prepared)?;
            if guarded.core.resolve(id, actual, now_ms) != Moved::Changed {
                return Err(LedgerError::NotPresumed(id));
            }
            (durable, before, guarded.settled(id))
        };
        if let Err(error) = durable.wait().await {
            self.0.lock().core.unresolve(id, before, now_ms);
            return Err(error.into());
        }
        Ok(settled)
    }

    /// Corrects what is posted on an account: an invoice that says otherwise, spending from before Bursar.
    ///
    /// # Errors
    /// [`LedgerError::NotChargeable`] above 2^60 in either direction, [`LedgerError::UnknownAccount`],
    /// [`LedgerError::BelowZero`], [`LedgerError::Journal`]: undone.
    pub async fn adjust(
        &self,
        account: AccountName,
        added: Amounts,
        by: &str,
        evidence: &str,
        now_ms: UnixMs,
    ) -> Result<Balance, LedgerError> {
        let taken = Amounts::ZERO.checked_sub(added).ok_or(LedgerError::NotChargeable)?;
        if !added.max(taken).is_chargeable() {
            return Err(LedgerError::NotChargeable);
        }
        let (by, evidence) = (by.into(), evidence.into());
        let entry = Entry::Adjust(Adjust { account: account.clone(), added, at_ms: now_ms, by, evidence });
        let prepared = self.0.journal.prepare(&entry);
        let (durable, balance) = {
            let mut guarded = self.0.lock();
            let row = guarded.core.row(&account).ok_or_else(|| LedgerError::UnknownAccount(account.clone()))?;
            let posted = row.sums.posted.checked_add(added).ok_or(LedgerError::NotChargeable)?;
            if posted.min(Amounts::ZERO) != Amounts::ZERO {
                return Err(LedgerError::BelowZero(account));
            }
            let durable = self.queue(&mut guarded, prepared)?;
            guarded.core.raise(now_ms);
            guarded.core.adjust(&account, added);
            (durable, guarded.core.row(&account).map(Row::balance))
        };
        if let Err(error) = durable.wait().await {
            self.0.lock().core.adjust(&account, taken);
            return Err(error.into());
        }
        balance.ok_or(LedgerError::UnknownAccount(account))
    }

    /// Takes back what a vendor refunded: an adjustment that only lowers.
    ///
    /// # Errors
    /// Those of [`Ledger::adjust`]; [`LedgerError::NotChargeable`] for a negative amount as well.
    pub async fn credit(
        &self,
        account: AccountName,
        refunded: Amounts,
        by: &str,
        evidence: &str,
        now_ms: UnixMs,
    ) -> Result<Balance, LedgerError> {
        if !refunded.is_chargeable() {
            return Err(LedgerError::NotChargeable);
        }
        let added = Amounts::ZERO.checked_sub(refunded).ok_or(LedgerError::NotChargeable)?;
        self.adjust(account, added, by, evidence, now_ms).await
    }

    /// Accepts that the clock stands behind the journal: time goes on from `now_ms`. For an operator after a clock had
    /// run ahead; gives the latest time seen before.
    ///
    /// # Errors
    /// [`LedgerError::Journal`]: undone.
    pub async fn accept_clock(&self, by: &str, now_ms: UnixMs) -> Result<UnixMs, LedgerError> {
        let before_ms = self.0.lock().core.now_ms();
        let prepared = self.0.journal.prepare(&Entry::Clock(Clock { at_ms: now_ms, before_ms, by: by.into() }));
        let durable = {
            let mut guarded = self.0.lock();
            let durable = self.queue(&mut guarded, prepared)?;
            guarded.core.accept_clock(now_ms);
            durable
        };
        if let Err(error) = durable.wait().await {
            self.0.lock().core.raise(before_ms);
            return Err(error.into());
        }
        Ok(before_ms)
    }

    fn queue(&self, guarded: &mut Guarded, prepared: Prepared) -> Result<Durable, JournalError> {
        self.0.pay(guarded)?;
        let durable = self.0.journal.append_durable(prepared)?;
        guarded.last_seq = Some(durable.seq());
        Ok(durable)
    }
}

impl Guarded {
    /// The answer that a settled hold gives.
    fn settled(&self, id: DecisionId) -> Settled {
        let record = self.core.record(id);
        let (posted, overrun) = match record.map(|record| &record.state) {
            Some(State::Settled { posted, overrun }) => (*posted, *overrun),
            _ => (Amounts::ZERO, false),
        };
        let balances = record.map(|record| self.core.balances_of(record)).unwrap_or_default();
        Settled { balances, overrun, posted }
    }
}
