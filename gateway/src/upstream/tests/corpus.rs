//! The shared test data: addresses, spellings, certificate chains and answers, collected by others.

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;
use types::Name;

use super::kit::*;
use crate::upstream::{
    Host, Target, Upstream, UpstreamError, UpstreamKind, UpstreamOptions, denied_because, split_authority,
};

/// A folder of the corpus, or a visible line that it is not here.
fn corpus(folder: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("BURSAR_CORPUS")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")), PathBuf::from);
    let path = shared.join("corpus").join(folder);
    if path.is_dir() {
        return Some(path);
    }
    println!("SKIPPED: {folder} corpus not found");
    None
}

fn rows(path: PathBuf) -> Vec<Value> {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn field<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or_default()
}

#[test]
fn every_address_is_classed_as_it_should_be() {
    let Some(folder) = corpus("ssrf") else { return };
    let rows = rows(folder.join("ip_classification.json"));
    for row in &rows {
        let (text, expected) = (field(row, "ip"), field(row, "expect"));
        // An address with a zone is none: nothing dials it.
        let Ok(address) = text.parse() else {
            assert_eq!((expected, Host::parse(text).is_err()), ("deny", true), "{row}");
            continue;
        };
        let denied = denied_because(address, &[]).is_some();
        assert!(expected == "deny-or-unmap" || denied == (expected == "deny"), "{row}");
    }
    println!("{} addresses", rows.len());
    assert!(rows.len() >= 69);
}

/// A spelling reaches nothing but a public address of an allowed name: the text is refused, or its canonical form is
/// not on the list, or its address is denied.
#[tokio::test]
async fn no_spelling_of_a_host_leads_where_it_should_not() {
    let Some(folder) = corpus("ssrf") else { return };
    let allowed = ["api.openai.com", "example.com"];
    let rows = rows(folder.join("host_spellings.json"));
    for row in &rows {
        let Ok((host, port)) = split_authority(field(row, "target"), Some(443)) else { continue };
        let on_the_list = port == 443 && allowed.contains(&host.to_string().as_str());
        let resolved = field(row, "resolves_to").trim_end_matches(['?', ' ', '.']);
        match &host {
            Host::Name(name) if on_the_list => assert_eq!(resolved, &**name, "{row}"),
            Host::Name(name) => {
                // What it would resolve to if it were on the list.
                let names = Names::of(&[]);
                if resolved.parse::<std::net::IpAddr>().is_ok() {
                    names.set(name, &[resolved]);
                }
                let error = fail(
                    &Upstream::with_lookup(&UpstreamOptions::default(), names).unwrap(),
                    &Target { tls: false, host: Name::clone(name), port },
                    get("/"),
                )
                .await;
                assert!(!error.sent, "{row}: {error}");
            }
            Host::Address(address) => {
                assert!(denied_because(*address, &[]).is_some(), "{row}: {address}");
                assert_eq!(resolved.parse::<std::net::IpAddr>().unwrap().to_canonical(), *address, "{row}");
            }
        }
    }
    println!("{} spellings", rows.len());
    assert!(rows.len() >= 76);
}

#[tokio::test]
async fn every_chain_is_believed_or_not_as_it_should_be() {
    let Some(folder) = corpus("tls") else { return };
    let rows = rows(folder.join("manifest.json"));
    for row in &rows {
        let (host, expected) = (field(row, "connect_as"), field(row, "expect"));
        let options = UpstreamOptions { ca_files: vec![folder.join("trusted_root.pem")], ..local() };
        let names = Names::of(&[(host, &["127.0.0.1"])]);
        let upstream = Upstream::with_lookup(&options, names).unwrap();
        let pem = std::fs::read(folder.join(field(row, "file"))).unwrap();
        let Some(config) = server(&pem) else {
            println!("not served, the TLS library refuses the key: {}", field(row, "file"));
            assert_eq!(expected, "reject", "{row}");
            continue;
        };
        let (address, _) = echo(Some(config)).await;
        let answer = upstream.send(&secure(host, address), get("/")).await;
        match expected {
            "accept" => assert_eq!(answer.unwrap().status(), 200, "{row}"),
            "reject" => {
                let error = answer.err().unwrap();
                assert_eq!((error.kind, error.sent), (UpstreamKind::Certificate, false), "{row}: {error}");
            }
            _ => {}
        }
    }
    println!("{} chains", rows.len());
    assert!(rows.len() >= 24);
}

/// A server that shows the chain to everybody; `None` where the TLS library does not even take the key.
fn server(pem: &[u8]) -> Option<Arc<rustls::ServerConfig>> {
    let chain = CertificateDer::pem_slice_iter(pem).map(Result::unwrap).collect();
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let key = PrivateKeyDer::from_pem_slice(pem).unwrap();
    let key = provider.key_provider.load_private_key(key).ok()?;
    let certified = Arc::new(rustls::sign::CertifiedKey::new(chain, key));
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certified)));
    Some(Arc::new(config))
}

#[tokio::test]
async fn hostile_answers_do_not_get_through() {
    let Some(folder) = corpus("http1") else { return };
    let text = std::fs::read_to_string(folder.join("own_responses.jsonl")).unwrap();
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for row in &rows {
        let bytes = Bytes::from(STANDARD.decode(field(row, "upstream_response_b64")).unwrap());
        if !bytes.starts_with(b"HTTP/") {
            continue;
        }
        let vendor = Scripted::start(vec![Reply(bytes, Then::Close), fine()]).await;
        let upstream = upstream();
        let told = match upstream.send(&vendor.target(), post("/", "x")).await {
            Ok(response) => text_of(response).await,
            Err(UpstreamError { sent, .. }) => {
                assert!(sent, "{row}");
                None
            }
        };
        let is_refused = field(row, "expect").starts_with("502") || field(row, "id") == "r-early-close";
        assert!(!is_refused || told.is_none(), "{row}");
        vendor.wait_for_an_end().await;
        assert_eq!(ask(&upstream, &vendor.target(), get("/")).await.1, "ok", "{row}");
    }
    println!("{} answers", rows.len());
}

async fn text_of(response: http::Response<hyper::body::Incoming>) -> Option<String> {
    text(response).await.ok()
}
