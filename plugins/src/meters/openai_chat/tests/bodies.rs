//! Bodies that could be read in two ways, and edits that leave everything else as it was.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use http::header::{ACCEPT_ENCODING, HeaderValue};
use types::Reason;

use super::{at, openai};

fn ambiguous(body: &str) -> String {
    match openai().quote(body) {
        Err(Reason::AmbiguousBody { what }) => what,
        other => panic!("{body}: {other:?}"),
    }
}

#[test]
fn bounds_in_any_form_but_plain_digits_are_refused_with_their_place() {
    for value in ["-1", "5.5", "5.0", "1E+2", "1e400", "\"100\"", "[5]", "{\"a\":5}", "true", "18446744073709551616"] {
        for field in ["max_tokens", "max_completion_tokens", "n", "best_of"] {
            let body = format!(r#"{{"model":"gpt-plain","{field}":{value}}}"#);
            let what = ambiguous(&body);
            assert!(what.contains(field) && what.contains("byte"), "{what}");
        }
    }
    for value in ["0", "100000001", "9223372036854775808"] {
        assert!(ambiguous(&format!(r#"{{"model":"gpt-plain","max_tokens":{value}}}"#)).contains("between 1 and"));
    }
    assert!(ambiguous(r#"{"model":"gpt-plain","n":0}"#).contains("\"n\""));
}

#[test]
fn keys_that_stand_twice_or_only_look_like_ours_are_refused() {
    assert!(ambiguous(r#"{"model":"gpt-plain","model":"gpt-long"}"#).contains("twice"));
    assert!(ambiguous(r#"{"model":"gpt-plain","max_tokens":5,"max\u005ftokens":128000}"#).contains("twice"));
    assert!(ambiguous(r#"{"Model":"gpt-plain","model":"gpt-long"}"#).contains("Model"));
    assert!(ambiguous(r#"{"model":"gpt-plain","MAX_TOKENS":1000000}"#).contains("MAX_TOKENS"));
    assert!(ambiguous(r#"{"model":"gpt-plain","N":100}"#).contains("\"N\""));
    // Not one of ours at all: nothing is bounded by it.
    assert!(openai().quote("{\"model\":\"gpt-plain\",\"max_tokens\u{200b}\":5}").is_ok());
}

#[test]
fn a_body_may_not_name_a_destination_or_a_credential() {
    for field in ["api_base", "base_url", "api_key", "user_config", "API_BASE", "model_list"] {
        let body = format!(r#"{{"model":"gpt-plain","{field}":"https://evil.example/v1"}}"#);
        assert!(ambiguous(&body).contains(field), "{field}");
    }
}

#[test]
fn what_is_no_object_with_a_model_is_refused() {
    for body in
        ["", "[1]", "[{\"model\":\"gpt-plain\"}]", "\"x\"", "{\"model\":\"gpt-plain\"} x", "\u{feff}{}", "{'model':1}"]
    {
        ambiguous(body);
    }
    assert!(ambiguous("{}").contains("model"));
    assert!(ambiguous(r#"{"model":7}"#).contains("model"));
    assert!(ambiguous(r#"{"model":"gpt-plain","stream":"yes"}"#).contains("stream"));
    assert!(ambiguous(r#"{"model":"gpt-plain","messages":"hi"}"#).contains("messages"));
    assert!(openai().quote(r#"{"__proto__":{"model":"gpt-long"},"model":"gpt-plain","max_tokens":1}"#).is_ok());
}

#[test]
fn usage_is_asked_for_in_streams_and_nothing_else_changes() {
    let shaped = |body: &str| String::from_utf8(openai().shaped(body).unwrap().body.to_vec()).unwrap();
    let ours = "{\"include_usage\":true  }";
    assert_eq!(
        shaped("{\"model\":\"gpt-plain\", \"stream\":true ,\"x\":[1,\n2]}"),
        format!("{{\"model\":\"gpt-plain\", \"stream\":true ,\"x\":[1,\n2],\"stream_options\":{ours}}}")
    );
    assert_eq!(
        shaped(r#"{"model":"gpt-plain","stream":true,"stream_options":null}"#),
        format!(r#"{{"model":"gpt-plain","stream":true,"stream_options":{ours}}}"#)
    );
    assert_eq!(
        shaped(r#"{"stream_options":{"include_obfuscation":false},"stream":true,"model":"gpt-plain"}"#),
        r#"{"stream_options":{"include_obfuscation":false,"include_usage":true  },"stream":true,"model":"gpt-plain"}"#
    );
    assert_eq!(
        shaped(r#"{"stream_options":{"include_usage":false},"stream":true,"model":"gpt-plain"}"#),
        r#"{"stream_options":{"include_usage":true  },"stream":true,"model":"gpt-plain"}"#
    );
    for same in [
        r#"{"model":"gpt-plain","stream":true,"stream_options":{"include_usage":true}}"#,
        r#"{"model":"gpt-plain","stream":false}"#,
        r#"{"model":"gpt-plain"}"#,
    ] {
        assert_eq!(shaped(same), same);
    }
    let wrong = openai().shaped(r#"{"model":"gpt-plain","stream":true,"stream_options":[]}"#);
    assert!(matches!(wrong, Err(Reason::AmbiguousBody { .. })));
}

#[test]
fn hosts_that_tell_usage_anyway_are_not_asked() {
    for (provider, model) in [("mistral", "mistral-x"), ("groq", "llama-x"), ("perplexity", "sonar-x")] {
        let body = format!(r#"{{"model":"{model}","stream":true}}"#);
        assert_eq!(&at(provider).shaped(&body).unwrap().body[..], body.as_bytes(), "{provider}");
    }
    assert!(at("novita").shaped(r#"{"model":"open-x","stream":true}"#).unwrap().body.len() > 40, "others are");
}

#[test]
fn answers_are_asked_for_in_codings_that_can_be_read() {
    let asked = |accepted: Option<&'static str>, body: &str| {
        let bench = openai();
        let mut draft = bench.draft(body);
        if let Some(accepted) = accepted {
            draft.headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(accepted));
        }
        bench.meter.shape(&mut draft, &bench.context()).unwrap();
        draft.headers.get(ACCEPT_ENCODING).unwrap().to_str().unwrap().to_owned()
    };
    let whole = r#"{"model":"gpt-plain"}"#;
    assert_eq!(asked(Some("gzip, deflate, br, zstd"), whole), "gzip, deflate, br, zstd");
    assert_eq!(asked(Some("dcz, GZIP;q=0.5, *, snappy"), whole), "GZIP;q=0.5");
    assert_eq!(asked(None, whole), "identity");
    assert_eq!(
        asked(Some("gzip"), r#"{"model":"gpt-plain","stream":true}"#),
        "identity",
        "events are edited as they pass"
    );
}
