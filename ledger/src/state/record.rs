//! One hold and its life: every change of an account is the change of a record's weight, so that there is one truth.

use smallvec::SmallVec;
use types::{Amounts, Certainty, Charge, DecisionId, Money, Name, UnixMs};

use super::accounts::AccountIndex;
use super::sums::{Sums, clamped, exceeds, lacking, plus};

/// Why a hold was presumed whose outcome told no usage.
pub(crate) const UNKNOWN_USAGE: &str = "unknown_usage";

/// What a reservation asked for, kept while the hold is open to tell a repetition from a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) amount: Amounts,
    pub(crate) floor: Amounts,
}

/// Where a hold stands in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Reserved, not admitted: nothing can have left.
    Reserved(Asked),
    /// Its `admit` entry is in the journal: money may have left.
    Admitted(Asked),
    /// Charged on silence.
    Presumed {
        /// What the vendor did tell.
        posted: Amounts,
        /// What is presumed on top.
        presumed: Amounts,
        /// Whether an outcome was told: only an exact one replaces it then.
        told: bool,
        /// Why, as in the entry.
        why: Name,
    },
    /// The cost is known.
    Settled {
        /// The cost.
        posted: Amounts,
        /// Whether it was more than was held.
        overrun: bool,
    },
    /// Nothing left.
    Released {
        /// Whether the hold had been admitted: such a one stands in the trail.
        admitted: bool,
    },
}

/// Who a hold was admitted for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) agent: Name,
    pub(crate) model: Name,
}

/// The accounts of a hold; a dozen fit without an allocation of their own.
pub(crate) type AccountList = SmallVec<[AccountIndex; 12]>;

/// One hold, from its reservation until it is forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) id: DecisionId,
    pub(crate) accounts: AccountList,
    pub(crate) granted: Amounts,
    pub(crate) vendor: Name,
    /// Known from the `admit` entry on.
    pub(crate) about: Option<About>,
    pub(crate) expires_ms: UnixMs,
    /// When it came into its state.
    pub(crate) since_ms: UnixMs,
    /// How many values in this process stand for it; one that was read from the trail has none.
    pub(crate) handles: u32,
    pub(crate) state: State,
}

impl Record {
    /// What the hold adds to each of its accounts.
    pub(crate) fn weight(&self) -> Sums {
        self.weight_in(&self.state)
    }

    /// What it would add in another state.
    pub(crate) fn weight_in(&self, state: &State) -> Sums {
        match state {
            State::Reserved(_) | State::Admitted(_) => Sums { held: self.granted, ..Sums::ZERO },
            State::Presumed { posted, presumed, .. } => {
                Sums { posted: *posted, presumed: *presumed, held: Amounts::ZERO }
            }
            State::Settled { posted, .. } => Sums { posted: *posted, ..Sums::ZERO },
            State::Released { .. } => Sums::ZERO,
        }
    }

    /// Whether the hold is open and not admitted.
    pub(crate) const fn is_reserved(&self) -> bool {
        matches!(self.state, State::Reserved(_))
    }

    /// Whether the trail knows the hold.
    pub(crate) const fn is_admitted(&self) -> bool {
        !matches!(self.state, State::Reserved(_) | State::Released { admitted: false })
    }

    /// What was asked for, while the hold is open.
    pub(crate) const fn asked(&self) -> Option<Asked> {
        match self.state {
            State::Reserved(asked) | State::Admitted(asked) => Some(asked),
            _ => None,
        }
    }

    /// The state after an outcome; `None` where it changes nothing.
    ///
    /// Never refused: the vendor has charged already. Exact replaces a presumption, once; what is settled stays; what
    /// had been released is posted all the same.
    pub(crate) fn settle(&self, charge: &Charge) -> Option<State> {
        let told = clamped(charge.amounts);
        match (&self.state, charge.certainty) {
            (State::Settled { .. }, _) => None,
            (State::Presumed { told: true, .. }, Certainty::AtLeast | Certainty::Unknown) => None,
            (_, Certainty::Exact) => Some(self.settled(told)),
            (State::Presumed { posted, .. }, Certainty::AtLeast) => Some(self.at_least(told.max(*posted))),
            (_, Certainty::AtLeast) => Some(self.at_least(told)),
            (_, Certainty::Unknown) => Some(State::Presumed {
                posted: Amounts::ZERO,
                presumed: self.granted,
                told: true,
                why: UNKNOWN_USAGE.into(),
            }),
        }
    }

    fn settled(&self, posted: Amounts) -> State {
        let late = matches!(self.state, State::Released { .. }) && posted != Amounts::ZERO;
        State::Settled { posted, overrun: late || exceeds(posted, self.granted) }
    }

    fn at_least(&self, posted: Amounts) -> State {
        let presumed = lacking(self.granted, posted);
        if presumed == Amounts::ZERO {
            return self.settled(posted);
        }
        State::Presumed { posted, presumed, told: true, why: UNKNOWN_USAGE.into() }
    }

    /// The state after nobody told what became of an admitted hold.
    pub(crate) fn presume(&self, why: &Name) -> Option<State> {
        matches!(self.state, State::Admitted(_)).then(|| State::Presumed {
            posted: Amounts::ZERO,
            presumed: self.granted,
            told: false,
            why: why.clone(),
        })
    }

    /// The state after it became certain that nothing was sent.
    pub(crate) const fn release(&self) -> Option<State> {
        match self.state {
            State::Reserved(_) => Some(State::Released { admitted: false }),
            State::Admitted(_) | State::Presumed { told: false, .. } => Some(State::Released { admitted: true }),
            _ => None,
        }
    }

    /// The state after a person proved the dollars; presumed calls and tokens count as used.
    pub(crate) fn resolve(&self, actual: Money) -> Option<State> {
        let State::Presumed { posted, presumed, .. } = &self.state else { return None };
        let posted = Amounts { usd: actual, ..plus(*posted, *presumed) };
        Some(State::Settled { posted, overrun: exceeds(posted, self.granted) })
    }
}
