//! The process dies at any moment: what its journal holds then is always enough.
//!
//! A vendor serves a request only after its `admit` entry is durable. So at every prefix of the journal, what the fold
//! charges must cover what the vendor can have served by then, no limit may be passed, and nothing may stay held.

use std::collections::BTreeMap;

use ledger::{Folded, InFlight, LedgerOptions};
use types::{Certainty, Entry, Measure, Money};

use crate::house::{Dice, House, NOW_MS, admit, ask, exactly, id, line, outcome, usd};
use crate::journal::{MemoryJournal, fold};

const LIMIT: i64 = 4_000;
const ORG: &str = "org:acme@total";

fn agent(number: u64) -> String {
    format!("agent:{}@total", number % 3)
}

/// What really happened to a request that was sent.
struct Served {
    /// How many entries were durable when it was sent.
    since: usize,
    cost: i64,
}

/// A random life of a ledger; every request costs at most what is held for it.
struct Life {
    house: House,
    served: BTreeMap<u64, Served>,
    in_flight: BTreeMap<u64, InFlight>,
    dice: Dice,
}

impl Life {
    fn new(seed: u64) -> Self {
        let options = LedgerOptions { presume_share_percent: 10_000, ..LedgerOptions::default() };
        let (served, in_flight) = (BTreeMap::new(), BTreeMap::new());
        Self { house: House::with(options), served, in_flight, dice: Dice(seed) }
    }

    async fn live(&mut self, steps: u64) {
        for number in 0..steps {
            self.begin(number).await;
            while self.in_flight.len() > 6 {
                self.end_one().await;
            }
            if self.dice.roll(10) == 0 {
                self.prove_one().await;
            }
        }
    }

    async fn begin(&mut self, number: u64) {
        let amount = 1 + self.dice.nanos(60);
        let mut asked = ask(number, amount, vec![line(ORG, LIMIT), line(&agent(number), LIMIT / 2)]);
        asked.floor = usd(1);
        let Ok(mut hold) = self.house.ledger.reserve(asked).await else { return };
        if self.dice.roll(5) == 0 {
            return;
        }
        let permit = self.house.ledger.admit(&mut hold, admit(NOW_MS)).await.unwrap();
        if self.dice.roll(6) == 0 {
            return hold.release(NOW_MS, "vendor_unreachable").await;
        }
        let cost = self.dice.nanos(hold.granted().usd.nanos() + 1);
        self.served.insert(number, Served { since: self.house.journal.len(), cost });
        self.in_flight.insert(number, hold.dispatch(&permit));
    }

    async fn end_one(&mut self) {
        let at = usize::try_from(self.dice.roll(self.in_flight.len() as u64)).unwrap();
        let number = *self.in_flight.keys().nth(at).unwrap();
        let in_flight = self.in_flight.remove(&number).unwrap();
        let cost = self.served[&number].cost;
        let part = self.dice.nanos(cost + 1);
        match self.dice.roll(6) {
            0 => drop(in_flight),
            1 => drop(in_flight.settle(outcome(number, Certainty::Unknown, usd(part)))),
            2 => drop(in_flight.settle(outcome(number, Certainty::AtLeast, usd(part)))),
            _ => drop(in_flight.settle(exactly(number, cost))),
        }
    }

    /// A person proves the oldest open question, or the vendor tells the truth late.
    async fn prove_one(&mut self) {
        let Some(view) = self.house.ledger.unreconciled().into_iter().next() else { return };
        let number = u64::try_from(view.id.as_u128() & u128::from(u64::MAX)).unwrap();
        let cost = self.served[&number].cost;
        if self.dice.roll(2) == 0 {
            self.house.ledger.settle(exactly(number, cost)).unwrap();
        } else {
            self.house.ledger.resolve(view.id, Money::from_nanos(cost), "eve", "invoice", NOW_MS).await.unwrap();
        }
    }

    /// What the vendor can have been paid on an account when this many entries were durable.
    fn paid(&self, account: &str, durable: usize) -> i64 {
        let served = self
            .served
            .iter()
            .filter(|(number, served)| served.since <= durable && (account == ORG || account == agent(**number)));
        served.map(|(_, served)| served.cost).sum()
    }
}

fn assert_conservative(life: &Life, state: &Folded, durable: usize, admitted: &[u64]) {
    assert_eq!(state.open_len(), 0);
    for balance in state.accounts() {
        let account = balance.account.as_str();
        let limit = if account == ORG { LIMIT } else { LIMIT / 2 };
        assert_eq!(balance.held.usd, Money::ZERO, "{account} at {durable}");
        assert!(balance.committed(Measure::Usd) <= limit, "{account} at {durable}: over its limit");
        let paid = life.paid(account, durable);
        assert!(balance.committed(Measure::Usd) >= paid, "{account} at {durable}: less than the vendor was paid");
    }
    for number in life.served.keys().filter(|number| !admitted.contains(number)) {
        assert_eq!(state.decision(id(*number)), None, "a hold without an admit is gone");
    }
}

#[test]
fn every_prefix_of_the_journal_is_enough_to_go_on_with() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut prefixes = 0;
    for seed in 1..=8 {
        let mut life = Life::new(seed);
        runtime.block_on(life.live(100));
        let entries = life.house.journal.entries();
        let (mut folded, mut admitted) = (Folded::new(), Vec::new());
        for durable in 0..=entries.len() {
            let mut state = folded.clone();
            let presumed = state.finish_restart(NOW_MS);
            assert!(presumed.iter().all(|entry| matches!(entry, Entry::Presume(told) if &*told.why == "restart")));
            assert_conservative(&life, &state, durable, &admitted);
            if (durable as u64 + seed).is_multiple_of(8) {
                let mut written = entries[..durable].to_vec();
                written.extend(presumed);
                runtime.block_on(go_on(state, &written));
            }
            if let Some(Entry::Admit(entry)) = entries.get(durable) {
                admitted.push(u64::try_from(entry.id.as_u128() & u128::from(u64::MAX)).unwrap());
            }
            entries.get(durable).into_iter().for_each(|entry| folded.apply(entry));
            prefixes += 1;
        }
    }
    println!("{prefixes} prefixes");
}

/// A restarted ledger works on within the same limits, and its journal stays whole.
async fn go_on(state: Folded, written: &[Entry]) {
    let house = House::after(state, MemoryJournal::holding(written), LedgerOptions::default());
    house.assert_replayed();
    for number in 10_000..10_003 {
        let mut asked = ask(number, 900, vec![line(ORG, LIMIT), line(&agent(number), LIMIT / 2)]);
        asked.floor = usd(1);
        let Ok(hold) = house.ledger.reserve(asked).await else { continue };
        let granted = hold.granted().usd.nanos();
        house.dispatch(hold).await.settle(exactly(number, granted));
    }
    assert!(house.balance(ORG).committed(Measure::Usd) <= LIMIT);
    house.assert_replayed();
}

#[test]
fn a_restart_that_dies_before_its_entries_are_written_is_repeated() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let house = House::new();
        for number in 1..=3 {
            std::mem::forget(house.send(ask(number, 10, vec![line(ORG, None)])).await);
        }
        let entries = house.journal.entries();
        let mut first = fold(&entries);
        let all = first.finish_restart(NOW_MS + 5_000);
        assert_eq!(first.finish_restart(NOW_MS + 5_000), [], "once is enough");
        for written in 0..=all.len() {
            let mut again = fold(&entries);
            all[..written].iter().for_each(|entry| again.apply(entry));
            assert_eq!(again.finish_restart(NOW_MS + 5_000), all[written..]);
            assert_eq!(again.standing(), first.standing());
        }
    });
}
