//! `bursar run`: one program under a budget, beside a running gateway or with one of its own.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use bursar_testkit::{HouseFile, TestVendor, python};
use rustix::process::{Pid, Signal, kill_process};

use crate::desk::{Desk, Said, command, said, until};

/// A call with the SDK's usual variables, and what came of it.
const CALL: &str = r#"
import json, os, urllib.request, urllib.error, sys
body = json.dumps({"model": "gpt-4o-mini", "max_tokens": 64, "messages": [{"role": "user", "content": "hi"}]})
url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
for _ in range(int(sys.argv[1])):
    head = {"authorization": "Bearer " + os.environ["OPENAI_API_KEY"], "content-type": "application/json"}
    try:
        print(urllib.request.urlopen(urllib.request.Request(url, body.encode(), head)).status)
    except urllib.error.HTTPError as error:
        print(error.code, json.loads(error.read())["error"]["code"])
"#;

fn agent_files(folder: &Path) -> Vec<String> {
    let Ok(files) = fs::read_dir(folder.join("agents.d")) else { return Vec::new() };
    files.map(|file| file.unwrap().file_name().into_string().unwrap()).filter(|name| name.ends_with(".yaml")).collect()
}

/// A run of a Python program in the folder of a desk.
fn run(folder: &Path, options: &[&str], calls: &str) -> Command {
    fs::write(folder.join("agent.py"), CALL).unwrap();
    let python = python::interpreter().unwrap();
    let words = [&["run"][..], options, &["--", python.to_str().unwrap(), "agent.py", calls]].concat();
    command(folder, &words)
}

#[test]
fn a_run_attaches_to_the_running_gateway_and_tells_calls_and_cost() {
    let desk = Desk::open();
    let told = said(&mut run(desk.folder(), &["--budget", "1.00"], "2")).well();
    assert_eq!(told.out, "200\n200\n");
    assert!(told.err.starts_with("bursar: 2 calls, $0.000"), "{told:?}");
    assert_eq!(agent_files(desk.folder()), [] as [&str; 0]);
    let json = said(&mut run(desk.folder(), &["--agent", "writer", "-o", "json"], "1")).well();
    let summary: serde_json::Value = serde_json::from_str(&json.err).unwrap();
    assert_eq!((&summary["calls"], &summary["refused"], &summary["exit_code"]), (&1.into(), &0.into(), &0.into()));
    let spend = desk.bursar(&["spend", "--agent", "writer"]).well().out;
    assert!(spend.contains("agent:writer-"), "{spend}");
    assert!(desk.bursar(&["agents", "list"]).well().out.contains("researcher"));
}

#[test]
fn the_program_sees_that_its_budget_is_spent() {
    let desk = Desk::open();
    let told = said(&mut run(desk.folder(), &["--budget", "0"], "3")).well();
    assert_eq!(told.out, "402 over_limit\n".repeat(3));
    assert_eq!(told.err.trim(), "bursar: 0 calls, $0.00, 3 refused");
    assert_eq!(desk.vendor.served().total, 0);
}

#[test]
fn a_program_that_goes_its_own_way_is_told_about() {
    let desk = Desk::open();
    let told = desk.bursar(&["run", "--", "true"]).well();
    assert!(told.err.starts_with("bursar: 0 calls seen: your program did not use the proxy"), "{told:?}");
}

#[test]
fn exit_codes_are_the_programs_own() {
    let desk = Desk::open();
    let code = |words: &[&str]| desk.bursar(&[&["run", "--"][..], words].concat()).code;
    assert_eq!(code(&["sh", "-c", "exit 7"]), 7);
    assert_eq!(code(&["sh", "-c", "kill -TERM $$"]), 143);
    desk.bursar(&["run", "--", "./no-such-program"]).failed(127, &["there is no program ./no-such-program"]);
    desk.bursar(&["run", "--", "./bursar.yaml"]).failed(126, &["./bursar.yaml"]);
    desk.bursar(&["run", "--budget", "-1", "--", "true"]);
    assert_eq!(agent_files(desk.folder()), [] as [&str; 0]);
    assert_eq!(desk.bursar(&["run"]).code, 2);
}

#[test]
fn a_configuration_that_was_named_and_is_not_there_is_no_laptop() {
    let folder = tempfile::tempdir().unwrap();
    let mut named = command(folder.path(), &["run", "-c", "typo.yaml", "--", "true"]);
    said(named.env("XDG_DATA_HOME", folder.path())).failed(2, &["typo.yaml"]);
    assert!(!folder.path().join("bursar").exists());
}

fn started(desk: &Desk) -> Child {
    let mut child = command(desk.folder(), &["run", "--", "sh", "-c", "echo ready; exec sleep 600"]);
    let child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until("an agent's file", || match agent_files(desk.folder()).len() {
        1 => Ok(()),
        other => Err(other.to_string()),
    });
    child
}

fn wait_for_word(child: &mut Child) {
    use std::io::Read;
    let mut word = [0; 6];
    child.stdout.as_mut().unwrap().read_exact(&mut word).unwrap();
    assert_eq!(&word, b"ready\n");
}

#[test]
fn whatever_signal_ends_it_the_agent_is_gone_afterwards() {
    let desk = Desk::open();
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let mut child = started(&desk);
        wait_for_word(&mut child);
        kill_process(Pid::from_child(&child), signal).unwrap();
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(code), "{ended:?}");
        assert_eq!(agent_files(desk.folder()), [] as [&str; 0], "{signal:?}");
    }
}

#[test]
fn a_gateway_that_stops_does_not_wait_for_its_runs() {
    let desk = Desk::open();
    let mut child = started(&desk);
    wait_for_word(&mut child);
    let closed = desk.stop();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let ended = child.wait_with_output().unwrap();
    let err = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(err.contains("the gateway has gone"), "{err}");
    assert_eq!(ended.status.code(), Some(143));
    assert_eq!(agent_files(closed.folder()), [] as [&str; 0]);
}

/// Ends a gateway that a run has started, whatever becomes of the test.
struct Owned<'a>(&'a Path);

impl Owned<'_> {
    fn pid(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.0.join("lock")).ok()?;
        Pid::from_raw(text.trim().parse().ok()?)
    }

    fn is_alive(&self) -> bool {
        // The lock is held as long as the owner lives.
        self.0.join("operator.sock").exists()
    }
}

impl Drop for Owned<'_> {
    fn drop(&mut self) {
        if let Some(pid) = self.pid().filter(|_| self.is_alive()) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

#[test]
fn without_a_gateway_one_is_started_shared_by_two_runs_and_ends_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = TestVendor::start(folder.path(), &[]).unwrap();
    let any = "127.0.0.1:0".parse().unwrap();
    let text = HouseFile::of(&[&bursar_testkit::TestAgent::new("writer")]).text(&vendor, any, any).unwrap();
    fs::write(folder.path().join("bursar.yaml"), text).unwrap();
    let data = folder.path().join("data");
    let owned = Owned(&data);
    let at_once: Vec<Said> = std::thread::scope(|scope| {
        let runs: Vec<_> =
            (0..3).map(|_| scope.spawn(|| said(&mut run(folder.path(), &["--idle-seconds", "1"], "2")))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    for told in at_once {
        let told = told.well();
        assert_eq!(told.out, "200\n200\n");
        assert!(told.err.contains("bursar: 2 calls, $0.000"), "{told:?}");
    }
    until("the end of the gateway", || if owned.is_alive() { Err("it lives".to_owned()) } else { Ok(()) });
    assert_eq!(vendor.served().billed, 6);
    crate::desk::bursar(folder.path(), &["audit", "verify"]).well();
    // And again, from what was left.
    said(&mut run(folder.path(), &["--idle-seconds", "1"], "1")).well();
    until("the end of the gateway", || if owned.is_alive() { Err("it lives".to_owned()) } else { Ok(()) });
}

#[test]
fn why_a_gateway_did_not_start_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let text = format!(
        "version: 1\norg: acme\ndata: data\nlisteners:\n  proxy: [\"{address}\"]\nroutes:\n  - preset: openai\n    credentials: passthrough\n"
    );
    fs::write(folder.path().join("bursar.yaml"), text).unwrap();
    crate::desk::bursar(folder.path(), &["run", "--", "true"])
        .failed(1, &["did not start", &address.to_string(), "gateway.log"]);
    assert_eq!(agent_files(folder.path()), [] as [&str; 0]);
}

/// The laptop's own profile, pointed at the mock vendor: governed with the user's key, other hosts passed and counted.
#[test]
fn on_a_laptop_the_users_own_keys_pass_and_other_hosts_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = TestVendor::start(folder.path(), &[]).unwrap();
    let home = folder.path().join("home");
    let mut first = command(folder.path(), &["run", "--idle-seconds", "1", "--", "true"]);
    let told = said(first.env("XDG_DATA_HOME", &home)).well();
    assert!(told.err.contains("0 calls seen"), "{told:?}");
    let profile = home.join("bursar/bursar.yaml");
    let text = fs::read_to_string(&profile).unwrap();
    assert!(
        text.contains("unlisted: tunnel") && text.contains("preset: openai\n    credentials: passthrough"),
        "{text}"
    );
    let data = home.join("bursar/data");
    let owned = Owned(&data);
    until("the end of the gateway", || if owned.is_alive() { Err("it lives".to_owned()) } else { Ok(()) });
    let upstream = format!("preset: openai\n    upstream: {}\n", vendor.tls_url().unwrap());
    let more = format!(
        "upstream:\n  ca_files: [\"{}\"]\n  allow_addresses: [\"127.0.0.1/32\", \"::1/128\"]\n",
        vendor.ca().display()
    );
    fs::write(&profile, text.replace("preset: openai\n", &upstream) + &more).unwrap();
    let script = folder.path().join("laptop.sh");
    let port = vendor.tls().unwrap().port();
    let python = python::interpreter().unwrap();
    fs::write(folder.path().join("agent.py"), CALL).unwrap();
    // Once as governed, once to a host that no route names, through the proxy all the same.
    let text = format!(
        "{} agent.py 1\ncurl -sS --noproxy '' --proxy \"$HTTPS_PROXY\" --cacert {} -o /dev/null -w '%{{http_code}}\\n' https://localhost:{port}/v1/models\n",
        python.display(),
        vendor.ca().display()
    );
    fs::write(&script, text).unwrap();
    let mut second = command(folder.path(), &["run", "--idle-seconds", "1", "--budget", "1", "--", "sh", "laptop.sh"]);
    second.env("XDG_DATA_HOME", &home).env("OPENAI_API_KEY", bursar_testkit::PROVIDER_KEY);
    let told = said(&mut second).well();
    assert!(told.out.starts_with("200\n"), "{told:?}");
    assert!(
        told.err.contains("1 call, $0.000") && told.err.contains("; 1 connection to other hosts passed ungoverned"),
        "{told:?}"
    );
    let seen = vendor.served().requests;
    assert_eq!(seen[0].header("authorization"), Some(&*format!("Bearer {}", bursar_testkit::PROVIDER_KEY)));
    assert!(seen.iter().all(|seen| !seen.contains("bk_")), "our key reached the vendor");
}
