//! A bare reverse proxy on hyper: no policy, no log, no parsing of bodies. The floor that every figure is held against.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, HOST};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::Either;
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

type Answer = Response<Either<Incoming, Empty<Bytes>>>;

struct Forward {
    client: Client<HttpConnector, Incoming>,
    upstream: Authority,
    host: HeaderValue,
}

/// Accepts connections and forwards every request to `upstream`, streaming both bodies. Ends with the runtime.
///
/// # Errors
/// An upstream that cannot stand in a `Host` header.
pub async fn forward(listener: TcpListener, upstream: Authority) -> Result<(), crate::LoadtestError> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let host =
        HeaderValue::from_str(upstream.as_str()).map_err(|_| crate::LoadtestError::Upstream(upstream.to_string()))?;
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let forward = Arc::new(Forward { client, upstream, host });
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        let forward = Arc::clone(&forward);
        tokio::spawn(async move {
            let service = service_fn(move |request| one(Arc::clone(&forward), request));
            // A client that goes away is not an event here.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn one(forward: Arc<Forward>, mut request: Request<Incoming>) -> Result<Answer, std::convert::Infallible> {
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(forward.upstream.clone());
    parts.path_and_query =
        Some(request.uri().path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/")));
    let Ok(uri) = Uri::from_parts(parts) else { return Ok(refuse(StatusCode::BAD_REQUEST)) };
    *request.uri_mut() = uri;
    request.headers_mut().insert(HOST, forward.host.clone());
    request.headers_mut().remove(CONNECTION);
    match forward.client.request(request).await {
        Ok(response) => Ok(response.map(Either::Left)),
        Err(_) => Ok(refuse(StatusCode::BAD_GATEWAY)),
    }
}

fn refuse(status: StatusCode) -> Answer {
    let mut response = Response::new(Either::Right(Empty::new()));
    *response.status_mut() = status;
    response
}
