//! OpenAI's wire format: chat completions, completions, the list of models, errors.
//!
//! Shapes as recorded from the public interface: `usage` in the last chunk only where `stream_options.include_usage`
//! asked for it, `"usage":null` in every chunk before it, `data: [DONE]` last.

use bytes::Bytes;

use super::script::{Script, Told, words};

const CREATED: u64 = 1_780_000_000;

fn usage(told: &Told) -> String {
    let (input, output) = (told.input, told.output_total());
    format!(
        r#"{{"prompt_tokens":{input},"completion_tokens":{output},"total_tokens":{total},"prompt_tokens_details":{{"cached_tokens":{cached},"audio_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}}"#,
        total = input.saturating_add(output),
        cached = told.cached,
    )
}

const fn finish(told: &Told) -> &'static str {
    if told.cut_by_bound { "length" } else { "stop" }
}

/// A whole chat completion.
#[must_use]
pub(super) fn chat(told: &Told) -> String {
    let text = words(told.output);
    let choices: Vec<String> = (0..told.choices)
        .map(|index| {
            format!(
                r#"{{"index":{index},"message":{{"role":"assistant","content":"{text}","refusal":null,"annotations":[]}},"logprobs":null,"finish_reason":"{}"}}"#,
                finish(told)
            )
        })
        .collect();
    let usage = if told.usage { format!(r#","usage":{}"#, usage(told)) } else { String::new() };
    format!(
        r#"{{"id":"chatcmpl-mock{serial:024}","object":"chat.completion","created":{CREATED},"model":{model},"choices":[{choices}]{usage},"service_tier":"default","system_fingerprint":"fp_mock0000001"}}"#,
        serial = told.serial,
        model = told.model,
        choices = choices.join(","),
    )
}

/// A whole completion.
#[must_use]
pub(super) fn completion(told: &Told) -> String {
    let text = words(told.output);
    let choices: Vec<String> = (0..told.choices)
        .map(|index| {
            format!(r#"{{"text":"{text}","index":{index},"logprobs":null,"finish_reason":"{}"}}"#, finish(told))
        })
        .collect();
    let usage = if told.usage { format!(r#","usage":{}"#, usage(told)) } else { String::new() };
    format!(
        r#"{{"id":"cmpl-mock{serial:024}","object":"text_completion","created":{CREATED},"model":{model},"choices":[{choices}]{usage}}}"#,
        serial = told.serial,
        model = told.model,
        choices = choices.join(","),
    )
}

/// A stream of chat or completion chunks: one for the role, one for each output token, one for the end, and where it
/// was asked for one with the usage.
pub(super) struct Stream {
    told: Told,
    head: String,
    chat: bool,
    include_usage: bool,
}

impl Stream {
    /// A stream of chat chunks.
    #[must_use]
    pub(super) fn chat(told: Told, include_usage: bool) -> Self {
        let head = format!(
            r#"data: {{"id":"chatcmpl-mock{serial:024}","object":"chat.completion.chunk","created":{CREATED},"model":{model},"service_tier":"default","system_fingerprint":"fp_mock0000001","#,
            serial = told.serial,
            model = told.model,
        );
        Self { told, head, chat: true, include_usage }
    }

    /// A stream of completion chunks.
    #[must_use]
    pub(super) fn completion(told: Told, include_usage: bool) -> Self {
        let head = format!(
            r#"data: {{"id":"cmpl-mock{serial:024}","object":"text_completion","created":{CREATED},"model":{model},"#,
            serial = told.serial,
            model = told.model,
        );
        Self { told, head, chat: false, include_usage }
    }

    fn chunk(&self, choice: u64, delta: &str, finish: &str) -> Bytes {
        let usage = if self.include_usage { r#","usage":null"# } else { "" };
        let content = if self.chat { format!(r#""delta":{{{delta}}}"#) } else { delta.to_owned() };
        let head = &self.head;
        Bytes::from(format!(
            "{head}\"choices\":[{{\"index\":{choice},{content},\"logprobs\":null,\"finish_reason\":{finish}}}]{usage}}}\n\n"
        ))
    }

    fn token(&self, number: u64) -> Bytes {
        let choice = number % self.told.choices.max(1);
        let field = if self.chat { "content" } else { "text" };
        self.chunk(choice, &format!(r#""{field}":" tok{number}""#), "null")
    }

    fn last(&self) -> Bytes {
        if !(self.include_usage && self.told.usage) {
            return Bytes::from_static(b"data: [DONE]\n\n");
        }
        let (head, usage) = (&self.head, usage(&self.told));
        Bytes::from(format!("{head}\"choices\":[],\"usage\":{usage}}}\n\ndata: [DONE]\n\n"))
    }
}

impl Script for Stream {
    fn frame(&self, index: u64) -> Option<Bytes> {
        let tokens = self.told.output_total();
        let empty = if self.chat { "" } else { r#""text":"""# };
        if index == 0 {
            let role = if self.chat { r#""role":"assistant","content":"","refusal":null"# } else { empty };
            return Some(self.chunk(0, role, "null"));
        }
        if index <= tokens {
            return Some(self.token(index.saturating_sub(1)));
        }
        if index == tokens.saturating_add(1) {
            return Some(self.chunk(0, empty, &format!("\"{}\"", finish(&self.told))));
        }
        (index == tokens.saturating_add(2)).then(|| self.last())
    }

    fn frames(&self) -> u64 {
        self.told.output_total().saturating_add(3)
    }

    fn failure(&self) -> Bytes {
        let error = error(500);
        Bytes::from(format!("data: {error}\n\n"))
    }
}

/// An error in OpenAI's shape.
#[must_use]
pub(super) fn error(status: u16) -> String {
    let (message, kind, code) = match status {
        401 => ("Incorrect API key provided.", "invalid_request_error", "\"invalid_api_key\""),
        400 => ("The request is not what this endpoint reads.", "invalid_request_error", "null"),
        404 => ("There is nothing at this address.", "invalid_request_error", "null"),
        429 => ("Rate limit reached for requests", "requests", "\"rate_limit_exceeded\""),
        _ => ("The server had an error while processing your request.", "server_error", "null"),
    };
    format!(r#"{{"error":{{"message":"{message}","type":"{kind}","param":null,"code":{code}}}}}"#)
}

/// The list of models.
#[must_use]
pub(super) fn models() -> &'static str {
    r#"{"object":"list","data":[{"id":"gpt-4o-mini","object":"model","created":1721172741,"owned_by":"system"},{"id":"gpt-4o","object":"model","created":1715367049,"owned_by":"system"}]}"#
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    pub(crate) fn told() -> Told {
        Told {
            serial: 1,
            model: "\"gpt-4o-mini\"".to_owned(),
            input: 231,
            cached: 31,
            output: 3,
            choices: 1,
            cut_by_bound: false,
            usage: true,
        }
    }

    fn events(script: &Stream) -> Vec<String> {
        let all: Vec<u8> = (0..script.frames()).flat_map(|index| script.frame(index).unwrap()).collect();
        let text = String::from_utf8(all).unwrap();
        text.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap().to_owned()).collect()
    }

    #[test]
    fn a_whole_answer_is_json_that_tells_its_usage() {
        for body in [chat(&told()), completion(&told())] {
            let body: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(body["usage"]["prompt_tokens"], 231);
            assert_eq!(body["usage"]["completion_tokens"], 3);
            assert_eq!(body["usage"]["prompt_tokens_details"]["cached_tokens"], 31);
            assert_eq!(body["choices"][0]["finish_reason"], "stop");
        }
    }

    #[test]
    fn a_stream_tells_its_usage_only_where_asked() {
        for (script, asked) in [
            (Stream::chat(told(), true), true),
            (Stream::chat(told(), false), false),
            (Stream::completion(told(), true), true),
        ] {
            let events = events(&script);
            assert_eq!(events.last().unwrap(), "[DONE]");
            let chunks: Vec<Value> =
                events.iter().filter(|event| *event != "[DONE]").map(|e| serde_json::from_str(e).unwrap()).collect();
            let told: Vec<_> = chunks.iter().filter(|chunk| chunk["usage"].is_object()).collect();
            assert_eq!(told.len(), usize::from(asked));
            assert!(told.iter().all(|chunk| chunk["choices"].as_array().unwrap().is_empty()));
            assert_eq!(chunks.iter().any(|chunk| chunk.get("usage").is_some()), asked);
            assert!(script.frame(script.frames()).is_none());
        }
    }

    #[test]
    fn errors_are_json() {
        for status in [400, 401, 404, 429, 500, 503] {
            let body: Value = serde_json::from_str(&error(status)).unwrap();
            assert!(body["error"]["message"].is_string());
        }
    }
}
