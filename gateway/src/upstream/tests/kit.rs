//! Vendors for tests: one that answers bytes as told, one that is a proper server.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use types::Name;

use crate::upstream::{Lookup, LookupFuture, Target, Upstream, UpstreamError, UpstreamOptions};

/// What a scripted vendor does after its bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// Waits for the next request.
    Stay,
    /// Closes the connection.
    Close,
    /// Waits for the other side to close the connection.
    Hang,
}

/// One answer of a scripted vendor.
#[derive(Clone)]
pub(super) struct Reply(pub(super) Bytes, pub(super) Then);

pub(super) fn reply(bytes: &'static str, then: Then) -> Reply {
    Reply(Bytes::from_static(bytes.as_bytes()), then)
}

/// A whole answer on a connection that stays.
pub(super) fn fine() -> Reply {
    reply("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", Then::Stay)
}

/// A vendor that answers the first request with the first reply, and so on; the last one is repeated.
pub(super) struct Scripted {
    pub(super) address: SocketAddr,
    pub(super) connections: Arc<AtomicUsize>,
    /// The requests as they came, head and body.
    pub(super) requests: Arc<Mutex<Vec<String>>>,
    /// Told whenever a connection has ended, from either side.
    pub(super) ended: Arc<tokio::sync::Semaphore>,
}

impl Scripted {
    pub(super) async fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let vendor = Self {
            address: listener.local_addr().unwrap(),
            connections: Arc::default(),
            requests: Arc::default(),
            ended: Arc::new(tokio::sync::Semaphore::new(0)),
        };
        let (connections, requests, ended) =
            (Arc::clone(&vendor.connections), Arc::clone(&vendor.requests), Arc::clone(&vendor.ended));
        let replies = Arc::new(replies);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let (replies, requests, ended) = (Arc::clone(&replies), Arc::clone(&requests), Arc::clone(&ended));
                tokio::spawn(async move {
                    converse(stream, &replies, &requests).await;
                    ended.add_permits(1);
                });
            }
        });
        vendor
    }

    pub(super) fn target(&self) -> Target {
        plain(self.address)
    }

    pub(super) fn seen(&self) -> usize {
        self.requests.lock().len()
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Waits until one more connection has ended.
    pub(super) async fn wait_for_an_end(&self) {
        self.ended.acquire().await.unwrap().forget();
    }
}

async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, replies: &[Reply], requests: &Mutex<Vec<String>>) {
    while let Some(request) = read_request(&mut stream).await {
        let number = {
            let mut requests = requests.lock();
            requests.push(request);
            requests.len() - 1
        };
        let Reply(bytes, then) = &replies[number.min(replies.len() - 1)];
        if stream.write_all(bytes).await.is_err() || *then == Then::Close {
            return;
        }
        if *then == Then::Hang {
            stream.read_to_end(&mut Vec::new()).await.ok();
            return;
        }
    }
}

/// Reads one request with a `Content-Length`, or without a body.
pub(super) async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |digits| digits.trim().parse().unwrap());
            if bytes.len() >= end + 4 + length {
                return Some(String::from_utf8_lossy(&bytes).into_owned());
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// A proper server that tells what it was asked: `<method> <uri> <host> <version> <bytes of body>`. Speaks what ALPN
/// agreed on, h1 without TLS.
pub(super) async fn echo(tls: Option<Arc<rustls::ServerConfig>>) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(echo_one(stream, tls.clone(), Arc::clone(&counted)));
        }
    });
    (address, connections)
}

async fn echo_one(stream: TcpStream, tls: Option<Arc<rustls::ServerConfig>>, counted: Arc<AtomicUsize>) {
    let Some(tls) = tls else {
        counted.fetch_add(1, Ordering::SeqCst);
        h1(TokioIo::new(stream)).await;
        return;
    };
    let Ok(stream) = TlsAcceptor::from(tls).accept(stream).await else { return };
    counted.fetch_add(1, Ordering::SeqCst);
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        server.serve_connection(TokioIo::new(stream), service_fn(tell)).await.ok();
    } else {
        h1(TokioIo::new(stream)).await;
    }
}

async fn h1(stream: impl hyper::rt::Read + hyper::rt::Write + Unpin + Send) {
    let server = hyper::server::conn::http1::Builder::new();
    server.serve_connection(stream, service_fn(tell)).await.ok();
}

async fn tell(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let host = request.headers().get("host").map_or("-", |host| host.to_str().unwrap()).to_owned();
    let line = format!("{} {} {host} {:?}", request.method(), request.uri(), request.version());
    let length = request.into_body().collect().await.map_or(0, |body| body.to_bytes().len());
    Ok(Response::new(Full::from(format!("{line} {length}"))))
}

/// Names with their addresses, in place of a resolver; `asked` counts.
#[derive(Default)]
pub(super) struct Names {
    pub(super) addresses: Mutex<HashMap<String, Vec<IpAddr>>>,
    pub(super) asked: AtomicUsize,
}

impl Names {
    pub(super) fn of(pairs: &[(&str, &[&str])]) -> Arc<Self> {
        let names = Self::default();
        for (name, addresses) in pairs {
            names.set(name, addresses);
        }
        Arc::new(names)
    }

    pub(super) fn set(&self, name: &str, addresses: &[&str]) {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        self.addresses.lock().insert(name.to_owned(), addresses);
    }
}

impl Lookup for Names {
    fn lookup(&self, name: Name) -> LookupFuture {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let found = self.addresses.lock().get(&*name).cloned();
        Box::pin(async move { found.ok_or_else(|| std::io::ErrorKind::NotFound.into()) })
    }
}

pub(super) fn plain(address: SocketAddr) -> Target {
    Target { tls: false, host: Name::from(address.ip().to_string()), port: address.port() }
}

pub(super) fn secure(host: &str, address: SocketAddr) -> Target {
    Target { tls: true, host: Name::from(host), port: address.port() }
}

/// Options under which this machine may be dialled.
pub(super) fn local() -> UpstreamOptions {
    UpstreamOptions { allow_addresses: vec!["127.0.0.1/32".parse().unwrap()], ..UpstreamOptions::default() }
}

pub(super) fn upstream() -> Upstream {
    Upstream::new(&local()).unwrap()
}

pub(super) fn get(path: &str) -> Request<Full<Bytes>> {
    Request::get(path).body(Full::default()).unwrap()
}

pub(super) fn post(path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::post(path).body(Full::new(body.into())).unwrap()
}

/// Sends, and reads the answer to its end.
pub(super) async fn ask(upstream: &Upstream, target: &Target, request: Request<Full<Bytes>>) -> (u16, String) {
    let response = upstream.send(target, request).await.unwrap();
    let status = response.status().as_u16();
    (status, text(response).await.unwrap())
}

pub(super) async fn text(response: Response<Incoming>) -> Result<String, hyper::Error> {
    let body = response.into_body().collect().await?;
    Ok(String::from_utf8(body.to_bytes().to_vec()).unwrap())
}

pub(super) async fn fail(upstream: &Upstream, target: &Target, request: Request<Full<Bytes>>) -> UpstreamError {
    match upstream.send(target, request).await {
        Err(error) => error,
        Ok(response) => panic!("answered {:?}", response.status()),
    }
}
