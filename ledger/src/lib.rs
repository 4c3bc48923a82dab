//! What all gateways must agree on, atomically: accounts, holds, switches.

mod error;
mod fold;
mod hold;
mod journal;
mod leases;
mod ledger;

mod operator;
mod options;
mod refusal;
mod reservation;
mod shared;
mod snapshot;
mod standing;
mod state;
mod telemetry;
mod views;

pub use error::LedgerError;
pub use fold::Folded;
pub use hold::{Hold, InFlight, Permit, Settled};
pub use journal::{Durable, Journal, JournalError, Prepared};
pub use ledger::Ledger;
pub use options::LedgerOptions;
pub use refusal::Refused;
pub use reservation::Reservation;
pub use standing::{Drift, Stand, Standing};
pub use state::Sums;
pub use views::{HoldState, HoldView, LedgerStatus};
