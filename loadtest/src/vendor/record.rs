//! What the mock vendor saw: counts of everything, and the last requests in full.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// Different paths that are counted by name; more are counted as `other`.
const PATHS_MAX: usize = 64;

/// One request as it arrived.
#[derive(Clone, Debug, Serialize)]
pub struct Seen {
    /// Serial number, from 1.
    pub serial: u64,
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub version: String,
    /// Whether it came through TLS.
    pub tls: bool,
    /// The headers in their order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The beginning of the body as text, as much as the recorder keeps.
    pub body: String,
    /// The status of the answer; 0 where none was given.
    pub status: u16,
    /// Whether the answer went out to its end.
    pub ended: bool,
}

impl Seen {
    /// The value of a header, the first where there are several.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether `text` stands anywhere in the request: path, headers or the kept part of the body.
    #[must_use]
    pub fn contains(&self, text: &str) -> bool {
        self.path.contains(text)
            || self.body.contains(text)
            || self.headers.iter().any(|(name, value)| name.contains(text) || value.contains(text))
    }
}

/// Everything that the mock vendor served.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Served {
    /// Requests that arrived, refused ones included.
    pub total: u64,
    /// Priced requests that were given an answer of status 200: what a real vendor bills, whether or not the answer
    /// arrived.
    pub billed: u64,
    /// Requests without the right provider key.
    pub refused_keys: u64,
    /// Input tokens of all billed requests.
    pub input_tokens: u64,
    /// Output tokens of all billed requests.
    pub output_tokens: u64,
    /// Requests by path.
    pub by_path: BTreeMap<String, u64>,
    /// Answers by status; 0 counts connections closed without one.
    pub by_status: BTreeMap<u16, u64>,
    /// The last requests, oldest first.
    pub requests: VecDeque<Seen>,
}

/// How much the recorder keeps.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// Requests kept in full; 0 keeps counts only.
    pub requests: usize,
    /// Bytes of each body.
    pub body_bytes: usize,
}

impl Default for Keep {
    fn default() -> Self {
        Self { requests: 1_000, body_bytes: 16 * 1024 }
    }
}

/// Keeps the record; shared by all connections.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    keep: Keep,
    served: Mutex<Served>,
}

impl Recorder {
    /// An empty record.
    #[must_use]
    pub(super) fn new(keep: Keep) -> Self {
        Self { keep, served: Mutex::new(Served::default()) }
    }

    fn lock(&self) -> MutexGuard<'_, Served> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a request that arrived and gives it its serial number.
    pub(super) fn arrived(&self, parts: &http::request::Parts, body: &[u8], tls: bool) -> u64 {
        let mut served = self.lock();
        served.total = served.total.saturating_add(1);
        let serial = served.total;
        let path = parts.uri.path();
        let known = served.by_path.len() < PATHS_MAX || served.by_path.contains_key(path);
        let count = served.by_path.entry(if known { path } else { "other" }.to_owned()).or_default();
        *count = count.saturating_add(1);
        if self.keep.requests > 0 {
            if served.requests.len() >= self.keep.requests {
                served.requests.pop_front();
            }
            served.requests.push_back(self.seen(serial, parts, body, tls));
        }
        serial
    }

    fn seen(&self, serial: u64, parts: &http::request::Parts, body: &[u8], tls: bool) -> Seen {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let kept = body.get(..self.keep.body_bytes.min(body.len())).unwrap_or_default();
        Seen {
            serial,
            method: parts.method.to_string(),
            path: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
            version: format!("{:?}", parts.version),
            tls,
            headers: parts.headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect(),
            body: text(kept),
            status: 0,
            ended: false,
        }
    }

    /// Notes the status of the answer (0: none).
    pub(super) fn answered(&self, serial: u64, status: u16) {
        let mut served = self.lock();
        let count = served.by_status.entry(status).or_default();
        *count = count.saturating_add(1);
        if status == 401 {
            served.refused_keys = served.refused_keys.saturating_add(1);
        }
        if let Some(seen) = served.requests.iter_mut().rev().find(|seen| seen.serial == serial) {
            seen.status = status;
        }
    }

    /// Notes that an answer was billed.
    pub(super) fn billed(&self, input_tokens: u64, output_tokens: u64) {
        let mut served = self.lock();
        served.billed = served.billed.saturating_add(1);
        served.input_tokens = served.input_tokens.saturating_add(input_tokens);
        served.output_tokens = served.output_tokens.saturating_add(output_tokens);
    }

    /// Notes that the whole answer went out.
    pub(super) fn ended(&self, serial: u64) {
        let mut served = self.lock();
        if let Some(seen) = served.requests.iter_mut().rev().find(|seen| seen.serial == serial) {
            seen.ended = true;
        }
    }

    /// What was seen so far.
    #[must_use]
    pub(super) fn served(&self) -> Served {
        self.lock().clone()
    }

    /// Forgets everything; serial numbers begin again.
    pub(super) fn reset(&self) {
        *self.lock() = Served::default();
    }
}
