//! How many connections this process has file descriptors for.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

/// Descriptors kept for the trail, the operator's listener, the runtimes and whatever else.
const RESERVED: u64 = 256;
/// A request that is forwarded holds a descriptor on each side.
const PER_CONNECTION: u64 = 2;

/// Raises the soft limit to the hard one, and says how many of the wanted connections fit under it.
///
/// Without this, running out of descriptors would stop the trail's next segment as much as the next connection.
pub(super) fn connections_that_fit(wanted: usize) -> usize {
    let limits = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limits.maximum, maximum: limits.maximum });
    let current = if raised.is_ok() { limits.maximum } else { limits.current };
    // No limit at all is written as none.
    let fit = current.map_or(wanted, |files| fit_under(files, wanted));
    if fit < wanted {
        warn!(wanted, fit, "fewer connections than configured fit under the limit of open files; raise `ulimit -n`");
    }
    fit
}

fn fit_under(files: u64, wanted: usize) -> usize {
    let fit = (files.saturating_sub(RESERVED) / PER_CONNECTION).max(1);
    usize::try_from(fit).map_or(wanted, |fit| fit.min(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_everything_else() {
        assert_eq!(fit_under(1024, 10_000), 384);
        assert_eq!(fit_under(1_048_576, 10_000), 10_000);
        assert_eq!(fit_under(100, 10_000), 1);
        assert!(connections_that_fit(2) <= 2);
    }
}
