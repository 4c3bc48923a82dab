//! A gateway with one agent and a budget, and what every test of bad input asks of it.

use std::str::FromStr;

use bursar_testkit::http::{self, Answer};
use bursar_testkit::{Gateway, HouseFile, KitError, TestAgent, TestVendor};
use loadtest::vendor::{Behaviour, Fault};
use serde_json::Value;
use types::Money;

/// A model whose input costs nothing and whose output costs 1,000 nano-dollars a token.
pub(crate) const FLAT_PRICE: &str =
    "prices: { models: [{ provider: openai, model: flat, usd_per_1m: { input: 0, output: 1 }, max_output: 100000 }] }";
/// A call that may cost 100 tokens, and does cost 100.
pub(crate) const GOOD: &str = r#"{"model":"flat","max_tokens":100,"messages":[{"role":"user","content":"go"}]}"#;
pub(crate) const GOOD_NANOS: i64 = 100_000;
/// How often a start is tried again because another program took a free port first.
const STARTS_MAX: usize = 5;

/// What stands on the agent's account, in nano-dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Books {
    pub(crate) posted: i64,
    pub(crate) presumed: i64,
    pub(crate) held: i64,
}

pub(crate) struct Desk {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) vendor: TestVendor,
    pub(crate) agent: TestAgent,
    pub(crate) gateway: Gateway,
    pub(crate) proxy: std::net::SocketAddr,
}

impl Desk {
    pub(crate) fn open() -> Self {
        Self::open_with(|file| file, |text, _| text)
    }

    /// After something was done to its empty folder.
    pub(crate) fn open_before(prepare: impl FnOnce(&std::path::Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path());
        Self::open_in(folder, |file| file, |text, _| text)
    }

    /// With a changed file: before it is written as text, and after.
    pub(crate) fn open_with(
        file: impl FnOnce(HouseFile) -> HouseFile,
        text: impl Fn(String, &TestVendor) -> String,
    ) -> Self {
        Self::open_in(tempfile::tempdir().unwrap(), file, text)
    }

    fn open_in(
        folder: tempfile::TempDir,
        file: impl FnOnce(HouseFile) -> HouseFile,
        text: impl Fn(String, &TestVendor) -> String,
    ) -> Self {
        let vendor = TestVendor::start(folder.path(), &[]).unwrap();
        let agent = TestAgent::new("researcher");
        let plain = HouseFile::of(&[&agent]).limited("{ scope: agent, window: total, usd: 5 }").with(FLAT_PRICE);
        let file = file(plain);
        for _ in 0..STARTS_MAX {
            let (mut setup, proxy) = file.setup(folder.path(), &vendor).unwrap();
            setup.config = text(setup.config, &vendor);
            match Gateway::start(setup) {
                Ok(gateway) => {
                    let desk = Self { folder, vendor, agent, gateway, proxy };
                    desk.behave(Fault::None);
                    return desk;
                }
                Err(KitError::Ended { said, .. }) if said.contains("in use") => {}
                Err(error) => panic!("{error}"),
            }
        }
        panic!("no free port")
    }

    /// From now on the vendor answers with 100 tokens, or goes wrong in this way.
    pub(crate) fn behave(&self, fault: Fault) {
        self.vendor.behave(Behaviour { output_tokens: 100, chunks: 100, fault, ..Behaviour::default() });
    }

    pub(crate) fn call(&self, body: &str) -> Answer {
        http::send_blocking(self.proxy, self.agent.chat(body.to_owned()).unwrap()).unwrap()
    }

    pub(crate) fn books(&self) -> Books {
        let rows = http::get(self.gateway.setup().operator, "/v1/accounts").unwrap().json();
        let row = rows.as_array().unwrap().iter().find(|row| row["account"] == "agent:researcher@total");
        let Some(row) = row else { return Books::default() };
        let [posted, presumed, held] = ["posted", "presumed", "held"].map(|column| nanos(&row[column]["usd"]));
        Books { posted, presumed, held }
    }

    /// A good call is served, and costs what it should.
    pub(crate) fn assert_works(&self) {
        self.behave(Fault::None);
        let before = self.books();
        let answer = self.call(GOOD);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("bursar-cost-usd"), Some("0.0001"));
        assert_eq!(self.books(), Books { posted: before.posted + GOOD_NANOS, ..before });
    }

    /// This body is refused before anything leaves and before anything is held; a good call still works.
    pub(crate) fn assert_refused(&self, body: &str, status: u16, code: &str, phrase: &str) {
        let (before, seen) = (self.books(), self.vendor.served().total);
        refused(&self.call(body), status, code, phrase);
        assert_eq!(self.books(), before);
        assert_eq!(self.vendor.served().total, seen, "it reached the vendor");
        self.assert_works();
    }
}

pub(crate) fn nanos(amount: &Value) -> i64 {
    Money::from_str(amount.as_str().unwrap()).unwrap().nanos()
}

/// The answer is this refusal, in the provider's shape or as problem details.
pub(crate) fn refused(answer: &Answer, status: u16, code: &str, phrase: &str) {
    let body = answer.json();
    let (told, message) = match body.get("error") {
        Some(error) => (error["code"].clone(), error["message"].clone()),
        None => (body["code"].clone(), body["detail"].clone()),
    };
    assert_eq!((answer.status.as_u16(), told.as_str()), (status, Some(code)), "{}", answer.text());
    let message = message.as_str().unwrap_or_default();
    assert!(message.contains(phrase), "{message:?} does not tell {phrase:?}");
    assert!(answer.header("bursar-decision-id").is_some());
}
