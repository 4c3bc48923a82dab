//! Leaf certificates, and the TLS configuration that shows them.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SanType, SerialNumber, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, NoServerSessionStorage, ProducesTickets, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SigningKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use types::UnixMs;

use crate::cache::Leaf;
use crate::error::CertError;
use crate::host::Host;

pub(crate) const HOUR_MS: u64 = 3_600_000;
pub(crate) const DAY_MS: u64 = 24 * HOUR_MS;
/// How long before its making a certificate is valid, for agents whose clocks are slow.
pub(crate) const BACKDATE_MS: u64 = DAY_MS;
/// From its first moment to its last, a leaf lives a fortnight: a stolen one is of little use.
pub const LEAF_LIFETIME_MS: u64 = 14 * DAY_MS;
/// A leaf is replaced when less of its life is left, so that a connection never meets its end.
const REFRESH_BEFORE_MS: u64 = 2 * DAY_MS;
/// The longest common name, `ub-common-name` of RFC 5280 appendix A.1.
const COMMON_NAME_MAX: usize = 64;

/// What all leaves of a run share: one key, one ticketer.
pub(crate) struct LeafMaker {
    provider: Arc<CryptoProvider>,
    key: KeyPair,
    signing: Arc<dyn SigningKey>,
    ticketer: Arc<dyn ProducesTickets>,
}

impl LeafMaker {
    pub(crate) fn new(provider: Arc<CryptoProvider>) -> Result<Self, CertError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let pkcs8 = PrivatePkcs8KeyDer::from(key.serialize_der());
        let signing = provider.key_provider.load_private_key(PrivateKeyDer::Pkcs8(pkcs8))?;
        let ticketer = rustls::crypto::aws_lc_rs::Ticketer::new()?;
        Ok(Self { provider, key, signing, ticketer })
    }

    /// Signs a leaf for the host and wraps it up for a listener. It never outlives the authority.
    pub(crate) fn make(
        &self,
        host: &Host,
        issuer: &Issuer<'_, KeyPair>,
        authority_end_ms: UnixMs,
        now_ms: UnixMs,
    ) -> Result<Leaf, CertError> {
        let not_before_ms = now_ms.saturating_sub(BACKDATE_MS);
        let not_after_ms = (not_before_ms + LEAF_LIFETIME_MS).min(authority_end_ms);
        let mut params = CertificateParams::default();
        params.not_before = date_time_ymd(1970, 1, 1) + since_epoch(not_before_ms);
        params.not_after = date_time_ymd(1970, 1, 1) + since_epoch(not_after_ms);
        params.serial_number = Some(serial(&self.provider)?);
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, common_name(host));
        params.subject_alt_names = vec![match host {
            Host::Address(address) => SanType::IpAddress(*address),
            Host::Name(name) => SanType::DnsName(name.as_ref().try_into()?),
        }];
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        // Python 3.13 and Go look for it (RFC 5280 §4.2.1.1).
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&self.key, issuer)?;
        let config = self.server_config(host.clone(), certificate.der().clone())?;
        // At the end of the authority's life nothing fresher can be had.
        let refresh_ms = if not_after_ms == authority_end_ms { not_after_ms } else { not_after_ms - REFRESH_BEFORE_MS };
        Ok(Leaf { config: Arc::new(config), refresh_ms })
    }

    fn server_config(&self, host: Host, leaf: CertificateDer<'static>) -> Result<ServerConfig, CertError> {
        let certified = Arc::new(CertifiedKey::new(vec![leaf], Arc::clone(&self.signing)));
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(OneHost { host, certified }));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Tickets hold the session at the client; a cache of sessions per host would multiply by the hosts.
        config.ticketer = Arc::clone(&self.ticketer);
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 1;
        Ok(config)
    }
}

/// A serial number of our own: rcgen would derive it from the key, and all leaves share one, but a pair of issuer and
/// serial must be unique (RFC 5280 §4.1.2.2; NSS refuses the second one).
pub(crate) fn serial(provider: &CryptoProvider) -> Result<SerialNumber, CertError> {
    let mut random = [0_u8; 16];
    provider.secure_random.fill(&mut random).map_err(|_| rustls::Error::FailedToGetRandomBytes)?;
    // Positive, not zero, and of one length whatever the dice say.
    let [first, ..] = &mut random;
    *first = (*first & 0x3f) | 0x40;
    Ok(SerialNumber::from_slice(&random))
}

/// Clients look at the alternative name; the common name is for people, and a long one would not be valid.
fn common_name(host: &Host) -> String {
    let name = host.to_string();
    if name.len() <= COMMON_NAME_MAX { name } else { "intercepted by Bursar".to_owned() }
}

/// X.509 counts whole seconds.
pub(crate) fn since_epoch(unix_ms: UnixMs) -> Duration {
    Duration::from_secs(unix_ms / 1_000)
}

/// Shows the leaf of one host, to clients that ask for that host or (for addresses always) for none.
#[derive(Debug)]
struct OneHost {
    host: Host,
    certified: Arc<CertifiedKey>,
}

impl ResolvesServerCert for OneHost {
    /// A client that says CONNECT to one host and asks for another inside is fronting; it gets an alert.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        match hello.server_name() {
            Some(name) if !self.host.is_meant_by(name) => None,
            _ => Some(Arc::clone(&self.certified)),
        }
    }
}
