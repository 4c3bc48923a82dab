//! Tunnels to hosts that no route names: counted for each agent, so that `bursar run` can tell what it did not govern.

use dashmap::DashMap;
use types::Name;

/// More agents than this are counted by the metric alone; agents of `bursar run` come and go.
const AGENTS_MAX: usize = 4_096;

/// Tunnels opened by each agent since the start.
#[derive(Default)]
pub struct Ungoverned(DashMap<Name, u64>);

impl Ungoverned {
    /// An agent opened a tunnel.
    pub fn count(&self, agent: &Name) {
        if self.0.len() < AGENTS_MAX || self.0.contains_key(agent) {
            let mut tunnels = self.0.entry(agent.clone()).or_default();
            *tunnels = tunnels.saturating_add(1);
        }
    }

    /// How many an agent opened.
    #[must_use]
    pub fn of(&self, agent: &str) -> u64 {
        self.0.get(agent).map_or(0, |tunnels| *tunnels)
    }

    /// Forgets agents that are configured no more.
    pub(super) fn keep(&self, is_known: impl Fn(&str) -> bool) {
        self.0.retain(|agent, _| is_known(agent));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tunnels_are_counted_for_each_agent_and_agents_that_are_gone_are_forgotten() {
        let ungoverned = Ungoverned::default();
        let (one, two) = (Name::from("one"), Name::from("two"));
        for agent in [&one, &two, &one] {
            ungoverned.count(agent);
        }
        assert_eq!((ungoverned.of("one"), ungoverned.of("two"), ungoverned.of("three")), (2, 1, 0));
        ungoverned.keep(|agent| agent == "two");
        assert_eq!((ungoverned.of("one"), ungoverned.of("two")), (0, 1));
    }

    #[test]
    fn no_number_of_names_fills_the_memory() {
        let ungoverned = Ungoverned::default();
        for number in 0..AGENTS_MAX + 10 {
            ungoverned.count(&Name::from(format!("agent-{number}")));
        }
        assert_eq!(ungoverned.0.len(), AGENTS_MAX);
        ungoverned.count(&Name::from("agent-0"));
        assert_eq!(ungoverned.of("agent-0"), 2);
    }
}
