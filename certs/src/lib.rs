//! Our certificate authority: leaves on demand, trust bundles.

mod authority;
mod bundle;
mod cache;
mod error;
mod files;
mod host;
mod leaf;
mod pem;

pub use authority::Authority;
pub use cache::LEAVES_MAX;
pub use error::CertError;
pub use leaf::LEAF_LIFETIME_MS;
