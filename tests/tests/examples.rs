//! What the pages and the benchmark show as configuration is configuration: the gateway takes it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use bursar_testkit::house::files::{text_files, text_of};
use bursar_testkit::house::pages::code_blocks;
use config::RealEnvironment;

fn assert_taken(what: &str, text: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bursar.yaml");
    std::fs::write(&path, text).unwrap();
    config::load(&path, &RealEnvironment).unwrap_or_else(|error| panic!("{what}: {error}\n{text}"));
}

#[test]
fn every_whole_configuration_in_the_pages_is_taken() {
    let mut seen = 0;
    for page in text_files().unwrap().into_iter().filter(|file| file.path.ends_with(".md")) {
        for block in code_blocks(&page.text, "yaml").iter().filter(|block| block.starts_with("version:")) {
            assert_taken(&page.path, block);
            seen += 1;
        }
    }
    assert!(seen >= 2, "the README and the page about budgets show one each");
}

#[test]
fn the_configuration_of_the_benchmark_is_taken() {
    let template = text_of("loadtest/bench/templates/bursar.yaml").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let authority = loadtest::pki::Authority::new("test").unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, authority.certificate_pem()).unwrap();
    let filled = [
        ("{port}", "4000"),
        ("{port2}", "4001"),
        ("{up}", "4002"),
        ("{uptls}", "4003"),
        ("{dir}", folder.path().to_str().unwrap()),
        ("{ca}", ca.to_str().unwrap()),
    ];
    assert_taken(
        "loadtest/bench/templates/bursar.yaml",
        &filled.iter().fold(template, |text, (token, value)| text.replace(token, value)),
    );
}
