//! What is asked of the server: an address, and over HTTP what goes with it.

use std::{
    fmt::{self, Write},
    future::Future,
    pin::Pin,
    rc::Rc,
};

use super::{Builder, Context, EndpointError, imp};
use crate::Transport;

/// A part of an address's path made of what a server said, such as an id: percent-encoded, so that it leads nowhere else.
///
/// `None` of an empty text, `.` and `..`: URL parsers take these for another place, also when they are encoded.
///
/// ```
/// use everwire::endpoint::path_segment;
/// assert_eq!(path_segment("../account?x#:1").as_deref(), Some("..%2Faccount%3Fx%23%3A1"));
/// assert_eq!(path_segment(".."), None);
/// ```
pub fn path_segment(text: &str) -> Option<String> {
    if matches!(text, "" | "." | "..") {
        return None;
    }
    let mut segment = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            segment.push(char::from(byte));
        } else {
            // A String takes all.
            let _ = write!(segment, "%{byte:02X}");
        }
    }
    Some(segment)
}

/// Whether a URL parser takes the address elsewhere than it reads: a segment `.` or `..`, encoded or not, a host where a path seemed to
/// begin, or a scheme without two slashes (URL, "path state", "relative slash state", "special authority slashes state").
pub(crate) fn strays(address: &str) -> bool {
    // Parsers skip these.
    let text: String = address.chars().filter(|&c| c > ' ').take_while(|&c| c != '?' && c != '#').collect();
    let scheme = text.split_once(':').filter(|(scheme, _)| scheme.chars().all(|c| c.is_ascii_alphanumeric()));
    let slashes = |rest: &str| rest.starts_with(['/', '\\']);
    let host = match scheme {
        Some((_, rest)) => rest.strip_prefix("//").is_none_or(slashes),
        None => text.get(1..).is_some_and(|rest| slashes(&text) && slashes(rest)),
    };
    host || text
        .split(['/', '\\'])
        .any(|segment| matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | ".."))
}

/// What becomes of a redirect, where the default does not do: see [`Request::with_redirect`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Redirect {
    /// Every one is followed, with the headers and the body.
    Follow,
    /// None is followed.
    Error,
}

/// Whether cookies and the like go along with a fetched stream, and what it brings is kept (Fetch, "credentials mode").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credentials {
    /// Never.
    Omit,
    /// To the page's own origin; the default.
    SameOrigin,
    /// To every origin.
    Include,
}

/// An address, and for a fetched event stream the method, headers and body of the request.
///
/// A `String` or `&str` is a GET. An EventSource takes the address alone, and so does a WebSocket, but for
/// [`with_protocols`](Self::with_protocols).
///
/// ```
/// use everwire::{Client, endpoint::Request};
/// let request = Request::post("/v1/chat", r#"{"prompt":"hi"}"#).with_header("content-type", "application/json");
/// let builder = Client::builder(request);
/// # drop(builder);
/// ```
#[derive(Clone, PartialEq, Eq)]
#[must_use]
pub struct Request {
    pub(crate) address: String,
    pub(crate) method: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) redirect: Option<Redirect>,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) same_origin: bool,
    pub(crate) protocols: Option<Vec<String>>,
    pub(crate) retry: bool,
    pub(crate) resumes: bool,
    /// Then there are these addresses instead.
    #[cfg(feature = "duplex")]
    pub(crate) ways: Option<Box<super::Ways>>,
    #[cfg(feature = "duplex")]
    pub(crate) uplink: Option<Box<Request>>,
}

impl Request {
    /// A GET.
    pub fn get(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            method: None,
            headers: Vec::new(),
            body: None,
            redirect: None,
            credentials: None,
            same_origin: false,
            protocols: None,
            retry: false,
            resumes: false,
            #[cfg(feature = "duplex")]
            ways: None,
            #[cfg(feature = "duplex")]
            uplink: None,
        }
    }

    /// A POST. It is repeated only when the server certainly did not act on it: after a status from 400 to 499 other than
    /// 408, and 503 with `Retry-After`, where those are not fatal. See [`with_retry`](Self::with_retry) and [`with_resume`](Self::with_resume).
    pub fn post(address: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self { method: Some("POST".to_owned()), body: Some(body.into()), ..Self::get(address) }
    }

    /// Another method.
    pub fn with_method(mut self, method: impl Into<String>) -> Self {
        self.method = Some(method.into());
        self
    }

    /// One more header.
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// A body. A GET takes none.
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// What becomes of a redirect. By default a request with headers, a body or credentials follows one on the page's own origin, and any
    /// other one is [`Failure::Redirect`](crate::Failure::Redirect): a browser does not say where it leads before it has followed it, and
    /// other origins would get what was given for this one. A request without these is followed anywhere.
    pub fn with_redirect(mut self, redirect: Redirect) -> Self {
        self.redirect = Some(redirect);
        self
    }

    /// A fetched stream: whether cookies go along, in the place of what [`Builder::with_credentials`](crate::Builder::with_credentials) says.
    pub fn with_credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// A fetched stream: another origin than the page's own is refused (Fetch, mode "same-origin"), also behind a redirect.
    pub fn with_same_origin(mut self) -> Self {
        self.same_origin = true;
        self
    }

    /// The WebSocket subprotocols to offer there, in the place of [`Builder::protocols`](crate::Builder::protocols).
    pub fn with_protocols<S: Into<String>>(mut self, protocols: impl IntoIterator<Item = S>) -> Self {
        self.protocols = Some(protocols.into_iter().map(Into::into).collect());
        self
    }

    /// Even a POST is repeated after any failure: it does no harm twice.
    pub fn with_retry(mut self) -> Self {
        self.retry = true;
        self
    }

    /// Once a message with an id was delivered, the endpoint function is asked for another request, which goes
    /// on from `last_event_id`: start by POST, resume by GET. See [`path_segment`] for an id in the path.
    ///
    /// ```
    /// use everwire::{Client, endpoint::{Request, path_segment}};
    /// let builder = Client::builder_with(|context| async move {
    ///     // The id is the server's word: encoded, it can lead nowhere else.
    ///     Ok(match path_segment(&context.last_event_id) {
    ///         None => Request::post("/v1/chat", "hi").with_resume(),
    ///         Some(id) => Request::get(format!("/v1/chat/{id}")),
    ///     })
    /// });
    /// # drop(builder);
    /// ```
    pub fn with_resume(mut self) -> Self {
        self.resumes = true;
        self
    }

    /// Where what is sent beside this stream goes, in the place of what the [`Uplink`](crate::options::Uplink) says: an address, or one
    /// with headers. It needs [`Builder::uplink`](crate::Builder::uplink), and one whose endpoints all have this is
    /// [`Uplink::per_endpoint`](crate::options::Uplink::per_endpoint).
    #[cfg(feature = "duplex")]
    pub fn with_uplink(mut self, uplink: impl Into<Self>) -> Self {
        let uplink = Box::new(uplink.into());
        let stream = self.ways.as_mut().and_then(|ways| ways.sse.as_mut());
        match stream {
            Some(stream) => stream.uplink = Some(uplink),
            None => self.uplink = Some(uplink),
        }
        self
    }

    #[cfg(feature = "duplex")]
    pub(crate) fn has_uplink(&self) -> bool {
        self.pick(Some(Transport::Fetch)).is_some_and(|(stream, _)| stream.uplink.is_some())
    }

    /// Must not be repeated by itself.
    pub(crate) fn once(&self) -> bool {
        let method = self.method.as_deref().unwrap_or_default();
        !self.retry && (method.eq_ignore_ascii_case("POST") || method.eq_ignore_ascii_case("PATCH"))
    }
}

pub(crate) type Mapped = Pin<Box<dyn Future<Output = Result<Request, EndpointError>>>>;
pub(crate) type Map = Rc<dyn Fn(Request, Context) -> Mapped>;

impl Builder {
    /// Completes each request before it is asked, those of [`failover`](Self::failover) and of an endpoint function, too: with a token in
    /// a header, say ([`Tokens::header`](crate::auth::Tokens::header)). It is asked before each attempt. An error is a failed attempt,
    /// [`Failure::Provider`](crate::Failure::Provider), and what it takes counts for the open timeout. After a refusal it is asked with
    /// [`Reason::Unauthorized`](crate::endpoint::Reason::Unauthorized), as an endpoint function is. An address that it changes must not lead
    /// elsewhere: see [`Client::builder_with`](crate::Client::builder_with).
    ///
    /// ```
    /// use everwire::Client;
    /// # async fn token(fresh: bool) -> Result<String, std::fmt::Error> { Ok(String::new()) }
    /// use everwire::endpoint::Reason;
    /// let builder = Client::builder("https://example.com/news").map_request(|request, context| async move {
    ///     let token = token(context.reason == Reason::Unauthorized).await?;
    ///     Ok(request.with_header("authorization", format!("Bearer {token}")))
    /// });
    /// # drop(builder);
    /// ```
    pub fn map_request<R>(mut self, map: impl Fn(Request, Context) -> R + 'static) -> Self
    where
        R: Future<Output = Result<Request, EndpointError>> + 'static,
    {
        self.map = Some(Rc::new(move |request, context| Box::pin(map(request, context))));
        self.ask = Some(imp::ask);
        self
    }
}

impl From<String> for Request {
    fn from(address: String) -> Self {
        Self::get(address)
    }
}

impl From<&String> for Request {
    fn from(address: &String) -> Self {
        Self::get(address)
    }
}

impl From<&str> for Request {
    fn from(address: &str) -> Self {
        Self::get(address)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither address, headers nor body: tokens stand in them.
        f.debug_struct("Request").field("method", &self.method).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{path_segment, strays};

    #[test]
    fn an_address_that_leads_elsewhere_is_seen() {
        for address in [
            "/chat/../account/7?really=yes",
            "/chat/..",
            "/chat/.",
            "/chat/%2e%2E/account",
            "/chat/.%2e?x",
            "/chat/%2E#x",
            "/chat/..#:1",
            "/chat/..\\account",
            "/chat\\..",
            "/chat/.\t./account",
            "/chat/%\n2e./account",
            " ../account",
            "./x",
            "..",
            "%2e./account",
            "//evil/account",
            "/\\evil/account",
            "\\\\evil",
            "\u{1}/\t/evil/account",
            "https:evil/account",
            "https:/evil/account",
            "https:///evil/account",
            "https:\\\\/evil",
            "ht\ntps:evil",
            "WSS:evil",
            "wss:\\\\evil/live",
            "https://good/chat/../account",
            "wss://good/chat/%2e%2e",
        ] {
            assert!(strays(address), "{address:?}");
        }
        for address in [
            "/chat/1",
            "chat/a:b",
            "/chat/...",
            "/chat/.a/a./%2ea",
            "/chat/..%2Faccount",
            "/chat/%252e%252e",
            "/chat/a//b",
            "/chat?to=/../x//..",
            "/chat#/../",
            "https://good/chat/1",
            "http://[::1]:8080/live",
            "",
        ] {
            assert!(!strays(address), "{address:?}");
        }
        // What path_segment makes stays.
        for id in ["..", ".", "../a", "%2e%2e", "..\\a", "//evil", "\t..", "https:evil"] {
            let address = path_segment(id).map(|segment| format!("/chat/{segment}"));
            assert!(!address.is_some_and(|address| strays(&address)), "{id:?}");
        }
    }

    #[test]
    fn a_path_segment_stays_where_it_is_put() {
        for (text, segment) in [
            ("a-1_b.c~", Some("a-1_b.c~")),
            ("../a", Some("..%2Fa")),
            ("%2e%2E", Some("%252e%252E")),
            ("..\\a?b#c", Some("..%5Ca%3Fb%23c")),
            ("\t..", Some("%09..")),
            (" ..", Some("%20..")),
            ("//host/é", Some("%2F%2Fhost%2F%C3%A9")),
            ("...", Some("...")),
            ("", None),
            (".", None),
            ("..", None),
        ] {
            assert_eq!(path_segment(text).as_deref(), segment, "{text:?}");
        }
    }
}
