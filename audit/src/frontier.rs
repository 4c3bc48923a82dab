//! The tree's right edge at the beginning of a segment, kept beside it as `00000000000000000042.tree`, so that a start
//! reads the newest segment only.
//!
//! The file needs no signature: with the entries after it, it must lead to the root of a signed checkpoint.

use std::path::{Path, PathBuf};

use crate::error::AuditError;
use crate::files::{self, Sync};
use crate::hex;
use crate::merkle::{Hash, Tree};
use crate::segment::Segment;

const OPENING: &str = "bursar tree";

/// What is known at the beginning of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frontier {
    /// The tree of all entries before the segment.
    pub(crate) tree: Tree,
    /// The hash of the last of them.
    pub(crate) head: Hash,
}

impl Frontier {
    /// Reads what stands beside a segment; `None` where there is nothing that could be used.
    pub(crate) fn read(segment: &Segment) -> Result<Option<Self>, AuditError> {
        let Some(bytes) = files::read(&path(segment))? else { return Ok(None) };
        let frontier = str::from_utf8(&bytes).ok().and_then(parse);
        Ok(frontier.filter(|frontier| frontier.tree.size() + 1 == segment.first_seq))
    }

    /// Writes it beside a segment.
    pub(crate) fn write(&self, segment: &Segment) -> Result<(), AuditError> {
        let mut text = format!("{OPENING}\n{}\n{}\n", self.tree.size(), hex::text(&self.head));
        for node in self.tree.edge() {
            text.push_str(&hex::text(node));
            text.push('\n');
        }
        files::replace(&path(segment), text.as_bytes(), Sync::Later)
    }
}

fn path(segment: &Segment) -> PathBuf {
    Path::new(&segment.path).with_extension("tree")
}

fn parse(text: &str) -> Option<Frontier> {
    let mut lines = text.strip_suffix('\n')?.split('\n');
    if lines.next() != Some(OPENING) {
        return None;
    }
    let size = lines.next()?.parse().ok()?;
    let head = hex::decode(lines.next()?.as_bytes())?;
    let edge = lines.map(|line| hex::decode(line.as_bytes())).collect::<Option<Vec<_>>>()?;
    Some(Frontier { tree: Tree::from_edge(size, edge)?, head })
}
