//! A front on a free port of loopback, with a toy behind it that remembers what it was asked.

use std::collections::HashMap;
use std::future::pending;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Incoming;
use parking_lot::{Condvar, Mutex};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::sync::{Notify, mpsc};
use types::Reason;

use crate::front::{
    Aborted, Connect, Connection, Drain, Event, Front, FrontOptions, Handler, Mode, Passage, ReplyBody, Signal, Signals,
};

/// How long a test waits for something that must happen; reached only when it fails.
pub(super) const AT_MOST: Duration = Duration::from_secs(20);

/// A request as the toy saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Served {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) host: String,
    pub(super) body: Vec<u8>,
    pub(super) mode: Mode,
    pub(super) tls: bool,
    pub(super) credentials: Option<String>,
}

#[derive(Default)]
pub(super) struct Log {
    pub(super) served: Vec<Served>,
    pub(super) started: usize,
    pub(super) departed: usize,
    pub(super) events: Vec<String>,
}

/// The handler of the tests.
pub(super) struct Toy {
    log: Mutex<Log>,
    changed: Condvar,
    /// Lets requests of `/held` go.
    pub(super) release: Notify,
    authority: CertifiedIssuer<'static, KeyPair>,
    leaves: Mutex<HashMap<String, Arc<rustls::ServerConfig>>>,
    /// Where blind tunnels lead.
    pub(super) blind: Mutex<Option<SocketAddr>>,
}

impl Toy {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, "Toy CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self {
            log: Mutex::default(),
            changed: Condvar::new(),
            release: Notify::new(),
            authority: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap(),
            leaves: Mutex::default(),
            blind: Mutex::default(),
        }
    }

    pub(super) fn root(&self) -> CertificateDer<'static> {
        self.authority.der().clone()
    }

    pub(super) fn root_pem(&self) -> String {
        self.authority.pem()
    }

    fn write<T>(&self, change: impl FnOnce(&mut Log) -> T) -> T {
        let result = change(&mut self.log.lock());
        self.changed.notify_all();
        result
    }

    pub(super) fn read<T>(&self, look: impl FnOnce(&Log) -> T) -> T {
        look(&self.log.lock())
    }

    pub(super) fn forget(&self) {
        *self.log.lock() = Log::default();
    }

    /// Waits until the log is as wished.
    pub(super) fn until(&self, what: &str, is_so: impl Fn(&Log) -> bool) {
        let mut log = self.log.lock();
        while !is_so(&log) {
            assert!(!self.changed.wait_for(&mut log, AT_MOST).timed_out(), "waited in vain until {what}");
        }
    }

    fn mint(&self, host: &str) -> rustls::ServerConfig {
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec![host.to_owned()]).unwrap().signed_by(&key, &self.authority).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = rustls::ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .unwrap();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config
    }
}

pub(super) fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

pub(super) fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<ReplyBody> {
    let mut response = Response::new(Full::new(body.into()).map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response
}

/// Writes down when a request's future is dropped before its end.
struct Presence<'a>(&'a Toy, bool);

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        if !self.1 {
            self.0.write(|log| log.departed += 1);
        }
    }
}

impl Handler for Toy {
    async fn serve(self: &Arc<Self>, connection: &Connection, request: Request<Incoming>) -> Response<ReplyBody> {
        let mut presence = Presence(self, false);
        self.write(|log| log.started += 1);
        let path = request.uri().path().to_owned();
        if path == "/early" {
            presence.1 = true;
            return text(StatusCode::PAYMENT_REQUIRED, "no");
        }
        let (parts, body) = request.into_parts();
        let Ok(body) = body.collect().await else {
            presence.1 = true;
            return text(StatusCode::BAD_REQUEST, "broken body");
        };
        let credentials = connection.proxy_authorization.as_ref().map(|secret| secret.expose().to_owned());
        let served = Served {
            method: parts.method.to_string(),
            target: parts.uri.to_string(),
            host: parts.headers.get("host").map_or("-", |host| host.to_str().unwrap()).to_owned(),
            body: body.to_bytes().to_vec(),
            mode: connection.mode.clone(),
            tls: connection.tls,
            credentials,
        };
        let answer = format!("{} {} {}", served.method, served.target, served.body.len());
        self.write(|log| log.served.push(served));
        let answered = match path.as_str() {
            "/held" => {
                self.release.notified().await;
                text(StatusCode::OK, answer)
            }
            "/never" => pending().await,
            "/stream" => stream(),
            "/abort" => abort(),
            _ => text(StatusCode::OK, answer),
        };
        presence.1 = true;
        answered
    }

    fn refuse(&self, _: &Connection, reason: Reason) -> Response<ReplyBody> {
        let status = match reason {
            Reason::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Reason::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Reason::IdentityMissing => StatusCode::UNAUTHORIZED,
            _ => StatusCode::FORBIDDEN,
        };
        text(status, reason.code())
    }

    async fn connect(self: &Arc<Self>, connect: &Connect) -> Result<Passage, Reason> {
        if connect.proxy_authorization.is_none() {
            return Err(Reason::IdentityMissing);
        }
        if &*connect.host == "blind.test" {
            let far = self.blind.lock().unwrap();
            return Ok(Passage::Blind(Box::new(tokio::net::TcpStream::connect(far).await.unwrap())));
        }
        if connect.is_address {
            return Err(Reason::VendorNotAllowed { host: connect.host.clone() });
        }
        Ok(if connect.port == 80 { Passage::InterceptCleartextToo } else { Passage::Intercept })
    }

    fn server_config(&self, host: &str) -> Option<Arc<rustls::ServerConfig>> {
        let mut leaves = self.leaves.lock();
        Some(Arc::clone(leaves.entry(host.to_owned()).or_insert_with(|| Arc::new(self.mint(host)))))
    }

    fn note(&self, event: &Event<'_>) {
        self.write(|log| log.events.push(format!("{event:?}")));
    }
}

fn abort() -> Response<ReplyBody> {
    let frames = [Ok(Frame::data(Bytes::from_static(b"half"))), Err(Aborted)];
    Response::new(StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync())
}

/// An answer that never ends by itself.
fn stream() -> Response<ReplyBody> {
    let frames = futures_util::stream::unfold(0, |count: u32| async move {
        if count > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Some((Ok(Frame::data(Bytes::from(format!("data: {count}\n\n")))), count + 1))
    });
    Response::new(StreamBody::new(frames).boxed_unsync())
}

/// A running front. Stops when dropped.
pub(super) struct House {
    pub(super) address: SocketAddr,
    pub(super) toy: Arc<Toy>,
    pub(super) drain: Arc<Drain>,
    pub(super) signals: mpsc::Sender<Signal>,
    thread: Option<JoinHandle<()>>,
}

impl House {
    pub(super) fn open() -> Self {
        Self::with(|_| {})
    }

    pub(super) fn with(turn: impl FnOnce(&mut FrontOptions)) -> Self {
        let mut options = FrontOptions {
            listeners: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
            threads: 1,
            ..FrontOptions::default()
        };
        options.stop.interrupt.finish = Duration::from_millis(1);
        turn(&mut options);
        let (toy, drain) = (Arc::new(Toy::new()), Drain::new());
        let front = Front::bind(options, Arc::clone(&toy), Arc::clone(&drain)).unwrap();
        let address = front.addresses().next().unwrap();
        let (signals, received) = mpsc::channel(8);
        let thread = std::thread::spawn(move || front.run(Signals::Channel(received)));
        Self { address, toy, drain, signals, thread: Some(thread) }
    }

    pub(super) fn dial(&self) -> Client {
        let socket = TcpStream::connect(self.address).unwrap();
        socket.set_read_timeout(Some(AT_MOST)).unwrap();
        socket.set_nodelay(true).unwrap();
        Client { socket, read: Vec::new() }
    }

    /// Sends bytes on a fresh connection and reads all that comes back until the front closes it.
    pub(super) fn whole(&self, bytes: &[u8]) -> String {
        let mut client = self.dial();
        client.send(bytes);
        client.rest()
    }

    pub(super) fn tell(&self, signal: Signal) {
        self.signals.blocking_send(signal).unwrap();
    }

    /// Waits until the front has returned from its run.
    pub(super) fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = self.signals.blocking_send(Signal::Interrupt);
        let _ = self.signals.blocking_send(Signal::Interrupt);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A client that sends what it likes.
pub(super) struct Client {
    pub(super) socket: TcpStream,
    read: Vec<u8>,
}

impl Client {
    pub(super) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.socket.write_all(bytes.as_ref()).unwrap();
    }

    /// The next answer: its head and as much body as `content-length` says.
    pub(super) fn answer(&mut self) -> String {
        answer(&mut self.socket, &mut self.read)
    }

    /// Everything until the other side closes.
    pub(super) fn rest(&mut self) -> String {
        let mut all = std::mem::take(&mut self.read);
        let mut space = [0; 4096];
        loop {
            match self.socket.read(&mut space) {
                Ok(0) => break,
                Ok(count) => all.extend_from_slice(&space[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
                Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&all)),
            }
        }
        String::from_utf8_lossy(&all).into_owned()
    }
}

/// Reads one answer with a `content-length` from anything.
pub(super) fn answer(source: &mut impl Read, read: &mut Vec<u8>) -> String {
    let mut space = [0; 4096];
    loop {
        if let Some(end) = end_of_answer(read) {
            let rest = read.split_off(end);
            return String::from_utf8(std::mem::replace(read, rest)).unwrap();
        }
        let count = source.read(&mut space).unwrap();
        assert!(count > 0, "closed after {:?}", String::from_utf8_lossy(read));
        read.extend_from_slice(&space[..count]);
    }
}

fn end_of_answer(read: &[u8]) -> Option<usize> {
    let head = read.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&read[..head]).to_lowercase();
    let length = text.split("content-length: ").nth(1).map_or("0", |rest| rest.split("\r\n").next().unwrap());
    let end = head + length.parse::<usize>().unwrap();
    (read.len() >= end).then_some(end)
}
