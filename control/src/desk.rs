//! What the operator's plane asks of the gateway: views to show and the few actions that a person may take.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use types::account::Subject;
use types::{AccountName, Amounts, Balance, DecisionId, Money, Name, Record, UnixMs};

use crate::error::ControlError;

/// What the gateway is and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The gateway's id.
    pub gateway: Name,
    /// `enforce` or `observe`.
    pub mode: Name,
    /// The organisation.
    pub org: Name,
    /// The version of the configuration in force.
    pub policy: Name,
    /// The version of the price book.
    pub prices: Name,
    /// Why no request is served now; empty where all is well.
    pub not_ready: Vec<String>,
    /// Process id of the owner.
    pub pid: u32,
    /// The address agents use as proxy and base URL.
    pub proxy: Option<String>,
    /// Why the last change of the configuration was not taken, if it was not.
    pub reload_error: Option<String>,
    /// When the gateway started.
    pub started_ms: UnixMs,
    /// The last entry of the trail.
    pub trail_seq: u64,
    /// The last entry covered by a checkpoint.
    pub checkpoint_seq: u64,
    /// The last check of trail against balances, where one was made.
    pub verified: Option<Verified>,
    /// The version of the program.
    pub version: Name,
}

/// The last time that the trail was folded anew and compared with the live balances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// When.
    pub at_ms: UnixMs,
    /// Up to which entry.
    pub seq: u64,
    /// Accounts whose balance differs; empty where none does.
    pub drift: Vec<String>,
}

/// A hold that was charged on silence and waits for proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presumed {
    /// The hold.
    pub id: DecisionId,
    /// Charged at.
    pub amounts: Amounts,
    /// On these accounts.
    pub accounts: Vec<AccountName>,
    /// The vendor it was for.
    pub vendor: Name,
    /// When it was presumed.
    pub at_ms: UnixMs,
    /// Why.
    pub why: Name,
}

/// What was seen of one agent since the owner's start, as far as it is remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Its requests among the last decisions.
    pub requests: u64,
    /// How many of them were refused.
    pub refused: u64,
    /// Connections to hosts that no route names, passed on unread.
    pub ungoverned: u64,
}

/// What a person may do through the owner's socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Correct an account.
    Adjust {
        /// The account.
        account: AccountName,
        /// Added to what is posted; may be negative.
        added: Amounts,
        /// Who.
        by: String,
        /// Why.
        evidence: String,
    },
    /// Stop a subject's requests at once.
    Freeze {
        /// The subject.
        subject: Subject,
        /// Who.
        by: String,
    },
    /// Read the configuration again, now.
    Reload,
    /// Prove what a presumed hold did cost.
    Resolve {
        /// The hold.
        id: DecisionId,
        /// What it did cost.
        actual: Money,
        /// Who.
        by: String,
        /// The proof.
        evidence: String,
    },
    /// Let a subject's requests through again.
    Unfreeze {
        /// The subject.
        subject: Subject,
        /// Who.
        by: String,
    },
}

/// What an action did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// One sentence.
    pub message: String,
}

/// A client that keeps a temporary owner alive; dropping it lets go.
pub trait Attachment: Send + Sync {}

/// The gateway, as the operator's plane sees it.
pub trait Desk: Send + Sync + 'static {
    /// How the gateway stands.
    fn about(&self) -> About;
    /// Every account that is counted, with the limits in force.
    fn balances(&self) -> Vec<Balance>;
    /// The last decisions, newest first.
    fn decisions(&self, count: usize) -> Vec<Arc<Record>>;
    /// One decision, where it is remembered.
    fn decision(&self, id: &str) -> Option<Arc<Record>>;
    /// What waits for proof.
    fn unreconciled(&self) -> Vec<Presumed>;
    /// What was seen of an agent.
    fn seen(&self, agent: &str) -> Seen;
    /// Metrics in the Prometheus text format.
    fn metrics(&self) -> String;
    /// Does what a person asked; blocks until it is durable.
    ///
    /// # Errors
    /// [`ControlError::Refused`] with the reason.
    fn act(&self, action: Action) -> Result<Done, ControlError>;
    /// Folds the trail anew and compares it with the live balances; may take seconds.
    ///
    /// # Errors
    /// [`ControlError::Refused`] where the trail cannot be read or does not verify.
    fn verify(&self) -> Result<Verified, ControlError>;
    /// A client that wants the owner to stay.
    fn attach(&self) -> Box<dyn Attachment>;
}
