//! Days and times of day in UTC, as price files write them.

use types::UnixMs;

const DAY_MS: u64 = 86_400_000;
const MINUTE_MS: u64 = 60_000;

/// Midnight of a day `2027-01-01`, in Unix time. `None`: no such day, or one before 1970.
pub(super) fn day_ms(text: &str) -> Option<UnixMs> {
    let (year, rest) = text.split_once('-')?;
    let (month, day) = rest.split_once('-')?;
    let (year, month, day) = (digits(year, 4)?, digits(month, 2)?, digits(day, 2)?);
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let days = match month {
        2 => 28 + u64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days).contains(&day) || year < 1970 {
        return None;
    }
    // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil: years begin in March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some((era * 146_097 + day_of_era - 719_468) * DAY_MS)
}

/// The minute of the day of `16:30`.
pub(super) fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute) = (digits(hour, 2)?, digits(minute, 2)?);
    if hour > 23 || minute > 59 { None } else { u16::try_from(hour * 60 + minute).ok() }
}

fn digits(text: &str, length: usize) -> Option<u64> {
    let plain = text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// Hours of the day at which other prices hold, in UTC: from the first minute up to, but without, the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hours {
    pub(super) from_minute: u16,
    pub(super) to_minute: u16,
    /// Monday to Friday only.
    pub(super) workdays: bool,
}

impl Hours {
    pub(super) fn contain(&self, now_ms: UnixMs) -> bool {
        let minute = now_ms % DAY_MS / MINUTE_MS;
        let (from, to) = (u64::from(self.from_minute), u64::from(self.to_minute));
        // 1970-01-01 was a Thursday: with Monday as 0, day 0 is 3.
        let weekday = (now_ms / DAY_MS + 3) % 7;
        let within = if from <= to { (from..to).contains(&minute) } else { minute >= from || minute < to };
        within && (weekday < 5 || !self.workdays)
    }
}
