//! One model: which of its prices apply, and which are the dearest that may.

use types::{Cost, Name, UnixMs, Usage};

use super::rates::{Rates, Table};
use super::tariff::{Dated, Peak, Tariff};

/// One model of a provider.
#[derive(Debug)]
pub struct Model {
    /// Its id in the book.
    pub id: Name,
    /// Its context window in tokens, input and output together.
    pub context: Option<u64>,
    /// The most input in tokens.
    pub max_input: Option<u64>,
    /// The most output in tokens.
    pub max_output: Option<u64>,
    /// Its source lists nothing but zeros: a price that nobody has confirmed.
    pub(super) unknown: bool,
    pub(super) standard: Dated,
    /// Service tiers by the name that answers carry.
    pub(super) tiers: Box<[(Box<str>, Dated)]>,
    pub(super) peaks: Box<[Peak]>,
    /// Higher prices that another source claims: reserved, never charged.
    pub(super) disputed: Option<Box<Tariff>>,
    /// Uplifts by name, in thousandths on top.
    pub(super) uplifts: Box<[(Box<str>, u32)]>,
    /// Fees per unit, the provider's tools included.
    pub(super) fees: Box<[(Box<str>, Cost)]>,
}

/// On which terms a call is priced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms<'a> {
    /// When the call was made.
    pub now_ms: UnixMs,
    /// The service tier: of the answer for a charge, of the request for a bound. `None` and the names of the standard
    /// tier (`default`, `auto`, `standard`, `on_demand`, ...) mean list price, prepaid capacity (`scale`,
    /// `provisioned`, ...) is counted at list price. Anthropic's `speed: fast` is the tier `speed_fast`.
    pub tier: Option<&'a str>,
    /// The uplift that applies, as the book names it: `us` or `eu` for data that stay there. A model without such an
    /// uplift has none.
    pub uplift: Option<&'a str>,
}

/// How a tier's name is to be read.
enum Tier<'m> {
    /// List price.
    Standard,
    /// These prices.
    Listed(&'m Dated),
    /// List price, raised by so many thousandths.
    Raised(u32),
    /// A tier that the book does not list, and that is dearer than list price by its name.
    Unknown,
    /// A name that tells nothing.
    Unheard,
}

impl Model {
    /// Whether the book lists a price for it.
    #[must_use]
    pub const fn is_priced(&self) -> bool {
        !self.unknown
    }

    /// The rates that a call is settled at. `total_input` is its input of all kinds, cached or not: it picks the tier
    /// for long input, which prices the whole call.
    ///
    /// A service tier that the book does not list costs list price where its name promises a discount (`flex`,
    /// `batch`), has no known rate where its name promises speed (`priority`, `fast`, ...): `None`; and costs the
    /// dearest tier of the model where its name tells nothing.
    #[must_use]
    pub fn rates(&self, terms: &Terms<'_>, total_input: u64) -> Option<Rates> {
        let standard = self.standard.at(terms.now_ms)?;
        let base = self.standard_table(standard, terms.now_ms, total_input);
        let (table, raise) = match self.tier(terms.tier) {
            Tier::Standard => (base, 0),
            Tier::Raised(thousandths) => (base, thousandths),
            Tier::Listed(dated) => (self.tier_table(standard, dated, &base, terms.now_ms, total_input)?, 0),
            Tier::Unknown => return None,
            Tier::Unheard => (self.dearest_tier(standard, base, terms.now_ms, total_input), 0),
        };
        Some(self.resolved(&table, terms, raise))
    }

    /// The dearest rates that may apply to a call with at most so much input: the asked tier and the standard one
    /// (a call may be served by either), every tier for long input within reach, every hour of the day, and the higher
    /// of disputed prices. `None`: the asked tier has no known price.
    #[must_use]
    pub fn bound_rates(&self, terms: &Terms<'_>, total_input_max: u64) -> Option<Rates> {
        let standard = self.standard.at(terms.now_ms)?;
        if matches!(self.tier(terms.tier), Tier::Unknown) {
            return None;
        }
        let disputed = self.disputed.as_deref();
        let tiers = self.tiers.iter().filter_map(|(_, dated)| dated.at(terms.now_ms));
        // One amount of input for each tier that can be reached, the least among them.
        let tariffs = [Some(standard), disputed].into_iter().flatten().chain(tiers);
        let steps = tariffs.flat_map(|tariff| tariff.steps(total_input_max)).chain([0]);
        let mut dearest: Option<Rates> = None;
        for total_input in steps {
            let charged = self.rates(terms, total_input)?;
            let base = standard.table(&Table::default(), total_input);
            let peaks = self.peaks.iter().map(|peak| base.overlaid(&peak.table));
            let claims = disputed.map(|disputed| base.dearer(&disputed.table(&Table::default(), total_input)));
            let others = peaks.chain(claims).chain([base.clone()]).map(|table| self.resolved(&table, terms, 0));
            let step = others.fold(charged, Rates::dearer);
            dearest = Some(dearest.map_or(step, |dearest| dearest.dearer(step)));
        }
        dearest
    }

    /// The exact cost of a call. `None`: a price that it needs is unknown.
    #[must_use]
    pub fn cost(&self, usage: &Usage, terms: &Terms<'_>) -> Option<Cost> {
        self.rates(terms, usage.input_total())?.cost(usage)
    }

    /// The fee per use of a server-side tool or other unit (`web_search`, `file_search`, `ci_container`, ...), of the
    /// model or else of its provider.
    #[must_use]
    pub fn fee(&self, unit: &str) -> Option<Cost> {
        self.fees.iter().find(|(name, _)| &**name == unit).map(|(_, fee)| *fee)
    }

    /// List price at a time: the hour of the day included.
    fn standard_table(&self, standard: &Tariff, now_ms: UnixMs, total_input: u64) -> Table {
        let table = standard.table(&Table::default(), total_input);
        match self.peaks.iter().find(|peak| peak.hours.contain(now_ms)) {
            Some(peak) => table.overlaid(&peak.table),
            None => table,
        }
    }

    /// A tier's prices on top of list price. Where the tier says nothing of long input but the list does, or where the
    /// list changed after the tier was written down, nobody knows: the dearer of both.
    fn tier_table(
        &self,
        standard: &Tariff,
        dated: &Dated,
        base: &Table,
        now_ms: UnixMs,
        total_input: u64,
    ) -> Option<Table> {
        let tier = dated.at(now_ms)?;
        let silent = tier.above.is_empty() && standard.steps(total_input).next().is_some();
        let stale = standard.from_ms > tier.from_ms;
        let table = tier.table(base, total_input);
        Some(if silent || stale { table.dearer(base) } else { table })
    }

    fn dearest_tier(&self, standard: &Tariff, base: Table, now_ms: UnixMs, total_input: u64) -> Table {
        let tiers = self.tiers.iter();
        let tables = tiers.filter_map(|(_, dated)| self.tier_table(standard, dated, &base, now_ms, total_input));
        tables.fold(base.clone(), |dearest, table| dearest.dearer(&table))
    }

    fn tier(&self, name: Option<&str>) -> Tier<'_> {
        let Some(name) = name.map(str::to_ascii_lowercase) else { return Tier::Standard };
        if let Some((_, dated)) = self.tiers.iter().find(|(own, _)| **own == *name) {
            return Tier::Listed(dated);
        }
        match name.as_str() {
            "" | "auto" | "default" | "standard" | "standard_only" | "on_demand" => Tier::Standard,
            "provisioned" | "provisioned_throughput" | "reserved" | "scale" => Tier::Standard,
            "batch" | "flex" => Tier::Standard,
            "speed_fast" => self.uplift(Some("fast")).map_or(Tier::Unknown, Tier::Raised),
            "fast" | "performance" | "priority" | "turbo" | "ultrafast" => Tier::Unknown,
            _ => Tier::Unheard,
        }
    }

    fn uplift(&self, name: Option<&str>) -> Option<u32> {
        let name = name?;
        self.uplifts.iter().find(|(own, _)| &**own == name).map(|(_, thousandths)| *thousandths)
    }

    /// Rates of a table, with fees and uplifts. Two uplifts multiply; the product is rounded up to a thousandth.
    fn resolved(&self, table: &Table, terms: &Terms<'_>, raise: u32) -> Rates {
        let region = u64::from(self.uplift(terms.uplift).unwrap_or_default());
        let product = (1_000 + region).saturating_mul(1_000 + u64::from(raise)).div_ceil(1_000);
        Rates {
            web_search: self.fee("web_search"),
            request: self.fee("request").unwrap_or_default(),
            uplift_thousandths: u32::try_from(product.saturating_sub(1_000)).unwrap_or(u32::MAX),
            ..Rates::of(table)
        }
    }
}
