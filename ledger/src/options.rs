//! How much the ledger keeps, and for how long.

/// How long settled and released ids are remembered: 48 hours.
pub(crate) const REMEMBER_MS: u64 = 48 * 60 * 60 * 1000;
/// How many settled and released ids are remembered at most, about 35 MB.
pub(crate) const REMEMBERED_MAX: usize = 100_000;

/// Bounds of a ledger. Every one has a default that suits one gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerOptions {
    /// Most holds that are open at once: 65,536. More are refused as overloaded.
    pub holds_max: usize,
    /// How long settled and released ids are remembered, in milliseconds: 48 hours, and never more (a fold remembers
    /// no longer, and both must agree).
    pub remember_ms: u64,
    /// How many of them at most: 100,000, and never more.
    pub remembered_max: usize,
    /// Most charges that may stand unproved before nothing more is admitted: 262,144.
    pub unreconciled_max: usize,
    /// Most accounts: 1,000,000, about 300 bytes each.
    pub accounts_max: usize,
    /// How long a renewed hold lives without a further renewal, in milliseconds: 120 seconds.
    pub lease_ms: u64,
    /// A vendor's circuit opens when more than this share of an account's limit is presumed for it: 10 percent.
    pub presume_share_percent: u32,
    /// Over which time that share is counted, in milliseconds: ten minutes.
    pub presume_window_ms: u64,
}

impl Default for LedgerOptions {
    fn default() -> Self {
        Self {
            holds_max: 65_536,
            remember_ms: REMEMBER_MS,
            remembered_max: REMEMBERED_MAX,
            unreconciled_max: 262_144,
            accounts_max: 1_000_000,
            lease_ms: 120_000,
            presume_share_percent: 10,
            presume_window_ms: 600_000,
        }
    }
}
