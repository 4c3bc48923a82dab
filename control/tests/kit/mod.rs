//! A desk that answers as a test wants, and a client that sees answers as they are.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use control::{About, Action, Attachment, ControlError, Desk, Done, Listening, Presumed, Seen, Verified};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use types::{Amounts, Balance, Limits, Money, Record};

/// A desk with one account and one decision.
#[derive(Default)]
pub(crate) struct SampleDesk {
    pub(crate) about: Mutex<Sample>,
    pub(crate) actions: Mutex<Vec<Action>>,
    pub(crate) refuses: Option<&'static str>,
    pub(crate) word: Option<String>,
    pub(crate) clients: Arc<AtomicUsize>,
}

impl SampleDesk {
    /// Every word that a stranger may choose is this one.
    pub(crate) fn saying(word: &str) -> Self {
        let sample = Sample(About { reload_error: Some(word.to_owned()), ..about() });
        Self { about: Mutex::new(sample), word: Some(word.to_owned()), ..Self::default() }
    }

    pub(crate) fn clients(&self) -> usize {
        self.clients.load(Ordering::Acquire)
    }

    pub(crate) async fn until_clients(&self, count: usize) {
        while self.clients() != count {
            tokio::task::yield_now().await;
        }
    }

    fn word(&self, usual: &str) -> String {
        self.word.clone().unwrap_or_else(|| usual.to_owned())
    }
}

/// How the gateway stands, with a default.
pub(crate) struct Sample(About);

impl Default for Sample {
    fn default() -> Self {
        Self(about())
    }
}

impl std::ops::Deref for Sample {
    type Target = About;

    fn deref(&self) -> &About {
        &self.0
    }
}

impl std::ops::DerefMut for Sample {
    fn deref_mut(&mut self) -> &mut About {
        &mut self.0
    }
}

fn about() -> About {
    About {
        gateway: "gw".into(),
        mode: "enforce".into(),
        org: "acme".into(),
        policy: "p1".into(),
        prices: "b1".into(),
        not_ready: Vec::new(),
        pid: 1,
        proxy: None,
        reload_error: None,
        started_ms: 0,
        trail_seq: 12,
        checkpoint_seq: 10,
        verified: None,
        version: "0".into(),
    }
}

struct Held(Arc<AtomicUsize>);

impl Attachment for Held {}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Desk for SampleDesk {
    fn about(&self) -> About {
        self.about.lock().unwrap().0.clone()
    }

    fn balances(&self) -> Vec<Balance> {
        vec![Balance {
            account: self.word("agent:researcher@day:2026-11-21").as_str().into(),
            posted: Amounts { requests: 3, tokens: 9, usd: Money::from_nanos(4_980_000_000) },
            presumed: Amounts::ZERO,
            held: Amounts::ZERO,
            limits: Limits { usd: Some(5_000_000_000), ..Limits::NONE },
            resets_ms: Some(1_795_305_600_000),
        }]
    }

    fn decisions(&self, _count: usize) -> Vec<Arc<Record>> {
        vec![Arc::new(Record {
            agent: self.word("researcher"),
            id: self.word("01K"),
            model: self.word("gpt-4o-mini"),
            reason: self.word(""),
            route: self.word("openai"),
            verdict: self.word("allow"),
            cost_usd: self.word("0.02"),
            reserved_usd: self.word("0.03"),
            ..Record::default()
        })]
    }

    fn decision(&self, _id: &str) -> Option<Arc<Record>> {
        None
    }

    fn unreconciled(&self) -> Vec<Presumed> {
        Vec::new()
    }

    fn seen(&self, _agent: &str) -> Seen {
        Seen::default()
    }

    fn metrics(&self) -> String {
        String::new()
    }

    fn act(&self, action: Action) -> Result<Done, ControlError> {
        self.actions.lock().unwrap().push(action);
        match self.refuses {
            Some(why) => Err(ControlError::Refused { message: why.to_owned() }),
            None => Ok(Done { message: "done".to_owned() }),
        }
    }

    fn verify(&self) -> Result<Verified, ControlError> {
        Ok(Verified { at_ms: 0, seq: 0, drift: Vec::new() })
    }

    fn attach(&self) -> Box<dyn Attachment> {
        self.clients.fetch_add(1, Ordering::AcqRel);
        Box::new(Held(Arc::clone(&self.clients)))
    }
}

/// Both listeners of a plane, served.
pub(crate) struct Running {
    pub(crate) desk: Arc<SampleDesk>,
    pub(crate) page: SocketAddr,
    pub(crate) socket: PathBuf,
    stop: watch::Sender<bool>,
    served: Option<tokio::task::JoinHandle<Result<(), ControlError>>>,
    _folder: tempfile::TempDir,
}

impl Running {
    pub(crate) fn start(desk: SampleDesk) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("operator.sock");
        let listening = Listening::bind(&socket, Some("127.0.0.1:0".parse().unwrap())).unwrap();
        let page = listening.page().unwrap();
        let (stop, stopped) = watch::channel(false);
        let desk = Arc::new(desk);
        let served = Some(tokio::spawn(listening.serve(desk.clone(), stopped)));
        Self { desk, page, socket, stop, served, _folder: folder }
    }

    /// Stops it, and returns when it has ended.
    pub(crate) async fn stop(&mut self) {
        self.stop.send(true).unwrap();
        self.served.take().unwrap().await.unwrap().unwrap();
    }
}

/// An answer as it was on the wire.
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> String {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(known, _)| *known == name).map(|(_, value)| value).collect()
    }
}

/// Sends one request with these words as they are.
pub(crate) async fn ask(address: SocketAddr, method: &str, path: &str, host: &str) -> Answer {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

/// Hostile words: a few of our own, and those of the corpus where it stands beside the project.
pub(crate) fn hostile() -> Vec<String> {
    let own = [
        "<img src=x onerror=fetch('/')>",
        "\" autofocus onfocus=\"alert(1)",
        "</td></tr></table><h1>ready",
        "&lt;b&gt;&amp;",
        "{{ about.org }}{% raw %}",
        "\u{202e}evil\u{202c}",
        "\u{1b}[2J\u{7}",
    ];
    let mut words: Vec<String> = own.iter().map(|word| (*word).to_owned()).collect();
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let root = std::env::var_os("BURSAR_CORPUS").map_or(beside, PathBuf::from);
    match std::fs::read_to_string(root.join("corpus/text/hostile_strings.json")) {
        // One by one, because some are no Unicode text (lone surrogates), which nothing here can hold.
        Ok(text) => words.extend(text.lines().filter_map(|line| {
            let string = line.trim().strip_prefix("\"s\": ")?;
            serde_json::from_str::<String>(string.trim_end_matches(',')).ok()
        })),
        Err(_) => eprintln!("SKIPPED: hostile_strings.json, corpus not found"),
    }
    assert!(words.len() == own.len() || words.len() > 20, "the corpus was not understood");
    words
}
