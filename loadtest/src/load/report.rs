//! The figures of a run, all integers: a reader divides, we count.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::run::{Counters, Load};
use crate::process::{self, Machine, Used};

/// Processor time and memory around a window.
pub(super) struct Costs {
    processes: Used,
    upstream: Used,
    own: Used,
    machine: Machine,
}

impl Costs {
    pub(super) fn now(load: &Load, memory: bool) -> Self {
        Self {
            processes: process::used(&load.processes, memory),
            upstream: process::used(&load.upstream, false),
            own: process::used(&[std::process::id()], false),
            machine: process::machine(),
        }
    }

    /// The difference; memory is that of `self`.
    pub(super) fn since(&self, before: &Self) -> Self {
        let less = |now: Used, then: Used| Used {
            run_ns: now.run_ns.saturating_sub(then.run_ns),
            ticks: now.ticks.saturating_sub(then.ticks),
            ..now
        };
        Self {
            processes: less(self.processes, before.processes),
            upstream: less(self.upstream, before.upstream),
            own: less(self.own, before.own),
            machine: Machine {
                busy_ticks: self.machine.busy_ticks.saturating_sub(before.machine.busy_ticks),
                all_ticks: self.machine.all_ticks.saturating_sub(before.machine.all_ticks),
            },
        }
    }
}

/// The figures of a run. Times are in the unit that the name ends with.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Requests that ended well inside the window.
    pub done: u64,
    /// Requests that failed, warm-up included.
    pub failed: u64,
    /// Failures by what went wrong.
    pub errors: BTreeMap<String, u64>,
    /// Length of the window.
    pub wall_us: u64,
    /// Requests whose latency was counted.
    pub samples: u64,
    /// Connections opened, warm-up included.
    pub connections_opened: u64,
    /// Latency percentiles, from the intended send time at a constant rate.
    pub p50_us: u64,
    /// See `p50_us`.
    pub p75_us: u64,
    /// See `p50_us`.
    pub p90_us: u64,
    /// See `p50_us`.
    pub p99_us: u64,
    /// See `p50_us`.
    pub p999_us: u64,
    /// The slowest.
    pub max_us: u64,
    /// Time to the first byte of the body.
    pub first_byte_p50_us: u64,
    /// See `first_byte_p50_us`.
    pub first_byte_p99_us: u64,
    /// Processor time of the measured process trees for each request.
    pub cpu_ns_per_request: u64,
    /// The same from scheduler ticks of 10 ms, ended threads included: for programs with short-lived threads.
    pub cpu_ticks: u64,
    /// Processor time of the upstream for each request.
    pub upstream_ns_per_request: u64,
    /// Processor time of the load generator for each request.
    pub load_ns_per_request: u64,
    /// Resident memory of the measured process trees at the end.
    pub resident_kib: u64,
    /// Their most resident memory.
    pub peak_kib: u64,
    /// How much of the machine others used, in thousandths.
    pub foreign_per_mille: u64,
}

impl Report {
    pub(super) fn new(load: &Load, counters: &Counters, costs: &Costs, done: u64, wall: Duration) -> Self {
        let each = |used: Used| used.run_ns.checked_div(done.max(1)).unwrap_or(0);
        // On the row without a proxy the measured process is the upstream: it must not be counted twice.
        let proxy_ticks = if load.processes == load.upstream { 0 } else { costs.processes.ticks };
        let known = proxy_ticks.saturating_add(costs.upstream.ticks).saturating_add(costs.own.ticks);
        let foreign = costs.machine.busy_ticks.saturating_sub(known);
        let (latency, first_byte) = (counters.latency.borrow(), counters.first_byte.borrow());
        Self {
            done,
            failed: counters.failed.get(),
            errors: counters.errors.borrow().clone(),
            wall_us: u64::try_from(wall.as_micros()).unwrap_or(u64::MAX),
            samples: latency.total(),
            connections_opened: counters.connect.get(),
            p50_us: latency.per_mille(500),
            p75_us: latency.per_mille(750),
            p90_us: latency.per_mille(900),
            p99_us: latency.per_mille(990),
            p999_us: latency.per_mille(999),
            max_us: latency.largest(),
            first_byte_p50_us: first_byte.per_mille(500),
            first_byte_p99_us: first_byte.per_mille(990),
            cpu_ns_per_request: each(costs.processes),
            cpu_ticks: costs.processes.ticks,
            upstream_ns_per_request: each(costs.upstream),
            load_ns_per_request: each(costs.own),
            resident_kib: costs.processes.resident_kib,
            peak_kib: costs.processes.peak_kib,
            foreign_per_mille: foreign.saturating_mul(1000).checked_div(costs.machine.all_ticks.max(1)).unwrap_or(0),
        }
    }
}
