//! Limits by scope, name and window, found in one look-up per scope.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};

use types::amounts::AMOUNT_MAX;
use types::{Limits, Measure, Name, Scope, Window};

use crate::error::PolicyError;

/// One limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What it is about.
    pub scope: Scope,
    /// Whose it is; `None` means each one by itself. Sessions are `agent/session`, models `vendor/model`.
    pub name: Option<Name>,
    /// What is counted.
    pub measure: Measure,
    /// Over which time.
    pub window: Window,
    /// The most; nano-USD for dollars; 0 refuses all.
    pub amount: i64,
}

impl Limit {
    /// How proof traces name it: `limit agent:researcher@day usd`, `limit session:each@transaction tokens`.
    #[must_use]
    pub fn rule(&self) -> String {
        rule(self.scope, self.name.as_deref(), self.window, self.measure)
    }

    /// Whether accounts can hold it, and its name is one of its scope; [`crate::Policy::new`] asks too.
    ///
    /// # Errors
    /// [`PolicyError`] for an amount below zero or beyond 2^60, and for a name of another form.
    pub fn check(&self) -> Result<(), PolicyError> {
        if self.amount < 0 {
            return Err(PolicyError::LimitNegative { rule: self.rule() });
        }
        if self.amount > AMOUNT_MAX {
            return Err(PolicyError::LimitTooLarge { rule: self.rule() });
        }
        let form = match self.scope {
            Scope::Session => "agent/session",
            Scope::Model => "vendor/model",
            _ => return Ok(()),
        };
        let paired = |name: &Name| name.split_once('/').is_some_and(|(a, b)| !a.is_empty() && !b.is_empty());
        match &self.name {
            Some(name) if !paired(name) => Err(PolicyError::LimitNameMalformed { name: name.to_string(), form }),
            _ => Ok(()),
        }
    }
}

fn rule(scope: Scope, name: Option<&str>, window: Window, measure: Measure) -> String {
    format!("limit {scope}:{}@{} {}", name.unwrap_or("each"), window.word(), measure.word())
}

/// The limits of one account, and the rule that each of them comes from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bounded {
    pub(crate) limits: Limits,
    rules: [Option<Name>; Measure::ALL.len()],
}

impl Bounded {
    fn tighten(&mut self, measure: Measure, amount: i64, rule: &Name) {
        if self.limits.of(measure).is_some_and(|standing| standing <= amount) {
            return;
        }
        self.limits = self.limits.tightened(measure, amount);
        for (slot, of) in self.rules.iter_mut().zip(Measure::ALL) {
            if of == measure {
                *slot = Some(rule.clone());
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        for (measure, rule) in other.each() {
            if let Some(amount) = other.limits.of(measure) {
                self.tighten(measure, amount, rule);
            }
        }
    }

    /// Each limited measure with the rule that limits it.
    pub(crate) fn each(&self) -> impl Iterator<Item = (Measure, &Name)> {
        Measure::ALL
            .into_iter()
            .zip(&self.rules)
            .filter_map(|(measure, rule)| rule.as_ref().map(|rule| (measure, rule)))
    }

    /// The rule that limits one measure.
    pub(crate) fn rule(&self, measure: Measure) -> Option<&Name> {
        self.each().find(|(of, _)| *of == measure).map(|(_, rule)| rule)
    }
}

/// The limits of one name by window.
pub(crate) type ByWindow = BTreeMap<Window, Bounded>;

#[derive(Debug, Default)]
struct OfScope {
    each: ByWindow,
    /// Limits that name somebody, with those for each merged in.
    named: BTreeMap<Name, ByWindow>,
}

/// All limits.
#[derive(Debug, Default)]
pub(crate) struct LimitIndex {
    scopes: BTreeMap<Scope, OfScope>,
    none: ByWindow,
}

impl LimitIndex {
    pub(crate) fn new(limits: &[Limit]) -> Result<Self, PolicyError> {
        let mut index = Self::default();
        for limit in limits {
            limit.check()?;
            let of_scope = index.scopes.entry(limit.scope).or_default();
            let windows = match &limit.name {
                None => &mut of_scope.each,
                Some(name) => of_scope.named.entry(name.clone()).or_default(),
            };
            let rule = Name::from(limit.rule());
            windows.entry(limit.window).or_default().tighten(limit.measure, limit.amount, &rule);
        }
        for of_scope in index.scopes.values_mut() {
            for named in of_scope.named.values_mut() {
                for (window, each) in &of_scope.each {
                    named.entry(*window).or_default().merge(each);
                }
            }
        }
        Ok(index)
    }

    /// The limits on one name of one scope: those for each, tightened by those that name it.
    pub(crate) fn of(&self, scope: Scope, name: &str) -> &ByWindow {
        self.scopes.get(&scope).map_or(&self.none, |of_scope| of_scope.named.get(name).unwrap_or(&of_scope.each))
    }
}
