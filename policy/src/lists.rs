//! Vendor and model lists. They intersect over the levels org, team, agent, route: a level without a list says
//! nothing, at least one level must allow, a lower level never widens.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::OnceCell;

use types::Name;

use crate::error::PolicyError;
use crate::facts::Facts;

/// Where a list stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For the whole organisation.
    Org,
    /// For one team.
    Team(Name),
    /// For one agent.
    Agent(Name),
    /// For one route.
    Route(Name),
}

/// What a list is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// Who is paid.
    Vendors,
    /// What is called.
    Models,
}

impl About {
    const fn word(self) -> &'static str {
        match self {
            Self::Vendors => "vendors",
            Self::Models => "models",
        }
    }
}

/// A name, or a name with `*` for any run of characters. Letters of ASCII match in either case, so that no list is
/// passed by writing a name in capitals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    qualified: bool,
}

impl Pattern {
    /// A pattern from its text.
    ///
    /// # Errors
    /// [`PolicyError::PatternEmpty`] for an empty text.
    pub fn new(text: &str) -> Result<Self, PolicyError> {
        if text.is_empty() {
            return Err(PolicyError::PatternEmpty);
        }
        Ok(Self { text: text.to_ascii_lowercase(), qualified: text.contains('/') })
    }

    /// The pattern as text, in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the whole of `name` matches.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        glob(self.text.as_bytes(), name.as_bytes())
    }
}

/// Iterative glob with one point to fall back to: linear in practice, `pattern × name` at worst, no recursion.
fn glob(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut read) = (0, 0);
    let mut fallback: Option<(usize, usize)> = None;
    while let Some(byte) = name.get(read) {
        match pattern.get(at) {
            Some(b'*') => {
                fallback = Some((at + 1, read));
                at += 1;
            }
            Some(wanted) if wanted.eq_ignore_ascii_case(byte) => {
                at += 1;
                read += 1;
            }
            _ => {
                let Some((after_star, from)) = fallback else { return false };
                fallback = Some((after_star, from + 1));
                at = after_star;
                read = from + 1;
            }
        }
    }
    pattern.get(at..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

/// One list of one level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// Where it stands.
    pub level: Level,
    /// What it is about.
    pub about: About,
    /// What it allows; `None` where it only denies and so allows nothing by itself.
    pub allow: Option<Vec<Pattern>>,
    /// What it denies, whatever any list allows.
    pub deny: Vec<Pattern>,
}

impl List {
    fn rule(&self) -> String {
        let about = self.about.word();
        match &self.level {
            Level::Org => format!("{about}@org"),
            Level::Team(name) => format!("{about}@team:{name}"),
            Level::Agent(name) => format!("{about}@agent:{name}"),
            Level::Route(name) => format!("{about}@route:{name}"),
        }
    }
}

#[derive(Debug)]
struct Compiled {
    rule: String,
    list: List,
}

impl Compiled {
    fn voice(&self, subject: &Subject<'_>) -> Voice {
        if self.list.deny.iter().any(|pattern| subject.is_denied_by(pattern)) {
            return Voice::Deny;
        }
        match &self.list.allow {
            None => Voice::Silent,
            Some(allow) if allow.iter().any(|pattern| subject.is_allowed_by(pattern)) => Voice::Allow,
            Some(_) => Voice::Deny,
        }
    }
}

enum Voice {
    Silent,
    Allow,
    Deny,
}

/// What a list is asked about. Most patterns look at the name alone, so the qualified one is made when first needed.
struct Subject<'a> {
    vendor: &'a str,
    name: &'a str,
    qualified: OnceCell<String>,
}

impl<'a> Subject<'a> {
    const fn new(vendor: &'a str, name: &'a str) -> Self {
        Self { vendor, name, qualified: OnceCell::new() }
    }

    /// `vendor/model`; the bare name where there is no vendor before it.
    fn qualified(&self) -> &str {
        if self.vendor.is_empty() {
            return self.name;
        }
        self.qualified.get_or_init(|| [self.vendor, self.name].join("/"))
    }

    /// A pattern with a slash names vendor and model; `openai/*` does not allow what another vendor calls `openai/..`.
    fn is_allowed_by(&self, pattern: &Pattern) -> bool {
        if pattern.qualified { pattern.matches(self.qualified()) } else { pattern.matches(self.name) }
    }

    /// A denial is taken in either reading.
    fn is_denied_by(&self, pattern: &Pattern) -> bool {
        pattern.matches(self.name) || pattern.matches(self.qualified())
    }
}

/// All lists, found by level.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    org: Vec<Compiled>,
    teams: BTreeMap<Name, Vec<Compiled>>,
    agents: BTreeMap<Name, Vec<Compiled>>,
    routes: BTreeMap<Name, Vec<Compiled>>,
}

/// The rule that refused.
pub(crate) struct Refused(pub(crate) String);

impl Lists {
    pub(crate) fn new(lists: Vec<List>) -> Self {
        let mut all = Self::default();
        for list in lists {
            let slot = match &list.level {
                Level::Org => &mut all.org,
                Level::Team(name) => all.teams.entry(name.clone()).or_default(),
                Level::Agent(name) => all.agents.entry(name.clone()).or_default(),
                Level::Route(name) => all.routes.entry(name.clone()).or_default(),
            };
            slot.push(Compiled { rule: list.rule(), list });
        }
        all
    }

    /// Judges vendor or model of a request; tells the rule that let it through, the narrowest if several did.
    /// `looked_at` hears of every list that was asked, in order.
    pub(crate) fn judge<'a>(
        &'a self,
        about: About,
        facts: &Facts<'_>,
        mut looked_at: impl FnMut(&str),
    ) -> Result<&'a str, Refused> {
        let subject = match about {
            About::Vendors => Subject::new("", facts.vendor),
            About::Models => Subject::new(facts.vendor, facts.model),
        };
        let mut allowed = None;
        for compiled in self.levels(facts).filter(|compiled| compiled.list.about == about) {
            looked_at(&compiled.rule);
            match compiled.voice(&subject) {
                Voice::Silent => {}
                Voice::Allow => allowed = Some(compiled.rule.as_str()),
                Voice::Deny => return Err(Refused(compiled.rule.clone())),
            }
        }
        allowed.ok_or_else(|| Refused(format!("{}@nobody", about.word())))
    }

    /// Every list that speaks about this caller and route, widest level first.
    fn levels(&self, facts: &Facts<'_>) -> impl Iterator<Item = &Compiled> {
        let team = self.teams.get(&*facts.caller.team);
        let agent = self.agents.get(&*facts.caller.agent);
        let route = self.routes.get(facts.route);
        self.org.iter().chain([team, agent, route].into_iter().flatten().flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_run_and_case_does_not_matter() {
        for (pattern, name, expected) in [
            ("gpt-5*", "gpt-5-mini", true),
            ("gpt-5*", "GPT-5", true),
            ("*mini", "gpt-5-mini", true),
            ("g*5*i", "gpt-5-mini", true),
            ("gpt-5", "gpt-5-mini", false),
            ("*", "", true),
            ("a*b", "ab", true),
            ("a*b*c", "abxbxc", true),
            ("a*b*c", "abxbx", false),
            ("**", "anything", true),
        ] {
            let pattern = Pattern::new(pattern).unwrap();
            assert_eq!(pattern.matches(name), expected, "{pattern:?} {name}");
        }
        assert_eq!(Pattern::new(""), Err(PolicyError::PatternEmpty));
    }
}
