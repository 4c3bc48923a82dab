//! The load generator: HTTP/1.1 chat calls, straight or through a proxy, as fast as they go or at a constant rate.
//!
//! At a constant rate latency counts from the moment a request *should* have been sent, so a stall is seen by every
//! request that waited for it and not by one alone.

mod client;
mod exchange;
mod report;
mod run;

pub use client::{Client, Target, headers};
pub use report::Report;
pub use run::{Load, measure};

/// The user's part of a benchmark request, repeated up to the asked size.
const FILLER: &str = "invoice 4711 of vendor nine for compute minutes in may, is it within the daily budget; ";

/// A chat request of `size` bytes (or as short as it gets).
#[must_use]
pub fn chat_request(size: usize, stream: bool) -> bytes::Bytes {
    let head = concat!(
        r#"{"model":"gpt-4o-mini","messages":[{"role":"system","content":"You are an accounts-payable agent. "#,
        r#"You pay vendors on the list only, and never more than the budget. Answer in one short paragraph."},"#,
        r#"{"role":"user","content":""#
    );
    let options = if stream { r#","stream":true,"stream_options":{"include_usage":true}"# } else { "" };
    let tail = format!(r#""}}],"temperature":0.2,"max_tokens":256,"user":"agent-7f3a"{options}}}"#);
    let room = size.saturating_sub(head.len()).saturating_sub(tail.len());
    let mut body = String::with_capacity(size);
    body.push_str(head);
    body.extend(FILLER.chars().cycle().take(room));
    body.push_str(&tail);
    body.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_the_asked_size_and_is_json() {
        for (size, stream) in [(1229, false), (1229, true), (1_048_576, false)] {
            let body = chat_request(size, stream);
            assert_eq!(body.len(), size);
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body.get("stream").is_some(), stream);
        }
    }
}
