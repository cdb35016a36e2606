//! Requests beside a connection.

use std::fmt;

use serde::de::DeserializeOwned;

use super::Response;
use crate::{
    error::DecodeError,
    web::double::{self, Exchange, Target},
};

/// A request beside a connection. The test is the server: it answers, or lets it hang. One that is dropped is never answered.
///
/// ```
/// use everwire::{Client, Sent, options::Uplink, test_util::{Page, Response}};
///
/// let page = Page::new();
/// let client = Client::builder("/live").uplink(Uplink::new("/live")).connect()?;
/// let stream = page.next_attempt().expect("it connects");
/// let name = stream.query("connection");
/// stream.accept();
///
/// let sending = client.handle().send("hello");
/// let post = page.next_request().expect("a POST");
/// assert_eq!((post.method(), post.body()), ("POST", &br#"["hello"]"#[..]));
/// assert_eq!(post.query("connection"), name);
/// post.respond(Response::new(204));
/// assert_eq!(page.block_on(sending)?, Sent::Sent);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a request that is dropped is never answered"]
pub struct HttpRequest(pub(super) Exchange);

impl HttpRequest {
    /// `POST`, `GET` or `HEAD`.
    #[must_use]
    pub fn method(&self) -> &str {
        self.0.method()
    }

    /// The address that is asked.
    #[must_use]
    pub fn url(&self) -> &str {
        self.0.url()
    }

    /// What stands in the query under this name, decoded.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<String> {
        Target::resolve(self.url())?.parameter(name)
    }

    /// A header, whatever its case; of several of that name, all with commas. The browser's own are not there.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        double::find(self.0.headers(), name)
    }

    /// The body; empty where there is none.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.0.body()
    }

    /// The body's JSON, typed.
    ///
    /// # Errors
    ///
    /// [`DecodeError`], when it is no JSON or does not fit `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        serde_json::from_slice(self.body()).map_err(|error| DecodeError::new(&error.to_string()))
    }

    /// It outlives the page: it was made in leaving.
    #[must_use]
    pub fn keepalive(&self) -> bool {
        self.0.keepalive()
    }

    /// The client has not let go of it.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.0.is_waiting()
    }

    /// The answer. A redirect is followed nowhere.
    pub fn respond(self, response: Response) {
        self.answer(Some((response.0.clone(), response.0.body)));
    }

    /// The network fails.
    pub fn fail(self) {
        self.answer(None);
    }

    fn answer(&self, response: Option<(double::Response, Vec<u8>)>) {
        self.0.answer(response);
        if let Some(world) = self.0.world() {
            world.run();
        }
    }
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest")
            .field("method", &self.method())
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}
