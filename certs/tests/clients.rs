//! Real TLS clients believe our leaves, and only for the host that was asked for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::print_stdout)]

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use certs::Authority;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, HandshakeKind, ProtocolVersion, RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Other programs look at the clock of the machine.
fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// Answers every connection as `host`, with one line over TLS, until the test ends.
async fn serve(authority: &Authority, host: &str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = TlsAcceptor::from(authority.server_config(host, now_ms()).unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(greet(acceptor.clone(), stream));
        }
    });
    address
}

async fn greet(acceptor: TlsAcceptor, stream: TcpStream) {
    if let Ok(mut stream) = acceptor.accept(stream).await {
        stream.write_all(b"hello\n").await.ok();
        stream.shutdown().await.ok();
    }
}

fn client(authority: &Authority, versions: &[&'static SupportedProtocolVersion], alpn: &[&str]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

async fn hello(
    connector: &TlsConnector,
    address: SocketAddr,
    name: &str,
) -> io::Result<(String, Option<ProtocolVersion>, Option<HandshakeKind>)> {
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut stream = connector.connect(name, stream).await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    let connection = stream.get_ref().1;
    Ok((text, connection.protocol_version(), connection.handshake_kind()))
}

#[tokio::test]
async fn rustls_clients_of_both_versions_are_served() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::open_or_create(dir.path(), now_ms()).unwrap();
    for (version, named) in
        [(&rustls::version::TLS12, ProtocolVersion::TLSv1_2), (&rustls::version::TLS13, ProtocolVersion::TLSv1_3)]
    {
        let connector = client(&authority, &[version], &["h2", "http/1.1"]);
        for host in ["api.example", "127.0.0.1", "::1"] {
            let address = serve(&authority, host).await;
            let (text, version, _) = hello(&connector, address, host).await.unwrap();
            assert_eq!((text.as_str(), version), ("hello\n", Some(named)), "{host}");
        }
    }
}

#[tokio::test]
async fn a_client_that_comes_back_resumes_its_session() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::open_or_create(dir.path(), now_ms()).unwrap();
    let address = serve(&authority, "api.example").await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let connector = client(&authority, &[version], &["http/1.1"]);
        let first = hello(&connector, address, "api.example").await.unwrap().2;
        let second = hello(&connector, address, "api.example").await.unwrap().2;
        assert_eq!((first, second), (Some(HandshakeKind::Full), Some(HandshakeKind::Resumed)), "{version:?}");
    }
}

#[tokio::test]
async fn a_client_that_asks_for_another_host_inside_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::open_or_create(dir.path(), now_ms()).unwrap();
    let connector = client(&authority, rustls::ALL_VERSIONS, &[]);
    for host in ["api.example", "127.0.0.1"] {
        let address = serve(&authority, host).await;
        hello(&connector, address, "evil.example").await.unwrap_err();
    }
}

#[tokio::test]
async fn a_client_that_speaks_only_h2_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::open_or_create(dir.path(), now_ms()).unwrap();
    let address = serve(&authority, "api.example").await;
    hello(&client(&authority, rustls::ALL_VERSIONS, &["h2"]), address, "api.example").await.unwrap_err();
}

/// Runs a program if the machine has it; says so visibly if not.
fn run(program: &str, arguments: &[&str]) -> Option<Output> {
    match Command::new(program).args(arguments).stdin(Stdio::null()).output() {
        Ok(output) => Some(output),
        Err(_) => {
            println!("SKIPPED: {program} is not installed");
            None
        }
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_agrees() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::open_or_create(dir.path(), now_ms()).unwrap();
    let root = dir.path().join("ca.pem");
    let Some(output) = run("openssl", &["x509", "-in", path(&root), "-noout", "-fingerprint", "-sha256"]) else {
        return;
    };
    assert!(text(&output).contains(&authority.fingerprint()), "{}", text(&output));
    let strict = ["verify", "-x509_strict", "-check_ss_sig", "-CAfile", path(&root), path(&root)];
    let output = run("openssl", &strict).unwrap();
    assert!(output.status.success(), "{}", text(&output));
    for (host, flag) in [("api.example", "-verify_hostname"), ("127.0.0.1", "-verify_ip")] {
        let address = serve(&authority, host).await.to_string();
        for (asked, good) in [(host, true), (if host.starts_with('a') { "b.example" } else { "127.0.0.2" }, false)] {
            let mut arguments = vec!["s_client", "-connect", &address, "-CAfile", path(&root), "-x509_strict"];
            arguments.extend(["-verify_return_error", flag, asked]);
            if host.starts_with('a') {
                arguments.extend(["-servername", host]);
            } else {
                arguments.push("-noservername");
            }
            let output = run("openssl", &arguments).unwrap();
            let believed = text(&output).contains("Verify return code: 0 (ok)") && output.status.success();
            assert_eq!(believed, good, "{host} asked as {asked}: {}", text(&output));
        }
    }
}

const PYTHON: &str = "
import socket, ssl, sys
root, port, name = sys.argv[1], int(sys.argv[2]), sys.argv[3]
context = ssl.create_default_context(cafile=root)
context.verify_flags |= ssl.VERIFY_X509_STRICT
with socket.create_connection(('127.0.0.1', port)) as plain:
    with context.wrap_socket(plain, server_hostname=name) as stream:
        print(stream.recv(16).decode().strip())
";

#[tokio::test(flavor = "multi_thread")]
async fn python_agrees_in_its_strictest_mode() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::open_or_create(dir.path(), now_ms()).unwrap();
    let root = dir.path().join("ca.pem");
    for host in ["api.example", "127.0.0.1"] {
        let port = serve(&authority, host).await.port().to_string();
        let Some(output) = run("python3", &["-c", PYTHON, path(&root), &port, host]) else { return };
        assert!(text(&output).contains("hello"), "{host}: {}", text(&output));
        let output = run("python3", &["-c", PYTHON, path(&root), &port, "other.example"]).unwrap();
        assert!(!output.status.success(), "{}", text(&output));
    }
}
