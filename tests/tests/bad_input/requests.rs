//! What agents send: bodies that cannot be read in one way, calls that nothing bounds, callers whom nobody knows.

use bursar_testkit::PROVIDER_KEY;
use bursar_testkit::http::{Tunnel, send_blocking};
use http::Request;
use http_body_util::Full;

use crate::desk::{Desk, GOOD, refused};

/// A field of a call that is otherwise good.
fn with(field: &str) -> String {
    format!(r#"{{"model":"flat",{field},"messages":[{{"role":"user","content":"go"}}]}}"#)
}

#[test]
fn a_body_over_the_cap_is_refused() {
    let desk = Desk::open_with(|file| file.with("caps: { body_bytes: 2000 }"), |text, _| text);
    let padded = GOOD.replace("go", &"x".repeat(2_000));
    desk.assert_refused(&padded, 413, "body_too_large", "larger than 2000 bytes");
}

#[test]
fn bodies_that_can_be_read_in_two_ways_are_refused() {
    let desk = Desk::open();
    let bad = [
        ("{\"model\":\"flat\"", "line 1, byte 15: the JSON value ends too early"),
        ("model=flat&max_tokens=100", "line 1, byte 0: a JSON value must stand here"),
        ("[]", "the body must be a JSON object"),
        (
            r#"{"model":"flat","model":"gpt-4.1","max_tokens":1,"messages":[]}"#,
            "the key \"model\" stands twice in one object; send it once",
        ),
        (
            r#"{"model":"flat","m\u0061x_tokens":1,"max_tokens":100000,"messages":[]}"#,
            "the key \"max_tokens\" stands twice in one object",
        ),
        (r#"{"model":"flat","Max_Tokens":1,"messages":[]}"#, "looks like \"max_tokens\""),
        (r#"{"model":"flat","api_base":"http://evil.example","messages":[]}"#, "names a destination"),
    ];
    for (body, phrase) in bad {
        desk.assert_refused(body, 400, "ambiguous_body", phrase);
    }
}

#[test]
fn output_bounds_that_are_no_whole_numbers_are_refused() {
    let desk = Desk::open();
    for bound in ["-1", "-100000", "1.5", "1e2", "\"100\"", "true", "[100]", "99999999999999999999"] {
        desk.assert_refused(&with(&format!(r#""max_tokens":{bound}"#)), 400, "ambiguous_body", "max_tokens");
    }
}

#[test]
fn calls_that_nothing_bounds_are_refused() {
    let desk = Desk::open();
    let body = with(r#""max_tokens":100,"web_search_options":{}"#);
    desk.assert_refused(
        &body,
        403,
        "unbounded",
        "searches fill the context window of flat, which the price book does not know",
    );
}

#[test]
fn models_without_a_price_are_refused() {
    let desk = Desk::open();
    let body = GOOD.replace("flat", "gpt-99-imaginary");
    let phrase = "The price book has no price for the model gpt-99-imaginary; ask owner@acme.example";
    desk.assert_refused(&body, 403, "unknown_model", phrase);
}

#[test]
fn endpoints_that_no_meter_knows_are_refused() {
    let desk = Desk::open();
    let mut request = desk.agent.chat(GOOD).unwrap();
    *request.uri_mut() = "/openai/v1/fine_tuning/jobs".parse().unwrap();
    let answer = send_blocking(desk.proxy, request).unwrap();
    refused(&answer, 403, "endpoint_not_allowed", "No meter knows what /v1/fine_tuning/jobs costs");
    assert_eq!(desk.vendor.served().total, 0);
    desk.assert_works();
}

#[test]
fn callers_whom_nobody_knows_are_refused() {
    let desk = Desk::open();
    let shown = |headers: &[(&'static str, &str)]| {
        let mut request = desk.agent.chat(GOOD).unwrap();
        request.headers_mut().remove("authorization");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        send_blocking(desk.proxy, request).unwrap()
    };
    let nobody = shown(&[]);
    refused(&nobody, 401, "identity_missing", "No key of ours was shown");
    assert!(nobody.header("www-authenticate").is_some());
    let wrong = format!("{}x", &desk.agent.key[..desk.agent.key.len() - 1]);
    refused(&shown(&[("bursar-key", &wrong)]), 401, "identity_unknown", "not, or no longer, one of ours");
    refused(&shown(&[("bursar-key", "bk_short")]), 401, "identity_unknown", "not, or no longer, one of ours");
    let foreign = [("authorization", "Bearer sk-proj-somebody-else"), ("x-api-key", PROVIDER_KEY)];
    for (header, value) in foreign {
        refused(&shown(&[(header, value)]), 401, "provider_key_refused", "does not pass keys through");
        // Nor beside a key of ours: whose money would it be?
        let both = shown(&[("bursar-key", &desk.agent.key), (header, value)]);
        refused(&both, 401, "provider_key_refused", "does not pass keys through");
    }
    assert_eq!(desk.vendor.served().total, 0);
    desk.assert_works();
}

#[test]
fn a_route_without_its_provider_key_says_so() {
    let desk = Desk::open_with(|file| file, |text, _| text.replace("env:VENDOR_KEY}", "env:NO_SUCH_KEY}"));
    refused(&desk.call(GOOD), 503, "credential_missing", "The provider key of the route openai is not set");
    assert_eq!(desk.books().held, 0);
    assert_eq!(desk.vendor.served().total, 0);
}

#[tokio::test]
async fn tunnels_of_callers_whom_nobody_knows_are_refused() {
    let desk = tokio::task::spawn_blocking(Desk::open).await.unwrap();
    let port = desk.vendor.tls().unwrap().port();
    let mut tunnel = Tunnel { proxy: desk.proxy, authorization: None, ca: None };
    let request = || Request::get("/v1/models").body(Full::default()).unwrap();
    let missing = tunnel.send("localhost", port, request()).await.unwrap_err().to_string();
    assert!(missing.contains(" 407 ") && missing.to_lowercase().contains("proxy-authenticate"), "{missing}");
    // A wrong key is refused inside, where the SDK reads it.
    tunnel.authorization = Some("Bearer bk_wrong".to_owned());
    tunnel.ca = Some(desk.folder.path().join("data/ca.pem"));
    let wrong = tunnel.send("localhost", port, request()).await.unwrap();
    refused(&wrong, 401, "identity_unknown", "not, or no longer, one of ours");
    tunnel.authorization = Some(format!("Bearer {}", desk.agent.key));
    let good = tunnel.send("localhost", port, request()).await.unwrap();
    assert_eq!(good.status, 200, "{}", good.text());
}

#[tokio::test]
async fn a_host_that_no_route_names_is_refused_inside_its_tunnel() {
    let desk = tokio::task::spawn_blocking(Desk::open).await.unwrap();
    let tunnel = Tunnel {
        proxy: desk.proxy,
        authorization: Some(format!("Bearer {}", desk.agent.key)),
        ca: Some(desk.folder.path().join("data/ca.pem")),
    };
    let request = Request::post("/v1/messages").body(Full::from("{}")).unwrap();
    let answer = tunnel.send("unlisted.example", 443, request).await.unwrap();
    refused(&answer, 403, "vendor_not_allowed", "Agent researcher may not call unlisted.example: no route");
    tokio::task::spawn_blocking(move || desk.assert_works()).await.unwrap();
}
