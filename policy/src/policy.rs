//! The policy: which accounts and how much, and yes, no or ask.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use types::account::Subjects;
use types::amounts::AMOUNT_MAX;
use types::reason::Shortfall;
use types::{AccountName, Amounts, Balance, Limits, Line, Measure, Name, Reason, Scope, Subject, Verdict, Window};

use crate::calendar::Zone;
use crate::error::PolicyError;
use crate::facts::{Facts, Kind};
use crate::limits::{ByWindow, Limit, LimitIndex};
use crate::lists::{About, List, Lists, Refused};
use crate::memo::{Calendar, Now};
use crate::naming::{Description, Parts, describe, name_in, present, write_escaped};
use crate::plan::{Decision, Denial, Plan};

/// Windows that sum something up, shortest first.
const SUMMED: [Window; 5] = [Window::Hour, Window::Day, Window::Week, Window::Month, Window::Total];
/// Scopes that are counted whether or not a limit speaks of them, so that a new limit is true at once.
const COUNTED_SCOPES: [Scope; 3] = [Scope::Org, Scope::Team, Scope::Agent];
/// Windows over which they are counted.
const COUNTED_WINDOWS: [Window; 3] = [Window::Day, Window::Month, Window::Total];

/// What a policy is made of; every part is checked by [`Policy::new`].
#[derive(Clone, Debug)]
pub struct PolicyParts {
    /// The zone in which days begin.
    pub zone: Zone,
    /// Limits, in any order. Several on one account merge: the tightest of each measure counts.
    pub limits: Vec<Limit>,
    /// Vendor and model lists, in any order. Where no list at all allows, nothing passes.
    pub lists: Vec<List>,
    /// Whom an agent's person may ask.
    pub contact: Option<String>,
}

/// A checked policy. Pure: the same facts and balances give the same answers.
#[derive(Debug)]
pub struct Policy {
    calendar: Calendar,
    limits: LimitIndex,
    lists: Lists,
    contact: Option<String>,
}

impl Policy {
    /// A policy from its parts.
    ///
    /// # Errors
    /// [`PolicyError`] for a limit below zero or beyond 2^60, and for names that cannot be of their scope.
    pub fn new(parts: PolicyParts) -> Result<Self, PolicyError> {
        Ok(Self {
            calendar: Calendar::new(parts.zone),
            limits: LimitIndex::new(&parts.limits)?,
            lists: Lists::new(parts.lists),
            contact: parts.contact,
        })
    }

    /// Whom an agent's person may ask.
    #[must_use]
    pub fn contact(&self) -> Option<&str> {
        self.contact.as_deref()
    }

    /// The zone in which days begin.
    #[must_use]
    pub const fn zone(&self) -> &Zone {
        self.calendar.zone()
    }

    /// What to reserve for a request.
    ///
    /// # Errors
    /// A [`Denial`] where a vendor or model list forbids it, where a cap on single transactions is below what it
    /// needs at least, or where its bound is none that an account can hold.
    pub fn plan(&self, facts: &Facts<'_>) -> Result<Plan, Denial> {
        let mut rules = Vec::with_capacity(4);
        self.pass_lists(facts, &mut rules)?;
        let (amount, floor) = asked(facts, &rules)?;
        let mut plan = empty_plan(amount, floor, rules);
        let mut buffer = String::with_capacity(96);
        let now = self.calendar.at(facts.now_ms);
        for scope in Scope::ALL {
            let Some(name) = name_in(scope, facts) else { continue };
            let limits = self.limits.of(scope, &name);
            write_stem(&mut buffer, scope, &name);
            apply_caps(&mut plan, &mut buffer, limits)?;
            add_lines(&mut plan, &mut buffer, scope, limits, &now);
            plan.subjects.push(Subject { scope, name });
        }
        Ok(plan)
    }

    /// What to count for a request that [`Policy::plan`] denied, where the gateway only observes: the same accounts
    /// and subjects, no limit, no list, no cap. A bound that no account can hold is cut to the most that one can.
    #[must_use]
    pub fn plan_unlimited(&self, facts: &Facts<'_>) -> Plan {
        let (bound, floor) = facts.quote.map_or((one_request(), one_request()), |quote| (quote.bound, quote.floor));
        let amount = chargeable(as_request(bound));
        let mut plan = empty_plan(amount, chargeable(as_request(floor)).min(amount), Vec::new());
        let mut buffer = String::with_capacity(96);
        let now = self.calendar.at(facts.now_ms);
        for scope in Scope::ALL {
            let Some(name) = name_in(scope, facts) else { continue };
            write_stem(&mut buffer, scope, &name);
            add_lines(&mut plan, &mut buffer, scope, self.limits.of(scope, &name), &now);
            plan.subjects.push(Subject { scope, name });
        }
        for line in &mut plan.lines {
            line.limits = Limits::NONE;
        }
        plan
    }

    /// Judges a reserved request on the balances that came back.
    ///
    /// The ledger refuses what does not fit before it reserves; this is the second lock on the same door: an account
    /// that stands above its limit in a measure that this request uses is a refusal, whatever the store says.
    #[must_use]
    pub fn decide(&self, facts: &Facts<'_>, balances: &[Balance]) -> Decision {
        let used = facts.quote.map_or(one_request(), |quote| as_request(quote.bound));
        let mut rules = Vec::with_capacity(4);
        for balance in balances.iter().filter(|balance| balance.limits != Limits::NONE) {
            for measure in Measure::ALL {
                let Some(limit) = balance.limits.of(measure) else { continue };
                let rule = self.rule_of(&balance.account, measure);
                rules.push(rule.clone());
                if used.of(measure) > 0 && balance.committed(measure) > limit {
                    let verdict = Verdict::Deny(Reason::OverLimit(shortfall_of(balance, measure, limit)));
                    return Decision { verdict, decided_by: rule, rules };
                }
            }
        }
        Decision { verdict: Verdict::Allow, decided_by: self.allowing_rule(facts), rules }
    }

    /// An account in words; `None` for a name that no policy made.
    #[must_use]
    pub fn describe(&self, account: &AccountName) -> Option<Description> {
        describe(account.as_str(), self.zone().name())
    }

    /// The limits that hold for an account now; none where no account has this name.
    #[must_use]
    pub fn limits_of(&self, account: &AccountName) -> Limits {
        self.describe(account)
            .and_then(|told| self.limits.of(told.scope, &told.name).get(&told.window).map(|bounded| bounded.limits))
            .unwrap_or(Limits::NONE)
    }

    fn pass_lists(&self, facts: &Facts<'_>, rules: &mut Vec<String>) -> Result<(), Denial> {
        for about in [About::Vendors, About::Models] {
            if !speaks_of(about, facts) {
                continue;
            }
            if let Err(Refused(rule)) = self.lists.judge(about, facts, |rule| rules.push(rule.to_owned())) {
                let reason = match about {
                    About::Vendors => Reason::VendorNotAllowed { host: Name::from(facts.host) },
                    About::Models => Reason::ModelNotAllowed { model: Name::from(facts.model) },
                };
                return Err(Denial { reason, rule, rules: core::mem::take(rules) });
            }
        }
        Ok(())
    }

    /// The narrowest list that let the request through.
    fn allowing_rule(&self, facts: &Facts<'_>) -> String {
        let about = if speaks_of(About::Models, facts) { About::Models } else { About::Vendors };
        match self.lists.judge(about, facts, |_| ()) {
            Ok(rule) => rule.to_owned(),
            Err(Refused(rule)) => rule,
        }
    }

    /// The rule that limits a measure of an account, in the words of [`Limit::rule`].
    fn rule_of(&self, account: &AccountName, measure: Measure) -> String {
        Parts::of(account.as_str())
            .and_then(|parts| {
                let bounded = self.limits.of(parts.scope, &parts.name()?).get(&parts.window)?;
                bounded.rule(measure).map(|rule| rule.as_ref().to_owned())
            })
            .unwrap_or_else(|| format!("limit {account} {}", measure.word()))
    }
}

/// Whether lists of this kind have something to say about the request.
fn speaks_of(about: About, facts: &Facts<'_>) -> bool {
    match about {
        About::Vendors => true,
        // Where nobody named a model, none may be used: what may cost tokens is asked for one.
        About::Models => present(facts.model).is_some() || facts.quote.is_some_and(|quote| quote.bound.tokens > 0),
    }
}

const fn one_request() -> Amounts {
    Amounts::ZERO.with(Measure::Requests, 1)
}

fn empty_plan(amount: Amounts, floor: Amounts, rules: Vec<String>) -> Plan {
    Plan { lines: Vec::with_capacity(16), amount, floor, subjects: Subjects::with_capacity(Scope::ALL.len()), rules }
}

/// The amounts, each between zero and the most that an account can hold.
fn chargeable(amounts: Amounts) -> Amounts {
    let within = |amounts: Amounts, measure| amounts.with(measure, amounts.of(measure).clamp(0, AMOUNT_MAX));
    Measure::ALL.into_iter().fold(amounts, within)
}

/// The amounts, one request at least. Nothing else is raised: a cost below zero must stay seen.
fn as_request(amounts: Amounts) -> Amounts {
    amounts.with(Measure::Requests, amounts.requests.max(1))
}

/// The most and the least to reserve: every exchange is at least one request.
fn asked(facts: &Facts<'_>, rules: &[String]) -> Result<(Amounts, Amounts), Denial> {
    let deny = |what: &str| {
        let reason = Reason::Unbounded { what: what.to_owned() };
        Err(Denial { reason, rule: "quote".to_owned(), rules: rules.to_vec() })
    };
    let (bound, floor) = match (facts.quote, facts.kind) {
        (Some(quote), _) => (as_request(quote.bound), as_request(quote.floor)),
        (None, Kind::Free | Kind::Tunnel) => (one_request(), one_request()),
        (None, _) => return deny("a priced call without a quote"),
    };
    if !bound.is_chargeable() || !floor.is_chargeable() {
        return deny("more than any account can hold");
    }
    if floor.max(bound) != bound {
        return deny("a quote whose floor lies above its bound");
    }
    Ok((bound, floor))
}

/// Writes the part of an account name that all its windows share: `agent:researcher@`.
fn write_stem(buffer: &mut String, scope: Scope, name: &str) {
    buffer.clear();
    buffer.push_str(scope.word());
    buffer.push(':');
    write_escaped(buffer, name);
    buffer.push('@');
}

/// Adds a line for every window of one name that is counted or limited. `buffer` holds the account's stem.
fn add_lines(plan: &mut Plan, buffer: &mut String, scope: Scope, limits: &ByWindow, now: &Now<'_>) {
    let stem = buffer.len();
    for window in SUMMED {
        let limited = limits.get(&window);
        let counted = COUNTED_SCOPES.contains(&scope) && COUNTED_WINDOWS.contains(&window);
        if limited.is_none() && !counted {
            continue;
        }
        buffer.truncate(stem);
        buffer.push_str(window.word());
        let current = now.period(window);
        if let Some(current) = current {
            buffer.push(':');
            buffer.push_str(&current.label);
        }
        plan.lines.push(Line {
            account: AccountName::from(buffer.as_str()),
            limits: limited.map_or(Limits::NONE, |bounded| bounded.limits),
            resets_ms: current.map(|current| current.end_ms),
        });
    }
}

/// Lowers the amounts to the caps on single transactions, and refuses where the floor does not fit under one.
fn apply_caps(plan: &mut Plan, buffer: &mut String, limits: &ByWindow) -> Result<(), Denial> {
    let Some(caps) = limits.get(&Window::Transaction) else { return Ok(()) };
    for (measure, rule) in caps.each() {
        let Some(cap) = caps.limits.of(measure) else { continue };
        plan.rules.push(rule.as_ref().to_owned());
        let needed = plan.floor.of(measure);
        if needed > cap {
            buffer.push_str(Window::Transaction.word());
            let account = AccountName::from(buffer.as_str());
            let shortfall = Shortfall { account, held: 0, limit: cap, measure, needed, resets_ms: None, spent: 0 };
            let reason = Reason::OverLimit(shortfall);
            return Err(Denial { reason, rule: rule.as_ref().to_owned(), rules: core::mem::take(&mut plan.rules) });
        }
        plan.amount = plan.amount.with(measure, plan.amount.of(measure).min(cap));
    }
    Ok(())
}

fn shortfall_of(balance: &Balance, measure: Measure, limit: i64) -> Shortfall {
    let held = balance.held.of(measure);
    Shortfall {
        account: balance.account.clone(),
        held,
        limit,
        measure,
        needed: 0,
        resets_ms: balance.resets_ms,
        spent: balance.posted.of(measure).saturating_add(balance.presumed.of(measure)),
    }
}

#[cfg(test)]
mod tests;
