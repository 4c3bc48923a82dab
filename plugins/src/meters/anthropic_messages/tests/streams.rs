//! Streams: what they did cost, and what the agent sees of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use bytes::Bytes;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use proptest::prelude::*;
use types::{Certainty, Money, Usage};

use super::anthropic;
use crate::meter::End;
use crate::meters::kit::{Answer, cost, over_limit};

const REQUEST: &str = r#"{"model":"claude-s","max_tokens":100,"stream":true}"#;

const START: &str = concat!(
    "event: message_start\n",
    "data: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-s-20260101\",\"content\":[],\"stop_reason\":null,\"usage\":{\"input_tokens\":2000,\"cache_creation_input_tokens\":100,\"cache_read_input_tokens\":0,\"cache_creation\":{\"ephemeral_5m_input_tokens\":0,\"ephemeral_1h_input_tokens\":100},\"output_tokens\":1,\"service_tier\":\"standard\"}}        }\n\n",
    "event: ping\ndata: {\"type\": \"ping\"}\n\n",
);
const PIECE: &str = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"h\u{e9}\"}}\n\n";
const DELTA: &str = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"input_tokens\":15000,\"cache_creation_input_tokens\":100,\"cache_read_input_tokens\":10,\"output_tokens\":800,\"server_tool_use\":{\"web_search_requests\":1,\"web_fetch_requests\":0}}}\n\n";
const STOP: &str = "event: message_stop\ndata: {\"type\":\"message_stop\"         }\n\n";

#[test]
fn later_usage_replaces_earlier_key_by_key() {
    let stream = format!("{START}{PIECE}{DELTA}{STOP}");
    let outcome = anthropic().measure(REQUEST, &Answer::events(&stream));
    let usage =
        Usage { input: 15_000, cache_read: 10, cache_write_1h: 100, output: 800, web_searches: 1, ..Usage::default() };
    assert_eq!((outcome.certainty(), outcome.measured.usage), (Certainty::Exact, usage));
    assert_eq!(outcome.cost(), cost("0.067603"), "15,000 at 3, 10 at 0.3, 100 at 6, 800 at 15, one search");
    assert_eq!(outcome.seen(), stream, "nothing is hidden");
    assert_eq!(outcome.measured.model.as_deref(), Some("claude-s-20260101"));
    assert_eq!(outcome.measured.vendor_request.as_deref(), Some("msg_1"));
}

#[test]
fn keys_that_are_not_told_again_stay_and_null_replaces_nothing() {
    let delta = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{},\"usage\":{\"output_tokens\":50,\"input_tokens\":null}}\n\n";
    let outcome = anthropic().measure(REQUEST, &Answer::events(&format!("{START}{delta}{STOP}")));
    assert_eq!(outcome.measured.usage, Usage { input: 2_000, cache_write_1h: 100, output: 50, ..Usage::default() });
}

#[test]
fn hosts_that_tell_the_cache_only_at_the_end_are_read_as_well() {
    let start = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"model\":\"claude-s\",\"usage\":{\"input_tokens\":0,\"output_tokens\":0}}}\n\n";
    let delta = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{},\"usage\":{\"input_tokens\":25,\"cache_read_input_tokens\":10000,\"output_tokens\":600}}\n\n";
    let outcome = anthropic().measure(REQUEST, &Answer::events(&format!("{start}{delta}{STOP}")));
    assert_eq!(outcome.cost(), cost("0.012075"));
}

#[test]
fn iterations_of_a_stream_are_billed_each_at_its_own_model() {
    let start = START.replace("claude-s-20260101", "claude-f");
    let delta = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"input_tokens\":412,\"output_tokens\":264,\"iterations\":[{\"type\":\"message\",\"model\":\"claude-f\",\"input_tokens\":408,\"output_tokens\":0},{\"type\":\"fallback_message\",\"model\":\"claude-o\",\"input_tokens\":412,\"output_tokens\":264}]}}\n\n";
    let outcome = anthropic().measure(REQUEST, &Answer::events(&format!("{start}{delta}{STOP}")));
    assert_eq!((outcome.cost(), outcome.certainty()), (cost("0.01274"), Certainty::Exact));
}

#[test]
fn a_stream_that_is_cut_costs_what_was_told_at_least() {
    let whole = format!("{START}{PIECE}{DELTA}{STOP}");
    let at_least = |stream: &str| {
        let outcome = anthropic().measure(REQUEST, &Answer::events(stream).cut());
        (outcome.certainty(), outcome.measured.charge.amounts.usd)
    };
    let told_at_start = (Certainty::AtLeast, Money::from_nanos(6_615_000));
    assert_eq!(at_least(&whole[..START.len() + 20]), told_at_start, "input, and the output that the start tells");
    assert_eq!(at_least(&format!("{START}{PIECE}")), told_at_start);
    assert_eq!(at_least(&format!("{START}{PIECE}{DELTA}")).0, Certainty::AtLeast, "the last event is missing");
    assert_eq!(at_least(&whole[..60]).0, Certainty::Unknown, "nothing was told");
    assert_eq!(at_least("").0, Certainty::Unknown);
    let outcome = anthropic().measure(REQUEST, &Answer::events(&format!("{START}{PIECE}")));
    assert_eq!(outcome.certainty(), Certainty::AtLeast, "a clean end does not make a stream whole");
}

#[test]
fn an_error_inside_a_stream_leaves_what_was_told_as_the_least() {
    let error = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    let outcome = anthropic().measure(REQUEST, &Answer::events(&format!("{START}{PIECE}{error}")));
    assert_eq!(
        (outcome.certainty(), outcome.measured.charge.amounts.usd),
        (Certainty::AtLeast, Money::from_nanos(6_615_000))
    );
    let outcome = anthropic().measure(REQUEST, &Answer::events(error));
    assert_eq!(outcome.certainty(), Certainty::Unknown);
}

#[test]
fn usage_that_cannot_be_read_is_no_proof() {
    let start = START.replace("\"input_tokens\":2000", "\"input_tokens\":2000,\"input_tokens\":1");
    let outcome = anthropic().measure(REQUEST, &Answer::events(&format!("{start}{STOP}")));
    assert_eq!(outcome.certainty(), Certainty::Unknown);
    let garbled = "event: message_delta\ndata: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":1,\"output_tokens\":2}}\n\n";
    let outcome = anthropic().measure(REQUEST, &Answer::events(&format!("{START}{garbled}{STOP}")));
    assert_eq!(outcome.certainty(), Certainty::AtLeast);
}

#[test]
fn the_running_cost_grows_with_what_was_seen() {
    let stream = format!("{START}{}", PIECE.repeat(200));
    let outcome = anthropic().measure(REQUEST, &Answer::events(&stream).cut());
    assert_eq!(
        outcome.running.usd,
        Money::from_nanos(6_000_000 + 600_000 + 100 * 15_000),
        "input, and half the pieces"
    );
    assert_eq!(outcome.measured.charge.amounts.usd, Money::from_nanos(6_615_000), "what was only seen is not posted");
}

#[test]
fn a_cut_ends_the_stream_with_an_error_event() {
    let mut gauge = anthropic().gauge(REQUEST);
    gauge.head(StatusCode::OK, &[(CONTENT_TYPE, "text/event-stream".parse().unwrap())].into_iter().collect());
    let mut seen = gauge.chunk(&Bytes::from(format!("{START}event: content_block_delta\nda"))).to_vec();
    assert_eq!(seen, START.as_bytes());
    seen.extend_from_slice(&gauge.cut(&over_limit()));
    let measured = gauge.finish(End::Truncated);
    seen.extend_from_slice(&measured.tail);
    let seen = String::from_utf8(seen).unwrap();
    let last = seen.strip_prefix(START).unwrap();
    assert!(last.starts_with("event: error\ndata: {") && last.ends_with("}\n\n"), "{last}");
    assert_eq!(measured.charge.certainty, Certainty::AtLeast);
}

proptest! {
    #[test]
    fn no_bytes_break_the_gauge_or_come_out_as_others(noise in proptest::collection::vec((any::<u16>(), any::<u8>()), 0..6), cut in any::<u16>(), chunk in 1_usize..40) {
        let mut stream = format!("{START}{PIECE}{DELTA}{STOP}").into_bytes();
        let length = stream.len();
        for (at, byte) in noise {
            stream[usize::from(at) % length] = byte;
        }
        stream.truncate(usize::from(cut) % length);
        let stream = String::from_utf8_lossy(&stream).into_owned();
        let outcome = anthropic().feed(REQUEST, &Answer::events(&stream).cut(), chunk);
        prop_assert_eq!(outcome.seen(), stream.as_str());
        let whole = anthropic().feed(REQUEST, &Answer::events(&stream).cut(), usize::MAX);
        prop_assert_eq!(outcome.measured.charge, whole.measured.charge);
    }
}
