use std::format;
use std::vec;

use proptest::prelude::*;
use types::{Caller, Money, OutputBound, Quote};

use super::*;
use crate::lists::{Level, Pattern};

const NOON: u64 = 1_795_262_400_000; // 2026-11-21T12:00:00Z

fn caller() -> Caller {
    Caller { agent: "researcher".into(), org: "acme".into(), session: "-".into(), team: "-".into(), user: "-".into() }
}

fn quote(bound_usd: i64, floor_usd: i64) -> Quote {
    let amounts = |usd| Amounts { requests: 1, tokens: 1_000, usd: Money::from_nanos(usd) };
    Quote {
        vendor: "openai".into(),
        model: "gpt-5-mini".into(),
        bound: amounts(bound_usd),
        floor: amounts(floor_usd),
        output: OutputBound::Open { max: 1_000 },
        streaming: false,
    }
}

fn facts<'a>(caller: &'a Caller, quote: Option<&'a Quote>) -> Facts<'a> {
    Facts {
        caller,
        kind: Kind::Llm,
        route: "openai",
        vendor: "openai",
        model: "gpt-5-mini",
        host: "api.openai.com",
        method: "POST",
        path: "/v1/chat/completions",
        quote,
        now_ms: NOON,
    }
}

fn limit(scope: Scope, name: Option<&str>, measure: Measure, window: Window, amount: i64) -> Limit {
    Limit { scope, name: name.map(Name::from), measure, window, amount }
}

fn list(level: Level, about: About, allow: Option<&[&str]>, deny: &[&str]) -> List {
    let patterns = |texts: &[&str]| texts.iter().map(|text| Pattern::new(text).unwrap()).collect::<Vec<_>>();
    List { level, about, allow: allow.map(patterns), deny: patterns(deny) }
}

/// What a route says by being there.
fn route_lists() -> Vec<List> {
    let level = Level::Route("openai".into());
    vec![list(level.clone(), About::Vendors, Some(&["openai"]), &[]), list(level, About::Models, Some(&["*"]), &[])]
}

fn policy_with(limits: Vec<Limit>, mut lists: Vec<List>) -> Policy {
    lists.extend(route_lists());
    Policy::new(PolicyParts { zone: Zone::utc(), limits, lists, contact: None }).unwrap()
}

fn names(plan: &Plan) -> Vec<&str> {
    plan.lines.iter().map(|line| line.account.as_str()).collect()
}

#[test]
fn organisation_team_and_agent_are_counted_without_any_limit() {
    let (mut caller, quote) = (caller(), quote(160, 40));
    let plan = policy_with(vec![], vec![]).plan(&facts(&caller, Some(&quote))).unwrap();
    assert_eq!(
        names(&plan),
        [
            "org:acme@day:2026-11-21",
            "org:acme@month:2026-11",
            "org:acme@total",
            "agent:researcher@day:2026-11-21",
            "agent:researcher@month:2026-11",
            "agent:researcher@total",
        ]
    );
    assert!(plan.lines.iter().all(|line| line.limits == Limits::NONE));
    assert_eq!((plan.amount, plan.floor), (quote.bound, quote.floor));
    assert_eq!(plan.rules, ["vendors@route:openai", "models@route:openai"]);
    assert_eq!(plan.lines[0].resets_ms, Some(NOON + 12 * 3_600_000));
    assert_eq!(plan.lines[2].resets_ms, None);

    caller.team = "red".into();
    let plan = policy_with(vec![], vec![]).plan(&facts(&caller, Some(&quote))).unwrap();
    assert!(names(&plan).contains(&"team:red@month:2026-11"));
}

#[test]
fn every_account_with_a_limit_is_counted_and_named_after_what_it_counts() {
    let each = [Scope::User, Scope::Session, Scope::Vendor, Scope::Model]
        .map(|scope| limit(scope, None, Measure::Requests, Window::Hour, 10));
    let policy = policy_with(each.to_vec(), vec![]);
    let quote = quote(1, 1);
    let mut caller = caller();
    caller.session = "s-1".into();
    caller.user = "ann@example.com".into();
    let plan = policy.plan(&facts(&caller, Some(&quote))).unwrap();
    let hours: Vec<&str> = names(&plan).into_iter().filter(|name| name.contains("@hour:")).collect();
    assert_eq!(
        hours,
        [
            "user:ann%40example.com@hour:2026-11-21T12",
            "session:researcher/s-1@hour:2026-11-21T12",
            "vendor:openai@hour:2026-11-21T12",
            "model:openai/gpt-5-mini@hour:2026-11-21T12",
        ]
    );
    let subjects: Vec<_> = plan.subjects.iter().map(|subject| format!("{subject}")).collect();
    assert_eq!(
        subjects,
        [
            "org:acme",
            "agent:researcher",
            "user:ann@example.com",
            "session:researcher/s-1",
            "vendor:openai",
            "model:openai/gpt-5-mini"
        ]
    );
    // Who has no session and names no user has no such account.
    caller.session = "-".into();
    caller.user = "-".into();
    assert!(!names(&policy.plan(&facts(&caller, Some(&quote))).unwrap()).iter().any(|name| name.starts_with("user")));
}

#[test]
fn limits_on_one_account_merge_to_the_tightest() {
    let limits = vec![
        limit(Scope::Agent, None, Measure::Usd, Window::Day, 5),
        limit(Scope::Agent, Some("researcher"), Measure::Usd, Window::Day, 9),
        limit(Scope::Agent, Some("researcher"), Measure::Requests, Window::Day, 7),
        limit(Scope::Agent, Some("researcher"), Measure::Requests, Window::Day, 8),
        limit(Scope::Agent, Some("writer"), Measure::Usd, Window::Day, 1),
    ];
    let policy = policy_with(limits, vec![]);
    let (caller, quote) = (caller(), quote(1, 1));
    let plan = policy.plan(&facts(&caller, Some(&quote))).unwrap();
    let day = plan.lines.iter().find(|line| line.account.as_str() == "agent:researcher@day:2026-11-21").unwrap();
    assert_eq!(day.limits, Limits { usd: Some(5), requests: Some(7), tokens: None });
}

#[test]
fn a_cap_on_single_transactions_lowers_the_amount_or_refuses() {
    let policy = policy_with(vec![limit(Scope::Agent, None, Measure::Usd, Window::Transaction, 100)], vec![]);
    let caller = caller();
    let lowered = policy.plan(&facts(&caller, Some(&quote(160, 40)))).unwrap();
    assert_eq!(lowered.amount.of(Measure::Usd), 100);
    assert_eq!(lowered.rules.last().unwrap(), "limit agent:each@transaction usd");
    let denial = policy.plan(&facts(&caller, Some(&quote(160, 101)))).unwrap_err();
    let Reason::OverLimit(shortfall) = &denial.reason else { panic!("{denial:?}") };
    assert_eq!(shortfall.account.as_str(), "agent:researcher@transaction");
    assert_eq!((shortfall.limit, shortfall.needed, shortfall.resets_ms), (100, 101, None));
    assert_eq!(denial.rule, "limit agent:each@transaction usd");
}

#[test]
fn a_limit_of_zero_stands_in_the_line() {
    let policy = policy_with(vec![limit(Scope::Org, None, Measure::Usd, Window::Total, 0)], vec![]);
    let (caller, quote) = (caller(), quote(1, 1));
    let plan = policy.plan(&facts(&caller, Some(&quote))).unwrap();
    assert_eq!(plan.lines.iter().find_map(|line| line.limits.usd), Some(0));
}

#[test]
fn what_no_account_can_hold_is_refused() {
    let (policy, caller) = (policy_with(vec![], vec![]), caller());
    let what = |facts: &Facts<'_>| match policy.plan(facts).unwrap_err().reason {
        Reason::Unbounded { what } => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(what(&facts(&caller, Some(&quote(AMOUNT_MAX + 1, 1)))), "more than any account can hold");
    assert_eq!(what(&facts(&caller, Some(&quote(-1, -1)))), "more than any account can hold");
    assert_eq!(what(&facts(&caller, Some(&quote(1, 2)))), "a quote whose floor lies above its bound");
    assert_eq!(what(&facts(&caller, None)), "a priced call without a quote");
}

#[test]
fn a_free_endpoint_is_one_request_and_asks_no_model_list() {
    let models = list(Level::Org, About::Models, Some(&["gpt-5*"]), &[]);
    let (policy, caller) = (policy_with(vec![], vec![models]), caller());
    let facts = Facts { kind: Kind::Free, model: "-", ..facts(&caller, None) };
    let plan = policy.plan(&facts).unwrap();
    assert_eq!(plan.amount, Amounts { requests: 1, tokens: 0, usd: Money::ZERO });
    assert_eq!(plan.rules, ["vendors@route:openai"]);
    // What may use tokens has a model, whatever it calls itself.
    let quote = quote(1, 1);
    let nameless = Facts { quote: Some(&quote), ..facts };
    assert_eq!(policy.plan(&nameless).unwrap_err().rule, "models@org");
}

#[test]
fn lists_intersect_from_the_organisation_to_the_route() {
    let org = list(Level::Org, About::Models, Some(&["gpt-5*", "claude-*"]), &["gpt-5-pro"]);
    let agent = list(Level::Agent("researcher".into()), About::Models, Some(&["gpt-5-mini", "gpt-5-pro"]), &[]);
    let stranger = list(Level::Agent("writer".into()), About::Models, Some(&["nothing"]), &[]);
    let (policy, caller) = (policy_with(vec![], vec![org, agent, stranger]), caller());
    let quote = quote(1, 1);
    let outcome = |model: &str| match policy.plan(&Facts { model, ..facts(&caller, Some(&quote)) }) {
        Ok(_) => "allowed".into(),
        Err(denial) => denial.rule,
    };
    assert_eq!(outcome("gpt-5-mini"), "allowed");
    assert_eq!(outcome("GPT-5-MINI"), "allowed");
    assert_eq!(outcome("gpt-5-nano"), "models@agent:researcher");
    assert_eq!(outcome("gpt-5-pro"), "models@org");
    assert_eq!(outcome("gpt-4o"), "models@org");
}

#[test]
fn where_nobody_allows_nothing_passes() {
    let parts = PolicyParts { zone: Zone::utc(), limits: vec![], lists: vec![], contact: None };
    let (policy, caller, quote) = (Policy::new(parts).unwrap(), caller(), quote(1, 1));
    let denial = policy.plan(&facts(&caller, Some(&quote))).unwrap_err();
    assert_eq!(denial.reason, Reason::VendorNotAllowed { host: "api.openai.com".into() });
    assert_eq!(denial.rule, "vendors@nobody");
    // A list that only denies allows nothing by itself.
    let only_denies = vec![list(Level::Org, About::Vendors, None, &["xai"])];
    let parts = PolicyParts { zone: Zone::utc(), limits: vec![], lists: only_denies, contact: None };
    assert_eq!(Policy::new(parts).unwrap().plan(&facts(&caller, Some(&quote))).unwrap_err().rule, "vendors@nobody");
}

#[test]
fn a_pattern_with_a_slash_allows_the_vendor_it_names_and_denies_in_any_reading() {
    let caller = caller();
    let quote = quote(1, 1);
    let routed = Facts { vendor: "openrouter", model: "openai/gpt-5", ..facts(&caller, Some(&quote)) };
    let outcome = |allow: Option<&[&str]>, deny: &[&str]| {
        let lists = vec![
            list(Level::Org, About::Vendors, Some(&["openrouter"]), &[]),
            list(Level::Org, About::Models, allow, deny),
            list(Level::Team("-".into()), About::Models, Some(&["*"]), &[]),
        ];
        let parts = PolicyParts { zone: Zone::utc(), limits: vec![], lists, contact: None };
        Policy::new(parts).unwrap().plan(&routed).is_ok()
    };
    assert!(!outcome(Some(&["openai/*"]), &[]));
    assert!(outcome(Some(&["openrouter/openai/*"]), &[]));
    assert!(!outcome(None, &["openai/gpt-5"]));
    assert!(!outcome(None, &["openrouter/*"]));
}

#[test]
fn a_yes_names_the_list_that_let_it_through_and_the_limits_that_were_compared() {
    let policy = policy_with(vec![limit(Scope::Agent, None, Measure::Usd, Window::Day, 500)], vec![]);
    let (caller, quote) = (caller(), quote(160, 40));
    let facts = facts(&caller, Some(&quote));
    let plan = policy.plan(&facts).unwrap();
    let balances = |held: i64| -> Vec<Balance> {
        let held = Amounts { usd: Money::from_nanos(held), ..plan.amount };
        let balance = |line: &Line| Balance {
            account: line.account.clone(),
            posted: Amounts::ZERO,
            presumed: Amounts::ZERO,
            held,
            limits: line.limits,
            resets_ms: line.resets_ms,
        };
        plan.lines.iter().map(balance).collect()
    };
    let yes = policy.decide(&facts, &balances(500));
    assert_eq!(yes.verdict, Verdict::Allow);
    assert_eq!(yes.decided_by, "models@route:openai");
    assert_eq!(yes.rules, ["limit agent:each@day usd"]);
    // A store that granted more than there is does not make it so.
    let no = policy.decide(&facts, &balances(501));
    assert!(matches!(no.verdict, Verdict::Deny(Reason::OverLimit(_))));
    assert_eq!(no.decided_by, "limit agent:each@day usd");
}

#[test]
fn observing_counts_the_same_accounts_without_limits() {
    let limits = vec![
        limit(Scope::Agent, None, Measure::Usd, Window::Hour, 0),
        limit(Scope::Agent, None, Measure::Usd, Window::Transaction, 0),
    ];
    let policy = policy_with(limits, vec![list(Level::Org, About::Models, Some(&["other"]), &[])]);
    let (caller, quote) = (caller(), quote(AMOUNT_MAX + 5, 40));
    let facts = facts(&caller, Some(&quote));
    assert!(policy.plan(&facts).is_err());
    let plan = policy.plan_unlimited(&facts);
    assert!(names(&plan).contains(&"agent:researcher@hour:2026-11-21T12"));
    assert!(plan.lines.iter().all(|line| line.limits == Limits::NONE));
    assert_eq!((plan.amount.of(Measure::Usd), plan.floor.of(Measure::Usd)), (AMOUNT_MAX, 40));
}

#[test]
fn limits_that_cannot_be_are_refused() {
    let refused = |limit| {
        let parts = PolicyParts { zone: Zone::utc(), limits: vec![limit], lists: vec![], contact: None };
        format!("{}", Policy::new(parts).unwrap_err())
    };
    assert_eq!(
        refused(limit(Scope::Agent, None, Measure::Usd, Window::Day, -1)),
        "limit agent:each@day usd is below zero; 0 refuses all"
    );
    assert_eq!(
        refused(limit(Scope::Org, None, Measure::Tokens, Window::Total, i64::MAX)),
        "limit org:each@total tokens is too large; the most is 2^60 (for dollars $1,152,921,504)"
    );
    assert_eq!(
        refused(limit(Scope::Model, Some("gpt-5"), Measure::Usd, Window::Day, 1)),
        r#""gpt-5" is no such name; write vendor/model"#
    );
}

fn any_list(level: Level) -> impl Strategy<Value = List> {
    let words = prop::sample::select(vec!["gpt-5*", "gpt-5-mini", "claude*", "*", "openai/*", "openai/gpt-5-mini"]);
    let words = move || prop::collection::vec(words.clone(), 0..3);
    (prop::option::of(words()), words())
        .prop_map(move |(allow, deny)| list(level.clone(), About::Models, allow.as_deref(), &deny))
}

proptest! {
    #[test]
    fn one_more_list_never_lets_more_through(
        lists in prop::collection::vec(prop_oneof![
            any_list(Level::Org),
            any_list(Level::Team("red".into())),
            any_list(Level::Agent("researcher".into())),
            any_list(Level::Route("openai".into())),
        ], 1..5),
        model in prop::sample::select(vec!["gpt-5", "gpt-5-mini", "claude-opus-5", "GPT-5-mini"]),
    ) {
        let mut caller = caller();
        caller.team = "red".into();
        let quote = quote(1, 1);
        let facts = Facts { model, ..facts(&caller, Some(&quote)) };
        let passes = |lists: &[List]| policy_with(vec![], lists.to_vec()).plan(&facts).is_ok();
        for upto in 1..=lists.len() {
            prop_assert!(!passes(&lists[..upto]) || passes(&lists[..upto - 1]));
        }
        // And the order in which they were written says nothing.
        let reversed: Vec<List> = lists.iter().rev().cloned().collect();
        prop_assert_eq!(passes(&lists), passes(&reversed));
    }

    #[test]
    fn one_more_limit_never_gives_more_room(
        limits in prop::collection::vec((0..7_usize, 0..3_usize, 0..200_i64, any::<bool>()), 1..8),
    ) {
        let windows = [Window::Transaction, Window::Hour, Window::Day, Window::Total];
        let limits: Vec<Limit> = limits
            .into_iter()
            .map(|(scope, measure, amount, each)| {
                let scope = Scope::ALL[scope];
                let name = match scope { Scope::Session => "researcher/s", Scope::Model => "openai/gpt-5-mini", Scope::Vendor => "openai", Scope::Org => "acme", _ => "researcher" };
                let window = windows[usize::try_from(amount).unwrap() % windows.len()];
                limit(scope, (!each).then_some(name), Measure::ALL[measure], window, amount)
            })
            .collect();
        let (caller, quote) = (caller(), quote(160, 40));
        let facts = facts(&caller, Some(&quote));
        let fewer = policy_with(limits[1..].to_vec(), vec![]).plan(&facts);
        let all = policy_with(limits.clone(), vec![]).plan(&facts);
        let (Ok(fewer), Ok(all)) = (&fewer, &all) else {
            prop_assert!(all.is_err(), "a limit more let through what was refused before");
            return Ok(());
        };
        prop_assert_eq!(all.amount.min(fewer.amount), all.amount);
        for line in &all.lines {
            let before = fewer.lines.iter().find(|other| other.account == line.account).map_or(Limits::NONE, |line| line.limits);
            for measure in Measure::ALL {
                let (now, before) = (line.limits.of(measure).unwrap_or(i64::MAX), before.of(measure).unwrap_or(i64::MAX));
                prop_assert!(now <= before);
            }
        }
        // No account stands there twice: the ledger merges charges by account.
        let mut accounts = names(all);
        accounts.sort_unstable();
        accounts.dedup();
        prop_assert_eq!(accounts.len(), all.lines.len());
    }
}
