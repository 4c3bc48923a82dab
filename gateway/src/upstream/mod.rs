//! The way out: a vendor's host is resolved by us, every address judged, the judged address dialled, its certificate
//! verified, its answer taken only if it can be read in one way.

mod answer;
mod connect;
mod error;
mod flight;
mod host;
mod options;
mod ranges;
mod resolve;
mod send;
#[cfg(test)]
mod tests;
mod tls;
mod vendors;
mod wire;

pub use error::{ConnectError, UpstreamError, UpstreamKind, UpstreamSetupError};
pub use host::{Host, MalformedHost, split_authority};
pub use options::UpstreamOptions;
pub use ranges::denied_because;
pub use resolve::{Lookup, LookupFuture};
pub use send::Upstream;
pub use vendors::{Place, Target};
