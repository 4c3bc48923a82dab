//! Reading a trail: entry by entry, the chain checked on the way.

use std::path::Path;

use crate::error::AuditError;
use crate::fault::{Fault, Place};
use crate::line::{self, Line};
use crate::merkle::Tree;
use crate::scan::{Scanner, Step, Stop};
use crate::segment::segments;

/// The entries of a trail from `from_seq` on. Segments wholly below it are not read, and the first line that is read is
/// taken at its word about the line before it; signatures are for [`verify`](crate::verify). A trail may be read while
/// it is written: the entries end with the last whole line.
///
/// # Errors
/// [`AuditError::File`] where the folder cannot be read. The iterator gives an error once, and ends.
pub fn lines(folder: &Path, from_seq: u64) -> Result<Lines, AuditError> {
    let segments = segments(folder)?;
    let begin = segments.iter().rposition(|segment| segment.first_seq <= from_seq.max(1)).unwrap_or(0);
    let is_whole = segments.get(begin).is_none_or(|segment| segment.first_seq == 1);
    if let Some(first) = segments.first().filter(|first| first.first_seq > from_seq.max(1)) {
        return Err(Fault::Missing { seq: from_seq.max(1), next: first.first_seq }.into());
    }
    let head = is_whole.then_some(line::GENESIS);
    Ok(Lines { scanner: Some(Scanner::new(segments.into_iter().skip(begin), head).overlooking_surplus()), from_seq })
}

/// The entries of a trail, oldest first.
pub struct Lines {
    scanner: Option<Scanner>,
    from_seq: u64,
}

impl Iterator for Lines {
    type Item = Result<Line, AuditError>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.read();
        if !matches!(read, Ok(Some(_))) {
            self.scanner = None;
        }
        read.transpose()
    }
}

impl Lines {
    fn read(&mut self) -> Result<Option<Line>, AuditError> {
        let Some(scanner) = &mut self.scanner else { return Ok(None) };
        loop {
            match scanner.step() {
                Ok(Step::Record(record)) if record.seq < self.from_seq => {}
                Ok(Step::Record(_)) => return parse(scanner).map(Some),
                Ok(Step::End(_)) => return Ok(None),
                Err(Stop::Error(error)) => return Err(error),
                Err(Stop::Break(broken)) => return Err(broken.blame(&Tree::new(), 0, None).into()),
            }
        }
    }
}

/// Parses the record that the scanner passed last.
pub(crate) fn parse(scanner: &Scanner) -> Result<Line, AuditError> {
    line::parse(scanner.last_line()).map_err(|why| {
        let nowhere = || Place { file: std::path::PathBuf::new(), line: 0, offset: 0, seq: scanner.next_seq() };
        Fault::Malformed { place: scanner.last_place().unwrap_or_else(nowhere), why }.into()
    })
}
