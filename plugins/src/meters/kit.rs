//! What the tests of meters share: a small price book, requests, and ways to feed an answer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use types::{
    AccountName, Amounts, Certainty, Cost, DecisionId, Measure, Money, Quote, Reason, Refusal, Shortfall, UnixMs,
};

use crate::draft::Draft;
use crate::meter::{End, Gauge, HeadEdit, Measured, Meter, MeterOptions, QuoteContext};
use crate::prices::PriceBook;

/// 2026-11-21T00:00:00Z.
pub(super) const NOW: UnixMs = 1_795_219_200_000;

const FILES: &[(&str, &str)] = &[
    (
        "openai.json",
        r#"{"provider":"openai","as_of":"2026-11-21","hosts":["api.openai.com","us.api.openai.com"],"tools":{"web_search":"0.01"},"models":[
{"id":"gpt-plain","match":[{"re":"^gpt-plain-\\d{4}$"}],"ctx":128000,"maxin":128000,"maxout":16384,"p":{"in":"2","cr":"1","out":"10"}},
{"id":"gpt-prio","ctx":128000,"maxin":128000,"maxout":16384,"p":{"in":"2","cr":"1","out":"10"},"svc":{"priority":{"p":{"in":"4","cr":"2","out":"20"}},"flex":{"p":{"in":"1","cr":"0.5","out":"5"}}}},
{"id":"gpt-long","ctx":1050000,"maxin":922000,"maxout":128000,"p":{"in":"4","cw":"5","cr":"0.4","out":"20"},"above":[{"gt":272000,"p":{"in":"8","cw":"10","cr":"0.8","out":"30"}}],"uplift":{"us":"1.1"}},
{"id":"gpt-audio","ctx":128000,"maxin":128000,"maxout":16384,"p":{"in":"2.5","out":"10","a_in":"40","a_out":"80"}},
{"id":"gpt-4o-mini-like","aka":["gpt-4o-mini"],"ctx":128000,"maxin":128000,"maxout":16384,"p":{"in":"0.15","out":"0.6"}},
{"id":"gpt-4o-search-preview","ctx":128000,"maxin":128000,"maxout":16384,"p":{"in":"2.5","out":"10"},"u":{"web_search":"0.025"}},
{"id":"small-window","ctx":8192,"maxin":8192,"maxout":4096,"p":{"in":"30","out":"60"}},
{"id":"old-base","maxin":16384,"maxout":4096,"p":{"in":"2","out":"2"}}
]}"#,
    ),
    (
        "openrouter.json",
        r#"{"provider":"openrouter","as_of":"2026-11-21","hosts":["openrouter.ai"],"models":[
{"id":"a/cheap","ctx":100000,"maxout":8000,"p":{"in":"1","out":"2"}},
{"id":"a/dear","ctx":100000,"maxout":4000,"p":{"in":"10","out":"20"}},
{"id":"a/unlisted","p":{"in":"1","out":"2"}}
]}"#,
    ),
    (
        "xai.json",
        r#"{"provider":"xai","as_of":"2026-11-21","hosts":["api.x.ai"],"models":[
{"id":"grok-x","ctx":131072,"p":{"in":"0.3","cr":"0.075","out":"0.5"},"above":[{"gt":199999,"p":{"in":"0.6","out":"1"}}]}]}"#,
    ),
    (
        "perplexity.json",
        r#"{"provider":"perplexity","as_of":"2026-11-21","hosts":["api.perplexity.ai"],"models":[
{"id":"sonar-x","ctx":128000,"p":{"in":"1","out":"1"},"u":{"request":"0.012"}},
{"id":"sonar-deep-research","ctx":128000,"p":{"in":"2","out":"8"}}]}"#,
    ),
    (
        "mistral.json",
        r#"{"provider":"mistral","as_of":"2026-11-21","hosts":["api.mistral.ai"],"models":[
{"id":"mistral-x","maxin":32000,"maxout":8000,"p":{"in":"0.5","cr":"0.05","out":"1.5"}}]}"#,
    ),
    (
        "groq.json",
        r#"{"provider":"groq","as_of":"2026-11-21","hosts":["api.groq.com"],"models":[
{"id":"llama-x","ctx":131072,"maxout":32768,"p":{"in":"0.59","out":"0.79"}}]}"#,
    ),
    (
        "azure.json",
        r#"{"provider":"azure","as_of":"2026-11-21","hosts":["res.openai.azure.com"],"models":[
{"id":"gpt-4-like","ctx":128000,"maxout":4096,"p":{"in":"2","out":"10"}},
{"id":"o9","ctx":128000,"maxout":4096,"p":{"in":"2","out":"10"}}]}"#,
    ),
    (
        "novita.json",
        r#"{"provider":"novita","as_of":"2026-11-21","hosts":["api.novita.ai"],"models":[
{"id":"open-x","ctx":32000,"p":{"in":"1","out":"2"}}]}"#,
    ),
    (
        "anthropic.json",
        r#"{"provider":"anthropic","as_of":"2026-11-21","hosts":["api.anthropic.com"],"tools":{"web_search":"0.01"},"models":[
{"id":"claude-s","match":[{"re":"^claude-s-\\d{8}$"}],"ctx":200000,"maxin":200000,"maxout":64000,"p":{"in":"3","cw":"3.75","cr":"0.3","out":"15","cw1h":"6"},"above":[{"gt":200000,"p":{"in":"6","cw":"7.5","cr":"0.6","out":"22.5","cw1h":"12"}}]},
{"id":"claude-o","ctx":1000000,"maxin":1000000,"maxout":128000,"p":{"in":"5","cw":"6.25","cr":"0.5","out":"25","cw1h":"10"},"svc":{"speed_fast":{"p":{"in":"10","cw":"12.5","cr":"1","out":"50","cw1h":"20"}}},"uplift":{"us":"1.1"}},
{"id":"claude-f","ctx":1000000,"maxin":1000000,"maxout":128000,"p":{"in":"10","cw":"12.5","cr":"1","out":"50","cw1h":"20"}}
]}"#,
    ),
];

/// The book.
pub(super) fn book() -> Arc<PriceBook> {
    let files: Vec<_> = FILES.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
    Arc::new(PriceBook::parse(&files).unwrap_or_else(|error| panic!("{error}")))
}

/// A meter at work on one provider.
pub(super) struct Bench {
    pub(super) meter: &'static dyn Meter,
    pub(super) book: Arc<PriceBook>,
    pub(super) options: MeterOptions,
    pub(super) host: &'static str,
    pub(super) path: &'static str,
}

impl Bench {
    /// A bench for a provider and an endpoint.
    pub(super) fn new(meter: &'static dyn Meter, provider: &str, path: &'static str) -> Self {
        let options = MeterOptions::new(provider.into());
        Self { meter, book: book(), options, host: "vendor.example", path }
    }

    pub(super) fn context(&self) -> QuoteContext<'_> {
        QuoteContext { prices: &self.book, now_ms: NOW, options: &self.options }
    }

    pub(super) fn draft(&self, body: &str) -> Draft {
        Draft {
            method: Method::POST,
            host: self.host.into(),
            path: self.path.to_owned(),
            query: None,
            headers: HeaderMap::new(),
            body: Bytes::from(body.to_owned()),
        }
    }

    /// The request as it is quoted.
    pub(super) fn shaped(&self, body: &str) -> Result<Draft, Reason> {
        let mut draft = self.draft(body);
        self.meter.shape(&mut draft, &self.context())?;
        Ok(draft)
    }

    /// The quote of a request, as sent.
    pub(super) fn quote(&self, body: &str) -> Result<Quote, Reason> {
        self.meter.quote(&self.draft(body), &self.context())
    }

    /// What is left of a request that a grant of so many nano-dollars pays for, and the bound that was written.
    pub(super) fn lowered(&self, body: &str, usd: Money) -> Result<(String, Option<u64>), Reason> {
        let mut draft = self.draft(body);
        let quote = self.meter.quote(&draft, &self.context())?;
        let granted = Amounts { usd: usd.min(quote.bound.usd), ..quote.bound };
        let bound = self.meter.lower(&mut draft, &quote, &granted, &self.context())?;
        Ok((String::from_utf8(draft.body.to_vec()).unwrap(), bound))
    }

    /// A gauge for the answer to a request.
    pub(super) fn gauge(&self, body: &str) -> Box<dyn Gauge> {
        let draft = self.shaped(body).unwrap();
        let quote = self.meter.quote(&draft, &self.context()).unwrap();
        self.meter.gauge(&draft, &quote, Arc::clone(&self.book), NOW, &self.options)
    }

    /// Feeds an answer in chunks of a size.
    pub(super) fn feed(&self, request: &str, answer: &Answer<'_>, chunk: usize) -> Outcome {
        let mut gauge = self.gauge(request);
        let edit = gauge.head(answer.status, &answer.headers());
        let body = Bytes::copy_from_slice(answer.body);
        let mut seen = Vec::new();
        for piece in body.chunks(chunk) {
            seen.extend_from_slice(&gauge.chunk(&body.slice_ref(piece)));
        }
        let running = gauge.running();
        let measured = gauge.finish(answer.end);
        seen.extend_from_slice(&measured.tail);
        Outcome { edit, seen, running, measured }
    }

    /// Feeds an answer whole, byte by byte and in between: all must tell the same.
    pub(super) fn measure(&self, request: &str, answer: &Answer<'_>) -> Outcome {
        let whole = self.feed(request, answer, usize::MAX);
        for chunk in [1, 2, 7, 64] {
            let again = self.feed(request, answer, chunk);
            assert_eq!(again.measured.charge, whole.measured.charge, "in chunks of {chunk}");
            assert_eq!(again.measured.usage, whole.measured.usage, "in chunks of {chunk}");
            assert!(again.seen == whole.seen, "the agent sees other bytes in chunks of {chunk}");
        }
        whole
    }
}

/// An answer of a vendor.
pub(super) struct Answer<'a> {
    pub(super) status: StatusCode,
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: &'a [u8],
    pub(super) end: End,
}

impl<'a> Answer<'a> {
    /// A whole JSON body.
    pub(super) fn json(status: u16, body: &'a str) -> Self {
        let status = StatusCode::from_u16(status).unwrap();
        Self { status, headers: &[("content-type", "application/json")], body: body.as_bytes(), end: End::Complete }
    }

    /// A stream of events.
    pub(super) fn events(body: &'a str) -> Self {
        let headers = &[("content-type", "text/event-stream; charset=utf-8")];
        Self { status: StatusCode::OK, headers, body: body.as_bytes(), end: End::Complete }
    }

    /// The same, cut off.
    pub(super) fn cut(mut self) -> Self {
        self.end = End::Truncated;
        self
    }

    fn headers(&self) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            (HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap())
        };
        self.headers.iter().map(pair).collect()
    }
}

/// What came of an answer.
pub(super) struct Outcome {
    pub(super) edit: HeadEdit,
    pub(super) seen: Vec<u8>,
    pub(super) running: Amounts,
    pub(super) measured: Measured,
}

impl Outcome {
    pub(super) fn certainty(&self) -> Certainty {
        self.measured.charge.certainty
    }

    /// The exact cost in dollars, as text.
    pub(super) fn cost(&self) -> Option<String> {
        self.measured.cost.map(|cost| cost.to_string())
    }

    pub(super) fn seen(&self) -> &str {
        std::str::from_utf8(&self.seen).unwrap()
    }
}

/// Dollars.
pub(super) fn usd(text: &str) -> Money {
    text.parse().unwrap()
}

/// An exact cost as text, as [`Outcome::cost`] prints it.
pub(super) fn cost(text: &str) -> Option<String> {
    Some(text.parse::<Cost>().unwrap().to_string())
}

/// A refusal for want of money.
pub(super) fn over_limit() -> Refusal {
    let shortfall = Shortfall {
        account: AccountName::from("agent:researcher@day:2026-11-21"),
        held: 10_000_000,
        limit: 5_000_000_000,
        measure: Measure::Usd,
        needed: 160_000_000,
        resets_ms: Some(NOW + 86_400_000),
        spent: 4_980_000_000,
    };
    refusal(Reason::OverLimit(shortfall), 402)
}

/// A refusal for a reason.
pub(super) fn refusal(reason: Reason, status: u16) -> Refusal {
    let decision = DecisionId::from_u128(1);
    Refusal { decision, reason, status, message: "Agent researcher has spent $4.98 of $5.00".into(), bound: None }
}
