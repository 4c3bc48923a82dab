//! The routes of the operator's plane.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::header::{ALLOW, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;

use crate::desk::{Action, Desk};
use crate::error::ControlError;
use crate::{guard, page};

const STYLE: &str = include_str!("../templates/style.css");
/// More decisions than this are the trail's business.
const DECISIONS_MAX: usize = 1_000;

/// Which listener a router is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plane {
    /// The network listener: probes, metrics, the page. Changes nothing.
    ReadOnly,
    /// The owner's socket: also the actions of a person.
    Owner,
}

type Shared = State<Arc<dyn Desk>>;

/// The routes of a plane.
pub fn router(desk: Arc<dyn Desk>, plane: Plane) -> Router {
    let views = Router::new()
        .route("/", get(show))
        .route("/style.css", get(style))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/v1/about", get(about))
        .route("/v1/accounts", get(accounts))
        .route("/v1/decisions", get(decisions))
        .route("/v1/decisions/{id}", get(decision))
        .route("/v1/unreconciled", get(unreconciled));
    let routes = match plane {
        Plane::ReadOnly => views.layer(axum::middleware::from_fn(guard::watch)),
        Plane::Owner => {
            views.route("/v1/actions", post(act)).route("/v1/verify", post(verify)).route("/v1/attach", get(attach))
        }
    };
    routes.method_not_allowed_fallback(not_allowed).with_state(desk)
}

async fn show(State(desk): Shared) -> Response {
    match page::render(&*desk) {
        Ok(html) => Html(html).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn style() -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8"))], STYLE).into_response()
}

async fn healthz() -> &'static str {
    "alive\n"
}

async fn readyz(State(desk): Shared) -> Response {
    let not_ready = desk.about().not_ready;
    if not_ready.is_empty() {
        return "ready\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", not_ready.join(", "))).into_response()
}

async fn metrics(State(desk): Shared) -> Response {
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(CONTENT_TYPE, kind)], desk.metrics()).into_response()
}

async fn about(State(desk): Shared) -> Response {
    Json(desk.about()).into_response()
}

async fn accounts(State(desk): Shared) -> Response {
    let rows: Vec<AccountView> = desk.balances().iter().map(AccountView::of).collect();
    Json(rows).into_response()
}

/// A balance on the wire.
#[derive(serde::Serialize)]
struct AccountView {
    account: types::AccountName,
    held: types::Amounts,
    limits: types::Limits,
    posted: types::Amounts,
    presumed: types::Amounts,
    resets_ms: Option<u64>,
}

impl AccountView {
    fn of(balance: &types::Balance) -> Self {
        Self {
            account: balance.account.clone(),
            held: balance.held,
            limits: balance.limits,
            posted: balance.posted,
            presumed: balance.presumed,
            resets_ms: balance.resets_ms,
        }
    }
}

#[derive(Deserialize)]
struct Count {
    count: Option<usize>,
}

async fn decisions(State(desk): Shared, Query(Count { count }): Query<Count>) -> Response {
    let records = desk.decisions(count.unwrap_or(50).min(DECISIONS_MAX));
    Json(records.iter().map(|record| (**record).clone()).collect::<Vec<_>>()).into_response()
}

async fn decision(State(desk): Shared, Path(id): Path<String>) -> Response {
    match desk.decision(&id) {
        Some(record) => Json((*record).clone()).into_response(),
        None => (StatusCode::NOT_FOUND, "no such decision is remembered; `bursar audit show` asks the trail\n")
            .into_response(),
    }
}

async fn unreconciled(State(desk): Shared) -> Response {
    Json(desk.unreconciled()).into_response()
}

async fn act(State(desk): Shared, Json(action): Json<Action>) -> Response {
    blocking(move || desk.act(action).map(Json)).await
}

async fn verify(State(desk): Shared) -> Response {
    blocking(move || desk.verify().map(Json)).await
}

/// Work that waits for the disk runs beside the listeners, not in them.
async fn blocking<T: IntoResponse + Send + 'static>(
    work: impl FnOnce() -> Result<T, ControlError> + Send + 'static,
) -> Response {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(done)) => done.into_response(),
        Ok(Err(error)) => (StatusCode::CONFLICT, error.to_string()).into_response(),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "the work broke off\n").into_response(),
    }
}

/// Stays open as long as the client; the owner stays as long as one such connection is open.
async fn attach(State(desk): Shared) -> Response {
    let held = desk.attach();
    let first = futures_util::stream::once(async { Ok::<_, std::convert::Infallible>("attached\n") });
    let rest = futures_util::stream::poll_fn(move |_| {
        let _stays = &held;
        std::task::Poll::Pending
    });
    axum::body::Body::from_stream(futures_util::StreamExt::chain(first, rest)).into_response()
}

async fn not_allowed() -> Response {
    let mut response = (StatusCode::METHOD_NOT_ALLOWED, "this listener changes nothing\n").into_response();
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}
