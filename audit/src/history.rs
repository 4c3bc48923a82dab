//! The checkpoint files of a trail: `checkpoint` is the newest, `checkpoints` has all of them with an empty line after
//! each.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::checkpoint::{CHECKPOINT_BYTES_MAX, Checkpoint, CheckpointError};
use crate::error::{AuditError, failed};
use crate::fault::Fault;
use crate::files::{self, Sync};

const NEWEST: &str = "checkpoint";
const ALL: &str = "checkpoints";
/// The last note is looked for in so much of the end of the file.
const TAIL_BYTES: u64 = 4 * CHECKPOINT_BYTES_MAX as u64;
const SIGNATURE: &[u8] = "\u{2014} ".as_bytes();

/// The newest checkpoint of a trail; `None` where none was made yet. Its signature is not checked.
///
/// # Errors
/// [`AuditError::File`], and [`AuditError::Broken`] where a file holds no checkpoint.
pub fn newest_checkpoint(folder: &Path) -> Result<Option<Checkpoint>, AuditError> {
    Ok(newest_of_each(folder)?.into_iter().map(|(checkpoint, _)| checkpoint).max_by_key(|checkpoint| checkpoint.size))
}

/// The newest checkpoint that each of the two files knows. They differ after a power cut, or where somebody wants us to
/// forget.
pub(crate) fn newest_of_each(folder: &Path) -> Result<Vec<(Checkpoint, PathBuf)>, AuditError> {
    let (newest, all) = (folder.join(NEWEST), folder.join(ALL));
    let mut found = Vec::new();
    // An empty file is what a power cut may leave of one that was just replaced; the other file knows more then.
    if let Some(bytes) = files::read(&newest)?.filter(|bytes| !bytes.is_empty()) {
        found.push((parse(&bytes, &newest)?, newest));
    }
    found.extend(Tail::read(&all)?.last.map(|checkpoint| (checkpoint, all)));
    Ok(found)
}

fn parse(bytes: &[u8], path: &Path) -> Result<Checkpoint, AuditError> {
    let note = str::from_utf8(bytes).ok().and_then(|note| note.parse().ok());
    note.ok_or_else(|| malformed(path))
}

fn malformed(path: &Path) -> AuditError {
    Fault::Checkpoint { file: path.to_path_buf(), why: CheckpointError::Malformed }.into()
}

/// All checkpoints of a trail, oldest first. Signatures are not checked. A last one that breaks off is passed over: its
/// writing was cut off.
///
/// # Errors
/// [`AuditError::File`]; the iterator gives [`AuditError::Broken`] once, and ends, where the file holds something else.
pub fn checkpoints(folder: &Path) -> Result<Checkpoints, AuditError> {
    let path = folder.join(ALL);
    let reader = match File::open(&path) {
        Ok(file) => Some(BufReader::new(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(failed("read", &path)(error)),
    };
    Ok(Checkpoints { path, reader })
}

/// The checkpoints of a trail, oldest first.
#[derive(Debug)]
pub struct Checkpoints {
    path: PathBuf,
    reader: Option<BufReader<File>>,
}

impl Iterator for Checkpoints {
    type Item = Result<Checkpoint, AuditError>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.read();
        if !matches!(read, Ok(Some(_))) {
            self.reader = None;
        }
        read.transpose()
    }
}

impl Checkpoints {
    fn read(&mut self) -> Result<Option<Checkpoint>, AuditError> {
        let Some(reader) = &mut self.reader else { return Ok(None) };
        let mut note = Vec::new();
        let mut empty_lines = 0;
        while empty_lines < 2 {
            let begin = note.len();
            let room = (CHECKPOINT_BYTES_MAX + 1).saturating_sub(begin) as u64;
            let count = reader.take(room).read_until(b'\n', &mut note).map_err(failed("read", &self.path))?;
            if note.len() > CHECKPOINT_BYTES_MAX {
                return Err(malformed(&self.path));
            }
            if count == 0 || !note.ends_with(b"\n") {
                return Ok(None);
            }
            empty_lines += usize::from(count == 1);
        }
        note.pop();
        parse(&note, &self.path).map(Some)
    }
}

/// The end of the file of all checkpoints.
struct Tail {
    /// How much of the file is whole notes.
    whole_len: u64,
    last: Option<Checkpoint>,
}

impl Tail {
    fn read(path: &Path) -> Result<Self, AuditError> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self { whole_len: 0, last: None }),
            Err(error) => return Err(failed("read", path)(error)),
        };
        let len = file.metadata().map_err(failed("read", path))?.len();
        let begin = len.saturating_sub(TAIL_BYTES);
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(begin))
            .and_then(|_| file.take(TAIL_BYTES).read_to_end(&mut bytes))
            .map_err(failed("read", path))?;
        match last_note(&bytes) {
            Some((note, end)) => Ok(Self {
                whole_len: begin + end as u64,
                last: Some(parse(bytes.get(note).unwrap_or_default(), path)?),
            }),
            None if begin == 0 => Ok(Self { whole_len: 0, last: None }),
            None => Err(malformed(path)),
        }
    }
}

/// Where the last whole note stands, without the empty line after it; and where the bytes after that line begin.
fn last_note(bytes: &[u8]) -> Option<(std::ops::Range<usize>, usize)> {
    let mut end = bytes.len();
    loop {
        let after_signatures = empty_line(bytes, end)?;
        let after_text = empty_line(bytes, after_signatures - 1)?;
        if bytes.get(after_text..)?.starts_with(SIGNATURE) {
            let begin = empty_line(bytes, after_text - 1).unwrap_or(0);
            return Some((begin..after_signatures - 1, after_signatures));
        }
        end = after_signatures - 1;
    }
}

/// Where the bytes after the last empty line before `end` begin.
fn empty_line(bytes: &[u8], end: usize) -> Option<usize> {
    bytes.get(..end)?.windows(2).rposition(|pair| pair == b"\n\n").map(|at| at + 2)
}

/// Writes the checkpoint files of one trail.
pub(crate) struct History {
    newest: PathBuf,
    all: PathBuf,
    file: File,
    len: u64,
}

impl History {
    /// Opens the files of a folder, and cuts a last note that breaks off.
    pub(crate) fn open(folder: &Path) -> Result<Self, AuditError> {
        let all = folder.join(ALL);
        let len = Tail::read(&all)?.whole_len;
        let file =
            OpenOptions::new().write(true).create(true).truncate(false).open(&all).map_err(failed("open", &all))?;
        file.set_len(len).map_err(failed("cut", &all))?;
        Ok(Self { newest: folder.join(NEWEST), all, file, len })
    }

    /// Writes a checkpoint to both files.
    ///
    /// Losing the newest ones to a power cut does no harm: they are made again, and what they covered is durable.
    /// Callers that close a file forever ask for `Sync::Now`.
    pub(crate) fn write(&mut self, checkpoint: &Checkpoint, sync: Sync) -> Result<(), AuditError> {
        let note = checkpoint.to_string();
        let bytes = [note.as_bytes(), b"\n"].concat();
        if let Err(error) = self.file.write_all_at(&bytes, self.len) {
            // A part of a note in the middle of the file would be damage; should this fail too, the next note is
            // written over the part.
            let _ = self.file.set_len(self.len);
            return Err(failed("write", &self.all)(error));
        }
        self.len += bytes.len() as u64;
        if sync == Sync::Now {
            self.file.sync_data().map_err(failed("sync", &self.all))?;
        }
        files::replace(&self.newest, note.as_bytes(), sync)
    }
}
