//! The strict front: one reading of each byte, before hyper sees it (design §4).
//!
//! [`HeadScan`], [`ChunkScan`] and [`MessageScan`] are sans-IO: bytes in, judgement out, any cutting of the bytes
//! gives the same judgement. [`StrictStream`] puts them between a socket and hyper. Where RFC 9112 lets a server be
//! forgiving, this front is not: whatever two readers could take differently is refused, and the connection closed.

mod authority;
mod bytes;
mod chunks;
mod deadline;
mod exchange;
mod fields;
mod head;
mod message;
mod patience;
mod request_line;
mod stream;
mod violation;

pub use authority::{Authority, HostKind};
pub use chunks::ChunkScan;
pub use exchange::Exchange;
pub use fields::Framing;
pub use head::{Head, HeadLimits, HeadScan};
pub use message::{Judged, MessageScan};
pub use patience::Patience;
pub use request_line::{RequestLine, Version};
pub use stream::StrictStream;
pub use violation::Violation;
