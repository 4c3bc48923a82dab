//! Many agents on one budget: exactly what fits reaches the vendor, whatever the order, and not one call less.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::net::SocketAddr;
use std::path::Path;
use std::str::FromStr;

use bursar_testkit::http::{Answer, KeepAlive};
use bursar_testkit::{HouseFile, Running, TestAgent, TestVendor};
use loadtest::vendor::Behaviour;
use serde_json::Value;
use types::Money;

const AGENTS: usize = 64;
/// A model whose input costs nothing and whose output costs 1,000 nano-dollars a token: what a call may cost and what
/// it does cost can be worked out by hand.
const FLAT_PRICE: &str =
    "prices: { models: [{ provider: openai, model: flat, usd_per_1m: { input: 0, output: 1 }, max_output: 100000 }] }";
const TOKEN_NANOS: i64 = 1_000;

/// A house of 64 agents, its vendor, and what it serves.
struct Town {
    folder: tempfile::TempDir,
    vendor: TestVendor,
    agents: Vec<TestAgent>,
    running: Running,
}

impl Town {
    /// `output_tokens` is what the vendor answers with, as far as the request's own bound allows.
    fn open(limit: &str, output_tokens: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let vendor = TestVendor::start(folder.path(), &[]).unwrap();
        vendor.behave(Behaviour { output_tokens, ..Behaviour::default() });
        let agents: Vec<TestAgent> = (0..AGENTS).map(|number| TestAgent::new(&format!("agent-{number}"))).collect();
        let file = HouseFile::of(&agents.iter().collect::<Vec<_>>()).limited(limit).with(FLAT_PRICE);
        let running = file.start(folder.path(), &vendor).unwrap_or_else(|error| panic!("{error}"));
        Self { folder, vendor, agents, running }
    }

    /// Every agent makes so many calls on a connection of its own, all agents at once.
    fn storm(&self, calls: usize, body: &'static str) -> Vec<Answer> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let agents: Vec<_> = self.agents.iter().map(|agent| (agent.clone(), self.running.proxy)).collect();
        runtime.block_on(async move {
            let tasks: Vec<_> = agents
                .into_iter()
                .map(|(agent, proxy)| tokio::spawn(async move { calls_of(&agent, proxy, calls, body).await }))
                .collect();
            let mut answers = Vec::new();
            for task in tasks {
                answers.extend(task.await.unwrap());
            }
            answers
        })
    }

    /// Stops the gateway, holds its books against what the vendor served, and proves the trail.
    fn close(self, account: &str, served: u64, cost_nanos: i64) {
        let live = self.account(account);
        let setup = self.running.gateway.setup().clone();
        assert!(self.running.gateway.stop().unwrap().success());
        assert_eq!(self.vendor.served().billed, served);
        let accounts = setup.ask(&["spend", "--all"]).unwrap();
        let kept = find(&accounts, account);
        assert_eq!(live, kept, "the fold of the trail differs from what the gateway told");
        assert_eq!(nanos(&kept["posted"]["usd"]), i64::try_from(served).unwrap() * cost_nanos);
        assert_eq!(kept["posted"]["requests"], served.to_string());
        for silent in ["presumed", "held"] {
            assert_eq!(nanos(&kept[silent]["usd"]), 0, "{silent}: {kept:#}");
            assert_eq!(kept[silent]["requests"], "0", "{silent}: {kept:#}");
        }
        assert_eq!(setup.ask(&["ledger", "unreconciled"]).unwrap(), Value::Array(Vec::new()));
        let verified = setup.run(&["audit", "verify"]).unwrap();
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
        assert_trail_tells(self.folder.path(), &setup, served);
    }

    fn account(&self, account: &str) -> Value {
        find(&self.running.gateway.setup().ask(&["spend", "--all"]).unwrap(), account)
    }
}

async fn calls_of(agent: &TestAgent, proxy: SocketAddr, calls: usize, body: &'static str) -> Vec<Answer> {
    let mut connection = KeepAlive::open(proxy).await.unwrap();
    let mut answers = Vec::with_capacity(calls);
    for _ in 0..calls {
        answers.push(connection.send(agent.chat(body).unwrap()).await.unwrap());
    }
    answers
}

/// The one with this name among accounts.
fn find(accounts: &Value, account: &str) -> Value {
    let found = accounts.as_array().unwrap().iter().find(|row| row["account"] == account);
    found.unwrap_or_else(|| panic!("no account {account} in {accounts:#}")).clone()
}

fn nanos(amount: &Value) -> i64 {
    Money::from_str(amount.as_str().unwrap()).unwrap().nanos()
}

/// As many `admit` entries as calls that reached the vendor, and an exact outcome for each.
fn assert_trail_tells(folder: &Path, setup: &bursar_testkit::Setup, served: u64) {
    let path = folder.join("export.ndjson");
    let exported = setup.run(&["audit", "export", "--to", path.to_str().unwrap()]).unwrap();
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    let text = std::fs::read_to_string(path).unwrap();
    let (mut admits, mut exact) = (0, 0);
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        admits += u64::from(line["entry"].get("admit").is_some());
        exact += u64::from(line["entry"]["outcome"]["charge"]["certainty"] == "exact");
    }
    assert_eq!((admits, exact), (served, served));
}

/// How many calls were served. Every other one was refused over the limit, with a refusal that holds by its own
/// figures: what was spent, held and needed is indeed more than the limit.
fn served(answers: &[Answer]) -> u64 {
    let mut served = 0;
    for answer in answers {
        if answer.status == 200 {
            served += 1;
            continue;
        }
        assert_over_limit(answer);
    }
    served
}

fn assert_over_limit(answer: &Answer) {
    assert_eq!(answer.status, 402, "{}", answer.text());
    assert_eq!(answer.header("x-should-retry"), Some("false"));
    let body = answer.json();
    assert_eq!(body["error"]["code"], "over_limit", "{body:#}");
    let message = body["error"]["message"].as_str().unwrap();
    assert!(message.contains("has spent") && message.contains("owner@acme.example"), "{message}");
    // Had it fitted by these figures, it would have been refused falsely.
    let error = &body["error"];
    let [limit, spent, held, needed] = ["limit", "spent", "held", "needed"].map(|field| nanos(&error[field]));
    assert!(spent + held + needed > limit && spent + held <= limit, "{body:#}");
}

#[test]
fn of_64_agents_with_200_calls_each_exactly_those_that_fit_reach_the_vendor() {
    const FIT: u64 = 1_000;
    // The vendor uses the whole bound: what is held is what is paid, so there is never a call that must wait for
    // money to come back, and the first 1,000 to ask are the 1,000 that are served.
    let town = Town::open("{ scope: team, name: core, window: total, usd: 0.1 }", 1_000_000);
    let answers = town.storm(200, r#"{"model":"flat","max_tokens":100,"messages":[{"role":"user","content":"go"}]}"#);
    assert_eq!(answers.len(), 12_800);
    assert_eq!(served(&answers), FIT);
    for answer in answers.iter().filter(|answer| answer.status == 200) {
        assert_eq!(answer.header("bursar-cost-usd"), Some("0.0001"));
    }
    let served = town.vendor.served();
    assert_eq!((served.total, served.billed), (FIT, FIT));
    town.close("team:core@total", FIT, 100 * TOKEN_NANOS);
}

#[test]
fn money_that_was_held_and_not_needed_serves_other_agents() {
    const FIT: u64 = 300;
    const BODY: &str = r#"{"model":"flat","max_tokens":100,"messages":[{"role":"user","content":"go"}]}"#;
    // A call may cost 100,000 nano-dollars and does cost 25,000. Behind 300 calls 99,999 are left: one too few.
    let town = Town::open("{ scope: org, window: total, usd: 0.007599999 }", 25);
    let mut answers = town.storm(40, BODY);
    // While much is held for calls under way, others are refused rightly. Now nothing is held: one after the other
    // they get all that is left.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let rest = runtime.block_on(async {
        let mut connection = KeepAlive::open(town.running.proxy).await.unwrap();
        let mut rest = Vec::new();
        loop {
            rest.push(connection.send(town.agents[0].chat(BODY).unwrap()).await.unwrap());
            if rest.last().unwrap().status != 200 {
                return rest;
            }
        }
    });
    answers.extend(rest);
    assert_eq!(served(&answers), FIT);
    assert_eq!(town.vendor.served().total, FIT);
    town.close("org:acme@total", FIT, 25 * TOKEN_NANOS);
}

#[test]
fn a_limit_on_calls_lets_exactly_so_many_through() {
    const FIT: u64 = 321;
    let town = Town::open("{ scope: org, window: total, requests: 321 }", 10);
    let answers = town.storm(20, r#"{"model":"flat","max_tokens":100,"messages":[{"role":"user","content":"go"}]}"#);
    assert_eq!(answers.len(), 1_280);
    assert_eq!(served(&answers), FIT);
    assert_eq!(town.vendor.served().total, FIT);
    town.close("org:acme@total", FIT, 10 * TOKEN_NANOS);
}

#[test]
fn a_budget_that_fits_all_calls_refuses_none() {
    // 64 × 10 calls of exactly 100,000 nano-dollars, and not one nano-dollar more than they need.
    let town = Town::open("{ scope: team, name: core, window: total, usd: 0.064 }", 1_000_000);
    let answers = town.storm(10, r#"{"model":"flat","max_tokens":100,"messages":[{"role":"user","content":"go"}]}"#);
    assert_eq!(served(&answers), 640);
    town.close("team:core@total", 640, 100 * TOKEN_NANOS);
}
