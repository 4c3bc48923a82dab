//! A deadline that is cheap to move: most waits end long before it, and each would otherwise pay for the timer wheel.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// At most one point in time. The timer below is only touched when it would fire too late, or has fired too early.
#[derive(Debug, Default)]
pub(super) struct Deadline {
    at: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    /// Sets the deadline to so long from now.
    pub(super) fn set(&mut self, after: Duration) {
        let at = Instant::now() + after;
        self.at = Some(at);
        if let Some(sleep) = &mut self.sleep
            && at < sleep.deadline()
        {
            sleep.as_mut().reset(at);
        }
    }

    /// There is no deadline any more.
    pub(super) fn clear(&mut self) {
        self.at = None;
    }

    /// Whether a deadline is set and has passed.
    pub(super) fn has_passed(&self) -> bool {
        self.at.is_some_and(|at| at <= Instant::now())
    }

    /// Ready once the deadline has passed; the task is woken for it. Without a deadline, pending for ever.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at else { return Poll::Pending };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(at)));
        while sleep.as_mut().poll(cx).is_ready() {
            if sleep.deadline() >= at {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(at);
        }
        Poll::Pending
    }
}
