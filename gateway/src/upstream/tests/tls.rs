//! Vendors must prove the host that was judged.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use certs::Authority;
use rustls::ServerConfig;

use super::kit::*;
use crate::upstream::{Upstream, UpstreamKind, UpstreamOptions, UpstreamSetupError};

/// An authority of the vendors' side, kept in a directory.
pub(super) fn authority(dir: &Path) -> Authority {
    Authority::open_or_create(dir, now_ms()).unwrap()
}

fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// A server of h1 that proves a host.
pub(super) fn h1(authority: &Authority, host: &str) -> Arc<ServerConfig> {
    authority.server_config(host, now_ms()).unwrap()
}

/// A server of h2 that proves a host.
pub(super) fn h2(authority: &Authority, host: &str) -> Arc<ServerConfig> {
    let mut config = (*h1(authority, host)).clone();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

fn options(dir: &Path) -> UpstreamOptions {
    UpstreamOptions { ca_files: vec![dir.join("ca.pem")], ..local() }
}

/// The way out to this machine, trusting the authority of a directory.
pub(super) fn trusting(dir: &Path) -> Upstream {
    Upstream::new(&options(dir)).unwrap()
}

#[tokio::test]
async fn a_vendor_that_proves_its_host_is_spoken_to_in_its_best_protocol() {
    let dir = tempfile::tempdir().unwrap();
    let authority = authority(dir.path());
    let names = Names::of(&[("api.vendor.example", &["127.0.0.1"])]);
    let upstream = Upstream::with_lookup(&options(dir.path()), names).unwrap();
    for host in ["api.vendor.example", "127.0.0.1"] {
        let (address, _) = echo(Some(h1(&authority, host))).await;
        let (_, told) = ask(&upstream, &secure(host, address), post("/v1?a=b", "xyz")).await;
        assert_eq!(told, format!("POST /v1?a=b {host}:{} HTTP/1.1 3", address.port()));
        let (address, _) = echo(Some(h2(&authority, host))).await;
        let (_, told) = ask(&upstream, &secure(host, address), post("/v1?a=b", "xyz")).await;
        assert_eq!(told, format!("POST https://{host}:{}/v1?a=b - HTTP/2.0 3", address.port()));
    }
}

#[tokio::test]
async fn a_vendor_that_proves_nothing_or_another_host_gets_nothing() {
    let [ours, theirs] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [trusted, unknown] = [authority(ours.path()), authority(theirs.path())];
    let names = Names::of(&[("api.vendor.example", &["127.0.0.1"])]);
    let upstream = Upstream::with_lookup(&options(ours.path()), names).unwrap();
    // A server that asks for no name shows its certificate to whoever comes.
    let lenient = |authority: &Authority, host: &str| {
        let mut config = (*h1(authority, host)).clone();
        config.alpn_protocols.clear();
        Arc::new(config)
    };
    for (config, host) in [
        (lenient(&trusted, "127.0.0.2"), "127.0.0.1"),
        (lenient(&unknown, "127.0.0.1"), "127.0.0.1"),
        (lenient(&unknown, "api.vendor.example"), "api.vendor.example"),
    ] {
        let (address, served) = echo(Some(config)).await;
        let error = fail(&upstream, &secure(host, address), post("/", "x")).await;
        assert_eq!((error.kind, error.sent), (UpstreamKind::Certificate, false), "{error}");
        assert_eq!(served.load(Ordering::SeqCst), 0);
    }
}

#[test]
fn our_own_authority_among_the_trusted_ones_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let authority = authority(dir.path());
    let never_trust = vec![authority.certificate().clone()];
    let error =
        Upstream::new(&UpstreamOptions { never_trust: never_trust.clone(), ..options(dir.path()) }).err().unwrap();
    assert!(matches!(error, UpstreamSetupError::CaFileHoldsOurs { .. }), "{error}");
    let other = tempfile::tempdir().unwrap();
    super::tls::authority(other.path());
    Upstream::new(&UpstreamOptions { never_trust, ..options(other.path()) }).unwrap();
}

#[test]
fn files_without_authorities_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    let refused = || Upstream::new(&options(dir.path())).err().unwrap().to_string();
    assert!(refused().contains("ca.pem"), "a missing file");
    for content in ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        std::fs::write(&file, content).unwrap();
        assert!(refused().contains("ca.pem"), "{content:?}");
    }
}

#[tokio::test]
async fn a_stream_that_the_vendor_resets_may_have_been_read() {
    let dir = tempfile::tempdir().unwrap();
    let authority = authority(dir.path());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(h2(&authority, "127.0.0.1"));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let stream = acceptor.accept(stream).await.unwrap();
            // hyper resets a stream whose handler fails.
            let broken = |_| async { Err::<http::Response<String>, _>(std::io::Error::other("broken")) };
            let server = hyper::server::conn::http2::Builder::new(hyper_util::rt::TokioExecutor::new());
            let stream = hyper_util::rt::TokioIo::new(stream);
            server.serve_connection(stream, hyper::service::service_fn(broken)).await.ok();
        }
    });
    for request in [get("/"), post("/", "x")] {
        let error = fail(&trusting(dir.path()), &secure("127.0.0.1", address), request).await;
        assert_eq!((error.kind, error.sent), (UpstreamKind::Protocol, true), "{error}");
    }
}

#[tokio::test]
async fn a_vendor_that_agrees_on_h2_and_speaks_h1_got_no_request() {
    use tokio::io::AsyncWriteExt;
    let dir = tempfile::tempdir().unwrap();
    let authority = authority(dir.path());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(h2(&authority, "127.0.0.1"));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = acceptor.accept(stream).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.ok();
            stream.shutdown().await.ok();
        }
    });
    let error = fail(&trusting(dir.path()), &secure("127.0.0.1", address), post("/", "x")).await;
    assert!(matches!(error.kind, UpstreamKind::Protocol | UpstreamKind::Unreachable), "{error}");
}
