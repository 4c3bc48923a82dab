//! The demo's vendor: answers chat completions on loopback in OpenAI's wire format, streamed or not, and counts
//! what it sold. It stands in for the network only; the gateway before it is the real one.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The provider key that the demo's gateway holds; an agent never sees it.
pub(super) const VENDOR_KEY: &str = "sk-demo-held-by-bursar";

const BODY_MAX_BYTES: usize = 1024 * 1024;
/// A model that thinks first uses so many tokens for it, where its bound allows.
const THOUGHT_TOKENS: u64 = 700;
/// The demo vendor says no more than this, whatever it is allowed.
const WORDS: [&str; 8] = ["Money ", "is ", "held ", "before ", "a ", "byte ", "leaves", "."];

/// How many calls the vendor has served.
#[derive(Clone, Default)]
pub(super) struct Served(Arc<AtomicU64>);

impl Served {
    /// The number of calls.
    #[must_use]
    pub(super) fn calls(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Starts the vendor on a free port of loopback; it ends with the runtime.
///
/// # Errors
/// Where no port is to be had.
pub(super) async fn start() -> std::io::Result<(SocketAddr, Served)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let served = Served::default();
    let counter = served.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let counter = counter.clone();
            let service = hyper::service::service_fn(move |request| answer(request, counter.clone()));
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    Ok((address, served))
}

async fn answer(request: Request<Incoming>, served: Served) -> Result<Response<Full<Bytes>>, Infallible> {
    let shown = request.headers().get("authorization").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let Ok(body) = Limited::new(request.into_body(), BODY_MAX_BYTES).collect().await else {
        return Ok(plain(StatusCode::BAD_REQUEST, json!({"error": {"message": "no body"}})));
    };
    if shown.as_deref() != Some(&format!("Bearer {VENDOR_KEY}")) {
        return Ok(plain(StatusCode::UNAUTHORIZED, json!({"error": {"message": "not the vendor's key"}})));
    }
    let body = body.to_bytes();
    let Ok(asked) = serde_json::from_slice::<Value>(&body) else {
        return Ok(plain(StatusCode::BAD_REQUEST, json!({"error": {"message": "not JSON"}})));
    };
    served.0.fetch_add(1, Ordering::Relaxed);
    let model = asked.get("model").cloned().unwrap_or_default();
    let thinks = model.as_str().is_some_and(|model| model.starts_with("gpt-5"));
    let bound = asked.get("max_completion_tokens").and_then(Value::as_u64).unwrap_or(THOUGHT_TOKENS);
    let said = if thinks { bound.min(THOUGHT_TOKENS) } else { u64::try_from(WORDS.len()).unwrap_or(0) };
    let asked_tokens = u64::try_from(body.len() / 4).unwrap_or(0);
    let usage = json!({
        "prompt_tokens": asked_tokens,
        "completion_tokens": said,
        "total_tokens": asked_tokens.saturating_add(said),
    });
    if asked.get("stream") == Some(&Value::Bool(true)) {
        return Ok(streamed(&model, &usage, &asked));
    }
    Ok(plain(
        StatusCode::OK,
        json!({
            "id": "chatcmpl-demo", "object": "chat.completion", "created": 0, "model": model, "usage": usage,
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": WORDS.concat()}}],
        }),
    ))
}

fn plain(status: StatusCode, body: Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn streamed(model: &Value, usage: &Value, asked: &Value) -> Response<Full<Bytes>> {
    let event = |choices: Value| json!({"id": "chatcmpl-demo", "object": "chat.completion.chunk", "created": 0, "model": model, "choices": choices});
    let mut text = String::new();
    let mut push = |event: &Value| text.push_str(&format!("data: {event}\n\n"));
    for word in WORDS {
        push(&event(json!([{"index": 0, "delta": {"content": word}, "finish_reason": null}])));
    }
    push(&event(json!([{"index": 0, "delta": {}, "finish_reason": "stop"}])));
    if asked.pointer("/stream_options/include_usage") == Some(&Value::Bool(true)) {
        let mut last = event(json!([]));
        if let Some(last) = last.as_object_mut() {
            last.insert("usage".into(), usage.clone());
        }
        push(&last);
    }
    text.push_str("data: [DONE]\n\n");
    let mut response = Response::new(Full::new(Bytes::from(text)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response
}
