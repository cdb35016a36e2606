//! Why a WebSocket did not open.

use std::rc::Rc;

use super::{
    Builder, Context, EndpointError, Request,
    builder::{Asked, Endpoint},
};
use crate::web::probe::Probe;

impl Builder {
    /// An address, or one with headers, that answers a GET as the server would answer the WebSocket's upgrade. It is fetched when a WebSocket
    /// did not open, as no browser says why. A status from 400 on, but for 426, is then the failure:
    /// [`Failure::Http`](crate::Failure::Http), by the table of failures. Anything else is
    /// [`Failure::Network`](crate::Failure::Network), as without it. Default: none. Of a [`Request`] its method, body and redirect are not
    /// set: `connect` fails with them.
    ///
    /// ```
    /// let builder = everwire::Client::builder("wss://example.com/live").probe("https://example.com/live");
    /// # drop(builder);
    /// ```
    pub fn probe(self, request: impl Into<Request>) -> Self {
        self.probes(Endpoint::Fixed(request.into()))
    }

    /// As [`probe`](Self::probe), asked for each time.
    ///
    /// ```
    /// use everwire::{Client, endpoint::Request};
    /// # async fn token() -> Result<String, std::fmt::Error> { Ok(String::new()) }
    /// let builder = Client::builder("wss://example.com/live").probe_with(|_| async {
    ///     let token = token().await?;
    ///     Ok(Request::get("https://example.com/live").with_header("authorization", format!("Bearer {token}")))
    /// });
    /// # drop(builder);
    /// ```
    pub fn probe_with<F, R, T>(self, probe: F) -> Self
    where
        F: Fn(Context) -> R + 'static,
        R: Future<Output = Result<T, EndpointError>> + 'static,
        T: Into<Request>,
    {
        self.probes(Endpoint::Function(Rc::new(move |context| {
            let asked = probe(context);
            Box::pin(async { asked.await.map(Into::into) }) as Asked
        })))
    }

    fn probes(mut self, to: Endpoint) -> Self {
        self.config.probes = true;
        self.probe = Some(Rc::new(Probe(to)));
        self
    }
}
