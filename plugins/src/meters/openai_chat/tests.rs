//! One behaviour a test, on exchanges written for it in the wire format.

mod answers;
mod bodies;
mod bounds;
mod lowering;
mod refusals;
mod streams;

use crate::meters::kit::Bench;
use crate::meters::openai_chat::OpenaiChat;

const CHAT: &str = "/v1/chat/completions";

fn openai() -> Bench {
    Bench::new(&OpenaiChat, "openai", CHAT)
}

fn at(provider: &str) -> Bench {
    Bench::new(&OpenaiChat, provider, CHAT)
}
