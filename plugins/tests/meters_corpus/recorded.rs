//! The recorded exchanges, and what is expected of each.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use plugins::json::decimal_half_up;
use plugins::meters::anthropic_messages::AnthropicMessages;
use plugins::meters::openai_chat::OpenaiChat;
use plugins::prices::PriceBook;
use plugins::{Draft, End, Measured, Meter, MeterOptions};
use serde_json::{Value, json};
use types::{Amounts, Certainty, Cost, OutputBound, Quote, UnixMs, Usage};

/// 2026-11-21T00:00:00Z, the day of the expected costs.
pub const NOW: UnixMs = 1_795_219_200_000;

pub fn shared(path: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let found = std::env::var_os("BURSAR_CORPUS").map_or(beside, PathBuf::from).join(path);
    if !found.exists() {
        println!("SKIPPED: {path}: corpus not found");
        return None;
    }
    Some(found)
}

pub fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

pub fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

/// The shipped prices, and for providers that do not ship, their models out of the merged book.
fn book(fixtures: &[Value]) -> Arc<PriceBook> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/prices");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: BTreeMap<String, Vec<u8>> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap()))
        .collect();
    let merged = shared("prices/pricebook.json").map(|path| read(&path)).unwrap_or_default();
    let providers: BTreeSet<&str> = fixtures.iter().map(|fixture| text(fixture, "provider")).collect();
    for provider in providers {
        files.entry(provider.to_owned()).or_insert_with(|| converted(provider, &merged["providers"][provider]));
    }
    let named: Vec<_> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    Arc::new(PriceBook::parse(&named).unwrap())
}

fn converted(provider: &str, merged: &Value) -> Vec<u8> {
    const KEPT: [&str; 6] = ["id", "aka", "ctx", "maxin", "maxout", "zero"];
    const KINDS: [&str; 5] = ["in", "out", "cr", "cw", "cw1h"];
    let mut taken = BTreeSet::new();
    let model = |entry: &Value| {
        let mut model = serde_json::Map::new();
        for key in KEPT {
            if !entry[key].is_null() {
                model.insert(key.to_owned(), entry[key].clone());
            }
        }
        let clauses = entry["match"].as_array().into_iter().flatten();
        let starts = clauses.filter_map(|clause| clause.get("sw").or_else(|| clause["all"][0].get("sw")));
        let clauses: Vec<_> = starts.map(|start| json!({"sw": start})).collect();
        if !clauses.is_empty() {
            model.insert("match".to_owned(), json!(clauses));
        }
        let price = |kind: &&str| entry["p"][*kind].as_str().filter(|price| price.len() < 9);
        let prices: BTreeMap<_, _> = KINDS.iter().filter_map(|kind| Some((*kind, price(kind)?))).collect();
        model.insert("p".to_owned(), json!(prices));
        Value::Object(model)
    };
    let chats = merged["models"].as_array().unwrap().iter().filter(|entry| {
        let chat = matches!(text(entry, "mode"), "" | "chat" | "responses") && entry["p"]["in"].is_string();
        let names = entry["aka"].as_array().into_iter().flatten().chain([&entry["id"]]);
        let fresh = names.clone().all(|name| !taken.contains(name.as_str().unwrap()));
        taken.extend(names.map(|name| name.as_str().unwrap().to_owned()));
        chat && fresh
    });
    let models: Vec<Value> = chats.map(model).collect();
    let file = json!({"provider": provider, "as_of": "2026-11-21", "hosts": [format!("{provider}.example")], "models": models});
    file.to_string().into_bytes()
}

/// One recorded exchange with what is expected of it.
#[derive(Clone)]
pub struct Exchange {
    pub id: String,
    pub provider: String,
    pub meter: &'static dyn Meter,
    pub draft: Option<Draft>,
    pub url_path: String,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub stream: bool,
    pub expected: Value,
    pub edited: bool,
}

fn meter(api: &str) -> Option<&'static dyn Meter> {
    match api {
        "openai.chat" | "openai.completions" => Some(&OpenaiChat),
        "anthropic.messages" => Some(&AnthropicMessages),
        _ => None,
    }
}

pub fn headers(recorded: &Value) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in recorded.as_object().into_iter().flatten() {
        let (Ok(name), Ok(value)) =
            (HeaderName::try_from(name), HeaderValue::try_from(value.as_str().unwrap_or_default()))
        else {
            continue;
        };
        headers.insert(name, value);
    }
    headers
}

pub fn exchanges() -> Option<(Vec<Exchange>, Arc<PriceBook>)> {
    let folder = shared("corpus/llm")?;
    let expected = read(&folder.join("expected.json"));
    let index = read(&folder.join("index.json"));
    let recorded: Vec<Value> =
        index.as_array().unwrap().iter().filter(|fixture| meter(text(fixture, "api")).is_some()).cloned().collect();
    let book = book(&recorded);
    let exchanges = recorded.iter().map(|fixture| {
        let (request, response) = (&fixture["request"], &fixture["response"]);
        let url = http::Uri::try_from(text(request, "url").split('#').next().unwrap()).unwrap();
        let draft = request["body_file"].as_str().map(|file| Draft {
            method: Method::POST,
            host: url.host().unwrap().into(),
            path: url.path().to_owned(),
            query: url.query().map(str::to_owned),
            headers: headers(&request["headers"]),
            body: std::fs::read(folder.join(file)).unwrap().into(),
        });
        let mut answered = headers(&response["headers"]);
        // A body that was recorded decoded no longer has the coding that its head names.
        if response["gzip"] != true {
            answered.remove("content-encoding");
        }
        Exchange {
            id: text(fixture, "id").to_owned(),
            provider: text(fixture, "provider").to_owned(),
            meter: meter(text(fixture, "api")).unwrap(),
            draft,
            url_path: url.path().to_owned(),
            status: StatusCode::from_u16(response["status"].as_u64().unwrap().try_into().unwrap()).unwrap(),
            headers: answered,
            body: std::fs::read(folder.join(text(response, "body_file"))).unwrap().into(),
            stream: response["stream"] == true,
            expected: expected["fixtures"][text(fixture, "id")].clone(),
            edited: fixture["request_body_edited_by_source"] == true,
        }
    });
    Some((exchanges.collect(), book))
}

/// A quote for the gauge, of the model that the recording names; the bound is another test's.
fn quote(exchange: &Exchange, book: &PriceBook) -> Quote {
    let tried = exchange.expected["models_tried"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let asked = exchange.expected["request_model"].as_str();
    let known = asked.into_iter().chain(tried).find_map(|model| book.model(&exchange.provider, model, NOW));
    Quote {
        vendor: exchange.provider.as_str().into(),
        model: known.map_or_else(|| "unknown".into(), |model| model.id.clone()),
        bound: Amounts::ZERO,
        floor: Amounts::ZERO,
        output: OutputBound::None,
        streaming: exchange.stream,
    }
}

pub fn empty_draft(exchange: &Exchange) -> Draft {
    Draft {
        method: Method::POST,
        host: "vendor.example".into(),
        path: exchange.url_path.clone(),
        query: None,
        headers: HeaderMap::new(),
        body: Bytes::from_static(b"{}"),
    }
}

pub fn measure(exchange: &Exchange, book: &Arc<PriceBook>, chunk: usize, end: End) -> (Measured, Vec<u8>) {
    let draft = exchange.draft.clone().unwrap_or_else(|| empty_draft(exchange));
    let options = MeterOptions::new(exchange.provider.as_str().into());
    let mut gauge = exchange.meter.gauge(&draft, &quote(exchange, book), Arc::clone(book), NOW, &options);
    gauge.head(exchange.status, &exchange.headers);
    let mut seen = Vec::new();
    for piece in exchange.body.chunks(chunk) {
        seen.extend_from_slice(&gauge.chunk(&exchange.body.slice_ref(piece)));
        assert!(gauge.running().usd.nanos() >= 0);
    }
    let measured = gauge.finish(end);
    seen.extend_from_slice(&measured.tail);
    (measured, seen)
}

/// The buckets that are expected; where iterations run on several models, all of them.
pub fn wanted_usage(exchange: &Exchange) -> Usage {
    let usage = &exchange.expected["usage"];
    let count = |from: &Value, key: &str| from[key].as_u64().unwrap_or_default();
    let mut wanted = Usage {
        audio_in: count(&usage["buckets"], "a_in"),
        audio_out: count(&usage["buckets"], "a_out"),
        cache_read: count(&usage["buckets"], "cr"),
        cache_write: count(&usage["buckets"], "cw"),
        cache_write_1h: count(&usage["buckets"], "cw1h"),
        input: count(&usage["buckets"], "in"),
        output: count(&usage["buckets"], "out"),
        web_searches: count(&usage["units"], "web_search"),
    };
    if let Some(iterations) = usage["raw_usage"]["iterations"].as_array() {
        wanted.input = iterations.iter().map(|one| count(one, "input_tokens")).sum();
        wanted.output = iterations.iter().map(|one| count(one, "output_tokens")).sum();
    }
    wanted
}

pub fn wanted(exchange: &Exchange) -> (Certainty, Option<Cost>) {
    let dollars = |value: &Value| {
        let number = value.as_str().map(str::to_owned).unwrap_or_else(|| value.to_string());
        Cost::from_picos(decimal_half_up(&number, 12).unwrap())
    };
    let expected = &exchange.expected;
    match text(expected, "cost_status") {
        "exact" | "ambiguous" => (Certainty::Exact, Some(dollars(&expected["cost_usd"]))),
        "error_not_billed" => (Certainty::Exact, Some(Cost::ZERO)),
        // The book cannot price it, but the vendor states the cost.
        "unpriced_model" if !expected["usage"]["provider_reported_cost_usd"].is_null() => {
            (Certainty::Exact, Some(dollars(&expected["usage"]["provider_reported_cost_usd"])))
        }
        "unpriced_model" | "no_usage_on_wire" => (Certainty::Unknown, None),
        other => panic!("{}: {other}", exchange.id),
    }
}
