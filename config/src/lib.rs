//! The file as written becomes the house as checked; hot reload; secrets.

mod address;
mod cause;
mod directory;
mod endpoint;
mod environment;
mod error;
mod host;
mod house;
mod keys;
mod load;
mod routes;
mod watch;
mod watched;

pub use address::{AddressRange, MalformedRange};
pub use cause::Cause;
pub use directory::{Agent, Directory, KeyRecord};
pub use endpoint::{Endpoint, MalformedEndpoint};
pub use environment::{Environment, RealEnvironment};
pub use error::{ConfigError, Fault, Fixed, Place};
pub use host::Host;
pub use house::{Caps, House, Listeners, Mode, UpstreamOptions};
pub use keys::{KEY_PREFIX, KEY_RANDOM_BYTES, KeptKey, MintedKey, mint_key};
pub use load::load;
pub use routes::{Credentials, Route, Routes, Upstream};
pub use watch::Watch;
pub use watched::{Clock, Reload, Reloads, Watched};
