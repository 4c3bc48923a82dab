//! A small HTTP/1.1 client that sees an answer as it is on the wire: one connection for each request, no retries, no
//! redirects, no cookies.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HOST};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::error::KitError;

/// Longest time for one exchange: far above what any answer takes, so that a hang fails instead of blocking.
const EXCHANGE_MAX: Duration = Duration::from_secs(60);

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// The body as text; bytes that are none are shown as �.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; null where it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The value of a header as text, where there is one.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Sends a request to a listener. Without a `Host` header the address becomes one.
///
/// # Errors
/// No connection, no valid answer, or none within a minute.
pub async fn send(address: SocketAddr, request: Request<Full<Bytes>>) -> Result<Answer, KitError> {
    let stream = dial(address).await?;
    exchange(stream, &address.to_string(), request).await
}

/// The same for tests that have no runtime of their own.
///
/// # Errors
/// As [`send`].
pub fn send_blocking(address: SocketAddr, request: Request<Full<Bytes>>) -> Result<Answer, KitError> {
    let wrong = |source| KitError::Network { what: "a runtime".to_owned(), source };
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(wrong)?.block_on(send(address, request))
}

/// `GET` of a path, blocking.
///
/// # Errors
/// As [`send`].
pub fn get(address: SocketAddr, path: &str) -> Result<Answer, KitError> {
    let request = Request::get(path).body(Full::default());
    send_blocking(address, request.map_err(|error| http_error(path, error))?)
}

/// A connection that is used for one request after another, as clients with a pool do.
#[derive(Debug)]
pub struct KeepAlive {
    host: HeaderValue,
    sender: http1::SendRequest<Full<Bytes>>,
}

impl KeepAlive {
    /// Connects.
    ///
    /// # Errors
    /// No connection.
    pub async fn open(address: SocketAddr) -> Result<Self, KitError> {
        let what = format!("connect to {address}");
        let host = HeaderValue::from_str(&address.to_string()).map_err(|error| http_error(&what, error))?;
        let stream = TokioIo::new(dial(address).await?);
        let (sender, connection) = http1::handshake(stream).await.map_err(|error| http_error(&what, error))?;
        tokio::spawn(connection);
        Ok(Self { host, sender })
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// As [`send`]; the connection is of no use then.
    pub async fn send(&mut self, mut request: Request<Full<Bytes>>) -> Result<Answer, KitError> {
        let what = format!("{} {}", request.method(), request.uri());
        request.headers_mut().entry(HOST).or_insert(self.host.clone());
        let answer = async {
            self.sender.ready().await?;
            whole(self.sender.send_request(request).await?).await
        };
        in_time(&what, answer).await
    }
}

/// A tunnel through the gateway: the way of a client that has `HTTPS_PROXY` set.
#[derive(Clone, Debug)]
pub struct Tunnel {
    /// The gateway's proxy listener.
    pub proxy: SocketAddr,
    /// The whole value of `Proxy-Authorization`, where one is sent.
    pub authorization: Option<String>,
    /// PEM file with the authority that the client trusts; `None` leaves the tunnel's bytes plain.
    pub ca: Option<PathBuf>,
}

impl Tunnel {
    /// Sends a request through a new tunnel to `host:port`.
    ///
    /// # Errors
    /// The proxy refuses the tunnel (the text holds its status), the certificate is not trusted, or as [`send`].
    pub async fn send(&self, host: &str, port: u16, request: Request<Full<Bytes>>) -> Result<Answer, KitError> {
        let mut stream = dial(self.proxy).await?;
        let target = format!("{host}:{port}");
        let identity =
            self.authorization.as_ref().map(|value| format!("Proxy-Authorization: {value}\r\n")).unwrap_or_default();
        let head = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{identity}\r\n");
        let wrong = |source| KitError::Network { what: format!("CONNECT {target}"), source };
        stream.write_all(head.as_bytes()).await.map_err(wrong)?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(stream.read_u8().await.map_err(wrong)?);
        }
        if !answer.starts_with(b"HTTP/1.1 200") {
            return Err(http_error(&format!("CONNECT {target}"), String::from_utf8_lossy(&answer)));
        }
        let Some(ca) = &self.ca else { return exchange(stream, &target, request).await };
        let config = loadtest::pki::client_config(&[ca], false)?;
        let name = rustls_pki_types::ServerName::try_from(host.to_owned()).map_err(|error| http_error(host, error))?;
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(wrong)?;
        exchange(stream, &target, request).await
    }
}

async fn dial(address: SocketAddr) -> Result<TcpStream, KitError> {
    let wrong = |source| KitError::Network { what: format!("connect to {address}"), source };
    let stream = TcpStream::connect(address).await.map_err(wrong)?;
    stream.set_nodelay(true).map_err(wrong)?;
    Ok(stream)
}

async fn exchange<S>(stream: S, host: &str, mut request: Request<Full<Bytes>>) -> Result<Answer, KitError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let what = format!("{} {}", request.method(), request.uri());
    let headers = request.headers_mut();
    if !headers.contains_key(HOST) {
        headers.insert(HOST, HeaderValue::from_str(host).map_err(|error| http_error(&what, error))?);
    }
    headers.entry(CONNECTION).or_insert(HeaderValue::from_static("close"));
    let answer = async {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        whole(sender.send_request(request).await?).await
    };
    in_time(&what, answer).await
}

async fn whole(response: http::Response<Incoming>) -> Result<Answer, hyper::Error> {
    let (parts, body) = response.into_parts();
    Ok(Answer { status: parts.status, headers: parts.headers, body: body.collect().await?.to_bytes() })
}

async fn in_time(what: &str, answer: impl Future<Output = Result<Answer, hyper::Error>>) -> Result<Answer, KitError> {
    match tokio::time::timeout(EXCHANGE_MAX, answer).await {
        Ok(answer) => answer.map_err(|error| http_error(what, error)),
        Err(_) => Err(http_error(what, "no whole answer within a minute")),
    }
}

fn http_error(what: &str, said: impl std::fmt::Display) -> KitError {
    KitError::Http { what: what.to_owned(), said: said.to_string() }
}
