//! The request as it will be forwarded: read by meters and guards, edited by splices only.

use bytes::Bytes;
use types::{Name, Reason};

use crate::json;

/// A request on its way through the plugins. What stands here when they are done is quoted, judged, hashed and sent.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The method.
    pub method: http::Method,
    /// The judged host, lower case, without port.
    pub host: Name,
    /// The path as sent, from its first slash, without the query.
    pub path: String,
    /// The query without its question mark.
    pub query: Option<String>,
    /// The end-to-end headers of the client; framing and identity are the gateway's.
    pub headers: http::HeaderMap,
    /// The body, decoded: no content encoding is left on it.
    pub body: Bytes,
}

impl Draft {
    /// The body as a strictly scanned JSON document.
    ///
    /// # Errors
    /// [`Reason::AmbiguousBody`] naming line, byte and fault for a body that a second reader could read otherwise.
    pub fn json(&self) -> Result<json::Document<'_>, Reason> {
        Ok(json::Document::scan(&self.body)?)
    }

    /// Replaces byte ranges of the body and scans the result again; on an error the body stays as it was.
    ///
    /// # Errors
    /// [`Reason::AmbiguousBody`] where edits overlap, lie outside, or leave something that is no strict JSON.
    pub fn splice(&mut self, edits: Vec<json::Edit>) -> Result<(), Reason> {
        self.body = json::splice(&self.body, edits)?;
        Ok(())
    }
}
