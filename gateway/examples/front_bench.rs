//! What the front costs beside bare hyper: the same toy service behind each, driven by the same client, CPU of the
//! serving threads counted by the kernel.
//!
//! `cargo run --release -p bursar-gateway --example front_bench` prints one line for each case, and what the scanner
//! takes for a head of one KiB.

use std::convert::Infallible;
use std::error::Error;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gateway::front::strict::{HeadLimits, MessageScan};
use gateway::front::{Connect, Connection, Drain, Front, FrontOptions, Handler, Passage, ReplyBody, Signal, Signals};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use types::Reason;

type Failure = Box<dyn Error + Send + Sync>;

const CONNECTIONS: usize = 1;
const ROUNDS: usize = 9;
const REQUESTS: usize = 20_000;

struct Toy;

fn ok() -> Response<ReplyBody> {
    Response::new(Full::new(Bytes::from_static(&[b'x'; 1024])).map_err(|never| match never {}).boxed_unsync())
}

async fn echo(request: Request<Incoming>) -> Response<ReplyBody> {
    let _ = request.into_body().collect().await;
    ok()
}

impl Handler for Toy {
    async fn serve(self: &Arc<Self>, _: &Connection, request: Request<Incoming>) -> Response<ReplyBody> {
        echo(request).await
    }

    fn refuse(&self, _: &Connection, _: Reason) -> Response<ReplyBody> {
        ok()
    }

    async fn connect(self: &Arc<Self>, connect: &Connect) -> Result<Passage, Reason> {
        Err(Reason::VendorNotAllowed { host: connect.host.clone() })
    }

    fn server_config(&self, _: &str) -> Option<Arc<rustls::ServerConfig>> {
        None
    }
}

fn main() -> Result<(), Failure> {
    scanner();
    let (bare, front) = (bare_hyper()?, front()?);
    let (mut bare_ns, mut front_ns) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        // Interleaved: both see the same weather.
        bare_ns.push(cpu_ns_a_request(bare, "bare")?);
        front_ns.push(cpu_ns_a_request(front, "front")?);
    }
    say(&format!("bare hyper  {}", spread(&mut bare_ns)));
    say(&format!("front       {}", spread(&mut front_ns)));
    Ok(())
}

fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn spread(figures: &mut [u64]) -> String {
    figures.sort_unstable();
    let of = |index: usize| figures.get(index).copied().unwrap_or_default();
    let shown = |ns: u64| format!("{}.{:02}", ns / 1000, ns % 1000 / 10);
    let (low, middle, high) = (of(0), of(figures.len() / 2), of(figures.len().saturating_sub(1)));
    format!("{} µs CPU a request (median of {ROUNDS}; {} to {})", shown(middle), shown(low), shown(high))
}

fn scanner() {
    let head = request();
    let head = head.split_at(head.len() - 1024).0;
    let rounds: u32 = 20_000;
    let batch = || {
        let begin = Instant::now();
        for _ in 0..rounds {
            let mut scan = MessageScan::new(HeadLimits::default());
            std::hint::black_box(scan.judge(std::hint::black_box(head)).is_ok());
        }
        begin.elapsed() / rounds
    };
    // The best of many: what the code takes, not what the neighbours do.
    let best = (0..50).map(|_| batch()).min().unwrap_or_default();
    say(&format!("scanner     {best:?} for a head of {} bytes", head.len()));
}

/// A head of about one KiB, as an SDK sends it, and a body of one KiB.
fn request() -> Vec<u8> {
    let mut text = String::from("POST /v1/chat/completions HTTP/1.1\r\nHost: api.vendor.test\r\n");
    let fields = [
        ("accept", "application/json"),
        ("accept-encoding", "gzip, deflate, br, zstd"),
        ("content-type", "application/json"),
        ("user-agent", "OpenAI/Python 2.54.0"),
        ("x-stainless-lang", "python"),
        ("x-stainless-package-version", "2.54.0"),
        ("x-stainless-os", "Linux"),
        ("x-stainless-arch", "x64"),
        ("x-stainless-runtime", "CPython"),
        ("x-stainless-runtime-version", "3.12.4"),
        ("x-stainless-async", "false"),
        ("x-stainless-retry-count", "0"),
        ("x-stainless-read-timeout", "600"),
        ("authorization", "Bearer bk_abcdefgh_0123456789012345678901234567890123456789012"),
        ("connection", "keep-alive"),
        ("content-length", "1024"),
    ];
    for (name, value) in fields {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!("x-padding: {}\r\n\r\n", "p".repeat(1024_usize.saturating_sub(text.len() + 15))));
    let mut bytes = text.into_bytes();
    bytes.extend([b'{'; 1024]);
    bytes
}

fn bare_hyper() -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).thread_name("bare").enable_all().build()?;
    thread::spawn(move || runtime.block_on(accept_bare(listener)));
    Ok(address)
}

async fn accept_bare(listener: TcpListener) -> Result<(), Failure> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let service = service_fn(|request| async { Ok::<_, Infallible>(echo(request).await) });
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(socket), service)
            .with_upgrades();
        tokio::spawn(serving);
    }
}

fn front() -> Result<SocketAddr, Failure> {
    let listeners = vec![SocketAddr::from(([127, 0, 0, 1], 0))];
    let options = FrontOptions { listeners, threads: 1, ..FrontOptions::default() };
    let front = Front::bind(options, Arc::new(Toy), Drain::new())?;
    let address = front.addresses().next().ok_or("no address")?;
    // Never told to stop: the process ends first.
    let (signals, received) = tokio::sync::mpsc::channel::<Signal>(1);
    thread::spawn(move || {
        front.run(Signals::Channel(received));
        drop(signals);
    });
    Ok(address)
}

/// CPU time of the serving thread for one request, in nanoseconds.
fn cpu_ns_a_request(address: SocketAddr, thread_name: &str) -> Result<u64, Failure> {
    let before = cpu_of(thread_name)?;
    let clients: Vec<_> = (0..CONNECTIONS).map(|_| thread::spawn(move || client(address))).collect();
    for client in clients {
        client.join().map_err(|_| "a client failed")??;
    }
    let spent = cpu_of(thread_name)?.saturating_sub(before);
    Ok(u64::try_from(spent.as_nanos())? / u64::try_from(CONNECTIONS * REQUESTS)?)
}

fn client(address: SocketAddr) -> Result<(), Failure> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    let request = request();
    let mut space = [0; 4096];
    for _ in 0..REQUESTS {
        socket.write_all(&request)?;
        let mut received = 0;
        // The answers are alike and longer than one KiB; the last byte is the 1024th of the body.
        while received < 1024 || space.get(..received).is_none_or(|answer| !answer.ends_with(b"xxxx")) {
            let rest = space.get_mut(received..).ok_or("an answer too long")?;
            let count = socket.read(rest)?;
            if count == 0 {
                return Err("closed".into());
            }
            received += count;
        }
    }
    Ok(())
}

/// CPU time of the threads whose name begins so, from the scheduler's own books (proc(5), `schedstat`).
fn cpu_of(name: &str) -> Result<Duration, Failure> {
    let mut nanos = 0;
    for task in fs::read_dir("/proc/self/task")? {
        let path = task?.path();
        let Ok(comm) = fs::read_to_string(path.join("comm")) else { continue };
        if !comm.starts_with(name) {
            continue;
        }
        let books = fs::read_to_string(path.join("schedstat"))?;
        nanos += books.split(' ').next().unwrap_or("0").parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanos))
}
