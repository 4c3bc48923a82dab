//! Entries for others: as they stand, or each with the proof that a signed checkpoint covers it.

use std::io::{self, BufRead, Write};
use std::ops::RangeInclusive;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::checkpoint::Checkpoint;
use crate::error::{AuditError, failed};
use crate::hex;
use crate::history::newest_checkpoint;
use crate::line::{self, GENESIS, LINE_BYTES_MAX, Line};
use crate::merkle::{self, Hash, Nodes};
use crate::scan::{Record, Scanner, Step, Stop};
use crate::segment::segments;

/// Proofs for so many entries are made at once: each takes some hundred bytes of memory.
pub const PROOFS_MAX: u64 = 100_000;
/// Line and proof of one entry, as text, are not longer.
const RECORD_BYTES_MAX: u64 = 4 * LINE_BYTES_MAX as u64;

/// What the first line of an export with proofs holds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    checkpoint: String,
}

/// What every further line holds: the line of the trail, and the way from it to the root, leaf side first.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Proved {
    line: String,
    proof: Vec<String>,
}

/// Writes the entries of a range, one a line; a range may end beyond the last entry. With `proofs` the first line is
/// `{"checkpoint":"<signed note>"}` and every other one `{"line":"…","proof":["<hex>",…]}`: what [`read_export`] checks
/// with nothing but the public key; entries that no checkpoint covers yet are left out then.
///
/// # Errors
/// [`AuditError::Range`] where no entry of the range is there, [`AuditError::TooMany`], [`AuditError::Broken`],
/// [`AuditError::File`].
pub fn export(
    folder: &Path,
    range: RangeInclusive<u64>,
    proofs: bool,
    writer: &mut dyn Write,
) -> Result<(), AuditError> {
    let (nodes, range) = if proofs {
        let (nodes, range) = prove(folder, &range, writer)?;
        (Some(nodes), range)
    } else {
        (None, range)
    };
    let (mut count, mut last) = (0_u64, 0);
    let result = walk(folder, |record, line| {
        last = record.seq;
        if range.contains(&record.seq) {
            count += 1;
            write_record(writer, line, nodes.as_ref().and_then(|nodes| nodes.inclusion(record.seq - 1)))?;
        }
        Ok(record.seq < *range.end())
    });
    match result {
        Err(Walk::Writer(source)) => return Err(unwritten(source)),
        Err(Walk::Trail(error)) => return Err(error),
        Ok(()) if count == 0 => return Err(AuditError::Range { from: *range.start(), to: *range.end(), last }),
        Ok(()) => {}
    }
    writer.flush().map_err(unwritten)
}

fn unwritten(source: io::Error) -> AuditError {
    failed("write", Path::new("the export"))(source)
}

/// Writes the head of an export with proofs, and gathers what its proofs need; gives the range that is covered.
fn prove(
    folder: &Path,
    range: &RangeInclusive<u64>,
    writer: &mut dyn Write,
) -> Result<(Nodes, RangeInclusive<u64>), AuditError> {
    let checkpoint = newest_checkpoint(folder)?;
    let last = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.size);
    let (from, to) = ((*range.start()).max(1), (*range.end()).min(last));
    let Some(checkpoint) = checkpoint.filter(|_| from <= to) else {
        return Err(AuditError::Range { from: *range.start(), to: *range.end(), last });
    };
    let entries = to - from + 1;
    if entries > PROOFS_MAX {
        return Err(AuditError::TooMany { entries, entries_max: PROOFS_MAX });
    }
    let nodes = gather(folder, from - 1..=to - 1, checkpoint.size)?;
    let head = serde_json::to_string(&Head { checkpoint: checkpoint.to_string() }).unwrap_or_default();
    writeln!(writer, "{head}").map_err(unwritten)?;
    Ok((nodes, from..=to))
}

fn write_record(writer: &mut dyn Write, line: &[u8], proof: Option<Vec<Hash>>) -> io::Result<()> {
    match proof {
        None => writer.write_all(line)?,
        Some(proof) => {
            let line = String::from_utf8_lossy(line).into_owned();
            let proved = Proved { line, proof: proof.iter().map(hex::text).collect() };
            writer.write_all(&serde_json::to_vec(&proved)?)?;
        }
    }
    writer.write_all(b"\n")
}

/// The proof that a trail of `new_size` entries begins with the `old_size` entries of an older checkpoint.
///
/// # Errors
/// [`AuditError::Range`] for an old size of 0 and for sizes that the trail does not have; [`AuditError::Broken`],
/// [`AuditError::File`].
pub fn consistency(folder: &Path, old_size: u64, new_size: u64) -> Result<Vec<Hash>, AuditError> {
    let out_of_range = |last| AuditError::Range { from: old_size, to: new_size, last };
    if old_size == 0 || old_size > new_size {
        return Err(out_of_range(new_size));
    }
    let nodes = gather(folder, old_size - 1..=old_size - 1, new_size)?;
    nodes.consistency(old_size).ok_or_else(|| out_of_range(nodes.tree().size()))
}

/// The proof that entry `seq` stands in the tree of the first `size` entries.
///
/// # Errors
/// [`AuditError::Range`] where there is no such entry or size; [`AuditError::Broken`], [`AuditError::File`].
pub fn inclusion(folder: &Path, seq: u64, size: u64) -> Result<Vec<Hash>, AuditError> {
    let out_of_range = |last| AuditError::Range { from: seq, to: size, last };
    let index = seq.checked_sub(1).filter(|_| seq <= size).ok_or_else(|| out_of_range(size))?;
    let nodes = gather(folder, index..=index, size)?;
    nodes.inclusion(index).ok_or_else(|| out_of_range(nodes.tree().size()))
}

/// Passes the first `size` leaves by.
fn gather(folder: &Path, wanted: RangeInclusive<u64>, size: u64) -> Result<Nodes, AuditError> {
    let mut nodes = Nodes::about(wanted);
    let result = walk(folder, |record, _| {
        nodes.push(record.hash);
        Ok(record.seq < size)
    });
    match result {
        Err(Walk::Trail(error)) => return Err(error),
        Err(Walk::Writer(_)) | Ok(()) => {}
    }
    let last = nodes.tree().size();
    if last == size { Ok(nodes) } else { Err(AuditError::Range { from: size, to: size, last }) }
}

enum Walk {
    Trail(AuditError),
    Writer(io::Error),
}

/// Shows the lines of a trail from the first on, until `each` says that it has seen enough.
fn walk(folder: &Path, mut each: impl FnMut(Record, &[u8]) -> io::Result<bool>) -> Result<(), Walk> {
    let mut scanner = Scanner::new(segments(folder).map_err(Walk::Trail)?, Some(GENESIS)).overlooking_surplus();
    loop {
        match scanner.step() {
            Ok(Step::Record(record)) => {
                if !each(record, scanner.last_line()).map_err(Walk::Writer)? {
                    return Ok(());
                }
            }
            Ok(Step::End(_)) => return Ok(()),
            Err(Stop::Error(error)) => return Err(Walk::Trail(error)),
            Err(Stop::Break(broken)) => return Err(Walk::Trail(broken.blame(&merkle::Tree::new(), 0, None).into())),
        }
    }
}

/// Reads an export with proofs and checks it: the checkpoint's signature, and that each entry stands in its tree.
///
/// # Errors
/// [`AuditError::Export`] with the first line that proves nothing; [`AuditError::File`] where it cannot be read.
pub fn read_export(reader: &mut dyn BufRead, key: &[u8; 32]) -> Result<(Checkpoint, Vec<Line>), AuditError> {
    let refused = |line| move || AuditError::Export { line };
    let head: Head = read_record(reader)?.ok_or_else(refused(1))?;
    let checkpoint: Checkpoint = head.checkpoint.parse().map_err(|_| AuditError::Export { line: 1 })?;
    checkpoint.verify(key).map_err(|_| AuditError::Export { line: 1 })?;
    let mut lines = Vec::new();
    while let Some(proved) = read_record::<Proved>(reader).map_err(|error| at(error, lines.len()))? {
        let refused = refused(lines.len() as u64 + 2);
        if lines.len() as u64 >= PROOFS_MAX {
            return Err(refused());
        }
        lines.push(check(&proved, &checkpoint).ok_or_else(refused)?);
    }
    Ok((checkpoint, lines))
}

fn check(proved: &Proved, checkpoint: &Checkpoint) -> Option<Line> {
    let line = line::parse(proved.line.as_bytes()).ok()?;
    let proof: Vec<Hash> = proved.proof.iter().map(|hash| hex::decode(hash.as_bytes())).collect::<Option<_>>()?;
    let index = line.seq.checked_sub(1)?;
    merkle::verify_inclusion(index, checkpoint.size, &line.hash, &proof, &checkpoint.root).ok()?;
    Some(line)
}

/// The next record of an export; `None` at its end.
fn read_record<T: for<'de> Deserialize<'de>>(reader: &mut dyn BufRead) -> Result<Option<T>, AuditError> {
    let mut record = Vec::new();
    let mut limited = io::Read::take(reader, RECORD_BYTES_MAX);
    limited.read_until(b'\n', &mut record).map_err(failed("read", Path::new("the export")))?;
    if record.is_empty() {
        return Ok(None);
    }
    serde_json::from_slice(&record).map(Some).map_err(|_| AuditError::Export { line: 1 })
}

/// The error of a record, at its place.
fn at(error: AuditError, lines_before: usize) -> AuditError {
    match error {
        AuditError::Export { .. } => AuditError::Export { line: lines_before as u64 + 2 },
        other => other,
    }
}
