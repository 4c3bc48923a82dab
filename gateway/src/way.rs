//! Step 4: which route a request takes, where that leads, and which meter knows the endpoint.

use bytes::Bytes;
use config::{House, Route};
use http::{Method, Request, Uri};
use http_body_util::Full;
use plugins::{Draft, Meter};
use types::{Name, Reason};

use crate::front::{Connection, Mode};
use crate::upstream::Target;

/// A route found for a request.
pub(crate) struct Way<'h> {
    /// The route.
    pub route: &'h Route,
    /// Where it leads.
    pub target: Target,
    /// The path as the vendor knows it.
    pub path: String,
    /// The meter that knows the endpoint; `None` for endpoints that cost nothing.
    pub meter: Option<&'static dyn Meter>,
    /// The meter whose error shape the client of this route understands.
    pub shape: Option<&'static dyn Meter>,
    /// Why the route does not serve this endpoint.
    pub refused: Option<Reason>,
}

/// Finds the way of a request. An intercepted one goes where its tunnel leads; one to our own address is matched by
/// path prefix, or by `Host` where the name of a vendor was pointed at us.
///
/// # Errors
/// [`Reason::VendorNotAllowed`] where no route leads there, [`Reason::MethodNotAllowed`] for TRACE and CONNECT.
pub(crate) fn find<'h>(
    house: &'h House,
    connection: &Connection,
    host: Option<&str>,
    method: &Method,
    path: &str,
) -> Result<Way<'h>, Reason> {
    if matches!(*method, Method::TRACE | Method::CONNECT) {
        return Err(Reason::MethodNotAllowed);
    }
    match &connection.mode {
        Mode::Intercepted { host, port } => {
            let route = house.routes.find(host, *port).ok_or_else(|| not_allowed(host))?;
            Ok(onto(route, route_target(route, host, *port), method, path.to_owned()))
        }
        Mode::Reverse => {
            if let Some((route, rest)) = house.routes.find_prefix(path) {
                return Ok(onto(route, upstream_target(route), method, rest.to_owned()));
            }
            let named = host.unwrap_or_default();
            let (name, port) = split_port(named);
            let route = house.routes.find(name, port).ok_or_else(|| not_allowed(name))?;
            Ok(onto(route, route_target(route, name, port), method, path.to_owned()))
        }
    }
}

fn onto<'h>(route: &'h Route, target: Target, method: &Method, path: String) -> Way<'h> {
    let known = route.meters.iter().filter_map(|name| plugins::meter(name));
    let shape = known.clone().next();
    let meter = known.clone().find(|meter| meter.claims(method, &path));
    let refused =
        (meter.is_none() && !route.is_free(method, &path)).then(|| Reason::EndpointNotAllowed { path: path.clone() });
    Way { route, target, path, meter, shape: meter.or(shape), refused }
}

/// The request as it leaves: our own head, the judged body.
///
/// # Errors
/// [`Reason::AmbiguousHead`] where path and query make no request target.
pub(crate) fn request(target: &Target, draft: Draft) -> Result<Request<Full<Bytes>>, Reason> {
    let path_and_query = match &draft.query {
        Some(query) => format!("{}?{query}", draft.path),
        None => draft.path,
    };
    let scheme = if target.tls { "https" } else { "http" };
    let is_default = target.port == if target.tls { 443 } else { 80 };
    let authority = if is_default { target.host.to_string() } else { format!("{}:{}", target.host, target.port) };
    let uri = Uri::builder()
        .scheme(scheme)
        .authority(authority)
        .path_and_query(path_and_query)
        .build()
        .map_err(|_| Reason::AmbiguousHead { what: "the path is no request target".to_owned() })?;
    let mut request = Request::new(Full::new(draft.body));
    *request.method_mut() = draft.method;
    *request.uri_mut() = uri;
    *request.headers_mut() = draft.headers;
    Ok(request)
}

/// A route may send its hosts elsewhere (a regional gateway, a mock); otherwise the judged host is the target.
fn route_target(route: &Route, host: &str, port: u16) -> Target {
    match &route.upstream {
        Some(_) => upstream_target(route),
        None => Target { tls: true, host: Name::from(host), port },
    }
}

fn upstream_target(route: &Route) -> Target {
    match &route.upstream {
        Some(upstream) => Target { tls: upstream.tls, host: upstream.host.clone(), port: upstream.port },
        None => Target { tls: true, host: route.first_host(), port: 443 },
    }
}

fn split_port(host: &str) -> (&str, u16) {
    match host.rsplit_once(':') {
        Some((name, port)) => port.parse().map_or((host, 443), |port| (name, port)),
        None => (host, 443),
    }
}

fn not_allowed(host: &str) -> Reason {
    Reason::VendorNotAllowed { host: Name::from(host) }
}
