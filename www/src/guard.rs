//! Who may ask. Any page that is open in the same browser can send requests to a port of this machine, and a name that
//! somebody else owns can be made to point here.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Knows the names that this server goes by, and the port of its page.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Guard {
    /// Where it listens.
    pub(crate) host: IpAddr,
    pub(crate) page_port: u16,
    /// Further names, as the arguments have them.
    pub(crate) names: Vec<String>,
}

pub(crate) const REFUSED: &str = "this server answers its own page only, and by the names that it knows; \
    see --allow-host of everwire-demo --help\n";

/// The name and the port of `name:port`. An IPv6 address stands in brackets.
fn split(authority: &str) -> Option<(&str, Option<u16>)> {
    let (name, port) = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    match port.strip_prefix(':') {
        Some(port) => Some((name, Some(port.parse().ok()?))),
        None => port.is_empty().then_some((name, None)),
    }
}

fn is_local(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

impl Guard {
    fn is_named(&self, name: &str) -> bool {
        self.names.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    /// An address cannot be made to point elsewhere, a name can.
    fn knows(&self, name: &str) -> bool {
        let listens = |ip: IpAddr| ip == self.host || self.host.is_unspecified();
        is_local(name) || self.is_named(name) || name.parse().is_ok_and(listens)
    }

    /// Whether the origin is the page's, as seen by who knows this server as `host`.
    fn is_page(&self, origin: &str, host: &str) -> bool {
        let Some((name, port)) = origin.strip_prefix("http://").and_then(split) else { return false };
        let same = name.eq_ignore_ascii_case(host) || (is_local(name) && is_local(host));
        port.unwrap_or(80) == self.page_port && (same || self.is_named(name))
    }

    pub(crate) fn allows(&self, method: &Method, headers: &HeaderMap) -> bool {
        let mut hosts = headers.get_all(header::HOST).iter().map(HeaderValue::to_str);
        let (Some(Ok(host)), None) = (hosts.next(), hosts.next()) else { return false };
        let Some((host, _)) = split(host).filter(|(name, _)| self.knows(name)) else { return false };
        let mut origins = headers.get_all(header::ORIGIN).iter().peekable();
        if origins.peek().is_some() {
            return origins.all(|origin| origin.to_str().is_ok_and(|origin| self.is_page(origin, host)));
        }
        // A request without a preflight may have no Origin. A link to the page is nobody's harm.
        let says = |name, value| headers.get(name).is_some_and(|said| said == value);
        let from_elsewhere = says("sec-fetch-site", "cross-site") || says("sec-fetch-site", "same-site");
        !from_elsewhere || (method == Method::GET && says("sec-fetch-mode", "navigate"))
    }
}

/// None lets all pass: tests ask from many origins, by many names.
pub(crate) async fn check(State(guard): State<Option<Arc<Guard>>>, request: Request, next: Next) -> Response {
    let Some(guard) = guard else { return next.run(request).await };
    if !guard.allows(request.method(), request.headers()) {
        return (StatusCode::FORBIDDEN, REFUSED).into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    // Another page must not lay its own over the fault buttons, nor make a page of what is none.
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(host: &str, names: &[&str]) -> Guard {
        let names = names.iter().map(|&name| name.to_owned()).collect();
        Guard { host: host.parse().unwrap_or(IpAddr::from([127, 0, 0, 1])), page_port: 8080, names }
    }

    fn allowed(guard: &Guard, headers: &[(&'static str, &'static str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        guard.allows(&Method::GET, &map)
    }

    #[test]
    fn only_loopback_names_are_its_own() {
        let own = guard("127.0.0.1", &[]);
        for host in ["127.0.0.1:8080", "localhost:8081", "LOCALHOST", "[::1]:8080", "127.9.9.9:1"] {
            assert!(allowed(&own, &[("host", host)]), "{host}");
        }
        for host in
            ["evil.example:8080", "127.0.0.1.evil.example", "10.0.0.7:8080", "localhost.evil", "", "[::1"]
        {
            assert!(!allowed(&own, &[("host", host)]), "{host}");
        }
        assert!(!allowed(&own, &[]), "no Host at all");
        assert!(!allowed(&own, &[("host", "localhost"), ("host", "evil.example")]), "two");
    }

    #[test]
    fn what_the_arguments_say_is_its_own_too() {
        assert!(allowed(&guard("0.0.0.0", &[]), &[("host", "10.0.0.7:8080")]));
        assert!(!allowed(&guard("0.0.0.0", &[]), &[("host", "evil.example:8080")]));
        assert!(!allowed(&guard("10.0.0.7", &[]), &[("host", "10.0.0.8:8080")]));
        let named = guard("0.0.0.0", &["demo.test"]);
        assert!(allowed(&named, &[("host", "demo.test:8081"), ("origin", "http://demo.test:8080")]));
        let by_address = |origin| allowed(&named, &[("host", "10.0.0.7:8081"), ("origin", origin)]);
        assert!(by_address("http://10.0.0.7:8080"));
        assert!(!by_address("http://6.6.6.6:8080"), "another machine's page on the same port");
        assert!(!by_address("http://localhost:8080"), "another app of who visits");
    }

    #[test]
    fn only_the_page_is_an_origin() {
        let own = guard("127.0.0.1", &[]);
        let from = |origin| allowed(&own, &[("host", "127.0.0.1:8081"), ("origin", origin)]);
        for origin in ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080"] {
            assert!(from(origin), "{origin}");
        }
        for origin in [
            "https://evil.example",
            "http://evil.example:8080",
            "http://127.0.0.1:8888",
            "http://localhost",
            "https://localhost:8080",
            "http://127.0.0.1.evil.example:8080",
            "http://localhost:8080@evil.example",
            "null",
            "",
        ] {
            assert!(!from(origin), "{origin}");
        }
    }

    #[test]
    fn a_request_without_an_origin_comes_from_no_other_page() {
        let own = guard("127.0.0.1", &[]);
        let from = |site, mode| {
            allowed(&own, &[("host", "localhost:8080"), ("sec-fetch-site", site), ("sec-fetch-mode", mode)])
        };
        assert!(from("same-origin", "no-cors") && from("none", "navigate") && from("cross-site", "navigate"));
        assert!(!from("cross-site", "no-cors") && !from("same-site", "no-cors"));
    }
}
