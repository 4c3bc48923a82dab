//! What a run did cost, told at its end on standard error, so that the program's own output stays as it is.

use std::io::Write;
use std::time::{Duration, Instant};

use control::{AccountView, Client, ControlError, Seen};
use serde::Serialize;
use types::{Measure, Money};

use crate::cli::output::Format;

/// Calls that the program left behind are settled when the vendor's answer ends; so long that is waited for.
const SETTLED_MAX: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What was seen of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
struct Summary {
    agent: String,
    calls: u64,
    cost_usd: Money,
    exit_code: u8,
    /// Calls whose cost is not known yet.
    open: u64,
    presumed_usd: Money,
    refused: u64,
    ungoverned: u64,
}

/// Tells what the run did cost. Whatever fails here, the program has done its work.
pub(super) async fn tell(client: &Client, name: &str, exit_code: u8, format: Format) {
    let text = match (gather(client, name).await, format) {
        (Ok(summary), Format::Json) => serde_json::to_string(&Summary { exit_code, ..summary }).unwrap_or_default(),
        (Ok(summary), Format::Table) => format!("bursar: {}", sentence(&summary)),
        (Err(error), _) => format!("bursar: what the run did cost cannot be told: {error}"),
    };
    // Without a standard error there is nobody left to tell.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

async fn gather(client: &Client, name: &str) -> Result<Summary, ControlError> {
    let until = Instant::now() + SETTLED_MAX;
    let total = format!("agent:{name}@total");
    loop {
        let accounts: Vec<AccountView> = client.view("/v1/accounts").await?;
        let own = accounts.into_iter().find(|account| account.account.as_str() == total);
        if own.as_ref().is_none_or(|own| own.held.requests == 0) || Instant::now() >= until {
            let seen: Seen = client.view(&format!("/v1/agents/{name}")).await?;
            return Ok(summary(name, own.as_ref(), &seen));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

fn summary(name: &str, own: Option<&AccountView>, seen: &Seen) -> Summary {
    let calls = |requests: i64| u64::try_from(requests).unwrap_or(0);
    let (mut summary, passed) = (Summary::default(), seen.requests.saturating_sub(seen.refused));
    if let Some(own) = own {
        summary.open = calls(own.held.of(Measure::Requests));
        summary.calls =
            calls(own.posted.requests).saturating_add(calls(own.presumed.requests)).saturating_add(summary.open);
        summary.cost_usd = own.posted.usd;
        summary.presumed_usd = own.presumed.usd;
    }
    // Endpoints that cost nothing are on no account; decisions of long ago are forgotten.
    summary.calls = summary.calls.max(passed);
    Summary { agent: name.to_owned(), refused: seen.refused, ungoverned: seen.ungoverned, ..summary }
}

fn sentence(summary: &Summary) -> String {
    let Summary { calls, open, refused, ungoverned, .. } = *summary;
    if calls == 0 && refused == 0 && ungoverned == 0 {
        return "0 calls seen: your program did not use the proxy. Try `bursar env` to see the variables, \
                a base URL instead of the proxy (Node before 22.21 and aiohttp ignore HTTPS_PROXY), or `trust_env=True`."
            .to_owned();
    }
    let mut text = format!("{}, ${}", counted(calls, "call"), summary.cost_usd);
    if summary.presumed_usd > Money::ZERO {
        text.push_str(&format!(", and ${} presumed until proved", summary.presumed_usd));
    }
    if open > 0 {
        text.push_str(&format!(", {open} not settled yet"));
    }
    if refused > 0 {
        text.push_str(&format!(", {refused} refused"));
    }
    if ungoverned > 0 {
        text.push_str(&format!("; {} to other hosts passed ungoverned", counted(ungoverned, "connection")));
    }
    text
}

fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_tells_what_was_seen_in_one_sentence() {
        let nothing = Summary::default();
        assert!(sentence(&nothing).starts_with("0 calls seen: "));
        let one = Summary { calls: 1, cost_usd: Money::from_nanos(12_300_000), ..nothing.clone() };
        assert_eq!(sentence(&one), "1 call, $0.0123");
        let all = Summary { calls: 3, open: 1, refused: 2, ungoverned: 1, presumed_usd: Money::from_usd(1), ..one };
        assert_eq!(
            sentence(&all),
            "3 calls, $0.0123, and $1.00 presumed until proved, 1 not settled yet, 2 refused; 1 connection to other hosts \
             passed ungoverned"
        );
        assert_eq!(sentence(&Summary { refused: 4, ..nothing.clone() }), "0 calls, $0.00, 4 refused");
        let other = sentence(&Summary { ungoverned: 2, ..nothing });
        assert_eq!(other, "0 calls, $0.00; 2 connections to other hosts passed ungoverned");
    }

    #[test]
    fn calls_without_an_account_count_as_calls() {
        let seen = Seen { requests: 5, refused: 2, ungoverned: 0 };
        let told = summary("a", None, &seen);
        assert_eq!((told.calls, told.refused, told.cost_usd), (3, 2, Money::ZERO));
    }
}
