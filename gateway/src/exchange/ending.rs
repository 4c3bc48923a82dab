//! The two ways out of a journey: forwarded and settled, or refused.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Response};
use ledger::{Hold, Permit};
use plugins::Draft;
use types::account::tightest;
use types::entry::Refuse;
use types::{Amounts, Measure, Reason};

use super::Exchange;
use crate::clock::now_ms;
use crate::credentials;
use crate::forward::{self, Metering, Outgoing};
use crate::front::{Mode, ReplyBody};
use crate::record::count;
use crate::reply::{self, DECISION_HEADER, OUTPUT_BOUND_HEADER, REMAINING_HEADER, RESERVED_HEADER};
use crate::way::{self, Way};

impl Exchange<'_> {
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
        // Whatever can still fail comes before the dispatch: a hold gives its money back, money in flight does not.
        let request = way::request(&way.target, draft)?;
        let busy = self.busy.take().ok_or(Reason::Overloaded)?;
        let in_flight = hold.dispatch(&permit);
        let metering = Metering {
            gateway: Arc::clone(self.gateway),
            in_flight,
            gauge,
            record: std::mem::take(&mut self.record),
            told,
            subjects: std::mem::take(&mut self.subjects),
            switches: self.gateway.ledger.switches(),
            idle_timeout_ms: self.house.upstream.idle_timeout_ms,
            place: None,
            _busy: busy,
            _guard: self.gateway.drain.request(),
        };
        let outgoing = Outgoing {
            upstream: self.gateway.upstream(&self.house),
            streaming: self.quote.as_ref().is_some_and(|quote| quote.streaming),
            trailers: self.trailers,
            request,
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
        let is_proxied = !matches!(self.connection.mode, Mode::Reverse);
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
