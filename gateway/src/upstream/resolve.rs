//! Looking hosts up: bounded in time, in number at once, and in what is remembered.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use types::Name;

use super::error::{ConnectError, Step};

/// The answer of a [`Lookup`].
pub type LookupFuture = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Where addresses of names come from.
pub trait Lookup: Send + Sync + 'static {
    /// All addresses of a name, the preferred ones first.
    fn lookup(&self, name: Name) -> LookupFuture;
}

/// How long an answer is used. The resolver of the system does not tell the TTL; a few seconds spare it the burst of
/// a cold start, and follow a change soon.
const REMEMBER: Duration = Duration::from_secs(5);
/// The most names that are remembered.
const NAMES_MAX: usize = 1_024;
/// The most addresses of one name that are looked at.
const ADDRESSES_MAX: usize = 32;
/// The most look-ups at once: each takes a thread for as long as the system's resolver likes.
const LOOKUPS_MAX: usize = 16;

/// The system's resolver: hosts file, search list, DNS, as configured on the machine.
pub(super) struct SystemLookup {
    places: Arc<Semaphore>,
}

impl SystemLookup {
    pub(super) fn new() -> Self {
        Self { places: Arc::new(Semaphore::new(LOOKUPS_MAX)) }
    }
}

impl Lookup for SystemLookup {
    fn lookup(&self, name: Name) -> LookupFuture {
        let places = Arc::clone(&self.places);
        Box::pin(async move {
            let place = places.acquire_owned().await.map_err(io::Error::other)?;
            // The thread keeps the place even where nobody waits for it any more: it cannot be stopped.
            let found = tokio::task::spawn_blocking(move || {
                let _place = place;
                (&*name, 0).to_socket_addrs().map(|found| found.map(|address| address.ip()).collect())
            });
            found.await.map_err(io::Error::other)?
        })
    }
}

/// Remembers answers for a moment, and asks once however many want to know.
pub(super) struct Resolver {
    lookup: Arc<dyn Lookup>,
    names: Mutex<HashMap<Name, Entry>>,
}

struct Entry {
    used: Instant,
    /// Locked while somebody asks, so that others wait for that answer.
    answer: Arc<tokio::sync::Mutex<Option<Answer>>>,
}

struct Answer {
    addresses: Arc<[IpAddr]>,
    until: Instant,
}

impl Resolver {
    pub(super) fn new(lookup: Arc<dyn Lookup>) -> Self {
        Self { lookup, names: Mutex::default() }
    }

    /// The addresses of a name, at least one. They are not judged yet.
    pub(super) async fn addresses(&self, name: &Name, until: Instant) -> Result<Arc<[IpAddr]>, ConnectError> {
        let answer = self.entry(name);
        let asked = timeout_at(until, async {
            let mut answer = answer.lock().await;
            if let Some(known) = answer.as_ref().filter(|known| Instant::now() < known.until) {
                return Ok(Arc::clone(&known.addresses));
            }
            let found = self.lookup.lookup(Arc::clone(name)).await?;
            let addresses: Arc<[IpAddr]> = found.into_iter().take(ADDRESSES_MAX).collect();
            if addresses.is_empty() {
                return Err(io::Error::from(io::ErrorKind::NotFound));
            }
            *answer = Some(Answer { addresses: Arc::clone(&addresses), until: Instant::now() + REMEMBER });
            Ok(addresses)
        });
        match asked.await {
            Ok(addresses) => addresses.map_err(ConnectError::Unresolved),
            Err(_) => Err(ConnectError::Timeout(Step::Lookup)),
        }
    }

    fn entry(&self, name: &Name) -> Arc<tokio::sync::Mutex<Option<Answer>>> {
        let mut names = self.names.lock();
        let now = Instant::now();
        if let Some(entry) = names.get_mut(name) {
            entry.used = now;
            return Arc::clone(&entry.answer);
        }
        if names.len() >= NAMES_MAX {
            let oldest = names.iter().min_by_key(|(_, entry)| entry.used).map(|(name, _)| Arc::clone(name));
            oldest.map(|name| names.remove(&name));
        }
        let answer = Arc::default();
        names.insert(Arc::clone(name), Entry { used: now, answer: Arc::clone(&answer) });
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Counts questions; answers with their number, or never.
    #[derive(Default)]
    struct Counting {
        asked: AtomicUsize,
        silent: bool,
    }

    impl Lookup for Counting {
        fn lookup(&self, _: Name) -> LookupFuture {
            let number = self.asked.fetch_add(1, Ordering::Relaxed);
            if self.silent {
                return Box::pin(std::future::pending());
            }
            let number = u8::try_from(number % 200).unwrap();
            Box::pin(async move {
                tokio::time::sleep(Duration::from_millis(10)).await;
                Ok(vec![IpAddr::from([192, 0, 2, number])])
            })
        }
    }

    fn resolver(lookup: &Arc<Counting>) -> Resolver {
        Resolver::new(Arc::clone(lookup) as Arc<dyn Lookup>)
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[tokio::test(start_paused = true)]
    async fn many_who_ask_at_once_are_one_question() {
        let lookup = Arc::new(Counting::default());
        let resolver = resolver(&lookup);
        let name = Name::from("a.example");
        let (first, second, third) = tokio::join!(
            resolver.addresses(&name, soon()),
            resolver.addresses(&name, soon()),
            resolver.addresses(&name, soon())
        );
        for answer in [first, second, third] {
            assert_eq!(answer.unwrap()[0], IpAddr::from([192, 0, 2, 0]));
        }
        assert_eq!(lookup.asked.load(Ordering::Relaxed), 1);
        tokio::time::advance(REMEMBER).await;
        assert_eq!(resolver.addresses(&name, soon()).await.unwrap()[0], IpAddr::from([192, 0, 2, 1]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_resolver_that_does_not_answer_is_not_waited_for() {
        let lookup = Arc::new(Counting { silent: true, ..Counting::default() });
        let error = resolver(&lookup).addresses(&Name::from("a.example"), soon()).await.unwrap_err();
        assert!(matches!(error, ConnectError::Timeout(Step::Lookup)), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_names_than_the_bound_are_remembered() {
        let lookup = Arc::new(Counting::default());
        let resolver = resolver(&lookup);
        for number in 0..NAMES_MAX + 100 {
            resolver.entry(&Name::from(format!("{number}.example")));
        }
        assert_eq!(resolver.names.lock().len(), NAMES_MAX);
    }

    #[tokio::test]
    async fn the_systems_resolver_knows_this_machine() {
        let resolver = Resolver::new(Arc::new(SystemLookup::new()));
        let addresses = resolver.addresses(&Name::from("localhost"), soon()).await.unwrap();
        assert!(addresses.iter().all(IpAddr::is_loopback), "{addresses:?}");
    }
}
