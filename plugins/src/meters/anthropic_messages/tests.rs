//! One behaviour a test, on exchanges written for it in the wire format.

mod answers;
mod bounds;
mod refusals;
mod streams;

use crate::meters::anthropic_messages::AnthropicMessages;
use crate::meters::kit::Bench;

const MESSAGES: &str = "/v1/messages";

fn anthropic() -> Bench {
    Bench::new(&AnthropicMessages, "anthropic", MESSAGES)
}
