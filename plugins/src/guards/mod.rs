//! Guards that ship: one file each, with its options type.

pub mod deny_models;
pub mod max_output;
pub mod strip_headers;

#[cfg(test)]
mod tests;
