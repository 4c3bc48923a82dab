//! What the front asks of us: who may open a tunnel, what answers a request, and our words for its own refusals.

use std::sync::Arc;

use bytes::Bytes;
use config::Unlisted;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use metrics::counter;
use types::{DecisionId, Reason};

use crate::clock::now_ms;
use crate::front::{Connect, Connection, Event, Handler, Mode, Passage, ReplyBody};
use crate::house::Gateway;
use crate::{forward, identify, journey, reply};

/// Where an agent asks what a decision of its own did cost.
const DECISIONS_PATH: &str = "/v1/decisions/";

impl Handler for Gateway {
    async fn serve(self: &Arc<Self>, connection: &Connection, request: Request<Incoming>) -> Response<ReplyBody> {
        if matches!(connection.mode, Mode::Reverse)
            && request.method() == Method::GET
            && let Some(id) = request.uri().path().strip_prefix(DECISIONS_PATH)
        {
            return self.tell_decision(connection, request.headers(), id);
        }
        journey::serve(self, connection, request).await
    }

    fn refuse(&self, connection: &Connection, reason: Reason) -> Response<ReplyBody> {
        let is_proxied = !matches!(connection.mode, Mode::Reverse);
        let refusal = reply::refusal(&self.house(), self.fresh_id(), None, reason);
        reply::refuse(&refusal, None, is_proxied)
    }

    async fn connect(self: &Arc<Self>, connect: &Connect) -> Result<Passage, Reason> {
        let house = self.house();
        let connection = Connection {
            mode: Mode::Intercepted { host: connect.host.clone(), port: connect.port },
            peer: connect.peer,
            proxy_authorization: connect.proxy_authorization.clone(),
            tls: false,
        };
        // Who shows no proxy credentials may still name itself inside the tunnel; but clients that wait for the
        // challenge, such as git, send them only after it.
        if connect.proxy_authorization.is_none() {
            return Err(Reason::IdentityMissing);
        }
        // A wrong key is refused inside TLS, in words that the SDK understands.
        let known = identify::identify(&house, &connection, &HeaderMap::new(), "/").ok();
        let is_listed = house.routes.find(&connect.host, connect.port).is_some();
        let passes = house.unlisted == Unlisted::Tunnel || house.mode == config::Mode::Observe;
        if let Some(identified) = known.filter(|_| !is_listed && passes) {
            self.ungoverned.count(&identified.caller.agent);
            let dialled = self.upstream(&house).dial(&connect.host, connect.port).await;
            return dialled
                .map(|stream| Passage::Blind(Box::new(stream)))
                .map_err(|error| forward::reason(&error, &connect.host));
        }
        Ok(Passage::Intercept)
    }

    fn server_config(&self, host: &str) -> Option<Arc<rustls::ServerConfig>> {
        self.authority
            .server_config(host, now_ms())
            .inspect_err(|error| tracing::warn!("no certificate could be made for an intercepted host: {error}"))
            .ok()
    }

    fn note(&self, event: &Event<'_>) {
        match event {
            Event::HeadRefused { peer, status, what } => {
                counter!("bursar_heads_refused_total", "what" => *what).increment(1);
                tracing::info!(%peer, status, what, "a head was refused");
            }
            Event::ConnectionRefused { peer } => {
                counter!("bursar_connections_refused_total").increment(1);
                tracing::info!(%peer, "a peer has too many connections");
            }
            Event::HandshakeFailed { peer, host, why } => {
                counter!("bursar_handshakes_failed_total").increment(1);
                tracing::info!(%peer, host, why, "a handshake failed; most often the client does not trust our CA");
            }
            Event::TunnelEnded { peer, host, sent, received } => {
                counter!("bursar_ungoverned_tunnels_total").increment(1);
                counter!("bursar_ungoverned_bytes_total").increment(sent.saturating_add(*received));
                tracing::info!(%peer, host, sent, received, "an ungoverned tunnel ended");
            }
        }
    }
}

impl Gateway {
    /// An agent's own decision: what it did cost, after the stream that could not tell.
    fn tell_decision(&self, connection: &Connection, headers: &HeaderMap, id: &str) -> Response<ReplyBody> {
        let caller = match identify::identify(&self.house(), connection, headers, "/") {
            Ok(identified) => identified.caller,
            Err(reason) => return Handler::refuse(self, connection, reason),
        };
        let own = self.decisions.find(id).filter(|record| record.agent == *caller.agent);
        let (status, body) = match own.and_then(|record| serde_json::to_vec(&*record).ok()) {
            Some(body) => (StatusCode::OK, Bytes::from(body)),
            None => (
                StatusCode::NOT_FOUND,
                Bytes::from_static(b"{\"error\":\"no such decision of this agent is remembered\"}"),
            ),
        };
        let mut response = Response::new(Full::new(body).map_err(|never| match never {}).boxed_unsync());
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }

    /// An id for an answer that no request stands behind; without randomness it tells its time alone.
    fn fresh_id(&self) -> DecisionId {
        let now_ms = now_ms();
        crate::clock::new_id(now_ms).unwrap_or_else(|_| DecisionId::new(now_ms, [0; 10]))
    }
}
