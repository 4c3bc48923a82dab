//! What a request leaves behind beside the trail: one canonical line, metrics, and its place among the last decisions.

mod lines;
mod recent;

pub(crate) use lines::Lines;
pub(crate) use recent::RecentDecisions;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use types::{Amounts, Record};

/// Counts a finished request. Labels are bounded: routes and vendors of the configuration, codes of the table.
pub(crate) fn count(record: &Record, posted: &Amounts) {
    let route = record.route.clone();
    counter!("bursar_requests_total", "route" => route.clone(), "verdict" => record.verdict.clone(), "reason" => record.reason.clone())
        .increment(1);
    histogram!("bursar_request_duration_seconds", "route" => route.clone()).record(seconds(record.latency_ms));
    let nanos = u64::try_from(posted.usd.nanos()).unwrap_or(0);
    if nanos > 0 {
        counter!("bursar_cost_usd_nano_total", "route" => route, "certainty" => record.certainty.clone())
            .increment(nanos);
    }
}

/// Milliseconds as seconds. Time may be a float; money may not.
#[expect(clippy::cast_precision_loss, reason = "a latency needs no 53 bits")]
#[expect(clippy::float_arithmetic, reason = "time, not money")]
fn seconds(millis: u64) -> f64 {
    millis as f64 / 1000.0
}

/// Tells how many requests are in flight.
#[expect(clippy::cast_precision_loss, reason = "a gauge of requests needs no 53 bits")]
pub(crate) fn tell_in_flight(requests: usize) {
    gauge!("bursar_requests_in_flight").set(requests as f64);
}

/// Tells whether the last change of the configuration was taken.
pub(crate) fn tell_reload(taken: bool) {
    gauge!("bursar_config_last_reload_success").set(if taken { 1.0 } else { 0.0 });
}

/// Describes every metric of the gateway, so that `promtool check metrics` finds a HELP text for each.
pub(crate) fn describe() {
    describe_counter!("bursar_requests_total", "Requests by route, verdict and reason code.");
    describe_counter!("bursar_cost_usd_nano_total", "Posted cost in nano-USD by route and certainty.");
    describe_counter!("bursar_overruns_total", "Settlements above what was held.");
    describe_counter!(
        "bursar_log_lines_lost_total",
        "Canonical lines dropped because standard output did not keep up."
    );
    describe_histogram!("bursar_request_duration_seconds", "From acceptance to the end of the response.");
    describe_counter!("bursar_heads_refused_total", "Request heads that could be read in two ways, by what was wrong.");
    describe_counter!("bursar_connections_refused_total", "Connections refused because their peer has too many.");
    describe_counter!("bursar_handshakes_failed_total", "TLS handshakes with agents that failed.");
    describe_counter!("bursar_ungoverned_tunnels_total", "Tunnels to unlisted hosts, passed on unread.");
    describe_counter!("bursar_ungoverned_bytes_total", "Bytes through tunnels to unlisted hosts.");
    describe_gauge!(
        "bursar_config_last_reload_success",
        "1 where the last change of the configuration was taken, 0 where the old one stands."
    );
    describe_gauge!("bursar_requests_in_flight", "Requests between acceptance and the end of their response.");
}
