//! Where the gateway of a configuration keeps its things, and how to speak to its owner.

use std::path::{Path, PathBuf};

use config::{House, RealEnvironment};
use control::{Action, Client, ControlError, Done};

use super::output::{CONFIG, CliError};
use crate::house::DataDirectory;

/// The house of a configuration file.
///
/// # Errors
/// What is wrong with the file, with line and column, and how to mend it.
pub(super) fn house(path: &Path) -> Result<House, CliError> {
    if !path.exists() {
        let message = format!("there is no {}; write one with `bursar init`, or name it with --config", path.display());
        return Err(CliError::new(CONFIG, message));
    }
    config::load(path, &RealEnvironment).map_err(|error| CliError::new(CONFIG, error))
}

/// The folder of the trail of a house.
#[must_use]
pub(super) fn trail(house: &House) -> PathBuf {
    DataDirectory::trail(&house.data, &house.gateway)
}

/// A client of the owner of the house's data directory, where one is running.
#[must_use]
pub(super) fn owner(house: &House) -> Option<Client> {
    DataDirectory::is_owned(&house.data).then(|| client(house))
}

/// A client of whoever owns the house's data directory, now or soon.
#[must_use]
pub(super) fn client(house: &House) -> Client {
    Client::new(&DataDirectory::operator_socket(&house.data))
}

/// Tells a running gateway to read its configuration at once, instead of when it notices the change. `None` where no
/// gateway runs.
///
/// # Errors
/// Where it cannot use the configuration: the old one stays in force.
pub(super) fn reload(house: &House) -> Result<Option<Done>, CliError> {
    let Some(client) = owner(house) else { return Ok(None) };
    ask(async move { client.send::<Done>("/v1/actions", &Action::Reload).await }).map(Some)
}

/// Runs a conversation with the owner on a small runtime of its own.
///
/// # Errors
/// Where no runtime is to be had, or the conversation fails.
pub(super) fn ask<T>(conversation: impl Future<Output = Result<T, ControlError>>) -> Result<T, CliError> {
    runtime()?.block_on(conversation).map_err(CliError::failed)
}

/// A runtime for one command.
///
/// # Errors
/// Where the operating system gives none.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CliError::failed)
}
