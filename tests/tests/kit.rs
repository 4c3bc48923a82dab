//! The kit itself: clients and vendors that other tests stand on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use bursar_testkit::{PROVIDER_KEY, TestVendor, http, python};

const CHAT: &str = r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"twelve bytes"}]}"#;

#[tokio::test]
async fn the_client_sees_an_answer_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = TestVendor::start(folder.path(), &[]).unwrap();
    let request = ::http::Request::post("/v1/chat/completions")
        .header("authorization", format!("Bearer {PROVIDER_KEY}"))
        .body(CHAT.into())
        .unwrap();
    let answer = http::send(vendor.plain().unwrap(), request).await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["usage"]["prompt_tokens"], 7);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(vendor.served().billed, 1);
}

#[test]
fn the_official_clients_talk_to_the_mock_vendor() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = TestVendor::start(folder.path(), &[]).unwrap();
    let output = python::run(
        "sdk_calls.py",
        &[
            ("OPENAI_BASE_URL", &format!("{}/v1", vendor.tls_url().unwrap())),
            ("ANTHROPIC_BASE_URL", &vendor.tls_url().unwrap()),
            ("OPENAI_API_KEY", PROVIDER_KEY),
            ("ANTHROPIC_API_KEY", PROVIDER_KEY),
            ("SSL_CERT_FILE", vendor.ca().to_str().unwrap()),
        ],
    )
    .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let served = vendor.served();
    assert_eq!((served.billed, served.refused_keys), (8, 0), "{said}");
    assert!(served.requests.iter().all(|seen| seen.ended), "a stream was not read to its end");
}
