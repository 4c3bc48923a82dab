//! Vendors that do not answer, break off, lie or are not who they say: the agent is told, and money is given back only
//! where it is certain that nothing was sent, or that nothing was owed.

use bursar_testkit::http::Answer;
use bursar_testkit::{TestVendor, free_addresses};
use loadtest::VendorOptions;
use loadtest::vendor::{Fault, Vendor};

use crate::desk::{Books, Desk, GOOD, GOOD_NANOS, refused};

/// How the vendor is reached.
#[derive(Clone, Copy, Debug)]
enum Reached {
    /// TLS, and HTTP/2 inside it.
    Tls,
    /// Cleartext HTTP/1.1.
    Plain,
}

/// A desk whose patience with vendors is short, yet longer than any good answer takes.
fn impatient(reached: Reached) -> Desk {
    Desk::open_with(
        |file| file.upstream("head_timeout_ms: 3000").upstream("idle_timeout_ms: 3000"),
        |text, vendor| match reached {
            Reached::Tls => text,
            Reached::Plain => {
                let (tls, plain) = (vendor.tls_url().unwrap(), vendor.plain_url().unwrap());
                text.replacen(&format!("upstream: {tls}"), &format!("upstream: {plain}"), 1)
            }
        },
    )
}

/// A desk whose route `openai` leads to this URL; `anthropic` still leads to the vendor.
fn leading_to(url: &str) -> Desk {
    let url = url.to_owned();
    Desk::open_with(
        |file| file,
        move |text, vendor| {
            let tls = vendor.tls_url().unwrap();
            text.replacen(&format!("upstream: {tls}"), &format!("upstream: {url}"), 1)
        },
    )
}

/// Nothing was sent: the agent is told, and nothing stands in the books, nor waits for proof.
fn assert_unsent(desk: &Desk, status: u16, code: &str, phrase: &str) {
    refused(&desk.call(GOOD), status, code, phrase);
    assert_eq!(desk.books(), Books::default());
    let waiting = desk.gateway.setup().ask(&["ledger", "unreconciled"]).unwrap();
    assert_eq!(waiting.as_array().unwrap().len(), 0, "{waiting:#}");
    // The other route of the same gateway works.
    assert_eq!(other_route(desk).status, 200);
}

fn other_route(desk: &Desk) -> Answer {
    let body = r#"{"model":"claude-sonnet-4-5","max_tokens":10,"messages":[{"role":"user","content":"go"}]}"#;
    let mut request = desk.agent.chat(body).unwrap();
    *request.uri_mut() = "/anthropic/v1/messages".parse().unwrap();
    bursar_testkit::http::send_blocking(desk.proxy, request).unwrap()
}

/// It may have been spent: the bound is presumed, the hold waits for proof, and the next call works.
fn assert_presumed(fault: Fault, reached: Reached, status: u16, code: &str) {
    let desk = impatient(reached);
    desk.behave(fault);
    refused(&desk.call(GOOD), status, code, "the rest is presumed until proved");
    assert_eq!(desk.vendor.served().total, 1, "{fault:?} {reached:?}: it was sent again");
    assert_eq!(desk.books(), Books { presumed: GOOD_NANOS, ..Books::default() }, "{fault:?} {reached:?}");
    let waiting = desk.gateway.setup().ask(&["ledger", "unreconciled"]).unwrap();
    assert_eq!(waiting.as_array().unwrap().len(), 1, "{waiting:#}");
    desk.assert_works();
}

#[test]
fn a_vendor_that_refuses_connections_costs_nothing() {
    let nobody = free_addresses(1).unwrap()[0];
    let desk = leading_to(&format!("https://localhost:{}", nobody.port()));
    assert_unsent(&desk, 502, "vendor_unreachable", "No connection to the vendor");
}

#[test]
fn a_vendor_whose_certificate_nobody_vouches_for_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let stranger = TestVendor::start(folder.path(), &[]).unwrap();
    let desk = leading_to(&stranger.tls_url().unwrap());
    assert_unsent(&desk, 502, "vendor_certificate", "The vendor's certificate does not prove its name");
    assert_eq!(stranger.served().total, 0);
}

#[test]
fn a_vendor_whose_certificate_has_expired_or_names_another_costs_nothing() {
    for names_localhost in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let trusted = TestVendor::start(folder.path(), &[]).unwrap();
        let leaf = if names_localhost {
            trusted.authority().expired_leaf(&["localhost"]).unwrap()
        } else {
            trusted.authority().leaf(&["elsewhere.example"]).unwrap()
        };
        let options = VendorOptions { tls_port: Some(0), leaf: Some(leaf), ..VendorOptions::default() };
        let vendor = Vendor::start(options).unwrap();
        let ca = trusted.ca().display().to_string();
        let port = vendor.tls().unwrap().port();
        let desk = Desk::open_with(
            |file| file,
            move |text, vendor| {
                let tls = vendor.tls_url().unwrap();
                let text =
                    text.replacen(&format!("upstream: {tls}"), &format!("upstream: https://localhost:{port}"), 1);
                text.replace("ca_files: [", &format!("ca_files: [\"{ca}\", "))
            },
        );
        assert_unsent(&desk, 502, "vendor_certificate", "The vendor's certificate does not prove its name");
        assert_eq!(vendor.served().total, 0);
    }
}

#[test]
fn a_vendor_that_hangs_is_presumed_to_have_been_paid() {
    for reached in [Reached::Tls, Reached::Plain] {
        assert_presumed(Fault::Hang, reached, 504, "vendor_timeout");
        assert_presumed(Fault::HangMid, reached, 504, "vendor_timeout");
    }
}

#[test]
fn a_vendor_that_closes_early_is_presumed_to_have_been_paid() {
    for reached in [Reached::Tls, Reached::Plain] {
        assert_presumed(Fault::CloseAtOnce, reached, 502, "vendor_protocol");
        assert_presumed(Fault::CloseMid, reached, 502, "vendor_protocol");
    }
}

#[test]
fn a_vendor_that_promises_more_bytes_than_it_sends_is_paid_for_what_it_told() {
    for reached in [Reached::Tls, Reached::Plain] {
        let desk = impatient(reached);
        desk.behave(Fault::LongLength);
        refused(&desk.call(GOOD), 502, "vendor_protocol", "The vendor broke HTTP");
        // Where the usage had arrived before the break it is posted, otherwise the bound is presumed: both are 100 tokens.
        let books = desk.books();
        assert_eq!((books.posted + books.presumed, books.held), (GOOD_NANOS, 0), "{reached:?} {books:?}");
        assert_eq!(desk.vendor.served().total, 1, "it was sent again");
        desk.assert_works();
    }
}

#[test]
fn an_answer_that_does_not_tell_its_usage_is_presumed_to_have_cost_its_bound() {
    for fault in [Fault::NoUsage, Fault::NotJson, Fault::ShortLength] {
        let desk = impatient(Reached::Plain);
        desk.behave(fault);
        let answer = desk.call(GOOD);
        assert_eq!(answer.status, 200, "{fault:?}: {}", answer.text());
        assert_eq!(desk.books(), Books { presumed: GOOD_NANOS, ..Books::default() }, "{fault:?}");
        desk.assert_works();
    }
}

#[test]
fn a_whole_error_of_the_vendor_costs_nothing_and_is_passed_on() {
    for status in [400, 429, 500, 503] {
        let desk = impatient(Reached::Tls);
        desk.behave(Fault::Status(status));
        let answer = desk.call(GOOD);
        assert_eq!(answer.status, status, "{}", answer.text());
        assert_eq!(desk.vendor.served().total, 1);
        assert_eq!(desk.books(), Books::default());
        desk.assert_works();
    }
}

#[test]
fn a_stream_that_breaks_off_is_never_taken_for_a_whole_one() {
    let body = GOOD.replace("\"messages\"", "\"stream\":true,\"messages\"");
    for reached in [Reached::Tls, Reached::Plain] {
        for fault in [Fault::CloseMid, Fault::HangMid, Fault::ErrorMid] {
            let desk = impatient(reached);
            desk.behave(fault);
            let request = desk.agent.chat(body.clone()).unwrap();
            // The connection breaks, or the stream ends in an error that the SDKs raise.
            if let Ok(answer) = bursar_testkit::http::send_blocking(desk.proxy, request) {
                assert!(answer.text().contains("\"error\""), "{fault:?} {reached:?}: {}", answer.text());
            }
            let books = desk.books();
            assert_eq!((books.posted + books.presumed, books.held), (GOOD_NANOS, 0), "{fault:?} {reached:?} {books:?}");
            assert!(books.presumed > 0, "half a stream was taken for the whole cost: {fault:?} {reached:?} {books:?}");
            desk.assert_works();
        }
    }
}

#[test]
fn bytes_behind_an_answer_never_become_the_next_one() {
    let desk = impatient(Reached::Plain);
    desk.behave(Fault::ExtraBytes);
    let answer = desk.call(GOOD);
    assert_eq!(answer.status, 200, "{}", answer.text());
    desk.assert_works();
}
