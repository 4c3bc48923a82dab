//! What changes while the gateway runs. Real files, no sleep: a test waits for what must happen.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use config::{
    ConfigError, KEY_RANDOM_BYTES, NewAgent, RealEnvironment, Reload, Watched, add_agent, mint_key, revoke_key,
};

/// Reached only by a test that fails.
const AT_MOST: Duration = Duration::from_secs(30);

struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new(limit: &str) -> Self {
        let home = Self { folder: tempfile::tempdir().unwrap() };
        fs::write(home.file(), text(limit)).unwrap();
        home
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("bursar.yaml")
    }

    fn open(&self) -> Arc<Watched> {
        open(&self.file())
    }
}

fn text(limit: &str) -> String {
    format!("version: 1\norg: acme\nlimits: [{{scope: agent, window: day, usd: {limit}}}]\n")
}

/// A clock that moves on by one at every look.
fn open(file: &Path) -> Arc<Watched> {
    let ticks = AtomicU64::new(1_000);
    let clock = Arc::new(move || ticks.fetch_add(1, Ordering::Relaxed));
    Arc::new(Watched::open(file, Arc::new(RealEnvironment), clock).unwrap())
}

fn wait_until(what: &str, mut happened: impl FnMut() -> bool) {
    let deadline = Instant::now() + AT_MOST;
    while !happened() {
        assert!(Instant::now() < deadline, "{what} did not happen");
        std::thread::yield_now();
    }
}

#[test]
fn a_new_file_takes_the_place_of_the_old_one_when_asked() {
    let home = Home::new("5");
    let watched = home.open();
    let first = watched.load();
    assert_eq!(watched.reload().unwrap(), Reload::Same);
    fs::write(home.file(), text("6")).unwrap();
    let Reload::Changed { version } = watched.reload().unwrap() else { panic!("nothing changed") };
    assert_ne!(version, first.version);
    assert_eq!(watched.load().version, version);
    let reloads = watched.reloads();
    assert_eq!((reloads.successes, reloads.failures, reloads.error), (3, 0, None));
    assert_eq!(reloads.succeeded_at_ms, reloads.attempted_at_ms);
}

#[test]
fn the_old_house_stands_while_the_new_file_is_wrong() {
    let home = Home::new("5");
    let watched = home.open();
    let first = watched.load().version.clone();
    fs::write(home.file(), text("-5")).unwrap();
    assert!(watched.reload().is_err());
    let reloads = watched.reloads();
    let error = reloads.error.unwrap();
    assert!(error.contains("bursar.yaml:3:43: -5 is below zero"), "{error}");
    assert_eq!((reloads.failures, reloads.succeeded_at_ms < reloads.attempted_at_ms), (1, true));
    assert_eq!(watched.load().version, first);
    fs::remove_file(home.file()).unwrap();
    let gone = watched.reload().unwrap_err().to_string();
    assert!(gone.ends_with("there is no such file; `bursar init` writes one"), "{gone}");
    assert_eq!(watched.load().version, first);
    fs::write(home.file(), text("5")).unwrap();
    assert_eq!(watched.reload().unwrap(), Reload::Same);
    assert_eq!(watched.reloads().error, None);
}

#[test]
fn what_a_running_gateway_stands_on_cannot_change_under_it() {
    let home = Home::new("5");
    let watched = home.open();
    for (line, key) in [
        ("data: elsewhere", "data"),
        ("gateway: {id: gw-2}", "gateway"),
        ("listeners: {proxy: ['127.0.0.1:4444']}", "listeners"),
    ] {
        fs::write(home.file(), format!("{}{line}\n", text("5"))).unwrap();
        let error = watched.reload().unwrap_err();
        assert!(matches!(error, ConfigError::NeedsRestart { .. }));
        assert_eq!(
            error.to_string(),
            format!(
                "{}: `{key}` cannot change while the gateway runs; restart it, or put it back",
                home.file().display()
            )
        );
    }
    fs::write(home.file(), text("5").replace("acme", "acne")).unwrap();
    assert!(watched.reload().unwrap_err().to_string().contains("`org` cannot change"));
}

#[test]
fn a_watched_file_is_read_again_when_it_changes() {
    let home = Home::new("5");
    let watched = home.open();
    let watch = watched.watch().unwrap();
    let first = watched.load().version.clone();
    fs::write(home.file(), text("6")).unwrap();
    wait_until("the change", || watched.load().version != first);
    // Editors write another file and rename it.
    let second = watched.load().version.clone();
    let draft = home.folder.path().join("draft");
    fs::write(&draft, text("7")).unwrap();
    fs::rename(&draft, home.file()).unwrap();
    wait_until("the renaming", || watched.load().version != second);
    fs::write(home.file(), "version: 1\n").unwrap();
    wait_until("the fault", || watched.reloads().error.is_some());
    fs::write(home.file(), text("5")).unwrap();
    wait_until("the mending", || watched.load().version == first && watched.reloads().error.is_none());
    drop(watch);
    let successes = watched.reloads().successes;
    fs::write(home.file(), text("9")).unwrap();
    assert_eq!((watched.load().version.clone(), watched.reloads().successes), (first, successes));
}

#[test]
fn an_agent_that_is_added_or_revoked_counts_at_once() {
    let home = Home::new("5");
    let watched = home.open();
    let _watch = watched.watch().unwrap();
    let folder = watched.load().agents_folder.clone();
    let minted = mint_key([5; KEY_RANDOM_BYTES]);
    let knows = |key: &str| watched.load().directory.authenticate(key).is_some();
    assert!(!knows(minted.key.expose()));
    let writer = NewAgent { name: "writer".into(), team: None, key: minted.kept.clone(), limits: Vec::new() };
    add_agent(&folder, &writer).unwrap();
    wait_until("the new agent", || knows(minted.key.expose()));
    revoke_key(&folder, &minted.kept.id).unwrap();
    wait_until("the revocation", || !knows(minted.key.expose()));
    assert!(watched.load().directory.agent("writer").is_some());
    fs::remove_dir_all(&folder).unwrap();
    wait_until("the removal", || watched.load().directory.agent("writer").is_none());
    add_agent(&folder, &writer).unwrap();
    wait_until("the second beginning", || knows(minted.key.expose()));
}

#[test]
fn a_link_that_an_orchestrator_swaps_is_followed() {
    let mount = tempfile::tempdir().unwrap();
    let version = |name: &str, limit: &str| {
        fs::create_dir(mount.path().join(name)).unwrap();
        fs::write(mount.path().join(name).join("bursar.yaml"), text(limit)).unwrap();
    };
    version("..1", "5");
    symlink("..1", mount.path().join("..data")).unwrap();
    symlink("..data/bursar.yaml", mount.path().join("bursar.yaml")).unwrap();
    let watched = open(&mount.path().join("bursar.yaml"));
    let _watch = watched.watch().unwrap();
    let first = watched.load().version.clone();
    version("..2", "6");
    symlink("..2", mount.path().join("..data_tmp")).unwrap();
    fs::rename(mount.path().join("..data_tmp"), mount.path().join("..data")).unwrap();
    fs::remove_dir_all(mount.path().join("..1")).unwrap();
    wait_until("the swap", || watched.load().version != first);
    let second = watched.load().version.clone();
    // And what the link leads to now is watched as well.
    fs::write(mount.path().join("..2/bursar.yaml"), text("7")).unwrap();
    wait_until("the change behind the link", || watched.load().version != second);
}

#[test]
fn a_file_that_says_who_may_spend_is_for_its_owner_only() {
    let home = Home::new("5");
    let watched = home.open();
    let folder = watched.load().agents_folder.clone();
    let key = mint_key([5; KEY_RANDOM_BYTES]).kept;
    let file = add_agent(&folder, &NewAgent { name: "writer".into(), team: None, key, limits: Vec::new() }).unwrap();
    assert!(watched.reload().is_ok());
    for mode in [0o644, 0o660, 0o604] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(
            watched.reload().unwrap_err().to_string(),
            format!(
                "{}: others may read or change this file (mode {mode:04o}), and it says who may spend; run `chmod 600` on it",
                file.display()
            )
        );
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).unwrap();
    assert!(watched.reload().is_ok());
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o775)).unwrap();
    assert_eq!(
        watched.reload().unwrap_err().to_string(),
        format!(
            "{}: others may put files into this folder (mode 0775), and they say who may spend; run `chmod 700` on it",
            folder.display()
        )
    );
}

#[test]
fn a_loose_file_with_a_provider_key_is_warned_of() {
    let home = Home::new("5");
    let secret = home.folder.path().join("key");
    fs::write(&secret, "sk-1\n").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    let routes = "routes: [{preset: xai, credentials: {value: \"${file:key}\"}}]\n";
    fs::write(home.file(), text("5") + routes).unwrap();
    let watched = home.open();
    let house = watched.load();
    assert_eq!(
        house.warnings,
        [format!("{}: everybody on this machine may read this provider key; run `chmod 600` on it", secret.display())]
    );
    assert!(house.files.contains(&secret));
}

#[test]
fn agents_of_both_places_are_one_directory() {
    let home = Home::new("5");
    fs::write(home.file(), text("5") + "agents: [{name: writer}]\n").unwrap();
    let watched = home.open();
    let folder = watched.load().agents_folder.clone();
    let key = mint_key([5; KEY_RANDOM_BYTES]).kept;
    let file = add_agent(&folder, &NewAgent { name: "writer".into(), team: None, key, limits: Vec::new() }).unwrap();
    let error = watched.reload().unwrap_err().to_string();
    assert_eq!(
        error.lines().next().unwrap(),
        format!(
            "{}:2:7: the agent \"writer\" stands here a second time; it stands first at {}:4:17; keep one",
            file.display(),
            home.file().display()
        )
    );
}
