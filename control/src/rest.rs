//! The routes of the operator's plane.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::{StreamExt, stream};
use serde::Deserialize;

use crate::desk::{Action, Desk};
use crate::error::ControlError;
use crate::serve::{Stop, stopped};
use crate::view::AccountView;
use crate::{guard, page};

const STYLE: &str = include_str!("../templates/style.css");
/// More decisions than this are the trail's business.
const DECISIONS_MAX: usize = 1_000;

/// Which listener a router is for.
#[derive(Clone, Debug)]
pub enum Plane {
    /// The network listener: probes, metrics, the page. Changes nothing.
    ReadOnly,
    /// The owner's socket: also the actions of a person. Clients are let go at the stop.
    Owner(Stop),
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
        .route("/v1/unreconciled", get(unreconciled))
        .route("/v1/agents/{agent}", get(agent));
    let views = views.with_state(Arc::clone(&desk));
    match plane {
        // Around everything, what is not found included.
        Plane::ReadOnly => views.layer(axum::middleware::from_fn(guard::watch)),
        Plane::Owner(stop) => {
            let actions = Router::new()
                .route("/v1/actions", post(act))
                .route("/v1/verify", post(verify))
                .route("/v1/attach", get(move |desk: Shared| attach(desk, stop)));
            views.merge(actions.with_state(desk))
        }
    }
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
    let rows: Vec<AccountView> = desk.balances().into_iter().map(AccountView::from).collect();
    Json(rows).into_response()
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

async fn agent(State(desk): Shared, Path(agent): Path<String>) -> Response {
    Json(desk.seen(&agent)).into_response()
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

/// Stays open as long as the client; the owner stays as long as one such connection is open, or until its stop.
async fn attach(State(desk): Shared, mut stop: Stop) -> Response {
    let held = desk.attach();
    let first = stream::once(async { Ok::<_, Infallible>("attached\n") });
    let last = stream::once(async move {
        let _stays = held;
        stopped(&mut stop).await;
        Ok("the gateway stops\n")
    });
    axum::body::Body::from_stream(first.chain(last)).into_response()
}
