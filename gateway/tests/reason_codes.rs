//! The page of reason codes is made from the table of answers, and a test keeps it so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fmt::Write;
use std::path::Path;

use gateway::reply::{Retry, TABLE};

/// The page as the table makes it.
fn page() -> String {
    let mut page = String::from(
        "# Reason codes\n\n\
         Every refusal carries one of these codes: in the body, in the trail, in the canonical line and in the metrics.\n\
         A code never changes its meaning. This page is made from `gateway/src/reply.rs`; `make docs` writes it anew.\n\n\
         | code | status | retry | meaning | what to do |\n|---|---|---|---|---|\n",
    );
    for row in &TABLE {
        let retry = match row.retry {
            Retry::Never => "no (`x-should-retry: false`)".to_owned(),
            Retry::After(seconds) => format!("after {seconds} s"),
            Retry::Client => "as the client likes".to_owned(),
        };
        writeln!(page, "| `{}` | {} | {retry} | {} | {} |", row.code, row.status.as_u16(), row.meaning, row.remedy)
            .unwrap();
    }
    page
}

#[test]
fn the_page_of_reason_codes_is_the_table_of_answers() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reason-codes.md");
    if std::env::var_os("BURSAR_BLESS").is_some() {
        std::fs::write(&path, page()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page(), "docs/reason-codes.md is stale; write it anew with `make docs`");
}
