//! The price book: what a token of which model costs at which provider, now.
//!
//! A file holds one provider; `config/prices/README.md` tells its format and where its figures come from. Prices are
//! decimal strings of US dollars (per million tokens, or per unit) and become exact integers: pico-USD per token, which
//! the six decimals that a price may have make exact. There is no float on the way.
//!
//! **Unknown is never free.** A wire id that no clause names, or a model marked `zero` (its source lists nothing but
//! zeros), is unknown: [`PriceBook::model`] is `None`. A kind of token without a price of its own costs what the kind
//! costs that it would otherwise be ([`Rates`] tells which); where that has none either, [`Rates::cost`] is `None`.

mod clause;
mod date;
mod error;
mod model;
mod rates;
mod read;
mod tariff;

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};
use types::{Cost, Name, UnixMs, Usage};

pub use error::{PriceError, PriceFault};
pub use model::{Model, Terms};
pub use rates::Rates;

use clause::Clause;

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
    /// Its hosts, lower case, without port.
    pub hosts: Vec<Box<str>>,
    models: Vec<Model>,
    /// Exact ids and aliases, sorted, with the place of their model.
    names: Box<[(Name, usize)]>,
    /// Match clauses in the order of the file, with the place of their model.
    clauses: Box<[(Clause, usize)]>,
}

impl PriceBook {
    /// Reads price files: their names (for errors) and their bytes.
    ///
    /// # Errors
    /// Which file, what is wrong and where; no file at all; a provider or a host that stands in two files.
    pub fn parse(files: &[(&str, &[u8])]) -> Result<Self, PriceError> {
        if files.is_empty() {
            return Err(PriceError { file: String::new(), fault: PriceFault::NoFile });
        }
        let mut providers: Vec<Provider> = Vec::with_capacity(files.len());
        let (mut ids, mut hosts) = (BTreeSet::new(), BTreeSet::new());
        for (name, bytes) in files {
            let blame = |fault| PriceError { file: String::from(*name), fault };
            let provider = read::provider(bytes).map_err(blame)?;
            if !ids.insert(provider.id.clone()) {
                return Err(blame(PriceFault::ProviderTwice { provider: provider.id }));
            }
            if let Some(host) = provider.hosts.iter().find(|host| !hosts.insert((*host).clone())) {
                return Err(blame(PriceFault::HostTwice { host: host.clone() }));
            }
            providers.push(provider);
        }
        Ok(Self { version: version(files), providers })
    }

    /// The version: the first twelve hex digits of a SHA-256 over names and bytes of the files. It stands in every
    /// entry of the trail that was priced by this book.
    #[must_use]
    pub const fn version(&self) -> &Name {
        &self.version
    }

    /// All providers, in the order of the files.
    #[must_use]
    pub fn providers(&self) -> &[Provider] {
        &self.providers
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

    /// The model that a wire id means: by exact id or alias, else by the first anchored match clause in the order of
    /// the file. `None`: unknown, or known without any price; either way nobody can say what it costs.
    ///
    /// Prices are dated, models are not: `now_ms` says when the answer is to hold, and today's book has one for all
    /// times.
    #[must_use]
    pub fn model(&self, provider: &str, wire_id: &str, _now_ms: UnixMs) -> Option<&Model> {
        self.provider(provider)?.model(wire_id)
    }

    /// The exact cost of a call without uplift. `None`: the model, or a price that the usage needs, is unknown.
    #[must_use]
    pub fn cost(&self, provider: &str, model: &str, usage: &Usage, now_ms: UnixMs, tier: Option<&str>) -> Option<Cost> {
        self.model(provider, model, now_ms)?.cost(usage, &Terms { now_ms, tier, uplift: None })
    }

    /// The dearest rates that may apply to a call without uplift; see [`Model::bound_rates`].
    #[must_use]
    pub fn bound_rates(
        &self,
        provider: &str,
        model: &str,
        total_input_max: u64,
        now_ms: UnixMs,
        tier: Option<&str>,
    ) -> Option<Rates> {
        self.model(provider, model, now_ms)?.bound_rates(&Terms { now_ms, tier, uplift: None }, total_input_max)
    }
}

impl Provider {
    /// Its models, in the order of the file; those without a price are among them.
    #[must_use]
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// As [`PriceBook::model`].
    #[must_use]
    pub fn model(&self, wire_id: &str) -> Option<&Model> {
        let exact = self.names.binary_search_by(|(name, _)| (**name).cmp(wire_id));
        let place = match exact.ok().and_then(|index| self.names.get(index)) {
            Some((_, place)) => *place,
            None => self.matched(wire_id)?,
        };
        self.models.get(place).filter(|model| model.is_priced())
    }

    /// The place of the first model with a clause that fits. Clauses look at the lower-cased id, and only at ids that
    /// could be one: no blank, no control character, nothing outside ASCII can hide behind a matching prefix.
    fn matched(&self, wire_id: &str) -> Option<usize> {
        const ID_BYTES_MAX: usize = 200;
        let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'`');
        if wire_id.len() > ID_BYTES_MAX || !wire_id.bytes().all(plain) {
            return None;
        }
        let lower = wire_id.to_ascii_lowercase();
        self.clauses.iter().find(|(clause, _)| clause.fits(&lower)).map(|(_, place)| *place)
    }
}

fn version(files: &[(&str, &[u8])]) -> Name {
    let mut hash = Sha256::new();
    for (name, bytes) in files {
        // Lengths before contents, so that no two sets of files are the same bytes.
        for part in [name.as_bytes(), bytes] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    let digest = hash.finalize();
    digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect::<String>().into()
}

#[cfg(test)]
mod tests;
