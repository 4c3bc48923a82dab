//! Leaves that were minted already: bounded, minted once however many ask at the same time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::ServerConfig;
use types::UnixMs;

use crate::error::CertError;
use crate::host::Host;

/// The most hosts whose leaves are kept; beyond it the one unused for longest goes.
pub const LEAVES_MAX: usize = 1_024;

/// A TLS configuration with its leaf, and until when it is handed out.
#[derive(Clone)]
pub(crate) struct Leaf {
    pub(crate) config: Arc<ServerConfig>,
    /// From then on a new one is minted; lies well before the end of the leaf.
    pub(crate) refresh_ms: UnixMs,
}

/// The cache of leaves by host.
pub(crate) struct Leaves {
    hosts: Mutex<Hosts>,
}

#[derive(Default)]
struct Hosts {
    by_host: HashMap<Host, Entry>,
    /// Counts look-ups; the entry with the smallest is the one unused for longest.
    clock: u64,
}

struct Entry {
    /// Locked while its leaf is minted, so that others wait for it instead of minting their own.
    leaf: Arc<Mutex<Option<Leaf>>>,
    used: u64,
}

impl Leaves {
    pub(crate) fn new() -> Self {
        Self { hosts: Mutex::default() }
    }

    /// The configuration for a host: the cached one, or what `mint` makes. Errors are not kept.
    pub(crate) fn find_or_mint(
        &self,
        host: &Host,
        now_ms: UnixMs,
        mint: impl FnOnce() -> Result<Leaf, CertError>,
    ) -> Result<Arc<ServerConfig>, CertError> {
        let slot = lock(&self.hosts).slot(host);
        let mut leaf = lock(&slot);
        if let Some(leaf) = leaf.as_ref().filter(|leaf| now_ms < leaf.refresh_ms) {
            return Ok(Arc::clone(&leaf.config));
        }
        let minted = mint()?;
        let config = Arc::clone(&minted.config);
        *leaf = Some(minted);
        Ok(config)
    }
}

impl Hosts {
    fn slot(&mut self, host: &Host) -> Arc<Mutex<Option<Leaf>>> {
        self.clock += 1;
        if let Some(entry) = self.by_host.get_mut(host) {
            entry.used = self.clock;
            return Arc::clone(&entry.leaf);
        }
        if self.by_host.len() >= LEAVES_MAX {
            self.evict();
        }
        let leaf = Arc::new(Mutex::new(None));
        self.by_host.insert(host.clone(), Entry { leaf: Arc::clone(&leaf), used: self.clock });
        leaf
    }

    /// A walk over all entries is paid once per new host beyond the bound, beside minting (some 25 µs) it is small.
    fn evict(&mut self) {
        let oldest = self.by_host.iter().min_by_key(|(_, entry)| entry.used).map(|(host, _)| host.clone());
        if let Some(host) = oldest {
            self.by_host.remove(&host);
        }
    }
}

/// A panic elsewhere leaves these maps whole: every change is one insertion or one removal.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
