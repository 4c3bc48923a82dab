//! The configuration as people meet it: what is printed, what is accepted, what changes while it runs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod faults;
mod house;
mod reload;
mod rules;
mod support;
