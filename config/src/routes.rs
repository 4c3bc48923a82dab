//! The route table: which hosts and prefixes lead where, on whose key.

use std::collections::HashMap;
use std::fmt;

use http::{HeaderName, Method};
use plugins::{Guard, MeterOptions};
use types::{Name, Secret};

use crate::endpoint::Endpoint;
use crate::host::{Host, normalised};

/// A way to one vendor.
pub struct Route {
    /// Its name.
    pub name: Name,
    /// The hosts that it stands for.
    pub hosts: Vec<Host>,
    /// The prefix of base URLs that it stands for, such as `/openai`; without a slash at its end.
    pub prefix: Option<String>,
    /// Where it leads instead of to the host that was asked for.
    pub upstream: Option<Upstream>,
    /// The vendor, as the price book names it.
    pub provider: Name,
    /// The meters that may claim its endpoints, in order.
    pub meters: Vec<&'static str>,
    /// Endpoints that cost nothing.
    pub free: Vec<Endpoint>,
    /// On whose key.
    pub credentials: Credentials,
    /// What else is asked of its requests, in the order in which guards run.
    pub guards: Vec<Box<dyn Guard>>,
    /// What its meters are told.
    pub meter_options: MeterOptions,
    /// The largest request body.
    pub body_cap_bytes: u64,
    /// Whether the header `bursar-user` names the person the agent works for.
    pub trust_user_header: bool,
}

impl Route {
    /// Whether an endpoint costs nothing.
    #[must_use]
    pub fn is_free(&self, method: &Method, path: &str) -> bool {
        self.free.iter().any(|endpoint| endpoint.matches(method, path))
    }

    /// The first of its hosts; where it has none, that of its upstream. A checked route has one of them.
    #[must_use]
    pub fn first_host(&self) -> Name {
        let host = self.hosts.first().map(|host| &host.name);
        host.or(self.upstream.as_ref().map(|upstream| &upstream.host)).map_or_else(|| Name::from("-"), Name::clone)
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let guards: Vec<&str> = self.guards.iter().map(|guard| guard.name()).collect();
        f.debug_struct("Route")
            .field("name", &self.name)
            .field("hosts", &self.hosts)
            .field("prefix", &self.prefix)
            .field("upstream", &self.upstream)
            .field("provider", &self.provider)
            .field("meters", &self.meters)
            .field("credentials", &self.credentials)
            .field("guards", &guards)
            .finish_non_exhaustive()
    }
}

/// Where a route leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Whether by TLS.
    pub tls: bool,
    /// To which host.
    pub host: Name,
    /// On which port.
    pub port: u16,
}

/// On whose key a route's requests go.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// On ours, put in at the last moment.
    Inject {
        /// The header that carries it.
        header: HeaderName,
        /// The whole value of the header, its scheme included; `None` where it is not there now.
        value: Option<Secret>,
    },
    /// On the agent's own.
    Passthrough,
    /// On none.
    None,
}

/// All routes.
#[derive(Debug, Default)]
pub struct Routes {
    routes: Vec<Route>,
    by_host: HashMap<Box<str>, Vec<(u16, usize)>>,
    /// Longest first.
    by_prefix: Vec<(Box<str>, usize)>,
}

impl Routes {
    pub(crate) fn new(routes: Vec<Route>) -> Self {
        let mut table = Self::default();
        for (index, route) in routes.iter().enumerate() {
            for host in &route.hosts {
                table.by_host.entry(Box::from(&*host.name)).or_default().push((host.port, index));
            }
            table.by_prefix.extend(route.prefix.as_deref().map(|prefix| (Box::from(prefix), index)));
        }
        table.by_prefix.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        table.routes = routes;
        table
    }

    /// The route to a host, in any spelling of its name.
    #[must_use]
    pub fn find(&self, host: &str, port: u16) -> Option<&Route> {
        let name = normalised(host)?;
        let (_, index) = self.by_host.get(name.as_ref())?.iter().find(|(of, _)| *of == port)?;
        self.routes.get(*index)
    }

    /// The route whose prefix begins a path, and the rest of the path, which begins with a slash. The longest prefix
    /// of whole segments wins.
    #[must_use]
    pub fn find_prefix<'p>(&self, path: &'p str) -> Option<(&Route, &'p str)> {
        self.by_prefix.iter().find_map(|(prefix, index)| {
            let rest = path.strip_prefix(&**prefix)?;
            let rest = if rest.is_empty() { "/" } else { rest };
            rest.starts_with('/').then(|| self.routes.get(*index).map(|route| (route, rest)))?
        })
    }

    /// The route of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Route> {
        self.routes.iter().find(|route| &*route.name == name)
    }

    /// All routes, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter()
    }
}
