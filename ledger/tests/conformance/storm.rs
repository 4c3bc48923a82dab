//! Many at once: never over a limit, never refused without cause, every id once, and the journal tells it all.
//!
//! `BURSAR_STORM_OPS` sets how many requests each of the 64 tasks makes (1,500).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ledger::{InFlight, LedgerOptions, Refused};
use types::{Amounts, Balance, Certainty, Line, Measure, Money};

use crate::house::{Dice, House, NOW_MS, admit, ask, exactly, id, line, outcome, usd};

const TASKS: u64 = 64;

/// Runs all tasks at once on four threads and gathers what they tell.
fn all_at_once<T, F>(task: impl Fn(u64) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    let tasks: Vec<_> = (0..TASKS).map(|number| runtime.spawn(task(number))).collect();
    tasks.into_iter().map(|task| runtime.block_on(task).unwrap()).collect()
}

/// The accounts of one request: shared ones that are tight, and some of its own.
fn plan(task: u64, dice: &mut Dice) -> Vec<Line> {
    let mut lines = vec![line("org:acme@total", 150_000_000), line(&format!("team:{}@total", task % 4), 40_000_000)];
    lines.push(line(&format!("agent:{task}@day:2026-11-{}", 20 + dice.roll(3)), 1_000_000));
    if dice.roll(2) == 0 {
        lines.push(line(&format!("model:{}@total", dice.roll(3)), 30_000_000));
    }
    lines.push(line(&format!("user:{}@total", dice.roll(8)), None));
    lines
}

fn assert_within(balances: &[Balance]) {
    for balance in balances {
        for measure in Measure::ALL {
            let limit = balance.limits.of(measure).unwrap_or(i64::MAX);
            assert!(balance.committed(measure) <= limit, "over the limit: {balance:?}");
        }
    }
}

/// What one task did to the ledger, all accounts together.
#[derive(Default)]
struct Tally {
    posted: i64,
    presumed: i64,
    granted: u64,
    refused: u64,
}

async fn play(house: Arc<House>, task: u64, requests: u64) -> Tally {
    let mut dice = Dice(task + 1);
    let mut tally = Tally::default();
    for request in 0..requests {
        let number = task * requests + request;
        let amount = 1 + dice.nanos(9_000);
        let lines = plan(task, &mut dice);
        let count = i64::try_from(lines.len()).unwrap();
        let mut asked = ask(number, amount, lines);
        asked.amount.tokens = amount / 3;
        asked.floor = Amounts { requests: 1, tokens: 0, usd: Money::from_nanos(1 + dice.nanos(amount)) };
        let mut hold = match house.ledger.reserve(asked).await {
            Ok(hold) => hold,
            Err(Refused::OverLimit(short)) => {
                assert!(short.spent + short.held + short.needed > short.limit, "refused without cause: {short:?}");
                tally.refused += 1;
                continue;
            }
            Err(other) => panic!("{other:?}"),
        };
        tally.granted += 1;
        assert_within(hold.balances());
        if dice.roll(8) == 0 {
            continue;
        }
        let permit = house.ledger.admit(&mut hold, admit(NOW_MS)).await.unwrap();
        if dice.roll(16) == 0 {
            hold.release(NOW_MS, "vendor_unreachable").await;
            continue;
        }
        let in_flight = hold.dispatch(&permit);
        if dice.roll(4) == 0 {
            tokio::task::yield_now().await;
        }
        let (posted, presumed) = end(&house, in_flight, number, &mut dice);
        tally.posted += posted * count;
        tally.presumed += presumed * count;
    }
    tally
}

/// Ends an exchange in one of five ways; tells what it left posted and presumed on each of its accounts.
fn end(house: &House, in_flight: InFlight, number: u64, dice: &mut Dice) -> (i64, i64) {
    let granted = in_flight.granted().usd.nanos();
    let cost = dice.nanos(granted + 1);
    match dice.roll(32) {
        0 => {
            drop(in_flight);
            (0, granted)
        }
        1 => {
            in_flight.settle(outcome(number, Certainty::Unknown, usd(cost)));
            (0, granted)
        }
        2 => {
            in_flight.settle(outcome(number, Certainty::AtLeast, usd(cost)));
            (cost, granted - cost)
        }
        3 => {
            drop(in_flight);
            house.ledger.settle(exactly(number, cost)).unwrap();
            (cost, 0)
        }
        _ => {
            assert_within(&in_flight.settle(exactly(number, cost)).balances);
            (cost, 0)
        }
    }
}

#[test]
fn sixty_four_agents_at_random_stay_within_every_limit_and_the_journal_tells_it_all() {
    let requests = std::env::var("BURSAR_STORM_OPS").ok().and_then(|text| text.parse().ok()).unwrap_or(1_500);
    let options = LedgerOptions { presume_share_percent: 10_000, ..LedgerOptions::default() };
    let house = Arc::new(House::with(options));
    let is_over = Arc::new(AtomicBool::new(false));
    let watcher = {
        let (ledger, is_over) = (house.ledger.clone(), Arc::clone(&is_over));
        std::thread::spawn(move || {
            let mut looks = 0_u64;
            while !is_over.load(Ordering::Relaxed) {
                assert_within(&ledger.accounts());
                ledger.renew(NOW_MS);
                looks += 1;
            }
            looks
        })
    };
    let tallies = all_at_once(|task| play(Arc::clone(&house), task, requests));
    is_over.store(true, Ordering::Relaxed);
    let looks = watcher.join().unwrap();

    let accounts = house.ledger.accounts();
    let sum = |of: fn(&Balance) -> i64| accounts.iter().map(of).sum::<i64>();
    assert_eq!(sum(|balance| balance.posted.usd.nanos()), tallies.iter().map(|tally| tally.posted).sum::<i64>());
    assert_eq!(sum(|balance| balance.presumed.usd.nanos()), tallies.iter().map(|tally| tally.presumed).sum::<i64>());
    assert_eq!(sum(|balance| balance.held.usd.nanos()), 0, "nothing stays held");
    house.assert_replayed();
    let (granted, refused) = tallies.iter().fold((0, 0), |sum, tally| (sum.0 + tally.granted, sum.1 + tally.refused));
    println!("{granted} granted, {refused} refused, {} entries, {looks} looks from outside", house.journal.len());
    assert!(granted > 0 && refused > 0, "the limits must be met for this to prove something");
}

/// Makes 200 calls of 7 nano-dollars each; tells how many were served.
async fn spend(house: Arc<House>, task: u64) -> u64 {
    let mut served = 0;
    for number in task * 200..(task + 1) * 200 {
        let lines = vec![line("org:acme@total", FITS * 7), line(&format!("agent:{task}@total"), None)];
        let Ok(hold) = house.ledger.reserve(ask(number, 7, lines)).await else { continue };
        house.dispatch(hold).await.settle(exactly(number, 7));
        served += 1;
    }
    served
}

/// How many calls the budget fits.
const FITS: i64 = 5_000;

#[test]
fn a_budget_that_fits_exactly_k_calls_serves_exactly_k() {
    let house = Arc::new(House::new());
    let served: Vec<u64> = all_at_once(|task| spend(Arc::clone(&house), task));
    assert_eq!(served.iter().sum::<u64>(), FITS.unsigned_abs());
    assert_eq!(house.usd("org:acme@total"), [FITS * 7, 0, 0]);
    house.assert_replayed();
}

/// Tries to send each of the same ids; tells for how many it got the permit.
async fn claim(house: Arc<House>, task: u64) -> u64 {
    let mut permits = 0;
    for number in (0..IDS).map(|number| (number + task) % IDS) {
        let asked = ask(number, 9, vec![line("org:acme@total", None)]);
        let Ok(mut hold) = house.ledger.reserve(asked).await else { continue };
        let Ok(permit) = house.ledger.admit(&mut hold, admit(NOW_MS)).await else { continue };
        permits += 1;
        let in_flight = hold.dispatch(&permit);
        tokio::task::yield_now().await;
        in_flight.settle(exactly(number, 9));
        assert_eq!(house.ledger.settle(exactly(number, 5)).unwrap().posted.usd, Money::from_nanos(9));
    }
    permits
}

/// How many ids everybody wants.
const IDS: u64 = 200;

#[test]
fn every_id_is_admitted_and_charged_once_however_many_ask() {
    let house = Arc::new(House::new());
    let permits: Vec<u64> = all_at_once(|task| claim(Arc::clone(&house), task));
    assert_eq!(permits.iter().sum::<u64>(), IDS);
    assert_eq!(house.usd("org:acme@total"), [i64::try_from(IDS * 9).unwrap(), 0, 0]);
    assert!(house.ledger.decision(id(0)).is_some());
    house.assert_replayed();
}
