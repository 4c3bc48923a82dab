//! The operator's plane as its clients meet it: who may ask what, and what is shown of strangers' words.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::print_stderr)]

mod kit;

use std::os::unix::fs::PermissionsExt;

use control::{About, Action, Client, Done, Listening};
use kit::{Running, SampleDesk, ask, hostile};
use tokio::sync::watch;
use types::Scope;
use types::account::Subject;

const SECURITY: [&str; 4] = ["content-security-policy", "x-content-type-options", "referrer-policy", "cache-control"];

fn freeze() -> Action {
    Action::Freeze { subject: Subject { scope: Scope::Agent, name: "researcher".into() }, by: "test".into() }
}

#[tokio::test]
async fn the_network_listener_answers_get_and_head_only_whatever_the_path() {
    let running = Running::start(SampleDesk::default());
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
        for path in ["/", "/metrics", "/v1/actions", "/v1/verify", "/v1/attach", "/nowhere"] {
            let answer = ask(running.page, method, path, "localhost").await;
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.header("allow"), "GET, HEAD", "{method} {path}");
        }
    }
    assert_eq!(ask(running.page, "GET", "/v1/actions", "localhost").await.status, 404);
    let head = ask(running.page, "HEAD", "/", "localhost").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert!(running.desk.actions.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_network_listener_answers_to_its_own_names_only() {
    let running = Running::start(SampleDesk::default());
    for host in ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "", "localhost@evil.example"] {
        for path in ["/", "/healthz", "/metrics", "/nowhere"] {
            let answer = ask(running.page, "GET", path, host).await;
            assert_eq!(answer.status, 421, "{host} {path}");
            assert!(!answer.body.contains("researcher"), "{host} {path}");
        }
    }
    for host in ["localhost", "LOCALHOST:9", "127.0.0.1", "[::1]:4001", "10.1.2.3:4001"] {
        assert_eq!(ask(running.page, "GET", "/healthz", host).await.status, 200, "{host}");
    }
}

#[tokio::test]
async fn every_answer_is_hardened_even_refusals() {
    let running = Running::start(SampleDesk::default());
    let asked =
        [("GET", "/", "localhost"), ("GET", "/none", "localhost"), ("POST", "/", "localhost"), ("GET", "/", "evil")];
    for (method, path, host) in asked {
        let answer = ask(running.page, method, path, host).await;
        for header in SECURITY {
            assert!(!answer.header(header).is_empty(), "{method} {path} {host} lacks {header}");
        }
        assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
    }
}

#[tokio::test]
async fn words_of_strangers_are_shown_and_never_obeyed() {
    for word in hostile() {
        let running = Running::start(SampleDesk::saying(&word));
        let answer = ask(running.page, "GET", "/", "localhost").await;
        assert_eq!(answer.status, 200, "{word:?}");
        let neutral = Running::start(SampleDesk::saying("word"));
        let plain = ask(neutral.page, "GET", "/", "localhost").await;
        // As many tags, quotes and control characters as with a harmless word: nothing of it became markup.
        for mark in ['<', '>', '"', '\''] {
            let count = |text: &str| text.matches(mark).count();
            assert_eq!(count(&answer.body), count(&plain.body), "{word:?} adds {mark}");
        }
        let hidden = answer.body.chars().find(|letter| {
            (letter.is_control() && *letter != '\n')
                || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        });
        assert_eq!(hidden, None, "{word:?}");
    }
}

#[tokio::test]
async fn health_says_alive_and_readiness_says_why_not() {
    let running = Running::start(SampleDesk::default());
    assert_eq!(ask(running.page, "GET", "/healthz", "localhost").await.body, "alive\n");
    assert_eq!(ask(running.page, "GET", "/readyz", "localhost").await.body, "ready\n");
    running.desk.about.lock().unwrap().not_ready = vec!["draining".into(), "the trail cannot be written: full".into()];
    let answer = ask(running.page, "GET", "/readyz", "localhost").await;
    assert_eq!((answer.status, &*answer.body), (503, "not ready: draining, the trail cannot be written: full\n"));
    assert_eq!(ask(running.page, "GET", "/healthz", "localhost").await.status, 200);
}

#[tokio::test]
async fn the_page_tells_why_it_is_not_all_well() {
    let running = Running::start(SampleDesk::default());
    let page = ask(running.page, "GET", "/", "localhost").await.body;
    for told in
        ["acme", "agent:researcher@day:2026-11-21", "$5.00", "$4.98", "$0.02", "openai", "gpt-4o-mini", ">ready<"]
    {
        assert!(page.contains(told), "{told} is not in {page}");
    }
    {
        let mut about = running.desk.about.lock().unwrap();
        about.mode = "observe".into();
        about.reload_error = Some("bursar.yaml:3:1: no".into());
        about.verified = Some(control::Verified { at_ms: 0, seq: 9, drift: vec!["agent:x: 1 instead of 2".into()] });
    }
    let page = ask(running.page, "GET", "/", "localhost").await.body;
    for told in ["observe: nothing is blocked", "bursar.yaml:3:1: no", "up to entry 9: agent:x: 1 instead of 2"] {
        assert!(page.contains(told), "{told} is not in {page}");
    }
}

#[tokio::test]
async fn the_owners_socket_is_for_the_owner_alone_and_takes_actions() {
    let running = Running::start(SampleDesk::default());
    let mode = std::fs::metadata(&running.socket).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let client = Client::new(&running.socket);
    let about: About = client.view("/v1/about").await.unwrap();
    assert_eq!(&*about.org, "acme");
    let done: Done = client.send("/v1/actions", &freeze()).await.unwrap();
    assert_eq!(done.message, "done");
    assert_eq!(*running.desk.actions.lock().unwrap(), [freeze()]);
}

#[tokio::test]
async fn an_action_that_is_refused_says_why_and_an_unknown_one_is_no_action() {
    let running = Running::start(SampleDesk { refuses: Some("no such hold"), ..SampleDesk::default() });
    let client = Client::new(&running.socket);
    let refused = client.send::<Done>("/v1/actions", &freeze()).await.unwrap_err();
    assert_eq!(refused.to_string(), "no such hold");
    let unknown = client.send::<Done>("/v1/actions", &serde_json::json!({"raise_limit": {}})).await.unwrap_err();
    assert!(unknown.to_string().contains("unknown variant `raise_limit`"), "{unknown}");
    assert!(running.desk.actions.lock().unwrap().len() == 1);
}

#[tokio::test]
async fn an_attached_client_holds_on_until_it_leaves_and_never_holds_up_a_stop() {
    let mut running = Running::start(SampleDesk::default());
    let client = Client::new(&running.socket);
    let one = client.attach().await.unwrap();
    let two = client.attach().await.unwrap();
    assert_eq!(running.desk.clients(), 2);
    drop(two);
    running.desk.until_clients(1).await;
    running.stop().await;
    assert_eq!(running.desk.clients(), 0);
    assert!(!running.socket.exists());
    drop(one);
}

#[tokio::test]
async fn a_client_that_says_nothing_does_not_hold_up_a_stop() {
    let mut running = Running::start(SampleDesk::default());
    let mut silent = tokio::net::TcpStream::connect(running.page).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut silent, b"GET / HTTP/1.1\r\nhost: local").await.unwrap();
    running.stop().await;
}

#[tokio::test]
async fn without_a_free_address_nothing_is_left_bound() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = folder.path().join("operator.sock");
    let failed = Listening::bind(&socket, Some(taken.local_addr().unwrap())).unwrap_err();
    let at = taken.local_addr().unwrap();
    assert!(failed.to_string().starts_with(&format!("cannot listen on {at}: ")), "{failed}");
    assert!(!socket.exists());
}

#[tokio::test]
async fn a_socket_that_an_owner_left_behind_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("operator.sock");
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    assert!(socket.exists());
    let listening = Listening::bind(&socket, None).unwrap();
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(listening.serve(std::sync::Arc::new(SampleDesk::default()), stopped));
    assert!(Client::new(&socket).view::<About>("/v1/about").await.is_ok());
}

#[tokio::test]
async fn without_an_owner_the_client_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let missing = Client::new(&folder.path().join("operator.sock")).view::<About>("/v1/about").await.unwrap_err();
    assert!(missing.to_string().starts_with("no gateway answers on "), "{missing}");
}
