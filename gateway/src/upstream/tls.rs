//! Whom we believe: the roots of the web and the authorities that the operator names; never our own.

use std::path::Path;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::error::UpstreamSetupError;
use super::options::UpstreamOptions;

/// TLS towards vendors: 1.2 and 1.3, ALPN `h2` and `http/1.1`, no client certificate, no early data (it can be
/// replayed).
pub(super) fn client_config(options: &UpstreamOptions) -> Result<ClientConfig, UpstreamSetupError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let ours = store(&options.never_trust);
    for path in &options.ca_files {
        let named = read(path)?;
        // The key counts, not the file: a renewed certificate of our authority is ours, too.
        let is_ours = named
            .roots
            .iter()
            .any(|root| ours.roots.iter().any(|ours| ours.subject_public_key_info == root.subject_public_key_info));
        if is_ours {
            return Err(UpstreamSetupError::CaFileHoldsOurs { path: path.clone() });
        }
        roots.extend(named.roots);
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(UpstreamSetupError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn read(path: &Path) -> Result<RootCertStore, UpstreamSetupError> {
    let failed = |source| UpstreamSetupError::CaFile { path: path.to_path_buf(), source };
    let certificates = CertificateDer::pem_file_iter(path).map_err(failed)?;
    let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let roots = store(&certificates);
    if roots.is_empty() || roots.len() < certificates.len() {
        return Err(UpstreamSetupError::CaFileUseless { path: path.to_path_buf() });
    }
    Ok(roots)
}

/// The certificates that can be roots.
fn store(certificates: &[CertificateDer<'static>]) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates.iter().cloned());
    roots
}
