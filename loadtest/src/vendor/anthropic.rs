//! Anthropic's wire format: messages, the list of models, errors.
//!
//! Shapes as recorded from the public interface: `message_start` holds the input and a placeholder of the output,
//! the last `message_delta` holds the true output, an `error` event may stand in place of any later event.

use bytes::Bytes;

use super::script::{Script, Told, words};

fn usage(told: &Told, output: u64) -> String {
    format!(
        r#"{{"input_tokens":{fresh},"cache_creation_input_tokens":0,"cache_read_input_tokens":{cached},"cache_creation":{{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0}},"output_tokens":{output},"service_tier":"standard"}}"#,
        fresh = told.input.saturating_sub(told.cached),
        cached = told.cached,
    )
}

const fn stop(told: &Told) -> &'static str {
    if told.cut_by_bound { "max_tokens" } else { "end_turn" }
}

/// A whole message.
#[must_use]
pub(super) fn message(told: &Told) -> String {
    let text = words(told.output);
    let usage = if told.usage { format!(r#","usage":{}"#, usage(told, told.output)) } else { String::new() };
    format!(
        r#"{{"model":{model},"id":"msg_mock{serial:020}","type":"message","role":"assistant","content":[{{"type":"text","text":"{text}"}}],"stop_reason":"{stop}","stop_sequence":null{usage}}}"#,
        model = told.model,
        serial = told.serial,
        stop = stop(told),
    )
}

/// A stream of message events, with a `ping` behind the first block's start.
pub(super) struct Stream {
    told: Told,
}

impl Stream {
    /// The events of one message.
    #[must_use]
    pub(super) const fn new(told: Told) -> Self {
        Self { told }
    }

    fn start(&self) -> Bytes {
        let told = &self.told;
        let usage = if told.usage { format!(r#","usage":{}"#, usage(told, 1)) } else { String::new() };
        event(
            "message_start",
            &format!(
                r#","message":{{"model":{model},"id":"msg_mock{serial:020}","type":"message","role":"assistant","content":[],"stop_reason":null,"stop_sequence":null{usage}}}"#,
                model = told.model,
                serial = told.serial,
            ),
        )
    }

    fn delta(&self) -> Bytes {
        let usage = if self.told.usage {
            format!(r#","usage":{{"output_tokens":{}}}"#, self.told.output)
        } else {
            String::new()
        };
        event(
            "message_delta",
            &format!(r#","delta":{{"stop_reason":"{}","stop_sequence":null}}{usage}"#, stop(&self.told)),
        )
    }
}

fn event(kind: &str, rest: &str) -> Bytes {
    Bytes::from(format!("event: {kind}\ndata: {{\"type\":\"{kind}\"{rest}}}\n\n"))
}

impl Script for Stream {
    fn frame(&self, index: u64) -> Option<Bytes> {
        const BEFORE: u64 = 3;
        let frame = match index {
            0 => self.start(),
            1 => event("content_block_start", r#","index":0,"content_block":{"type":"text","text":""}"#),
            2 => event("ping", ""),
            _ => {
                let number = index.saturating_sub(BEFORE);
                let tail = number.checked_sub(self.told.output);
                match tail {
                    None => event(
                        "content_block_delta",
                        &format!(r#","index":0,"delta":{{"type":"text_delta","text":" tok{number}"}}"#),
                    ),
                    Some(0) => event("content_block_stop", r#","index":0"#),
                    Some(1) => self.delta(),
                    Some(2) => event("message_stop", ""),
                    Some(_) => return None,
                }
            }
        };
        Some(frame)
    }

    fn frames(&self) -> u64 {
        self.told.output.saturating_add(6)
    }

    fn failure(&self) -> Bytes {
        Bytes::from_static(
            b"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n",
        )
    }
}

/// An error in Anthropic's shape.
#[must_use]
pub(super) fn error(status: u16) -> String {
    let (kind, message) = match status {
        400 => ("invalid_request_error", "The request is not what this endpoint reads."),
        401 => ("authentication_error", "invalid x-api-key"),
        404 => ("not_found_error", "There is nothing at this address."),
        429 => ("rate_limit_error", "This request would exceed the rate limit."),
        529 => ("overloaded_error", "Overloaded"),
        _ => ("api_error", "Internal server error"),
    };
    format!(r#"{{"type":"error","error":{{"type":"{kind}","message":"{message}"}},"request_id":"req_mock"}}"#)
}

/// The list of models.
#[must_use]
pub(super) fn models() -> &'static str {
    r#"{"data":[{"type":"model","id":"claude-sonnet-4-5","display_name":"Claude Sonnet 4.5","created_at":"2025-09-29T00:00:00Z"}],"has_more":false,"first_id":"claude-sonnet-4-5","last_id":"claude-sonnet-4-5"}"#
}

/// The answer of the free endpoint that counts input tokens.
#[must_use]
pub(super) fn count(input: u64) -> String {
    format!(r#"{{"input_tokens":{input}}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn told() -> Told {
        Told {
            serial: 1,
            model: "\"claude-sonnet-4-5\"".to_owned(),
            input: 100,
            cached: 40,
            output: 2,
            choices: 1,
            cut_by_bound: true,
            usage: true,
        }
    }

    #[test]
    fn a_whole_message_keeps_cached_input_apart() {
        let body: Value = serde_json::from_str(&message(&told())).unwrap();
        assert_eq!(body["usage"]["input_tokens"], 60);
        assert_eq!(body["usage"]["cache_read_input_tokens"], 40);
        assert_eq!(body["stop_reason"], "max_tokens");
    }

    #[test]
    fn a_stream_is_the_events_of_the_interface_in_their_order() {
        let script = Stream::new(told());
        let mut kinds = Vec::new();
        for index in 0..script.frames() {
            let text = String::from_utf8(script.frame(index).unwrap().to_vec()).unwrap();
            let (event, data) = text.trim_end().split_once('\n').unwrap();
            let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
            assert_eq!(event.strip_prefix("event: ").unwrap(), data["type"]);
            kinds.push(data["type"].as_str().unwrap().to_owned());
            if data["type"] == "message_delta" {
                assert_eq!(data["usage"]["output_tokens"], 2);
            }
        }
        assert_eq!(
            kinds,
            [
                "message_start",
                "content_block_start",
                "ping",
                "content_block_delta",
                "content_block_delta",
                "content_block_stop",
                "message_delta",
                "message_stop"
            ]
        );
        assert!(script.frame(script.frames()).is_none());
    }
}
