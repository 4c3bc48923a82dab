//! What a process tree used, from `/proc` (Linux): processor time of all its threads, memory.
//!
//! Sources: `Documentation/filesystems/proc.rst` of the kernel (stat, status, smaps) and
//! `Documentation/scheduler/sched-stats.rst` (schedstat: nanoseconds on a processor come first).

use std::fs;
use std::path::Path;

/// What a process tree used up to now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Nanoseconds that its threads ran. Threads that have ended are not in it.
    pub run_ns: u64,
    /// Scheduler ticks of user and system time, ended threads included.
    pub ticks: u64,
    /// Resident memory now, in KiB.
    pub resident_kib: u64,
    /// The most resident memory of each process, added up, in KiB.
    pub peak_kib: u64,
}

/// What the whole machine did up to now, in scheduler ticks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Machine {
    /// Ticks that were not idle.
    pub busy_ticks: u64,
    /// All ticks.
    pub all_ticks: u64,
}

/// Parent and ticks of a process, from `/proc/<pid>/stat`.
fn stat(pid: u32) -> Option<(u32, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold anything, a bracket too: the fields begin behind the last one.
    let (_, fields) = text.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    let parent = fields.nth(1)?.parse().ok()?;
    let user: u64 = fields.nth(9)?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((parent, user.saturating_add(system)))
}

/// The processes `roots` and all their descendants that are alive.
#[must_use]
pub fn tree(roots: &[u32]) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let all: Vec<(u32, u32)> = entries
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter_map(|pid| Some((pid, stat(pid)?.0)))
        .collect();
    let mut found: Vec<u32> = roots.to_vec();
    loop {
        let more: Vec<u32> = all
            .iter()
            .filter(|(pid, parent)| found.contains(parent) && !found.contains(pid))
            .map(|(pid, _)| *pid)
            .collect();
        if more.is_empty() {
            return found;
        }
        found.extend(more);
    }
}

/// What the trees of `roots` used up to now; memory only where `memory`, because it is dear to read.
#[must_use]
pub fn used(roots: &[u32], memory: bool) -> Used {
    let mut sum = Used::default();
    for pid in tree(roots) {
        sum.ticks = sum.ticks.saturating_add(stat(pid).map_or(0, |(_, ticks)| ticks));
        sum.run_ns = sum.run_ns.saturating_add(run_ns(pid));
        if memory {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            sum.resident_kib = sum.resident_kib.saturating_add(field(&status, "VmRSS:"));
            sum.peak_kib = sum.peak_kib.saturating_add(field(&status, "VmHWM:"));
        }
    }
    sum
}

fn run_ns(pid: u32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    tasks.map(|task| first_number(&task.path().join("schedstat"))).fold(0, u64::saturating_add)
}

fn first_number(path: &Path) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0)
}

fn field(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// What the machine did up to now.
#[must_use]
pub fn machine() -> Machine {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = text.lines().next().unwrap_or_default();
    let ticks: Vec<u64> = line.split_whitespace().skip(1).take(8).filter_map(|word| word.parse().ok()).collect();
    let all_ticks = ticks.iter().copied().fold(0, u64::saturating_add);
    // The fourth and fifth are idle time and time waiting for a disk.
    let idle = ticks.iter().skip(3).take(2).copied().fold(0, u64::saturating_add);
    Machine { busy_ticks: all_ticks.saturating_sub(idle), all_ticks }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_a_tree_that_uses_time_and_memory() {
        let me = std::process::id();
        assert!(tree(&[me]).contains(&me));
        let used = used(&[me], true);
        assert!(used.run_ns > 0 && used.resident_kib > 0 && used.peak_kib >= used.resident_kib);
    }

    #[test]
    fn a_child_belongs_to_the_tree() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        assert!(tree(&[std::process::id()]).contains(&child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_process_that_is_gone_used_nothing() {
        assert_eq!(used(&[u32::MAX], true), Used::default());
    }
}
