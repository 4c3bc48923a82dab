//! Steps 7 to 10: from a price to a permit.

use std::sync::Arc;

use bytes::Bytes;
use ledger::{Hold, Permit, Refused, Reservation};
use plugins::{Draft, GuardFacts};
use policy::{Facts, Kind, Plan};
use types::entry::Admit;
use types::{Caller, Limits, Reason, Verdict, strictest};

use super::Exchange;
use crate::way::Way;
use crate::{credentials, read};

/// A hold of a call expires when its owner has not renewed it for so long (design §6).
const HOLD_LIFE_MS: u64 = 120_000;

impl Exchange<'_> {
    /// Step 7: the accounts and amounts, or a refusal by lists and caps.
    ///
    /// # Errors
    /// The reason of the policy's denial, unless the gateway only observes.
    pub(crate) fn plan(&mut self, way: &Way<'_>, draft: &Draft) -> Result<Plan, Reason> {
        let house = Arc::clone(&self.house);
        let caller = self.caller.clone().ok_or(Reason::IdentityMissing)?;
        let planned = house.policy.plan(&self.facts(way, draft, &caller));
        let plan = match planned {
            Ok(plan) => {
                self.proof.rules.extend(plan.rules.iter().cloned());
                plan
            }
            Err(denial) => {
                self.proof.rules.extend(denial.rules);
                self.proof.decided_by = denial.rule;
                self.observe(denial.reason)?;
                house.policy.plan_unlimited(&self.facts(way, draft, &caller))
            }
        };
        self.subjects.clone_from(&plan.subjects);
        Ok(plan)
    }

    /// Step 8: all accounts or none, in one atomic step.
    ///
    /// # Errors
    /// The reason of the ledger's refusal, unless the gateway only observes and it is about a limit.
    pub(crate) async fn reserve(&mut self, plan: &Plan) -> Result<Hold, Reason> {
        let reservation = Reservation {
            id: self.id,
            lines: plan.lines.clone(),
            amount: plan.amount,
            floor: plan.floor,
            subjects: plan.subjects.clone(),
            vendor: self.request.vendor.clone(),
            now_ms: self.at_ms,
            expires_ms: self.at_ms.saturating_add(HOLD_LIFE_MS),
        };
        let refused = match self.gateway.ledger.reserve(reservation.clone()).await {
            Ok(hold) => return Ok(hold),
            Err(refused) => refused,
        };
        if let Refused::OverLimit(short) = &refused {
            self.proof.decided_by = format!("limit:{}", short.account);
        }
        self.observe(refused.into())?;
        let mut unlimited = reservation;
        for line in &mut unlimited.lines {
            line.limits = Limits::NONE;
        }
        self.gateway.ledger.reserve(unlimited).await.map_err(Reason::from)
    }

    /// Step 9: the strictest voice of rules and guards on the balances that came back; then the one edit that may
    /// follow a reservation, lowering the output bound to what is granted.
    ///
    /// # Errors
    /// The reason of the strictest voice. The hold releases itself.
    pub(crate) fn decide(&mut self, way: &Way<'_>, draft: &mut Draft, hold: &Hold) -> Result<(), Reason> {
        let caller = self.caller.clone().ok_or(Reason::IdentityMissing)?;
        let decision = self.house.policy.decide(&self.facts(way, draft, &caller), hold.balances());
        self.proof.rules.extend(decision.rules);
        let seen = GuardFacts { caller: &caller, quote: self.quote.as_ref(), draft, now_ms: self.at_ms };
        let voices = way.route.guards.iter().map(|guard| guard.judge(&seen, hold.balances()));
        let verdict = strictest(std::iter::once(decision.verdict).chain(voices));
        match verdict {
            Verdict::Allow if self.observed.is_none() => self.proof.decided_by = decision.decided_by,
            Verdict::Allow => {}
            // Nobody is asked yet: what needs a person's word is refused.
            Verdict::Ask(reason) | Verdict::Deny(reason) => self.observe(reason)?,
        }
        if let (Some(meter), Some(quote)) = (way.meter, &self.quote) {
            let granted = hold.granted();
            let bound = meter.lower(draft, quote, &granted, &self.context(way))?;
            self.request.output_bound_inserted = bound;
        }
        Ok(())
    }

    /// Step 10: the `admit` entry, durable before the first byte leaves.
    ///
    /// # Errors
    /// [`Reason::TrailUnavailable`] where it cannot be made durable: then nothing leaves.
    pub(crate) async fn admit(&mut self, way: &Way<'_>, draft: &Draft, hold: &mut Hold) -> Result<Permit, Reason> {
        credentials::ready(way.route)?;
        self.request.forward_hash = match &self.body {
            Some(body) if body.verbatim && same(&body.bytes, &draft.body) => body.received_hash.clone(),
            _ => read::hash(&draft.body),
        };
        let entry = Admit {
            // The ledger names the accounts, as they stand when the entry is queued.
            accounts: Vec::new(),
            at_ms: self.at_ms,
            caller: self.caller.clone().ok_or(Reason::IdentityMissing)?,
            granted: hold.granted(),
            id: self.id,
            proof: std::mem::take(&mut self.proof),
            request: std::mem::take(&mut self.request),
        };
        self.record.rule.clone_from(&entry.proof.decided_by);
        if let Some(bound) = entry.request.output_bound_inserted {
            self.request.output_bound_inserted = Some(bound);
        }
        let gateway = Arc::clone(self.gateway);
        gateway.ledger.admit(hold, entry).await.map_err(Reason::from)
    }

    /// What is known of the request when it is judged. What has no quote is priced by nobody, and counts as a call.
    fn facts<'f>(&'f self, way: &'f Way<'_>, draft: &'f Draft, caller: &'f Caller) -> Facts<'f> {
        Facts {
            caller,
            kind: if self.quote.is_some() { Kind::Llm } else { Kind::Free },
            route: &way.route.name,
            vendor: &self.request.vendor,
            model: &self.request.model,
            host: &draft.host,
            method: draft.method.as_str(),
            path: &draft.path,
            quote: self.quote.as_ref(),
            now_ms: self.at_ms,
        }
    }
}

/// Whether two views are of the very same bytes, without reading them.
fn same(one: &Bytes, other: &Bytes) -> bool {
    one.as_ptr() == other.as_ptr() && one.len() == other.len()
}
