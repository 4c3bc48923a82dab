//! Teams, agents and keys, of the main file and of the files in `agents.d`.

use std::collections::HashMap;

use policy::{Level, Limit, nearest};
use types::Name;

use super::limits::own_limits;
use super::lists::{PlacedList, of_level};
use crate::cause::Cause;
use crate::directory::{Agent, Directory, KeyRecord};
use crate::error::Place;
use crate::reader::Reader;
use crate::source::Source;
use crate::written::{self, At};

/// Who there is, and what their lists say.
pub(crate) struct People<'a> {
    pub(crate) directory: Directory,
    pub(crate) lists: Vec<PlacedList<'a>>,
    /// The ceilings that agents have of their own.
    pub(crate) limits: Vec<(At, Limit)>,
}

/// Names that must be unique, with the place where each stands first.
#[derive(Default)]
pub(crate) struct Unique {
    first: HashMap<String, Place>,
}

impl Unique {
    /// Notes a name; where it is there already that is a fault, which names both places.
    pub(crate) fn add(
        &mut self,
        reader: &mut Reader<'_>,
        source: &Source,
        at: At,
        what: &'static str,
        name: &str,
    ) -> bool {
        if let Some(first) = self.first.get(name) {
            let cause = Cause::Twice { what, name: name.to_owned(), first: first.clone() };
            reader.fault(source, at, cause);
            return false;
        }
        self.first.insert(name.to_owned(), source.place(at));
        true
    }
}

/// Checks teams, agents and keys.
pub(crate) fn people<'a>(
    reader: &mut Reader<'_>,
    main: &'a Source,
    file: &written::File,
    beside: &'a [(Source, written::Agent)],
) -> People<'a> {
    let mut lists = Vec::new();
    let teams = teams(reader, main, &file.teams, &mut lists);
    let (mut agents, mut keys, mut limits) = (Vec::new(), Vec::new(), Vec::new());
    let (mut names, mut ids) = (Unique::default(), Unique::default());
    let all = file.agents.iter().map(|agent| (main, agent)).chain(beside.iter().map(|(source, agent)| (source, agent)));
    for (source, written) in all {
        let Some(name) = reader.read(source, &written.name).map(|name| name.0) else { continue };
        if !names.add(reader, source, written.name.at, "agent", &name) {
            continue;
        }
        let team = team_of(reader, source, written, &teams);
        lists.extend(of_level(
            reader,
            source,
            &Level::Agent(name.clone()),
            written.vendors.as_ref(),
            written.models.as_ref(),
        ));
        keys.extend(keys_of(reader, source, written, &name, &mut ids));
        limits.extend(own_limits(reader, source, &written.limits, &name));
        agents.push(Agent { name, team });
    }
    People { directory: Directory::new(teams, agents, keys), lists, limits }
}

fn teams<'a>(
    reader: &mut Reader<'_>,
    main: &'a Source,
    written: &[written::Team],
    lists: &mut Vec<PlacedList<'a>>,
) -> Vec<Name> {
    let mut names = Unique::default();
    let mut teams = Vec::new();
    for team in written {
        let Some(name) = reader.read(main, &team.name).map(|name| name.0) else { continue };
        if names.add(reader, main, team.name.at, "team", &name) {
            let level = Level::Team(name.clone());
            lists.extend(of_level(reader, main, &level, team.vendors.as_ref(), team.models.as_ref()));
            teams.push(name);
        }
    }
    teams
}

fn team_of(reader: &mut Reader<'_>, source: &Source, written: &written::Agent, teams: &[Name]) -> Option<Name> {
    let scalar = written.team.as_ref()?;
    let team = reader.read(source, scalar)?.0;
    if !teams.contains(&team) {
        reader.fault(source, scalar.at, no_such_team(&team, teams));
        return None;
    }
    Some(team)
}

pub(crate) fn no_such_team(name: &str, teams: &[Name]) -> Cause {
    Cause::NoSuch {
        what: "team",
        name: name.to_owned(),
        nearest: nearest(name, teams.iter().map(|team| &**team)).map(str::to_owned),
        mend: "add it under `teams`",
    }
}

fn keys_of(
    reader: &mut Reader<'_>,
    source: &Source,
    written: &written::Agent,
    agent: &Name,
    ids: &mut Unique,
) -> Vec<(String, KeyRecord)> {
    let mut keys = Vec::new();
    for key in &written.keys {
        let revoked = reader.read_or(source, key.revoked.as_ref(), false);
        let sha256 = reader.read(source, &key.sha256);
        let (Some(id), Some(sha256)) = (reader.read(source, &key.id), sha256) else { continue };
        if ids.add(reader, source, key.id.at, "key id", &id.0) {
            keys.push((id.0, KeyRecord { agent: agent.clone(), sha256: sha256.0, revoked }));
        }
    }
    keys
}
