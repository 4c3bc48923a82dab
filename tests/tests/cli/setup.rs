//! What people begin with: `init`, `config`, `ca`, `env`, and the help.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use bursar_testkit::{Gateway, free_addresses, gateway};

use crate::desk::{Desk, bursar, command, said};

#[test]
fn init_writes_a_house_that_runs_and_lines_that_can_be_pasted() {
    let folder = tempfile::tempdir().unwrap();
    let told = bursar(folder.path(), &["init"]).well().out;
    bursar(folder.path(), &["init"]).failed(1, &["is there already"]);
    bursar(folder.path(), &["config", "check"]).well();
    let key = told.split("--key ").nth(1).unwrap().split(')').next().unwrap().to_owned();
    let addresses = free_addresses(2).unwrap();
    let config = folder.path().join("bursar.yaml");
    let text = std::fs::read_to_string(&config).unwrap();
    assert!(!text.contains(&key), "the key itself is kept nowhere");
    let config =
        text.replace("127.0.0.1:4000", &addresses[0].to_string()).replace("127.0.0.1:4001", &addresses[1].to_string());
    let setup =
        gateway::Setup { folder: folder.path().to_owned(), config, operator: addresses[1], variables: Vec::new() };
    let running = Gateway::start(setup).unwrap();
    // Provider keys are not there: that route says so, and no other does.
    let answer = crate::desk::call(addresses[0], &key);
    assert!(answer.status == 503 && answer.text().contains("credential_missing"), "{}", answer.text());
    // The line to paste, pasted.
    let line = told.lines().find(|line| line.contains("eval ")).unwrap().trim();
    let bin = gateway::binary().unwrap();
    let shell = Command::new("bash")
        .args(["-c", &format!("{line} && echo $HTTPS_PROXY $OPENAI_BASE_URL $OPENAI_API_KEY")])
        .current_dir(folder.path())
        .env("PATH", format!("{}:/usr/bin:/bin", bin.parent().unwrap().display()))
        .output()
        .unwrap();
    let echoed = String::from_utf8_lossy(&shell.stdout).into_owned();
    let proxy = addresses[0];
    assert_eq!(echoed.trim(), format!("http://agent:{key}@{proxy} http://{proxy}/_k/{key}/openai/v1 {key}"));
    assert!(running.stop().unwrap().success());
}

#[test]
fn init_says_json_and_leaves_nothing_behind_for_a_name_that_is_none() {
    let folder = tempfile::tempdir().unwrap();
    bursar(folder.path(), &["init", "--agent", "a b"]).failed(2, &["a b"]);
    assert!(!folder.path().join("bursar.yaml").exists());
    let told = bursar(folder.path(), &["init", "-c", "sub.yaml", "--agent", "writer", "-o", "json"]).well().json();
    assert!(told["agent"] == "writer" && told["key"].as_str().unwrap().starts_with("bk_"), "{told}");
    bursar(folder.path(), &["init", "-c", "no/such/folder.yaml"]).failed(1, &["no/such/folder.yaml"]);
    let named = said(command(folder.path(), &["config", "check"]).env("BURSAR_CONFIG", "sub.yaml")).well();
    assert!(named.out.contains("sub.yaml is right"), "{named:?}");
}

#[test]
fn the_schema_is_json_and_the_check_counts() {
    let desk = Desk::open();
    let schema = desk.bursar(&["config", "schema"]).well().json();
    assert!(schema["properties"]["limits"].is_object());
    let checked = desk.bursar(&["config", "check", "-o", "json"]).well().json();
    assert_eq!((&checked["agents"], &checked["routes"], &checked["mode"]), (&1.into(), &2.into(), &"enforce".into()));
    let unset = said(command(desk.folder(), &["config", "check"]).env_remove("VENDOR_KEY")).well();
    assert!(unset.out.contains("warning: ") && unset.out.contains("VENDOR_KEY"), "{unset:?}");
}

#[test]
fn the_authority_is_shown_exported_and_bundled() {
    let desk = Desk::open();
    let shown = desk.bursar(&["ca", "show", "-o", "json"]).well().json();
    assert!(shown["fingerprint_sha256"].as_str().unwrap().len() >= 64, "{shown}");
    let pem = desk.bursar(&["ca", "export"]).well().out;
    assert_eq!(pem.trim(), std::fs::read_to_string(desk.folder().join("data/ca.pem")).unwrap().trim());
    assert_eq!(desk.bursar(&["ca", "export", "-o", "json"]).well().json()["pem"].as_str().unwrap().trim(), pem.trim());
    desk.bursar(&["ca", "bundle", "--to", "roots.pem"]).well();
    let bundle = std::fs::read_to_string(desk.folder().join("roots.pem")).unwrap();
    assert!(bundle.contains(pem.trim()) && bundle.matches("BEGIN CERTIFICATE").count() > 10);
    assert_eq!(desk.bursar(&["ca", "bundle"]).well().out.trim(), bundle.trim());
    let key = std::fs::metadata(desk.folder().join("data/ca.key")).unwrap().permissions().mode() & 0o777;
    assert_eq!(key, 0o600);
}

#[test]
fn the_environment_is_printed_in_every_form_and_means_the_same() {
    let desk = Desk::open();
    let (proxy, key) = (desk.running.proxy, desk.agent.key.as_str());
    let env = |words: &[&str]| desk.bursar(&[&["env", "--agent", "researcher", "--key", key][..], words].concat());
    let json = env(&["-o", "json"]).well().json();
    let variables = json.as_object().unwrap();
    for name in [
        "HTTPS_PROXY",
        "https_proxy",
        "NO_PROXY",
        "no_proxy",
        "SSL_CERT_FILE",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "AWS_CA_BUNDLE",
        "NODE_EXTRA_CA_CERTS",
        "GIT_SSL_CAINFO",
        "DENO_CERT",
        "OPENAI_BASE_URL",
        "ANTHROPIC_BASE_URL",
        "OPENAI_API_KEY",
        "ANTHROPIC_API_KEY",
    ] {
        assert!(variables.contains_key(name), "{name}");
    }
    assert_eq!(variables["HTTPS_PROXY"], format!("http://researcher:{key}@{proxy}"));
    assert_eq!(variables["ANTHROPIC_BASE_URL"], format!("http://{proxy}/_k/{key}/anthropic"));
    for name in ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"] {
        assert!(std::path::Path::new(variables[name].as_str().unwrap()).is_file(), "{name}");
    }
    // Bash itself reads it as it was meant.
    let script = format!("{}\nexec env -0", env(&["--shell", "bash"]).well().out);
    let read = Command::new("bash").args(["-c", &script]).env_clear().env("PATH", "/usr/bin:/bin").output().unwrap();
    let read = String::from_utf8(read.stdout).unwrap();
    let docker = env(&["--shell", "docker"]).well().out;
    for (name, value) in variables {
        let line = format!("{name}={}", value.as_str().unwrap());
        assert!(read.split('\0').any(|variable| variable == line), "{line}");
        assert!(docker.lines().any(|printed| printed == line), "{line}");
    }
    assert!(
        env(&["--shell", "fish"])
            .well()
            .out
            .contains(&format!("set -gx HTTPS_PROXY 'http://researcher:{key}@{proxy}'"))
    );
    assert!(env(&["--shell", "k8s"]).well().out.contains("- name: HTTPS_PROXY\n  value: \"http://"));
    let elsewhere = env(&["--at", "gateway.example:4000"]).well().out;
    assert!(elsewhere.contains("@gateway.example:4000'") && !elsewhere.contains(&proxy.to_string()));
    desk.bursar(&["env"]).failed(1, &["--key", "BURSAR_KEY"]);
    said(command(desk.folder(), &["env"]).env("BURSAR_KEY", key)).well();
}

#[test]
fn every_command_has_help_with_examples() {
    let folder = tempfile::tempdir().unwrap();
    for words in ["", "init", "serve", "run", "env", "agents", "spend", "audit", "ca", "ledger", "config", "demo"] {
        let words: Vec<&str> = words.split_whitespace().chain(["--help"]).collect();
        let help = bursar(folder.path(), &words).well().out;
        assert!(
            help.split("Examples:\n").nth(1).is_some_and(|examples| examples.contains("bursar ")),
            "{words:?}: {help}"
        );
    }
}
