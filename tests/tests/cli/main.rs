//! The commands as people and scripts meet them: real processes, real gateways, what they print and how they end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod agents;
mod audit;
mod desk;
mod ledger;
mod plane;
mod run;
mod serve;
mod setup;
