//! Self-declared sessions: each costs accounts, so an agent may name only so many new ones within an hour.

use std::collections::HashSet;

use dashmap::DashMap;
use types::caller::NOBODY;
use types::{Caller, Name, Reason, UnixMs};

const HOUR_MS: u64 = 3_600_000;
/// Beyond so many agents, those that named none in this hour are forgotten.
const AGENTS_MAX: usize = 4_096;

/// The sessions that each agent has named in this hour.
pub struct Sessions {
    per_hour_max: usize,
    agents: DashMap<Name, Hour>,
}

#[derive(Default)]
struct Hour {
    number: u64,
    named: HashSet<Name>,
}

impl Sessions {
    /// At most `per_hour_max` new sessions of an agent within an hour.
    #[must_use]
    pub fn new(per_hour_max: usize) -> Self {
        Self { per_hour_max, agents: DashMap::new() }
    }

    /// Lets the caller's session in. Agents are those of the configuration, which bounds the map within an hour.
    ///
    /// # Errors
    /// [`Reason::SessionsExhausted`] for one session too many.
    pub fn admit(&self, caller: &Caller, now_ms: UnixMs) -> Result<(), Reason> {
        if &*caller.session == NOBODY {
            return Ok(());
        }
        if self.agents.len() >= AGENTS_MAX && !self.agents.contains_key(&caller.agent) {
            // Agents of `bursar run` come and go; what they named in earlier hours counts no more.
            self.agents.retain(|_, hour| hour.number == now_ms / HOUR_MS);
        }
        let mut hour = self.agents.entry(caller.agent.clone()).or_default();
        if hour.number != now_ms / HOUR_MS {
            hour.number = now_ms / HOUR_MS;
            hour.named.clear();
        }
        if hour.named.contains(&caller.session) {
            return Ok(());
        }
        if hour.named.len() >= self.per_hour_max {
            return Err(Reason::SessionsExhausted);
        }
        hour.named.insert(caller.session.clone());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(session: &str) -> Caller {
        Caller { agent: "a".into(), org: "o".into(), session: session.into(), team: NOBODY.into(), user: NOBODY.into() }
    }

    #[test]
    fn agents_of_earlier_hours_are_forgotten() {
        let sessions = Sessions::new(2);
        for number in 0..AGENTS_MAX + 10 {
            let caller = Caller { agent: format!("agent-{number}").into(), ..caller("one") };
            let hour = number as u64 / 1_000;
            assert_eq!(sessions.admit(&caller, hour * HOUR_MS), Ok(()));
        }
        assert!(sessions.agents.len() < 200, "{} agents are remembered", sessions.agents.len());
    }

    #[test]
    fn an_agent_may_reuse_sessions_but_not_name_new_ones_for_ever() {
        let sessions = Sessions::new(2);
        for session in ["one", "two", "one", NOBODY] {
            assert_eq!(sessions.admit(&caller(session), 0), Ok(()));
        }
        assert_eq!(sessions.admit(&caller("three"), 0), Err(Reason::SessionsExhausted));
        assert_eq!(sessions.admit(&caller("three"), HOUR_MS), Ok(()));
    }
}
