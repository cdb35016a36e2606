//! From an address to what is asked of the server: where the cursor goes, and what a browser refuses.

use std::rc::Weak;

use super::{
    STREAMS,
    link::{Astray, Outgoing},
    page::{self, Target},
    port::{Port, Prepared},
};
use crate::{
    calls::Call,
    client::{Credentials, Request},
    codes::{carry, lost, route},
    core::carrier::{Asking, By, Via},
    transport::Transport,
};

/// The events by which servers keep a stream alive: an EventSource hears none that is not named.
const KEEP_ALIVE: &[&str] = &["ping", "heartbeat", "keepalive", "keep-alive"];

/// The ports that browsers refuse (Fetch, "bad port").
const BAD_PORTS: &[u16] = &[
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103,
    104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514,
    515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723,
    2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
];

/// The transport that an address takes, or why there is none ([`route`]).
pub(crate) fn route(address: &str, transport: Option<Transport>) -> u32 {
    let Some(target) = Target::resolve(address) else { return route::UNPARSABLE };
    let protocol = target.protocol();
    let http = matches!(&*protocol, "http:" | "https:");
    if !http && !matches!(&*protocol, "ws:" | "wss:") {
        return route::SCHEME;
    }
    if !http && transport.is_some_and(|transport| transport != Transport::WebSocket) {
        return route::NOT_A_STREAM;
    }
    if target.has_credentials() {
        return route::CREDENTIALS;
    }
    let transport = if http { transport.unwrap_or(Transport::Fetch) } else { Transport::WebSocket };
    transport.number() | if is_loopback(&target.hostname()) { route::LOOPBACK } else { 0 }
}

/// Whether fetch takes it.
pub(crate) fn is_fetchable(address: &str) -> bool {
    // An empty one is the page itself.
    !address.is_empty() && Transport::of(route(address, Some(Transport::Fetch)) & route::TRANSPORT).is_some()
}

/// The origin over HTTP of one that may be a WebSocket's.
pub(crate) fn over_http(origin: &str) -> String {
    origin.strip_prefix("ws").map_or_else(|| origin.to_owned(), |rest| ["http", rest].concat())
}

/// This very machine, whose network cannot be missing.
fn is_loopback(hostname: &str) -> bool {
    hostname == "localhost"
        || hostname == "[::1]"
        || hostname.starts_with("127.")
        || hostname.ends_with(".localhost")
}

/// What a header can carry: not what it would be trimmed of, nor what servers refuse (RFC 9110, 5.5).
fn fits_header(id: &str) -> bool {
    !id.starts_with([' ', '\t'])
        && !id.ends_with([' ', '\t'])
        && id.bytes().all(|byte| byte == b'\t' || (byte >= 0x20 && byte != 0x7f))
}

/// As a query has it (URL, "application/x-www-form-urlencoded serializing").
pub(super) fn encoded(id: &str) -> String {
    let mut text = String::with_capacity(id.len());
    for byte in id.bytes() {
        match byte {
            b' ' => text.push('+'),
            b'*' | b'-' | b'.' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => text.push(byte.into()),
            _ => {
                text.push('%');
                let digit = |half: u8| char::from(if half < 10 { b'0' + half } else { b'A' + half - 10 });
                text.extend([digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
    text
}

/// How long it is in a query.
pub(super) fn length(id: &str) -> u32 {
    encoded(id).len() as u32
}

impl Port {
    /// What the browser is asked for, and the origin it leads to. None: the browser would refuse it, or the id is too long.
    pub(super) fn aim(&self, transport: Transport, prepared: Prepared) -> Option<(Outgoing, String)> {
        let Prepared { request, protocols, polls } = prepared;
        let request = request?;
        let target = Target::resolve(&request.address)?;
        // A fragment never leaves the browser, and older WebSockets throw on it.
        target.drop_fragment();
        // Long polls have it from the first one on.
        let stream = transport != Transport::WebSocket && !polls;
        if let Some(uplink) = self.settings.uplink.as_ref().filter(|_| stream) {
            uplink.aim(&request, &target);
        }
        let Request { method, mut headers, body, redirect, credentials, same_origin, .. } = request;
        if transport == Transport::WebSocket {
            match &*target.protocol() {
                "http:" => target.set_protocol("ws:"),
                "https:" => target.set_protocol("wss:"),
                _ => {}
            }
        }
        let cursor = self.cursor();
        self.asked.replace(cursor.clone());
        let origin = target.origin();
        let away = self.away.borrow().clone();
        // Across origins, also behind a redirect, a header of ours costs a preflight, which a server may not be ready for; and
        // WebKitGTK encodes what is not ASCII a second time (2.50, 2026).
        let plain = STREAMS
            && page::origin().is_none_or(|page| page == origin)
            && away.as_ref() != Some(&origin)
            && cursor.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        let query = self.settings.rules.map_or(0, |rules| (rules.query)(&cursor));
        let asking = Asking {
            via: self.settings.via,
            by: match transport {
                Transport::WebSocket => By::WebSocket,
                Transport::EventSource => By::EventSource,
                Transport::Fetch => By::Fetch,
            },
            plain,
            fits: STREAMS && fits_header(&cursor),
            placed: false,
        };
        let carrier = self.call(Call::GoesUp { asking, header: cursor.len() as u32, query });
        let has = |headers: &[(String, String)], name: &str| {
            headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name))
        };
        if STREAMS && !has(&headers, "accept") {
            headers.push(("accept".to_owned(), "text/event-stream".to_owned()));
        }
        match carrier {
            carry::TOO_LONG => return None,
            carry::NOTHING => drop(self.asked.take()),
            carry::HEADER if STREAMS => {
                headers.retain(|(name, _)| !name.eq_ignore_ascii_case("last-event-id"));
                // A header's characters are bytes: those of the id in UTF-8.
                let bytes = cursor.bytes().map(char::from).collect();
                headers.push(("last-event-id".to_owned(), bytes));
            }
            carry::QUERY => {
                if let Some(rules) = self.settings.rules {
                    (rules.put)(self, &target, &cursor);
                }
            }
            _ => {}
        }
        let port = target.port();
        if port.is_some_and(|port| BAD_PORTS.contains(&port)) {
            return None;
        }
        // Mixed content; a policy may also have it upgraded.
        let mixed = !is_loopback(&target.hostname())
            && page::origin().is_some_and(|page| page.starts_with("https:"))
            && matches!(&*target.protocol(), "ws:" | "http:");
        self.network.set(if mixed { lost::BLOCKED } else { lost::NETWORK });
        let core = Weak::clone(&self.core);
        let settings = &self.settings;
        let outgoing = Outgoing {
            url: target.href(),
            protocols,
            names: settings.names.clone(),
            keep_alive: if settings.heartbeat.is_some() { KEEP_ALIVE } else { &[] },
            comes_back: settings.via == Some(Via::Header),
            method,
            headers,
            body,
            redirect,
            credentials: credentials.unwrap_or(if settings.credentials {
                Credentials::Include
            } else {
                Credentials::SameOrigin
            }),
            same_origin,
            content_type: settings.content_type,
            flush: settings.flush,
            failure_body: settings.failure_body,
            astray: STREAMS.then(|| {
                Box::new(move |url: &str| match core.upgrade() {
                    Some(core) => core.port().astray(url),
                    None => url.to_owned(),
                }) as Astray
            }),
        };
        Some((outgoing, origin))
    }

    /// A redirect leads to another origin: from here on the cursor stands in the address.
    fn astray(&self, url: &str) -> String {
        let Some(target) = Target::resolve(url) else { return url.to_owned() };
        self.away.replace(Some(target.origin()));
        let asked = self.asked.borrow().clone();
        self.put_cursor(&target, &asked);
        target.href()
    }

    pub(super) fn put_cursor(&self, target: &Target, cursor: &str) {
        for name in &self.settings.cursor_names {
            target.set_parameter(name, cursor);
        }
    }
}
