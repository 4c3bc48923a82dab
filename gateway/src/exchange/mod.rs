//! One request on its way: what each step has learnt, and the steps themselves. Reading and pricing stand here, the
//! money in `money.rs`, the two ways out in `ending.rs`.

mod ending;
mod money;

use std::sync::Arc;

use bytes::Bytes;
use config::{House, Mode};
use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use plugins::{Draft, Meter, QuoteContext};
use types::account::Subjects;
use types::entry::Proof;
use types::{Caller, DecisionId, Name, Quote, Reason, Record, UnixMs};

use crate::clock::{new_id, now_ms};
use crate::front::{Connection, ReplyBody};
use crate::house::{Busy, Gateway};
use crate::read::{self, ReadBody};
use crate::way::{self, Way};
use crate::{credentials, forward, identify, reply};

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
    /// What a freeze of would stop it.
    subjects: Subjects,
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
            subjects: Subjects::new(),
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
            self.observe(reason.clone())?;
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
            if let Err(reason) = guard.shape(draft) {
                self.proof.decided_by = format!("guard:{}", guard.name());
                self.observe(reason)?;
            }
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
        let quote = match meter.quote(draft, &self.context(way)) {
            Ok(quote) => quote,
            Err(reason) => {
                self.proof.decided_by = format!("meter:{}", meter.name());
                if let Reason::ModelUnknown { model } = &reason {
                    self.request.model = model.clone();
                    self.record.model = model.to_string();
                }
                return self.observe(reason);
            }
        };
        self.request.vendor = quote.vendor.clone();
        self.request.model = quote.model.clone();
        self.request.bound = quote.bound;
        self.record.name_quote(&quote);
        self.quote = Some(quote);
        Ok(())
    }

    fn context<'c>(&'c self, way: &'c Way<'_>) -> QuoteContext<'c> {
        QuoteContext { prices: &self.house.prices, now_ms: self.at_ms, options: &way.route.meter_options }
    }

    /// In observe mode a judgement is noted and the request goes on. What cannot be read in one way only is refused in
    /// either mode: nobody could say what was observed.
    fn observe(&mut self, reason: Reason) -> Result<(), Reason> {
        let is_judgement = matches!(
            reason,
            Reason::VendorNotAllowed { .. }
                | Reason::EndpointNotAllowed { .. }
                | Reason::ModelNotAllowed { .. }
                | Reason::ModelUnknown { .. }
                | Reason::Unbounded { .. }
                | Reason::OverLimit(_)
        );
        if self.house.mode == Mode::Enforce || !is_judgement {
            return Err(reason);
        }
        self.observed.get_or_insert(reason);
        Ok(())
    }
}
