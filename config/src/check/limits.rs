//! Limits: every one has something to limit, and a name that somebody has.

use plugins::PriceBook;
use policy::{Limit, nearest};
use types::{Measure, Money, Name, Scope, Window};

use super::lists::{no_such_model, no_such_vendor};
use super::people::{People, no_such_team};
use crate::cause::Cause;
use crate::reader::Reader;
use crate::source::Source;
use crate::written::{self, At, Count, Scalar};

/// What names of limits are held against.
pub(crate) struct Known<'a> {
    pub(crate) org: &'a Name,
    pub(crate) people: &'a People<'a>,
    pub(crate) book: &'a PriceBook,
}

/// Checks all limits.
pub(crate) fn limits(
    reader: &mut Reader<'_>,
    main: &Source,
    written: &[written::Limit],
    known: &Known<'_>,
) -> Vec<Limit> {
    let mut limits: Vec<(At, Limit)> = known.people.limits.clone();
    for limit in written {
        limits.extend(limits_of(reader, main, limit, known));
    }
    for (at, limit) in &limits {
        if let Some(agent) = escapes(limit, &limits, known) {
            reader.fault(main, *at, Cause::SessionLimitAlone { agent: agent.to_string() });
        }
    }
    limits.into_iter().map(|(_, limit)| limit).collect()
}

/// What a written limit says of window and measures, whoever it is about.
struct Ceilings<'a> {
    window: &'a Scalar<Window>,
    usd: Option<&'a Scalar<Money>>,
    requests: Option<&'a Scalar<written::Amount>>,
    tokens: Option<&'a Scalar<written::Amount>>,
}

/// Whom a limit is about.
struct Whom {
    scope: Scope,
    name: Option<Name>,
}

fn limits_of(reader: &mut Reader<'_>, main: &Source, written: &written::Limit, known: &Known<'_>) -> Vec<(At, Limit)> {
    let scope = reader.read(main, &written.scope);
    let name = match (scope, &written.name) {
        (Some(scope), Some(scalar)) => named(reader, main, scope, scalar, known).map(Some),
        _ => Some(None),
    };
    let ceilings = Ceilings {
        window: &written.window,
        usd: written.usd.as_ref(),
        requests: written.requests.as_ref(),
        tokens: written.tokens.as_ref(),
    };
    let whom = scope.zip(name).map(|(scope, name)| Whom { scope, name });
    ceilings_of(reader, main, &ceilings, whom.as_ref())
}

/// The limits that stand with an agent.
pub(crate) fn own_limits(
    reader: &mut Reader<'_>,
    source: &Source,
    written: &[written::OwnLimit],
    agent: &Name,
) -> Vec<(At, Limit)> {
    let whom = Whom { scope: Scope::Agent, name: Some(agent.clone()) };
    let mut limits = Vec::new();
    for own in written {
        let ceilings = Ceilings {
            window: &own.window,
            usd: own.usd.as_ref(),
            requests: own.requests.as_ref(),
            tokens: own.tokens.as_ref(),
        };
        limits.extend(ceilings_of(reader, source, &ceilings, Some(&whom)));
    }
    limits
}

/// One written limit speaks of up to three measures. Everything is read, so that every fault in it is told at once.
fn ceilings_of(
    reader: &mut Reader<'_>,
    source: &Source,
    ceilings: &Ceilings<'_>,
    whom: Option<&Whom>,
) -> Vec<(At, Limit)> {
    let window = reader.read(source, ceilings.window);
    let usd = ceilings.usd.map(|scalar| (Measure::Usd, scalar.at, reader.read(source, scalar).map(Money::nanos)));
    let mut counted = |measure, scalar: Option<&Scalar<written::Amount>>| {
        let scalar = scalar?;
        let amount = reader.read(source, scalar).and_then(|Count(number)| i64::try_from(number).ok());
        Some((measure, scalar.at, amount))
    };
    let measures = [usd, counted(Measure::Requests, ceilings.requests), counted(Measure::Tokens, ceilings.tokens)];
    if measures.iter().all(Option::is_none) {
        reader.fault(source, ceilings.window.at, Cause::NoMeasure);
    }
    let (Some(Whom { scope, name }), Some(window)) = (whom, window) else { return Vec::new() };
    let mut limits = Vec::new();
    for (measure, at, amount) in measures.into_iter().flatten() {
        let Some(amount) = amount else { continue };
        let limit = Limit { scope: *scope, name: name.clone(), measure, window, amount };
        match limit.check() {
            Ok(()) => limits.push((at, limit)),
            Err(error) => reader.fault(source, at, Cause::Policy(error)),
        }
    }
    limits
}

/// The name of a limit, where somebody has it.
fn named(
    reader: &mut Reader<'_>,
    main: &Source,
    scope: Scope,
    scalar: &written::Scalar<String>,
    known: &Known<'_>,
) -> Option<Name> {
    let name = reader.read(main, scalar)?;
    let fault = match scope {
        Scope::Org => (*name != **known.org).then(|| Cause::NoSuch {
            what: "organisation",
            name: name.clone(),
            nearest: Some(known.org.to_string()),
            mend: "leave the name out: there is one only",
        }),
        Scope::Team => {
            let teams = known.people.directory.teams();
            teams.iter().all(|team| **team != *name).then(|| no_such_team(&name, teams))
        }
        Scope::Agent => no_such_agent(&name, known),
        Scope::Session => match name.split_once('/') {
            Some((agent, session)) if !session.is_empty() => no_such_agent(agent, known),
            _ => Some(Cause::Malformed { what: "session", text: name.clone(), form: "write agent/session" }),
        },
        Scope::Vendor => known.book.provider(&name).is_none().then(|| no_such_vendor(&name, known.book)),
        Scope::Model => unknown_model(&name, known.book),
        _ => name.is_empty().then_some(Cause::MissingKey { key: "name" }),
    };
    match fault {
        Some(cause) => {
            reader.fault(main, scalar.at, cause);
            None
        }
        None => Some(Name::from(name)),
    }
}

fn no_such_agent(name: &str, known: &Known<'_>) -> Option<Cause> {
    if known.people.directory.agent(name).is_some() {
        return None;
    }
    let agents = known.people.directory.agents().map(|agent| &*agent.name);
    Some(Cause::NoSuch {
        what: "agent",
        name: name.to_owned(),
        nearest: nearest(name, agents).map(str::to_owned),
        mend: "add it under `agents`, or by `bursar agents add`",
    })
}

fn unknown_model(name: &str, book: &PriceBook) -> Option<Cause> {
    let Some((vendor, bare)) = name.split_once('/') else {
        return Some(Cause::Malformed { what: "model of a vendor", text: name.to_owned(), form: "write vendor/model" });
    };
    let is_known =
        book.provider(vendor).is_some_and(|provider| provider.models().iter().any(|model| *model.id == *bare));
    (!is_known).then(|| no_such_model(name, book))
}

/// An agent whom a limit on sessions does not hold, because nothing but sessions is limited: it names its sessions
/// itself, and could begin a new one for every call.
fn escapes<'a>(limit: &'a Limit, limits: &[(At, Limit)], known: &'a Known<'_>) -> Option<&'a str> {
    if limit.scope != Scope::Session || limit.window == Window::Transaction {
        return None;
    }
    let named = limit.name.as_deref().and_then(|name| name.split_once('/')).map(|(agent, _)| agent);
    let holds = |agent: &str| {
        limits.iter().any(|(_, other)| {
            other.scope == Scope::Agent
                && other.name.as_deref().is_none_or(|name| name == agent)
                && matches!(other.window, Window::Day | Window::Week | Window::Month | Window::Total)
        })
    };
    let mut agents = known.people.directory.agents().map(|agent| &*agent.name);
    agents.find(|agent| named.is_none_or(|named| named == *agent) && !holds(agent))
}
