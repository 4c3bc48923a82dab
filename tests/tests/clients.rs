//! The official clients, unchanged, through the gateway: by base URL and by proxy.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::path::Path;

use bursar_testkit::{HouseFile, PROVIDER_KEY, Running, TestAgent, TestVendor, python};
use serde_json::Value;

/// The lines of `sdk_calls.py`, one JSON value each.
fn calls(variables: &[(&str, &str)]) -> Vec<Value> {
    let output = python::run("sdk_calls.py", variables).unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// By base URL, with the agent's key where the provider's would stand.
fn by_base_url(running: &Running, agent: &TestAgent) -> Vec<Value> {
    calls(&[
        ("OPENAI_BASE_URL", &format!("http://{}/openai/v1", running.proxy)),
        ("ANTHROPIC_BASE_URL", &format!("http://{}/anthropic", running.proxy)),
        ("OPENAI_API_KEY", &agent.key),
        ("ANTHROPIC_API_KEY", &agent.key),
    ])
}

fn assert_no_agent_key_left(vendor: &TestVendor, agent: &TestAgent) {
    for seen in vendor.served().requests {
        assert!(!seen.contains(&agent.key) && !seen.contains("bk_"), "the agent's key reached the vendor: {seen:?}");
        let shown = seen.header("authorization").or(seen.header("x-api-key")).unwrap_or_default();
        assert!(shown.contains(PROVIDER_KEY), "not the provider key: {seen:?}");
    }
}

fn start(folder: &Path, vendor: &TestVendor, agent: &TestAgent, limit: &str) -> Running {
    HouseFile::of(&[agent]).limited(limit).start(folder, vendor).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn sdk_calls_by_base_url_are_answered_and_priced() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = TestVendor::start(folder.path(), &[]).unwrap();
    let agent = TestAgent::new("researcher");
    let running = start(folder.path(), &vendor, &agent, "{ scope: agent, window: day, usd: 5 }");
    let calls = by_base_url(&running, &agent);
    assert_eq!(calls.len(), 8);
    assert!(calls.iter().all(|call| call.get("error").is_none()), "{calls:#?}");
    assert_eq!(vendor.served().billed, 8);
    assert_no_agent_key_left(&vendor, &agent);
    assert!(running.gateway.stop().unwrap().success());
}

#[test]
fn a_refusal_over_budget_is_raised_once_as_the_sdk_s_own_error() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = TestVendor::start(folder.path(), &[]).unwrap();
    let agent = TestAgent::new("researcher");
    let running = start(folder.path(), &vendor, &agent, "{ scope: agent, window: day, usd: 0 }");
    let calls = by_base_url(&running, &agent);
    assert_eq!(calls.len(), 8);
    for call in &calls {
        assert_eq!(call["status"], 402, "{call:#}");
        assert!(call["message"].as_str().unwrap().contains("owner@acme.example"), "{call:#}");
    }
    assert_eq!(vendor.served().total, 0);
}

#[test]
fn sdk_calls_by_proxy_are_answered_and_priced() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = TestVendor::start(folder.path(), &[]).unwrap();
    let agent = TestAgent::new("researcher");
    let running = start(folder.path(), &vendor, &agent, "{ scope: agent, window: day, usd: 5 }");
    let proxy = agent.proxy_url(running.proxy);
    let calls = calls(&[
        ("HTTPS_PROXY", &proxy),
        ("SSL_CERT_FILE", folder.path().join("data/ca.pem").to_str().unwrap()),
        ("OPENAI_BASE_URL", &format!("{}/v1", vendor.tls_url().unwrap())),
        ("ANTHROPIC_BASE_URL", &format!("https://{}", vendor.tls().unwrap())),
        ("OPENAI_API_KEY", &agent.key),
        ("ANTHROPIC_API_KEY", &agent.key),
    ]);
    assert!(calls.iter().all(|call| call.get("error").is_none()), "{calls:#?}");
    assert_eq!(vendor.served().billed, 8);
    assert_no_agent_key_left(&vendor, &agent);
}
