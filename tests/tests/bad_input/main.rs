//! Bad input of every kind: each has its own clear answer, costs nothing that was not spent, and leaves the gateway as
//! able to work as before.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::print_stdout)]

mod desk;
mod disk;
mod requests;
mod start;
mod trail;
mod vendors;
