//! Accounts: who is counted, over which window, against which limits.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::amounts::{Amounts, opt_as_text};
use crate::{Name, UnixMs};

/// What an account is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Scope {
    /// The whole organisation.
    Org,
    /// A team of agents.
    Team,
    /// One agent.
    Agent,
    /// The person an agent works for.
    User,
    /// One session of an agent.
    Session,
    /// A vendor, whoever calls it.
    Vendor,
    /// A model of a vendor.
    Model,
}

impl Scope {
    /// All scopes, widest first.
    pub const ALL: [Self; 7] =
        [Self::Org, Self::Team, Self::Agent, Self::User, Self::Session, Self::Vendor, Self::Model];

    /// The word used in account names, configuration and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Org => "org",
            Self::Team => "team",
            Self::Agent => "agent",
            Self::User => "user",
            Self::Session => "session",
            Self::Vendor => "vendor",
            Self::Model => "model",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Measure {
    /// Dollars.
    Usd,
    /// Calls.
    Requests,
    /// Tokens, input and output.
    Tokens,
}

impl Measure {
    /// All measures; dollars first, because that is the refusal people ask about.
    pub const ALL: [Self; 3] = [Self::Usd, Self::Requests, Self::Tokens];

    /// The word used in configuration, replies and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Usd => "usd",
            Self::Requests => "requests",
            Self::Tokens => "tokens",
        }
    }
}

/// Over which time an account counts. Calendar windows lie in a named time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Window {
    /// One exchange by itself: a ceiling, nothing is summed.
    Transaction,
    /// A clock hour.
    Hour,
    /// A calendar day.
    Day,
    /// A calendar week from Monday.
    Week,
    /// A calendar month.
    Month,
    /// Since ever.
    Total,
}

impl Window {
    /// The word used in account names and configuration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Transaction => "transaction",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Total => "total",
        }
    }
}

/// The name of an account, opaque to the ledger: `agent:researcher@day:2026-11-21`.
///
/// `policy` makes it (scope, name, window, start of the window in its zone); nobody takes it apart to decide anything.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountName(pub Arc<str>);

impl AccountName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for AccountName {
    fn from(text: &str) -> Self {
        Self(Arc::from(text))
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The limits of one account, measure by measure. `None`: counted only. `Some(0)`: refuse all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Limits {
    /// Most calls.
    #[serde(default, with = "opt_as_text", skip_serializing_if = "Option::is_none")]
    pub requests: Option<i64>,
    /// Most tokens.
    #[serde(default, with = "opt_as_text", skip_serializing_if = "Option::is_none")]
    pub tokens: Option<i64>,
    /// Most nano-USD.
    #[serde(default, with = "opt_as_text", skip_serializing_if = "Option::is_none")]
    pub usd: Option<i64>,
}

impl Limits {
    /// No limit on any measure: the account is counted only.
    pub const NONE: Self = Self { requests: None, tokens: None, usd: None };

    /// The limit of one measure as a plain integer (nano-USD for dollars).
    #[must_use]
    pub const fn of(&self, measure: Measure) -> Option<i64> {
        match measure {
            Measure::Requests => self.requests,
            Measure::Tokens => self.tokens,
            Measure::Usd => self.usd,
        }
    }

    /// The same limits with one measure tightened to `limit` (the lower one stays).
    #[must_use]
    pub fn tightened(mut self, measure: Measure, limit: i64) -> Self {
        let slot = match measure {
            Measure::Requests => &mut self.requests,
            Measure::Tokens => &mut self.tokens,
            Measure::Usd => &mut self.usd,
        };
        *slot = Some(slot.map_or(limit, |old| old.min(limit)));
        self
    }
}

/// One account that a request touches, with the limits of the policy version that planned it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The account.
    pub account: AccountName,
    /// Its limits now.
    pub limits: Limits,
    /// When its window ends, for "resets at"; `None` for total.
    pub resets_ms: Option<UnixMs>,
}

/// What the ledger saw of one account after a verb.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// The account.
    pub account: AccountName,
    /// Real cost.
    pub posted: Amounts,
    /// Charged on silence, to be proved.
    pub presumed: Amounts,
    /// Reserved by open holds, this request's included.
    pub held: Amounts,
    /// Limits of the line that was reserved.
    pub limits: Limits,
    /// When its window ends.
    pub resets_ms: Option<UnixMs>,
}

impl Balance {
    /// `posted + presumed + held` of one measure; saturating, for display and gates only.
    #[must_use]
    pub fn committed(&self, measure: Measure) -> i64 {
        self.posted.of(measure).saturating_add(self.presumed.of(measure)).saturating_add(self.held.of(measure))
    }

    /// What is left of one measure under its limit, never below zero; `None` where there is no limit.
    #[must_use]
    pub fn left(&self, measure: Measure) -> Option<i64> {
        self.limits.of(measure).map(|limit| limit.saturating_sub(self.committed(measure)).max(0))
    }
}

/// The balance of the tightest limited usd account: what `bursar-budget-remaining-usd` tells.
#[must_use]
pub fn tightest(balances: &[Balance], measure: Measure) -> Option<&Balance> {
    balances.iter().filter(|balance| balance.left(measure).is_some()).min_by_key(|balance| balance.left(measure))
}

/// A name with its scope, as switches use it: `agent:researcher`, `vendor:openai`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// What kind of thing.
    pub scope: Scope,
    /// Which one.
    pub name: Name,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.scope, self.name)
    }
}

/// The subjects of a request, widest first.
pub type Subjects = Vec<Subject>;
