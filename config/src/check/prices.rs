//! The price book: the files that ship, the owner's files in their place or beside them, and the owner's models in them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use plugins::PriceBook;
use serde_json::{Map, Value, json};

use super::people::Unique;
use crate::cause::Cause;
use crate::prices::SHIPPED;
use crate::reader::Reader;
use crate::source::Source;
use crate::written::{self, PriceKind};

/// A price file: its name, the vendor that it is about, its bytes.
struct PriceFile {
    name: String,
    provider: String,
    bytes: Vec<u8>,
}

/// Reads the book; `None` where it cannot be read, which is noted.
pub(crate) fn book(reader: &mut Reader<'_>, main: &Source, written: &written::Prices) -> Option<Arc<PriceBook>> {
    let mut files: Vec<PriceFile> = Vec::with_capacity(SHIPPED.len());
    for (name, bytes) in SHIPPED {
        let provider = name.strip_suffix(".json").unwrap_or(name).to_owned();
        files.push(PriceFile { name: (*name).to_owned(), provider, bytes: bytes.to_vec() });
    }
    for scalar in &written.files {
        let path: PathBuf = reader.read(main, scalar)?;
        let text = reader.file(main, scalar.at, &path)?;
        place(&mut files, &path, text);
    }
    let mut names = Unique::default();
    for priced in &written.models {
        add_model(reader, main, priced, &mut files, &mut names);
    }
    let parts: Vec<(&str, &[u8])> = files.iter().map(|file| (file.name.as_str(), file.bytes.as_slice())).collect();
    match PriceBook::parse(&parts) {
        Ok(book) => Some(Arc::new(book)),
        Err(error) => {
            reader.add(main.fault_of_all(Cause::Prices(error)));
            None
        }
    }
}

/// An owner's file takes the place of the one that ships for the same vendor. What is no price file is told by the
/// book, which reads it whole.
fn place(files: &mut Vec<PriceFile>, path: &Path, text: String) {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let value: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    let provider = value.get("provider").and_then(Value::as_str).unwrap_or_default().to_owned();
    files.retain(|file| file.provider != provider);
    files.push(PriceFile { name, provider, bytes: text.into_bytes() });
}

/// Puts one model of the owner's into the file of its vendor.
fn add_model(
    reader: &mut Reader<'_>,
    main: &Source,
    priced: &written::PricedModel,
    files: &mut Vec<PriceFile>,
    names: &mut Unique,
) {
    let provider = reader.read(main, &priced.provider).map(|name| name.0);
    let (Some(provider), Some(model)) = (provider, reader.read(main, &priced.model)) else { return };
    if !names.add(reader, main, priced.model.at, "price of the model", &format!("{provider}/{model}")) {
        return;
    }
    let Some(prices) = prices_of(reader, main, priced) else { return };
    let mut entry = Map::new();
    entry.insert("id".to_owned(), Value::from(model.as_str()));
    entry.insert("p".to_owned(), Value::Object(prices));
    for (key, scalar) in [("ctx", &priced.context), ("maxout", &priced.max_output)] {
        if let Some(tokens) = scalar.as_ref().and_then(|scalar| reader.read(main, scalar)) {
            entry.insert(key.to_owned(), Value::from(tokens.0));
        }
    }
    let index = match files.iter().position(|file| *file.provider == *provider) {
        Some(index) => index,
        None => {
            // As of the first day there is, so that no tier is taken for newer than these prices.
            let empty = json!({"provider": &*provider, "as_of": "1970-01-01", "hosts": [], "models": []});
            let bytes = empty.to_string().into_bytes();
            files.push(PriceFile { name: format!("prices of {provider}"), provider: provider.to_string(), bytes });
            files.len() - 1
        }
    };
    if let Some(file) = files.get_mut(index)
        && let Ok(mut value) = serde_json::from_slice::<Value>(&file.bytes)
    {
        merge(&mut value, &model, entry);
        file.bytes = value.to_string().into_bytes();
    }
}

fn prices_of(reader: &mut Reader<'_>, main: &Source, priced: &written::PricedModel) -> Option<Map<String, Value>> {
    let mut prices = Map::new();
    for (kind, scalar) in &priced.usd_per_1m {
        let price = reader.read(main, scalar)?;
        prices.insert(kind.key().to_owned(), Value::from(price.0));
    }
    for (kind, key) in [(PriceKind::Input, "input"), (PriceKind::Output, "output")] {
        if !prices.contains_key(kind.key()) {
            reader.fault(main, priced.model.at, Cause::MissingKey { key });
            return None;
        }
    }
    Some(prices)
}

/// The owner's price takes the place of every price that the model had: tiers, hours and changes to come of the list
/// that ships say nothing about a contract. Its other names and its limits stay.
fn merge(file: &mut Value, model: &str, mut entry: Map<String, Value>) {
    let Some(models) = file.get_mut("models").and_then(Value::as_array_mut) else { return };
    let is_it = |known: &Value| known.get("id").and_then(Value::as_str) == Some(model);
    if let Some(known) = models.iter_mut().find(|known| is_it(known)) {
        for key in ["aka", "match", "ctx", "maxin", "maxout"] {
            if let Some(value) = known.get(key).filter(|_| !entry.contains_key(key)) {
                entry.insert(key.to_owned(), value.clone());
            }
        }
        *known = Value::Object(entry);
        return;
    }
    for known in models.iter_mut() {
        if let Some(other_names) = known.get_mut("aka").and_then(Value::as_array_mut) {
            other_names.retain(|name| name.as_str() != Some(model));
        }
    }
    models.push(Value::Object(entry));
}

impl PriceKind {
    /// The key in price files.
    const fn key(self) -> &'static str {
        match self {
            Self::Input => "in",
            Self::Output => "out",
            Self::CacheRead => "cr",
            Self::CacheWrite => "cw",
            Self::CacheWrite1h => "cw1h",
        }
    }
}
