#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use bytes::Bytes;
use types::{Amounts, Caller, OutputBound, Quote, Reason, Verdict};

use crate::draft::Draft;
use crate::guard::{Guard, GuardError, GuardFacts};

use super::deny_models::{self, DenyModels};
use super::max_output::{self, MaxOutput, Over};
use super::strip_headers::{self, StripHeaders};

fn draft(body: &str) -> Draft {
    Draft {
        method: http::Method::POST,
        host: "api.acme.test".into(),
        path: "/v1/chat/completions".into(),
        query: None,
        headers: http::HeaderMap::new(),
        body: Bytes::from(body.to_owned()),
    }
}

fn quote(model: &str, output: OutputBound) -> Quote {
    let (vendor, bound) = ("acme".into(), Amounts::ZERO);
    Quote { vendor, model: model.into(), bound, floor: bound, output, streaming: false }
}

fn judged(guard: &dyn Guard, quote: Option<&Quote>) -> Verdict {
    let name = || types::Name::from("-");
    let caller = Caller { agent: name(), org: name(), session: name(), team: name(), user: name() };
    guard.judge(&GuardFacts { caller: &caller, quote, draft: &draft("{}"), now_ms: 0 }, &[])
}

fn deny(patterns: &[&str]) -> Result<DenyModels, GuardError> {
    DenyModels::new(&deny_models::Options(patterns.iter().map(|text| (*text).to_owned()).collect()))
}

#[test]
fn denied_models_are_refused_by_every_name_the_body_gives_them() {
    let guard = deny(&["o1-pro", "gpt-5*"]).unwrap();
    let refused = |body: &str| match guard.shape(&mut draft(body)) {
        Err(Reason::ModelNotAllowed { model }) => Some(model.to_string()),
        other => other.map(|()| None).unwrap(),
    };
    assert_eq!(refused(r#"{"model":"o1-pro"}"#).as_deref(), Some("o1-pro"));
    assert_eq!(refused(r#"{"model":"O1-Pr\u006f"}"#).as_deref(), Some("O1-Pro"));
    assert_eq!(refused(r#"{"model":"gpt-5.2"}"#).as_deref(), Some("gpt-5.2"));
    assert_eq!(refused(r#"{"model":"gpt-4o","models":["x","gpt-5"]}"#).as_deref(), Some("gpt-5"));
    for body in [r#"{"model":"o1-pro-2"}"#, r#"{"model":"gpt-é"}"#, r#"{"model":7}"#, "{}", "no json"] {
        assert_eq!(refused(body), None, "{body}");
    }
}

#[test]
fn a_denied_model_is_refused_behind_an_alias_too() {
    let guard = deny(&["o1-pro"]).unwrap();
    let denied = quote("o1-pro", OutputBound::None);
    assert_eq!(judged(&guard, Some(&denied)), Verdict::Deny(Reason::ModelNotAllowed { model: "o1-pro".into() }));
    assert_eq!(judged(&guard, Some(&quote("o1", OutputBound::None))), Verdict::Allow);
    assert_eq!(judged(&guard, None), Verdict::Allow);
}

#[test]
fn a_pattern_has_one_star_at_its_end_or_none() {
    for pattern in ["", "*x", "a*b", "a**"] {
        let error = deny(&["ok", pattern]).unwrap_err();
        assert_eq!(error, GuardError::Pattern { guard: "deny_models", pattern: pattern.into() });
    }
    assert_eq!(deny(&[]).unwrap_err(), GuardError::Empty { guard: "deny_models" });
    assert!(deny(&["*"]).unwrap().shape(&mut draft(r#"{"model":"any"}"#)).is_err());
}

fn cap(over: Over) -> MaxOutput {
    MaxOutput::new(&max_output::Options { tokens: 100, over }).unwrap()
}

#[test]
fn a_bound_above_the_cap_is_refused_whatever_it_is_called() {
    for name in ["max_tokens", "max_completion_tokens", "max_output_tokens"] {
        let body = |asked: u64| draft(&format!(r#"{{"{name}":{asked}}}"#));
        assert_eq!(cap(Over::Refuse).shape(&mut body(100)), Ok(()));
        let refused = cap(Over::Refuse).shape(&mut body(101));
        assert_eq!(refused, Err(Reason::OutputOverCap { asked: 101, cap: 100 }));
    }
    assert_eq!(cap(Over::Refuse).shape(&mut draft(r#"{"max_tokens":null}"#)), Ok(()));
    let odd = cap(Over::Lower).shape(&mut draft(r#"{"max_tokens":1e2}"#));
    assert!(matches!(odd, Err(Reason::AmbiguousBody { .. })));
}

#[test]
fn a_bound_above_the_cap_is_lowered_where_the_file_says_so_and_nothing_else_changes() {
    let mut draft = draft(r#"{"max_tokens": 500, "model":"m" ,"max_completion_tokens":99,"max_output_tokens":101}"#);
    assert_eq!(cap(Over::Lower).shape(&mut draft), Ok(()));
    let lowered = r#"{"max_tokens": 100, "model":"m" ,"max_completion_tokens":99,"max_output_tokens":100}"#;
    assert_eq!(draft.body, lowered);
}

#[test]
fn a_quoted_bound_above_the_cap_is_denied_wherever_it_came_from() {
    for over in [Over::Refuse, Over::Lower] {
        let over_cap = quote("m", OutputBound::Named(101));
        let denied = Verdict::Deny(Reason::OutputOverCap { asked: 101, cap: 100 });
        assert_eq!(judged(&cap(over), Some(&over_cap)), denied);
        assert_eq!(judged(&cap(over), Some(&quote("m", OutputBound::Named(100)))), Verdict::Allow);
        assert_eq!(judged(&cap(over), Some(&quote("m", OutputBound::Open { max: 500 }))), Verdict::Allow);
    }
    let zero = MaxOutput::new(&max_output::Options { tokens: 0, over: Over::Refuse });
    assert_eq!(zero.unwrap_err(), GuardError::Zero { guard: "max_output" });
}

fn strip(entries: &[&str]) -> Result<StripHeaders, GuardError> {
    StripHeaders::new(&strip_headers::Options(entries.iter().map(|text| (*text).to_owned()).collect()))
}

#[test]
fn named_headers_are_removed_with_all_their_values_and_others_stay() {
    let mut draft = draft("{}");
    for (name, value) in
        [("x-internal", "1"), ("x-internal", "2"), ("x-trace-id", "3"), ("x-tracer", "4"), ("accept", "5")]
    {
        draft.headers.append(name, http::HeaderValue::from_static(value));
    }
    strip(&["X-Internal", "x-trace-*"]).unwrap().shape(&mut draft).unwrap();
    let mut left: Vec<_> = draft.headers.keys().map(http::HeaderName::as_str).collect();
    left.sort_unstable();
    assert_eq!(left, ["accept", "x-tracer"]);
    assert_eq!(judged(&strip(&["x-a"]).unwrap(), None), Verdict::Allow);
}

#[test]
fn what_frames_routes_and_identifies_cannot_be_stripped() {
    for entry in [
        "Host",
        "content-length",
        "Transfer-Encoding",
        "authorization",
        "x-api-key",
        "proxy-*",
        "x-*",
        "*",
        "",
        "a b",
        "conte*",
    ] {
        let error = strip(&["x-ok", entry]).unwrap_err();
        assert_eq!(error, GuardError::Header { guard: "strip_headers", header: entry.into() });
    }
    assert_eq!(strip(&[]).unwrap_err(), GuardError::Empty { guard: "strip_headers" });
}

#[test]
fn errors_of_options_say_how_to_mend_them() {
    for (error, said) in [
        (deny(&[]).unwrap_err(), "deny_models: the list is empty; name at least one, or remove the guard"),
        (
            deny(&["*x"]).unwrap_err(),
            "deny_models: \"*x\" is neither an exact name nor a prefix with one `*` at its end",
        ),
        (
            strip(&["host"]).unwrap_err(),
            "strip_headers: \"host\" is no header name, or one that only the gateway may set or remove",
        ),
    ] {
        assert_eq!(error.to_string(), said);
    }
}

#[test]
fn a_draft_keeps_its_body_where_a_splice_would_spoil_it() {
    let mut draft = draft(r#"{"a":1}"#);
    let edit = crate::json::Edit { span: 5..6, with: "]".into() };
    assert!(matches!(draft.splice(vec![edit]), Err(Reason::AmbiguousBody { .. })));
    assert_eq!(draft.body, r#"{"a":1}"#);
}
