//! The price files that ship: they parse, every lookup leads where it should, and nothing in them is free by mistake.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::path::Path;

use plugins::prices::{PriceBook, Terms};
use types::{UnixMs, Usage};

/// 2026-11-21T00:00:00Z, the day of the files.
const NOW: UnixMs = 1_795_219_200_000;

fn files() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/prices");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("config/prices")
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

fn book() -> PriceBook {
    let files = files();
    let named: Vec<_> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    PriceBook::parse(&named).unwrap_or_else(|error| panic!("{error}"))
}

fn terms() -> Terms<'static> {
    Terms { now_ms: NOW, ..Terms::default() }
}

#[test]
fn every_file_is_its_providers_and_all_parse_together() {
    let (files, book) = (files(), book());
    assert_eq!(files.len(), book.providers().len());
    for ((name, _), provider) in files.iter().zip(book.providers()) {
        assert_eq!(*name, format!("{}.json", provider.id));
        assert!(!provider.hosts.is_empty() && !provider.models().is_empty(), "{name}");
        for host in &provider.hosts {
            assert_eq!(book.provider_of_host(host).unwrap().id, provider.id);
        }
    }
}

#[test]
fn every_name_leads_to_a_model_whose_input_and_bound_have_a_price() {
    let book = book();
    let mut priced = 0;
    for (name, bytes) in files() {
        let file: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let provider = file["provider"].as_str().unwrap();
        for entry in file["models"].as_array().unwrap() {
            let aliases = entry["aka"].as_array().into_iter().flatten();
            let ids = [&entry["id"]].into_iter().chain(aliases).map(|id| id.as_str().unwrap());
            priced += ids.filter(|id| is_priced(&book, &name, provider, entry, id)).count();
        }
    }
    assert!(priced > 2_000, "{priced} names");
}

/// Whether the book has a price under this name; holds the price to its bound.
fn is_priced(book: &PriceBook, name: &str, provider: &str, entry: &serde_json::Value, id: &str) -> bool {
    let model = book.model(provider, id, NOW);
    if entry["zero"] == 1 {
        assert!(model.is_none(), "{name}: {id} has no confirmed price");
        return false;
    }
    let model = model.unwrap_or_else(|| panic!("{name}: {id}"));
    assert_eq!(*model.id, *entry["id"].as_str().unwrap());
    let charged = model.rates(&terms(), 0).expect(id);
    let bound = model.bound_rates(&terms(), 10_000_000).expect(id);
    assert!(charged.input.is_some() && bound.dearest_input() >= charged.input, "{name}: {id}");
    assert!(bound.output >= charged.output && bound.cache_read >= charged.cache_read, "{name}: {id}");
    true
}

#[test]
fn nothing_but_named_free_models_is_free() {
    let book = book();
    let usage = Usage { input: 1_000, output: 1_000, ..Usage::default() };
    for provider in book.providers() {
        for model in provider.models().iter().filter(|model| model.is_priced()) {
            let free = model.cost(&usage, &terms()).is_some_and(|cost| cost.picos() == 0);
            let named = [":free", "openrouter/", "free-"].iter().any(|word| model.id.contains(word));
            assert!(!free || named, "{}/{} is free", provider.id, model.id);
        }
    }
}

#[test]
fn well_known_names_have_the_prices_of_the_list() {
    let book = book();
    for (provider, wire, id, input, output) in [
        ("openai", "gpt-4o-mini", "gpt-4o-mini", 150_000, 600_000),
        ("openai", "gpt-4o-2024-08-06", "gpt-4o", 2_500_000, 10_000_000),
        ("openai", "gpt-5.2-2025-12-11", "gpt-5.2", 1_750_000, 14_000_000),
        ("openai", "gpt-6-sol-2026-10-01", "gpt-6-sol", 2_000_000, 10_000_000),
        ("anthropic", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5", 3_000_000, 15_000_000),
        ("anthropic", "claude-opus-5-20261001", "claude-opus-5", 5_000_000, 25_000_000),
        ("groq", "openai/gpt-oss-120b", "openai/gpt-oss-120b", 150_000, 600_000),
        ("xai", "grok-4.3-20261001", "grok-4.3", 1_250_000, 2_500_000),
        ("openrouter", "anthropic/claude-sonnet-4.6", "anthropic/claude-sonnet-4.6", 3_000_000, 15_000_000),
    ] {
        let model = book.model(provider, wire, NOW).unwrap_or_else(|| panic!("{provider} {wire}"));
        let rates = model.rates(&terms(), 0).unwrap();
        assert_eq!(&*model.id, id, "{wire}");
        assert_eq!((rates.input.unwrap().picos(), rates.output.unwrap().picos()), (input, output), "{wire}");
    }
}

#[test]
fn names_that_nobody_has_priced_stay_unknown() {
    let book = book();
    for wire in
        ["gpt-9", "gpt-4o-latest-zz", " gpt-4o-mini ", "gpt-4\u{43e}-mini", "gpt-4o-mini\u{0}o1-pro", "o1-pro-max", ""]
    {
        assert!(book.model("openai", wire, NOW).is_none(), "{wire:?}");
    }
    for (provider, wire) in [
        ("openai", "dall-e-3"),
        ("openai", "whisper-1"),
        ("openai", "omni-moderation-latest"),
        ("openai", "gpt-image-1"),
        ("anthropic", "claude-opus-9"),
        ("groq", "groq/compound"),
        ("perplexity", "sonar-deep-research"),
        ("xai", "grok-4.20-multi-agent-0309"),
        ("zai", "glm-4.5-flash"),
        ("openai", "claude-sonnet-4-5"),
    ] {
        assert!(book.model(provider, wire, NOW).is_none(), "{provider} {wire}");
    }
}

#[test]
fn tiers_and_hours_of_the_list_begin_where_providers_say() {
    let book = book();
    let input = |provider, model, now_ms, total| {
        let terms = Terms { now_ms, ..Terms::default() };
        let model = book.model(provider, model, now_ms).unwrap();
        model.rates(&terms, total).unwrap().input.unwrap().picos()
    };
    assert_eq!(
        (input("openai", "gpt-5.5", NOW, 272_000), input("openai", "gpt-5.5", NOW, 272_001)),
        (5_000_000, 10_000_000)
    );
    assert_eq!(
        (input("xai", "grok-4.6", NOW, 199_999), input("xai", "grok-4.6", NOW, 200_000)),
        (2_000_000, 4_000_000)
    );
    let monday = NOW + 2 * 86_400_000;
    let one_o_clock = monday + 3_600_000;
    assert_eq!(input("deepseek", "deepseek-v4-pro", one_o_clock - 1, 0), 660_000);
    assert_eq!(input("deepseek", "deepseek-v4-pro", one_o_clock, 0), 1_320_000);
    assert_eq!(input("deepseek", "deepseek-v4-pro", one_o_clock - 86_400_000, 0), 660_000, "a Sunday");
}
