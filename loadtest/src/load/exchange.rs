//! One request and its answer, checked: a fast wrong answer is an error.

use std::time::Instant;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;

use super::run::Load;

/// A stream shorter than this is an error.
const EVENTS_MIN: u64 = 100;
/// Bytes kept from chunk to chunk, so that a word split between two chunks is found.
const OVERLAP: usize = 16;

/// When the first and the last byte of a good answer arrived.
pub(super) struct Arrived {
    pub(super) first: Instant,
    pub(super) last: Instant,
}

/// A connection that is kept between requests, where the load keeps them.
pub(super) type Kept = Option<SendRequest<Full<Bytes>>>;

/// Sends one request and reads its answer to the end.
///
/// A kept connection that the server closed meanwhile is replaced once, as clients do.
///
/// # Errors
/// What went wrong, in a few words; the connection is given up then.
pub(super) async fn exchange(load: &Load, kept: &mut Kept) -> Result<(Arrived, bool), String> {
    if load.fresh || kept.as_ref().is_some_and(SendRequest::is_closed) {
        *kept = None;
    }
    let reused = kept.is_some();
    match attempt(load, kept).await {
        Err(Failure::Send(_)) if reused => {
            *kept = None;
            finish(attempt(load, kept).await, kept).map(|arrived| (arrived, true))
        }
        done => finish(done, kept).map(|arrived| (arrived, !reused)),
    }
}

enum Failure {
    Send(String),
    Answer(String),
}

fn finish(done: Result<Arrived, Failure>, kept: &mut Kept) -> Result<Arrived, String> {
    done.map_err(|failure| {
        *kept = None;
        match failure {
            Failure::Send(text) | Failure::Answer(text) => text,
        }
    })
}

async fn attempt(load: &Load, kept: &mut Kept) -> Result<Arrived, Failure> {
    let sender = match kept {
        Some(sender) => sender,
        None => kept.insert(load.client.connect().await.map_err(Failure::Answer)?),
    };
    sender.ready().await.map_err(|error| Failure::Send(format!("send: {error}")))?;
    let mut request = Request::post(load.path.clone()).body(Full::new(load.body.clone())).unwrap_or_default();
    request.headers_mut().clone_from(&load.headers);
    let response = sender.send_request(request).await.map_err(|error| Failure::Send(format!("send: {error}")))?;
    read(load, response).await.map_err(Failure::Answer)
}

async fn read(load: &Load, response: Response<Incoming>) -> Result<Arrived, String> {
    let status = response.status();
    let mut body = response.into_body();
    let mut first = None;
    let mut found = Found::default();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| format!("body: {error}"))?;
        let Some(bytes) = frame.data_ref() else { continue };
        first.get_or_insert_with(Instant::now);
        found.look(bytes, load.stream);
    }
    let last = Instant::now();
    if status != load.expect {
        return Err(format!("status {status}: {}", String::from_utf8_lossy(&found.beginning)));
    }
    if status == StatusCode::OK {
        found.judge(load.stream)?;
    }
    Ok(Arrived { first: first.unwrap_or(last), last })
}

/// What stood in an answer.
#[derive(Default)]
struct Found {
    events: u64,
    usage: bool,
    done: bool,
    tail: Vec<u8>,
    beginning: Vec<u8>,
}

impl Found {
    fn look(&mut self, bytes: &[u8], stream: bool) {
        if self.beginning.len() < 200 {
            self.beginning.extend_from_slice(bytes.get(..bytes.len().min(200)).unwrap_or_default());
        }
        // The seam: the end of the last chunk and the beginning of this one.
        self.tail.extend_from_slice(bytes.get(..bytes.len().min(OVERLAP)).unwrap_or_default());
        self.usage = self.usage || contains(bytes, b"\"usage\":{") || contains(&self.tail, b"\"usage\":{");
        if stream {
            self.events = self.events.saturating_add(lines(bytes, b"data: "));
            self.done = self.done || contains(bytes, b"[DONE]") || contains(&self.tail, b"[DONE]");
        }
        self.tail.clear();
        self.tail.extend_from_slice(bytes.get(bytes.len().saturating_sub(OVERLAP)..).unwrap_or_default());
    }

    fn judge(&self, stream: bool) -> Result<(), String> {
        if !self.usage {
            return Err("an answer without usage".to_owned());
        }
        if stream && (self.events < EVENTS_MIN || !self.done) {
            return Err(format!("a stream of {} events, [DONE] seen: {}", self.events, self.done));
        }
        Ok(())
    }
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

fn lines(bytes: &[u8], beginning: &[u8]) -> u64 {
    bytes.split(|byte| *byte == b'\n').filter(|line| line.starts_with(beginning)).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_split_between_chunks_are_found() {
        let mut found = Found::default();
        found.look(b"data: {\"usa", true);
        found.look(b"ge\":{\"x\":1}}\n\ndata: [DO", true);
        found.look(b"NE]\n\n", true);
        assert!(found.usage && found.done);
        assert_eq!(found.events, 2);
    }

    #[test]
    fn a_short_stream_is_an_error() {
        let mut found = Found::default();
        found.look(b"data: {\"usage\":{}}\n\ndata: [DONE]\n\n", true);
        assert!(found.judge(true).is_err());
        assert!(found.judge(false).is_ok());
    }
}
