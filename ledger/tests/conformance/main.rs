//! What every backend of the ledger must do, told through its public verbs alone, so that a second backend runs the
//! same suite: it becomes one more house in `house::houses`. Journal, fold and crash are the embedded backend's.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod bounds;
mod circuit;
mod crash;
mod dropping;
mod expiry;
mod failing;
mod house;
mod journal;
mod oracle;
mod people;
mod precedence;
mod properties;
mod replay;
mod reserving;
mod settling;
mod snapshot;
mod storm;
mod time;
