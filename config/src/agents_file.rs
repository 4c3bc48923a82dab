//! Writes the file of an agent into `agents.d`: whole or not at all, and for its owner's eyes only.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use types::{Money, Window};

use crate::error::ConfigError;
use crate::keys::{KeptKey, hex, is_key_id};
use crate::written::is_own_name;

/// An agent that gets a file of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAgent {
    /// Its name, and that of the file.
    pub name: String,
    /// Its team, where it has one; the main file must have it too.
    pub team: Option<String>,
    /// Its key.
    pub key: KeptKey,
    /// Ceilings of its own, in dollars.
    pub limits: Vec<(Window, Money)>,
}

/// Writes `<folder>/<name>.yaml` with mode 0600, the folder (mode 0700) where it is missing. A reader sees the whole
/// file or none; after this returned, a crash does not lose it. Blocks on the file system.
///
/// # Errors
/// [`ConfigError::NameMalformed`], [`ConfigError::AgentExists`] where there is a file of this name, and
/// [`ConfigError::Unreadable`] with what the file system says.
pub fn add_agent(folder: &Path, agent: &NewAgent) -> Result<PathBuf, ConfigError> {
    for name in std::iter::once(&agent.name).chain(&agent.team) {
        if !is_own_name(name) {
            return Err(ConfigError::NameMalformed { name: name.clone() });
        }
    }
    let file = folder.join(format!("{}.yaml", agent.name));
    // Begins with a dot: readers of the folder pass it by.
    let draft = folder.join(format!(".{}.yaml.new", agent.name));
    let failed = |error: io::Error| ConfigError::Unreadable { file: file.clone(), kind: error.kind() };
    make_folder(folder).map_err(failed)?;
    let written = write_new(&draft, &text_of(agent));
    // A link, not a renaming: it fails where the name is taken, and so two of these calls cannot both succeed.
    let linked = written.and_then(|()| fs::hard_link(&draft, &file));
    let removed = fs::remove_file(&draft);
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(ConfigError::AgentExists { file }),
        Err(error) => Err(failed(error)),
        Ok(()) => {
            removed.and_then(|()| fs::File::open(folder)?.sync_all()).map_err(failed)?;
            Ok(file)
        }
    }
}

fn text_of(agent: &NewAgent) -> String {
    let team = agent.team.as_ref().map_or_else(String::new, |team| format!("team: \"{team}\"\n"));
    let mut text = format!(
        "# Written by `bursar agents add`. The key itself is kept nowhere; this is its hash.\n\
         name: \"{}\"\n{team}keys:\n  - {}\n",
        agent.name,
        key_line(&agent.key)
    );
    if !agent.limits.is_empty() {
        text.push_str("limits:\n");
    }
    for (window, usd) in &agent.limits {
        text.push_str(&format!("  - {{window: {}, usd: {usd}}}\n", window.word()));
    }
    text
}

/// Takes a key out of service: marks it `revoked` in the file of its agent, once. Blocks on the file system.
///
/// # Errors
/// [`ConfigError::UnknownKey`] where no file of the folder has it; keys of the main file are revoked there, by hand.
pub fn revoke_key(folder: &Path, id: &str) -> Result<PathBuf, ConfigError> {
    let unknown = || ConfigError::UnknownKey { id: id.to_owned(), folder: folder.to_owned() };
    let mark = format!("{{id: \"{id}\", ");
    let files = fs::read_dir(folder).map_err(|_| unknown())?;
    for file in files.filter_map(Result::ok).map(|entry| entry.path()) {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        if is_key_id(id) && text.contains(&mark) {
            if text.contains(&format!("{mark}revoked: true")) {
                return Ok(file);
            }
            let failed = |error: io::Error| ConfigError::Unreadable { file: file.clone(), kind: error.kind() };
            let draft = file.with_file_name(format!(".{id}.yaml.new"));
            write_new(&draft, &text.replacen(&mark, &format!("{mark}revoked: true, "), 1)).map_err(failed)?;
            fs::rename(&draft, &file).map_err(failed)?;
            return Ok(file);
        }
    }
    Err(unknown())
}

/// A key as the files write it.
pub(crate) fn key_line(key: &KeptKey) -> String {
    format!("{{id: \"{}\", sha256: \"{}\"}}", key.id, hex(&key.sha256))
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn write_new(draft: &Path, text: &str) -> io::Result<()> {
    match fs::remove_file(draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{KEY_RANDOM_BYTES, mint_key};

    fn agent(name: &str) -> NewAgent {
        NewAgent {
            name: name.to_owned(),
            team: Some("research".to_owned()),
            key: mint_key([7; KEY_RANDOM_BYTES]).kept,
            limits: Vec::new(),
        }
    }

    #[test]
    fn an_agent_gets_a_file_of_its_own_once() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("agents.d");
        let file = add_agent(&folder, &agent("writer")).unwrap();
        assert_eq!(
            fs::read_to_string(&file).unwrap(),
            "# Written by `bursar agents add`. The key itself is kept nowhere; this is its hash.\n\
             name: \"writer\"\nteam: \"research\"\nkeys:\n  \
             - {id: \"0w3ge1r7\", sha256: \"a7b26a3825caaa8028d158f9bb5156bd59f6d07e8b838c2805906044a1ad9677\"}\n"
        );
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        let again = add_agent(&folder, &agent("writer")).unwrap_err();
        assert_eq!(
            again.to_string(),
            format!("{}: there is a file for this agent already; choose another name, or remove it", file.display())
        );
        let left: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["writer.yaml"]);
    }

    #[test]
    fn a_key_is_revoked_where_it_stands_and_once_is_enough() {
        let home = tempfile::tempdir().unwrap();
        let writer = NewAgent { limits: vec![(Window::Day, Money::from_usd(5))], ..agent("writer") };
        let file = add_agent(home.path(), &writer).unwrap();
        for _ in 0..2 {
            assert_eq!(revoke_key(home.path(), "0w3ge1r7").unwrap(), file);
            let text = fs::read_to_string(&file).unwrap();
            assert!(text.contains("  - {id: \"0w3ge1r7\", revoked: true, sha256: "), "{text}");
            assert!(text.ends_with("limits:\n  - {window: day, usd: 5.00}\n"), "{text}");
            assert_eq!(text.matches("revoked").count(), 1);
        }
        let unknown = revoke_key(home.path(), "aaaaaaaa").unwrap_err();
        assert!(matches!(unknown, ConfigError::UnknownKey { .. }));
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let home = tempfile::tempdir().unwrap();
        for name in ["", "../writer", ".hidden", "a/b", "a b", "each", "-", &"x".repeat(65)] {
            let refused = add_agent(home.path(), &agent(name)).unwrap_err();
            assert!(matches!(refused, ConfigError::NameMalformed { .. }), "{name}");
        }
    }
}
