//! From files to a house.

use std::io;
use std::path::{Path, PathBuf};

use crate::cause::Cause;
use crate::check::{DEFAULT_AGENTS_FOLDER, Read, check};
use crate::environment::Environment;
use crate::error::ConfigError;
use crate::house::House;
use crate::reader::Reader;
use crate::source::Source;
use crate::written;

/// Reads a configuration file and what lies beside it, and checks all of it.
///
/// # Errors
/// [`ConfigError::Unreadable`] where the file is not there; otherwise everything that is wrong, each with file, line,
/// column and the way to mend it.
pub fn load(path: &Path, environment: &dyn Environment) -> Result<House, ConfigError> {
    let text = environment
        .file(path)
        .map_err(|error| ConfigError::Unreadable { file: path.to_path_buf(), kind: error.kind() })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    house(&Source::new(path, text), folder, environment)
}

/// Checks the text of a configuration file as if it lay in `folder`. Faults call it `bursar.yaml`.
///
/// # Errors
/// As [`load`].
pub fn parse(text: &str, folder: &Path, environment: &dyn Environment) -> Result<House, ConfigError> {
    house(&Source::new(Path::new("bursar.yaml"), text.to_owned()), folder, environment)
}

fn house(main: &Source, folder: &Path, environment: &dyn Environment) -> Result<House, ConfigError> {
    let file: written::File = main.parse().map_err(|fault| ConfigError::Faults(vec![*fault]))?;
    let mut reader = Reader::new(environment, folder);
    let agents_folder = reader.read_or(main, file.agents_dir.as_ref(), PathBuf::from(DEFAULT_AGENTS_FOLDER));
    let agents_folder = folder.join(agents_folder);
    if reader.mode(&main.file).is_some_and(|mode| mode & 0o002 != 0) {
        let file = main.file.display();
        reader.warnings.push(format!("{file}: everybody on this machine may change this file; run `chmod o-w` on it"));
    }
    let agents = agents_beside(&agents_folder, environment, &mut reader)?;
    check(&Read { main, file: &file, agents: &agents, agents_folder }, reader)
}

/// The agents with a file each, by the names of the files. A file that others may change could let anybody spend.
fn agents_beside(
    folder: &Path,
    environment: &dyn Environment,
    reader: &mut Reader<'_>,
) -> Result<Vec<(Source, written::Agent)>, ConfigError> {
    if let Some(mode) = environment.mode(folder).filter(|mode| mode & 0o022 != 0) {
        reader.add(Source::new(folder, String::new()).fault_of_all(Cause::LooseFolder { mode }));
        return Ok(Vec::new());
    }
    let mut agents = Vec::new();
    for path in yaml_files(folder)? {
        let text = match environment.file(&path) {
            Ok(text) => text,
            // Removed since the folder was read: a change of which the watch will tell.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(ConfigError::Unreadable { file: path, kind: error.kind() }),
        };
        let source = Source::new(&path, text);
        if let Some(mode) = environment.mode(&path).filter(|mode| mode & 0o077 != 0) {
            reader.add(source.fault_of_all(Cause::LooseMode { mode }));
            continue;
        }
        match source.parse() {
            Ok(agent) => agents.push((source, agent)),
            Err(fault) => reader.add(*fault),
        }
    }
    Ok(agents)
}

fn yaml_files(folder: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let unreadable = |error: io::Error| ConfigError::Unreadable { file: folder.to_path_buf(), kind: error.kind() };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let is_yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        if is_yaml && !is_hidden {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
