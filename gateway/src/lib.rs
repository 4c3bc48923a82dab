//! The gateway: the only room with traffic sockets; `journey.rs` is the story.

pub mod cli;
pub mod clock;
mod credentials;
mod door;
mod exchange;
mod forward;
pub mod front;
pub mod house;
mod identify;
mod journey;
mod read;
mod record;
pub mod reply;
pub mod upstream;
mod way;
