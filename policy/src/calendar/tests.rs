use std::format;
use std::string::String;

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;

const WINDOWS: [Window; 4] = [Window::Hour, Window::Day, Window::Week, Window::Month];

fn zone(name: &str) -> Zone {
    Zone::named(name).unwrap()
}

fn at(text: &str) -> UnixMs {
    u64::try_from(text.parse::<Timestamp>().unwrap().as_millisecond()).unwrap()
}

/// Label, hours that the window lasts.
fn told(zone_name: &str, window: Window, time: &str) -> (String, u64) {
    let period = zone(zone_name).period(window, at(time)).unwrap();
    (period.label, (period.end_ms - period.start_ms) / 60_000)
}

#[test]
fn labels_say_the_local_time() {
    let moment = "2026-11-21T23:30:00Z";
    for (zone, hour, day, week, month) in [
        ("UTC", "2026-11-21T23", "2026-11-21", "2026-W47", "2026-11"),
        ("Asia/Kathmandu", "2026-11-22T05", "2026-11-22", "2026-W47", "2026-11"),
        ("Pacific/Kiritimati", "2026-11-22T13", "2026-11-22", "2026-W47", "2026-11"),
        ("America/Los_Angeles", "2026-11-21T15", "2026-11-21", "2026-W47", "2026-11"),
    ] {
        let labels = WINDOWS.map(|window| told(zone, window, moment).0);
        assert_eq!(labels, [hour, day, week, month], "{zone}");
    }
}

#[test]
fn weeks_begin_on_monday_and_belong_to_the_year_of_their_thursday() {
    for (time, label) in [
        ("2026-12-31T12:00:00Z", "2026-W53"),
        ("2027-01-03T23:59:59Z", "2026-W53"),
        ("2027-01-04T00:00:00Z", "2027-W01"),
        ("2024-12-30T00:00:00Z", "2025-W01"),
    ] {
        assert_eq!(told("UTC", Window::Week, time), (label.into(), 7 * 24 * 60), "{time}");
    }
}

#[test]
fn an_hour_that_the_clock_shows_twice_is_two_windows() {
    // 2026-10-25, Madrid: 02:59:59 CEST is followed by 02:00:00 CET.
    assert_eq!(told("Europe/Madrid", Window::Hour, "2026-10-25T00:30:00Z"), ("2026-10-25T02".into(), 60));
    assert_eq!(told("Europe/Madrid", Window::Hour, "2026-10-25T01:30:00Z"), ("2026-10-25T02+0100".into(), 60));
    assert_eq!(told("Europe/Madrid", Window::Hour, "2026-10-25T02:30:00Z"), ("2026-10-25T03".into(), 60));
    assert_eq!(told("America/New_York", Window::Hour, "2026-11-01T06:30:00Z"), ("2026-11-01T01-0500".into(), 60));
}

#[test]
fn half_hour_shifts_cut_the_hour_that_they_fall_into() {
    // Lord Howe: 02:00 becomes 01:30 in April and 02:30 in October.
    assert_eq!(told("Australia/Lord_Howe", Window::Hour, "2026-04-04T14:30:00Z"), ("2026-04-05T01".into(), 60));
    assert_eq!(told("Australia/Lord_Howe", Window::Hour, "2026-04-04T15:15:00Z"), ("2026-04-05T01+1030".into(), 30));
    assert_eq!(told("Australia/Lord_Howe", Window::Hour, "2026-10-03T15:45:00Z"), ("2026-10-04T02".into(), 30));
    assert_eq!(told("Australia/Lord_Howe", Window::Day, "2026-10-03T15:45:00Z"), ("2026-10-04".into(), 23 * 60 + 30));
    assert_eq!(told("Australia/Lord_Howe", Window::Day, "2026-04-04T15:15:00Z"), ("2026-04-05".into(), 24 * 60 + 30));
}

#[test]
fn a_day_that_does_not_exist_has_no_window() {
    // Samoa went from 2011-12-29 to 2011-12-31.
    let apia = zone("Pacific/Apia");
    let before = apia.period(Window::Day, at("2011-12-30T09:59:59Z")).unwrap();
    let after = apia.period(Window::Day, at("2011-12-30T10:00:00Z")).unwrap();
    assert_eq!((before.label.as_str(), after.label.as_str()), ("2011-12-29", "2011-12-31"));
    assert_eq!(before.end_ms, after.start_ms);
}

#[test]
fn a_day_may_begin_after_midnight() {
    // Havana skips 00:00 to 01:00; Sao Paulo did; Toronto skipped 23:30 to 00:30 in 1919.
    let (label, minutes) = told("America/Havana", Window::Day, "2026-03-08T12:00:00Z");
    assert_eq!((label.as_str(), minutes), ("2026-03-08", 23 * 60));
    let toronto = zone("America/Toronto");
    let day = toronto.first_instant(jiff::civil::date(1919, 3, 31));
    assert_eq!(Timestamp::from_second(day).unwrap(), "1919-03-31T04:30:00Z".parse().unwrap());
}

#[test]
fn a_day_never_opens_twice() {
    // St John's, 2010-11-07: 00:01 fell back to 23:01 of the day before. The first minute had opened the new day.
    let zone = zone("America/St_Johns");
    let days = ["2010-11-07T02:29:59Z", "2010-11-07T02:30:00Z", "2010-11-07T02:31:00Z", "2010-11-07T03:31:00Z"]
        .map(|time| zone.period(Window::Day, at(time)).unwrap().label);
    assert_eq!(days, ["2010-11-06", "2010-11-07", "2010-11-07", "2010-11-07"]);
}

#[test]
fn totals_and_single_transactions_have_no_window() {
    assert_eq!(Zone::utc().period(Window::Total, 0), None);
    assert_eq!(Zone::utc().period(Window::Transaction, 0), None);
}

#[test]
fn times_beyond_the_calendar_still_have_a_window() {
    let period = Zone::utc().period(Window::Month, UnixMs::MAX).unwrap();
    assert_eq!(period.label, "9999-01");
    assert!(period.start_ms < period.end_ms);
    assert_eq!(Zone::utc().period(Window::Week, 0).unwrap().label, "1970-W01");
}

#[test]
fn an_unknown_zone_is_told_with_the_nearest_one() {
    let error = Zone::named("Europe/Madird").unwrap_err();
    assert_eq!(format!("{error}"), r#"there is no time zone "Europe/Madird"; did you mean "Europe/Madrid"?"#);
    let error = Zone::named("local").unwrap_err();
    assert!(format!("{error}").starts_with(r#"there is no time zone "local""#));
    assert_eq!(zone("europe/madrid").name(), "Europe/Madrid");
}

#[test]
fn the_rules_have_a_version_and_the_wall_clock_a_face() {
    assert!(tz_version().starts_with("20"));
    assert_eq!(zone("Europe/Madrid").wall_clock(at("2026-11-21T23:00:00Z")), "2026-11-22 00:00");
}

/// Every zone there is that has rules of its own.
fn any_zone() -> impl Strategy<Value = Zone> {
    let names: Vec<String> = TimeZoneDatabase::bundled().available().map(|name| name.to_string()).collect();
    prop::sample::select(names).prop_map(|name| zone(&name))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_instant_lies_in_one_window_and_windows_touch(zone in any_zone(), at_ms in 0..16_000_000_000_000_u64) {
        for window in WINDOWS {
            let period = zone.period(window, at_ms).unwrap();
            prop_assert!(period.start_ms <= at_ms && at_ms < period.end_ms, "{window:?} {period:?}");
            // All of the window tells the same window, its first and last millisecond included.
            prop_assert_eq!(&zone.period(window, period.start_ms).unwrap(), &period);
            prop_assert_eq!(&zone.period(window, period.end_ms - 1).unwrap(), &period);
            let next = zone.period(window, period.end_ms).unwrap();
            prop_assert_eq!(next.start_ms, period.end_ms);
            prop_assert_ne!(next.label, period.label);
        }
    }

    #[test]
    fn a_day_begins_at_the_midnight_of_its_date_or_where_that_was_skipped(
        zone in any_zone(),
        at_ms in 0..16_000_000_000_000_u64,
    ) {
        let period = zone.period(Window::Day, at_ms).unwrap();
        let start = Timestamp::from_millisecond(i64::try_from(period.start_ms).unwrap()).unwrap();
        let local = zone.rules.to_datetime(start);
        prop_assert_eq!(local.date().to_string(), period.label);
        let just_before = zone.rules.to_datetime(start - 1.second());
        prop_assert!(just_before.date() < local.date() || zone.rules == TimeZone::UTC);
    }
}
