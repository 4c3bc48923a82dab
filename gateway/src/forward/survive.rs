//! A future that outlives its waiter: dropped unfinished, it goes on as a task of its own.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Polled where it is awaited, so that the common case costs no task; when the waiter leaves, the runtime takes over.
pub(super) struct Survive<T: Send + 'static>(Option<Boxed<T>>);

impl<T: Send + 'static> Survive<T> {
    /// Makes a future outlive its waiter.
    pub(super) fn new(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Some(Box::pin(future)))
    }
}

impl<T: Send + 'static> Future for Survive<T> {
    type Output = Option<T>;

    /// The future's output; `None` when it is polled after that.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let Some(future) = &mut self.0 else { return Poll::Ready(None) };
        let output = std::task::ready!(future.as_mut().poll(context));
        self.0 = None;
        Poll::Ready(Some(output))
    }
}

impl<T: Send + 'static> Drop for Survive<T> {
    /// At the end of the process no task is started any more: what the future holds is dropped with it then.
    fn drop(&mut self) {
        if let (Some(future), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(future);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn what_nobody_waits_for_is_still_done() {
        let (start, started) = oneshot::channel::<()>();
        let (done, finished) = oneshot::channel();
        let survivor = Survive::new(async move {
            let _ = started.await;
            let _ = done.send(7);
        });
        drop(survivor);
        start.send(()).unwrap();
        assert_eq!(finished.await, Ok(7));
    }

    #[tokio::test]
    async fn what_is_waited_for_is_done_in_place() {
        assert_eq!(Survive::new(async { 7 }).await, Some(7));
    }
}
