//! What an exchange may cost at most.

use crate::Name;
use crate::amounts::Amounts;

/// The bound on the output of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputBound {
    /// The client named it; it is never lowered unless the route says so.
    Named(u64),
    /// The client named none; Bursar inserts what the grant pays for, at most this (the model's own maximum).
    Open {
        /// The most tokens the model can produce.
        max: u64,
    },
    /// The exchange has no output to bound.
    None,
}

/// The upper bound of one exchange, from the request alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Who would be paid: the provider of the price book.
    pub vendor: Name,
    /// The model as the price book names it.
    pub model: Name,
    /// The most it may cost: reserved where there is room.
    pub bound: Amounts,
    /// The least worth reserving: equal to `bound` where the client named its own bound.
    pub floor: Amounts,
    /// The bound on its output.
    pub output: OutputBound,
    /// Whether the answer will be a stream.
    pub streaming: bool,
}
