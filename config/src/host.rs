//! Hosts: one spelling each, so that a judged name is the name that is dialled.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use types::Name;

/// The port of HTTPS.
const DEFAULT_PORT: u16 = 443;

/// A host of a route, with its port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Host {
    /// The name in its one spelling: IDNA ASCII, lower case, no trailing dot; an IPv6 address without brackets.
    pub name: Name,
    /// The port.
    pub port: u16,
}

impl Host {
    /// Reads `name`, `name:port`, `1.2.3.4:port`, `[::1]:port`. `None` for what is no host.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (name, port) = split_port(text)?;
        let name = normalised(name)?;
        Some(Self { name: Name::from(name.as_ref()), port })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.name.contains(':'), self.port) {
            (false, DEFAULT_PORT) => f.write_str(&self.name),
            (true, DEFAULT_PORT) => write!(f, "[{}]", self.name),
            (false, port) => write!(f, "{}:{port}", self.name),
            (true, port) => write!(f, "[{}]:{port}", self.name),
        }
    }
}

fn split_port(text: &str) -> Option<(&str, u16)> {
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (inside, after) = rest.split_once(']')?;
            inside.parse::<Ipv6Addr>().ok()?;
            (inside, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
        }
        None if text.parse::<Ipv6Addr>().is_ok() => (text, None),
        None => match text.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (text, None),
        },
    };
    let Some(port) = port else { return Some((name, DEFAULT_PORT)) };
    if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    port.parse().ok().filter(|port| *port > 0).map(|port| (name, port))
}

/// The one spelling of a host name: IDNA (UTS 46, strict), lower case, without a trailing dot. Borrowed where it is
/// spelt so already. `None` for what is no host name.
#[must_use]
pub(crate) fn normalised(name: &str) -> Option<Cow<'_, str>> {
    let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    if bare.contains(':') {
        return bare.parse::<Ipv6Addr>().ok().map(|address| Cow::Owned(address.to_string()));
    }
    let bare = bare.strip_suffix('.').unwrap_or(bare);
    if is_plain(bare) {
        return Some(Cow::Borrowed(bare));
    }
    let ascii = idna::domain_to_ascii_cow(bare.as_bytes(), idna::AsciiDenyList::URL).ok()?;
    let ascii = ascii.strip_suffix('.').unwrap_or(&ascii);
    is_plain(ascii).then(|| Cow::Owned(ascii.to_owned()))
}

/// Lower-case letters, digits, dashes and underscores in labels of 1 to 63, 253 in all. Names that the resolver would
/// take for an IPv4 address are one only in their usual spelling (`0x7f.1` and `2130706433` are none).
fn is_plain(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_')
            && !label.starts_with("xn---")
    };
    if name.is_empty() || name.len() > 253 || !name.split('.').all(is_label) {
        return false;
    }
    let last = name.rsplit('.').next().unwrap_or(name);
    let is_numeric = last.bytes().all(|byte| byte.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
    !is_numeric || name.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_spelling_of_a_host_is_one_host() {
        for spelling in ["api.openai.com", "API.OpenAI.com", "api.openai.com.", "ａｐｉ.openai.com", "api。openai.com"]
        {
            assert_eq!(normalised(spelling).as_deref(), Some("api.openai.com"), "{spelling}");
        }
        assert_eq!(normalised("bücher.example").as_deref(), Some("xn--bcher-kva.example"));
        assert_eq!(normalised("[::1]").as_deref(), Some("::1"));
        assert_eq!(normalised("0:0:0:0:0:0:0:1").as_deref(), Some("::1"));
    }

    #[test]
    fn what_is_no_host_is_none() {
        for text in [
            "",
            ".",
            "..",
            "a..b",
            "a b",
            "a/b",
            "a@b",
            "a%2eb",
            "*.openai.com",
            "0x7f.1",
            "2130706433",
            "127.1",
            "1.2.3.4.5",
            "a:b:c",
        ] {
            assert_eq!(normalised(text), None, "{text}");
        }
    }

    #[test]
    fn ports_stand_behind_their_host() {
        let told = |text| Host::parse(text).map(|host| host.to_string());
        assert_eq!(told("API.example"), Some("api.example".into()));
        assert_eq!(told("api.example:443"), Some("api.example".into()));
        assert_eq!(told("127.0.0.1:8080"), Some("127.0.0.1:8080".into()));
        assert_eq!(told("[::1]:8080"), Some("[::1]:8080".into()));
        assert_eq!(told("::1"), Some("[::1]".into()));
        for bad in ["api.example:", "api.example:0", "api.example:70000", "api.example:+1", "[::1", "[::1]8080", ":443"]
        {
            assert_eq!(told(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn the_one_spelling_is_its_own_spelling(name in "\\PC{1,30}") {
            if let Some(once) = normalised(&name) {
                let twice = normalised(&once).map(Cow::into_owned);
                prop_assert_eq!(twice.as_deref(), Some(once.as_ref()));
            }
        }
    }
}
