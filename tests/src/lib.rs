//! The test kit: the real gateway on free ports, mock vendors, real clients; and what the house rules are checked with.

pub mod error;
pub mod gateway;
pub mod house;
pub mod house_file;
pub mod http;
pub mod ports;
pub mod python;
pub mod vendor;
pub mod wait;

pub use error::KitError;
pub use gateway::{Gateway, Setup};
pub use house_file::{HouseFile, Running, TestAgent};
pub use ports::free_addresses;
pub use vendor::{PROVIDER_KEY, TestVendor};
