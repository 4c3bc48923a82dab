//! A TLS-intercepting proxy on the `hudsucker` crate, as its documentation shows it: no policy, no log. What another
//! library takes for interception alone.

use std::error::Error;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use hudsucker::certificate_authority::RcgenAuthority;
use hudsucker::hyper::{Request, Response};
use hudsucker::rcgen::{Issuer, KeyPair};
use hudsucker::{Body, HttpContext, HttpHandler, Proxy, RequestOrResponse};
use hyper_rustls::HttpsConnectorBuilder;
use rustls::crypto::ring;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

#[derive(Clone)]
struct PassThrough;

impl HttpHandler for PassThrough {
    async fn handle_request(&mut self, _: &HttpContext, request: Request<Body>) -> RequestOrResponse {
        request.into()
    }

    async fn handle_response(&mut self, _: &HttpContext, response: Response<Body>) -> Response<Body> {
        response
    }
}

fn argument(name: &str) -> Result<String, String> {
    let mut words = std::env::args().skip_while(|word| word != name);
    words.nth(1).ok_or_else(|| format!("{name} is missing"))
}

/// A client that trusts the benchmark's authority only.
fn client(authority: &Path) -> Result<rustls::ClientConfig, Box<dyn Error>> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(authority)? {
        roots.add(certificate?)?;
    }
    Ok(rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let certificate = argument("--ca-cert")?;
    let key = KeyPair::from_pem(&fs::read_to_string(argument("--ca-key")?)?)?;
    let issuer = Issuer::from_ca_cert_pem(&fs::read_to_string(&certificate)?, key)?;
    let connector =
        HttpsConnectorBuilder::new().with_tls_config(client(Path::new(&certificate))?).https_or_http().enable_http1().build();
    let proxy = Proxy::builder()
        .with_addr(SocketAddr::from(([127, 0, 0, 1], argument("--port")?.parse()?)))
        .with_ca(RcgenAuthority::new(issuer, 1_000, ring::default_provider()))
        .with_http_connector(connector)
        .with_http_handler(PassThrough)
        .build()?;
    proxy.start().await?;
    Ok(())
}
