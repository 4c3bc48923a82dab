//! Mock vendors, a load generator and the numbers we promise.

pub mod error;
pub mod histogram;
pub mod load;
pub mod passthrough;
pub mod pki;
pub mod process;
pub mod vendor;

pub use error::LoadtestError;
pub use vendor::{Vendor, VendorOptions};
