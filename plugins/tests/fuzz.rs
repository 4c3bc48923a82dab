//! Fuzz targets: `cargo test` runs each for a moment, `cargo bolero test -p bursar-plugins <name>` for as long as asked.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeSet;
use std::fmt;

use bolero::check;
use bytes::Bytes;
use plugins::decode::{Budget, Decoder};
use plugins::json::{Document, Fault, Kind, Rules, Value, decimal_half_up, splice};
use plugins::prices::{PriceBook, Terms};
use plugins::sse::Parser;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use types::Usage;

/// What serde_json makes of a text, keys that stand twice refused: the second opinion.
enum Tree {
    Leaf,
    List(Vec<Tree>),
    Map(Vec<(String, Tree)>),
}

struct TreeVisitor;

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_bool<E>(self, _: bool) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }
    fn visit_str<E>(self, _: &str) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }
    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Tree, A::Error> {
        let (mut fields, mut names) = (Vec::new(), BTreeSet::new());
        while let Some((name, item)) = access.next_entry::<String, Tree>()? {
            if !names.insert(name.clone()) {
                return Err(serde::de::Error::custom("twice"));
            }
            fields.push((name, item));
        }
        Ok(Tree::Map(fields))
    }
}

fn same_shape(value: &Value<'_>, tree: &Tree) -> bool {
    match tree {
        Tree::Leaf => !matches!(value.kind(), Kind::Array | Kind::Object),
        Tree::List(items) => {
            let own: Vec<_> = value.items().collect();
            value.kind() == Kind::Array
                && own.len() == items.len()
                && own.iter().zip(items).all(|(own, item)| same_shape(own, item))
        }
        Tree::Map(fields) => {
            let own: Vec<_> = value.fields().collect();
            let same = |(own, (name, item)): (&plugins::json::Field<'_>, &(String, Tree))| {
                own.name() == **name && same_shape(&own.value, item)
            };
            value.kind() == Kind::Object && own.len() == fields.len() && own.iter().zip(fields).all(same)
        }
    }
}

fn agree(body: &[u8]) {
    // One level below serde_json's own limit of nesting, so that the limits are not what differs.
    let rules = Rules { depth_max: 126, ..Rules::REQUEST };
    let (ours, theirs) = (Document::scan_by(body, &rules), serde_json::from_slice::<Tree>(body));
    match (ours, theirs) {
        (Ok(document), Ok(tree)) => assert!(same_shape(&document.root(), &tree), "{body:?}"),
        (Err(_), Err(_)) => {}
        // A number that no double holds: we keep its text, and a meter that wanted an integer refuses it.
        (Ok(_), Err(error)) => assert!(error.to_string().contains("number out of range"), "{error}: {body:?}"),
        (Err(error), Ok(_)) => assert!(matches!(error.fault, Fault::Nul | Fault::TooDeep { .. }), "{error}: {body:?}"),
    }
}

const SEEDS: [&str; 6] = [
    r#"{"model":"gpt-x","max_tokens":5,"messages":[{"role":"user","content":"h\u00e9\ud83d\ude00 \"x\" \\ \n"}],"stream":true}"#,
    r#"{"a":{"b":{"c":[1,-2.5e+3,0,1e400,[],{}, null ,false]}},"d":"","e":"\u0001\t","f":{"":0," ":1}}"#,
    r#"{"k0":0,"k1":1,"k2":2,"k3":3,"k4":4,"k5":5,"k6":6,"k7":7,"k8":8,"k9":9,"ka":0,"kb":1,"kc":2,"kd":3,"ke":4,"kf":5,"kg":6,"kh":7}"#,
    " [ \"\u{e9}\u{1f600}\", \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\" ] \r\n",
    "0.00049701333e-7",
    r#"[[[[[[[[[[[[[[[[{"x":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}]]]]]]]]]]]]]]]]"#,
];

#[test]
fn any_bytes_are_read_as_serde_reads_them_or_refused() {
    check!().for_each(agree);
}

#[test]
fn mutants_of_documents_are_read_as_serde_reads_them_or_refused() {
    check!().with_type::<(u8, Vec<(u16, u8, bool)>)>().for_each(|(seed, changes)| {
        let mut body = SEEDS[usize::from(*seed) % SEEDS.len()].as_bytes().to_vec();
        for (place, byte, insert) in changes.iter().take(4) {
            let place = usize::from(*place) % body.len().max(1);
            // Mostly bytes that mean something to JSON.
            let byte = br#"{}[]:,"\u0123456789abcdeE+-.tfn/ "#.get(usize::from(*byte)).copied().unwrap_or(*byte);
            if *insert || body.is_empty() {
                body.insert(place.min(body.len()), byte);
            } else {
                body[place] = byte;
            }
        }
        agree(&body);
    });
}

#[test]
fn an_inserted_field_is_there_and_nothing_else_changes() {
    check!().with_type::<(u8, String)>().for_each(|(seed, name)| {
        let body = Bytes::from_static(SEEDS[usize::from(*seed) % SEEDS.len()].as_bytes());
        let document = Document::scan(&body).unwrap();
        let Some(edit) = document.root().insert_field(name, "[7]") else { return };
        let Ok(edited) = splice(&body, vec![edit]) else {
            assert!(document.root().field(name).is_some() || name.contains('\0'), "{name:?}");
            return;
        };
        let edited = Document::scan(&edited).unwrap();
        assert_eq!(edited.at(&[name]).unwrap().raw(), "[7]");
        for field in document.root().fields() {
            assert_eq!(edited.root().field(&field.name()).unwrap().raw(), field.value.raw());
        }
    });
}

#[test]
fn any_number_text_is_read_exactly_or_not_at_all() {
    check!().with_type::<(u64, u8, i16)>().for_each(|(digits, point, exponent)| {
        let mut text = format!("{digits:020}");
        text.insert(usize::from(*point) % 19 + 1, '.');
        let scaled = decimal_half_up(&format!("{text}e{exponent}"), 12);
        let shifted = decimal_half_up(&text, 12).is_some();
        assert!(shifted, "twenty digits fit");
        assert!(scaled.is_none_or(|scaled| scaled >= 0));
    });
}

#[test]
fn any_bytes_decode_alike_in_any_chunks_and_within_the_budget() {
    check!().with_type::<(u8, u8, Vec<u8>)>().for_each(|(coding, size, body)| {
        let coding = ["gzip", "deflate", "br", "zstd"][usize::from(*coding) % 4];
        let budget = Budget { bytes_max: 1 << 20, ratio_max: 100 };
        let read = |size: usize| {
            let mut decoder = Decoder::new(Some(coding), budget).unwrap();
            let mut plain = Vec::new();
            let outcome = body
                .chunks(size)
                .try_for_each(|piece| decoder.push(piece, |piece| plain.extend_from_slice(piece)))
                .and_then(|()| decoder.finish());
            assert!(plain.len() <= 1 << 20);
            outcome.map(|()| plain)
        };
        let (whole, pieces) = (read(usize::MAX), read(usize::from(*size).max(1)));
        // Which fault comes first may depend on the pieces; whether it is sound, and what it says, may not.
        assert_eq!(whole.ok(), pieces.ok());
    });
}

#[test]
fn any_stream_gives_the_same_events_in_any_chunks() {
    check!().with_type::<(u8, u8, Vec<u8>)>().for_each(|(cap, size, stream)| {
        // Half of the bytes become ones that mean something to an event stream.
        let useful = b"data: event\n\r\n:\xef\xbb\xbf";
        let stream: Vec<u8> =
            stream.iter().map(|byte| useful.get(usize::from(*byte)).copied().unwrap_or(*byte)).collect();
        let read = |size: usize| {
            let (mut parser, mut events) = (Parser::new(usize::from(*cap)), Vec::new());
            let mut keep = |event: plugins::sse::Event<'_>| {
                events.push((event.name.to_vec(), event.data.to_vec(), event.range, event.whole, event.ended));
            };
            for chunk in stream.chunks(size) {
                parser.push(chunk, &mut keep);
            }
            parser.finish(&mut keep);
            events
        };
        let whole = read(usize::MAX);
        assert_eq!(whole, read(usize::from(*size).max(1)));
        let end = whole.iter().try_fold(0, |from, event| (event.2.start == from).then_some(event.2.end));
        assert_eq!(end, Some(stream.len() as u64));
    });
}

const FILE: &str = r#"{"provider":"a","as_of":"2026-11-21","hosts":["h"],"tools":{"web_search":"0.01"},"models":[{"id":"m","aka":["n"],"match":[{"re":"^m-\\d{8}$"},{"all":[{"sw":"x"},{"ew":"y"}]}],"ctx":9,"maxout":8,"p":{"in":"2.5","out":"10","cr":"0.25"},"above":[{"gt":5,"p":{"in":"5"}}],"svc":{"flex":{"p":{"in":"1"}}},"sched":[{"from":"2027-01-01","p":{"in":"3","out":"9"}}],"tod":[{"utc":["01:00","04:00"],"days":"mon-fri","p":{"in":"4"}}],"uplift":{"us":"1.1"},"hi":{"out":"11"},"u":{"request":"0.012"}}]}"#;

#[test]
fn any_price_file_is_refused_or_prices_without_a_fault() {
    check!().with_type::<Vec<(u16, u8)>>().for_each(|changes| {
        let mut file = FILE.as_bytes().to_vec();
        for (place, byte) in changes.iter().take(3) {
            let place = usize::from(*place) % file.len();
            file[place] = b"0123456789.-\",:{}[]am"[usize::from(*byte) % 21];
        }
        let Ok(book) = PriceBook::parse(&[("f", &file)]) else { return };
        let usage = Usage { input: 7, output: 8, cache_write_1h: 9, web_searches: 1, ..Usage::default() };
        for model in book.providers()[0].models() {
            for tier in [None, Some("flex"), Some("priority"), Some("odd")] {
                let terms = Terms { now_ms: 1_798_765_200_000, tier, uplift: Some("us") };
                let bound = model.bound_rates(&terms, usage.input_total()).and_then(|rates| rates.cost(&usage));
                assert!(model.cost(&usage, &terms).is_none_or(|cost| bound.is_none_or(|bound| bound >= cost)));
            }
        }
    });
}
