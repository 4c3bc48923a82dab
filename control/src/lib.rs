//! The operator's plane: the owner's socket, a read-only listener for pages and probes, and the client of both.
//!
//! The key that spends never reaches it: agents speak to the proxy's listeners, people and programs of the same user
//! to the socket, and the network listener changes nothing.

mod client;
mod desk;
mod error;
mod guard;
mod page;
mod rest;
mod serve;
mod text;
mod view;

pub use client::Client;
pub use desk::{About, Action, Attachment, Desk, Done, Presumed, Seen, Verified};
pub use error::ControlError;
pub use rest::{Plane, router};
pub use serve::{Listening, Stop};
pub use text::visible;
pub use view::{AccountView, Row, rows};
