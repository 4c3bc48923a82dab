//! The gateway: the only room with traffic sockets; `journey.rs` is the story.

pub mod front;
pub mod upstream;
