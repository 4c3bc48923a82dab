//! Strict JSON: one scanner that accepts only bytes with one meaning, and typed reading of the few fields a meter needs.
//!
//! Refused at any depth: a key twice in one object (after unescaping), a byte order mark, anything after the value,
//! invalid UTF-8, half a surrogate pair, U+0000, and more bytes or nesting than the caps. What passes means the same
//! to every conforming reader (RFC 8259 §4, §8; I-JSON, RFC 7493 §2), so the very bytes can be forwarded, and edits
//! are spliced into them at spans. Numbers keep their text: nothing here is ever a float.

mod edit;
mod error;
mod number;
mod scan;
mod text;
mod value;

pub use edit::{Edit, quoted, splice};
pub use error::{Expected, Fault, JsonError};
pub use number::decimal_half_up;
pub use scan::Rules;
pub use value::{Document, Field, Fields, Items, Kind, Value};

#[cfg(test)]
mod tests;
