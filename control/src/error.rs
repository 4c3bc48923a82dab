//! What can go wrong on the operator's plane.

use std::fmt;
use std::path::PathBuf;

/// A failure of the operator's plane or of its client.
#[derive(Debug)]
#[non_exhaustive]
pub enum ControlError {
    /// The socket or listener cannot be made.
    Listen {
        /// The address or path.
        at: String,
        /// Why.
        source: std::io::Error,
    },
    /// No owner answers on the socket.
    NoOwner {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The owner's answer cannot be read.
    Answer {
        /// What was asked.
        path: String,
        /// Why.
        detail: String,
    },
    /// The owner refused.
    Refused {
        /// Why, in one sentence.
        message: String,
    },
}

impl fmt::Display for ControlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen { at, source } => write!(f, "cannot listen on {at}: {source}"),
            Self::NoOwner { path, source } => write!(f, "no gateway answers on {}: {source}", path.display()),
            Self::Answer { path, detail } => write!(f, "the gateway's answer to {path} cannot be read: {detail}"),
            Self::Refused { message } => f.write_str(message),
        }
    }
}

impl std::error::Error for ControlError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Listen { source, .. } | Self::NoOwner { source, .. } => Some(source),
            Self::Answer { .. } | Self::Refused { .. } => None,
        }
    }
}
