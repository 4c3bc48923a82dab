//! The configuration as people meet it: what is printed, what is accepted, what changes while it runs.

mod faults;
mod house;
mod reload;
mod support;
