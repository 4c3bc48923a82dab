//! The bound of a call: what it may cost at most, as a function of its output bound alone.
//!
//! One function prices a bound, [`Bound::amounts`]; the output that a grant pays for is searched on the very same
//! function, so the two cannot disagree by a rounding.

use types::{Amounts, Money, Name, OutputBound, Quote, Reason, Usage};

use crate::meter::{Clamp, MeterOptions};
use crate::prices::Rates;

/// What may be among the input, beside plain text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct InputKinds {
    /// Tokens that are written to a cache.
    pub(super) cache_write: bool,
    /// Tokens that are written to a cache for an hour.
    pub(super) cache_write_1h: bool,
    /// Sound.
    pub(super) audio: bool,
}

/// One run of one model in a call; most calls are one run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    rates: Rates,
    /// The most input, in the bucket that costs most, and the searches.
    fixed: Usage,
    audio_out: bool,
    output_fixed: u64,
    output_times: u64,
}

impl Run {
    /// A run of at most `input` tokens, each of the dearest kind that is among them.
    pub(super) fn new(rates: Rates, input: u64, kinds: InputKinds) -> Self {
        let buckets = [
            (true, rates.input, Usage { input, ..Usage::default() }),
            (kinds.cache_write, rates.cache_write, Usage { cache_write: input, ..Usage::default() }),
            (kinds.cache_write_1h, rates.cache_write_1h, Usage { cache_write_1h: input, ..Usage::default() }),
            (kinds.audio, rates.audio_in, Usage { audio_in: input, ..Usage::default() }),
        ];
        let dearest = buckets.into_iter().filter(|(among, _, _)| *among).max_by_key(|(_, rate, _)| *rate);
        let fixed = dearest.map_or(Usage::default(), |(_, _, usage)| usage);
        Self { rates, fixed, audio_out: false, output_fixed: 0, output_times: 1 }
    }

    /// Output of this many tokens for each token of the bound (choices, rounds), and so many more beside it.
    pub(super) const fn with_output(mut self, times: u64, beside: u64) -> Self {
        self.output_times = times;
        self.output_fixed = beside;
        self
    }

    /// The output may be sound.
    pub(super) fn with_audio_out(mut self, audio: bool) -> Self {
        self.audio_out = audio && self.rates.audio_out > self.rates.output;
        self
    }

    /// So many web searches at most.
    pub(super) const fn with_searches(mut self, searches: u64) -> Self {
        self.fixed.web_searches = searches;
        self
    }

    fn amounts(&self, output: u64) -> Option<Amounts> {
        let output = output.checked_mul(self.output_times)?.checked_add(self.output_fixed)?;
        let mut usage = self.fixed;
        if self.audio_out {
            usage.audio_out = output
        } else {
            usage.output = output
        }
        let usd = self.rates.cost(&usage)?.round_up()?;
        let tokens = usage.input_total().checked_add(output)?;
        Some(Amounts { requests: 1, tokens: i64::try_from(tokens).ok()?, usd })
    }
}

/// How the runs of a call add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Join {
    /// One of them will happen: the dearest counts.
    Any,
    /// All of them may happen.
    All,
}

/// What a call may cost at most.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    runs: Vec<Run>,
    join: Join,
}

impl Bound {
    /// The bound of these runs.
    pub(super) const fn new(runs: Vec<Run>, join: Join) -> Self {
        Self { runs, join }
    }

    /// The most of everything, for this output bound. `None` where that is more than an account can hold, or where a
    /// price is missing.
    pub(super) fn amounts(&self, output: u64) -> Option<Amounts> {
        let mut total = Amounts { requests: 1, tokens: 0, usd: Money::ZERO };
        for run in &self.runs {
            let amounts = run.amounts(output)?;
            total = match self.join {
                Join::Any => total.max(amounts),
                Join::All => total.checked_add(Amounts { requests: 0, ..amounts })?,
            };
        }
        total.is_chargeable().then_some(total)
    }

    /// The largest output bound up to `most` that a grant pays for; `None` where it does not even pay for none.
    pub(super) fn affordable(&self, granted: &Amounts, most: u64) -> Option<u64> {
        let pays = |output: u64| {
            self.amounts(output).is_some_and(|amounts| amounts.usd <= granted.usd && amounts.tokens <= granted.tokens)
        };
        if pays(most) {
            return Some(most);
        }
        let (mut paid, mut unpaid) = (0, most);
        if !pays(paid) {
            return None;
        }
        while unpaid - paid > 1 {
            let middle = paid + (unpaid - paid) / 2;
            if pays(middle) { paid = middle } else { unpaid = middle }
        }
        Some(paid)
    }

    /// The quote of a call with this bound.
    pub(super) fn quote(&self, call: Call, options: &MeterOptions) -> Result<Quote, Reason> {
        let (most, least) = reach(&call.output, options);
        let (Some(bound), Some(floor)) = (self.amounts(most), self.amounts(least)) else {
            return Err(Reason::Unbounded {
                what: format!(
                    "a call to {} with {most} tokens of output costs more than an account can hold",
                    call.model
                ),
            });
        };
        let Call { vendor, model, output, streaming } = call;
        Ok(Quote { vendor, model, bound, floor, output, streaming })
    }

    /// The output bound to put into the request, for a grant; `None` where it stays as it is.
    pub(super) fn lowered(
        &self,
        quote: &Quote,
        granted: &Amounts,
        options: &MeterOptions,
    ) -> Result<Option<u64>, Reason> {
        let (most, least) = reach(&quote.output, options);
        if is_final(quote, options) {
            return Ok(None);
        }
        let named = matches!(quote.output, OutputBound::Named(_));
        match self.affordable(granted, most) {
            Some(output) if named && output == most => Ok(None),
            Some(output) if output >= least => Ok(Some(output)),
            _ => Err(Reason::Unbounded { what: format!("the grant pays for fewer than {least} tokens of output") }),
        }
    }
}

/// Whether the output bound of a quote stays as it is, whatever the grant.
pub(super) fn is_final(quote: &Quote, options: &MeterOptions) -> bool {
    match quote.output {
        OutputBound::None => true,
        OutputBound::Named(_) => options.clamp == Clamp::Never,
        OutputBound::Open { .. } => false,
    }
}

/// The most and the least output that may be reserved for.
fn reach(output: &OutputBound, options: &MeterOptions) -> (u64, u64) {
    match *output {
        OutputBound::None => (0, 0),
        OutputBound::Named(most) if options.clamp == Clamp::Never => (most, most),
        OutputBound::Named(most) | OutputBound::Open { max: most } => (most, most.min(options.default_output_floor)),
    }
}

/// What a quote says beside amounts.
pub(super) struct Call {
    /// The provider in the price book.
    pub(super) vendor: Name,
    /// The model in the price book.
    pub(super) model: Name,
    /// The bound on the output.
    pub(super) output: OutputBound,
    /// Whether the answer will be a stream.
    pub(super) streaming: bool,
}
