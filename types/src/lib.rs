//! The nouns that every room shares: money, agents, accounts, quotes, charges, verdicts, reasons and trail entries.
//!
//! Pure: no IO, no clock, no async, no float near money. `no_std` with `alloc`.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod account;
pub mod amounts;
pub mod caller;
pub mod charge;
pub mod entry;
pub mod id;
pub mod money;
pub mod quote;
pub mod reason;
pub mod record;
pub mod secret;
pub mod verdict;

pub use account::{AccountName, Balance, Limits, Line, Measure, Scope, Subject, Window};
pub use amounts::Amounts;
pub use caller::Caller;
pub use charge::{Certainty, Charge, Usage};
pub use entry::Entry;
pub use id::DecisionId;
pub use money::{Cost, Money, MoneyError};
pub use quote::{OutputBound, Quote};
pub use reason::{Reason, Refusal, Shortfall};
pub use record::Record;
pub use secret::Secret;
pub use verdict::{Verdict, strictest};

/// Milliseconds since 1970-01-01T00:00:00Z, leap seconds ignored (Unix time).
pub type UnixMs = u64;
/// A short shared name: an agent, a vendor, a model, a route.
pub type Name = alloc::sync::Arc<str>;
