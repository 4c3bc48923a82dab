//! Who there is: teams, agents and their keys.

use std::collections::{BTreeMap, HashMap};

use types::Name;

use crate::keys::Presented;

/// An agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Its name.
    pub name: Name,
    /// Its team, where it has one.
    pub team: Option<Name>,
}

/// A key as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// Whose it is.
    pub agent: Name,
    /// The SHA-256 of the whole key.
    pub sha256: [u8; 32],
    /// No longer taken.
    pub revoked: bool,
}

/// All agents and keys.
#[derive(Debug, Default)]
pub struct Directory {
    teams: Vec<Name>,
    agents: BTreeMap<Name, Agent>,
    keys: HashMap<Box<str>, KeyRecord>,
}

impl Directory {
    pub(crate) fn new(teams: Vec<Name>, agents: Vec<Agent>, keys: Vec<(String, KeyRecord)>) -> Self {
        Self {
            teams,
            agents: agents.into_iter().map(|agent| (agent.name.clone(), agent)).collect(),
            keys: keys.into_iter().map(|(id, key)| (id.into_boxed_str(), key)).collect(),
        }
    }

    /// The key of this id.
    #[must_use]
    pub fn lookup(&self, key_id: &str) -> Option<&KeyRecord> {
        self.keys.get(key_id)
    }

    /// The agent of this name.
    #[must_use]
    pub fn agent(&self, name: &str) -> Option<&Agent> {
        self.agents.get(name)
    }

    /// All agents by name.
    pub fn agents(&self) -> impl Iterator<Item = &Agent> {
        self.agents.values()
    }

    /// All teams, in the order of the file.
    #[must_use]
    pub fn teams(&self) -> &[Name] {
        &self.teams
    }

    /// The keys of an agent with their ids, revoked ones included, by id.
    #[must_use]
    pub fn keys_of(&self, agent: &str) -> Vec<(&str, &KeyRecord)> {
        let mut keys: Vec<_> =
            self.keys.iter().filter(|(_, key)| &*key.agent == agent).map(|(id, key)| (&**id, key)).collect();
        keys.sort_by_key(|(id, _)| *id);
        keys
    }

    /// The agent whose key this is: found by its id, compared in constant time, not revoked. `None` otherwise, and
    /// nothing tells which of these it was.
    #[must_use]
    pub fn authenticate(&self, presented: &str) -> Option<&Agent> {
        let presented = Presented::parse(presented)?;
        let kept = self.keys.get(presented.id)?;
        if !presented.is_key_of(&kept.sha256) || kept.revoked {
            return None;
        }
        self.agents.get(&kept.agent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{KEY_RANDOM_BYTES, mint_key};

    #[test]
    fn a_key_names_its_agent_until_it_is_revoked() {
        let (first, second) = (mint_key([1; KEY_RANDOM_BYTES]), mint_key([2; KEY_RANDOM_BYTES]));
        let agent = Agent { name: Name::from("researcher"), team: None };
        let record = |sha256, revoked| KeyRecord { agent: agent.name.clone(), sha256, revoked };
        let keys = vec![
            (first.kept.id.clone(), record(first.kept.sha256, false)),
            (second.kept.id.clone(), record(second.kept.sha256, true)),
        ];
        let directory = Directory::new(Vec::new(), vec![agent.clone()], keys);
        assert_eq!(directory.authenticate(first.key.expose()), Some(&agent));
        assert_eq!(directory.authenticate(second.key.expose()), None);
        let forged = format!("{}A", &first.key.expose()[..54]);
        assert_eq!(directory.authenticate(&forged), None);
        assert_eq!(directory.authenticate(mint_key([3; KEY_RANDOM_BYTES]).key.expose()), None);
        assert_eq!(directory.keys_of("researcher").len(), 2);
    }
}
