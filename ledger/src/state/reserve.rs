//! The way in: all refusals first, in a fixed order of precedence; then the writes, which must succeed.

use smallvec::SmallVec;
use types::account::{Subject, Subjects};
use types::entry::Admit;
use types::{Amounts, Balance, DecisionId, Line, Measure, Shortfall, UnixMs};

use super::Core;
use super::accounts::AccountIndex;
use super::record::{About, AccountList, Asked, Record, State};
use super::sums::{CEILING, Sums, lacking};
use crate::refusal::Refused;
use crate::reservation::{LINES_MAX, Reservation};

/// The answer to a reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Granted {
    pub(crate) id: DecisionId,
    pub(crate) amounts: Amounts,
    pub(crate) balances: Vec<Balance>,
    pub(crate) subjects: Subjects,
}

/// Where each line's account stands; `None` for one that no hold has touched yet.
type Found = SmallVec<[Option<AccountIndex>; 12]>;

impl Core {
    /// Reserves on every account of a request, or on none.
    ///
    /// # Errors
    /// The first that applies, in the order of [`Refused`].
    pub(crate) fn reserve(&mut self, reservation: Reservation) -> Result<Granted, Refused> {
        check_chargeable(&reservation)?;
        let now_ms = self.clock.observe(reservation.now_ms).ok_or(Refused::ClockBehind)?;
        let found: Found = reservation.lines.iter().map(|line| self.accounts.find(&line.account)).collect();
        if self.records.get(reservation.id).is_some() {
            return self.again(reservation, &found);
        }
        self.check_switches(&reservation.subjects)?;
        let granted = self.grant(&reservation, &found)?;
        self.check_vendor(&reservation, &found, now_ms)?;
        self.check_bounds(&reservation, &found)?;
        // After this point the reservation must succeed.
        Ok(self.hold(reservation, &found, granted, now_ms))
    }

    /// The same id once more: the same answer for the same charges while the hold is open.
    fn again(&mut self, reservation: Reservation, found: &Found) -> Result<Granted, Refused> {
        let mut accounts = Found::new();
        for index in found {
            if !accounts.contains(index) {
                accounts.push(*index);
            }
        }
        let record = self.records.open_mut(reservation.id).ok_or(Refused::Conflict)?;
        let asked = Asked { amount: reservation.amount, floor: reservation.floor };
        let is_same = record.asked() == Some(asked) && record.accounts.iter().map(|index| Some(*index)).eq(accounts);
        if !is_same {
            return Err(Refused::Conflict);
        }
        record.handles = record.handles.saturating_add(1);
        let amounts = record.granted;
        let balances = self.record(reservation.id).map(|record| self.balances_of(record)).unwrap_or_default();
        Ok(Granted { id: reservation.id, amounts, balances, subjects: reservation.subjects })
    }

    fn check_switches(&self, subjects: &[Subject]) -> Result<(), Refused> {
        if self.frozen.is_empty() {
            return Ok(());
        }
        match subjects.iter().find(|subject| self.frozen.contains(subject)) {
            Some(subject) => Err(Refused::Frozen(subject.clone())),
            None => Ok(()),
        }
    }

    /// What every account has room for, measure by measure; where that is below the floor, the account with the least
    /// room is told.
    fn grant(&self, reservation: &Reservation, found: &Found) -> Result<Amounts, Refused> {
        let mut tightest: [Option<(i64, &Line)>; Measure::ALL.len()] = [None; Measure::ALL.len()];
        for (line, index) in reservation.lines.iter().zip(found) {
            let row = index.and_then(|index| self.accounts.row(index));
            let committed = row.map_or(Amounts::ZERO, |row| row.committed);
            for (slot, measure) in tightest.iter_mut().zip(Measure::ALL) {
                let room = room(line, measure, committed.of(measure));
                if slot.is_none_or(|(least, _)| room < least) {
                    *slot = Some((room, line));
                }
            }
        }
        let mut granted = reservation.amount;
        for (slot, measure) in tightest.into_iter().zip(Measure::ALL) {
            let Some((room, line)) = slot else { continue };
            let floor = reservation.floor.of(measure);
            if room < floor {
                return Err(Refused::OverLimit(self.shortfall(line, measure, floor)));
            }
            granted = granted.with(measure, reservation.amount.of(measure).min(room));
        }
        Ok(granted)
    }

    fn shortfall(&self, line: &Line, measure: Measure, needed: i64) -> Shortfall {
        let sums = self.row(&line.account).map(|row| row.sums).unwrap_or_default();
        Shortfall {
            account: line.account.clone(),
            held: sums.held.of(measure),
            limit: line.limits.of(measure).unwrap_or(CEILING),
            measure,
            needed,
            resets_ms: line.resets_ms,
            spent: sums.posted.of(measure).saturating_add(sums.presumed.of(measure)),
        }
    }

    fn check_vendor(&self, reservation: &Reservation, found: &Found, now_ms: UnixMs) -> Result<(), Refused> {
        let Some(circuit) = &self.circuit else { return Ok(()) };
        let is_open = reservation.lines.iter().zip(found).any(|(line, index)| {
            index.is_some_and(|index| circuit.is_open(&reservation.vendor, index, &line.limits, now_ms))
        });
        if is_open { Err(Refused::VendorUnstable(reservation.vendor.clone())) } else { Ok(()) }
    }

    fn check_bounds(&self, reservation: &Reservation, found: &Found) -> Result<(), Refused> {
        let new = reservation.lines.iter().zip(found).filter(|(_, index)| index.is_none()).count();
        let is_full = self.records.open_len() >= self.options.holds_max
            || self.records.presumed_len() >= self.options.unreconciled_max
            || (new > 0 && self.accounts.len() + new > self.options.accounts_max);
        if is_full { Err(Refused::Overloaded) } else { Ok(()) }
    }

    fn hold(&mut self, reservation: Reservation, found: &Found, granted: Amounts, now_ms: UnixMs) -> Granted {
        let weight = Sums { held: granted, ..Sums::ZERO };
        let mut accounts = AccountList::new();
        let mut balances: Vec<Balance> = Vec::with_capacity(reservation.lines.len());
        for (line, known) in reservation.lines.into_iter().zip(found) {
            let index = match known {
                Some(index) => *index,
                None => self.accounts.open(&line.account, line.limits, line.resets_ms),
            };
            let twin = accounts.iter().position(|known| *known == index).and_then(|at| balances.get_mut(at));
            if let Some(twin) = twin {
                let merged = tighter(twin.limits, line.limits);
                twin.limits = merged;
                self.accounts.describe(index, merged, line.resets_ms);
                continue;
            }
            self.accounts.describe(index, line.limits, line.resets_ms);
            let row = self.accounts.bear(index, &weight);
            accounts.push(index);
            balances.push(balance(line, row.map(|row| row.sums).unwrap_or_default()));
        }
        self.due_ms = self.due_ms.min(reservation.expires_ms);
        self.records.file(Record {
            id: reservation.id,
            accounts,
            granted,
            vendor: reservation.vendor,
            about: None,
            expires_ms: reservation.expires_ms,
            since_ms: now_ms,
            handles: 1,
            state: State::Reserved(Asked { amount: reservation.amount, floor: reservation.floor }),
        });
        Granted { id: reservation.id, amounts: granted, balances, subjects: reservation.subjects }
    }

    /// Whether a hold may be admitted now: it is still open, was not admitted before, nothing of it is frozen.
    ///
    /// # Errors
    /// [`Refused::ClockBehind`], [`Refused::Conflict`], [`Refused::Frozen`].
    pub(crate) fn check_admission(
        &mut self,
        id: DecisionId,
        subjects: &[Subject],
        at_ms: UnixMs,
    ) -> Result<(), Refused> {
        self.clock.observe(at_ms).ok_or(Refused::ClockBehind)?;
        let record = self.records.get(id).ok_or(Refused::Conflict)?;
        if !record.is_reserved() {
            return Err(Refused::Conflict);
        }
        self.check_switches(subjects)
    }

    /// Notes that a hold's `admit` entry has been queued.
    pub(crate) fn admit(&mut self, entry: &Admit) {
        if let Some(record) = self.records.open_mut(entry.id) {
            if let State::Reserved(asked) = record.state {
                record.state = State::Admitted(asked);
            }
            record.about = Some(About::of(entry));
        }
    }
}

/// What is left on an account for one measure. A limit of zero refuses all, a request that costs nothing too.
fn room(line: &Line, measure: Measure, committed: i64) -> i64 {
    match line.limits.of(measure) {
        Some(limit) if limit <= 0 => -1,
        Some(limit) => limit.min(CEILING).saturating_sub(committed),
        None => CEILING.saturating_sub(committed),
    }
}

fn tighter(left: types::Limits, right: types::Limits) -> types::Limits {
    Measure::ALL.iter().fold(left, |limits, measure| match right.of(*measure) {
        Some(limit) => limits.tightened(*measure, limit),
        None => limits,
    })
}

fn balance(line: Line, sums: Sums) -> Balance {
    Balance {
        account: line.account,
        posted: sums.posted,
        presumed: sums.presumed,
        held: sums.held,
        limits: line.limits,
        resets_ms: line.resets_ms,
    }
}

fn check_chargeable(reservation: &Reservation) -> Result<(), Refused> {
    if !reservation.amount.is_chargeable() || !reservation.floor.is_chargeable() {
        return Err(Refused::NotChargeable("an amount below zero or above 2^60"));
    }
    if lacking(reservation.floor, reservation.amount) != Amounts::ZERO {
        return Err(Refused::NotChargeable("a floor above its amount"));
    }
    if reservation.lines.len() > LINES_MAX {
        return Err(Refused::NotChargeable("more than 64 accounts"));
    }
    Ok(())
}
