//! One request in, one answer out.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, Method, Request, Response, StatusCode, request::Parts};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;

use super::behaviour::{Behaviour, Fault};
use super::body::{Break, Closed, VendorBody};
use super::record::Recorder;
use super::request::{Asked, Wire};
use super::script::{Script, Told, Whole};
use super::{anthropic, openai};

/// The largest request body that is read.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What all connections of a mock vendor share.
#[derive(Debug)]
pub(super) struct Shared {
    /// The standing behaviour.
    pub(super) behaviour: Mutex<Behaviour>,
    /// What was seen.
    pub(super) recorder: Arc<Recorder>,
    /// The provider key that priced requests must carry; any where `None`.
    pub(super) key: Option<String>,
}

impl Shared {
    /// The standing behaviour, to read or to change.
    pub(super) fn behaviour(&self) -> MutexGuard<'_, Behaviour> {
        self.behaviour.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the service knows of the connection that a request came on.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    /// Whether it is TLS.
    pub(super) tls: bool,
    /// Set where bytes that belong to no answer shall follow the next flush.
    pub(super) extra: Arc<AtomicBool>,
}

/// Answers one request. `Err` closes the connection without an answer.
///
/// # Errors
/// [`Closed`], where a fault says so.
pub(super) async fn answer(
    shared: Arc<Shared>,
    connection: Connection,
    request: Request<Incoming>,
) -> Result<Response<VendorBody>, Closed> {
    if request.uri().path().starts_with("/__") {
        return Ok(admin(&shared, &request));
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, BODY_BYTES_MAX).collect().await else {
        return Ok(whole(StatusCode::PAYLOAD_TOO_LARGE, "text/plain", Bytes::from_static(b"too large\n")));
    };
    let body = body.to_bytes();
    let serial = shared.recorder.arrived(&parts, &body, connection.tls);
    let answered = serve(&shared, &connection, &parts, &body, serial).await;
    let status = answered.as_ref().map_or(0, |response| response.status().as_u16());
    shared.recorder.answered(serial, status);
    answered.map(|response| response.map(|body| body.noting(Arc::clone(&shared.recorder), serial)))
}

async fn serve(
    shared: &Shared,
    connection: &Connection,
    parts: &Parts,
    body: &Bytes,
    serial: u64,
) -> Result<Response<VendorBody>, Closed> {
    let mut behaviour = match shared.behaviour().for_request(&parts.headers) {
        Ok(behaviour) => behaviour,
        Err(unknown) => return Ok(whole(StatusCode::NOT_IMPLEMENTED, "text/plain", Bytes::from(unknown.to_string()))),
    };
    let provider = Provider::of(parts);
    if !authorised(&parts.headers, shared.key.as_deref()) {
        return Ok(provider.error(StatusCode::UNAUTHORIZED));
    }
    let Some(wire) = Wire::of_path(parts.uri.path()) else { return Ok(provider.free(parts, body)) };
    let Ok(asked) = serde_json::from_slice::<Asked>(body) else { return Ok(provider.error(StatusCode::BAD_REQUEST)) };
    let own = parts.headers.contains_key("mock-fault");
    let fault = if own { behaviour.take_fault() } else { shared.behaviour().take_fault() };
    if behaviour.latency_ms > 0 {
        tokio::time::sleep(Duration::from_millis(behaviour.latency_ms)).await;
    }
    match fault {
        Fault::Hang => std::future::pending().await,
        Fault::CloseAtOnce => return Err(Closed),
        Fault::Status(status) => {
            return Ok(provider.error(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)));
        }
        _ => {}
    }
    let told = tell(&asked, wire, &behaviour, fault, serial);
    shared.recorder.billed(told.input, told.output_total());
    connection.extra.store(fault == Fault::ExtraBytes, Ordering::Relaxed);
    let gzip = behaviour.gzip && accepts_gzip(&parts.headers);
    Ok(metered(wire, &asked, told, fault, gzip, Duration::from_micros(behaviour.interval_us)))
}

/// Works out the numbers of an answer.
fn tell(asked: &Asked, wire: Wire, behaviour: &Behaviour, fault: Fault, serial: u64) -> Told {
    let wish = if asked.stream { behaviour.chunks } else { behaviour.output_tokens };
    let bound = asked.output_bound(wire).unwrap_or(u64::MAX);
    let input = asked.input_tokens();
    let model = behaviour.model.as_deref().unwrap_or(&asked.model);
    Told {
        serial,
        model: serde_json::to_string(model).unwrap_or_default(),
        input,
        cached: behaviour.cached_tokens.min(input),
        output: wish.min(bound),
        choices: if wire == Wire::Messages { 1 } else { asked.choices() },
        cut_by_bound: wish > bound,
        usage: fault != Fault::NoUsage,
    }
}

/// The answer to a priced request, broken as the fault says.
fn metered(
    wire: Wire,
    asked: &Asked,
    told: Told,
    fault: Fault,
    gzip: bool,
    interval: Duration,
) -> Response<VendorBody> {
    let serial = told.serial;
    let mut script: Box<dyn Script> = match (wire, asked.stream) {
        (Wire::Chat, true) => Box::new(openai::Stream::chat(told, asked.include_usage())),
        (Wire::Completions, true) => Box::new(openai::Stream::completion(told, asked.include_usage())),
        (Wire::Messages, true) => Box::new(anthropic::Stream::new(told)),
        (Wire::Chat, false) => json(openai::chat(&told), fault),
        (Wire::Completions, false) => json(openai::completion(&told), fault),
        (Wire::Messages, false) => json(anthropic::message(&told), fault),
    };
    let mut head = Response::builder();
    if gzip {
        script = Box::new(Whole::halves(compressed(script.as_ref())));
        head = head.header(CONTENT_ENCODING, "gzip");
    }
    let length = script.length();
    let body = VendorBody::new(script, interval);
    let body = match fault {
        Fault::HangMid => body.breaking(Break::Silence),
        Fault::CloseMid => body.breaking(Break::Close),
        Fault::ErrorMid => body.breaking(Break::Failure),
        Fault::LongLength | Fault::ShortLength => body.without_length(),
        _ => body,
    };
    head = match (fault, length) {
        (Fault::LongLength, Some(length)) => head.header(CONTENT_LENGTH, length.saturating_add(64)),
        (Fault::ShortLength, Some(length)) => head.header(CONTENT_LENGTH, length / 2),
        _ => head,
    };
    let kind = if asked.stream { "text/event-stream; charset=utf-8" } else { "application/json" };
    let head = head.header(CONTENT_TYPE, kind).header("openai-processing-ms", "12");
    let id = format!("req_mock{serial:020}");
    let head = if wire == Wire::Messages { head.header("request-id", id) } else { head.header("x-request-id", id) };
    respond(head, body)
}

fn json(text: String, fault: Fault) -> Box<dyn Script> {
    let body = if fault == Fault::NotJson { Bytes::from_static(b"<html>502 Bad Gateway</html>") } else { text.into() };
    match fault {
        Fault::HangMid | Fault::CloseMid | Fault::LongLength | Fault::ShortLength => Box::new(Whole::halves(body)),
        _ => Box::new(Whole::new(body)),
    }
}

fn compressed(script: &dyn Script) -> Bytes {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for index in 0..script.frames() {
        // Writing into memory cannot fail.
        let _ = encoder.write_all(&script.frame(index).unwrap_or_default());
    }
    encoder.finish().unwrap_or_default().into()
}

/// Whose shape errors and lists have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Provider {
    OpenAi,
    Anthropic,
}

impl Provider {
    fn of(parts: &Parts) -> Self {
        let path = parts.uri.path();
        let anthropic = parts.headers.contains_key("anthropic-version") || path.contains("/messages");
        if anthropic { Self::Anthropic } else { Self::OpenAi }
    }

    fn error(self, status: StatusCode) -> Response<VendorBody> {
        let text = match self {
            Self::OpenAi => openai::error(status.as_u16()),
            Self::Anthropic => anthropic::error(status.as_u16()),
        };
        let mut response = whole(status, "application/json", Bytes::from(text));
        if status == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert(RETRY_AFTER, http::HeaderValue::from_static("1"));
        }
        response
    }

    /// Answers what costs nothing: the list of models, the token count.
    fn free(self, parts: &Parts, body: &Bytes) -> Response<VendorBody> {
        let path = parts.uri.path();
        let text = match self {
            _ if parts.method == Method::GET && path.ends_with("/models") => match self {
                Self::OpenAi => openai::models().to_owned(),
                Self::Anthropic => anthropic::models().to_owned(),
            },
            Self::Anthropic if path.ends_with("/messages/count_tokens") => {
                let asked = serde_json::from_slice::<Asked>(body).unwrap_or_default();
                anthropic::count(asked.input_tokens())
            }
            _ => return self.error(StatusCode::NOT_FOUND),
        };
        whole(StatusCode::OK, "application/json", Bytes::from(text))
    }
}

/// Whether the request carries the provider key, in the header of either provider.
fn authorised(headers: &HeaderMap, key: Option<&str>) -> bool {
    let Some(key) = key else { return true };
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let header = headers.get("x-api-key").and_then(|value| value.to_str().ok());
    bearer == Some(key) || header == Some(key)
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains("gzip"))
}

/// The control pages: `/__ctl?name=value&…`, `/__served`, `/__reset`.
fn admin(shared: &Shared, request: &Request<Incoming>) -> Response<VendorBody> {
    match request.uri().path() {
        "/__served" => {
            let served = shared.recorder.served();
            whole(StatusCode::OK, "application/json", serde_json::to_vec(&served).unwrap_or_default().into())
        }
        "/__reset" => {
            shared.recorder.reset();
            *shared.behaviour() = Behaviour::default();
            whole(StatusCode::OK, "text/plain", Bytes::from_static(b"forgotten\n"))
        }
        "/__ctl" => control(shared, request.uri().query().unwrap_or_default()),
        _ => whole(StatusCode::NOT_FOUND, "text/plain", Bytes::from_static(b"/__ctl, /__served, /__reset\n")),
    }
}

fn control(shared: &Shared, query: &str) -> Response<VendorBody> {
    let mut changed = shared.behaviour().clone();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if let Err(unknown) = changed.set(key, value) {
            return whole(StatusCode::BAD_REQUEST, "text/plain", Bytes::from(format!("{unknown}\n")));
        }
    }
    let text = format!("{changed:?}\n");
    *shared.behaviour() = changed;
    whole(StatusCode::OK, "text/plain", Bytes::from(text))
}

fn whole(status: StatusCode, kind: &'static str, body: Bytes) -> Response<VendorBody> {
    let head = Response::builder().status(status).header(CONTENT_TYPE, kind);
    respond(head, VendorBody::new(Box::new(Whole::new(body)), Duration::ZERO))
}

fn respond(head: http::response::Builder, body: VendorBody) -> Response<VendorBody> {
    let (parts, ()) = head.body(()).map(Response::into_parts).unwrap_or_else(|_| Response::new(()).into_parts());
    Response::from_parts(parts, body)
}
