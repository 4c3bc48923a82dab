//! The certificate authority: made on first start, kept in two files, asked for a leaf per intercepted host.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use types::{Secret, UnixMs};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::bundle;
use crate::cache::Leaves;
use crate::error::CertError;
use crate::files;
use crate::host::Host;
use crate::leaf::{BACKDATE_MS, DAY_MS, LeafMaker, serial, since_epoch};
use crate::pem;

/// The authority lives ten years less two leap days: agents trust it for as long as an installation lives.
const AUTHORITY_LIFETIME_MS: u64 = 3_650 * DAY_MS;

/// Our certificate authority. Share it behind an `Arc`; every method is for any thread.
pub struct Authority {
    certificate: CertificateDer<'static>,
    certificate_pem: String,
    issuer: Issuer<'static, KeyPair>,
    path: PathBuf,
    not_before_ms: UnixMs,
    not_after_ms: UnixMs,
    maker: LeafMaker,
    leaves: Leaves,
}

impl Authority {
    /// Opens the authority kept in `<dir>/ca.pem` (0644) and `<dir>/ca.key` (0600); makes one where neither is there.
    ///
    /// The caller owns the directory alone (its lock is taken before).
    ///
    /// # Errors
    /// Files that cannot be read or written, a key that others can read, one file without the other, a pair that does
    /// not fit, a certificate that is no authority or whose time is over. Each says how to mend it.
    pub fn open_or_create(dir: &Path, now_ms: UnixMs) -> Result<Self, CertError> {
        let paths = Paths { certificate: dir.join("ca.pem"), key: dir.join("ca.key") };
        match (files::is_there(&paths.certificate)?, files::is_there(&paths.key)?) {
            (true, true) => {}
            (false, false) => create(dir, &paths, now_ms)?,
            (true, false) => return Err(CertError::HalfPair { present: paths.certificate, missing: paths.key }),
            (false, true) => return Err(CertError::HalfPair { present: paths.key, missing: paths.certificate }),
        }
        // What was just made is read like what was found: one way in.
        Self::open(paths, now_ms)
    }

    fn open(paths: Paths, now_ms: UnixMs) -> Result<Self, CertError> {
        let key_pem = files::read_secret(&paths.key)?;
        let text = files::read(&paths.certificate)?;
        let malformed = || CertError::MalformedCertificate { path: paths.certificate.clone() };
        let certificate = CertificateDer::from_pem_slice(text.as_bytes()).map_err(|_| malformed())?;
        let (_, parsed) = X509Certificate::from_der(&certificate).map_err(|_| malformed())?;
        let signs = parsed.key_usage().ok().flatten().is_none_or(|usage| usage.value.key_cert_sign());
        if !parsed.is_ca() || !signs {
            return Err(CertError::NotAnAuthority { path: paths.certificate });
        }
        let not_before_ms = unix_ms(parsed.validity().not_before.timestamp());
        let not_after_ms = unix_ms(parsed.validity().not_after.timestamp());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = fitting_key(&paths, &key_pem, &certificate, &provider)?;
        let issuer = Issuer::from_ca_cert_der(&certificate, key).map_err(|_| malformed())?;
        let authority = Self {
            certificate_pem: pem::certificate(&certificate),
            issuer,
            path: paths.certificate,
            not_before_ms,
            not_after_ms,
            maker: LeafMaker::new(provider)?,
            leaves: Leaves::new(),
            certificate,
        };
        authority.check_time(now_ms)?;
        Ok(authority)
    }

    /// The TLS configuration that answers for a host: its leaf (minted on demand, kept for the run, replaced before it
    /// ends), TLS 1.2 and 1.3, ALPN `http/1.1`. A client that asks for another host by SNI is refused in the handshake.
    ///
    /// Minting takes some 25 µs and is done once per host however many ask; ask only for hosts that a route allows.
    ///
    /// # Errors
    /// A text that is no host, or an authority whose time is over.
    pub fn server_config(&self, host: &str, now_ms: UnixMs) -> Result<Arc<ServerConfig>, CertError> {
        self.check_time(now_ms)?;
        let host = Host::parse(host)?;
        self.leaves.find_or_mint(&host, now_ms, || self.maker.make(&host, &self.issuer, self.not_after_ms, now_ms))
    }

    fn check_time(&self, now_ms: UnixMs) -> Result<(), CertError> {
        let Self { not_before_ms, not_after_ms, .. } = *self;
        if (not_before_ms..not_after_ms).contains(&now_ms) {
            return Ok(());
        }
        Err(CertError::OutOfTime { path: self.path.clone(), not_before_ms, not_after_ms, now_ms })
    }

    /// The authority's certificate as PEM, to be trusted by agents.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The authority's certificate as DER.
    #[must_use]
    pub fn export_der(&self) -> Vec<u8> {
        self.certificate.to_vec()
    }

    /// The authority's certificate, for those who must never trust it: vendors' certificates are checked without it.
    #[must_use]
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// SHA-256 of the certificate, as `openssl x509 -fingerprint -sha256` prints it: `AB:CD:...`.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::digest(&self.certificate);
        digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
    }

    /// The last moment of the authority.
    #[must_use]
    pub const fn not_after_ms(&self) -> UnixMs {
        self.not_after_ms
    }

    /// The system's roots, ours and `extra` ones, as one PEM text: what `SSL_CERT_FILE`, `REQUESTS_CA_BUNDLE` and
    /// their like need, because such a file replaces the system's.
    ///
    /// # Errors
    /// [`CertError::NoSystemRoots`] where the system has none.
    pub fn bundle_pem(&self, extra: &[CertificateDer<'_>]) -> Result<String, CertError> {
        let roots = bundle::system_roots()?;
        Ok(bundle::assemble(std::iter::once(&self.certificate).chain(&roots).chain(extra)))
    }

    /// Writes the bundle of the system's roots and ours; a reader sees the old file or the new one, never a part.
    ///
    /// # Errors
    /// As [`Self::bundle_pem`], and a file that cannot be written.
    pub fn write_bundle(&self, path: &Path) -> Result<(), CertError> {
        files::write_whole(path, &self.bundle_pem(&[])?, files::PUBLIC)
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("path", &self.path).field("not_after_ms", &self.not_after_ms).finish()
    }
}

struct Paths {
    certificate: PathBuf,
    key: PathBuf,
}

/// Makes key and certificate. The key is written first: a certificate without its key would be useless, and a key
/// without its certificate is told apart and reported.
fn create(dir: &Path, paths: &Paths, now_ms: UnixMs) -> Result<(), CertError> {
    files::make_directory(dir)?;
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::default();
    let not_before_ms = now_ms.saturating_sub(BACKDATE_MS);
    params.not_before = date_time_ymd(1970, 1, 1) + since_epoch(not_before_ms);
    params.not_after = date_time_ymd(1970, 1, 1) + since_epoch(not_before_ms + AUTHORITY_LIFETIME_MS);
    params.serial_number = Some(serial(&rustls::crypto::aws_lc_rs::default_provider())?);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, authority_name(&params.key_identifier(&key)));
    let certificate = params.self_signed(&key)?;
    let key_pem = Secret::new(key.serialize_pem());
    files::write_whole(&paths.key, key_pem.expose(), files::OWNER_ONLY)?;
    files::write_whole(&paths.certificate, &pem::certificate(certificate.der()), files::PUBLIC)
}

/// A name that tells our authorities apart in a list of trusted ones: it carries the start of the key's identifier.
fn authority_name(key_identifier: &[u8]) -> String {
    let id: String = key_identifier.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("Bursar CA {id}")
}

/// The key, if it is the one that the certificate names.
fn fitting_key(
    paths: &Paths,
    key_pem: &Secret,
    certificate: &CertificateDer<'static>,
    provider: &CryptoProvider,
) -> Result<KeyPair, CertError> {
    let malformed = || CertError::MalformedKey { path: paths.key.clone() };
    let der = PrivateKeyDer::from_pem_slice(key_pem.expose().as_bytes()).map_err(|_| malformed())?;
    let signing = provider.key_provider.load_private_key(der).map_err(|_| malformed())?;
    let pair = CertifiedKey::new(vec![certificate.clone()], signing);
    if pair.keys_match().is_err() {
        return Err(CertError::WrongPair { certificate: paths.certificate.clone(), key: paths.key.clone() });
    }
    KeyPair::from_pem(key_pem.expose()).map_err(|_| malformed())
}

/// Certificates count seconds, and may begin before 1970.
fn unix_ms(seconds: i64) -> UnixMs {
    u64::try_from(seconds).unwrap_or(0).saturating_mul(1_000)
}
