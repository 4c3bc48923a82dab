#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeSet;

use super::*;

fn written(text: &str) -> Result<Vec<GuardOptions>, String> {
    serde_saphyr::from_str(text).map_err(|error| error.to_string())
}

#[test]
fn guards_are_written_as_a_list_of_single_keys_and_run_in_the_order_of_the_list() {
    let options = written(
        "- strip_headers: [X-Internal]\n- max_output: {tokens: 4096}\n- deny_models: [o1-pro, 'gpt-5*']\n- max_output: {tokens: 8000, over: lower}\n",
    )
    .unwrap();
    assert_eq!(
        options.iter().map(GuardOptions::name).collect::<Vec<_>>(),
        ["strip_headers", "max_output", "deny_models", "max_output"]
    );
    let names: Vec<_> = guards(&options).unwrap().iter().map(|guard| guard.name()).collect();
    assert_eq!(names, ["deny_models", "max_output", "max_output", "strip_headers"]);
    assert_eq!((output_cap(&options), output_cap(&[])), (Some(4_096), None), "the smallest cap counts");
}

#[test]
fn what_is_misspelt_is_refused_with_its_name() {
    for (text, said) in [
        ("- max_output: {tokens: 5, over: cut}", "cut"),
        ("- max_output: {token: 5}", "token"),
        ("- max_output: {tokens: 5, colour: red}", "colour"),
        ("- max_outputs: {tokens: 5}", "max_outputs"),
        ("- max_output: {tokens: -5}", "5"),
    ] {
        let error = written(text).expect_err(text);
        assert!(error.contains(said), "{text}: {error}");
    }
}

#[test]
fn the_schema_names_every_guard() {
    let schema = serde_json::to_string(&schemars::schema_for!(GuardOptions)).unwrap();
    for name in GuardOptions::ORDER {
        assert!(schema.contains(&format!("\"{name}\"")), "{name}");
    }
}

#[test]
fn meters_have_names_of_their_own_and_are_found_by_them() {
    let names: BTreeSet<_> = meters().iter().map(|meter| meter.name()).collect();
    assert_eq!(names.len(), meters().len());
    for name in names {
        assert_eq!(meter(name).unwrap().name(), name);
    }
    assert!(meter("nobody").is_none());
}

#[test]
fn no_two_meters_claim_one_endpoint() {
    use http::Method;
    for path in [
        "/v1/chat/completions",
        "/v1/messages",
        "/v1/models",
        "/v1/messages/count_tokens",
        "/openai/v1/chat/completions",
    ] {
        for method in [Method::GET, Method::POST] {
            let claims = meters().iter().filter(|meter| meter.claims(&method, path)).count();
            assert!(claims <= 1, "{method} {path}");
        }
    }
}
