//! One exchange in flight with its gauge: however it ends, it is closed once, and closing settles.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderValue};
use ledger::InFlight;
use plugins::{Gauge, Measured};
use tokio::sync::watch;
use types::account::Subjects;
use types::entry::Outcome;
use types::{Amounts, Certainty, Charge, Measure, Name, Reason, Record, Shortfall, Usage};

use crate::clock::now_ms;
use crate::front::Guard;
use crate::house::{Busy, Gateway};
use crate::record::count;
use crate::reply;
use crate::upstream::Place;

/// How a response ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Read to its end.
    Complete,
    /// The vendor broke off or fell silent.
    Truncated,
    /// The agent left and the rest could not be read.
    AgentLeft,
    /// Bursar cut it: it cost more than was held.
    Cut,
}

impl End {
    const fn word(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Truncated => "truncated",
            Self::AgentLeft => "agent_left",
            Self::Cut => "cut",
        }
    }

    const fn for_gauge(self) -> plugins::End {
        match self {
            Self::Complete => plugins::End::Complete,
            Self::Truncated | Self::AgentLeft | Self::Cut => plugins::End::Truncated,
        }
    }
}

/// An exchange in flight. Dropped unclosed, it presumes its bound.
pub(crate) struct Metering {
    /// Whose ledger and trail it settles in.
    pub gateway: Arc<Gateway>,
    /// The money.
    pub in_flight: InFlight,
    /// Reads the cost off the response; `None` for endpoints that cost nothing.
    pub gauge: Option<Box<dyn Gauge>>,
    /// What the canonical line will tell.
    pub record: Record,
    /// What the answer's head tells of the money.
    pub told: HeaderMap,
    /// Whose freeze stops it while it runs.
    pub subjects: Subjects,
    /// Moves with every freeze.
    pub switches: watch::Receiver<u64>,
    /// The longest silence of the vendor.
    pub idle_timeout_ms: u64,
    /// The request's place at its vendor, held for as long as the answer is read.
    pub place: Option<Place>,
    /// Counts this request as in flight until it is settled.
    pub _busy: Busy,
    /// Keeps a stopping gateway waiting until it is settled.
    pub _guard: Guard,
}

/// A closed exchange.
pub(crate) struct Closed {
    /// Bytes still owed to the agent.
    pub tail: Bytes,
    /// What was posted.
    pub posted: Amounts,
}

impl Metering {
    /// Shows the gauge the head of the response, and edits it where the gauge will change the body.
    pub(crate) fn head(&mut self, head: &mut http::response::Parts) {
        self.record.status = head.status.as_u16();
        self.place = head.extensions.remove();
        let Some(gauge) = &mut self.gauge else { return };
        let edit = gauge.head(head.status, &head.headers);
        if edit.drop_content_length {
            head.headers.remove(CONTENT_LENGTH);
        }
        if edit.drop_content_encoding {
            head.headers.remove(CONTENT_ENCODING);
        }
    }

    /// Adds what the answer's head tells of the money.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.told {
            headers.insert(name.clone(), value.clone());
        }
    }

    /// The longest silence of the vendor.
    #[must_use]
    pub(crate) fn idle(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }

    /// Shows the gauge a piece of the body; gives back what the agent shall see of it.
    pub(crate) fn chunk(&mut self, bytes: &Bytes) -> Bytes {
        match &mut self.gauge {
            Some(gauge) => gauge.chunk(bytes),
            None => bytes.clone(),
        }
    }

    /// Why the answer must be cut now: its running cost has passed what is held, or somebody froze its subject.
    pub(crate) fn must_stop(&mut self) -> Option<Reason> {
        if self.switches.has_changed().unwrap_or(false) {
            self.switches.mark_unchanged();
            let frozen = self.gateway.ledger.frozen();
            if let Some(subject) = self.subjects.iter().find(|subject| frozen.contains(subject)) {
                return Some(Reason::Frozen { subject: subject.clone() });
            }
        }
        let running = self.gauge.as_ref()?.running();
        let granted = self.in_flight.granted();
        (running.usd > granted.usd).then(|| {
            Reason::OverLimit(Shortfall {
                account: "exchange@transaction".into(),
                held: 0,
                limit: granted.of(Measure::Usd),
                measure: Measure::Usd,
                needed: running.of(Measure::Usd),
                resets_ms: None,
                spent: running.of(Measure::Usd),
            })
        })
    }

    /// The well-formed last words of a stream that is cut.
    pub(crate) fn cut(&mut self, reason: Reason) -> Bytes {
        reason.code().clone_into(&mut self.record.reason);
        let agent = (!self.record.agent.is_empty()).then_some(self.record.agent.as_str());
        let refusal = reply::refusal(&self.gateway.house(), self.in_flight.id(), agent, reason);
        self.gauge.as_mut().map(|gauge| gauge.cut(&refusal)).unwrap_or_default()
    }

    /// Settles by what the gauge has read. An endpoint that costs nothing has no gauge, and counts as one call.
    pub(crate) fn close(mut self, end: End) -> Closed {
        let measured = self.gauge.take().map_or_else(
            || Measured {
                tail: Bytes::new(),
                charge: Charge::exact(Amounts::ZERO),
                cost: None,
                usage: Usage::default(),
                model: None,
                vendor_request: None,
            },
            |gauge| gauge.finish(end.for_gauge()),
        );
        self.settle(end, measured)
    }

    fn settle(mut self, end: End, measured: Measured) -> Closed {
        let mut charge = bounded(measured.charge, self.in_flight.granted());
        // A call that left counts as one, whatever it did cost.
        charge.amounts.requests = 1;
        let at_ms = now_ms();
        self.record.latency_ms = at_ms.saturating_sub(self.record.at_ms);
        end.word().clone_into(&mut self.record.end);
        let model = measured.model.unwrap_or_else(|| self.record.model.clone());
        let outcome = Outcome {
            at_ms,
            charge,
            end: Name::from(end.word()),
            id: self.in_flight.id(),
            latency_ms: self.record.latency_ms,
            model: Name::from(model),
            status: self.record.status,
            usage: measured.usage,
            vendor_request: measured.vendor_request.unwrap_or_default(),
        };
        let settled = self.in_flight.settle(outcome);
        self.record.name_cost(&settled.posted, charge.certainty, measured.cost, &measured.usage);
        count(&self.record, &settled.posted);
        self.gateway.remember(self.record);
        Closed { tail: measured.tail, posted: settled.posted }
    }

    /// Ends an exchange that brought no answer: released where nothing was sent, presumed at the bound otherwise.
    pub(crate) fn fail(mut self, reason: &Reason, sent: bool) {
        self.record.reason = reason.code().to_owned();
        self.record.latency_ms = now_ms().saturating_sub(self.record.at_ms);
        if sent {
            // Silence means it was spent: no gauge has read anything, so closing presumes the bound.
            self.gauge = None;
            self.charge_unknown();
            return;
        }
        self.in_flight.unsent(now_ms(), reason.code());
        count(&self.record, &Amounts::ZERO);
        self.gateway.remember(self.record);
    }

    fn charge_unknown(self) {
        let granted = self.in_flight.granted();
        let measured = Measured {
            tail: Bytes::new(),
            charge: Charge { amounts: granted, certainty: Certainty::Unknown },
            cost: None,
            usage: Usage::default(),
            model: None,
            vendor_request: None,
        };
        self.settle(End::Truncated, measured);
    }

    /// The value of the cost trailer.
    #[must_use]
    pub(crate) fn cost_trailer(posted: &Amounts) -> Option<HeaderValue> {
        HeaderValue::from_str(&posted.usd.to_string()).ok()
    }
}

/// An unknown charge is the bound; the ledger presumes it.
fn bounded(charge: Charge, granted: Amounts) -> Charge {
    match charge.certainty {
        Certainty::Exact | Certainty::AtLeast => charge,
        Certainty::Unknown => Charge { amounts: granted, certainty: Certainty::Unknown },
    }
}
