//! Real client libraries: programs for the Python of `.state/venv`, where `make setup` installs the pinned SDKs.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::error::KitError;
use crate::gateway::FOREIGN_VARIABLES;
use crate::house::files::root;

/// The interpreter that has the client libraries.
///
/// # Errors
/// `make setup` has not run.
pub fn interpreter() -> Result<PathBuf, KitError> {
    let path = root().join(".state/venv/bin/python");
    if path.exists() { Ok(path) } else { Err(KitError::NoPython { path }) }
}

/// Runs a program below `tests/clients` to its end, with these variables and no proxies or keys of this machine.
///
/// # Errors
/// No interpreter, or it cannot be started; what the program itself says is in the output.
pub fn run(program: &str, variables: &[(&str, &str)]) -> Result<Output, KitError> {
    run_path(&root().join("tests/clients").join(program), variables)
}

/// The same for a program anywhere.
///
/// # Errors
/// As [`run`].
pub fn run_path(program: &Path, variables: &[(&str, &str)]) -> Result<Output, KitError> {
    let mut command = Command::new(interpreter()?);
    command.arg(program).stdin(Stdio::null()).env("PYTHONDONTWRITEBYTECODE", "1");
    FOREIGN_VARIABLES.iter().for_each(|name| {
        command.env_remove(name);
    });
    command.envs(variables.iter().copied());
    command.output().map_err(|source| KitError::Program { program: program.display().to_string(), source })
}
