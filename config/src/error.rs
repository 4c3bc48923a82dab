//! What can be wrong, told with file, line and column, the line itself, and the way to mend it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::cause::Cause;

/// Why there is no house.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// A file or folder of the configuration cannot be read or written.
    Unreadable {
        /// Which one.
        file: PathBuf,
        /// Why.
        kind: io::ErrorKind,
    },
    /// The files can be read, but say something that cannot be: everything that was found.
    Faults(Vec<Fault>),
    /// Something changed that is fixed while the gateway runs.
    NeedsRestart {
        /// The file.
        file: PathBuf,
        /// What changed.
        key: Fixed,
    },
    /// The operating system grants no watch over the files.
    WatchFailed {
        /// The file.
        file: PathBuf,
        /// Its words.
        why: String,
    },
    /// There is a file for this agent already.
    AgentExists {
        /// The file.
        file: PathBuf,
    },
    /// No file of the folder has this key.
    UnknownKey {
        /// The key's id.
        id: String,
        /// The folder.
        folder: PathBuf,
    },
    /// The name cannot be one of an agent.
    NameMalformed {
        /// The name.
        name: String,
    },
}

/// What is fixed while the gateway runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fixed {
    /// `org`
    Org,
    /// `data`
    Data,
    /// `gateway`
    Gateway,
    /// `listeners`
    Listeners,
}

impl fmt::Display for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Org => "org",
            Self::Data => "data",
            Self::Gateway => "gateway",
            Self::Listeners => "listeners",
        })
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { file, kind: io::ErrorKind::NotFound } => {
                write!(f, "{}: there is no such file; `bursar init` writes one", file.display())
            }
            Self::Unreadable { file, kind } => write!(f, "{}: {kind}", file.display()),
            Self::Faults(faults) => {
                for (index, fault) in faults.iter().enumerate() {
                    if index > 0 {
                        f.write_str("\n\n")?;
                    }
                    fault.fmt(f)?;
                }
                Ok(())
            }
            Self::NeedsRestart { file, key } => {
                write!(
                    f,
                    "{}: `{key}` cannot change while the gateway runs; restart it, or put it back",
                    file.display()
                )
            }
            Self::WatchFailed { file, why } => {
                write!(f, "{}: its folder cannot be watched ({why}); reload by SIGHUP instead", file.display())
            }
            Self::AgentExists { file } => {
                write!(
                    f,
                    "{}: there is a file for this agent already; choose another name, or remove it",
                    file.display()
                )
            }
            Self::UnknownKey { id, folder } => write!(
                f,
                "no file in {} has the key {id}; a key of the main file is taken out of service there (`revoked: true`)",
                folder.display()
            ),
            Self::NameMalformed { name } => write!(f, "{name:?} is no name; {}", crate::cause::NAME_FORM),
        }
    }
}

impl std::error::Error for ConfigError {}

/// Where something stands in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as it was named.
    pub file: PathBuf,
    /// The line, from 1; 0 where the whole file is meant.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        Ok(())
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub place: Place,
    /// The line as it stands there, provider keys hidden; empty where the whole file is meant.
    pub line_text: String,
    /// How many characters of it are meant.
    pub width: u32,
    /// What.
    pub cause: Cause,
}

const SHOWN_MAX: usize = 120;

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.cause)?;
        if self.place.line == 0 || self.line_text.is_empty() {
            return Ok(());
        }
        let before = usize::try_from(self.place.column).unwrap_or(1).saturating_sub(1);
        let cut = before.saturating_sub(SHOWN_MAX / 2);
        let shown: String = self.line_text.chars().skip(cut).take(SHOWN_MAX).collect();
        let room = shown.chars().count().saturating_sub(before - cut).max(1);
        let width = usize::try_from(self.width).unwrap_or(1).clamp(1, room);
        let number = self.place.line.to_string();
        let margin = " ".repeat(number.len());
        write!(f, "\n{margin} |\n{number} | {}\n", shown.trim_end())?;
        write!(f, "{margin} | {}{}", " ".repeat(before - cut), "^".repeat(width))
    }
}

/// A line of a file as it may be shown: control characters replaced, and what stands where provider keys stand hidden.
pub(crate) fn presentable(line: &str) -> String {
    let mut shown: String = line.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    for key in ["value:", "credentials:"] {
        let Some((before, after)) = shown.split_once(key) else { continue };
        let written = after.trim_start().trim_start_matches(['"', '\'']);
        let is_open = written.is_empty()
            || written.starts_with(['{', '#'])
            || written.starts_with("${") && !written.contains(":-")
            || written.starts_with("passthrough")
            || written.starts_with("none");
        if !is_open {
            shown = format!("{before}{key} <hidden>");
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_key_in_the_clear_is_never_shown() {
        for (line, shown) in [
            ("    value: sk-abc", "    value: <hidden>"),
            ("    credentials: {value: \"sk-abc\", header: x}", "    credentials: {value: <hidden>"),
            ("    credentials: sk-abc", "    credentials: <hidden>"),
            ("    value: ${env:KEY:-sk-abc}", "    value: <hidden>"),
            ("    value: ${env:KEY}", "    value: ${env:KEY}"),
            ("    credentials: {value: ${env:KEY}}", "    credentials: {value: ${env:KEY}}"),
            ("    credentials: passthrough", "    credentials: passthrough"),
        ] {
            assert_eq!(presentable(line), shown);
        }
    }
}
