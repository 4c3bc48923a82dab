//! A trail that was changed, and a trail whose last line broke off.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use bursar_testkit::http;
use bursar_testkit::{Gateway, Setup};

use crate::desk::{Desk, GOOD, GOOD_NANOS, nanos};

/// A desk that has served a few calls.
fn busy() -> Desk {
    let desk = Desk::open();
    for _ in 0..3 {
        assert_eq!(desk.call(GOOD).status, 200);
    }
    desk
}

fn segment(setup: &Setup) -> PathBuf {
    setup.folder.join("data/gw-1/00000000000000000001.ndjson")
}

/// Where the written lines end: behind them the segment is filled with NULs.
fn end_of(written: &[u8]) -> usize {
    written.iter().position(|byte| *byte == 0).unwrap_or(written.len())
}

#[test]
fn a_flipped_byte_stops_the_start_and_is_named() {
    let desk = busy();
    let setup = desk.gateway.setup().clone();
    assert!(desk.gateway.stop().unwrap().success());
    let path = segment(&setup);
    let mut bytes = std::fs::read(&path).unwrap();
    let second = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let text = String::from_utf8_lossy(&bytes[second..]).into_owned();
    // A digit inside the second entry: still JSON, and still of its form.
    let at = second + text.find(|letter: char| letter.is_ascii_digit() && letter != '9').unwrap();
    bytes[at] += 1;
    std::fs::write(&path, &bytes).unwrap();
    let verified = setup.run(&["audit", "verify"]).unwrap();
    assert_eq!(verified.status.code(), Some(3));
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    let line = format!("line 2, byte {second})");
    assert!(said.contains("entry 2 (") && said.contains(&line), "{said} does not tell {line}");
    let mut gateway = Gateway::spawn(setup.clone()).unwrap();
    let status = gateway.wait_for_end().unwrap();
    let said = gateway.output();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("the trail cannot be opened: ") && said.contains("entry 2 ("), "{said}");
    bytes[at] -= 1;
    std::fs::write(&path, &bytes).unwrap();
    // Mended, it starts, and leaves in good order however soon it is told to.
    assert!(Gateway::start(setup).unwrap().stop().unwrap().success());
}

#[test]
fn a_torn_last_line_is_cut_told_and_kept() {
    const HALF: &[u8] = br#"{"entry":{"outcome":{"at_ms":"17"#;
    let desk = busy();
    let before = desk.books();
    let (agent, proxy) = (desk.agent.clone(), desk.proxy);
    // In good order, so that every outcome is written; then as if the power had gone in the middle of a line.
    let setup = desk.gateway.setup().clone();
    assert!(desk.gateway.stop().unwrap().success());
    let path = segment(&setup);
    let end = end_of(&std::fs::read(&path).unwrap());
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(HALF, end as u64).unwrap();
    let gateway = Gateway::start(setup.clone()).unwrap();
    let entries = setup.ask(&["audit", "tail", "-n", "100"]).unwrap();
    let torn = entries.as_array().unwrap().iter().find_map(|line| line["entry"].get("torn")).expect("an entry `torn`");
    assert_eq!(torn["bytes"], HALF.len().to_string());
    let kept = setup.folder.join("data/gw-1").join(torn["file"].as_str().unwrap());
    assert_eq!(std::fs::read(kept).unwrap(), HALF);
    let verified = setup.run(&["audit", "verify"]).unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    let answer = http::send_blocking(proxy, agent.chat(GOOD).unwrap()).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let accounts = setup.ask(&["spend", "--agent", "researcher"]).unwrap();
    let total = accounts.as_array().unwrap().iter().find(|row| row["account"] == "agent:researcher@total").unwrap();
    assert_eq!(nanos(&total["posted"]["usd"]), before.posted + GOOD_NANOS);
    drop(gateway);
}
