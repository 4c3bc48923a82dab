//! What may stand in the trail. Fields stand in alphabetical order, which makes the JSON canonical as written.
//!
//! A line of the trail is `{"entry":…,"gateway":…,"prev":…,"seq":…}`; this module is the `entry`.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::account::{Limits, Subject};
use crate::amounts::{Amounts, as_text, opt_as_text};
use crate::reason::Reason;
use crate::{AccountName, Caller, Charge, DecisionId, Money, Name, UnixMs, Usage};

/// One fact in the trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Entry {
    /// Money may leave: durable before the first byte goes to the vendor.
    Admit(Admit),
    /// Money was changed by a person.
    Adjust(Adjust),
    /// A person accepted that the clock stands behind the trail.
    Clock(Clock),
    /// A subject was frozen or unfrozen.
    Freeze(Freeze),
    /// Another process took the data directory over.
    Handover(Mark),
    /// What an admitted exchange did cost.
    Outcome(Outcome),
    /// A hold was charged at its bound because nobody told what it did cost.
    Presume(Presume),
    /// A request was refused.
    Refuse(Refuse),
    /// An admitted exchange did not leave after all: nothing was sent.
    Release(Release),
    /// A person proved what a presumed hold did cost.
    Resolve(Resolve),
    /// A snapshot of all balances was written; trusted only if a later checkpoint covers this entry.
    Snapshot(Snapshot),
    /// The gateway started.
    Start(Start),
    /// The gateway stopped in good order.
    Stop(Mark),
    /// A torn last line was cut off.
    Torn(Torn),
}

impl Entry {
    /// When it happened.
    #[must_use]
    pub const fn at_ms(&self) -> UnixMs {
        match self {
            Self::Admit(entry) => entry.at_ms,
            Self::Adjust(entry) => entry.at_ms,
            Self::Clock(entry) => entry.at_ms,
            Self::Freeze(entry) => entry.at_ms,
            Self::Handover(entry) | Self::Stop(entry) => entry.at_ms,
            Self::Outcome(entry) => entry.at_ms,
            Self::Presume(entry) => entry.at_ms,
            Self::Refuse(entry) => entry.at_ms,
            Self::Release(entry) => entry.at_ms,
            Self::Resolve(entry) => entry.at_ms,
            Self::Snapshot(entry) => entry.at_ms,
            Self::Start(entry) => entry.at_ms,
            Self::Torn(entry) => entry.at_ms,
        }
    }
}

impl Entry {
    /// The decision it is about, where it is about one.
    #[must_use]
    pub const fn id(&self) -> Option<DecisionId> {
        match self {
            Self::Admit(entry) => Some(entry.id),
            Self::Outcome(entry) => Some(entry.id),
            Self::Presume(entry) => Some(entry.id),
            Self::Refuse(entry) => Some(entry.id),
            Self::Release(entry) => Some(entry.id),
            Self::Resolve(entry) => Some(entry.id),
            _ => None,
        }
    }
}

/// One account in an `admit`: what was asked of it and how it stood after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The account.
    pub account: AccountName,
    /// Posted, presumed and held after the reservation.
    pub committed: Amounts,
    /// Its limits in the policy version named in the entry.
    pub limits: Limits,
    /// When its window ends, so that a fold forgets closed windows as the ledger does; `None` for totals.
    #[serde(default, with = "opt_as_text", skip_serializing_if = "Option::is_none")]
    pub resets_ms: Option<UnixMs>,
}

/// Money may leave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admit {
    /// The accounts the hold stands on.
    pub accounts: Vec<Account>,
    /// When.
    #[serde(with = "as_text")]
    pub at_ms: UnixMs,
    /// Who called.
    pub caller: Caller,
    /// What is held on every account.
    pub granted: Amounts,
    /// The hold.
    pub id: DecisionId,
    /// Why it was let through, and by which versions.
    pub proof: Proof,
    /// What was asked for.
    pub request: Request,
}

/// The proof trace of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Proof {
    /// The rule, list or guard that decided.
    pub decided_by: String,
    /// Version of the configuration (policy) that was in force.
    pub policy: Name,
    /// Version of the price book.
    pub prices: Name,
    /// Rules, lists and guards that were looked at, in order.
    pub rules: Vec<String>,
    /// Version of the time-zone rules.
    pub tz: Name,
}

/// What was asked for. Prompts stand here as hashes only.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Request {
    /// The most it may cost.
    pub bound: Amounts,
    /// SHA-256 of the body as it leaves for the vendor, hex.
    pub forward_hash: String,
    /// The vendor's host.
    pub host: Name,
    /// The method.
    pub method: Name,
    /// The model, `-` where there is none.
    pub model: Name,
    /// The output bound that Bursar inserted, where the client named none.
    #[serde(default, with = "opt_as_text", skip_serializing_if = "Option::is_none")]
    pub output_bound_inserted: Option<u64>,
    /// The path, without its query.
    pub path: String,
    /// SHA-256 of the body as received, hex.
    pub received_hash: String,
    /// The route.
    pub route: Name,
    /// The vendor of the price book, `-` where there is none.
    pub vendor: Name,
}

/// What an admitted exchange did cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// When.
    #[serde(with = "as_text")]
    pub at_ms: UnixMs,
    /// What is posted on every account of the hold.
    pub charge: Charge,
    /// How the response ended: `complete`, `truncated`, `agent_left`, `cut`.
    pub end: Name,
    /// The hold.
    pub id: DecisionId,
    /// From acceptance to the end of the response, in milliseconds.
    #[serde(with = "as_text")]
    pub latency_ms: u64,
    /// The model that the response names.
    pub model: Name,
    /// The vendor's HTTP status; 0 where no head arrived.
    pub status: u16,
    /// Tokens in disjoint buckets.
    pub usage: Usage,
    /// The vendor's request id, for reconciliation.
    pub vendor_request: String,
}

/// A hold was charged at its bound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presume {
    /// When.
    #[serde(with = "as_text")]
    pub at_ms: UnixMs,
    /// The hold.
    pub id: DecisionId,
    /// Why: `restart`, `expired`, `dropped`, `unknown_usage`.
    pub why: Name,
}

/// A request was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refuse {
    /// When (the last one, where counted).
    #[serde(with = "as_text")]
    pub at_ms: UnixMs,
    /// Who called; `None` where nobody was identified.
    pub caller: Option<Caller>,
    /// How many refusals this entry stands for.
    #[serde(with = "as_text")]
    pub count: u64,
    /// The decision.
    pub id: DecisionId,
    /// The versions in force and the rules that were looked at.
    pub proof: Proof,
    /// Why.
    pub reason: Reason,
    /// What was asked for, as far as it was read.
    pub request: Request,
}

/// Nothing was sent: the hold is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// When.
    #[serde(with = "as_text")]
    pub at_ms: UnixMs,
    /// The hold.
    pub id: DecisionId,
    /// Why: the reason code of the failure.
    pub why: Name,
}

/// A person proved what a presumed hold did cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolve {
    /// What it did cost.
    pub actual: Money,
    /// When.
    #[serde(with = "as_text")]
    pub at_ms: UnixMs,
    /// Who.
    pub by: String,
    /// The proof: an invoice line, a request id.
    pub evidence: String,
    /// The hold.
    pub id: DecisionId,
}

/// An account was corrected by a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjust {
    /// The account.
    pub account: AccountName,
    /// Added to what is posted; may be negative.
    pub added: Amounts,
    /// When.
    #[serde(with = "as_text")]
    pub at_ms: UnixMs,
    /// Who.
    pub by: String,
    /// Why.
    pub evidence: String,
}

/// A person accepted that the clock stands behind the trail: time goes on from here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// The time that holds from now on.
    #[serde(with = "as_text")]
    pub at_ms: UnixMs,
    /// The latest time seen before.
    #[serde(with = "as_text")]
    pub before_ms: UnixMs,
    /// Who.
    pub by: String,
}

/// A subject was frozen or unfrozen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    /// When.
    #[serde(with = "as_text")]
    pub at_ms: UnixMs,
    /// Who.
    pub by: String,
    /// Frozen from now on, or free again.
    pub frozen: bool,
    /// The subject.
    pub subject: Subject,
}

/// A moment in the gateway's life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// When.
    #[serde(with = "as_text")]
    pub at_ms: UnixMs,
}

/// The gateway started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// When.
    #[serde(with = "as_text")]
    pub at_ms: UnixMs,
    /// Version of the configuration.
    pub policy: Name,
    /// Version of the program.
    pub program: Name,
}

/// A snapshot was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When.
    #[serde(with = "as_text")]
    pub at_ms: UnixMs,
    /// The sequence number of the last entry folded into it.
    #[serde(with = "as_text")]
    pub folded_seq: u64,
    /// SHA-256 of the snapshot file, hex.
    pub sha256: String,
}

/// A torn last line was cut off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Torn {
    /// When it was found.
    #[serde(with = "as_text")]
    pub at_ms: UnixMs,
    /// How many bytes were cut.
    #[serde(with = "as_text")]
    pub bytes: u64,
    /// The file the bytes went to.
    pub file: String,
    /// SHA-256 of the cut bytes, hex.
    pub sha256: String,
}
