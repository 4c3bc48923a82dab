//! One request on its way: what each step has learnt, and the steps themselves.

use std::sync::Arc;

use bytes::Bytes;
use config::{House, Mode};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Body;
use ledger::{Hold, Permit, Refused, Reservation};
use plugins::{Draft, GuardFacts, Meter, QuoteContext};
use policy::{Facts, Kind, Plan};
use types::account::tightest;
use types::entry::{Admit, Proof, Refuse};
use types::{Amounts, Caller, DecisionId, Limits, Measure, Name, Quote, Reason, Record, UnixMs, Verdict, strictest};

use crate::clock::{new_id, now_ms};
use crate::forward::{self, Metering, Outgoing};
use crate::front::{Connection, ReplyBody};
use crate::house::{Busy, Gateway};
use crate::read::{self, ReadBody};
use crate::record::count;
use crate::reply::{self, DECISION_HEADER, OUTPUT_BOUND_HEADER, REMAINING_HEADER, RESERVED_HEADER};
use crate::way::{self, Way};
use crate::{credentials, identify};

/// A hold of a call expires when its owner has not renewed it for so long (design §6).
const HOLD_LIFE_MS: u64 = 120_000;

/// One request on its way.
pub(crate) struct Exchange<'a> {
    /// The one version of the house that judges this request.
    pub house: Arc<House>,
    gateway: &'a Arc<Gateway>,
    connection: &'a Connection,
    id: DecisionId,
    at_ms: UnixMs,
    caller: Option<Caller>,
    path: String,
    query: Option<String>,
    meter: Option<&'static dyn Meter>,
    quote: Option<Quote>,
    record: Record,
    request: types::entry::Request,
    proof: Proof,
    /// What would have been refused, in observe mode.
    observed: Option<Reason>,
    body: Option<ReadBody>,
    busy: Option<Busy>,
    trailers: bool,
}

impl<'a> Exchange<'a> {
    /// Step 1's end: the request has an id, a place among those in flight, and one version of the house.
    ///
    /// # Errors
    /// The answer itself, where not even that is to be had.
    pub(crate) fn accept<B>(
        gateway: &'a Arc<Gateway>,
        connection: &'a Connection,
        request: &Request<B>,
    ) -> Result<Self, Box<Response<ReplyBody>>> {
        let at_ms = now_ms();
        let house = gateway.house();
        // Without randomness an id could repeat: such a request is refused under the id of its time alone.
        let id = new_id(at_ms);
        let busy = Busy::take(gateway, house.caps.in_flight);
        let (Ok(id), Some(busy)) = (id, busy) else {
            let id = DecisionId::new(at_ms, [0; 10]);
            let refusal = reply::refusal(&house, id, None, Reason::Overloaded);
            return Err(Box::new(reply::refuse(&refusal, None, false)));
        };
        let mut record = Record::new(id, at_ms);
        request.method().as_str().clone_into(&mut record.method);
        let proof = Proof {
            policy: house.version.clone(),
            prices: house.prices.version().clone(),
            tz: Name::from(policy::tz_version()),
            ..Proof::default()
        };
        Ok(Self {
            house,
            gateway,
            connection,
            id,
            at_ms,
            caller: None,
            path: String::new(),
            query: request.uri().query().map(str::to_owned),
            meter: None,
            quote: None,
            record,
            request: types::entry::Request { method: Name::from(request.method().as_str()), ..Default::default() },
            proof,
            observed: None,
            body: None,
            busy: Some(busy),
            trailers: forward::takes_trailers(request.headers()),
        })
    }

    /// Step 2: who calls.
    ///
    /// # Errors
    /// The reasons of [`identify::identify`], and [`Reason::SessionsExhausted`].
    pub(crate) fn identify(&mut self, head: &Parts) -> Result<(), Reason> {
        let identified = identify::identify(&self.house, self.connection, &head.headers, head.uri.path())?;
        self.gateway.sessions.admit(&identified.caller, self.at_ms)?;
        self.record.name_caller(&identified.caller);
        self.caller = Some(identified.caller);
        self.path = identified.path;
        Ok(())
    }

    /// Step 4: the route, its target, and the meter that knows the endpoint.
    ///
    /// # Errors
    /// The reasons of [`way::find`], [`Reason::ProviderKeyRefused`] for a foreign provider key.
    pub(crate) fn find<'h>(&mut self, house: &'h House, head: &Parts) -> Result<Way<'h>, Reason> {
        let host = head.headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
        let way = way::find(house, self.connection, host, &head.method, &self.path);
        if let Err(Reason::VendorNotAllowed { host }) = &way {
            self.request.host = host.clone();
            self.record.host = host.to_string();
        }
        let way = way?;
        self.meter = way.shape;
        self.record.host = way.target.host.to_string();
        self.record.path.clone_from(&way.path);
        self.record.route = way.route.name.to_string();
        self.request.host = way.target.host.clone();
        self.request.path.clone_from(&way.path);
        self.request.route = way.route.name.clone();
        self.request.vendor = way.route.provider.clone();
        if let Some(reason) = &way.refused {
            return Err(reason.clone());
        }
        credentials::check(way.route, &head.headers)?;
        if way.route.trust_user_header
            && let (Some(caller), Some(user)) = (&mut self.caller, identify::trusted_user(&head.headers)?)
        {
            caller.user = user;
        }
        Ok(way)
    }

    /// Step 3: the whole body, decoded; what leaves here is one truth about the request.
    ///
    /// # Errors
    /// The reasons of [`read::read`].
    pub(crate) async fn read<B>(&mut self, way: &Way<'_>, head: Parts, body: B) -> Result<Draft, Reason>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let cap_bytes = way.route.body_cap_bytes;
        let body = read::read(body, &head.headers, cap_bytes, &self.gateway.bodies).await?;
        let mut headers = head.headers;
        forward::outgoing_headers(&mut headers);
        let draft = Draft {
            method: head.method,
            host: way.target.host.clone(),
            path: way.path.clone(),
            query: self.query.take(),
            headers,
            body: body.bytes.clone(),
        };
        self.request.received_hash.clone_from(&body.received_hash);
        self.body = Some(body);
        Ok(draft)
    }

    /// Step 5: guards and meter edit the request, in the order of one list; what leaves here is judged and forwarded.
    ///
    /// # Errors
    /// Whatever a guard or the meter refuses.
    pub(crate) fn shape(&mut self, way: &Way<'_>, draft: &mut Draft) -> Result<(), Reason> {
        for guard in &way.route.guards {
            self.proof.rules.push(format!("guard:{}", guard.name()));
            guard.shape(draft).inspect_err(|_| self.proof.decided_by = format!("guard:{}", guard.name()))?;
        }
        match way.meter {
            Some(meter) => meter.shape(draft, &self.context(way)),
            None => Ok(()),
        }
    }

    /// Step 6: the most it may cost.
    ///
    /// # Errors
    /// Whatever the meter refuses: unknown models, unbounded requests, fields that can be read in two ways.
    pub(crate) fn quote(&mut self, way: &Way<'_>, draft: &Draft) -> Result<(), Reason> {
        let Some(meter) = way.meter else { return Ok(()) };
        let quote = meter.quote(draft, &self.context(way)).inspect_err(|reason| {
            self.proof.decided_by = format!("meter:{}", meter.name());
            if let Reason::ModelUnknown { model } = reason {
                self.request.model = model.clone();
                self.record.model = model.to_string();
            }
        })?;
        self.request.vendor = quote.vendor.clone();
        self.request.model = quote.model.clone();
        self.request.bound = quote.bound;
        self.record.name_quote(&quote);
        self.quote = Some(quote);
        Ok(())
    }

    /// Step 7: the accounts and amounts, or a refusal by lists and caps.
    ///
    /// # Errors
    /// The reason of the policy's denial, unless the gateway only observes.
    pub(crate) fn plan(&mut self, way: &Way<'_>, draft: &Draft) -> Result<Plan, Reason> {
        let house = Arc::clone(&self.house);
        let caller = self.caller.as_ref().ok_or(Reason::IdentityMissing)?;
        let facts = Facts {
            caller,
            kind: if way.meter.is_some() { Kind::Llm } else { Kind::Free },
            route: &way.route.name,
            vendor: &self.request.vendor,
            model: &self.request.model,
            host: &draft.host,
            method: draft.method.as_str(),
            path: &draft.path,
            quote: self.quote.as_ref(),
            now_ms: self.at_ms,
        };
        match house.policy.plan(&facts) {
            Ok(plan) => {
                self.proof.rules.extend(plan.rules.iter().cloned());
                Ok(plan)
            }
            Err(denial) => {
                self.proof.rules.extend(denial.rules);
                self.proof.decided_by = denial.rule;
                if self.house.mode == Mode::Enforce {
                    return Err(denial.reason);
                }
                let plan = house.policy.plan_unlimited(&facts);
                self.observed = Some(denial.reason);
                Ok(plan)
            }
        }
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
        if self.house.mode == Mode::Observe && matches!(refused, Refused::OverLimit(_)) {
            self.observed = Some(refused.into());
            let mut unlimited = reservation;
            for line in &mut unlimited.lines {
                line.limits = Limits::NONE;
            }
            return self.gateway.ledger.reserve(unlimited).await.map_err(Reason::from);
        }
        Err(refused.into())
    }

    /// Step 9: the strictest voice of rules and guards on the balances that came back; then the one edit that may
    /// follow a reservation, lowering the output bound to what is granted.
    ///
    /// # Errors
    /// The reason of the strictest voice. The hold releases itself.
    pub(crate) fn decide(&mut self, way: &Way<'_>, draft: &mut Draft, hold: &Hold) -> Result<(), Reason> {
        let caller = self.caller.as_ref().ok_or(Reason::IdentityMissing)?;
        let facts = Facts {
            caller,
            kind: if way.meter.is_some() { Kind::Llm } else { Kind::Free },
            route: &way.route.name,
            vendor: &self.request.vendor,
            model: &self.request.model,
            host: &draft.host,
            method: draft.method.as_str(),
            path: &draft.path,
            quote: self.quote.as_ref(),
            now_ms: self.at_ms,
        };
        let decision = self.house.policy.decide(&facts, hold.balances());
        self.proof.rules.extend(decision.rules);
        let seen = GuardFacts { caller, quote: self.quote.as_ref(), draft, now_ms: self.at_ms };
        let voices = way.route.guards.iter().map(|guard| guard.judge(&seen, hold.balances()));
        let verdict = strictest(std::iter::once(decision.verdict).chain(voices));
        match verdict {
            Verdict::Allow if self.observed.is_none() => self.proof.decided_by = decision.decided_by,
            Verdict::Allow => {}
            // Nobody is asked yet: what needs a person's word is refused.
            Verdict::Ask(reason) | Verdict::Deny(reason) if self.house.mode == Mode::Enforce => return Err(reason),
            Verdict::Ask(reason) | Verdict::Deny(reason) => self.observed = Some(reason),
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

    /// Steps 11 and 12: the request leaves under its permit; the answer settles it.
    ///
    /// # Errors
    /// The reason why no answer came.
    pub(crate) async fn forward(
        &mut self,
        way: &Way<'_>,
        mut draft: Draft,
        hold: Hold,
        permit: Permit,
    ) -> Result<Response<ReplyBody>, Reason> {
        credentials::inject(way.route, &mut draft.headers)?;
        let told = self.told(&hold);
        self.record.reserved_usd = hold.granted().usd.to_string();
        self.record.verdict = if self.observed.is_some() { "observe" } else { "allow" }.to_owned();
        self.record.reason = self.observed.as_ref().map(Reason::code).unwrap_or_default().to_owned();
        let gauge = match (way.meter, &self.quote) {
            (Some(meter), Some(quote)) => {
                let prices = Arc::clone(&self.house.prices);
                Some(meter.gauge(&draft, quote, prices, self.at_ms, &way.route.meter_options))
            }
            _ => None,
        };
        let in_flight = hold.dispatch(&permit);
        let metering = Metering {
            gateway: Arc::clone(self.gateway),
            in_flight,
            gauge,
            record: std::mem::take(&mut self.record),
            told,
            idle_timeout_ms: self.house.upstream.idle_timeout_ms,
            place: None,
            _busy: self.busy.take().ok_or(Reason::Overloaded)?,
            _guard: self.gateway.drain.request(),
        };
        let outgoing = Outgoing {
            streaming: self.quote.as_ref().is_some_and(|quote| quote.streaming),
            trailers: self.trailers,
            request: way::request(&way.target, draft)?,
            target: way.target.clone(),
        };
        let failed = match forward::forward(permit, outgoing, metering).await {
            Ok(answer) => return Ok(answer),
            Err(reason) => reason,
        };
        // The money of this exchange is settled already; only the answer is left to give.
        let refusal = self.refusal(failed);
        Ok(reply::refuse(&refusal, self.meter, false))
    }

    /// Any step's refusal: written, counted, and answered in the provider's own words.
    pub(crate) fn refuse(mut self, reason: Reason) -> Response<ReplyBody> {
        let refusal = self.refusal(reason.clone());
        let is_proxied = !matches!(self.connection.mode, crate::front::Mode::Reverse);
        let answer = reply::refuse(&refusal, self.meter, is_proxied);
        self.record.status = refusal.status;
        reason.code().clone_into(&mut self.record.reason);
        self.record.rule.clone_from(&self.proof.decided_by);
        self.record.latency_ms = now_ms().saturating_sub(self.at_ms);
        let refuse = Refuse {
            at_ms: self.at_ms,
            caller: self.caller.take(),
            count: 1,
            id: self.id,
            proof: std::mem::take(&mut self.proof),
            reason,
            request: std::mem::take(&mut self.request),
        };
        self.gateway.write_refusal(refuse);
        count(&self.record, &Amounts::ZERO);
        self.gateway.remember(self.record);
        answer
    }

    fn refusal(&self, reason: Reason) -> types::Refusal {
        let agent = self.caller.as_ref().map(|caller| &*caller.agent);
        let mut refusal = reply::refusal(&self.house, self.id, agent, reason);
        refusal.bound = self.quote.as_ref().map(|quote| quote.bound);
        refusal
    }

    fn context<'c>(&'c self, way: &'c Way<'_>) -> QuoteContext<'c> {
        QuoteContext { prices: &self.house.prices, now_ms: self.at_ms, options: &way.route.meter_options }
    }

    /// What the head of the answer tells of the money.
    fn told(&self, hold: &Hold) -> HeaderMap {
        let mut told = HeaderMap::with_capacity(4);
        let mut tell = |name, text: String| {
            if let Ok(value) = HeaderValue::from_str(&text) {
                told.insert(name, value);
            }
        };
        tell(DECISION_HEADER, self.id.to_string());
        tell(RESERVED_HEADER, hold.granted().usd.to_string());
        if let Some(left) = tightest(hold.balances(), Measure::Usd).and_then(|balance| balance.left(Measure::Usd)) {
            tell(REMAINING_HEADER, types::Money::from_nanos(left).to_string());
        }
        if let Some(bound) = self.request.output_bound_inserted {
            tell(OUTPUT_BOUND_HEADER, bound.to_string());
        }
        told
    }
}

/// Whether two views are of the very same bytes, without reading them.
fn same(one: &Bytes, other: &Bytes) -> bool {
    one.as_ptr() == other.as_ptr() && one.len() == other.len()
}
