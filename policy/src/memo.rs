//! The calendar with a memory: the last window of each kind, so that the zone's rules are asked once a window and not
//! on every request. Pure in effect: a word holds one whole window or none, and any of them gives the same answer as
//! the rules.

use core::cell::OnceCell;
use core::sync::atomic::{AtomicU64, Ordering};

use alloc::string::String;

use types::{UnixMs, Window};

use crate::calendar::{Bounds, Zone, millis, seconds, write_label};

const QUARTER_S: i32 = 900;
const QUARTERS_BITS: u32 = 7;
const LENGTH_BITS: u32 = 22;
const START_BITS: u32 = 34;
const QUARTERS_ZERO: i32 = 64;

/// A zone and the last hour, day, week and month that were asked for.
#[derive(Debug)]
pub(crate) struct Calendar {
    zone: Zone,
    words: [AtomicU64; 4],
}

impl Calendar {
    pub(crate) const fn new(zone: Zone) -> Self {
        Self { zone, words: [const { AtomicU64::new(0) }; 4] }
    }

    pub(crate) const fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The windows of one moment.
    pub(crate) const fn at(&self, at_ms: UnixMs) -> Now<'_> {
        Now { calendar: self, at_ms, periods: [const { OnceCell::new() }; 4] }
    }

    fn period(&self, word: &AtomicU64, window: Window, at_ms: UnixMs) -> Option<Current> {
        let at_s = seconds(at_ms);
        let known = unpack(word.load(Ordering::Relaxed)).filter(|known| known.start_s <= at_s && at_s < known.end_s);
        let bounds = match known {
            Some(bounds) => bounds,
            None => {
                let bounds = self.zone.bounds(window, at_s)?;
                word.store(pack(&bounds).unwrap_or(0), Ordering::Relaxed);
                bounds
            }
        };
        let mut label = String::with_capacity(20);
        write_label(&mut label, window, &bounds);
        Some(Current { label, end_ms: millis(bounds.end_s) })
    }
}

/// The windows of one moment, each made when first asked for: the accounts of a request share them.
pub(crate) struct Now<'a> {
    calendar: &'a Calendar,
    at_ms: UnixMs,
    periods: [OnceCell<Option<Current>>; 4],
}

/// A window as accounts name it, and when it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Current {
    pub(crate) label: String,
    pub(crate) end_ms: UnixMs,
}

impl Now<'_> {
    /// The window of this kind; `None` for those without a start.
    pub(crate) fn period(&self, window: Window) -> Option<&Current> {
        let (periods, words) = (self.periods.each_ref(), self.calendar.words.each_ref());
        let ([hour, day, week, month], [hours, days, weeks, months]) = (periods, words);
        let (slot, word) = match window {
            Window::Hour => (hour, hours),
            Window::Day => (day, days),
            Window::Week => (week, weeks),
            Window::Month => (month, months),
            _ => return None,
        };
        slot.get_or_init(|| self.calendar.period(word, window, self.at_ms)).as_ref()
    }
}

/// Start in seconds (34 bits, to the year 2514), repeated (1), length in seconds (22), offset in quarters of an hour
/// (7). `None` for what does not fit: it is computed anew each time. Never 0, for no window has length 0.
fn pack(bounds: &Bounds) -> Option<u64> {
    let start = u64::try_from(bounds.start_s).ok().filter(|start| *start < 1 << START_BITS)?;
    let length = u64::try_from(bounds.end_s - bounds.start_s).ok().filter(|s| (1..1 << LENGTH_BITS).contains(s))?;
    if bounds.offset_s % QUARTER_S != 0 {
        return None;
    }
    let quarters = u64::try_from(bounds.offset_s / QUARTER_S + QUARTERS_ZERO).ok()?;
    if quarters >= 1 << QUARTERS_BITS {
        return None;
    }
    let start_and_flag = (start << 1) | u64::from(bounds.repeated);
    Some((((start_and_flag << LENGTH_BITS) | length) << QUARTERS_BITS) | quarters)
}

fn unpack(word: u64) -> Option<Bounds> {
    if word == 0 {
        return None;
    }
    let quarters = i32::try_from(word & ((1 << QUARTERS_BITS) - 1)).ok()?;
    let length = i64::try_from((word >> QUARTERS_BITS) & ((1 << LENGTH_BITS) - 1)).ok()?;
    let start_and_flag = word >> (QUARTERS_BITS + LENGTH_BITS);
    let start_s = i64::try_from(start_and_flag >> 1).ok()?;
    Some(Bounds {
        start_s,
        end_s: start_s + length,
        offset_s: (quarters - QUARTERS_ZERO) * QUARTER_S,
        repeated: start_and_flag & 1 == 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ZONES: [&str; 8] = [
        "UTC",
        "Europe/Madrid",
        "America/St_Johns",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "Pacific/Apia",
        "Africa/Monrovia",
        "America/Havana",
    ];

    proptest! {
        #[test]
        fn the_memory_never_changes_an_answer(
            zone in 0..ZONES.len(),
            times in prop::collection::vec(0..20_000_000_000_000_u64, 1..20),
        ) {
            let zone = Zone::named(ZONES[zone]).unwrap();
            let calendar = Calendar::new(zone.clone());
            for at_ms in times.iter().flat_map(|at| [*at, at + 1_000, at + 3_600_000]) {
                for window in [Window::Hour, Window::Day, Window::Week, Window::Month] {
                    let now = calendar.at(at_ms);
                    let expected = zone.period(window, at_ms).unwrap();
                    let expected = Current { label: expected.label, end_ms: expected.end_ms };
                    prop_assert_eq!(now.period(window), Some(&expected));
                }
            }
        }
    }
}
