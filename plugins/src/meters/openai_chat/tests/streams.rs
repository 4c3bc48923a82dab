//! Streams: what they did cost, and what the agent sees of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::StatusCode;
use proptest::prelude::*;
use std::io::Write;
use types::{Certainty, Money};

use super::{at, openai};
use crate::meter::{End, HeadEdit};
use crate::meters::kit::{Answer, cost, over_limit};

const UNASKED: &str = r#"{"model":"gpt-plain","max_tokens":100,"stream":true}"#;
const ASKED: &str = r#"{"model":"gpt-plain","max_tokens":100,"stream":true,"stream_options":{"include_usage":true}}"#;

/// A stream as the vendor sends it to a client that did not ask for usage.
const QUIET: &str = concat!(
    ": keep-alive\n\n",
    "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-plain\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}],\"obfuscation\":\"ab\"}\n\n",
    "data: {\"id\":\"c1\",\"model\":\"gpt-plain\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"h\u{e9} ,\\\"usage\\\":null\"},\"finish_reason\":null}]}\r\n\r\n",
    "data: {\"id\":\"c1\",\"model\":\"gpt-plain\",\"service_tier\":\"default\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: [DONE]\n\n",
);

/// The same stream to one who asked.
const TOLD: &str = concat!(
    ": keep-alive\n\n",
    "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-plain\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}],\"usage\":null,\"obfuscation\":\"ab\"}\n\n",
    "data: {\"id\":\"c1\",\"model\":\"gpt-plain\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"h\u{e9} ,\\\"usage\\\":null\"},\"finish_reason\":null}],\"usage\":null}\r\n\r\n",
    "data: {\"id\":\"c1\",\"model\":\"gpt-plain\",\"service_tier\":\"default\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n",
    "data: {\"id\":\"c1\",\"model\":\"gpt-plain\",\"choices\":[],\"usage\":{\"prompt_tokens\":1000,\"completion_tokens\":100,\"total_tokens\":1100}}\n\n",
    "data: [DONE]\n\n",
);

#[test]
fn a_client_that_did_not_ask_sees_the_stream_as_if_nobody_had() {
    let outcome = openai().measure(UNASKED, &Answer::events(TOLD));
    assert_eq!(outcome.seen(), QUIET);
    assert_eq!((outcome.certainty(), outcome.cost()), (Certainty::Exact, cost("0.003")));
    assert_eq!(outcome.edit, HeadEdit { drop_content_length: true, drop_content_encoding: false });
}

#[test]
fn a_client_that_asked_sees_what_the_vendor_sent() {
    let outcome = openai().measure(ASKED, &Answer::events(TOLD));
    assert_eq!(outcome.seen(), TOLD);
    assert_eq!(outcome.cost(), cost("0.003"));
}

#[test]
fn untouched_pieces_are_passed_without_a_copy() {
    let mut gauge = openai().gauge(ASKED);
    gauge.head(StatusCode::OK, &http::HeaderMap::new());
    let piece = Bytes::from_static(b"data: {\"choices\":[{\"index\":0}]}\n\n");
    assert_eq!(gauge.chunk(&piece).as_ptr(), piece.as_ptr());
}

#[test]
fn azures_first_chunk_without_choices_is_no_usage_and_is_not_hidden() {
    let filter = "data: {\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"prompt_filter_results\":[{\"prompt_index\":0}]}\n\n";
    let stream = format!("{filter}{TOLD}");
    let outcome = openai().measure(UNASKED, &Answer::events(&stream));
    assert_eq!(outcome.seen(), format!("{filter}{QUIET}"));
    assert_eq!(outcome.measured.model.as_deref(), Some("gpt-plain"));
}

#[test]
fn only_openais_own_nulls_are_taken_out() {
    let body = UNASKED.replace("gpt-plain", "open-x");
    let stream = TOLD.replace("gpt-plain", "open-x");
    let seen = at("novita").measure(&body, &Answer::events(&stream)).seen().to_owned();
    assert!(seen.contains("\"usage\":null") && !seen.contains("prompt_tokens"), "{seen}");
}

#[test]
fn usage_in_a_chunk_with_choices_is_read_and_left_where_it_is() {
    let stream = "data: {\"model\":\"a/cheap\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"}}],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":2,\"total_tokens\":12,\"cost\":0.0133176}}\n\ndata: [DONE]\n\n";
    let request = r#"{"model":"a/cheap","max_tokens":9,"stream":true}"#;
    let outcome = at("openrouter").measure(request, &Answer::events(stream));
    assert_eq!((outcome.seen(), outcome.cost()), (stream, cost("0.0133176")));
}

#[test]
fn groqs_own_place_for_usage_is_read() {
    let stream = "data: {\"model\":\"llama-x\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"x_groq\":{\"id\":\"req_1\",\"usage\":{\"queue_time\":0.28,\"prompt_tokens\":1000,\"completion_tokens\":1000,\"total_tokens\":2000}}}\n\ndata: [DONE]\n\n";
    let outcome = at("groq").measure(r#"{"model":"llama-x","max_tokens":9,"stream":true}"#, &Answer::events(stream));
    assert_eq!((outcome.cost(), outcome.certainty()), (cost("0.00138"), Certainty::Exact));
}

#[test]
fn of_usage_that_counts_up_the_last_is_the_whole() {
    let chunk = |output: u64, rest: &str| {
        format!(
            "data: {{\"model\":\"sonar-x\",\"choices\":[{{\"index\":0{rest}}}],\"usage\":{{\"prompt_tokens\":10,\"completion_tokens\":{output},\"total_tokens\":0}}}}\n\n"
        )
    };
    let request = r#"{"model":"sonar-x","max_tokens":900,"stream":true}"#;
    let (first, second) = (chunk(1, ""), chunk(434, ",\"finish_reason\":\"stop\""));
    let whole = format!("{first}{second}data: [DONE]\n\n");
    let outcome = at("perplexity").measure(request, &Answer::events(&whole));
    assert_eq!((outcome.cost(), outcome.certainty()), (cost("0.012444"), Certainty::Exact));
    let without_done = at("perplexity").measure(request, &Answer::events(&format!("{first}{second}")));
    assert_eq!(without_done.certainty(), Certainty::Exact, "some hosts never say [DONE]");
    let cut = at("perplexity").measure(request, &Answer::events(&first).cut());
    assert_eq!((cut.certainty(), cut.measured.charge.amounts.usd), (Certainty::AtLeast, Money::from_nanos(12_011_000)));
}

#[test]
fn a_stream_that_is_cut_is_never_free() {
    let mut cuts: Vec<usize> = (0..TOLD.len()).filter(|at| TOLD.is_char_boundary(*at)).collect();
    cuts.retain(|at| at % 5 == 0);
    let usage_ends = TOLD.find("\n\ndata: [DONE]").unwrap() + 2;
    for at in cuts {
        let outcome = openai().feed(UNASKED, &Answer::events(&TOLD[..at]).cut(), 3);
        let told = at >= usage_ends;
        let wanted = if told { Certainty::Exact } else { Certainty::Unknown };
        assert_eq!(outcome.certainty(), wanted, "cut at {at}");
        assert!(!outcome.seen().contains("prompt_tokens") || !told, "cut at {at}");
    }
}

#[test]
fn a_last_event_without_its_empty_line_still_counts() {
    let whole = TOLD.strip_suffix("\n\ndata: [DONE]\n\n").unwrap();
    let outcome = openai().measure(UNASKED, &Answer::events(whole));
    assert_eq!((outcome.certainty(), outcome.cost()), (Certainty::Exact, cost("0.003")));
    assert!(!outcome.seen().contains("prompt_tokens"));
}

#[test]
fn an_error_inside_a_stream_is_no_proof_that_it_cost_nothing() {
    let error = "event: error\ndata: {\"error\":{\"message\":\"no tool was called\",\"code\":\"tool_use_failed\"}}\n\n";
    let begun = "data: {\"model\":\"llama-x\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"may\"}}]}\n\n";
    let request = r#"{"model":"llama-x","max_tokens":9,"stream":true}"#;
    let outcome = at("groq").measure(request, &Answer::events(&format!("{begun}{error}")));
    assert_eq!(outcome.certainty(), Certainty::Unknown);
    assert_eq!(outcome.seen(), format!("{begun}{error}"));
    // With usage in the same event it is told, as OpenRouter does.
    let told = "data: {\"model\":\"a/cheap\",\"error\":{\"code\":400},\"choices\":[{\"index\":0}],\"usage\":{\"prompt_tokens\":43,\"completion_tokens\":10,\"total_tokens\":53,\"cost\":0}}\n\ndata: [DONE]\n\n";
    let outcome =
        at("openrouter").measure(r#"{"model":"a/cheap","max_tokens":9,"stream":true}"#, &Answer::events(told));
    assert_eq!((outcome.certainty(), outcome.cost()), (Certainty::Exact, cost("0")));
    // Usage that was told before the error is a part.
    let part = "data: {\"model\":\"sonar-x\",\"choices\":[{\"index\":0}],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":1,\"total_tokens\":11}}\n\n";
    let outcome = at("perplexity").measure(
        r#"{"model":"sonar-x","max_tokens":9,"stream":true}"#,
        &Answer::events(&format!("{part}{error}data: [DONE]\n\n")),
    );
    assert_eq!(outcome.certainty(), Certainty::AtLeast);
}

#[test]
fn what_is_no_event_stream_after_all_is_read_as_what_it_is() {
    let error = Answer::json(400, r#"{"error":{"message":"no"}}"#);
    let outcome = openai().measure(UNASKED, &error);
    assert_eq!((outcome.certainty(), outcome.cost()), (Certainty::Exact, cost("0")));
    let page = Answer {
        status: StatusCode::BAD_GATEWAY,
        headers: &[("content-type", "text/html")],
        body: b"<h1>no</h1>",
        end: End::Complete,
    };
    let outcome = openai().measure(UNASKED, &page);
    assert_eq!((outcome.certainty(), outcome.seen()), (Certainty::Exact, "<h1>no</h1>"));
    let unnamed = Answer { status: StatusCode::OK, headers: &[], body: TOLD.as_bytes(), end: End::Complete };
    assert_eq!(openai().measure(UNASKED, &unnamed).seen(), QUIET, "a stream without a type is a stream");
}

#[test]
fn a_compressed_stream_reaches_the_agent_decoded() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(TOLD.as_bytes()).unwrap();
    let packed = encoder.finish().unwrap();
    let headers = &[("content-type", "text/event-stream"), ("content-encoding", "gzip")];
    let answer = Answer { status: StatusCode::OK, headers, body: &packed, end: End::Complete };
    let outcome = openai().measure(UNASKED, &answer);
    assert_eq!((outcome.seen(), outcome.cost()), (QUIET, cost("0.003")));
    assert_eq!(outcome.edit, HeadEdit { drop_content_length: true, drop_content_encoding: true });
}

#[test]
fn the_running_cost_counts_what_was_seen_and_never_more() {
    let mut stream = String::new();
    for _ in 0..52 {
        stream
            .push_str("data: {\"model\":\"gpt-plain\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}]}\n\n");
    }
    let outcome = openai().measure(UNASKED, &Answer::events(&stream).cut());
    assert_eq!((outcome.running.usd, outcome.running.tokens), (Money::from_nanos(500_000), 50));
    let told = openai().measure(UNASKED, &Answer::events(TOLD));
    assert_eq!(told.running.usd, Money::from_nanos(3_000_000));
}

#[test]
fn a_cut_ends_the_stream_with_an_event_of_its_own() {
    let mut gauge = openai().gauge(UNASKED);
    gauge.head(
        StatusCode::OK,
        &[(http::header::CONTENT_TYPE, "text/event-stream".parse().unwrap())].into_iter().collect(),
    );
    let mut seen = gauge.chunk(&Bytes::from_static(b"data: {\"choices\":[{}]}\n\ndata: {\"choi")).to_vec();
    seen.extend_from_slice(&gauge.cut(&over_limit()));
    let measured = gauge.finish(End::Truncated);
    seen.extend_from_slice(&measured.tail);
    let seen = String::from_utf8(seen).unwrap();
    let rest = seen.strip_prefix("data: {\"choices\":[{}]}\n\ndata: {\"error\":{").unwrap();
    assert!(rest.ends_with("}}\n\ndata: [DONE]\n\n"), "{rest}");
    assert_eq!(measured.charge.certainty, Certainty::Unknown);
}

#[test]
fn an_event_too_large_to_be_read_still_passes() {
    let huge = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{}\"}}}}]}}\n\n", "x".repeat(9 << 20));
    let stream = format!("{huge}{TOLD}");
    let outcome = openai().feed(UNASKED, &Answer::events(&stream), 1 << 20);
    assert!(outcome.seen() == format!("{huge}{QUIET}"));
    assert_eq!(outcome.cost(), cost("0.003"));
}

proptest! {
    #[test]
    fn any_chunking_hides_and_charges_the_same(cuts in proptest::collection::vec(0_usize..TOLD.len(), 0..12)) {
        let bench = openai();
        let mut gauge = bench.gauge(UNASKED);
        gauge.head(StatusCode::OK, &http::HeaderMap::new());
        let (mut cuts, mut from, mut seen) = (cuts, 0, Vec::new());
        cuts.push(TOLD.len());
        cuts.sort_unstable();
        for cut in cuts {
            seen.extend_from_slice(&gauge.chunk(&Bytes::from_static(&TOLD.as_bytes()[from..cut])));
            from = cut;
        }
        let measured = gauge.finish(End::Complete);
        seen.extend_from_slice(&measured.tail);
        prop_assert_eq!(String::from_utf8(seen).unwrap(), QUIET);
        prop_assert_eq!(measured.cost.unwrap().to_string(), cost("0.003").unwrap());
    }

    #[test]
    fn no_bytes_break_the_gauge_or_come_out_as_others(noise in proptest::collection::vec((0_usize..TOLD.len(), any::<u8>()), 0..6), cut in 0_usize..TOLD.len(), chunk in 1_usize..40) {
        let mut stream = TOLD.as_bytes().to_vec();
        for (at, byte) in noise {
            stream[at] = byte;
        }
        stream.truncate(cut);
        let stream = String::from_utf8_lossy(&stream).into_owned();
        // One who asked sees everything as it came, whatever it is.
        let outcome = openai().feed(ASKED, &Answer::events(&stream).cut(), chunk);
        prop_assert_eq!(outcome.seen(), stream.as_str());
        let whole = openai().feed(ASKED, &Answer::events(&stream).cut(), usize::MAX);
        prop_assert_eq!(outcome.measured.charge, whole.measured.charge);
    }
}
