//! What is found when a trail is opened: verified as far as the newest checkpoint does not vouch for it, a torn end cut.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use types::UnixMs;
use types::entry::Torn;

use super::options::TrailOptions;
use super::writer::Standing;
use crate::checkpoint::PublicKey;
use crate::error::{AuditError, failed};
use crate::examine::{Examiner, Mark, Marks, own_marks};
use crate::fault::Fault;
use crate::files::{self, Sync};
use crate::frontier::Frontier;
use crate::hex;
use crate::line::{self, GENESIS, Line};
use crate::merkle::Tree;
use crate::read;
use crate::scan::{End, Scanner};
use crate::segment::{Segment, segments};
use crate::signer::Signer;
use crate::verify::{public_key_path, published_key};

/// What was found.
pub(crate) struct Found {
    pub(crate) standing: Standing,
    /// The newest segment, how many bytes of it are entries, and when it began.
    pub(crate) newest: Option<(Segment, u64, UnixMs)>,
    pub(crate) last_at_ms: Option<UnixMs>,
    /// What was cut off, in the order of cutting.
    pub(crate) torn: Vec<Torn>,
}

/// Looks at the folder of a trail, and mends what a crash may leave.
///
/// # Errors
/// [`AuditError::Broken`] where the trail does not verify.
pub(crate) fn recover(options: &TrailOptions, signer: &dyn Signer, now_ms: UnixMs) -> Result<Found, AuditError> {
    let folder = &options.dir;
    files::make_folder(folder)?;
    let own = own_marks(folder, Some(&signer.public_key()))?;
    let covered_seq = own.iter().map(|mark| mark.checkpoint.size).max().unwrap_or(0);
    let mut torn = Vec::new();
    let (mut examiner, end) = loop {
        match examine(folder, &own, covered_seq) {
            Err(AuditError::Broken(fault)) => match *fault {
                // A failed write that could not be cut at once. The next segment took its place, so nothing is lost.
                Fault::Surplus { place } => torn.push(cut(&place.file, place.offset, None, now_ms)?),
                fault => return Err(fault.into()),
            },
            other => break other?,
        }
    };
    if let Some(place) = end.place.as_ref().filter(|_| end.unfinished_bytes > 0) {
        torn.push(cut(&place.file, place.offset, Some(end.unfinished_bytes), now_ms)?);
    }
    publish(folder, signer)?;
    describe(options, &mut examiner, &end, covered_seq, torn, now_ms)
}

fn describe(
    options: &TrailOptions,
    examiner: &mut Examiner,
    end: &End,
    covered_seq: u64,
    torn: Vec<Torn>,
    now_ms: UnixMs,
) -> Result<Found, AuditError> {
    let last = last_line(options, examiner)?;
    let head = examiner.scanner.head().unwrap_or(GENESIS);
    let standing = Standing { tree: std::mem::take(&mut examiner.tree), head, covered_seq };
    let newest = end.place.as_ref().map(|place| {
        let is_empty = place.line == 1;
        let first = line::parse(examiner.scanner.first_line()).ok().filter(|_| !is_empty);
        let started_ms = first.map_or(now_ms, |line| line.entry.at_ms());
        let first_seq = place.seq - (place.line - 1);
        (Segment { first_seq, path: place.file.clone() }, place.offset, started_ms)
    });
    Ok(Found { standing, newest, last_at_ms: last.map(|line| line.entry.at_ms()), torn })
}

/// The last entry; it must be one of this gateway that this program can read.
fn last_line(options: &TrailOptions, examiner: &Examiner) -> Result<Option<Line>, AuditError> {
    let Some(place) = examiner.scanner.last_place() else { return Ok(None) };
    let line = read::parse(&examiner.scanner)?;
    if line.gateway != options.gateway {
        return Err(Fault::Gateway { place }.into());
    }
    Ok(Some(line))
}

/// Reads what the checkpoint does not spare us: from the newest segment that begins below it. Where that does not lead
/// to the checkpoint, the whole trail is read, which tells what is wrong and where.
fn examine(folder: &Path, own: &[Mark], covered_seq: u64) -> Result<(Examiner, End), AuditError> {
    let segments = segments(folder)?;
    // Signatures were checked already; what lies before the beginning was checked by an earlier start.
    let marks = |begin: u64| {
        let after = own.iter().filter(|mark| mark.checkpoint.size >= begin).cloned().collect();
        Marks::new(folder, None, after)
    };
    if let Some((begin, frontier)) = shortcut(&segments, covered_seq)? {
        let scanner = Scanner::new(segments.iter().skip(begin).cloned(), Some(frontier.head));
        let mut examiner = Examiner::new(scanner, marks(frontier.tree.size()), frontier.tree);
        if let Ok(end) = examiner.run() {
            return Ok((examiner, end));
        }
    }
    if let Some(first) = segments.first().filter(|first| first.first_seq != 1) {
        return Err(Fault::Missing { seq: 1, next: first.first_seq }.into());
    }
    let scanner = Scanner::new(segments, Some(GENESIS));
    let mut examiner = Examiner::new(scanner, marks(0), Tree::new());
    let end = examiner.run()?;
    Ok((examiner, end))
}

/// The newest segment that a checkpoint reaches into, and the tree before it. What stands in the file is proved by the
/// checkpoint's root: the tree by itself, the head by the first line of the segment, which names it.
fn shortcut(segments: &[Segment], covered_seq: u64) -> Result<Option<(usize, Frontier)>, AuditError> {
    for (begin, segment) in segments.iter().enumerate().rev().filter(|(_, segment)| segment.first_seq <= covered_seq) {
        if let Some(frontier) = Frontier::read(segment)? {
            return Ok(Some((begin, frontier)));
        }
    }
    Ok(None)
}

/// Moves the end of a segment to a file of its own: `bytes` of it, or all. The segment is cut here only where all of
/// the rest goes; otherwise whoever writes on cuts it.
fn cut(path: &Path, offset: u64, bytes: Option<u64>, now_ms: UnixMs) -> Result<Torn, AuditError> {
    let mut segment = OpenOptions::new().read(true).write(true).open(path).map_err(failed("cut", path))?;
    segment.seek(SeekFrom::Start(offset)).map_err(failed("read", path))?;
    let (target, mut file) = new_torn_file(path)?;
    let (mut hash, mut copied) = (Sha256::new(), 0);
    let mut rest = (&mut segment).take(bytes.unwrap_or(u64::MAX));
    let mut chunk = [0; 16 << 10];
    loop {
        let count = rest.read(&mut chunk).map_err(failed("read", path))?;
        let Some(read) = chunk.get(..count).filter(|read| !read.is_empty()) else { break };
        hash.update(read);
        copied += count as u64;
        file.write_all(read).map_err(failed("write", &target))?;
    }
    file.sync_all().map_err(failed("sync", &target))?;
    files::sync_folder_of(&target)?;
    // Only now: what was cut is safe elsewhere.
    segment.set_len(offset).and_then(|()| segment.sync_data()).map_err(failed("cut", path))?;
    let file = target.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    Ok(Torn { at_ms: now_ms, bytes: copied, file, sha256: hex::text(&hash.finalize().into()) })
}

/// `<segment>.torn`, or where that is taken, `<segment>.2.torn` and so on.
fn new_torn_file(segment: &Path) -> Result<(PathBuf, File), AuditError> {
    let endings = std::iter::once("torn".to_owned()).chain((2_u32..).map(|count| format!("{count}.torn")));
    for ending in endings {
        let path = files::beside(segment, &ending);
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed("write", &path)(error)),
        }
    }
    Err(failed("write", segment)(std::io::ErrorKind::AlreadyExists.into()))
}

/// Writes the public key beside the folder, for `verify` and for whoever keeps a copy elsewhere.
fn publish(folder: &Path, signer: &dyn Signer) -> Result<(), AuditError> {
    let key = PublicKey { name: signer.name().to_owned(), bytes: signer.public_key() };
    if published_key(folder).ok().flatten().as_ref() == Some(&key) {
        return Ok(());
    }
    files::replace(&public_key_path(folder), format!("{key}\n").as_bytes(), Sync::Now)
}
