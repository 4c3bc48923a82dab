//! The way out against real sockets: well-behaved vendors, hostile ones, and those that are not there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::print_stdout)]

mod addresses;
mod corpus;
mod framing;
mod kit;
mod pooling;
mod requests;
mod sent;
mod tls;
