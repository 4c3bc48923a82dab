//! How commands speak: tables for people, JSON for programs, errors on standard error.

use std::fmt;
use std::io::Write;
use std::process::ExitCode;

use comfy_table::{ContentArrangement, Table, presets};
use control::visible;
use serde::Serialize;

/// How a command prints its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// For programs: one JSON document.
    Json,
}

/// Why a command failed: one sentence, and the exit code that tells scripts what kind it was.
#[derive(Debug, Serialize)]
pub struct CliError {
    #[serde(rename = "error")]
    message: String,
    #[serde(rename = "exit_code")]
    code: u8,
    /// Nobody reads what we print: that is the reader's wish, and no failure.
    #[serde(skip)]
    is_unread: bool,
}

/// The exit code where the command could not do its work.
pub(super) const FAILED: u8 = 1;
/// The exit code where the configuration is wrong.
pub(super) const CONFIG: u8 = 2;
/// The exit code where evidence does not hold.
pub(super) const UNPROVED: u8 = 3;

impl CliError {
    /// A failure with its exit code.
    #[must_use]
    pub fn new(code: u8, message: impl fmt::Display) -> Self {
        Self { message: message.to_string(), code, is_unread: false }
    }

    /// A plain failure.
    #[must_use]
    pub fn failed(message: impl fmt::Display) -> Self {
        Self::new(FAILED, message)
    }

    /// Prints the error on standard error, for a person or as one line of JSON, and gives the exit code.
    #[must_use]
    pub fn tell(&self, format: Format) -> ExitCode {
        if self.is_unread {
            return ExitCode::SUCCESS;
        }
        let text = match format {
            Format::Table => format!("bursar: {}", self.message),
            Format::Json => serde_json::to_string(self).unwrap_or_default(),
        };
        // Without a standard error there is nobody left to tell.
        let _ = writeln!(std::io::stderr().lock(), "{text}");
        ExitCode::from(self.code)
    }

    /// Standard output cannot be written.
    fn unwritten(error: &std::io::Error) -> Self {
        Self { is_unread: error.kind() == std::io::ErrorKind::BrokenPipe, ..Self::failed(error) }
    }
}

/// A trail that does not hold has an exit code of its own.
impl From<audit::AuditError> for CliError {
    fn from(error: audit::AuditError) -> Self {
        match &error {
            audit::AuditError::Broken(_) => Self::new(UNPROVED, error),
            audit::AuditError::File { source, .. } => Self { message: error.to_string(), ..Self::unwritten(source) },
            _ => Self::failed(error),
        }
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self::failed(error)
    }
}

/// Prints a line on standard output; a reader that has gone ends the command quietly.
///
/// # Errors
/// Where standard output cannot be written.
pub(super) fn line(text: impl fmt::Display) -> Result<(), CliError> {
    writeln!(std::io::stdout().lock(), "{text}").map_err(|error| CliError::unwritten(&error))
}

/// Prints a value as one JSON document.
///
/// # Errors
/// Where standard output cannot be written.
pub(super) fn json(value: &impl Serialize) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(value).map_err(CliError::failed)?;
    line(text)
}

/// Prints rows under a head. Words of strangers may stand in them.
///
/// # Errors
/// Where standard output cannot be written.
pub(super) fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Result<(), CliError> {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(head.iter().map(ToString::to_string));
    for row in rows {
        table.add_row(row.iter().map(|cell| visible(cell)));
    }
    line(table)
}
