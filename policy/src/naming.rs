//! The names of accounts: `<scope>:<name>@<window>[:<start>]`.

use alloc::borrow::{Cow, ToOwned};
use alloc::format;
use alloc::string::String;

use types::caller::NOBODY;
use types::{Name, Scope, Window};

use crate::facts::Facts;

/// A name as it stands in an account name: everything outside `A-Z a-z 0-9 . _ - / +` is percent-escaped, byte by
/// byte (RFC 3986 §2.1), so that `:` and `@` stay ours.
#[must_use]
pub fn escaped(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    write_escaped(&mut text, name);
    text
}

pub(crate) fn write_escaped(text: &mut String, name: &str) {
    if name.bytes().all(is_plain) {
        text.push_str(name);
        return;
    }
    for byte in name.bytes() {
        if is_plain(byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
}

const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'/' | b'+')
}

/// The name that a request has in a scope: `agent/session` for sessions, `vendor/model` for models, else the bare
/// name. `None` where the request has none.
pub(crate) fn name_in(scope: Scope, facts: &Facts<'_>) -> Option<Name> {
    let caller = facts.caller;
    let pair = |first: &str, second: &str| present(second).map(|second| Name::from([first, second].join("/")));
    match scope {
        Scope::Org => Some(caller.org.clone()),
        Scope::Team => present(&caller.team).map(|_| caller.team.clone()),
        Scope::Agent => Some(caller.agent.clone()),
        Scope::User => present(&caller.user).map(|_| caller.user.clone()),
        Scope::Session => pair(&caller.agent, &caller.session),
        Scope::Vendor => present(facts.vendor).map(Name::from),
        Scope::Model => pair(facts.vendor, facts.model),
        _ => None,
    }
}

/// The name, where it is one.
pub(crate) fn present(name: &str) -> Option<&str> {
    (!name.is_empty() && name != NOBODY).then_some(name)
}

/// An account in words. Made from its name, for people only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// What the account is about.
    pub scope: Scope,
    /// Whose it is, percent-escapes undone.
    pub name: String,
    /// Over which time it counts.
    pub window: Window,
    /// The label of its window, where it has one.
    pub start: Option<String>,
    /// The time zone of its window.
    pub zone: Name,
}

impl Description {
    /// `agent researcher`.
    #[must_use]
    pub fn subject(&self) -> String {
        format!("{} {}", self.scope, self.name)
    }

    /// `today (UTC)`, `this month (Europe/Madrid)`, `in total`, `in one call`.
    #[must_use]
    pub fn period(&self) -> String {
        let words = match self.window {
            Window::Hour => "this hour",
            Window::Day => "today",
            Window::Week => "this week",
            Window::Month => "this month",
            Window::Transaction => return "in one call".to_owned(),
            _ => return "in total".to_owned(),
        };
        format!("{words} ({})", self.zone)
    }
}

/// An account name taken apart; the name still escaped.
#[derive(Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) scope: Scope,
    escaped: &'a str,
    pub(crate) window: Window,
    start: Option<&'a str>,
}

impl<'a> Parts<'a> {
    /// `None` for a name that this room did not make.
    pub(crate) fn of(account: &'a str) -> Option<Self> {
        let (scope, rest) = account.split_once(':')?;
        let scope = Scope::ALL.into_iter().find(|known| known.word() == scope)?;
        let (escaped, window) = rest.rsplit_once('@')?;
        let (window, start) = match window.split_once(':') {
            Some((window, start)) => (window, Some(start)),
            None => (window, None),
        };
        let window = WINDOWS.into_iter().find(|known| known.word() == window)?;
        Some(Self { scope, escaped, window, start })
    }

    /// The name, escapes undone; `None` where they cannot be.
    pub(crate) fn name(&self) -> Option<Cow<'a, str>> {
        if self.escaped.contains('%') {
            unescaped(self.escaped).map(Cow::Owned)
        } else {
            Some(Cow::Borrowed(self.escaped))
        }
    }
}

const WINDOWS: [Window; 6] =
    [Window::Transaction, Window::Hour, Window::Day, Window::Week, Window::Month, Window::Total];

/// An account in words; `None` for a name that this room did not make.
pub(crate) fn describe(account: &str, zone: &str) -> Option<Description> {
    let parts = Parts::of(account)?;
    Some(Description {
        scope: parts.scope,
        name: parts.name()?.into_owned(),
        window: parts.window,
        start: parts.start.map(ToOwned::to_owned),
        zone: Name::from(zone),
    })
}

fn unescaped(name: &str) -> Option<String> {
    let mut bytes = name.bytes();
    let mut plain = alloc::vec::Vec::with_capacity(name.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            plain.push(byte);
            continue;
        }
        let digits = [bytes.next()?, bytes.next()?];
        plain.push(u8::from_str_radix(core::str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    String::from_utf8(plain).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_would_be_read_as_ours_is_escaped() {
        assert_eq!(escaped("gpt-5.1/mini+x_y"), "gpt-5.1/mini+x_y");
        assert_eq!(escaped("a@b:c d%é"), "a%40b%3Ac%20d%25%C3%A9");
    }

    #[test]
    fn an_account_is_told_in_words() {
        let day = describe("agent:researcher@day:2026-11-21", "UTC").unwrap();
        assert_eq!((day.subject(), day.period()), ("agent researcher".into(), "today (UTC)".into()));
        let total = describe("org:acme@total", "Europe/Madrid").unwrap();
        assert_eq!((total.subject(), total.period()), ("org acme".into(), "in total".into()));
        for stranger in ["", "agent", "wallet:x@day:1", "agent:x", "agent:x@year:2026", "agent:%4@total"] {
            assert_eq!(describe(stranger, "UTC"), None, "{stranger}");
        }
    }

    proptest! {
        #[test]
        fn any_name_survives_escaping_and_stays_apart_from_the_frame(name in any::<String>()) {
            let account = format!("session:{}@hour:2026-10-25T02+0100", escaped(&name));
            let told = describe(&account, "UTC").unwrap();
            prop_assert_eq!(told.name, name);
            prop_assert_eq!(told.start.as_deref(), Some("2026-10-25T02+0100"));
        }
    }
}
