//! Vendor and model lists of all levels.

use plugins::PriceBook;
use policy::{About, Level, List, Pattern, nearest};

use crate::cause::Cause;
use crate::reader::Reader;
use crate::source::Source;
use crate::written::{self, At, Scalar};

/// A checked list, and where its patterns stand.
pub(crate) struct PlacedList<'a> {
    pub(crate) list: List,
    source: &'a Source,
    patterns: Vec<(At, Pattern)>,
}

/// The lists of one level.
pub(crate) fn of_level<'a>(
    reader: &mut Reader<'_>,
    source: &'a Source,
    level: &Level,
    vendors: Option<&written::List>,
    models: Option<&written::List>,
) -> Vec<PlacedList<'a>> {
    let written = [(About::Vendors, vendors), (About::Models, models)];
    let lists = written.into_iter().filter_map(|(about, list)| list.map(|list| (about, list)));
    lists.map(|(about, list)| of_list(reader, source, level.clone(), about, list)).collect()
}

fn of_list<'a>(
    reader: &mut Reader<'_>,
    source: &'a Source,
    level: Level,
    about: About,
    written: &written::List,
) -> PlacedList<'a> {
    let mut read = |scalars: &[Scalar<Pattern>]| -> Vec<(At, Pattern)> {
        scalars.iter().filter_map(|scalar| Some((scalar.at, reader.read(source, scalar)?))).collect()
    };
    let bare = |patterns: &[(At, Pattern)]| patterns.iter().map(|(_, pattern)| pattern.clone()).collect::<Vec<_>>();
    let allow = written.allow.as_deref().map(&mut read);
    let deny = read(&written.deny);
    let list = List { level, about, allow: allow.as_deref().map(bare), deny: bare(&deny) };
    PlacedList { list, source, patterns: allow.into_iter().flatten().chain(deny).collect() }
}

/// What a route says by being there: its vendor may be reached, and, unless it lists models, all of them called.
pub(crate) fn of_route<'a>(
    reader: &mut Reader<'_>,
    source: &'a Source,
    level: &Level,
    provider: &str,
    models: Option<&written::List>,
) -> Vec<PlacedList<'a>> {
    let only = |pattern: &str| Pattern::new(pattern).ok().into_iter().collect::<Vec<_>>();
    let list = List { level: level.clone(), about: About::Vendors, allow: Some(only(provider)), deny: Vec::new() };
    let vendors = PlacedList { list, source, patterns: Vec::new() };
    let models = match models {
        Some(written) => {
            let mut placed = of_list(reader, source, level.clone(), About::Models, written);
            placed.list.allow.get_or_insert_with(|| only("*"));
            placed
        }
        None => {
            let list = List { level: level.clone(), about: About::Models, allow: Some(only("*")), deny: Vec::new() };
            PlacedList { list, source, patterns: Vec::new() }
        }
    };
    vec![vendors, models]
}

/// A name in a list that nothing has would deny nothing, unseen: it is a fault. A pattern with a star may wait for
/// models to come: it is told as a warning.
pub(crate) fn check_names(reader: &mut Reader<'_>, lists: &[PlacedList<'_>], book: &PriceBook) {
    for placed in lists {
        for (at, pattern) in &placed.patterns {
            let known = match placed.list.about {
                About::Vendors => book.providers().iter().any(|provider| pattern.matches(&provider.id)),
                About::Models => is_model(pattern, book),
            };
            if known {
                continue;
            }
            if pattern.as_str().contains('*') {
                let place = placed.source.place(*at);
                let text = pattern.as_str();
                reader.warnings.push(format!("{place}: {text:?} matches nothing in the price book yet"));
                continue;
            }
            reader.fault(placed.source, *at, unknown(placed.list.about, pattern.as_str(), book));
        }
    }
}

fn is_model(pattern: &Pattern, book: &PriceBook) -> bool {
    book.providers().iter().any(|provider| {
        provider
            .models()
            .iter()
            .any(|model| pattern.matches(&model.id) || pattern.matches(&format!("{}/{}", provider.id, model.id)))
    })
}

fn unknown(about: About, name: &str, book: &PriceBook) -> Cause {
    match about {
        About::Vendors => no_such_vendor(name, book),
        About::Models => no_such_model(name, book),
    }
}

pub(crate) fn no_such_vendor(name: &str, book: &PriceBook) -> Cause {
    Cause::NoSuch {
        what: "vendor",
        name: name.to_owned(),
        nearest: nearest(name, book.providers().iter().map(|provider| &*provider.id)).map(str::to_owned),
        mend: "the price book knows none of this name; vendors of your own stand under `prices`",
    }
}

/// Lists and limits speak of models by the one name of the price book; another name of a known model says which.
pub(crate) fn no_such_model(name: &str, book: &PriceBook) -> Cause {
    let (vendor, bare) = match name.split_once('/') {
        Some((vendor, bare)) if book.provider(vendor).is_some() => (Some(vendor), bare),
        _ => (None, name),
    };
    let providers = book.providers().iter().filter(|provider| vendor.is_none_or(|vendor| *provider.id == *vendor));
    let alias = providers.clone().find_map(|provider| provider.model(bare)).map(|model| &*model.id);
    let ids = providers.flat_map(|provider| provider.models()).map(|model| &*model.id);
    let found = alias.or_else(|| nearest(bare, ids));
    Cause::NoSuch {
        what: "model",
        name: name.to_owned(),
        nearest: found.map(|id| vendor.map_or_else(|| id.to_owned(), |vendor| format!("{vendor}/{id}"))),
        mend: "write the name that the price book has for it; models of your own stand under `prices`",
    }
}
