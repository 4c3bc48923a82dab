//! From socket to request: listeners, the strict front, CONNECT, TLS, drain.
//!
//! [`Front`] takes connections on pingora's chassis, puts a [`strict::StrictStream`] between socket and hyper, and
//! hands each request to a [`Handler`]. Nothing in this folder knows money, routes or agents.

mod handler;

pub use handler::{Aborted, Connect, Connection, Event, Handler, Mode, Passage, ReplyBody, TunnelIo};
