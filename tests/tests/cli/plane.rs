//! The operator's listener of a real gateway: probes, metrics, the page.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use bursar_testkit::http;

use crate::desk::Desk;

#[test]
fn probes_page_and_socket_are_there_and_nothing_can_be_changed() {
    let desk = Desk::open();
    assert_eq!(desk.call(&desk.agent.key).status, 200);
    assert_eq!((desk.get("/healthz").status, desk.get("/readyz").text()), (::http::StatusCode::OK, "ready\n".into()));
    let page = desk.get("/");
    assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"));
    for told in ["acme", "researcher", "gpt-4o-mini", "Balances agree with the trail"] {
        assert!(page.text().contains(told), "{told}: {}", page.text());
    }
    for path in ["/", "/v1/actions", "/v1/verify"] {
        let request = ::http::Request::post(path).body(r#"{"reload":null}"#.into()).unwrap();
        assert_eq!(http::send_blocking(desk.running.operator, request).unwrap().status, 405);
    }
    let socket = std::fs::metadata(desk.folder().join("data/operator.sock")).unwrap();
    assert_eq!(socket.permissions().mode() & 0o777, 0o600);
}

#[test]
fn the_agents_key_opens_nothing_of_the_operators() {
    let desk = Desk::open();
    for path in ["/metrics", "/v1/about", "/v1/actions", "/readyz"] {
        let request =
            ::http::Request::get(path).header("bursar-key", &desk.agent.key).body(Default::default()).unwrap();
        let answer = http::send_blocking(desk.running.proxy, request).unwrap();
        assert_eq!(answer.status, 403, "{path}: {}", answer.text());
    }
}

#[test]
fn metrics_pass_promtool_and_have_bounded_labels() {
    let desk = Desk::open();
    assert_eq!(desk.call(&desk.agent.key).status, 200);
    assert_eq!(desk.call("bk_00000000_wrong").status, 401);
    for number in 0..20 {
        let body = format!(r#"{{"model":"made-up-{number}","max_tokens":9,"messages":[]}}"#);
        let request = ::http::Request::post(format!("/openai/v1/chat/completions?n={number}"))
            .header("authorization", format!("Bearer {}", desk.agent.key))
            .body(body.into());
        assert_eq!(http::send_blocking(desk.running.proxy, request.unwrap()).unwrap().status, 403);
    }
    // The gauges are set once a second.
    crate::desk::until("the gauges", || {
        let metrics = desk.get("/metrics").text();
        metrics.contains("bursar_requests_in_flight").then_some(()).ok_or(metrics)
    });
    let metrics = desk.get("/metrics").text();
    assert!(!metrics.contains("made-up-"), "a stranger's word became a label: {metrics}");
    let helped = |name: &str| metrics.contains(&format!("# HELP {name} "));
    for line in metrics.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let name = line.split(['{', ' ']).next().unwrap();
        let bare = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        assert!(helped(name) || bare.is_some_and(helped), "no HELP for {name}");
    }
    for name in ["bursar_ledger_holds_open", "bursar_ledger_accounts", "bursar_requests_total"] {
        assert!(metrics.contains(&format!("\n{name}")), "{name} is not told: {metrics}");
    }
    let promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut promtool) = promtool else {
        eprintln!("SKIPPED: promtool is not installed (apt-get install prometheus)");
        return;
    };
    promtool.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}
