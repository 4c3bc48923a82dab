//! Random stories, told to the ledger and to the oracle; they must agree after every sentence.

use std::collections::BTreeMap;

use ledger::{Hold, InFlight, LedgerError, LedgerOptions, Permit, Refused, Reservation};
use proptest::prelude::*;
use types::{Amounts, Certainty, Charge, Limits, Line, Measure, Money, Scope};

use crate::house::{House, NOW_MS, admit, ask, id, outcome, subject};
use crate::oracle::{Life, Oracle, Told, Triple, amounts, limits, triple};

const ACCOUNTS: usize = 5;

fn name(account: usize) -> String {
    format!("team:{account}@total")
}

/// One sentence of a story. Numbers are few, so that ids meet again.
#[derive(Clone, Debug)]
enum Step {
    Reserve { number: u64, accounts: Vec<(usize, Limits)>, amount: Amounts, floor: Amounts },
    Admit(u64),
    Release(u64),
    DropHold(u64),
    Dispatch(u64),
    Settle(u64, Charge),
    DropInFlight(u64),
    SettleById(u64, Charge),
    Resolve(u64, i64),
    Adjust(usize, Amounts),
    Freeze(bool),
    Renew,
}

fn some_amounts() -> impl Strategy<Value = Amounts> {
    (0..4_i64, 0..60_i64, 0..300_i64).prop_map(|(requests, tokens, usd)| Amounts {
        requests,
        tokens,
        usd: Money::from_nanos(usd),
    })
}

fn some_limits() -> impl Strategy<Value = Limits> {
    let limit = |most: i64| prop_oneof![4 => Just(None), 4 => (1..most).prop_map(Some), 1 => Just(Some(0))];
    (limit(12), limit(200), limit(900)).prop_map(|(requests, tokens, usd)| Limits { requests, tokens, usd })
}

fn some_charge() -> impl Strategy<Value = Charge> {
    let certainty = prop_oneof![Just(Certainty::Exact), Just(Certainty::AtLeast), Just(Certainty::Unknown)];
    (certainty, some_amounts()).prop_map(|(certainty, amounts)| Charge { amounts, certainty })
}

fn some_step() -> impl Strategy<Value = Step> {
    let number = 0..12_u64;
    let accounts = proptest::collection::vec((0..ACCOUNTS, some_limits()), 0..4);
    let reserve =
        (number.clone(), accounts, some_amounts(), some_amounts()).prop_map(|(number, accounts, amount, floor)| {
            Step::Reserve { number, accounts, amount, floor: floor.min(amount) }
        });
    prop_oneof![
        6 => reserve,
        5 => number.clone().prop_map(Step::Admit),
        1 => number.clone().prop_map(Step::Release),
        1 => number.clone().prop_map(Step::DropHold),
        5 => number.clone().prop_map(Step::Dispatch),
        4 => (number.clone(), some_charge()).prop_map(|(number, charge)| Step::Settle(number, charge)),
        1 => number.clone().prop_map(Step::DropInFlight),
        2 => (number.clone(), some_charge()).prop_map(|(number, charge)| Step::SettleById(number, charge)),
        2 => (number, 0..400_i64).prop_map(|(number, usd)| Step::Resolve(number, usd)),
        1 => (0..ACCOUNTS, some_amounts()).prop_map(|(account, added)| Step::Adjust(account, added)),
        1 => any::<bool>().prop_map(Step::Freeze),
        1 => Just(Step::Renew),
    ]
}

/// The ledger and the oracle side by side, with the handles that are still alive.
struct Pair {
    house: House,
    oracle: Oracle,
    holds: BTreeMap<u64, Hold>,
    admitted: BTreeMap<u64, (Hold, Permit)>,
    in_flight: BTreeMap<u64, InFlight>,
    frozen: bool,
}

impl Pair {
    fn new() -> Self {
        // The oracle judges no vendor.
        let options = LedgerOptions { presume_share_percent: u32::MAX, ..LedgerOptions::default() };
        Self {
            house: House::with(options),
            oracle: Oracle::default(),
            holds: BTreeMap::new(),
            admitted: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            frozen: false,
        }
    }

    async fn tell(&mut self, step: Step) {
        match step {
            Step::Reserve { number, accounts, amount, floor } => self.reserve(number, accounts, amount, floor).await,
            Step::Admit(number) => self.admit(number).await,
            Step::Release(number) => {
                if let Some(hold) = self.holds.remove(&number) {
                    hold.release(NOW_MS, "not_sent").await;
                    self.oracle.release(number);
                }
            }
            Step::DropHold(number) => {
                if self.admitted.remove(&number).is_some() || self.holds.remove(&number).is_some() {
                    self.oracle.release(number);
                }
            }
            Step::Dispatch(number) => {
                if let Some((hold, permit)) = self.admitted.remove(&number) {
                    self.in_flight.insert(number, hold.dispatch(&permit));
                }
            }
            Step::Settle(number, charge) => {
                if let Some(in_flight) = self.in_flight.remove(&number) {
                    let settled = in_flight.settle(outcome(number, charge.certainty, charge.amounts));
                    self.oracle.settle(number, charge.certainty, triple(&charge.amounts));
                    self.expect_posted(number, settled.posted, settled.overrun);
                }
            }
            Step::DropInFlight(number) => {
                if self.in_flight.remove(&number).is_some() {
                    self.oracle.presume(number);
                }
            }
            Step::SettleById(number, charge) => self.settle_by_id(number, charge),
            Step::Resolve(number, usd) => {
                let told =
                    self.house.ledger.resolve(id(number), Money::from_nanos(usd), "eve", "invoice", NOW_MS).await;
                assert_eq!(told.is_ok(), self.oracle.resolve(number, usd));
            }
            Step::Adjust(account, added) => self.adjust(account, added).await,
            Step::Freeze(frozen) => {
                self.frozen = frozen;
                let (ledger, agent) = (&self.house.ledger, subject(Scope::Agent, "researcher"));
                if frozen {
                    ledger.freeze(agent, "eve", NOW_MS).await
                } else {
                    ledger.unfreeze(agent, "eve", NOW_MS).await
                }
                .unwrap();
            }
            Step::Renew => self.house.ledger.renew(NOW_MS),
        }
    }

    async fn reserve(&mut self, number: u64, accounts: Vec<(usize, Limits)>, amount: Amounts, floor: Amounts) {
        let lines = accounts.iter().map(|(account, limits)| Line {
            account: name(*account).as_str().into(),
            limits: *limits,
            resets_ms: None,
        });
        let asked = Reservation { amount, floor, ..ask(number, 0, lines.collect()) };
        let got = self.house.ledger.reserve(asked).await;
        let mut tightest: BTreeMap<usize, Limits> = BTreeMap::new();
        for (account, limits) in &accounts {
            let known = tightest.entry(*account).or_insert(*limits);
            for measure in Measure::ALL {
                *known = limits.of(measure).map_or(*known, |limit| known.tightened(measure, limit));
            }
        }
        let set = tightest.keys().copied().collect();
        if let Some(told) = self.oracle.holds.get(&number) {
            let is_same = matches!(told.life, Life::Reserved | Life::Admitted)
                && told.accounts == set
                && told.asked == (triple(&amount), triple(&floor));
            match got {
                // A second handle in one order of accounts; another order is another request.
                Ok(hold) => assert!(is_same && triple(&hold.granted()) == told.granted),
                Err(refused) => assert_eq!(refused, Refused::Conflict),
            }
            return;
        }
        if self.frozen {
            assert!(matches!(got, Err(Refused::Frozen(_))), "{got:?}");
            return;
        }
        let by_account = tightest.iter().map(|(account, line)| (*account, limits(line))).collect();
        let granted = self.oracle.grant(&by_account, triple(&amount), triple(&floor));
        assert_eq!(got.as_ref().ok().map(|hold| triple(&hold.granted())), granted, "{got:?}");
        if let (Some(granted), Ok(hold)) = (granted, got) {
            let asked = (triple(&amount), triple(&floor));
            self.oracle.holds.insert(number, Told { accounts: set, asked, granted, life: Life::Reserved });
            self.holds.insert(number, hold);
        }
    }

    async fn admit(&mut self, number: u64) {
        let Some(mut hold) = self.holds.remove(&number) else { return };
        match self.house.ledger.admit(&mut hold, admit(NOW_MS)).await {
            Ok(permit) => {
                assert!(!self.frozen);
                self.oracle.holds.get_mut(&number).unwrap().life = Life::Admitted;
                self.admitted.insert(number, (hold, permit));
            }
            Err(refused) => {
                assert!(self.frozen, "{refused:?}");
                self.oracle.release(number);
            }
        }
    }

    fn settle_by_id(&mut self, number: u64, charge: Charge) {
        let told = self.house.ledger.settle(outcome(number, charge.certainty, charge.amounts));
        match self.oracle.holds.get(&number).map(|told| told.life) {
            None => assert_eq!(told, Err(LedgerError::UnknownHold(id(number)))),
            Some(Life::Reserved | Life::Released { admitted: false }) => {
                assert_eq!(told, Err(LedgerError::NotAdmitted(id(number))));
            }
            Some(_) => {
                self.oracle.settle(number, charge.certainty, triple(&charge.amounts));
                let settled = told.unwrap();
                self.expect_posted(number, settled.posted, settled.overrun);
            }
        }
    }

    async fn adjust(&mut self, account: usize, added: Amounts) {
        let told = self.house.ledger.adjust(name(account).as_str().into(), added, "eve", "invoice", NOW_MS).await;
        if told.is_ok() {
            let sum = self.oracle.adjusted.entry(account).or_default();
            for (sum, added) in sum.iter_mut().zip(triple(&added)) {
                *sum += added;
            }
        }
    }

    fn expect_posted(&self, number: u64, posted: Amounts, overrun: bool) {
        let expected: (Triple, bool) = match self.oracle.holds[&number].life {
            Life::Settled { posted, overrun } => (posted, overrun),
            Life::Presumed { posted, .. } => (posted, false),
            other => panic!("not settled: {other:?}"),
        };
        assert_eq!((triple(&posted), overrun), expected);
    }

    fn agree(&self) {
        for account in 0..ACCOUNTS {
            let stand = self.oracle.stand(account);
            let balance = self.house.balance(&name(account));
            let told = [balance.posted, balance.presumed, balance.held];
            assert_eq!(told, [stand.posted, stand.presumed, stand.held].map(amounts), "account {account}");
        }
        let open = self.oracle.holds.values().filter(|told| matches!(told.life, Life::Reserved | Life::Admitted));
        assert_eq!(self.house.ledger.status().holds_open, open.count());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn ledger_and_oracle_agree_after_every_step(steps in proptest::collection::vec(some_step(), 1..120)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut pair = Pair::new();
            for step in steps {
                pair.tell(step).await;
                pair.agree();
            }
            pair.house.assert_replayed();
            drop((pair.holds, pair.admitted, pair.in_flight));
            pair.house.assert_replayed();
        });
    }

    #[test]
    fn a_grant_is_the_least_of_amount_and_rooms_or_nothing(
        posted in 0..1_i64 << 60,
        limits in proptest::collection::vec(1..i64::MAX, 1..8),
        amount in 0..1_i64 << 60,
        floor in 0..1_i64 << 60,
    ) {
        let floor = floor.min(amount);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let house = House::new();
            let lines = |limits: &[Option<i64>]| -> Vec<Line> {
                let numbered = limits.iter().enumerate();
                numbered.map(|(account, limit)| crate::house::line(&name(account), *limit)).collect()
            };
            let counted = vec![None; limits.len()];
            house.send(ask(1, 0, lines(&counted))).await.settle(crate::house::exactly(1, posted));
            let limited: Vec<Option<i64>> = limits.iter().copied().map(Some).collect();
            let mut asked = ask(2, amount, lines(&limited));
            asked.floor.usd = Money::from_nanos(floor);
            let least = limits.iter().map(|limit| i128::from((*limit).min(1 << 62)) - i128::from(posted)).min().unwrap();
            let got = house.ledger.reserve(asked).await;
            if least < i128::from(floor) {
                assert!(matches!(got, Err(Refused::OverLimit(_))));
            } else {
                let granted = i64::try_from(least.min(i128::from(amount))).unwrap();
                assert_eq!(got.unwrap().granted().usd, Money::from_nanos(granted));
            }
        });
    }
}
