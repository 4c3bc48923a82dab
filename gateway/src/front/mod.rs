//! From socket to request: listeners, the strict front, CONNECT, TLS, drain.
//!
//! [`Front`] takes connections on pingora's chassis, puts a [`strict::StrictStream`] between socket and hyper, and
//! hands each request to a [`Handler`]. Nothing in this folder knows money, routes or agents.

mod answer;
mod connect;
mod drain;
mod files;
mod handler;
mod prefixed;
mod serve;
mod server;
mod signals;
pub mod strict;
#[cfg(test)]
mod tests;

pub use drain::{Drain, Guard, Pace};
pub use handler::{Aborted, Connect, Connection, Event, Handler, Mode, Passage, ReplyBody, TunnelIo};
pub use server::{Front, FrontError, FrontOptions};
pub use signals::{Signal, Signals, Stop};
