//! The gateway as the operator's plane sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use control::{About, Action, Attachment, ControlError, Desk, Done, Presumed, Seen, Verified};
use types::{Balance, Name, Record};

use super::views::{limited, presumed};
use super::{BUNDLE_PENDING, Gateway, HouseError, keeper, offline};
use crate::clock::now_ms;
use crate::reply::iso;

/// The ledger takes a clock that stands no further behind than this; nothing is admitted beyond it (design §6, time).
const CLOCK_BEHIND_MS: u64 = 2_000;

/// A client of `bursar run` that keeps a temporary owner alive.
struct Client(Arc<AtomicUsize>);

impl Attachment for Client {}

impl Drop for Client {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Gateway {
    /// How many clients want the owner to stay.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.clients.load(Ordering::Acquire)
    }

    fn not_ready(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if self.drain.is_draining() {
            reasons.push("draining".to_owned());
        }
        let trail = self.trail.status();
        if !trail.healthy {
            reasons.push(format!("the trail cannot be written: {}", trail.error.unwrap_or_default()));
        }
        let ledger_ms = self.ledger.status().now_ms;
        if ledger_ms > now_ms().saturating_add(CLOCK_BEHIND_MS) {
            reasons.push(format!("the clock stands behind the trail, whose last time is {}", iso(ledger_ms)));
        }
        if !self.bundled.load(Ordering::Acquire) {
            reasons.push(BUNDLE_PENDING.to_owned());
        }
        if self.proxy.get().is_none() {
            reasons.push("the listeners are not bound yet".to_owned());
        }
        reasons
    }

    async fn act_now(&self, action: Action) -> Result<String, HouseError> {
        match action {
            Action::Reload => match self.reload()? {
                config::Reload::Changed { version } => Ok(format!("the configuration {version} is in force")),
                config::Reload::Same => Ok("the configuration is unchanged".to_owned()),
            },
            about_money => offline::act(&self.ledger, about_money).await,
        }
    }
}

impl Desk for Gateway {
    fn about(&self) -> About {
        let house = self.house();
        let trail = self.trail.status();
        About {
            gateway: house.gateway.clone(),
            mode: Name::from(house.mode.word()),
            org: house.org.clone(),
            policy: house.version.clone(),
            prices: house.prices.version().clone(),
            not_ready: self.not_ready(),
            pid: std::process::id(),
            proxy: self.proxy.get().map(ToString::to_string),
            reload_error: self.config.reloads().error,
            started_ms: self.started_ms,
            trail_seq: trail.last_seq,
            checkpoint_seq: trail.last_checkpoint_seq,
            verified: self.verified.lock().clone(),
            version: Name::from(env!("CARGO_PKG_VERSION")),
        }
    }

    fn balances(&self) -> Vec<Balance> {
        limited(self.ledger.accounts(), &self.house(), now_ms())
    }

    fn decisions(&self, count: usize) -> Vec<Arc<Record>> {
        self.decisions.newest(count)
    }

    fn decision(&self, id: &str) -> Option<Arc<Record>> {
        self.decisions.find(id)
    }

    fn unreconciled(&self) -> Vec<Presumed> {
        self.ledger.unreconciled().into_iter().map(presumed).collect()
    }

    fn seen(&self, agent: &str) -> Seen {
        let own = self.decisions.newest(usize::MAX).into_iter().filter(|record| record.agent == agent);
        own.fold(Seen { ungoverned: self.ungoverned.of(agent), ..Seen::default() }, |seen, record| Seen {
            requests: seen.requests.saturating_add(1),
            refused: seen.refused.saturating_add(u64::from(record.verdict == "refuse")),
            ..seen
        })
    }

    fn metrics(&self) -> String {
        self.metrics.render()
    }

    fn act(&self, action: Action) -> Result<Done, ControlError> {
        // Called beside the listeners, on a thread that may block: the answer waits for the disk.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .map_err(|error| ControlError::Refused { message: error.to_string() })?;
        let done = runtime.block_on(self.act_now(action));
        done.map(|message| Done { message }).map_err(|error| ControlError::Refused { message: error.to_string() })
    }

    fn verify(&self) -> Result<Verified, ControlError> {
        keeper::compare(self).map_err(|error| ControlError::Refused { message: error.to_string() })
    }

    fn attach(&self) -> Box<dyn Attachment> {
        self.clients.fetch_add(1, Ordering::AcqRel);
        Box::new(Client(Arc::clone(&self.clients)))
    }
}
