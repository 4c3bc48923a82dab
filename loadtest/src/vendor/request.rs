//! What a request asks for, read as a vendor reads it; token counts that a test can work out by hand.

use std::fmt;

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Which of the provider interfaces a path belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    /// OpenAI chat completions.
    Chat,
    /// OpenAI completions (legacy).
    Completions,
    /// Anthropic messages.
    Messages,
}

impl Wire {
    /// The interface of a path; prefixes such as `/openai` do not matter.
    #[must_use]
    pub(super) fn of_path(path: &str) -> Option<Self> {
        if path.ends_with("/chat/completions") {
            return Some(Self::Chat);
        }
        if path.ends_with("/completions") {
            return Some(Self::Completions);
        }
        path.ends_with("/messages").then_some(Self::Messages)
    }
}

/// The parts of a request that decide the answer.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    /// The model.
    pub(super) model: String,
    /// Whether the answer is a stream.
    #[serde(default)]
    pub(super) stream: bool,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    #[serde(default)]
    max_tokens: Option<u64>,
    #[serde(default)]
    max_completion_tokens: Option<u64>,
    #[serde(default)]
    n: Option<u64>,
    #[serde(default)]
    messages: Text,
    #[serde(default)]
    system: Text,
    #[serde(default)]
    prompt: Text,
}

#[derive(Debug, Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

impl Asked {
    /// Input tokens: three for the envelope and one for each four bytes, rounded up, of all strings in `messages`,
    /// `system` and `prompt` (roles included, keys not; a number counts as one token).
    #[must_use]
    pub(super) fn input_tokens(&self) -> u64 {
        let bytes = self.messages.bytes.saturating_add(self.system.bytes).saturating_add(self.prompt.bytes);
        bytes.div_ceil(4).saturating_add(3)
    }

    /// The output bound of one choice, where the request names one. `max_completion_tokens` wins over `max_tokens`;
    /// completions without either stop at 16, as the provider documents.
    #[must_use]
    pub(super) fn output_bound(&self, wire: Wire) -> Option<u64> {
        let named = self.max_completion_tokens.or(self.max_tokens);
        named.or((wire == Wire::Completions).then_some(16))
    }

    /// How many choices are asked for.
    #[must_use]
    pub(super) fn choices(&self) -> u64 {
        self.n.unwrap_or(1).clamp(1, 128)
    }

    /// Whether a stream's last chunk tells the usage.
    #[must_use]
    pub(super) fn include_usage(&self) -> bool {
        self.stream_options.as_ref().is_some_and(|options| options.include_usage)
    }
}

/// The number of bytes of all strings in a JSON value, whatever its shape.
#[derive(Debug, Default)]
struct Text {
    bytes: u64,
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Text, E> {
        Ok(Text { bytes: text.len() as u64 })
    }

    fn visit_u64<E>(self, _: u64) -> Result<Text, E> {
        Ok(Text { bytes: 4 })
    }

    fn visit_i64<E>(self, _: i64) -> Result<Text, E> {
        Ok(Text { bytes: 4 })
    }

    fn visit_f64<E>(self, _: f64) -> Result<Text, E> {
        Ok(Text { bytes: 4 })
    }

    fn visit_bool<E>(self, _: bool) -> Result<Text, E> {
        Ok(Text::default())
    }

    fn visit_unit<E>(self) -> Result<Text, E> {
        Ok(Text::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Text, A::Error> {
        let mut sum = Text::default();
        while let Some(part) = seq.next_element::<Text>()? {
            sum.bytes = sum.bytes.saturating_add(part.bytes);
        }
        Ok(sum)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Text, A::Error> {
        let mut sum = Text::default();
        while let Some((IgnoredAny, part)) = map.next_entry::<IgnoredAny, Text>()? {
            sum.bytes = sum.bytes.saturating_add(part.bytes);
        }
        Ok(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(json: &str) -> Asked {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn input_tokens_follow_from_the_strings_alone() {
        // "user" and "twelve bytes" are 16 bytes: 4 tokens and 3 for the envelope.
        let chat = asked(r#"{"model":"m","messages":[{"role":"user","content":"twelve bytes"}],"temperature":0.2}"#);
        assert_eq!(chat.input_tokens(), 7);
        let parts = asked(r#"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"abcd"}]}]}"#);
        assert_eq!(parts.input_tokens(), 6);
        let tokens = asked(r#"{"model":"m","prompt":[15496,995]}"#);
        assert_eq!(tokens.input_tokens(), 5);
    }

    #[test]
    fn the_output_bound_is_the_one_the_provider_would_use() {
        let both = asked(r#"{"model":"m","max_tokens":9,"max_completion_tokens":7}"#);
        assert_eq!(both.output_bound(Wire::Chat), Some(7));
        let neither = asked(r#"{"model":"m"}"#);
        assert_eq!(neither.output_bound(Wire::Chat), None);
        assert_eq!(neither.output_bound(Wire::Completions), Some(16));
    }

    #[test]
    fn paths_name_their_interface_behind_any_prefix() {
        assert_eq!(Wire::of_path("/openai/v1/chat/completions"), Some(Wire::Chat));
        assert_eq!(Wire::of_path("/v1/completions"), Some(Wire::Completions));
        assert_eq!(Wire::of_path("/v1/messages"), Some(Wire::Messages));
        assert_eq!(Wire::of_path("/v1/models"), None);
    }
}
