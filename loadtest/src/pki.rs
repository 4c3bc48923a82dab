//! A throw-away certificate authority for tests and measurements, and TLS settings with the one provider of the tree.

use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::LoadtestError;

/// An authority whose key lives in memory only.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// A fresh authority with a P-256 key.
    ///
    /// # Errors
    /// The cryptographic library gives no key.
    pub fn new(name: &str) -> Result<Self, LoadtestError> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Ok(Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate()?)? })
    }

    /// The authority's certificate.
    #[must_use]
    pub fn certificate_pem(&self) -> String {
        self.issuer.pem()
    }

    /// The authority's key, for programs that mint leaves of their own with it.
    #[must_use]
    pub fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// A leaf for these host names and addresses, valid now.
    ///
    /// # Errors
    /// A name that cannot stand in a certificate.
    pub fn leaf(&self, names: &[&str]) -> Result<Leaf, LoadtestError> {
        self.sign(leaf_params(names)?)
    }

    /// A leaf that has been out of date since 2001.
    ///
    /// # Errors
    /// A name that cannot stand in a certificate.
    pub fn expired_leaf(&self, names: &[&str]) -> Result<Leaf, LoadtestError> {
        let mut params = leaf_params(names)?;
        params.not_before = rcgen::date_time_ymd(2000, 1, 1);
        params.not_after = rcgen::date_time_ymd(2001, 1, 1);
        self.sign(params)
    }

    fn sign(&self, params: CertificateParams) -> Result<Leaf, LoadtestError> {
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Leaf { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority")
    }
}

fn leaf_params(names: &[&str]) -> Result<CertificateParams, LoadtestError> {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names.clone())?;
    params.distinguished_name.push(DnType::CommonName, names.first().cloned().unwrap_or_default());
    params.use_authority_key_identifier_extension = true;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

/// A certificate chain and its key, as PEM.
#[derive(Clone)]
pub struct Leaf {
    /// The chain, leaf first.
    pub certificate_pem: String,
    /// The key.
    pub key_pem: String,
}

impl std::fmt::Debug for Leaf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Leaf")
    }
}

impl Leaf {
    /// Reads a chain and a key from PEM files.
    ///
    /// # Errors
    /// A file that cannot be read; whether it holds PEM is seen by [`Leaf::server_config`].
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, LoadtestError> {
        let text = |path: &Path| {
            std::fs::read_to_string(path).map_err(|source| LoadtestError::Pem {
                path: path.to_owned(),
                source: rustls_pki_types::pem::Error::Io(source),
            })
        };
        Ok(Self { certificate_pem: text(certificate)?, key_pem: text(key)? })
    }

    /// The TLS settings of a server with this certificate; HTTP/2 is offered first where `http2`.
    ///
    /// # Errors
    /// No PEM, or a key that does not fit.
    pub fn server_config(&self, http2: bool) -> Result<rustls::ServerConfig, LoadtestError> {
        let pem = |source| LoadtestError::Pem { path: "the given PEM".into(), source };
        let chain = CertificateDer::pem_slice_iter(self.certificate_pem.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(pem)?;
        let key = PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes()).map_err(pem)?;
        let mut config = rustls::ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        if http2 {
            config.alpn_protocols.push(b"h2".to_vec());
        }
        config.alpn_protocols.push(b"http/1.1".to_vec());
        Ok(config)
    }
}

/// The TLS settings of a client that trusts the certificates of these PEM files only and speaks HTTP/1.1.
///
/// Sessions are not resumed unless `resume`: Python and Node clients do not, and a test should pay what they pay.
///
/// # Errors
/// A file that cannot be read or holds no certificate.
pub fn client_config(roots: &[impl AsRef<Path>], resume: bool) -> Result<rustls::ClientConfig, LoadtestError> {
    let mut store = rustls::RootCertStore::empty();
    for path in roots {
        let path = path.as_ref();
        let wrong = |source| LoadtestError::Pem { path: path.to_owned(), source };
        for certificate in CertificateDer::pem_file_iter(path).map_err(wrong)? {
            store.add(certificate.map_err(wrong)?)?;
        }
    }
    let mut config = rustls::ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(store)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    if !resume {
        config.resumption = rustls::client::Resumption::disabled();
    }
    Ok(config)
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
