//! Prices by kind of token: as the book lists them, and as they apply.

use types::{Cost, Usage};

/// A kind of token that the book prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Kind {
    Input,
    Output,
    CacheRead,
    CacheWrite,
    CacheWriteHour,
    Reasoning,
    AudioIn,
    AudioOut,
}

impl Kind {
    /// All kinds, with the keys of price files.
    pub(super) const ALL: [(Self, &'static str); 8] = [
        (Self::Input, "in"),
        (Self::Output, "out"),
        (Self::CacheRead, "cr"),
        (Self::CacheWrite, "cw"),
        (Self::CacheWriteHour, "cw1h"),
        (Self::Reasoning, "rsn"),
        (Self::AudioIn, "a_in"),
        (Self::AudioOut, "a_out"),
    ];

    /// What a token of this kind would be if it were not of this kind: its price stands in where it has none.
    const fn otherwise(self) -> Option<Self> {
        match self {
            Self::Input | Self::Output => None,
            Self::CacheRead | Self::CacheWrite | Self::CacheWriteHour | Self::AudioIn => Some(Self::Input),
            Self::Reasoning | Self::AudioOut => Some(Self::Output),
        }
    }
}

/// Listed prices in pico-USD per token; few of a model's kinds have one, so they stand in a short list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Table(pub(super) Box<[(Kind, u64)]>);

impl Table {
    pub(super) fn price(&self, kind: Kind) -> Option<u64> {
        self.0.iter().find(|(own, _)| *own == kind).map(|(_, picos)| *picos)
    }

    /// This table with the prices of another in its place. A kind that only this one lists costs what it costs here,
    /// or what stands in for it there, whichever is dearer: a dearer tier may well have raised it without saying so.
    pub(super) fn overlaid(&self, over: &Self) -> Self {
        self.merged(over, |kind, own, other| match (own, other) {
            (_, Some(other)) => Some(other),
            (Some(own), None) => {
                let stand_in = kind.otherwise().and_then(|otherwise| over.price(otherwise));
                Some(own.max(stand_in.unwrap_or_default()))
            }
            (None, None) => None,
        })
    }

    /// The dearer price of each kind that either lists.
    pub(super) fn dearer(&self, other: &Self) -> Self {
        self.merged(other, |_, own, other| own.max(other))
    }

    fn merged(&self, other: &Self, join: impl Fn(Kind, Option<u64>, Option<u64>) -> Option<u64>) -> Self {
        let joined = Kind::ALL.into_iter().filter_map(|(kind, _)| {
            let picos = join(kind, self.price(kind), other.price(kind))?;
            Some((kind, picos))
        });
        Self(joined.collect())
    }
}

/// The prices that apply to a call, per token and per unit. `None`: no price is known, and nothing can be charged.
///
/// Where the book lists no price of its own: a cache read, a cache write and audio input cost what input costs; a
/// cache write for an hour 1.6 times a cache write, or twice the input where that is not listed either; audio output
/// what output costs. Reasoning is output, at the dearer of both prices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// One token of text input, uncached.
    pub input: Option<Cost>,
    /// One token of output, reasoning included.
    pub output: Option<Cost>,
    /// One token of input read from a cache.
    pub cache_read: Option<Cost>,
    /// One token of input written to a cache.
    pub cache_write: Option<Cost>,
    /// One token of input written to a cache for an hour.
    pub cache_write_1h: Option<Cost>,
    /// One token of audio input.
    pub audio_in: Option<Cost>,
    /// One token of audio output.
    pub audio_out: Option<Cost>,
    /// One web search.
    pub web_search: Option<Cost>,
    /// The request itself.
    pub request: Cost,
    /// By how many thousandths prices of tokens are raised (100: by ten percent).
    pub uplift_thousandths: u32,
}

impl Rates {
    pub(super) fn of(table: &Table) -> Self {
        let price = |kind: Kind| table.price(kind);
        let input = price(Kind::Input);
        let hour = price(Kind::CacheWriteHour).or_else(|| match price(Kind::CacheWrite) {
            Some(write) => write.checked_mul(8).map(|eight| eight.div_ceil(5)),
            None => input.and_then(|input| input.checked_mul(2)),
        });
        let output = price(Kind::Output).map(|output| output.max(price(Kind::Reasoning).unwrap_or_default()));
        let cost = |picos: Option<u64>| picos.map(|picos| Cost::from_picos(i128::from(picos)));
        Self {
            input: cost(input),
            output: cost(output),
            cache_read: cost(price(Kind::CacheRead).or(input)),
            cache_write: cost(price(Kind::CacheWrite).or(input)),
            cache_write_1h: cost(hour),
            audio_in: cost(price(Kind::AudioIn).or(input)),
            audio_out: cost(price(Kind::AudioOut).or(output)),
            ..Self::default()
        }
    }

    /// The exact cost of a call. `None`: something was used that has no price, or the sum does not fit.
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> Option<Cost> {
        let tokens = [
            (self.input, usage.input),
            (self.output, usage.output),
            (self.cache_read, usage.cache_read),
            (self.cache_write, usage.cache_write),
            (self.cache_write_1h, usage.cache_write_1h),
            (self.audio_in, usage.audio_in),
            (self.audio_out, usage.audio_out),
        ];
        let tokens = tokens.into_iter().try_fold(Cost::ZERO, add)?;
        let whole = i128::from(self.uplift_thousandths) + 1_000;
        // Rounded up: the one place where a cost may be finer than a pico-dollar.
        let raised = tokens.picos().checked_mul(whole)?.checked_add(999)?.checked_div(1_000)?;
        add(Cost::from_picos(raised), (self.web_search, usage.web_searches))?.checked_add(self.request)
    }

    /// The dearest price of a token of input of any kind, uplift included: what a bound must assume of input that it
    /// cannot tell apart. `None`: input has no price.
    #[must_use]
    pub fn dearest_input(&self) -> Option<Cost> {
        let kinds = [self.input?, self.cache_read?, self.cache_write?, self.cache_write_1h?, self.audio_in?];
        kinds.into_iter().max().and_then(|dearest| self.raised(dearest))
    }

    /// The dearest price of a token of output of any kind, uplift included. `None`: output has no price.
    #[must_use]
    pub fn dearest_output(&self) -> Option<Cost> {
        self.raised(self.output?.max(self.audio_out?))
    }

    fn raised(&self, cost: Cost) -> Option<Cost> {
        let whole = i128::from(self.uplift_thousandths) + 1_000;
        let picos = cost.picos().checked_mul(whole)?.checked_add(999)?.checked_div(1_000)?;
        Some(Cost::from_picos(picos))
    }

    /// The dearer of each price.
    pub(super) fn dearer(self, other: Self) -> Self {
        Self {
            input: self.input.max(other.input),
            output: self.output.max(other.output),
            cache_read: self.cache_read.max(other.cache_read),
            cache_write: self.cache_write.max(other.cache_write),
            cache_write_1h: self.cache_write_1h.max(other.cache_write_1h),
            audio_in: self.audio_in.max(other.audio_in),
            audio_out: self.audio_out.max(other.audio_out),
            web_search: self.web_search.max(other.web_search),
            request: self.request.max(other.request),
            uplift_thousandths: self.uplift_thousandths.max(other.uplift_thousandths),
        }
    }
}

/// Adds so many things at this price each; what is not used needs no price.
fn add(sum: Cost, (price, count): (Option<Cost>, u64)) -> Option<Cost> {
    if count == 0 { Some(sum) } else { sum.checked_add(price?.checked_mul(count)?) }
}
