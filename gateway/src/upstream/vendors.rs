//! Who is called: a target, what is worked out about it once, and how many requests to it are under way.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use http::HeaderValue;
use http::uri::{Authority, PathAndQuery, Scheme};
use parking_lot::RwLock;
use types::Name;

use super::error::{ConnectError, UpstreamError, UpstreamKind};
use super::host::Host;

/// Where a request goes, as the route says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// Whether the vendor speaks TLS.
    pub tls: bool,
    /// Its host, a name or an address.
    pub host: Name,
    /// Its port.
    pub port: u16,
}

/// How many requests share a lane. A lane has a pool of its own, and over h2 the requests of a pool to one vendor share
/// one connection: this bounds its streams below the 100 that servers grant at least (RFC 9113 §6.5.2), so that no
/// request waits inside the connection where nobody sees it.
pub(super) const PLACES_PER_LANE: u32 = 64;
/// How many lanes hold so many requests.
pub(super) const fn lanes_for(in_flight_max: u32) -> u32 {
    in_flight_max.div_ceil(PLACES_PER_LANE)
}

/// The most vendors that are remembered. Beyond it, one without requests makes room.
const VENDORS_MAX: usize = 4_096;

/// A vendor: its name in requests, and its requests under way by lane.
pub(super) struct Vendor {
    authority: Authority,
    host: HeaderValue,
    tls: bool,
    /// Requests under way, by lane.
    lanes: Box<[AtomicU32]>,
    in_flight_max: u32,
}

impl Vendor {
    fn new(target: &Target, in_flight_max: u32) -> Result<Self, ConnectError> {
        let host = Host::parse(&target.host).map_err(ConnectError::MalformedHost)?;
        let mut authority = host.to_uri_text();
        // A default port is not named: some vendors compare the Host header with their name.
        if target.port != if target.tls { 443 } else { 80 } {
            authority.push(':');
            authority.push_str(&target.port.to_string());
        }
        let authority = Authority::try_from(authority).map_err(|_| ConnectError::ServerName)?;
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| ConnectError::ServerName)?;
        Ok(Self {
            authority,
            host,
            tls: target.tls,
            lanes: (0..lanes_for(in_flight_max)).map(|_| AtomicU32::new(0)).collect(),
            in_flight_max,
        })
    }

    /// The absolute URI of a path at this vendor; the pool goes by it, the wire sees the path only (h1) or both (h2).
    pub(super) fn uri(&self, path: Option<PathAndQuery>) -> Result<http::Uri, http::uri::InvalidUriParts> {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(if self.tls { Scheme::HTTPS } else { Scheme::HTTP });
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
        http::Uri::from_parts(parts)
    }

    /// The `Host` of a vendor that speaks cleartext.
    pub(super) fn plain_host(&self) -> Option<HeaderValue> {
        if self.tls { None } else { Some(self.host.clone()) }
    }

    /// Takes a place in the first lane that has one, so that connections of few lanes are used much.
    fn take(&self) -> Option<usize> {
        let mut places = self.in_flight_max;
        self.lanes.iter().position(|lane| {
            let of_lane = places.min(PLACES_PER_LANE);
            places -= of_lane;
            let one_more = |taken: u32| (taken < of_lane).then_some(taken + 1);
            lane.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
        })
    }

    fn is_idle(&self) -> bool {
        self.lanes.iter().all(|lane| lane.load(Ordering::Relaxed) == 0)
    }
}

/// All vendors by target.
pub(super) struct Vendors {
    by_target: RwLock<HashMap<Target, Arc<Vendor>>>,
    in_flight_max: u32,
}

impl Vendors {
    /// Vendors of which each may have so many requests under way.
    pub(super) fn new(in_flight_max: u32) -> Self {
        Self { by_target: RwLock::default(), in_flight_max }
    }

    pub(super) fn find(&self, target: &Target) -> Result<Arc<Vendor>, UpstreamError> {
        if let Some(vendor) = self.by_target.read().get(target) {
            return Ok(Arc::clone(vendor));
        }
        let vendor = Arc::new(Vendor::new(target, self.in_flight_max)?);
        let mut by_target = self.by_target.write();
        if by_target.len() >= VENDORS_MAX {
            let idle = by_target.iter().find(|(_, vendor)| vendor.is_idle()).map(|(target, _)| target.clone());
            idle.map(|target| by_target.remove(&target));
        }
        if by_target.len() >= VENDORS_MAX {
            return Err(UpstreamError::unsent(UpstreamKind::Overloaded, "too many vendors at once"));
        }
        Ok(Arc::clone(by_target.entry(target.clone()).or_insert(vendor)))
    }
}

/// A place among the requests to a vendor that are under way; given back when the last clone is dropped.
///
/// It travels in the extensions of the response. Whoever reads the body keeps it until the body has ended: over h2 a
/// body still occupies its connection.
#[derive(Clone)]
pub struct Place(#[expect(dead_code, reason = "held for its drop")] Arc<Held>);

struct Held {
    vendor: Arc<Vendor>,
    lane: usize,
}

impl Place {
    /// Takes a place, and tells its lane.
    pub(super) fn take(vendor: &Arc<Vendor>) -> Result<(Self, usize), UpstreamError> {
        match vendor.take() {
            Some(lane) => Ok((Self(Arc::new(Held { vendor: Arc::clone(vendor), lane })), lane)),
            None => Err(UpstreamError::unsent(UpstreamKind::Overloaded, "too many requests to this vendor at once")),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(lane) = self.vendor.lanes.get(self.lane) {
            lane.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(tls: bool, host: &str, port: u16) -> Target {
        Target { tls, host: Name::from(host), port }
    }

    #[test]
    fn a_vendor_is_named_as_it_names_itself() {
        let vendors = Vendors::new(1);
        let path = PathAndQuery::from_static("/v1/chat?a=b");
        for (target, uri) in [
            (target(true, "API.openai.com.", 443), "https://api.openai.com/v1/chat?a=b"),
            (target(true, "api.openai.com", 8443), "https://api.openai.com:8443/v1/chat?a=b"),
            (target(false, "127.1", 80), "http://127.0.0.1/v1/chat?a=b"),
            (target(false, "127.0.0.1", 443), "http://127.0.0.1:443/v1/chat?a=b"),
            (target(true, "::1", 443), "https://[::1]/v1/chat?a=b"),
        ] {
            assert_eq!(vendors.find(&target).unwrap().uri(Some(path.clone())).unwrap(), uri);
        }
        let error = vendors.find(&target(true, "a@b", 443)).err().unwrap();
        assert_eq!((error.kind, error.sent), (UpstreamKind::AddressNotAllowed, false));
    }

    #[test]
    fn lanes_fill_one_after_the_other_and_then_it_is_enough() {
        let vendor = Vendors::new(PLACES_PER_LANE + 10).find(&target(true, "a.example", 443)).unwrap();
        let mut held: Vec<_> = (0..PLACES_PER_LANE + 10).map(|_| Place::take(&vendor).unwrap()).collect();
        let lanes: Vec<_> = held.iter().map(|(_, lane)| *lane).collect();
        assert!(lanes.is_sorted() && lanes[63] == 0 && lanes[64] == 1);
        let error = Place::take(&vendor).err().unwrap();
        assert_eq!((error.kind, error.sent), (UpstreamKind::Overloaded, false));
        let clone = held[3].0.clone();
        held.remove(3);
        assert!(Place::take(&vendor).is_err(), "a clone still holds the place");
        drop(clone);
        assert_eq!(Place::take(&vendor).unwrap().1, 0);
    }

    #[test]
    fn no_more_vendors_than_the_bound_are_remembered() {
        let vendors = Vendors::new(1);
        let busy = vendors.find(&target(true, "busy.example", 443)).unwrap();
        let _place = Place::take(&busy).unwrap();
        for number in 0..VENDORS_MAX + 10 {
            vendors.find(&target(true, &format!("{number}.example"), 443)).unwrap();
        }
        assert_eq!(vendors.by_target.read().len(), VENDORS_MAX);
        assert!(Arc::ptr_eq(&busy, &vendors.find(&target(true, "busy.example", 443)).unwrap()));
    }
}
