//! How fast the trail is on this disk: `cargo run --release -p bursar-audit --example trail_throughput -- FOLDER`.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use audit::{Durable, FileSigner, Trail, TrailOptions};
use types::entry::{Account, Admit, Proof, Request};
use types::{Amounts, Caller, DecisionId, Entry, Limits};

const WAITERS: u64 = 64;
const TRAIL_BYTES: u64 = 100 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("name a folder on the disk to be measured")?);
    let data = folder.join(format!("throughput-{}", std::process::id()));
    std::fs::create_dir_all(&data)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
    let begin = Instant::now();
    let trail = Arc::new(open(&data)?);
    println!("open, new trail: {:?}", begin.elapsed());
    let line_bytes = trail.prepare(&admit(0)).into_bytes().len();
    runtime.block_on(one_waiter(&trail, Duration::ZERO))?;
    runtime.block_on(one_waiter(&trail, Duration::from_millis(1)))?;
    runtime.block_on(many_waiters(&trail))?;
    while trail.status().segment_bytes_used < TRAIL_BYTES {
        for number in 0..20_000 {
            trail.append(trail.prepare(&admit(number)))?;
        }
        trail.flush_blocking()?;
    }
    trail.close();
    let (bytes, begin) = (trail.status().segment_bytes_used, Instant::now());
    let report = audit::verify(&data.join("gw"), None, None)?;
    let micros = u64::try_from(begin.elapsed().as_micros())?.max(1);
    println!("verify: {} entries of {line_bytes} bytes, {} MB/s", report.entries, bytes / micros);
    for state in ["closed", "again"] {
        let begin = Instant::now();
        let trail = open(&data)?;
        println!("open, {} MiB, {state}: {:?}", bytes >> 20, begin.elapsed());
        trail.close();
    }
    std::fs::remove_dir_all(data)?;
    Ok(())
}

fn open(data: &Path) -> Result<Trail, Box<dyn Error>> {
    let signer = FileSigner::open_or_create(&data.join("trail.key"), "bursar/gw", [1; 32])?;
    let clock = || SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0));
    Ok(Trail::open(TrailOptions::new(data.join("gw"), "gw".into()), Arc::new(signer), Arc::new(clock))?.0)
}

async fn one_waiter(trail: &Trail, pause: Duration) -> Result<(), Box<dyn Error>> {
    let mut taken = Vec::new();
    for number in 0..3_000 {
        std::thread::sleep(pause);
        let begin = Instant::now();
        durable(trail, number)?.wait().await?;
        taken.push(begin.elapsed());
    }
    told(&format!("append_durable, 1 waiter, {pause:?} apart"), taken);
    Ok(())
}

async fn many_waiters(trail: &Arc<Trail>) -> Result<(), Box<dyn Error>> {
    const EACH: u64 = 1_000;
    let begin = Instant::now();
    let tasks: Vec<_> = (0..WAITERS)
        .map(|_| {
            let trail = Arc::clone(trail);
            tokio::spawn(async move {
                let mut taken = Vec::new();
                for number in 0..EACH {
                    let begin = Instant::now();
                    durable(&trail, number)?.wait().await?;
                    taken.push(begin.elapsed());
                }
                Ok::<_, audit::AppendError>(taken)
            })
        })
        .collect();
    let mut taken = Vec::new();
    for task in tasks {
        taken.extend(task.await??);
    }
    let micros = u64::try_from(begin.elapsed().as_micros())?.max(1);
    println!("{WAITERS} waiters: {} entries a second", WAITERS * EACH * 1_000_000 / micros);
    told(&format!("append_durable, {WAITERS} waiters"), taken);
    Ok(())
}

fn durable(trail: &Trail, number: u64) -> Result<Durable, audit::AppendError> {
    trail.append_durable(trail.prepare(&admit(number)))
}

fn told(what: &str, mut taken: Vec<Duration>) {
    taken.sort_unstable();
    let at = |percent: usize| taken.get(taken.len() * percent / 100).copied().unwrap_or_default();
    println!("{what}: p50 {:?}, p90 {:?}, p99 {:?}", at(50), at(90), at(99));
}

fn admit(number: u64) -> Entry {
    let account = |name: &str| Account {
        account: name.into(),
        committed: Amounts { requests: 17, tokens: 123_456, usd: types::Money::from_nanos(1_234_567_890) },
        limits: Limits { usd: Some(5_000_000_000), ..Limits::NONE },
        resets_ms: Some(1_800_000_000_000),
    };
    let name = |text: &str| types::Name::from(text);
    Entry::Admit(Admit {
        accounts: vec![account("agent:researcher@day:2026-11-21")],
        at_ms: 1_800_000_000_000,
        caller: Caller {
            agent: name("researcher"),
            org: name("acme"),
            session: name("-"),
            team: name("-"),
            user: name("-"),
        },
        granted: Amounts { requests: 1, tokens: 2_048, usd: types::Money::from_nanos(12_345_678) },
        id: DecisionId::from_u128(u128::from(number)),
        proof: Proof { decided_by: "default".into(), ..Proof::default() },
        request: Request { host: name("api.openai.com"), model: name("gpt"), ..Request::default() },
    })
}
