#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use bytes::Bytes;
use proptest::prelude::*;

use super::*;

fn fault(text: &str) -> Fault {
    Document::scan(text.as_bytes()).expect_err(text).fault
}

#[test]
fn fields_are_read_by_path_without_a_tree() {
    let body = br#" {"model":"gpt-x","max_tokens" : 12 ,"stream":true,"stream_options":{"include_usage":false},
        "stop":null,"messages":[{"role":"user","content":"a \"b\" \u00e9\ud83d\ude00"},[],{}]} "#;
    let document = Document::scan(body).unwrap();
    assert_eq!(document.text(&["model"]).unwrap().unwrap(), "gpt-x");
    assert_eq!(document.integer(&["max_tokens"]), Ok(Some(12)));
    assert_eq!(document.boolean(&["stream"]), Ok(Some(true)));
    assert_eq!(document.boolean(&["stream_options", "include_usage"]), Ok(Some(false)));
    assert_eq!(document.integer(&["stop"]), Ok(None), "null is as good as absent");
    assert_eq!(document.integer(&["n"]), Ok(None));
    assert!(document.at(&["stop"]).unwrap().is_null() && document.at(&["n"]).is_none());
    assert!(document.at(&["model", "deeper"]).is_none());
    let messages: Vec<_> = document.at(&["messages"]).unwrap().items().collect();
    assert_eq!(messages.len(), 3);
    assert_eq!(messages[0].text_at(&["content"]).unwrap().unwrap(), "a \"b\" é😀");
    assert_eq!(messages[1].items().count() + messages[2].fields().count(), 0);
    assert_eq!(messages[0].kind(), Kind::Object);
    let names: Vec<_> = document.root().fields().map(|field| field.name().into_owned()).collect();
    assert_eq!(names, ["model", "max_tokens", "stream", "stream_options", "stop", "messages"]);
}

#[test]
fn a_span_is_where_the_value_stands() {
    let text = r#"{"a" : [1, "x"] , "b":-2.5e3}"#;
    let document = Document::scan(text.as_bytes()).unwrap();
    let list = document.at(&["a"]).unwrap();
    assert_eq!((&text[list.span()], list.raw()), (r#"[1, "x"]"#, r#"[1, "x"]"#));
    assert_eq!(document.at(&["b"]).unwrap().number(), Some("-2.5e3"));
}

#[test]
fn what_two_readers_could_read_differently_is_refused() {
    let duplicate = |key: &str| Fault::DuplicateKey { key: key.into() };
    assert_eq!(fault(r#"{"model":"a","model":"b"}"#), duplicate("model"));
    assert_eq!(fault(r#"{"max_tokens":5,"max\u005ftokens":9}"#), duplicate("max_tokens"));
    assert_eq!(fault(r#"[{"a":{"x":1,"y":2,"x":3}}]"#), duplicate("x"));
    assert_eq!(fault("\u{feff}{}"), Fault::ByteOrderMark);
    assert_eq!(fault("{} {}"), Fault::Trailing);
    assert_eq!(fault(r#""\ud800""#), Fault::LoneSurrogate);
    assert_eq!(fault(r#""\udc00\ud800""#), Fault::LoneSurrogate);
    assert_eq!(fault(r#""\ud800\u0041""#), Fault::LoneSurrogate);
    assert_eq!(fault(r#""a\u0000b""#), Fault::Nul);
    assert_eq!(fault("\"a\0b\""), Fault::ControlCharacter);
    assert_eq!(fault("\"a\nb\""), Fault::ControlCharacter);
    assert_eq!(Document::scan(b"\"\xff\"").unwrap_err().fault, Fault::Utf8);
    assert_eq!(Document::scan(b"\"\xc0\xaf\"").unwrap_err().fault, Fault::Utf8, "overlong slash");
    assert_eq!(Document::scan(b"\"\xed\xa0\x80\"").unwrap_err().fault, Fault::Utf8, "a surrogate in UTF-8");
}

#[test]
fn what_is_no_json_is_refused() {
    for text in ["01", "-", "1.", ".5", "1e", "1e+", "-01", "1.e1"] {
        assert!(matches!(fault(text), Fault::Number | Fault::Unexpected { .. }), "{text}");
    }
    for text in ["+1", "0x10", "NaN", "Infinity", "tru", "nul", "'a'", "{a:1}", "{\"a\" 1}", "[1 2]", "[,]", "[1,]"] {
        assert!(matches!(fault(text), Fault::Unexpected { .. } | Fault::UnexpectedEnd | Fault::Trailing), "{text}");
    }
    for text in ["{\"a\":1,}", "{,}", "[1}", "{\"a\":1]", "/**/{}", "{\"a\":1//x\n}", "]", "}", "\u{b}1"] {
        assert!(matches!(fault(text), Fault::Unexpected { .. }), "{text}");
    }
    for text in ["", "  ", "{", "[", "[1", "[1,", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":1", "\"a", "\"a\\"] {
        assert!(matches!(fault(text), Fault::UnexpectedEnd | Fault::Escape), "{text}");
    }
    for text in [r#""\x""#, r#""\u12""#, r#""\u12G4""#, r#""\U0041""#, r#""\u+123""#] {
        assert_eq!(fault(text), Fault::Escape, "{text}");
    }
}

#[test]
fn an_error_tells_line_byte_and_how_to_mend_it() {
    let error = Document::scan(b"{\n \"model\": \"a\",\n \"model\": \"b\"}").unwrap_err();
    assert_eq!((error.line, error.offset), (3, 18));
    assert_eq!(error.to_string(), "JSON, line 3, byte 18: the key \"model\" stands twice in one object; send it once");
    let document = Document::scan(b"{\"n\":\n1.0}").unwrap();
    let error = document.integer(&["n"]).unwrap_err();
    assert_eq!((error.line, error.offset), (2, 6));
    assert!(error.to_string().ends_with("the field \"n\" must be a whole number in plain digits such as 1024"));
}

#[test]
fn only_one_spelling_of_a_whole_number_is_read() {
    for (text, value) in [("0", 0), ("5", 5), ("18446744073709551615", u64::MAX)] {
        assert_eq!(Document::scan(text.as_bytes()).unwrap().root().integer(), Some(value), "{text}");
    }
    for text in ["-0", "-1", "1.0", "1e2", "1E+2", "5.5", "\"5\"", "18446744073709551616", "[5]", "true", "null"] {
        assert_eq!(Document::scan(text.as_bytes()).unwrap().root().integer(), None, "{text}");
    }
}

#[test]
fn duplicates_are_found_among_many_keys_too() {
    for count in [16, 17, 40] {
        let keys: Vec<_> = (0..count).map(|key| format!("\"k{key}\":0")).collect();
        let unique = format!("{{{}}}", keys.join(","));
        assert!(Document::scan(unique.as_bytes()).is_ok());
        let doubled = format!("{{{},\"k{}\":1}}", keys.join(","), 3);
        let error = Document::scan(doubled.as_bytes()).unwrap_err();
        assert_eq!(error.fault, Fault::DuplicateKey { key: "k3".into() });
        assert_eq!(error.offset, doubled.rfind("\"k3\"").unwrap(), "the second one is named");
    }
}

#[test]
fn two_hundred_thousand_keys_and_a_long_list_of_brackets_are_no_work() {
    let keys: Vec<_> = (0..200_000).map(|key| format!("\"{key}\":0")).collect();
    let text = format!("{{{}}}", keys.join(","));
    assert_eq!(Document::scan(text.as_bytes()).unwrap().root().fields().count(), 200_000);
    let text = format!("[{}]", vec!["[]"; 200_000].join(","));
    assert_eq!(Document::scan(text.as_bytes()).unwrap().root().items().count(), 200_000);
}

#[test]
fn nesting_and_size_have_caps() {
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    assert!(Document::scan(nested(128).as_bytes()).is_ok());
    assert_eq!(fault(&nested(129)), Fault::TooDeep { cap: 128 });
    assert_eq!(fault(&"[".repeat(1 << 20)), Fault::TooDeep { cap: 128 });
    let rules = Rules { bytes_max: 4, ..Rules::REQUEST };
    assert!(Document::scan_by(b"1234", &rules).is_ok());
    assert_eq!(Document::scan_by(b"12345", &rules).unwrap_err().fault, Fault::TooLarge { cap_bytes: 4 });
}

#[test]
fn answers_may_hold_odd_characters_but_no_double_keys() {
    let body = br#"{"delta":"\ud83d","tool":"a\u0000b","usage":{"n":1}}"#;
    assert!(Document::scan(body).is_err());
    let document = Document::scan_answer(body).unwrap();
    assert_eq!(document.text(&["delta"]).unwrap().unwrap(), "\u{fffd}");
    assert_eq!(document.text(&["tool"]).unwrap().unwrap(), "a\0b");
    assert_eq!(document.integer(&["usage", "n"]), Ok(Some(1)));
    assert!(Document::scan_answer(br#"{"usage":1,"usage":2}"#).is_err());
}

#[test]
fn values_around_long_ones_are_found() {
    let long = "x".repeat(1_000);
    let inner = format!("{{\"a\":[{}],\"s\":\"{long}\",\"t\":{{\"u\":\"}}]\\\"{{\"}}}}", vec!["[1,2]"; 300].join(","));
    let text = format!("{{\"p\":{inner},\"q\":[{inner},{inner}],\"r\":7}}");
    let document = Document::scan(text.as_bytes()).unwrap();
    assert_eq!(document.integer(&["r"]), Ok(Some(7)));
    assert_eq!(document.at(&["p", "a"]).unwrap().items().count(), 300);
    assert_eq!(document.text(&["p", "t", "u"]).unwrap().unwrap(), "}]\"{");
    let second = document.at(&["q"]).unwrap().items().nth(1).unwrap();
    assert_eq!(second.text_at(&["s"]).unwrap().unwrap(), long);
}

fn edited(text: &str, edits: Vec<Edit>) -> Result<String, Fault> {
    let edited = splice(&Bytes::from(text.to_owned()), edits).map_err(|error| error.fault)?;
    Ok(String::from_utf8(edited.to_vec()).unwrap())
}

#[test]
fn a_field_is_inserted_replaced_and_removed_and_the_rest_stays_byte_for_byte() {
    let insert = |text: &str| {
        let document = Document::scan(text.as_bytes()).unwrap();
        edited(text, vec![document.root().insert_field("n\"", "1").unwrap()]).unwrap()
    };
    assert_eq!(insert("{}"), r#"{"n\"":1}"#);
    assert_eq!(insert(" { \"a\" : 1 } "), " { \"a\" : 1 ,\"n\\\"\":1} ");
    let remove = |text: &str, name: &str| {
        let document = Document::scan(text.as_bytes()).unwrap();
        edited(text, document.root().remove_field(name).into_iter().collect()).unwrap()
    };
    assert_eq!(remove(r#"{"a":1, "b":2, "c":3}"#, "a"), r#"{"b":2, "c":3}"#);
    assert_eq!(remove(r#"{"a":1, "b":2, "c":3}"#, "b"), r#"{"a":1, "c":3}"#);
    assert_eq!(remove(r#"{"a":1, "b":2, "c":3 }"#, "c"), r#"{"a":1, "b":2 }"#);
    assert_eq!(remove(r#"{ "a":1 }"#, "a"), "{  }");
    assert_eq!(remove(r#"{"a":1}"#, "z"), r#"{"a":1}"#);
    let set = |text: &str| {
        let document = Document::scan(text.as_bytes()).unwrap();
        edited(text, vec![document.root().set_field("a", "[2]").unwrap()]).unwrap()
    };
    assert_eq!((set(r#"{"a":1,"b":"é"}"#), set("{}")), (r#"{"a":[2],"b":"é"}"#.into(), r#"{"a":[2]}"#.into()));
    assert!(Document::scan(b"[1]").unwrap().root().insert_field("a", "1").is_none());
}

#[test]
fn several_edits_apply_in_one_go() {
    let text = r#"{"max_tokens":9,"stream":true,"o":{}}"#;
    let document = Document::scan(text.as_bytes()).unwrap();
    let edits = vec![
        document.at(&["o"]).unwrap().insert_field("include_usage", "true").unwrap(),
        document.at(&["max_tokens"]).unwrap().replace("4"),
        document.root().insert_field("a", "1").unwrap(),
        document.root().insert_field("b", &quoted("x\n")).unwrap(),
    ];
    let expected = r#"{"max_tokens":4,"stream":true,"o":{"include_usage":true},"a":1,"b":"x\n"}"#;
    assert_eq!(edited(text, edits).unwrap(), expected);
}

#[test]
fn an_edit_that_would_spoil_the_document_is_refused() {
    let text = r#"{"a":1,"b":2}"#;
    let document = Document::scan(text.as_bytes()).unwrap();
    let again = document.root().insert_field("a", "2").unwrap();
    assert_eq!(edited(text, vec![again]), Err(Fault::DuplicateKey { key: "a".into() }));
    assert!(edited(text, vec![document.at(&["a"]).unwrap().replace("1,\"b\":3")]).is_err());
    assert!(edited(text, vec![document.at(&["a"]).unwrap().replace("")]).is_err());
    let edit = |span: std::ops::Range<usize>| Edit { span, with: String::new() };
    assert_eq!(edited(text, vec![edit(1..6), edit(5..7)]), Err(Fault::Edit));
    assert_eq!(edited(text, vec![edit(5..500)]), Err(Fault::Edit));
    #[allow(clippy::reversed_empty_ranges)]
    let backwards = edit(6..5);
    assert_eq!(edited(text, vec![backwards]), Err(Fault::Edit));
}

#[test]
fn stated_costs_are_exact_integers() {
    for (text, picos) in [
        ("0.0004970133333333333", 497_013_333),
        ("0.0000000000005", 1),
        ("0.00000000000049", 0),
        ("1e-05", 10_000_000),
        ("1.5E-12", 2),
        ("1e-400", 0),
        ("0", 0),
        ("0.0e99999", 0),
        ("12", 12_000_000_000_000),
        ("1.25e+1", 12_500_000_000_000),
    ] {
        assert_eq!(decimal_half_up(text, 12), Some(picos), "{text}");
    }
    for text in ["", "-1", "1e", "e1", "NaN", "1e30000", "1e2147483647", "9".repeat(40).as_str(), "+1", ".5"] {
        assert_eq!(decimal_half_up(text, 12), None, "{text}");
    }
}

/// A document with its text, spelled with blanks and escapes that a client might use.
fn documents() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<u64>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        "[^\u{0}]{0,12}".prop_map(serde_json::Value::from),
        "[a-z]{250,270}".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(serde_json::Value::from),
            prop::collection::btree_map("[^\u{0}]{0,4}", inner, 0..8)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

fn same(value: &Value<'_>, tree: &serde_json::Value) -> bool {
    match tree {
        serde_json::Value::Null => value.is_null(),
        serde_json::Value::Bool(truth) => value.boolean() == Some(*truth),
        serde_json::Value::Number(number) => {
            value.number() == Some(number.to_string().as_str()) && value.integer() == number.as_u64()
        }
        serde_json::Value::String(text) => value.text().is_some_and(|own| own == *text),
        serde_json::Value::Array(items) => {
            value.items().count() == items.len() && value.items().zip(items).all(|(own, item)| same(&own, item))
        }
        serde_json::Value::Object(fields) => {
            value.fields().count() == fields.len()
                && fields.iter().all(|(name, item)| value.field(name).is_some_and(|own| same(&own, item)))
        }
    }
}

proptest! {
    #[test]
    fn every_document_reads_as_serde_reads_it(tree in documents(), pretty: bool) {
        let text = if pretty { serde_json::to_vec_pretty(&tree) } else { serde_json::to_vec(&tree) }.unwrap();
        let document = Document::scan(&text).unwrap();
        prop_assert!(same(&document.root(), &tree));
    }

    #[test]
    fn an_inserted_and_removed_field_leaves_the_document_as_it_was(tree in documents()) {
        let Some(_) = tree.as_object() else { return Ok(()) };
        let body = Bytes::from(serde_json::to_vec(&tree).unwrap());
        let document = Document::scan(&body).unwrap();
        let with = splice(&body, vec![document.root().insert_field("not there", "[1]").unwrap()]).unwrap();
        let document = Document::scan(&with).unwrap();
        let without = splice(&with, vec![document.root().remove_field("not there").unwrap()]).unwrap();
        prop_assert_eq!(without, body);
    }
}
