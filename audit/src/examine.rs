//! Checks a walk over a trail against its checkpoints: what `verify` and every start have in common.

use std::path::{Path, PathBuf};

use crate::checkpoint::Checkpoint;
use crate::error::AuditError;
use crate::fault::Fault;
use crate::history::{Checkpoints, newest_of_each};
use crate::merkle::{Hash, Tree};
use crate::scan::{End, Record, Scanner, Step, Stop};

/// A checkpoint that the trail is held against.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    pub(crate) checkpoint: Checkpoint,
    /// The file it came from, or the folder of the trail.
    pub(crate) file: PathBuf,
    pub(crate) outside: bool,
}

/// The trail's own newest checkpoints, their signatures checked with `key` where it is known.
pub(crate) fn own_marks(folder: &Path, key: Option<&[u8; 32]>) -> Result<Vec<Mark>, AuditError> {
    newest_of_each(folder)?
        .into_iter()
        .map(|(checkpoint, file)| Mark { checkpoint, file, outside: false }.signed_with(key))
        .collect()
}

impl Mark {
    /// Refuses a mark that was not signed with this key.
    pub(crate) fn signed_with(self, key: Option<&[u8; 32]>) -> Result<Self, AuditError> {
        match key.map(|key| self.checkpoint.verify(key)) {
            Some(Err(why)) => Err(Fault::Checkpoint { file: self.file, why }.into()),
            _ => Ok(self),
        }
    }
}

/// The checkpoints that the trail is held against, in the order of their sizes.
pub(crate) struct Marks {
    /// Ascending; their signatures are checked already.
    fixed: Vec<Mark>,
    history: Option<Checkpoints>,
    pending: Option<Mark>,
    folder: PathBuf,
    key: Option<[u8; 32]>,
    /// The least size of the marks that are left.
    next_size: Option<u64>,
    checked: u64,
}

impl Marks {
    /// The marks of one folder, signed with `key` where it is known; `fixed` ones are trusted to be signed.
    pub(crate) fn new(folder: &Path, key: Option<[u8; 32]>, mut fixed: Vec<Mark>) -> Self {
        fixed.sort_by_key(|mark| std::cmp::Reverse(mark.checkpoint.size));
        let next_size = fixed.last().map(|mark| mark.checkpoint.size);
        Self { fixed, history: None, pending: None, folder: folder.to_path_buf(), key, next_size, checked: 0 }
    }

    /// The same marks and all checkpoints that were ever made.
    pub(crate) fn with_history(mut self, history: Checkpoints) -> Result<Self, AuditError> {
        self.history = Some(history);
        self.advance(0)?;
        Ok(self)
    }

    /// How many checkpoints the trail was held against.
    pub(crate) const fn checked(&self) -> u64 {
        self.checked
    }

    /// The fixed mark of this size that came with the trail.
    fn own(&self, size: u64) -> Option<&Checkpoint> {
        self.fixed.iter().find(|mark| mark.checkpoint.size == size && !mark.outside).map(|mark| &mark.checkpoint)
    }

    /// Takes the next mark of exactly this size.
    fn take(&mut self, size: u64) -> Result<Option<Mark>, AuditError> {
        if self.next_size != Some(size) {
            return Ok(None);
        }
        self.checked += 1;
        if let Some(mark) = self.pending.take_if(|mark| mark.checkpoint.size == size) {
            self.advance(size)?;
            return Ok(Some(mark));
        }
        let mark = self.fixed.pop();
        self.update();
        Ok(mark)
    }

    /// Reads the next checkpoint of the history.
    fn advance(&mut self, size: u64) -> Result<(), AuditError> {
        let file = || self.folder.join("checkpoints");
        self.pending = match self.history.as_mut().and_then(Iterator::next).transpose()? {
            Some(checkpoint) if checkpoint.size < size => return Err(self.not_to_be_relied_on(&checkpoint, &file())),
            Some(checkpoint) => Some(Mark { checkpoint, file: file(), outside: false }),
            None => None,
        };
        self.update();
        Ok(())
    }

    fn update(&mut self) {
        let sizes = self.fixed.last().into_iter().chain(&self.pending).map(|mark| mark.checkpoint.size);
        self.next_size = sizes.min();
    }

    fn not_to_be_relied_on(&self, checkpoint: &Checkpoint, file: &Path) -> AuditError {
        let verified = self.key.map_or(Ok(()), |key| checkpoint.verify(&key));
        let why = verified.err().unwrap_or(crate::checkpoint::CheckpointError::Malformed);
        Fault::Checkpoint { file: file.to_path_buf(), why }.into()
    }

    /// What is left when the trail ends after `last_seq`: a checkpoint that covers more.
    fn beyond(&mut self, next_seq: u64) -> Result<(), AuditError> {
        // Checkpoints that were made while we walked are no contradiction: only those known before count.
        let Some(mark) = self.fixed.pop() else { return Ok(()) };
        Err(Fault::Truncated { seq: next_seq, size: mark.checkpoint.size, outside: mark.outside }.into())
    }
}

/// What an examination has seen so far.
pub(crate) struct Examiner {
    pub(crate) scanner: Scanner,
    pub(crate) marks: Marks,
    pub(crate) tree: Tree,
    /// Entries up to this one are vouched for by a checkpoint.
    pub(crate) vouched: u64,
}

impl Examiner {
    /// Begins where `tree` ends.
    pub(crate) fn new(scanner: Scanner, marks: Marks, tree: Tree) -> Self {
        Self { scanner, marks, tree, vouched: 0 }
    }

    /// Walks to the end.
    ///
    /// # Errors
    /// [`AuditError::Broken`] with the first bad record.
    pub(crate) fn run(&mut self) -> Result<End, AuditError> {
        self.hold_against_marks()?;
        loop {
            match self.scanner.step() {
                Ok(Step::Record(Record { hash, .. })) => self.record(hash)?,
                Ok(Step::End(end)) => return self.end(end),
                Err(Stop::Error(error)) => return Err(error),
                Err(Stop::Break(broken)) => {
                    let checkpoint = self.marks.own(self.tree.size() + 1);
                    return Err(broken.blame(&self.tree, self.vouched, checkpoint).into());
                }
            }
        }
    }

    fn record(&mut self, hash: Hash) -> Result<(), AuditError> {
        self.tree.push(hash);
        self.hold_against_marks()
    }

    fn hold_against_marks(&mut self) -> Result<(), AuditError> {
        while let Some(mark) = self.marks.take(self.tree.size())? {
            if mark.checkpoint.root == self.tree.root() {
                self.vouched = self.tree.size();
                continue;
            }
            return Err(self.contradiction(&mark));
        }
        Ok(())
    }

    /// A checkpoint with another root: a signed one shows that the trail was altered, an unsigned one was altered itself.
    fn contradiction(&self, mark: &Mark) -> AuditError {
        if let Some(Err(why)) = self.marks.key.map(|key| mark.checkpoint.verify(&key)) {
            return Fault::Checkpoint { file: mark.file.clone(), why }.into();
        }
        let Some(place) = self.scanner.last_place() else {
            return self.marks.not_to_be_relied_on(&mark.checkpoint, &mark.file);
        };
        // Against a checkpoint from outside, the trail's own ones vouch for nothing.
        let since = if mark.outside { 1 } else { self.vouched + 1 };
        Fault::Root { place, since, outside: mark.outside }.into()
    }

    fn end(&mut self, end: End) -> Result<End, AuditError> {
        let is_covered = self.marks.fixed.last().is_some_and(|mark| !mark.outside);
        match &end.place {
            // A checkpoint covers what was not written whole: so it was whole once.
            Some(place) if end.unfinished_bytes > 0 && is_covered => {
                Err(Fault::Unfinished { place: place.clone() }.into())
            }
            _ => self.marks.beyond(self.scanner.next_seq()).map(|()| end),
        }
    }
}
