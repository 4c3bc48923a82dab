//! Walks over the lines of a trail, segment by segment, and checks that they form one chain.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use crate::checkpoint::Checkpoint;
use crate::error::{AuditError, failed};
use crate::fault::{Fault, Place};
use crate::line::{LINE_BYTES_MAX, LineError, Link, with_prev};
use crate::merkle::{Hash, Tree, leaf_hash};
use crate::segment::Segment;

const READ_BYTES: usize = 256 << 10;

/// A record that fits the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) seq: u64,
    pub(crate) hash: Hash,
}

/// Where the trail ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// The place of the next record; `None` where there is no segment.
    pub(crate) place: Option<Place>,
    /// How many bytes of a record, or of several, stand there that were not written whole.
    pub(crate) unfinished_bytes: u64,
}

/// What stands next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Record(Record),
    End(End),
}

/// Why the walk cannot go on.
#[derive(Debug)]
pub(crate) enum Stop {
    Error(AuditError),
    /// Two neighbours do not fit. Which of them was altered is for [`Break::blame`] to say.
    Break(Box<Break>),
}

impl From<AuditError> for Stop {
    fn from(error: AuditError) -> Self {
        Self::Error(error)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Error(fault.into())
    }
}

/// A record whose `prev` is not the hash of the record before it.
#[derive(Debug)]
pub(crate) struct Break {
    previous: Option<Place>,
    here: Place,
    /// The hash that this record would have with the `prev` that fits.
    repaired: Option<Hash>,
    /// Whether the record after it names this one as it stands; `None` where there is none.
    is_known_to_next: Option<bool>,
}

impl Break {
    /// Says which of the two was altered. The record after them is the witness, or a checkpoint where there is none;
    /// `tree` is that of all records before this one, and entries up to `vouched` are vouched for by a checkpoint.
    pub(crate) fn blame(self, tree: &Tree, vouched: u64, checkpoint: Option<&Checkpoint>) -> Fault {
        let Some(previous) = self.previous.filter(|previous| previous.seq > vouched) else {
            return Fault::Altered { place: self.here };
        };
        let is_here = self.is_known_to_next.map_or_else(
            || {
                let mut tree = tree.clone();
                tree.push(self.repaired.unwrap_or_default());
                checkpoint.is_some_and(|checkpoint| checkpoint.size == tree.size() && checkpoint.root == tree.root())
            },
            |is_known| !is_known,
        );
        Fault::Altered { place: if is_here { self.here } else { previous } }
    }
}

/// The walk.
pub(crate) struct Scanner {
    waiting: VecDeque<Segment>,
    current: Option<Current>,
    /// The hash that the next record must name; `None` where the walk begins in the middle and takes its word.
    head: Option<Hash>,
    next_seq: u64,
    line: Vec<u8>,
    last_line: Vec<u8>,
    first_line: Vec<u8>,
    last: Option<Spot>,
    /// Whether bytes under the next segment are a fault. They are no part of the trail.
    is_strict: bool,
}

struct Current {
    file: Arc<Path>,
    reader: BufReader<File>,
    lines: u64,
    offset: u64,
}

#[derive(Clone)]
struct Spot {
    file: Arc<Path>,
    line: u64,
    offset: u64,
    seq: u64,
}

impl Spot {
    fn place(&self) -> Place {
        Place { file: self.file.to_path_buf(), line: self.line, offset: self.offset, seq: self.seq }
    }
}

enum Raw {
    Line,
    End(End),
}

impl Scanner {
    /// Begins with the first of these segments; `head` is the hash of the record before it, where that is known.
    pub(crate) fn new(segments: impl IntoIterator<Item = Segment>, head: Option<Hash>) -> Self {
        let waiting: VecDeque<Segment> = segments.into_iter().collect();
        let next_seq = waiting.front().map_or(1, |segment| segment.first_seq);
        let (line, last_line, first_line) = (Vec::new(), Vec::new(), Vec::new());
        Self { waiting, current: None, head, next_seq, line, last_line, first_line, last: None, is_strict: true }
    }

    /// Passes over the rest of a failed write: for those who read, and leave verifying to others.
    pub(crate) fn overlooking_surplus(mut self) -> Self {
        self.is_strict = false;
        self
    }

    /// The last record, without its LF; empty before the first.
    pub(crate) fn last_line(&self) -> &[u8] {
        &self.last_line
    }

    /// The first record of the newest segment that has one.
    pub(crate) fn first_line(&self) -> &[u8] {
        &self.first_line
    }

    /// The place of the last record.
    pub(crate) fn last_place(&self) -> Option<Place> {
        self.last.as_ref().map(Spot::place)
    }

    /// The number of the record that comes next.
    pub(crate) const fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// The hash of the last record, or what the walk began with.
    pub(crate) const fn head(&self) -> Option<Hash> {
        self.head
    }

    /// Goes on to the next record.
    pub(crate) fn step(&mut self) -> Result<Step, Stop> {
        if let Raw::End(end) = self.read_raw()? {
            return Ok(Step::End(end));
        }
        let spot = self.spot();
        let Some(link) = Link::parse(&self.line) else {
            return Err(Fault::Malformed { place: spot.place(), why: LineError::Envelope }.into());
        };
        if link.seq != self.next_seq {
            return Err(Fault::Sequence { place: spot.place(), found: link.seq }.into());
        }
        let hash = leaf_hash(&self.line);
        if let Some(head) = self.head.filter(|head| *head != link.prev) {
            return Err(Stop::Break(Box::new(self.broken(spot, &head, &hash))));
        }
        if spot.line == 1 {
            self.first_line.clone_from(&self.line);
        }
        self.pass(&spot);
        self.last = Some(spot);
        self.head = Some(hash);
        self.next_seq += 1;
        std::mem::swap(&mut self.line, &mut self.last_line);
        Ok(Step::Record(Record { seq: link.seq, hash }))
    }

    /// Gathers what the record after this one can tell.
    fn broken(&mut self, here: Spot, head: &Hash, hash: &Hash) -> Break {
        let repaired = with_prev(&self.line, head).map(|line| leaf_hash(&line));
        self.pass(&here);
        self.next_seq += 1;
        let next = self.read_raw().ok().filter(|raw| matches!(raw, Raw::Line)).and_then(|_| Link::parse(&self.line));
        let previous = self.last.as_ref().map(Spot::place);
        Break { previous, here: here.place(), repaired, is_known_to_next: next.map(|next| next.prev == *hash) }
    }

    /// The place of the record in `self.line`.
    fn spot(&self) -> Spot {
        let (file, line, offset) = self.current.as_ref().map_or_else(
            || (Arc::from(Path::new("")), 0, 0),
            |current| (Arc::clone(&current.file), current.lines + 1, current.offset),
        );
        Spot { file, line, offset, seq: self.next_seq }
    }

    fn pass(&mut self, spot: &Spot) {
        if let Some(current) = &mut self.current {
            current.lines = spot.line;
            current.offset = spot.offset + self.line.len() as u64 + 1;
        }
    }

    /// Reads the next line into `self.line`, without its LF.
    fn read_raw(&mut self) -> Result<Raw, Stop> {
        loop {
            let is_complete = self.waiting.front().is_some_and(|next| next.first_seq == self.next_seq);
            if is_complete || self.current.is_none() {
                if !self.open_next()? {
                    return Ok(Raw::End(End { place: None, unfinished_bytes: 0 }));
                }
                continue;
            }
            if self.read_line()? {
                return Ok(Raw::Line);
            }
            let end = End { place: Some(self.spot().place()), unfinished_bytes: self.rest()? };
            let Some(next) = self.waiting.front() else { return Ok(Raw::End(end)) };
            if end.unfinished_bytes > 0 {
                return Err(Fault::Unfinished { place: self.spot().place() }.into());
            }
            return Err(Fault::Missing { seq: self.next_seq, next: next.first_seq }.into());
        }
    }

    /// Leaves the current segment, which must hold nothing more, and opens the next one; false where there is none.
    fn open_next(&mut self) -> Result<bool, Stop> {
        self.line.clear();
        if self.is_strict && self.current.is_some() && self.rest()? > 0 {
            return Err(Fault::Surplus { place: self.spot().place() }.into());
        }
        let Some(segment) = self.waiting.pop_front() else { return Ok(false) };
        if segment.first_seq != self.next_seq {
            return Err(Fault::Missing { seq: self.next_seq, next: segment.first_seq }.into());
        }
        let file = File::open(&segment.path).map_err(failed("read", &segment.path))?;
        let reader = BufReader::with_capacity(READ_BYTES, file);
        self.current = Some(Current { file: segment.path.into(), reader, lines: 0, offset: 0 });
        Ok(true)
    }

    /// Reads up to the next LF; false where the log of this segment ends before it: at the end of the file, or at a NUL.
    fn read_line(&mut self) -> Result<bool, Stop> {
        self.line.clear();
        let Some(current) = &mut self.current else { return Ok(false) };
        let mut limited = (&mut current.reader).take(LINE_BYTES_MAX as u64 + 1);
        limited.read_until(b'\n', &mut self.line).map_err(failed("read", &current.file))?;
        if self.line.contains(&0) {
            return Ok(false);
        }
        if self.line.len() > LINE_BYTES_MAX {
            return Err(Fault::Malformed { place: self.spot().place(), why: LineError::Envelope }.into());
        }
        let is_whole = self.line.pop_if(|last| *last == b'\n').is_some();
        Ok(is_whole)
    }

    /// How many bytes stand from here to the last one that is not NUL, those in `self.line` included.
    fn rest(&mut self) -> Result<u64, Stop> {
        let Some(current) = &mut self.current else { return Ok(0) };
        let mut rest = meaningful(&self.line);
        let mut passed = self.line.len() as u64;
        loop {
            let bytes = current.reader.fill_buf().map_err(failed("read", &current.file))?;
            let count = bytes.len();
            if count == 0 {
                return Ok(rest);
            }
            let found = meaningful(bytes);
            rest = if found > 0 { passed + found } else { rest };
            passed += count as u64;
            current.reader.consume(count);
        }
    }
}

/// How many bytes there are without the NULs at the end.
fn meaningful(bytes: &[u8]) -> u64 {
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at as u64 + 1)
}
