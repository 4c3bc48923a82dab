//! Meters: one folder a wire protocol. What they share stands beside the folders.

pub mod anthropic_messages;
pub mod free;
pub mod openai_chat;

mod bound;
mod encodings;
mod failure;
mod fields;
#[cfg(test)]
mod kit;
mod passage;
mod picks;
mod tariff;
mod words;
