//! The calendar against windows that another implementation computed.

use std::path::PathBuf;

use policy::Zone;
use serde_json::Value;
use types::Window;

fn corpus() -> Option<Vec<Value>> {
    let root = std::env::var_os("BURSAR_CORPUS")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")), PathBuf::from);
    let text = std::fs::read_to_string(root.join("corpus/time/day_windows.json")).ok()?;
    serde_json::from_str(&text).ok()
}

#[test]
fn days_and_months_begin_and_end_where_they_do_elsewhere() {
    let Some(cases) = corpus() else {
        println!("SKIPPED: days and months of the corpus: corpus not found");
        return;
    };
    assert!(!cases.is_empty());
    for case in cases {
        let number = |key: &str| case[key].as_u64().unwrap_or_else(|| panic!("{key} in {case}"));
        let zone = Zone::named(case["tz"].as_str().expect("a zone")).expect("a known zone");
        let (start_ms, end_ms) = (number("day_start_utc") * 1_000, number("day_end_utc") * 1_000);
        for at_ms in [start_ms, start_ms.midpoint(end_ms), end_ms - 1] {
            let day = zone.period(Window::Day, at_ms).expect("days have windows");
            assert_eq!((day.start_ms, day.end_ms), (start_ms, end_ms), "{case}");
            assert_eq!(day.label, case["local_date"].as_str().expect("a date"), "{case}");
            assert_eq!((day.end_ms - day.start_ms) / 1_000, number("day_seconds"), "{case}");
            let month = zone.period(Window::Month, at_ms).expect("months have windows");
            let expected = (number("month_start_utc") * 1_000, number("month_end_utc") * 1_000);
            assert_eq!((month.start_ms, month.end_ms), expected, "{case}");
        }
    }
}
