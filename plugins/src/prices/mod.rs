//! The price book: what a token of which model costs at which vendor, now.

use std::fmt;

use types::{Cost, Name, UnixMs, Usage};

/// Prices of all providers, read from the files that ship and those an owner adds.
#[derive(Debug)]
pub struct PriceBook {
    version: Name,
    providers: Vec<Provider>,
}

/// One provider of the book.
#[derive(Debug)]
pub struct Provider {
    /// Its id, as routes name it.
    pub id: Name,
    /// Its hosts, lower case.
    pub hosts: Vec<Box<str>>,
    models: Vec<Model>,
}

/// One model of a provider.
#[derive(Debug)]
pub struct Model {
    /// Its id in the book.
    pub id: Name,
    /// Its context window in tokens.
    pub context: Option<u64>,
    /// The most input in tokens.
    pub max_input: Option<u64>,
    /// The most output in tokens.
    pub max_output: Option<u64>,
}

/// On which terms a call is priced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms<'a> {
    /// When the call was made.
    pub now_ms: UnixMs,
    /// The service tier as the answer (or, for a bound, the request) names it; `None` and the names of the standard
    /// tier (`default`, `auto`, `standard`, `on_demand`, ...) mean list price.
    pub tier: Option<&'a str>,
    /// The uplift that applies, as the book names it: `us`, `eu` (data residency).
    pub uplift: Option<&'a str>,
}

/// Prices of one call, resolved: per token and per unit. `None`: no price is known, nothing can be charged for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Text input, uncached.
    pub input: Option<Cost>,
    /// Output, reasoning included.
    pub output: Option<Cost>,
    /// Input read from a cache.
    pub cache_read: Option<Cost>,
    /// Input written to a cache.
    pub cache_write: Option<Cost>,
    /// Input written to a cache for an hour.
    pub cache_write_1h: Option<Cost>,
    /// Audio input.
    pub audio_in: Option<Cost>,
    /// Audio output.
    pub audio_out: Option<Cost>,
    /// One web search.
    pub web_search: Option<Cost>,
    /// The fee for the request itself.
    pub request: Cost,
    /// What token prices are multiplied by, in thousandths.
    pub uplift_thousandths: u32,
}

/// Why a price file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PriceError {
    /// There is no file.
    Empty,
}

impl fmt::Display for PriceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no price file")
    }
}

impl std::error::Error for PriceError {}

impl PriceBook {
    /// Reads price files: their names (for errors) and their bytes.
    ///
    /// # Errors
    /// Which file, what and where.
    pub fn parse(_files: &[(&str, &[u8])]) -> Result<Self, PriceError> {
        Err(PriceError::Empty)
    }

    /// The version: the start of a SHA-256 over the files.
    #[must_use]
    pub const fn version(&self) -> &Name {
        &self.version
    }

    /// The provider of this id.
    #[must_use]
    pub fn provider(&self, id: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| &*provider.id == id)
    }

    /// The provider whose host this is (lower case, without port).
    #[must_use]
    pub fn provider_of_host(&self, host: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.hosts.iter().any(|own| &**own == host))
    }

    /// The model that a wire id means: exact id, then aliases, then anchored match clauses in the order of the book.
    /// `None`: unknown, and unknown is never free.
    #[must_use]
    pub fn model(&self, provider: &str, wire_id: &str, _now_ms: UnixMs) -> Option<&Model> {
        self.provider(provider)?.models.iter().find(|model| &*model.id == wire_id)
    }

    /// The exact cost of a call at list price of the tier. `None`: model or a price that it needs is unknown.
    #[must_use]
    pub fn cost(&self, provider: &str, model: &str, usage: &Usage, now_ms: UnixMs, tier: Option<&str>) -> Option<Cost> {
        self.model(provider, model, now_ms)?.cost(usage, &Terms { now_ms, tier, uplift: None })
    }
}

impl Provider {
    /// The fee of a server-side tool (`web_search`, `file_search`, `ci_container`, ...) per use.
    #[must_use]
    pub fn tool_fee(&self, _tool: &str) -> Option<Cost> {
        None
    }
}

impl Model {
    /// The rates that a call is settled at. `total_input`: all input tokens of the call, cached or not, which picks the
    /// long-context tier of the whole request.
    #[must_use]
    pub fn rates(&self, _terms: &Terms<'_>, _total_input: u64) -> Option<Rates> {
        None
    }

    /// The dearest rates that may apply to a call with at most this much input: every long-context tier within reach,
    /// every hour of the day, the asked tier and the standard one, and the higher of disputed prices.
    #[must_use]
    pub fn bound_rates(&self, _terms: &Terms<'_>, _total_input_max: u64) -> Option<Rates> {
        None
    }

    /// The exact cost of a call. `None`: a price that it needs is unknown.
    #[must_use]
    pub fn cost(&self, usage: &Usage, terms: &Terms<'_>) -> Option<Cost> {
        self.rates(terms, usage.input_total())?.cost(usage)
    }

    /// The fee per unit of this model (`web_search`, `file_search`, ...), or else of its provider's tools.
    #[must_use]
    pub fn fee(&self, _unit: &str) -> Option<Cost> {
        None
    }
}

impl Rates {
    /// The exact cost of these tokens and searches. `None`: something was used that has no price.
    #[must_use]
    pub fn cost(&self, _usage: &Usage) -> Option<Cost> {
        None
    }

    /// The dearest price of an input token of any kind: what a bound must assume of input it cannot tell apart.
    #[must_use]
    pub fn dearest_input(&self) -> Option<Cost> {
        None
    }
}
