//! The front over real sockets, and its scanner over everything that was ever tried on one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::print_stdout)]

mod corpus;
mod departure;
mod house;
mod keep_alive;
mod pipe;
mod properties;
mod scan;
mod slow;
mod stopping;
mod tunnels;
