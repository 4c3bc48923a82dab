//! Meters, prices and guards: what may an exchange cost, what did it cost, and what must it not do.
//!
//! Pure: bytes and facts in, quotes and charges out. No IO, no clock, no randomness: time is an argument.

pub mod decode;
pub mod draft;
pub mod guard;
pub mod guards;
pub mod json;
pub mod list;
pub mod meter;
pub mod meters;
pub mod prices;
pub mod sse;

pub use draft::Draft;
pub use guard::{Guard, GuardError, GuardFacts, StreamWatch};
pub use list::{GuardOptions, guard, meter, meters};
pub use meter::{Clamp, End, Gauge, HeadEdit, Measured, Meter, MeterOptions, QuoteContext, RefusalBody};
pub use prices::{PriceBook, PriceError};
