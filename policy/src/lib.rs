//! Which accounts a request touches, and yes, no or ask.
//!
//! Pure: no IO, no clock, no YAML. Facts and balances in; lines, verdicts and their proof out.
//! `no_std` with `alloc`; the time-zone rules are compiled in (see [`tz_version`]).
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod calendar;
mod error;
mod facts;
mod limits;
mod lists;
mod memo;
mod naming;
mod plan;
mod policy;
mod suggest;

pub use calendar::{Period, Zone, tz_version};
pub use error::PolicyError;
pub use facts::{Facts, Kind};
pub use limits::Limit;
pub use lists::{About, Level, List, Pattern};
pub use naming::{Description, escaped};
pub use plan::{Decision, Denial, Plan};
pub use policy::{Policy, PolicyParts};
pub use suggest::nearest;
