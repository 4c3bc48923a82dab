//! Why a request was refused: data, with a stable code each. Status and sentence are `gateway/src/reply.rs`'s.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::account::{Measure, Subject};
use crate::amounts::{Amounts, as_text, opt_as_text};
use crate::{AccountName, DecisionId, Name, UnixMs};

/// The account that had no room, as it stood when the request was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortfall {
    /// The account.
    pub account: AccountName,
    /// Reserved by open holds.
    #[serde(with = "as_text")]
    pub held: i64,
    /// Its limit (nano-USD for dollars).
    #[serde(with = "as_text")]
    pub limit: i64,
    /// The measure that had no room.
    pub measure: Measure,
    /// The least that this request needed.
    #[serde(with = "as_text")]
    pub needed: i64,
    /// When the window ends; `None` for totals and single transactions.
    #[serde(with = "opt_as_text")]
    pub resets_ms: Option<UnixMs>,
    /// Posted and presumed.
    #[serde(with = "as_text")]
    pub spent: i64,
}

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// No credential at all.
    IdentityMissing,
    /// A credential that is not, or no longer, one of ours.
    IdentityUnknown,
    /// A provider key that is not ours, on a route that does not pass keys through.
    ProviderKeyRefused,
    /// The request head can be read in two ways.
    AmbiguousHead {
        /// What is wrong, for the person who wrote the client.
        what: String,
    },
    /// The request head is larger than the cap.
    HeadTooLarge,
    /// The client began a request and did not finish it in time.
    RequestTimeout,
    /// The body can be read in two ways, or is not what it says.
    AmbiguousBody {
        /// What is wrong and where.
        what: String,
    },
    /// The body is larger than the route's cap.
    BodyTooLarge {
        /// The cap in bytes.
        cap_bytes: u64,
    },
    /// The gateway's budget for buffered bodies is used up at the moment.
    BodyBudgetFull,
    /// The request target and the connection name different hosts.
    Misdirected,
    /// A method that is never forwarded (TRACE, nested CONNECT).
    MethodNotAllowed,
    /// No route for this host.
    VendorNotAllowed {
        /// The host that was asked for.
        host: Name,
    },
    /// The host has routes, but none of its meters knows this endpoint.
    EndpointNotAllowed {
        /// The path that was asked for.
        path: String,
    },
    /// A policy list or guard forbids the model.
    ModelNotAllowed {
        /// The model that was asked for.
        model: Name,
    },
    /// A guard caps the output of one call, and more was asked for.
    OutputOverCap {
        /// The tokens that were asked for.
        #[serde(with = "as_text")]
        asked: u64,
        /// The cap in tokens.
        #[serde(with = "as_text")]
        cap: u64,
    },
    /// The price book does not know the model.
    ModelUnknown {
        /// The model that was asked for.
        model: Name,
    },
    /// The request asks for something whose cost nothing bounds.
    Unbounded {
        /// What has no bound.
        what: String,
    },
    /// An account has no room.
    OverLimit(Shortfall),
    /// A person froze this subject.
    Frozen {
        /// The frozen subject.
        subject: Subject,
    },
    /// The same id was reserved with other charges.
    Conflict,
    /// The route's provider key is not configured.
    CredentialMissing {
        /// The route.
        route: Name,
    },
    /// Too many unproved charges for this vendor at the moment.
    VendorUnstable {
        /// The vendor.
        vendor: Name,
    },
    /// The ledger does not answer.
    LedgerUnavailable,
    /// The trail cannot be written.
    TrailUnavailable,
    /// The clock stands behind the last entry of the trail.
    ClockBehind,
    /// The gateway is shutting down.
    Draining,
    /// Too many requests are in flight.
    Overloaded,
    /// The agent has named too many new sessions within the hour.
    SessionsExhausted,
    /// The vendor's address lies in a range that is never dialled.
    AddressNotAllowed {
        /// The host whose address it is.
        host: Name,
    },
    /// The vendor cannot be reached.
    VendorUnreachable,
    /// The vendor's certificate does not prove its name.
    VendorCertificate,
    /// The vendor did not answer in time.
    VendorTimeout,
    /// The vendor broke HTTP.
    VendorProtocol,
}

impl Reason {
    /// Every code there is, in the order of the variants: the rows that the table of answers and the book must have.
    pub const CODES: [&'static str; 33] = [
        "identity_missing",
        "identity_unknown",
        "provider_key_refused",
        "ambiguous_head",
        "head_too_large",
        "request_timeout",
        "ambiguous_body",
        "body_too_large",
        "body_budget_full",
        "misdirected",
        "method_not_allowed",
        "vendor_not_allowed",
        "endpoint_not_allowed",
        "model_not_allowed",
        "output_over_cap",
        "unknown_model",
        "unbounded",
        "over_limit",
        "frozen",
        "conflict",
        "credential_missing",
        "vendor_unstable",
        "ledger_unavailable",
        "trail_unavailable",
        "clock_behind",
        "draining",
        "overloaded",
        "sessions_exhausted",
        "address_not_allowed",
        "vendor_unreachable",
        "vendor_certificate",
        "vendor_timeout",
        "vendor_protocol",
    ];

    /// The stable code, as in replies, entries, metrics and `docs/reason-codes.md`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::IdentityMissing => "identity_missing",
            Self::IdentityUnknown => "identity_unknown",
            Self::ProviderKeyRefused => "provider_key_refused",
            Self::AmbiguousHead { .. } => "ambiguous_head",
            Self::HeadTooLarge => "head_too_large",
            Self::RequestTimeout => "request_timeout",
            Self::AmbiguousBody { .. } => "ambiguous_body",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::BodyBudgetFull => "body_budget_full",
            Self::Misdirected => "misdirected",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::VendorNotAllowed { .. } => "vendor_not_allowed",
            Self::EndpointNotAllowed { .. } => "endpoint_not_allowed",
            Self::ModelNotAllowed { .. } => "model_not_allowed",
            Self::OutputOverCap { .. } => "output_over_cap",
            Self::ModelUnknown { .. } => "unknown_model",
            Self::Unbounded { .. } => "unbounded",
            Self::OverLimit(_) => "over_limit",
            Self::Frozen { .. } => "frozen",
            Self::Conflict => "conflict",
            Self::CredentialMissing { .. } => "credential_missing",
            Self::VendorUnstable { .. } => "vendor_unstable",
            Self::LedgerUnavailable => "ledger_unavailable",
            Self::TrailUnavailable => "trail_unavailable",
            Self::ClockBehind => "clock_behind",
            Self::Draining => "draining",
            Self::Overloaded => "overloaded",
            Self::SessionsExhausted => "sessions_exhausted",
            Self::AddressNotAllowed { .. } => "address_not_allowed",
            Self::VendorUnreachable => "vendor_unreachable",
            Self::VendorCertificate => "vendor_certificate",
            Self::VendorTimeout => "vendor_timeout",
            Self::VendorProtocol => "vendor_protocol",
        }
    }
}

/// A refusal ready to be put into words of the called provider: what `Meter::refuse` gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The id that answers, entries and logs share.
    pub decision: DecisionId,
    /// Why.
    pub reason: Reason,
    /// The HTTP status of the answer.
    pub status: u16,
    /// One sentence for a person.
    pub message: String,
    /// What was asked for at most, where a quote was made.
    pub bound: Option<Amounts>,
}
