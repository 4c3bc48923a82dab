//! What is known about a request when it is judged.

use types::{Caller, Quote, UnixMs};

/// What kind of exchange a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A call of a language model, priced by a meter.
    Llm,
    /// A call of a priced API that is no language model.
    Api,
    /// An endpoint of a vendor that costs nothing, such as a list of models.
    Free,
    /// Bytes that pass unread, because the route says so.
    Tunnel,
}

/// What is known about one request.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Who calls.
    pub caller: &'a Caller,
    /// What kind of exchange it is.
    pub kind: Kind,
    /// The matched route.
    pub route: &'a str,
    /// The vendor of the price book, empty or `-` where there is none.
    pub vendor: &'a str,
    /// The model as the price book names it, empty or `-` where there is none.
    pub model: &'a str,
    /// The vendor's host.
    pub host: &'a str,
    /// The method.
    pub method: &'a str,
    /// The path, without its query.
    pub path: &'a str,
    /// The upper bound, where a meter made one.
    pub quote: Option<&'a Quote>,
    /// The time of the decision.
    pub now_ms: UnixMs,
}
