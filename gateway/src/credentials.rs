//! Provider keys: put in at the last moment, and nobody else's let through.

use config::{Credentials, Route};
use http::{HeaderMap, HeaderValue};
use types::Reason;

use crate::identify::{KEY_PREFIX, PROVIDER_KEY_HEADERS, bare_key};

/// Refuses a provider key that is not ours where the route does not pass keys through.
///
/// # Errors
/// [`Reason::ProviderKeyRefused`].
pub(crate) fn check(route: &Route, headers: &HeaderMap) -> Result<(), Reason> {
    if matches!(route.credentials, Credentials::Passthrough) {
        return Ok(());
    }
    let is_foreign = PROVIDER_KEY_HEADERS
        .iter()
        .flat_map(|header| headers.get_all(header))
        .any(|value| !value.to_str().is_ok_and(is_ours));
    if is_foreign { Err(Reason::ProviderKeyRefused) } else { Ok(()) }
}

/// Whether the route's provider key is there; asked before anything is admitted.
///
/// # Errors
/// [`Reason::CredentialMissing`].
pub(crate) fn ready(route: &Route) -> Result<(), Reason> {
    match &route.credentials {
        Credentials::Inject { value: None, .. } => Err(Reason::CredentialMissing { route: route.name.clone() }),
        _ => Ok(()),
    }
}

/// Takes our own keys out and puts the provider's in.
///
/// # Errors
/// [`Reason::CredentialMissing`] where the key is not there or cannot stand in a header.
pub(crate) fn inject(route: &Route, headers: &mut HeaderMap) -> Result<(), Reason> {
    for header in &PROVIDER_KEY_HEADERS {
        let ours = headers.get_all(header).iter().any(|value| value.to_str().is_ok_and(is_ours));
        if ours || !matches!(route.credentials, Credentials::Passthrough) {
            headers.remove(header);
        }
    }
    let Credentials::Inject { header, value } = &route.credentials else { return Ok(()) };
    let missing = || Reason::CredentialMissing { route: route.name.clone() };
    let value = value.as_ref().ok_or_else(missing)?;
    let mut value = HeaderValue::from_str(value.expose()).map_err(|_| missing())?;
    value.set_sensitive(true);
    headers.insert(header.clone(), value);
    Ok(())
}

fn is_ours(value: &str) -> bool {
    bare_key(value).starts_with(KEY_PREFIX)
}
