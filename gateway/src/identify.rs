//! Who calls: credentials from the head, never from the body. Order of precedence as in design §8.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use config::House;
use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName, PROXY_AUTHORIZATION};
use types::caller::NOBODY;
use types::{Caller, Name, Reason};

use crate::front::Connection;

/// The header that carries an agent's key where the client can set headers.
pub(crate) const KEY_HEADER: HeaderName = HeaderName::from_static("bursar-key");
/// The header that names a session; removed before forwarding.
pub(crate) const SESSION_HEADER: HeaderName = HeaderName::from_static("bursar-session");
/// The header that names the person the agent works for, on routes that trust it; removed before forwarding.
pub(crate) const USER_HEADER: HeaderName = HeaderName::from_static("bursar-user");
/// Headers in which SDKs send a provider key; ours begins with [`KEY_PREFIX`].
pub(crate) const PROVIDER_KEY_HEADERS: [HeaderName; 3] =
    [AUTHORIZATION, HeaderName::from_static("x-api-key"), HeaderName::from_static("api-key")];
/// How every key of ours begins.
pub(crate) const KEY_PREFIX: &str = "bk_";
/// The path prefix under which a key may stand in a base URL.
pub(crate) const KEY_PATH: &str = "/_k/";

const NAME_MAX_BYTES: usize = 64;

/// A caller, and the path without the key it may have carried.
#[derive(Debug)]
pub(crate) struct Identified {
    /// Who calls.
    pub caller: Caller,
    /// The path to match and forward.
    pub path: String,
}

/// A key as presented, with what its bearer says about itself.
struct Presented {
    key: String,
    agent: Option<String>,
    session: Option<String>,
}

/// Identifies the caller of a request.
///
/// # Errors
/// [`Reason::IdentityMissing`], [`Reason::IdentityUnknown`], [`Reason::ProviderKeyRefused`] where only a provider's
/// own key was shown, [`Reason::AmbiguousHead`] for a session name that is none.
pub(crate) fn identify(
    house: &House,
    connection: &Connection,
    headers: &HeaderMap,
    path: &str,
) -> Result<Identified, Reason> {
    let (path_key, path) = split_key_path(path);
    let presented = present(connection, headers, path_key)?;
    let agent = verify(house, &presented)?;
    let session = match presented.session {
        Some(session) => name(&session, "session")?,
        None => header_name(headers, &SESSION_HEADER, "bursar-session")?.unwrap_or_else(|| Name::from(NOBODY)),
    };
    let caller = Caller {
        agent: agent.name.clone(),
        org: house.org.clone(),
        session,
        team: agent.team.clone().unwrap_or_else(|| Name::from(NOBODY)),
        user: Name::from(NOBODY),
    };
    Ok(Identified { caller, path: path.to_owned() })
}

/// The user that a trusted header names; for routes that say `trust_user_header`.
///
/// # Errors
/// [`Reason::AmbiguousHead`] for a name that is none.
pub(crate) fn trusted_user(headers: &HeaderMap) -> Result<Option<Name>, Reason> {
    header_name(headers, &USER_HEADER, "bursar-user")
}

fn split_key_path(path: &str) -> (Option<&str>, &str) {
    let Some(rest) = path.strip_prefix(KEY_PATH) else { return (None, path) };
    match rest.find('/') {
        Some(slash) => {
            let (key, path) = rest.split_at(slash);
            (Some(key), path)
        }
        None => (Some(rest), "/"),
    }
}

fn present(connection: &Connection, headers: &HeaderMap, path_key: Option<&str>) -> Result<Presented, Reason> {
    if let Some(value) = proxy_authorization(connection, headers)? {
        return proxy_credentials(&value);
    }
    if let Some(value) = single(headers, &KEY_HEADER)? {
        return Ok(Presented { key: value.to_owned(), agent: None, session: None });
    }
    if let Some(key) = path_key {
        return Ok(Presented { key: key.to_owned(), agent: None, session: None });
    }
    let mut foreign = false;
    for header in &PROVIDER_KEY_HEADERS {
        let Some(value) = single(headers, header)? else { continue };
        let key = bare_key(value);
        if key.starts_with(KEY_PREFIX) {
            return Ok(Presented { key: key.to_owned(), agent: None, session: None });
        }
        foreign = true;
    }
    Err(if foreign { Reason::ProviderKeyRefused } else { Reason::IdentityMissing })
}

/// The key in a header value, without its scheme word.
#[must_use]
pub(crate) fn bare_key(value: &str) -> &str {
    match value.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => key.trim(),
        _ => value,
    }
}

fn proxy_authorization(connection: &Connection, headers: &HeaderMap) -> Result<Option<String>, Reason> {
    if let Some(value) = &connection.proxy_authorization {
        return Ok(Some(value.expose().to_owned()));
    }
    Ok(single(headers, &PROXY_AUTHORIZATION)?.map(str::to_owned))
}

/// `Basic base64(agent[+session]:key)` (RFC 7617) or `Bearer key` (RFC 6750).
fn proxy_credentials(value: &str) -> Result<Presented, Reason> {
    let (scheme, token) = value.split_once(' ').ok_or(Reason::IdentityUnknown)?;
    let token = token.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(Presented { key: token.to_owned(), agent: None, session: None });
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(Reason::IdentityUnknown);
    }
    let decoded = STANDARD.decode(token).map_err(|_| Reason::IdentityUnknown)?;
    let text = String::from_utf8(decoded).map_err(|_| Reason::IdentityUnknown)?;
    let (user, key) = text.split_once(':').ok_or(Reason::IdentityUnknown)?;
    if key.is_empty() && user.starts_with(KEY_PREFIX) {
        return Ok(Presented { key: user.to_owned(), agent: None, session: None });
    }
    let (agent, session) = match user.split_once('+') {
        Some((agent, session)) => (agent, Some(session.to_owned())),
        None => (user, None),
    };
    Ok(Presented { key: key.to_owned(), agent: Some(agent.to_owned()), session })
}

fn verify<'a>(house: &'a House, presented: &Presented) -> Result<&'a config::Agent, Reason> {
    let agent = house.directory.authenticate(&presented.key).ok_or(Reason::IdentityUnknown)?;
    match &presented.agent {
        Some(claimed) if !claimed.is_empty() && claimed.as_str() != &*agent.name => Err(Reason::IdentityUnknown),
        _ => Ok(agent),
    }
}

fn single<'a>(headers: &'a HeaderMap, header: &HeaderName) -> Result<Option<&'a str>, Reason> {
    let mut values = headers.get_all(header).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Reason::AmbiguousHead { what: format!("the header {header} stands there twice") });
    }
    value.to_str().map(Some).map_err(|_| Reason::AmbiguousHead { what: format!("the header {header} is not ASCII") })
}

fn header_name(headers: &HeaderMap, header: &HeaderName, what: &str) -> Result<Option<Name>, Reason> {
    single(headers, header)?.map(|value| name(value, what)).transpose()
}

fn name(value: &str, what: &str) -> Result<Name, Reason> {
    let plain = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if value.is_empty() || value.len() > NAME_MAX_BYTES || !plain {
        return Err(Reason::AmbiguousHead {
            what: format!("{what} takes 1 to {NAME_MAX_BYTES} letters, digits, dots, underscores and dashes"),
        });
    }
    Ok(Name::from(value))
}
