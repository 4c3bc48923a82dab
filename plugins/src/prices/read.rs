//! Price files: JSON as written, then the checked form of one provider.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use types::money::decimal_scaled;
use types::{Cost, MoneyError, Name, UnixMs};

use super::Provider;
use super::clause::Clause;
use super::date::{Hours, day_ms, minute};
use super::error::PriceFault;
use super::model::Model;
use super::rates::{Kind, Table};
use super::tariff::{Dated, Peak, Tariff};
use crate::json::Document;

type Text<'a> = Cow<'a, str>;
type Prices<'a> = BTreeMap<Text<'a>, Text<'a>>;

/// A file. The keys are those of the source of our data, kept short because there are thousands of them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<'a> {
    #[serde(borrow)]
    provider: Text<'a>,
    /// The day on which the prices were looked at.
    #[serde(borrow)]
    as_of: Text<'a>,
    #[serde(borrow)]
    hosts: Vec<Text<'a>>,
    /// Fees per use of a server-side tool, for models that list none of their own.
    #[serde(default, borrow)]
    tools: Prices<'a>,
    #[serde(borrow)]
    models: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(default, borrow)]
    aka: Vec<Text<'a>>,
    #[serde(default, rename = "match", borrow)]
    clauses: Vec<ClauseEntry<'a>>,
    ctx: Option<u64>,
    maxin: Option<u64>,
    maxout: Option<u64>,
    #[serde(default, borrow)]
    p: Prices<'a>,
    #[serde(default, borrow)]
    above: Vec<Above<'a>>,
    #[serde(default, borrow)]
    svc: BTreeMap<Text<'a>, Service<'a>>,
    #[serde(default, borrow)]
    svc_sched: BTreeMap<Text<'a>, Vec<Scheduled<'a>>>,
    #[serde(default, borrow)]
    sched: Vec<Scheduled<'a>>,
    #[serde(default, borrow)]
    tod: Vec<TimeOfDay<'a>>,
    #[serde(default, borrow)]
    uplift: Prices<'a>,
    #[serde(default, borrow)]
    hi: Prices<'a>,
    #[serde(default, borrow)]
    hi_above: Vec<Above<'a>>,
    #[serde(default, borrow)]
    u: Prices<'a>,
    #[serde(default)]
    zero: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Above<'a> {
    gt: u64,
    #[serde(borrow)]
    p: Prices<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Service<'a> {
    #[serde(borrow)]
    p: Prices<'a>,
    #[serde(default, borrow)]
    above: Vec<Above<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scheduled<'a> {
    #[serde(borrow)]
    from: Text<'a>,
    #[serde(borrow)]
    p: Prices<'a>,
    #[serde(default, borrow)]
    above: Vec<Above<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TimeOfDay<'a> {
    #[serde(borrow)]
    utc: (Text<'a>, Text<'a>),
    #[serde(default, borrow)]
    days: Option<Text<'a>>,
    #[serde(borrow)]
    p: Prices<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum ClauseEntry<'a> {
    All(#[serde(borrow)] Vec<ClauseEntry<'a>>),
    Eq(#[serde(borrow)] Text<'a>),
    Ew(#[serde(borrow)] Text<'a>),
    Re(#[serde(borrow)] Text<'a>),
    Sw(#[serde(borrow)] Text<'a>),
}

/// Reads one file.
pub(super) fn provider(bytes: &[u8]) -> Result<Provider, PriceFault> {
    // The scanner first: serde would let the last of two equal keys win.
    Document::scan(bytes).map_err(PriceFault::Json)?;
    let file: File<'_> = serde_json::from_slice(bytes).map_err(|error| PriceFault::Shape {
        line: error.line(),
        column: error.column(),
        what: error.to_string(),
    })?;
    let as_of_ms = day(&file.provider, &file.as_of)?;
    let tools = fees(&file.provider, &file.tools)?;
    let (mut names, mut clauses, mut models) = (Vec::new(), Vec::new(), Vec::new());
    for (place, entry) in file.models.iter().enumerate() {
        let model = model(entry, &tools, as_of_ms)?;
        names.push((model.id.clone(), place));
        names.extend(entry.aka.iter().map(|name| (Name::from(&**name), place)));
        for clause in &entry.clauses {
            clauses.push((checked_clause(&entry.id, clause)?, place));
        }
        models.push(model);
    }
    names.sort_unstable();
    let mut neighbours = names.iter().zip(names.iter().skip(1));
    if let Some(((name, _), _)) = neighbours.find(|((left, _), (right, _))| left == right) {
        return Err(PriceFault::NameTwice { name: name.clone() });
    }
    models.shrink_to_fit();
    Ok(Provider {
        id: Name::from(&*file.provider),
        hosts: file.hosts.iter().map(|host| host.to_ascii_lowercase().into()).collect(),
        models,
        names: names.into(),
        clauses: clauses.into(),
    })
}

fn model(entry: &Entry<'_>, tools: &[(Box<str>, Cost)], as_of_ms: UnixMs) -> Result<Model, PriceFault> {
    let id = &*entry.id;
    let mut own_fees = fees(id, &entry.u)?;
    own_fees.extend(tools.iter().cloned());
    let mut tiers: Vec<(Box<str>, Dated)> = Vec::new();
    for (name, service) in &entry.svc {
        let listed = tariff(id, as_of_ms, &service.p, &service.above)?;
        let later = entry.svc_sched.get(name).map(Vec::as_slice).unwrap_or_default();
        tiers.push((name.to_ascii_lowercase().into(), dated(id, listed, later)?));
    }
    let disputed = tariff(id, 0, &entry.hi, &entry.hi_above)?;
    let is_disputed = !entry.hi.is_empty() || !entry.hi_above.is_empty();
    Ok(Model {
        id: Name::from(id),
        context: entry.ctx,
        max_input: entry.maxin,
        max_output: entry.maxout,
        unknown: entry.zero != 0 || entry.p.is_empty(),
        standard: dated(id, tariff(id, 0, &entry.p, &entry.above)?, &entry.sched)?,
        tiers: tiers.into(),
        peaks: entry.tod.iter().map(|window| peak(id, window)).collect::<Result<_, _>>()?,
        disputed: is_disputed.then(|| Box::new(disputed)),
        uplifts: entry.uplift.iter().map(|(name, text)| uplift(id, name, text)).collect::<Result<_, _>>()?,
        fees: own_fees.into(),
    })
}

/// The listed tariff, and those that come into force later.
fn dated(model: &str, listed: Tariff, scheduled: &[Scheduled<'_>]) -> Result<Dated, PriceFault> {
    let mut tariffs = vec![listed];
    for later in scheduled {
        tariffs.push(tariff(model, day(model, &later.from)?, &later.p, &later.above)?);
    }
    // Stable: of two that start together the later one in the file holds.
    tariffs.sort_by_key(|tariff| tariff.from_ms);
    Ok(Dated(tariffs.into()))
}

fn tariff(model: &str, from_ms: UnixMs, prices: &Prices<'_>, above: &[Above<'_>]) -> Result<Tariff, PriceFault> {
    let mut tiers =
        above.iter().map(|tier| Ok((tier.gt, table(model, &tier.p)?))).collect::<Result<Vec<_>, PriceFault>>()?;
    tiers.sort_by_key(|(more_than, _)| *more_than);
    Ok(Tariff { from_ms, table: table(model, prices)?, above: tiers.into() })
}

fn table(model: &str, prices: &Prices<'_>) -> Result<Table, PriceFault> {
    let mut listed = Vec::with_capacity(prices.len());
    for (key, text) in prices {
        let Some((kind, _)) = Kind::ALL.into_iter().find(|(_, own)| own == key) else {
            return Err(PriceFault::Kind { model: model.into(), kind: key.to_string() });
        };
        // USD per million tokens with six decimals is pico-USD per token.
        listed.push((kind, exact(model, key, text, 6)?));
    }
    listed.sort_unstable();
    Ok(Table(listed.into()))
}

fn fees(model: &str, units: &Prices<'_>) -> Result<Vec<(Box<str>, Cost)>, PriceFault> {
    let fee = |(unit, text): (&Text<'_>, &Text<'_>)| {
        let picos = exact(model, unit, text, 12)?;
        Ok((Box::from(&**unit), Cost::from_picos(i128::from(picos))))
    };
    units.iter().map(fee).collect()
}

fn uplift(model: &str, name: &str, text: &str) -> Result<(Box<str>, u32), PriceFault> {
    // A factor below one would be a discount: nothing that a request asks for makes a call cheaper.
    let on_top = exact(model, name, text, 3).ok().and_then(|thousandths| thousandths.checked_sub(1_000));
    match on_top.and_then(|on_top| u32::try_from(on_top).ok()) {
        Some(on_top) => Ok((Box::from(name), on_top)),
        None => Err(PriceFault::Uplift { model: model.into(), uplift: name.into() }),
    }
}

fn peak(model: &str, window: &TimeOfDay<'_>) -> Result<Peak, PriceFault> {
    let workdays = match window.days.as_deref() {
        None => Some(false),
        Some("mon-fri") => Some(true),
        Some(_) => None,
    };
    let (Some(from_minute), Some(to_minute), Some(workdays)) = (minute(&window.utc.0), minute(&window.utc.1), workdays)
    else {
        return Err(PriceFault::Window { model: model.into() });
    };
    Ok(Peak { hours: Hours { from_minute, to_minute, workdays }, table: table(model, &window.p)? })
}

fn checked_clause(model: &str, entry: &ClauseEntry<'_>) -> Result<Clause, PriceFault> {
    let lower = |text: &str| (!text.is_empty()).then(|| Box::<str>::from(text.to_ascii_lowercase()));
    let (clause, written) = match entry {
        ClauseEntry::All(entries) => {
            let inner = entries.iter().map(|entry| checked_clause(model, entry)).collect::<Result<Box<[_]>, _>>()?;
            ((!inner.is_empty()).then_some(Clause::All(inner)), "all")
        }
        ClauseEntry::Eq(text) => (lower(text).map(Clause::Equals), &**text),
        ClauseEntry::Ew(text) => (lower(text).map(Clause::Ends), &**text),
        ClauseEntry::Re(text) => (Clause::fitting(text), &**text),
        ClauseEntry::Sw(text) => (lower(text).map(Clause::Starts), &**text),
    };
    clause.ok_or_else(|| PriceFault::Clause { model: model.into(), clause: written.into() })
}

fn day(model: &str, text: &str) -> Result<UnixMs, PriceFault> {
    day_ms(text).ok_or_else(|| PriceFault::Date { model: model.into(), date: text.into() })
}

fn exact(model: &str, kind: &str, text: &str, places: u32) -> Result<u64, PriceFault> {
    let scaled = decimal_scaled(text, places);
    let picos = scaled.and_then(|scaled| u64::try_from(scaled).map_err(|_| MoneyError::TooLarge));
    picos.map_err(|error| PriceFault::Price { model: model.into(), kind: kind.into(), error })
}
