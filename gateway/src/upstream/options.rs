//! How the gateway goes out.

use std::path::PathBuf;
use std::sync::Arc;

use rustls_pki_types::CertificateDer;

use config::AddressRange;

/// What the way out is made from.
#[derive(Clone, Debug)]
pub struct UpstreamOptions {
    /// PEM files with certificates of authorities that are trusted beside the roots of the web.
    pub ca_files: Vec<PathBuf>,
    /// Exceptions from the ranges that are never dialled.
    pub allow_addresses: Vec<AddressRange>,
    /// Ports that this gateway listens on: with its own address, such a destination would be a loop.
    pub own_ports: Arc<[u16]>,
    /// Authorities whose leaves prove nothing about a vendor: our own. One of them in `ca_files` is an error.
    pub never_trust: Vec<CertificateDer<'static>>,
    /// The longest time to make a connection: looking the host up, connecting, shaking hands.
    pub connect_timeout_ms: u64,
    /// The longest time from the start to the end of the head of the answer; models think before they speak.
    pub head_timeout_ms: u64,
    /// How long an unused connection is kept. Below what servers wait (60 s at the load balancer of AWS, 75 s at
    /// nginx), so that we, not they, end it: a request that meets a closing connection may be lost.
    pub pool_idle_ms: u64,
    /// The most requests to one vendor at the same time.
    pub in_flight_max: u32,
}

impl Default for UpstreamOptions {
    fn default() -> Self {
        Self {
            ca_files: Vec::new(),
            allow_addresses: Vec::new(),
            own_ports: Arc::from([]),
            never_trust: Vec::new(),
            connect_timeout_ms: 10_000,
            head_timeout_ms: 600_000,
            pool_idle_ms: 45_000,
            in_flight_max: 1_024,
        }
    }
}
