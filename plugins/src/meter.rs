//! What a wire protocol must tell: the bound of a request before it leaves, and the charge after.

use std::sync::Arc;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use types::{Amounts, Charge, Cost, Name, Quote, Reason, Refusal, UnixMs, Usage};

use crate::draft::Draft;
use crate::prices::PriceBook;

/// Reads one wire protocol: bytes in, facts out, any chunking gives the same charge.
pub trait Meter: Send + Sync {
    /// The name used in routes, metrics and the trail.
    fn name(&self) -> &'static str;

    /// Whether this endpoint belongs to the meter.
    fn claims(&self, method: &http::Method, path: &str) -> bool;

    /// Edits the request so that it can be metered: asks for usage in the stream, for an encoding we can read.
    ///
    /// # Errors
    /// The reason of the refusal where the request cannot be read or edited.
    fn shape(&self, draft: &mut Draft, context: &QuoteContext<'_>) -> Result<(), Reason>;

    /// The upper bound of what the request may cost.
    ///
    /// # Errors
    /// The reason of the refusal where the model is unknown or nothing bounds the cost.
    fn quote(&self, draft: &Draft, context: &QuoteContext<'_>) -> Result<Quote, Reason>;

    /// Inserts (or, with [`Clamp::Always`], lowers) the output bound that the grant pays for, and tells it in tokens.
    /// `None`: nothing was changed.
    ///
    /// # Errors
    /// The reason of the refusal where the grant pays for less than the floor.
    fn lower(
        &self,
        draft: &mut Draft,
        quote: &Quote,
        granted: &Amounts,
        context: &QuoteContext<'_>,
    ) -> Result<Option<u64>, Reason>;

    /// Makes the gauge that reads the answer to this request.
    fn gauge(
        &self,
        draft: &Draft,
        quote: &Quote,
        prices: Arc<PriceBook>,
        now_ms: UnixMs,
        options: &MeterOptions,
    ) -> Box<dyn Gauge>;

    /// A refusal in the error shape of the provider, so that its own client library understands it.
    fn refuse(&self, refusal: &Refusal, streaming: bool) -> RefusalBody;
}

/// What a meter may look at beside the request.
#[derive(Clone, Copy, Debug)]
pub struct QuoteContext<'a> {
    /// The price book in force.
    pub prices: &'a PriceBook,
    /// Now.
    pub now_ms: UnixMs,
    /// The route's options.
    pub options: &'a MeterOptions,
}

/// What a route tells its meter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeterOptions {
    /// The provider's id in the price book.
    pub provider: Name,
    /// Whether an output bound that the client named may be lowered.
    pub clamp: Clamp,
    /// The least output, in tokens, worth inserting as a bound; below it the request is refused as over limit.
    pub default_output_floor: u64,
    /// The most output, in tokens, that may be inserted where the client named no bound: the route's `max_output`
    /// guard, see [`crate::list::output_cap`]. `None`: the model's own maximum.
    pub output_cap: Option<u64>,
}

impl MeterOptions {
    /// The default of [`MeterOptions::default_output_floor`].
    pub const OUTPUT_FLOOR: u64 = 1_024;

    /// The defaults for a provider: never clamp, a floor of 1,024 tokens, no cap.
    #[must_use]
    pub fn new(provider: Name) -> Self {
        Self { provider, clamp: Clamp::Never, default_output_floor: Self::OUTPUT_FLOOR, output_cap: None }
    }
}

/// Whether an output bound that the client named may be lowered to what the grant pays for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Clamp {
    /// Never: the request is refused instead.
    #[default]
    Never,
    /// Always, and the answer says so.
    Always,
}

/// Reads one answer while it passes to the agent.
pub trait Gauge: Send {
    /// Sees the head, and tells what of it must not reach the agent as it is.
    fn head(&mut self, status: http::StatusCode, headers: &http::HeaderMap) -> HeadEdit;

    /// Sees a piece of the body, and returns what the agent shall see of it now: the same bytes where untouched.
    fn chunk(&mut self, bytes: &Bytes) -> Bytes;

    /// The cost so far, for cutting a stream at its hold.
    fn running(&self) -> Amounts;

    /// The well-formed last event of a stream that is stopped here.
    fn cut(&mut self, refusal: &Refusal) -> Bytes;

    /// The charge. `end` tells whether the body came whole.
    fn finish(self: Box<Self>, end: End) -> Measured;
}

/// What the gateway must take from the head of an answer before it passes it on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeadEdit {
    /// The body will be longer or shorter than the vendor said.
    pub drop_content_length: bool,
    /// The body will reach the agent decoded.
    pub drop_content_encoding: bool,
}

/// How the body of an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// As its framing said it would.
    Complete,
    /// Before that: a cut connection, a limit, a vendor that broke off.
    Truncated,
}

/// What an answer did cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Bytes that are still owed to the agent.
    pub tail: Bytes,
    /// What to post.
    pub charge: Charge,
    /// The exact cost, where it is known.
    pub cost: Option<Cost>,
    /// The billable tokens.
    pub usage: Usage,
    /// The model that answered, as the vendor named it.
    pub model: Option<String>,
    /// The vendor's own id of the request, for reconciliation.
    pub vendor_request: Option<String>,
}

/// The body of a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusalBody {
    /// Its media type.
    pub content_type: &'static str,
    /// The bytes.
    pub body: Bytes,
}
