//! Free ports on loopback.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use crate::error::KitError;

/// Addresses on 127.0.0.1 that nobody listened on a moment ago, all different. Another program may still take one
/// before the gateway does: [`crate::Gateway::start`] then fails with "in use" and a test may start again.
///
/// # Errors
/// The operating system has no port left.
pub fn free_addresses(count: usize) -> Result<Vec<SocketAddr>, KitError> {
    let wrong = |source| KitError::Network { what: "a free port".to_owned(), source };
    // All are held at once, so that none is given twice.
    let held: Result<Vec<_>, _> = (0..count).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect();
    held.map_err(wrong)?.iter().map(|listener| listener.local_addr().map_err(wrong)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_differ_and_can_be_listened_on() {
        let addresses = free_addresses(8).unwrap();
        let different: std::collections::BTreeSet<_> = addresses.iter().collect();
        assert_eq!(different.len(), 8);
        assert!(TcpListener::bind(addresses[0]).is_ok());
    }
}
