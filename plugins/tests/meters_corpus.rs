//! Recorded exchanges of many vendors: the meters read from each what it did cost, to the pico-dollar, whatever the
//! chunks, and their bounds hold. Skipped, visibly, where the recordings do not lie beside the project.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::print_stdout)]
#![allow(unreachable_pub, missing_docs)]

#[path = "meters_corpus/recorded.rs"]
mod recorded;

use std::collections::BTreeMap;

use plugins::meters::openai_chat::OpenaiChat;
use plugins::{End, Meter, MeterOptions, QuoteContext};
use types::{Certainty, Cost, OutputBound, Reason};

use recorded::{Exchange, NOW, empty_draft, exchanges, headers, measure, read, shared, text, wanted, wanted_usage};

#[test]
fn every_recorded_answer_costs_what_it_should_in_any_chunking() {
    let Some((exchanges, book)) = exchanges() else { return };
    let (mut exact, mut wrong) = (0, Vec::new());
    for exchange in &exchanges {
        let (whole, seen) = measure(exchange, &book, usize::MAX, End::Complete);
        for chunk in [7, 1] {
            let (again, seen_again) = measure(exchange, &book, chunk, End::Complete);
            assert_eq!(
                (&again.charge, &again.cost, again.usage),
                (&whole.charge, &whole.cost, whole.usage),
                "{}",
                exchange.id
            );
            assert!(seen_again == seen, "{}: the agent sees other bytes in chunks of {chunk}", exchange.id);
        }
        assert!(seen == exchange.body, "{}: nothing was asked for by us, so nothing is hidden", exchange.id);
        let (certainty, cost) = wanted(exchange);
        let usage = wanted_usage(exchange);
        let nanos = cost.and_then(Cost::round_up).map_or(0, |money| money.nanos());
        if (whole.charge.certainty, whole.cost, whole.usage) == (certainty, cost, usage)
            && whole.charge.amounts.usd.nanos() == nanos
        {
            exact += 1;
        } else {
            wrong.push(format!(
                "{}: {:?} {:?} {:?}, wanted {certainty:?} {cost:?} {usage:?}",
                exchange.id, whole.charge, whole.cost, whole.usage
            ));
        }
    }
    println!("checked {} recorded answers whole, in sevens and byte by byte: {exact} exact", exchanges.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Calls that are refused before they leave, with the reason: nothing in the request bounds them, or the price book
/// does not know the model.
const REFUSED: &[(&str, &str)] = &[
    ("anthropic-messages-11", "unbounded"),            // advisor without max_uses
    ("anthropic-messages-21", "unbounded"),            // code execution
    ("anthropic-messages-22", "unbounded"),            // web search without max_uses
    ("anthropic-messages-24", "unbounded"),            // the same
    ("anthropic-messages-25", "unbounded"),            // the same
    ("anthropic-messages-err404-01", "unknown_model"), // a misspelt model
    ("anthropic-messages-stream-13", "unbounded"),     // web search without max_uses
    ("azure-chat-01", "unknown_model"),                // a deployment that is named like no model
    ("azure-chat-02", "unknown_model"),                // the same
    ("cerebras-chat-04", "unknown_model"),             // no price for it in the book
    ("groq-chat-err404-01", "unknown_model"),          // no such model
    ("openai-chat-err404-01", "unknown_model"),        // no such model
    ("openrouter-chat-06", "unknown_model"),           // a fallback model without a price
    ("openrouter-chat-09", "unbounded"),               // the router's web search
    ("openrouter-chat-11", "unbounded"),               // the same
    ("openrouter-chat-stream-01", "unknown_model"),    // a free variant without a price
    ("openrouter-chat-stream-03", "unbounded"),        // the router's web search
    ("openrouter-chat-stream-06", "unknown_model"),    // a fallback model without a price
];

#[test]
fn every_bound_covers_the_recorded_cost() {
    let Some((exchanges, book)) = exchanges() else { return };
    let (mut covered, mut refused, mut wrong) = (0, BTreeMap::new(), Vec::new());
    for exchange in exchanges.iter().filter(|exchange| !exchange.edited) {
        let Some(mut draft) = exchange.draft.clone() else { continue };
        let options = MeterOptions::new(exchange.provider.as_str().into());
        let context = QuoteContext { prices: &book, now_ms: NOW, options: &options };
        let quote = exchange.meter.shape(&mut draft, &context).and_then(|()| exchange.meter.quote(&draft, &context));
        let quote = match quote {
            Ok(quote) => quote,
            Err(reason) => {
                assert!(
                    matches!(reason, Reason::Unbounded { .. } | Reason::ModelUnknown { .. }),
                    "{}: {reason:?}",
                    exchange.id
                );
                refused.insert(exchange.id.as_str(), reason);
                continue;
            }
        };
        let cost = wanted(exchange).1.and_then(Cost::round_up).unwrap_or_default();
        let tokens = i64::try_from(wanted_usage(exchange).tokens()).unwrap();
        if quote.bound.usd >= cost && quote.bound.tokens >= tokens && quote.bound.requests == 1 {
            covered += 1;
        } else {
            wrong.push(format!("{}: {:?} below {cost} and {tokens} tokens", exchange.id, quote.bound));
        }
    }
    println!(
        "checked {} bounds, {covered} cover their cost; refused before the call: {}",
        covered + wrong.len(),
        refused.len()
    );
    for (id, reason) in &refused {
        println!("  {id}: {reason:?}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let named: Vec<_> = refused.iter().map(|(id, reason)| (*id, reason.code())).collect();
    assert_eq!(named, REFUSED);
}

#[test]
fn what_we_asked_for_is_hidden_byte_for_byte() {
    let Some((exchanges, book)) = exchanges() else { return };
    let mut checked = 0;
    for exchange in &exchanges {
        let told = String::from_utf8_lossy(&exchange.body);
        let nulls = matches!(exchange.provider.as_str(), "openai" | "azure");
        let alone = |event: &&str| !(event.contains("\"choices\":[]") && event.contains("\"usage\":{"));
        if !exchange.stream || !nulls || told.split("\n\n").all(|event| alone(&event)) {
            continue;
        }
        let model = exchange.expected["usage"]["model"].as_str().unwrap();
        let mut draft = empty_draft(exchange);
        draft.body = format!(r#"{{"model":"{model}","max_tokens":9,"stream":true}}"#).into();
        let options = MeterOptions::new(exchange.provider.as_str().into());
        exchange.meter.shape(&mut draft, &QuoteContext { prices: &book, now_ms: NOW, options: &options }).unwrap();
        let asked = Exchange { draft: Some(draft), ..exchange.clone() };
        let (measured, seen) = measure(&asked, &book, 7, End::Complete);
        let quiet: Vec<&str> = told.split("\n\n").filter(alone).collect();
        assert_eq!(
            String::from_utf8(seen).unwrap(),
            quiet.join("\n\n").replace(",\"usage\":null", ""),
            "{}",
            exchange.id
        );
        assert_eq!(measured.cost, wanted(exchange).1, "{}", exchange.id);
        checked += 1;
    }
    println!("checked {checked} streams whose usage was asked for by us");
    assert!(checked >= 4, "{checked}");
}

#[test]
fn cut_streams_are_never_free_and_never_below_what_was_seen() {
    let Some(folder) = shared("corpus/llm-truncated") else { return };
    let Some((exchanges, book)) = exchanges() else { return };
    let mut checked = 0;
    for cut in read(&folder.join("index.json")).as_array().unwrap() {
        let origin = text(cut, "derived_from").rsplit('/').next().unwrap();
        let Some(whole) = exchanges.iter().find(|exchange| exchange.id == origin) else { continue };
        let exchange = Exchange {
            id: text(cut, "id").to_owned(),
            headers: headers(&cut["response_headers"]),
            body: std::fs::read(folder.join(text(cut, "response_body_file"))).unwrap().into(),
            ..whole.clone()
        };
        let (measured, _) = measure(&exchange, &book, usize::MAX, End::Truncated);
        for chunk in [7, 1] {
            let (again, _) = measure(&exchange, &book, chunk, End::Truncated);
            assert_eq!((again.charge, again.usage), (measured.charge, measured.usage), "{}", exchange.id);
        }
        let seen = &cut["visible_usage"]["buckets"];
        let seen = |bucket: &str| seen[bucket].as_u64().unwrap_or_default();
        assert!(measured.usage.input >= seen("in") && measured.usage.output >= seen("out"), "{}", exchange.id);
        match measured.charge.certainty {
            Certainty::Exact => panic!("{}: a cut stream has told nobody all", exchange.id),
            Certainty::AtLeast => assert!(measured.charge.amounts.usd.nanos() > 0, "{}", exchange.id),
            Certainty::Unknown => assert_eq!(seen("in"), 0, "{}: something was seen", exchange.id),
        }
        checked += 1;
    }
    println!("checked {checked} cut streams");
    assert!(checked >= 4, "{checked}");
}

/// Bodies that name a bound, a model or a multiplier in two ways, and what must come of them.
#[test]
fn ambiguous_bodies_are_refused_or_priced_at_their_worst() {
    use base64::Engine as _;
    let Some(path) = shared("corpus/json/llm_body_ambiguity.jsonl") else { return };
    let Some((exchanges, book)) = exchanges() else { return };
    let options = MeterOptions::new("openai".into());
    let context = QuoteContext { prices: &book, now_ms: NOW, options: &options };
    let (mut refused, mut priced) = (0, BTreeMap::new());
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let vector: serde_json::Value = serde_json::from_str(line).unwrap();
        let (id, expect) = (text(&vector, "id").to_owned(), text(&vector, "expect").to_owned());
        // Codings are taken off before a meter sees the body; Anthropic's and stored prompts are other meters'.
        if !vector["content_encoding"].is_null() || id.starts_with("anth") || id == "store-prompt-id" {
            continue;
        }
        let mut draft = empty_draft(&exchanges[0]);
        draft.path = "/v1/chat/completions".to_owned();
        draft.body = base64::engine::general_purpose::STANDARD.decode(text(&vector, "body_b64")).unwrap().into();
        match OpenaiChat.quote(&draft, &context) {
            Ok(quote) => {
                assert_ne!(expect, "deny", "{id}");
                priced.insert(id, quote);
            }
            Err(_) => refused += 1,
        }
    }
    println!("checked ambiguous bodies: {refused} refused, {} priced: {:?}", priced.len(), priced.keys());
    assert_eq!(priced["two-limits"].output, OutputBound::Named(100_000));
    for (id, tokens) in
        [("mult-n", 100_000), ("mult-best_of", 100_000), ("mult-candidate_count", 100_000), ("mult-samples", 100_000)]
    {
        assert!(priced[id].bound.tokens >= tokens, "{id}");
    }
    assert_eq!(&*priced["proto"].model, "gpt-4o-mini");
    assert!(matches!(priced["zwsp-key"].output, OutputBound::Open { .. }) && refused >= 30, "{refused}");
}
