//! The framing corpora: whatever they send, hyper serves only requests that the scanner has judged, in their order.

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::io::AsyncWriteExt;

use super::house::Toy;
use super::pipe::Pipe;
use crate::front::strict::{HeadLimits, MessageScan};

struct Vector {
    id: String,
    bytes: Vec<u8>,
    /// Must be refused: what its source says of it.
    must_refuse: bool,
}

fn corpus() -> Option<PathBuf> {
    let shared = std::env::var_os("BURSAR_CORPUS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    let folder = shared.join("corpus/http1");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("SKIPPED: framing corpora, corpus not found at {}", folder.display());
    None
}

fn lines(name: &str) -> Vec<Value> {
    let Some(folder) = corpus() else { return Vec::new() };
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn bytes(value: &Value, key: &str) -> Option<Vec<u8>> {
    value[key].as_str().map(|text| STANDARD.decode(text).unwrap())
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap().to_owned()
}

/// The vectors of some sets have no `Host`; without one they would all be refused for that alone.
fn with_host(raw: &[u8]) -> Vec<u8> {
    let has_host = raw.windows(6).any(|window| window[1..5].eq_ignore_ascii_case(b"host"));
    let Some(end) = raw.iter().position(|byte| *byte == b'\n').filter(|_| !has_host) else { return raw.to_vec() };
    let (line, rest) = raw.split_at(end + 1);
    [line, b"Host: v\r\n", rest].concat()
}

fn replace(raw: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::new();
    let mut rest = raw;
    while let Some(at) = rest.windows(from.len()).position(|window| window == from) {
        replaced.extend_from_slice(&rest[..at]);
        replaced.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    replaced.extend_from_slice(rest);
    replaced
}

/// The request lines of the messages that the scanner lets pass whole, as hyper should see them.
fn judged(bytes: &[u8]) -> Vec<String> {
    let mut scan = MessageScan::new(HeadLimits::default());
    let (mut lines, mut rest) = (Vec::new(), bytes);
    while let Ok(judged) = scan.judge(rest) {
        if judged.pass == 0 || !scan.is_complete() {
            break;
        }
        let line = rest[judged.skip..].split(|byte| *byte == b'\r').next().unwrap();
        let line = String::from_utf8_lossy(line).into_owned();
        let [method, target, _] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("passed {line:?}") };
        // As hyper writes it: `http://a?b` is `http://a/?b`. What it cannot read it refuses, and serves nothing.
        let target = target.parse().map_or_else(|_| "unread".to_owned(), |uri: http::Uri| uri.to_string());
        lines.push(format!("{method} {target}"));
        rest = &rest[judged.skip + judged.pass..];
        scan.next();
    }
    lines
}

struct Outcome {
    statuses: Vec<u16>,
    served: Vec<String>,
}

async fn send(toy: &Arc<Toy>, vector: &[u8], piece: usize) -> Outcome {
    toy.forget();
    let mut pipe = Pipe::with(Arc::clone(toy));
    for part in vector.chunks(piece) {
        if pipe.client.write_all(part).await.is_err() {
            break;
        }
        tokio::task::yield_now().await;
    }
    let answers = pipe.rest().await;
    pipe.front.await.unwrap();
    let statuses = answers.split("HTTP/1.").skip(1).filter_map(|answer| answer.get(2..5)?.parse().ok()).collect();
    let served =
        toy.read(|log| log.served.iter().map(|served| format!("{} {}", served.method, served.target)).collect());
    Outcome { statuses, served }
}

/// Sends a set and holds each vector against the oracle; prints how many were served and refused.
async fn hold(name: &str, vectors: Vec<Vector>) {
    if vectors.is_empty() {
        return;
    }
    let toy = Arc::new(Toy::new());
    let (mut served, mut refused, mut incomplete) = (0, 0, 0);
    let (mut wrongly_served, total) = (Vec::new(), vectors.len());
    for vector in vectors {
        let outcome = send(&toy, &vector.bytes, usize::MAX).await;
        let judged: Vec<String> = judged(&vector.bytes)
            .into_iter()
            .filter(|line| !["CONNECT ", "TRACE ", "TRACK "].iter().any(|method| line.starts_with(method)))
            .collect();
        // No hidden request: what was served is what was judged, in order, possibly cut short.
        assert!(judged.starts_with(&outcome.served), "{}: judged {judged:?}, served {:?}", vector.id, outcome.served);
        let first = outcome.statuses.iter().find(|status| **status != 100).copied();
        match first {
            Some(200) => served += 1,
            Some(408) => incomplete += 1,
            Some(_) | None => refused += 1,
        }
        let is_refused = outcome.statuses.iter().any(|status| *status >= 400) || outcome.served.is_empty();
        if vector.must_refuse && !is_refused {
            wrongly_served.push(vector.id);
        }
    }
    println!("{name}: {total} vectors, {served} first served, {refused} refused, {incomplete} incomplete");
    assert!(wrongly_served.is_empty(), "{name}: served {wrongly_served:?}");
}

#[tokio::test(start_paused = true)]
async fn our_own_vectors() {
    let vectors = lines("own_requests.jsonl").into_iter().map(|line| {
        let expect = line["expect"].as_str().unwrap();
        // A tab before a length is allowed white space; the source allows it trimmed.
        let must_refuse = expect.starts_with("400") && !expect.contains("CL regenerated") && id(&line) != "cl-val-0935";
        Vector { id: id(&line), bytes: bytes(&line, "raw_b64").unwrap(), must_refuse }
    });
    hold("own_requests", vectors.collect()).await;
}

#[tokio::test(start_paused = true)]
async fn http11probe() {
    let vectors = lines("http11probe.jsonl").into_iter().filter_map(|line| {
        let bytes = replace(&bytes(&line, "raw_b64")?, b"__HOST__", b"v");
        let must_refuse = line["expect"].as_str().unwrap().starts_with("Exact(400");
        Some(Vector { id: id(&line), bytes, must_refuse })
    });
    hold("http11probe", vectors.collect()).await;
}

#[tokio::test(start_paused = true)]
async fn desync_guardian() {
    for tier in ["Severe", "Ambiguous", "Acceptable", "Compliant"] {
        let vectors = lines("desync_guardian.jsonl").into_iter().filter(|line| line["tier"] == tier).map(|line| {
            let bytes = with_host(&bytes(&line, "raw_head_b64").unwrap());
            Vector { id: id(&line), bytes, must_refuse: tier == "Severe" }
        });
        hold(&format!("desync_guardian, {tier}"), vectors.collect()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn llhttp() {
    for strict in ["ok", "error"] {
        let lines = lines("llhttp.jsonl").into_iter();
        let vectors = lines.filter(|line| line["strict_llhttp"] == strict && line["lenient"] == false).map(|line| {
            Vector { id: id(&line), bytes: with_host(&bytes(&line, "raw_b64").unwrap()), must_refuse: false }
        });
        hold(&format!("llhttp, {strict} by its own strict mode"), vectors.collect()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn smuggler_gadgets() {
    let gadgets: Vec<(String, Vec<u8>)> =
        lines("smuggler_te_gadgets.jsonl").iter().map(|line| (id(line), bytes(line, "gadget_b64").unwrap())).collect();
    let heads: [(&str, &[u8], &[u8]); 2] = [
        ("beside a length", b"Content-Length: 5\r\n", b"0\r\n\r\n"),
        ("alone", b"", b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: v\r\n\r\n"),
    ];
    for (name, length, body) in heads {
        let vectors = gadgets.iter().map(|(id, gadget)| Vector {
            id: id.clone(),
            bytes: [b"POST /a HTTP/1.1\r\nHost: v\r\n", length, gadget, b"\r\n\r\n", body].concat(),
            must_refuse: false,
        });
        hold(&format!("smuggler gadgets, {name}"), vectors.collect()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn any_cutting_of_a_vector_ends_alike() {
    let toy = Arc::new(Toy::new());
    for line in lines("own_requests.jsonl") {
        let bytes = bytes(&line, "raw_b64").unwrap();
        if bytes.len() > 2_000 {
            continue;
        }
        let whole = send(&toy, &bytes, usize::MAX).await;
        let single = send(&toy, &bytes, 1).await;
        assert_eq!(whole.served, single.served, "{}", id(&line));
        assert_eq!(whole.statuses, single.statuses, "{}", id(&line));
    }
}
