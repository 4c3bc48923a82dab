//! Waiting for something to be so, with a deadline, by looking again and again: never a blind pause.

use std::time::{Duration, Instant};

use crate::error::KitError;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// Looks until `look` answers `Ok`, and gives what it answered. `Err` says what was seen instead.
///
/// # Errors
/// [`KitError::TooLate`] after `limit`, with what was seen last.
pub fn until<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Result<T, String>) -> Result<T, KitError> {
    let begin = Instant::now();
    loop {
        let last = match look() {
            Ok(found) => return Ok(found),
            Err(last) => last,
        };
        if begin.elapsed() >= limit {
            return Err(KitError::TooLate { what: what.to_owned(), limit, last });
        }
        std::thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_becomes_so_is_found_and_what_does_not_is_told() {
        let mut looks = 0;
        let found = until("three looks", Duration::from_secs(60), || {
            looks += 1;
            if looks == 3 { Ok(looks) } else { Err(format!("{looks} looks")) }
        });
        assert_eq!(found.unwrap(), 3);
        let never = until("never", Duration::ZERO, || Err::<(), _>("nothing yet".to_owned()));
        assert!(never.unwrap_err().to_string().contains("nothing yet"));
    }
}
