//! The prices that an answer is settled at, frozen at the quote; and what is made of them.

use std::sync::Arc;

use types::{Amounts, Certainty, Charge, Cost, Money, Name, UnixMs, Usage};

use crate::meter::Measured;
use crate::prices::{Model, PriceBook, Rates, Terms};

/// Providers that hand calls on to models of others. What answered there may be any of them, so that an answer of an
/// unknown model says nothing about its price (recorded: a call to a free model, billed as the fallback that served it).
const ROUTERS: [&str; 3] = ["aihubmix", "openrouter", "vercel_ai_gateway"];

/// Whether a provider hands calls on to others.
pub(super) fn is_router(provider: &str) -> bool {
    ROUTERS.contains(&provider)
}

/// The prices of one exchange.
#[derive(Clone, Debug)]
pub(super) struct Tariff {
    /// The book of the quote.
    pub(super) prices: Arc<PriceBook>,
    /// The provider in it.
    pub(super) provider: Name,
    /// The quoted model, by its id in the book.
    pub(super) quoted: Name,
    /// When the call was made.
    pub(super) now_ms: UnixMs,
    /// The uplift of the host that was called.
    pub(super) uplift: Option<&'static str>,
}

impl Tariff {
    /// The model that answered. A name that the book does not know is taken for the quoted model, of which it is the
    /// newest snapshot; but never on a router, which may have handed the call to any other.
    pub(super) fn model(&self, answered: Option<&str>) -> Option<&Model> {
        let known = answered.and_then(|name| self.prices.model(&self.provider, name, self.now_ms));
        known.or_else(|| self.prices.model(&self.provider, &self.quoted, self.now_ms).filter(|_| !self.is_router()))
    }

    /// Whether the provider hands calls on: only the model that answered tells the price.
    pub(super) fn is_router(&self) -> bool {
        is_router(&self.provider)
    }

    /// The rates of the model that answered.
    pub(super) fn rates(&self, answered: Option<&str>, tier: Option<&str>, total_input: u64) -> Option<Rates> {
        self.model(answered)?.rates(&self.terms(tier), total_input)
    }

    /// The terms of this exchange in a service tier.
    pub(super) const fn terms<'a>(&'a self, tier: Option<&'a str>) -> Terms<'a> {
        Terms { now_ms: self.now_ms, tier, uplift: self.uplift }
    }

    /// The rates of the quoted model, to watch a running stream by.
    pub(super) fn quoted_rates(&self) -> Rates {
        self.prices
            .model(&self.provider, &self.quoted, self.now_ms)
            .and_then(|model| model.rates(&self.terms(None), 0))
            .unwrap_or_default()
    }
}

/// How much of its usage an answer told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// All of it.
    All,
    /// A part.
    Part,
    /// None of it.
    Nothing,
}

/// What was read from an answer.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    /// How much it told.
    pub(super) told: Told,
    /// The billable tokens.
    pub(super) usage: Usage,
    /// What they cost; `None` where a price is unknown.
    pub(super) cost: Option<Cost>,
    /// The model that answered.
    pub(super) model: Option<String>,
    /// The vendor's id of the request.
    pub(super) vendor_request: Option<String>,
}

impl Reading {
    /// The charge: rounded up to a nano-dollar, once. What has no known price is charged on suspicion.
    pub(super) fn measured(self) -> Measured {
        let Self { told, usage, cost, model, vendor_request } = self;
        let usd = cost.and_then(Cost::round_up);
        let tokens = i64::try_from(usage.tokens()).ok();
        let certainty = match (told, usd, tokens) {
            (Told::All, Some(_), Some(_)) => Certainty::Exact,
            (Told::Part, Some(_), Some(_)) => Certainty::AtLeast,
            _ => Certainty::Unknown,
        };
        let amounts = Amounts {
            requests: 1,
            tokens: tokens.unwrap_or_default(),
            usd: usd.filter(|_| certainty != Certainty::Unknown).unwrap_or(Money::ZERO),
        };
        let cost = cost.filter(|_| certainty == Certainty::Exact);
        Measured {
            tail: bytes::Bytes::new(),
            charge: Charge { amounts, certainty },
            cost,
            usage,
            model,
            vendor_request,
        }
    }
}

/// The cost of what a running stream has shown so far; a token that has no price counts for nothing here.
pub(super) fn running(rates: &Rates, usage: &Usage) -> Amounts {
    let usd = rates.cost(usage).and_then(Cost::round_up).unwrap_or(Money::ZERO);
    Amounts { requests: 1, tokens: i64::try_from(usage.tokens()).unwrap_or(i64::MAX), usd }
}
