#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use proptest::prelude::*;

use super::*;

/// 2026-11-21T00:00:00Z, a Saturday: the day of the files that ship.
const NOW: UnixMs = 1_795_219_200_000;
const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;
const YEAR_2027: UnixMs = 1_798_761_600_000;

fn book(models: &str) -> PriceBook {
    try_book(models).expect(models)
}

fn try_book(models: &str) -> Result<PriceBook, PriceFault> {
    let file = format!(
        r#"{{"provider":"acme","as_of":"2026-11-21","hosts":["API.acme.test"],"tools":{{"web_search":"0.01"}},"models":[{models}]}}"#
    );
    PriceBook::parse(&[("acme.json", file.as_bytes())]).map_err(|error| error.fault)
}

fn at(now_ms: UnixMs) -> Terms<'static> {
    Terms { now_ms, ..Terms::default() }
}

fn tier(tier: &str) -> Terms<'_> {
    Terms { now_ms: NOW, tier: Some(tier), uplift: None }
}

fn picos(cost: Option<Cost>) -> i128 {
    cost.expect("a price").picos()
}

/// Input and output price in pico-USD per token.
fn pair(model: &Model, terms: &Terms<'_>, total_input: u64) -> (i128, i128) {
    let rates = model.rates(terms, total_input).expect("rates");
    (picos(rates.input), picos(rates.output))
}

fn only(book: &PriceBook) -> &Model {
    &book.providers()[0].models()[0]
}

#[test]
fn a_wire_id_is_looked_up_exactly_then_by_alias_then_by_clauses_in_order() {
    let book = book(
        r#"{"id":"m-1","match":[{"sw":"m-1"},{"ew":"@one"}],"p":{"in":"1"}},
           {"id":"m-1-mini","aka":["mini"],"p":{"in":"1"}},
           {"id":"m-2","match":[{"re":"^m-2-\\d{4}$"},{"eq":"TWO"}],"p":{"in":"1"}},
           {"id":"m-3","match":[{"all":[{"sw":"m-3"},{"ew":"-x"}]}],"p":{"in":"1"}},
           {"id":"free","p":{"in":"0","out":"0"},"zero":1},
           {"id":"units","u":{"page":"0.001"}}"#,
    );
    let id = |wire: &str| book.model("acme", wire, NOW).map(|model| model.id.to_string());
    for (wire, expected) in [
        ("m-1", Some("m-1")),
        ("m-1-mini", Some("m-1-mini")),
        ("mini", Some("m-1-mini")),
        ("m-1-2026", Some("m-1")),
        ("M-1-Mini-2026", Some("m-1")),
        ("x@one", Some("m-1")),
        ("m-2-2026", Some("m-2")),
        ("m-2-2026-01", None),
        ("xm-2-2026", None),
        ("two", Some("m-2")),
        ("m-3-a-x", Some("m-3")),
        ("m-3-a", None),
        ("MINI", None),
        ("free", None),
        ("units", None),
        ("", None),
        ("nobody", None),
    ] {
        assert_eq!(id(wire).as_deref(), expected, "{wire}");
    }
    assert!(book.model("other", "m-1", NOW).is_none());
}

#[test]
fn clauses_look_only_at_ids_that_could_be_one() {
    let book = book(r#"{"id":"m-1","match":[{"sw":"m-1"}],"p":{"in":"1"}}"#);
    for wire in
        [" m-1", "m-1 ", "m-1\u{0}o1-pro", "m-1\n", "m-1é", "m-1\u{200b}", "m-1\"", &format!("m-1{}", "x".repeat(200))]
    {
        assert!(book.model("acme", wire, NOW).is_none(), "{wire:?}");
    }
}

#[test]
fn a_provider_is_found_by_its_host() {
    let book = book(r#"{"id":"m","p":{"in":"1"}}"#);
    assert_eq!(&*book.provider_of_host("api.acme.test").unwrap().id, "acme");
    assert!(book.provider_of_host("acme.test").is_none() && book.provider_of_host("x.api.acme.test").is_none());
}

#[test]
fn each_bucket_is_charged_once_and_exactly() {
    let book = book(
        r#"{"id":"m","p":{"in":"2.5","out":"10","cr":"0.000001","cw":"3.125","cw1h":"5","a_in":"40","a_out":"80"},"u":{"web_search":"0.025"}}"#,
    );
    let usage = Usage {
        audio_in: 1,
        audio_out: 2,
        cache_read: 3,
        cache_write: 4,
        cache_write_1h: 5,
        input: 6,
        output: 7,
        web_searches: 8,
    };
    let tokens = 40_000_000 + 2 * 80_000_000 + 3 + 4 * 3_125_000 + 5 * 5_000_000 + 6 * 2_500_000 + 7 * 10_000_000;
    let expected = Cost::from_picos(tokens + 8 * 25_000_000_000);
    assert_eq!(book.cost("acme", "m", &usage, NOW, None), Some(expected));
}

#[test]
fn a_kind_without_a_price_costs_what_it_would_otherwise_be_and_is_never_free() {
    let book = book(
        r#"{"id":"bare","p":{"in":"2","out":"8"}},{"id":"cw","p":{"in":"2","out":"8","cw":"2.500001"}},
           {"id":"rsn","p":{"in":"2","out":"8","rsn":"12"}},{"id":"embed","p":{"in":"2"}},{"id":"out","p":{"out":"1"}}"#,
    );
    let rates = |id| book.model("acme", id, NOW).unwrap().rates(&at(NOW), 0).unwrap();
    let bare = rates("bare");
    assert_eq!((bare.cache_read, bare.cache_write, bare.audio_in), (bare.input, bare.input, bare.input));
    assert_eq!((picos(bare.cache_write_1h), bare.audio_out), (4_000_000, bare.output));
    assert_eq!(picos(rates("cw").cache_write_1h), 4_000_002, "1.6 times, rounded up");
    assert_eq!(picos(rates("rsn").output), 12_000_000, "reasoning is told as output");
    let usage = Usage { input: 5, output: 1, ..Usage::default() };
    assert_eq!(rates("embed").cost(&usage), None, "output has no price there");
    assert_eq!(rates("embed").cost(&Usage { output: 0, ..usage }), Some(Cost::from_picos(10_000_000)));
    assert_eq!((rates("out").cost(&usage), rates("out").dearest_input()), (None, None));
}

#[test]
fn fees_are_the_models_own_or_its_providers() {
    let book = book(
        r#"{"id":"own","p":{"in":"1"},"u":{"web_search":"0.025","request":"0.012"}},{"id":"tools","p":{"in":"1"}}"#,
    );
    let model = |id| book.model("acme", id, NOW).unwrap();
    assert_eq!(picos(model("own").fee("web_search")), 25_000_000_000);
    assert_eq!(picos(model("tools").fee("web_search")), 10_000_000_000);
    assert_eq!(model("tools").fee("file_search"), None);
    let cost = |id| model(id).cost(&Usage { web_searches: 2, ..Usage::default() }, &at(NOW));
    assert_eq!((picos(cost("own")), picos(cost("tools"))), (62_000_000_000, 20_000_000_000));
}

#[test]
fn a_tier_for_long_input_prices_the_whole_call_from_the_next_token_on() {
    let book = book(
        r#"{"id":"m","p":{"in":"1","out":"4","cr":"0.1"},
            "above":[{"gt":272000,"p":{"in":"2","out":"6"}},{"gt":199999,"p":{"in":"1.5","out":"5","cr":"0.15"}}]}"#,
    );
    let model = only(&book);
    assert_eq!(pair(model, &at(NOW), 199_999), (1_000_000, 4_000_000));
    assert_eq!(pair(model, &at(NOW), 200_000), (1_500_000, 5_000_000));
    assert_eq!(pair(model, &at(NOW), 272_000), (1_500_000, 5_000_000));
    assert_eq!(pair(model, &at(NOW), 272_001), (2_000_000, 6_000_000));
    let read = |total| picos(model.rates(&at(NOW), total).unwrap().cache_read);
    assert_eq!((read(0), read(200_000)), (100_000, 150_000));
    assert_eq!(read(272_001), 2_000_000, "what the tier does not list may have risen with it");
    let usage = Usage { input: 1, cache_read: 199_999, ..Usage::default() };
    assert_eq!(picos(model.cost(&usage, &at(NOW))), 1_500_000 + 199_999 * 150_000, "cached input counts");
}

#[test]
fn a_service_tier_is_priced_by_the_name_in_the_answer() {
    let book = book(
        r#"{"id":"m","p":{"in":"2","out":"8","cr":"1"},"above":[{"gt":100,"p":{"in":"4","out":"16","cr":"2"}}],
            "svc":{"flex":{"p":{"in":"1","out":"4","cr":"0.5"},"above":[{"gt":100,"p":{"in":"2","out":"8","cr":"1"}}]},
                   "priority":{"p":{"in":"4","out":"12","cr":"2"}},"half":{"p":{"in":"3"}}}},
           {"id":"plain","p":{"in":"2","out":"8"}}"#,
    );
    let model = book.model("acme", "m", NOW).unwrap();
    assert_eq!(pair(model, &tier("flex"), 0), (1_000_000, 4_000_000));
    assert_eq!(pair(model, &tier("FLEX"), 101), (2_000_000, 8_000_000));
    assert_eq!(pair(model, &tier("priority"), 0), (4_000_000, 12_000_000));
    assert_eq!(pair(model, &tier("priority"), 101), (4_000_000, 16_000_000), "silent on long input: the dearer");
    assert_eq!(pair(model, &tier("half"), 0), (3_000_000, 8_000_000), "what it does not list costs list price");
    for standard in ["", "auto", "default", "standard", "on_demand", "ON_DEMAND", "provisioned", "scale", "batch"] {
        assert_eq!(pair(model, &tier(standard), 0), (2_000_000, 8_000_000), "{standard}");
    }
    assert_eq!(pair(model, &tier("tuesday"), 0), (4_000_000, 12_000_000), "a name that tells nothing: the dearest");
    assert!(model.rates(&tier("ultrafast"), 0).is_none(), "a dearer tier of unknown price");
    let plain = book.model("acme", "plain", NOW).unwrap();
    assert!(plain.rates(&tier("priority"), 0).is_none() && plain.bound_rates(&tier("priority"), 0).is_none());
    assert_eq!(pair(plain, &tier("flex"), 0), (2_000_000, 8_000_000));
}

#[test]
fn a_price_changes_at_midnight_utc_of_its_day_and_old_tiers_are_not_trusted_after() {
    let book = book(
        r#"{"id":"m","p":{"in":"2","out":"8"},"sched":[{"from":"2027-01-01","p":{"in":"4","out":"16"}}],
            "svc":{"flex":{"p":{"in":"1","out":"4"}},"batch":{"p":{"in":"1","out":"4"}}},
            "svc_sched":{"batch":[{"from":"2027-01-01","p":{"in":"2","out":"8"}}]}}"#,
    );
    let model = only(&book);
    assert_eq!(pair(model, &at(YEAR_2027 - 1), 0), (2_000_000, 8_000_000));
    assert_eq!(pair(model, &at(YEAR_2027), 0), (4_000_000, 16_000_000));
    let at_tier = |now_ms, name| pair(model, &Terms { now_ms, tier: Some(name), uplift: None }, 0);
    assert_eq!(at_tier(YEAR_2027 - 1, "flex"), (1_000_000, 4_000_000));
    assert_eq!(at_tier(YEAR_2027, "flex"), (4_000_000, 16_000_000), "older than the list: the dearer");
    assert_eq!(at_tier(YEAR_2027, "batch"), (2_000_000, 8_000_000));
    assert_eq!(pair(model, &at(0), 0), (2_000_000, 8_000_000), "a clock before all prices sees the first");
}

#[test]
fn hours_of_the_day_have_their_own_prices() {
    let book = book(
        r#"{"id":"m","p":{"in":"1","out":"4"},"tod":[{"utc":["01:00","04:00"],"days":"mon-fri","p":{"in":"2","out":"8"}},
            {"utc":["23:30","00:30"],"p":{"in":"3","out":"9"}}]}"#,
    );
    let model = only(&book);
    let monday = NOW + 2 * DAY;
    for (now_ms, input) in [
        (monday + HOUR - 1, 1),
        (monday + HOUR, 2),
        (monday + 4 * HOUR - 1, 2),
        (monday + 4 * HOUR, 1),
        (NOW + HOUR, 1),
        (NOW - DAY + HOUR, 2),
        (NOW + DAY + HOUR, 1),
        (monday + 23 * HOUR + HOUR / 2, 3),
        (monday, 3),
        (monday + HOUR / 2, 1),
    ] {
        assert_eq!(pair(model, &at(now_ms), 0).0, input * 1_000_000, "{now_ms}");
        let bound = model.bound_rates(&at(now_ms), 0).unwrap();
        assert_eq!((picos(bound.input), picos(bound.output)), (3_000_000, 9_000_000), "reserved at the peak");
    }
}

#[test]
fn uplifts_raise_tokens_and_nothing_else() {
    let book = book(
        r#"{"id":"m","p":{"in":"1","out":"0.000001"},"uplift":{"us":"1.1","fast":"2"},"u":{"web_search":"0.01"}}"#,
    );
    let model = only(&book);
    let cost = |tier, uplift, usage: Usage| picos(model.cost(&usage, &Terms { now_ms: NOW, tier, uplift }));
    let million = Usage { input: 1_000_000, web_searches: 1, ..Usage::default() };
    assert_eq!(cost(None, None, million), 1_010_000_000_000);
    assert_eq!(cost(None, Some("us"), million), 1_110_000_000_000);
    assert_eq!(cost(None, Some("eu"), million), 1_010_000_000_000, "not listed for this model");
    assert_eq!(cost(Some("speed_fast"), None, million), 2_010_000_000_000);
    assert_eq!(cost(Some("speed_fast"), Some("us"), million), 2_210_000_000_000);
    assert_eq!(cost(None, Some("us"), Usage { output: 1, ..Usage::default() }), 2, "rounded up to a pico-dollar");
    let rates = model.bound_rates(&Terms { now_ms: NOW, tier: None, uplift: Some("us") }, 0).unwrap();
    assert_eq!((picos(rates.dearest_input()), picos(rates.dearest_output())), (2_200_000, 2));
}

#[test]
fn the_bound_is_the_dearest_price_within_reach() {
    let book = book(
        r#"{"id":"m","p":{"in":"1","out":"4","cr":"0.1"},"above":[{"gt":1000,"p":{"in":"2","out":"6","cr":"0.2"}}],
            "svc":{"flex":{"p":{"in":"0.5","out":"2"}},"priority":{"p":{"in":"1.5","out":"9"},"above":[{"gt":2000,"p":{"in":"7"}}]}},
            "hi":{"out":"5"},"hi_above":[{"gt":3000,"p":{"in":"8"}}]}"#,
    );
    let model = only(&book);
    let bound = |terms: Terms<'_>, total| {
        let rates = model.bound_rates(&terms, total).unwrap();
        (picos(rates.input), picos(rates.output))
    };
    assert_eq!(bound(at(NOW), 1_000), (1_000_000, 5_000_000), "the disputed price is reserved");
    assert_eq!(pair(model, &at(NOW), 1_000), (1_000_000, 4_000_000), "and not charged");
    assert_eq!(bound(at(NOW), 1_001), (2_000_000, 6_000_000));
    assert_eq!(bound(tier("flex"), 1_000), (1_000_000, 5_000_000), "flex may be served at list price");
    assert_eq!(bound(tier("priority"), 1_000), (1_500_000, 9_000_000));
    assert_eq!(bound(tier("priority"), 2_001), (7_000_000, 9_000_000));
    assert_eq!(bound(at(NOW), 3_001), (8_000_000, 6_000_000));
    let rates = book.bound_rates("acme", "m", 1_000, NOW, None).unwrap();
    assert_eq!(picos(rates.dearest_input()), 2_000_000, "a write for an hour is the dearest input");
}

#[test]
fn sums_beyond_all_money_are_refused_and_not_wrapped() {
    let book = book(r#"{"id":"m","p":{"in":"18000000000000","out":"1"}}"#);
    let usage = Usage { input: u64::MAX, cache_read: u64::MAX, ..Usage::default() };
    assert!(book.cost("acme", "m", &usage, NOW, None).is_none_or(|cost| cost.round_up().is_none()));
}

#[test]
fn a_bad_file_is_refused_and_the_message_says_where() {
    let entry = |rest: &str| format!(r#"{{"id":"m",{rest}}}"#);
    for (rest, said) in [
        (r#""p":{"in":"1e3"}"#, "model \"m\": the price \"in\" is no plain decimal such as 2.5"),
        (r#""p":{"in":"-1"}"#, "model \"m\": the price \"in\" is no plain decimal such as 2.5"),
        (r#""p":{"in":"0.0000001"}"#, "finer than six decimals"),
        (r#""p":{"in":"99999999999999999999"}"#, "too large"),
        (r#""p":{"inn":"1"}"#, "\"inn\" is none of in, out"),
        (r#""p":{"in":1.5}"#, "invalid type"),
        (r#""p":{"in":"1"},"above":[{"gt":-1,"p":{}}]"#, "invalid value"),
        (r#""p":{"in":"1"},"colour":"red""#, "unknown field `colour`"),
        (r#""p":{"in":"1"},"p":{"in":"0"}"#, "the key \"p\" stands twice"),
        (r#""p":{"in":"1"},"aka":["m"]"#, "the wire id \"m\" stands twice"),
        (r#""p":{"in":"1"},"match":[{"ct":"m"}]"#, "unknown variant `ct`"),
        (r#""p":{"in":"1"},"match":[{"re":"m"}]"#, "the match clause m must be"),
        (r#""p":{"in":"1"},"match":[{"re":"^($"}]"#, "the match clause ^($ must be"),
        (r#""p":{"in":"1"},"match":[{"sw":""}]"#, "the match clause  must be"),
        (r#""p":{"in":"1"},"match":[{"all":[]}]"#, "the match clause all must be"),
        (r#""p":{"in":"1"},"sched":[{"from":"2027-02-29","p":{}}]"#, "\"2027-02-29\" is no day"),
        (r#""p":{"in":"1"},"tod":[{"utc":["1:00","04:00"],"p":{}}]"#, "a time of day is written"),
        (r#""p":{"in":"1"},"tod":[{"utc":["01:00","24:00"],"p":{}}]"#, "a time of day is written"),
        (r#""p":{"in":"1"},"tod":[{"utc":["01:00","04:00"],"days":"sun","p":{}}]"#, "a time of day is written"),
        (r#""p":{"in":"1"},"uplift":{"us":"0.9"}"#, "the uplift \"us\" is no factor"),
        (r#""p":{"in":"1"},"u":{"web_search":"0.0000000000001"}"#, "finer than"),
    ] {
        let message = try_book(&entry(rest)).expect_err(rest).to_string();
        assert!(message.contains(said), "{rest}: {message}");
    }
    assert!(matches!(try_book(r#"{"id":"m"},{"id":"m"}"#), Err(PriceFault::NameTwice { .. })));
    assert_eq!(PriceBook::parse(&[]).unwrap_err().fault, PriceFault::NoFile);
    let file = |provider: &str, host: &str| {
        format!(r#"{{"provider":"{provider}","as_of":"2026-11-21","hosts":["{host}"],"models":[]}}"#)
    };
    let (one, two, three) = (file("a", "h1"), file("a", "h2"), file("b", "H1"));
    let both = |other: &str| PriceBook::parse(&[("1.json", one.as_bytes()), ("2.json", other.as_bytes())]).unwrap_err();
    assert_eq!(both(&two).fault, PriceFault::ProviderTwice { provider: "a".into() });
    assert_eq!(both(&three).to_string(), "price file \"2.json\": the host \"h1\" belongs to two providers");
}

#[test]
fn the_version_names_the_bytes() {
    let version = |name: &str, models: &str| {
        let file = format!(r#"{{"provider":"a","as_of":"2026-11-21","hosts":[],"models":[{models}]}}"#);
        PriceBook::parse(&[(name, file.as_bytes())]).unwrap().version().to_string()
    };
    let first = version("a", "");
    assert_eq!((first.len(), first.clone()), (12, version("a", "")));
    assert!(first != version("b", "") && first != version("a", r#"{"id":"m"}"#));
}

#[test]
fn days_are_counted_as_the_calendar_does() {
    for (text, days) in [
        ("1970-01-01", Some(0)),
        ("1972-02-29", Some(789)),
        ("2000-03-01", Some(11_017)),
        ("2026-11-21", Some(20_778)),
        ("2027-01-01", Some(20_819)),
        ("2100-02-29", None),
        ("1969-12-31", None),
        ("2027-00-01", None),
        ("2027-13-01", None),
        ("2027-04-31", None),
        ("2027-1-1", None),
        ("27-01-01", None),
        ("2027-01-01T", None),
    ] {
        assert_eq!(date::day_ms(text), days.map(|days: u64| days * DAY), "{text}");
    }
}

proptest! {
    #[test]
    fn the_bound_is_never_below_the_charge(
        tokens in prop::array::uniform7(0_u64..300_000),
        served in prop::sample::select(vec!["default", "flex", "priority"]),
        now_ms in NOW..NOW + 8 * DAY,
        uplift in prop::sample::select(vec![None, Some("us")]),
    ) {
        let book = book(
            r#"{"id":"m","p":{"in":"1","out":"4","cr":"0.1","cw":"1.25"},"hi":{"cr":"0.5"},
                "above":[{"gt":272000,"p":{"in":"2","out":"6"}}],"uplift":{"us":"1.1"},
                "svc":{"flex":{"p":{"in":"0.5","out":"2"}},"priority":{"p":{"in":"2","out":"8"}}},
                "tod":[{"utc":["01:00","04:00"],"days":"mon-fri","p":{"in":"3"}}]}"#,
        );
        let [input, output, cache_read, cache_write, cache_write_1h, audio_in, audio_out] = tokens;
        let usage = Usage { input, output, cache_read, cache_write, cache_write_1h, audio_in, audio_out, web_searches: 1 };
        let terms = Terms { now_ms, tier: Some(served), uplift };
        let charge = only(&book).cost(&usage, &terms).unwrap();
        let rates = only(&book).bound_rates(&terms, usage.input_total()).unwrap();
        prop_assert!(rates.cost(&usage).unwrap() >= charge);
        let flat = picos(rates.dearest_input()) * i128::from(usage.input_total())
            + picos(rates.dearest_output()) * i128::from(output + audio_out) + picos(rates.web_search);
        prop_assert!(flat >= charge.picos());
    }
}
