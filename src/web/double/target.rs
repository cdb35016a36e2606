//! URLs off the web: what the client needs of the standard's. Names of hosts in other scripts than Latin stay as they are, and so do odd
//! forms of IPv4 addresses.

use std::{cell::RefCell, fmt::Write};

use super::current;
use crate::web::aim::encoded;

/// An address, resolved against the page's own.
pub(crate) struct Target(RefCell<Parts>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Parts {
    scheme: String,
    credentials: bool,
    host: String,
    /// None: the scheme's own.
    port: Option<u16>,
    path: String,
    query: Option<String>,
    fragment: Option<String>,
}

/// The port of a scheme that has hosts (URL, "special scheme").
fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        "ftp" => Some(21),
        _ => None,
    }
}

impl Target {
    /// Relative addresses are relative to the page's.
    pub(crate) fn resolve(address: &str) -> Option<Self> {
        let base = current().and_then(|world| parse(&world.address(), None));
        parse(address, base.as_ref()).map(|parts| Self(RefCell::new(parts)))
    }

    /// Relative to this one.
    pub(super) fn join(address: &str, base: &str) -> Option<Self> {
        let base = parse(base, None)?;
        parse(address, Some(&base)).map(|parts| Self(RefCell::new(parts)))
    }

    pub(crate) fn protocol(&self) -> String {
        format!("{}:", self.0.borrow().scheme)
    }

    pub(crate) fn set_protocol(&self, protocol: &str) {
        let mut parts = self.0.borrow_mut();
        protocol.trim_end_matches(':').clone_into(&mut parts.scheme);
        parts.port = parts.port.filter(|port| default_port(&parts.scheme) != Some(*port));
    }

    pub(crate) fn hostname(&self) -> String {
        self.0.borrow().host.clone()
    }

    pub(crate) fn port(&self) -> Option<u16> {
        self.0.borrow().port
    }

    pub(crate) fn origin(&self) -> String {
        let parts = self.0.borrow();
        if default_port(&parts.scheme).is_none() { "null".to_owned() } else { parts.origin() }
    }

    pub(crate) fn href(&self) -> String {
        let parts = self.0.borrow();
        let mut text =
            if default_port(&parts.scheme).is_some() { parts.origin() } else { format!("{}:", parts.scheme) };
        text.push_str(&parts.path);
        for (mark, part) in [('?', &parts.query), ('#', &parts.fragment)] {
            if let Some(part) = part {
                text.push(mark);
                text.push_str(part);
            }
        }
        text
    }

    pub(crate) fn has_credentials(&self) -> bool {
        self.0.borrow().credentials
    }

    pub(crate) fn drop_fragment(&self) {
        self.0.borrow_mut().fragment = None;
    }

    /// A query in which it is already is written anew.
    pub(crate) fn set_parameter(&self, name: &str, value: &str) {
        let mut parts = self.0.borrow_mut();
        let query = parts.query.take().unwrap_or_default();
        let mut pairs = pairs(&query);
        let one = format!("{}={}", encoded(name), encoded(value));
        let first = pairs.iter().position(|(given, _)| given == name);
        parts.query = Some(match first {
            None if query.is_empty() => one,
            None => format!("{query}&{one}"),
            Some(first) => {
                let mut place = 0;
                pairs.retain(|(given, _)| {
                    place += 1;
                    given != name || place == first + 1
                });
                if let Some((_, given)) = pairs.get_mut(first) {
                    value.clone_into(given);
                }
                let written =
                    |(name, value): &(String, String)| format!("{}={}", encoded(name), encoded(value));
                pairs.iter().map(written).collect::<Vec<_>>().join("&")
            }
        });
    }

    pub(crate) fn delete_parameter(&self, name: &str) {
        let mut parts = self.0.borrow_mut();
        let Some(query) = parts.query.take() else { return };
        let rest = pairs(&query).into_iter().filter(|(given, _)| given != name);
        let written: Vec<String> =
            rest.map(|(name, value)| format!("{}={}", encoded(&name), encoded(&value))).collect();
        parts.query = Some(written.join("&")).filter(|query| !query.is_empty());
    }

    /// What stands in the query under this name.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let parts = self.0.borrow();
        let found = pairs(parts.query.as_deref()?).into_iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value)
    }
}

/// The page's own.
pub(crate) fn origin() -> Option<String> {
    let world = current()?;
    parse(&world.address(), None).map(|parts| parts.origin())
}

pub(crate) fn origin_of(address: &str) -> Option<String> {
    Target::resolve(address).map(|target| target.origin())
}

impl Parts {
    fn origin(&self) -> String {
        let port = self.port.map_or_else(String::new, |port| format!(":{port}"));
        format!("{}://{}{port}", self.scheme, self.host)
    }
}

/// URL, "concept-basic-url-parser", of the schemes that have hosts.
fn parse(text: &str, base: Option<&Parts>) -> Option<Parts> {
    let text: String =
        text.trim_matches(|c: char| c <= ' ').chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).collect();
    let (text, fragment) = cut(&text, '#');
    let (text, query) = cut(text, '?');
    let mut parts = Parts {
        query: query.map(|query| escaped(query, &['"', '#', '<', '>', '\''])),
        fragment: fragment.map(|fragment| escaped(fragment, &['"', '<', '>', '`'])),
        ..Parts::default()
    };
    let scheme = text.split_once(':').filter(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|c| c.is_ascii_alphanumeric() || b"+-.".contains(&c))
    });
    let slash = |c| matches!(c, '/' | '\\');
    let rest = match scheme {
        Some((scheme, rest)) => {
            parts.scheme = scheme.to_ascii_lowercase();
            if default_port(&parts.scheme).is_none() {
                rest.clone_into(&mut parts.path);
                return Some(parts);
            }
            let alike = base.is_some_and(|base| base.scheme == parts.scheme);
            if alike && !rest.starts_with(slash) {
                return relative(parts, rest, base?);
            }
            rest
        }
        None => {
            let base = base?;
            parts.scheme.clone_from(&base.scheme);
            if !(text.starts_with(slash) && text.get(1..)?.starts_with(slash)) {
                return relative(parts, text, base);
            }
            text
        }
    };
    let rest = rest.trim_start_matches(slash);
    let (authority, path) = rest.split_at_checked(rest.find(slash).unwrap_or(rest.len()))?;
    let host = match authority.rsplit_once('@') {
        Some((user, host)) => {
            parts.credentials = !matches!(user, "" | ":");
            host
        }
        None => authority,
    };
    let end = if host.starts_with('[') { host.find(']')? + 1 } else { host.find(':').unwrap_or(host.len()) };
    let (host, port) = host.split_at_checked(end)?;
    parts.host = host.to_lowercase();
    let inside = if host.starts_with('[') { host.get(1..end - 1)? } else { host };
    let odd = |c: char| c <= ' ' || "#%/:<>?@[\\]^|\u{7f}".contains(c);
    let plain =
        if inside == host { !inside.contains(odd) } else { inside.parse::<std::net::Ipv6Addr>().is_ok() };
    if inside.is_empty() || !plain {
        return None;
    }
    parts.port = match port.strip_prefix(':') {
        None if port.is_empty() => None,
        Some("") => None,
        Some(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => Some(digits.parse().ok()?),
        _ => return None,
    };
    parts.port = parts.port.filter(|port| default_port(&parts.scheme) != Some(*port));
    parts.path = walked(path);
    Some(parts)
}

fn relative(mut parts: Parts, path: &str, base: &Parts) -> Option<Parts> {
    default_port(&base.scheme)?;
    parts.credentials = base.credentials;
    parts.host.clone_from(&base.host);
    parts.port = base.port;
    parts.path = if path.is_empty() {
        parts.query = parts.query.or_else(|| base.query.clone());
        base.path.clone()
    } else if path.starts_with(['/', '\\']) {
        walked(path)
    } else {
        let folder = base.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        walked(&format!("{folder}/{path}"))
    };
    Some(parts)
}

fn cut(text: &str, mark: char) -> (&str, Option<&str>) {
    text.split_once(mark).map_or((text, None), |(text, rest)| (text, Some(rest)))
}

/// Without the segments that only say how to walk (URL, "path state").
fn walked(path: &str) -> String {
    let mut segments = Vec::new();
    let mut rest = path.split(['/', '\\']);
    // What stands in front of the first slash is nothing.
    rest.next();
    let mut ends = true;
    for segment in rest {
        let plain = segment.to_ascii_lowercase().replace("%2e", ".");
        ends = matches!(&*plain, "." | "..");
        match &*plain {
            ".." => drop(segments.pop()),
            "." => {}
            _ => segments.push(escaped(segment, &['"', '#', '<', '>', '?', '^', '`', '{', '}'])),
        }
    }
    if ends {
        segments.push(String::new());
    }
    format!("/{}", segments.join("/"))
}

/// Percent-encodes these, and what is not printable ASCII.
fn escaped(text: &str, these: &[char]) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c > ' ' && c < '\u{7f}' && !these.contains(&c) {
            escaped.push(c);
        } else {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                // A String takes all.
                let _ = write!(escaped, "%{byte:02X}");
            }
        }
    }
    escaped
}

/// URL, "application/x-www-form-urlencoded parsing".
fn pairs(query: &str) -> Vec<(String, String)> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decoded(name), decoded(value))
        })
        .collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let hex = behind
            .get(..2)
            .filter(|two| first == b'%' && two.iter().all(u8::is_ascii_hexdigit))
            .and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        rest = behind;
        match hex {
            Some(byte) => {
                bytes.push(byte);
                rest = behind.get(2..).unwrap_or_default();
            }
            None => bytes.push(if first == b'+' { b' ' } else { first }),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{Parts, Target, parse};

    fn base() -> Option<Parts> {
        parse("https://App.example:8443/a/b?x=1#y", None)
    }

    fn target(address: &str) -> Option<Target> {
        parse(address, base().as_ref()).map(|parts| Target(parts.into()))
    }

    #[test]
    fn an_address_is_resolved_as_the_url_standard_has_it() {
        for (address, href) in [
            ("", Some("https://app.example:8443/a/b?x=1")),
            ("live", Some("https://app.example:8443/a/live")),
            ("/live?a b", Some("https://app.example:8443/live?a%20b")),
            ("?q", Some("https://app.example:8443/a/b?q")),
            ("#f", Some("https://app.example:8443/a/b?x=1#f")),
            ("../../c/./d/..", Some("https://app.example:8443/c/")),
            ("/chat/%2e%2E/x", Some("https://app.example:8443/x")),
            ("//other/x", Some("https://other/x")),
            ("\\\\other\\x", Some("https://other/x")),
            ("https:c", Some("https://app.example:8443/a/c")),
            (" WSS://Example.COM:443 ", Some("wss://example.com/")),
            ("ws://h:80/é<", Some("ws://h/%C3%A9%3C")),
            ("ws://h:8080?a#b", Some("ws://h:8080/?a#b")),
            ("http://[::1]:8080/live", Some("http://[::1]:8080/live")),
            ("http:///h/x", Some("http://h/x")),
            ("ht\ntp://h", Some("http://h/")),
            ("ws://h:", Some("ws://h/")),
            ("mailto:a@b", Some("mailto:a@b")),
            ("ws://", None),
            ("ws://:80", None),
            ("ws://a b", None),
            ("ws://h:99999", None),
            ("ws://h:x", None),
            ("http://[::1", None),
            ("http://[x]", None),
        ] {
            assert_eq!(target(address).map(|target| target.href()).as_deref(), href, "{address:?}");
        }
        assert_eq!(parse("/live", None), None);
    }

    #[test]
    fn a_user_name_is_seen_and_stands_in_no_text() {
        for (address, has) in
            [("ws://u:p@h/x", true), ("ws://u@h/x", true), ("ws://@h/x", false), ("ws://h/@x", false)]
        {
            let target = target(address);
            assert_eq!(target.as_ref().map(Target::has_credentials), Some(has), "{address}");
            assert!(target.is_some_and(|target| target.origin() == "ws://h"));
        }
    }

    #[test]
    fn a_parameter_is_added_or_takes_the_place_of_those_there() {
        for (query, with) in [
            ("", "?id=%C3%A9+1"),
            ("?sig=a/b", "?sig=a/b&id=%C3%A9+1"),
            ("?id=0&a=%20&id=2", "?id=%C3%A9+1&a=+"),
        ] {
            let changed = target(&format!("/x{query}")).map(|target| {
                target.set_parameter("id", "é 1");
                (target.parameter("id"), target.href())
            });
            let expected = (Some("é 1".to_owned()), format!("https://app.example:8443/x{with}"));
            assert_eq!(changed, Some(expected));
        }
    }

    #[test]
    fn another_protocol_has_another_port() {
        let target = target("http://h:443/x");
        let told = target.map(|target| {
            target.set_protocol("wss:");
            (target.protocol(), target.port(), target.href())
        });
        assert_eq!(told, Some(("wss:".to_owned(), None, "wss://h/x".to_owned())));
    }
}
