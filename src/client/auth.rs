//! Tokens, put where the server reads them.

use std::{cell::RefCell, fmt, future::Future, pin::Pin, rc::Rc, time::Duration};

use super::{Context, EndpointError, Handle, Handshake, Request};
use crate::{
    core::config,
    endpoint::Reason,
    error::OptionError,
    web::{
        aim::over_http,
        tokens::{ASTRAY, Expires, Got, Keeper, frame, origin_of, with_parameter},
    },
};

/// A token, and when it expires. A `String` or `&str` is one that is good until the server refuses it.
///
/// ```
/// use everwire::auth::Token;
/// use std::time::Duration;
/// // What an OAuth 2.0 server calls `expires_in`, and what a JWT calls `exp`.
/// let token = Token::new("eyJ0…").with_expires_in(Duration::from_secs(3600));
/// let same = Token::new("eyJ0…").with_expires_at(Duration::from_secs(1_767_229_200));
/// # drop((token, same));
/// ```
#[derive(Clone, PartialEq, Eq)]
#[must_use]
pub struct Token {
    token: Rc<str>,
    expires: Expires,
}

impl Token {
    /// One that is good until the server refuses it.
    pub fn new(token: impl Into<String>) -> Self {
        Self { token: token.into().into(), expires: Expires::Never }
    }

    /// It is good for so long from now on. It does not mind a wrong clock.
    pub const fn with_expires_in(mut self, time: Duration) -> Self {
        self.expires = Expires::In(time);
        self
    }

    /// It is good until then: so long after 1970 began, in UTC.
    pub const fn with_expires_at(mut self, since_1970: Duration) -> Self {
        self.expires = Expires::At(since_1970);
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.token.is_empty()
    }

    pub(crate) fn text(&self) -> Rc<str> {
        Rc::clone(&self.token)
    }

    pub(crate) fn expires(&self, now: u64) -> u64 {
        self.expires.at(now)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").finish_non_exhaustive()
    }
}

impl From<String> for Token {
    fn from(token: String) -> Self {
        Self::new(token)
    }
}

impl From<&str> for Token {
    fn from(token: &str) -> Self {
        Self::new(token)
    }
}

/// Why a token is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenReason {
    /// For a first attempt.
    Initial,
    /// For a retry.
    Reconnect,
    /// The server has refused the last one: 401, close 4001 or 4401, or what the rule of
    /// [`Builder::should_reconnect`](crate::Builder::should_reconnect) calls so.
    Unauthorized,
    /// The last one is about to expire, and a client of [`Tokens::keep_fresh`] is there.
    Refresh,
}

impl From<Reason> for TokenReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Initial => Self::Initial,
            Reason::Reconnect => Self::Reconnect,
            Reason::Unauthorized => Self::Unauthorized,
        }
    }
}

/// What the token function is told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenContext {
    /// Why it is asked.
    pub reason: TokenReason,
}

/// What puts a token into a request: for [`Builder::map_request`](crate::Builder::map_request).
pub type Authorize =
    Box<dyn Fn(Request, Context) -> Pin<Box<dyn Future<Output = Result<Request, EndpointError>>>>>;

/// What puts a token into a handshake: for [`Builder::handshake`](crate::Builder::handshake).
pub type Greet = Box<dyn Fn(Handshake) -> Pin<Box<dyn Future<Output = Result<(), EndpointError>>>>>;

/// A token function, and what it gave: asked once for all clients that need a token, kept until shortly before it expires, put where the
/// server reads it. A clone shares them.
///
/// Refused, the token is thrown away, and the function is asked once more, with [`TokenReason::Unauthorized`]; refused again, the client
/// closes. An error of the function is a failed attempt, [`Failure::Provider`](crate::Failure::Provider), unless the last token is still
/// good. Its future is dropped when nobody waits for it any more.
///
/// ```
/// use everwire::{Client, auth::{Token, Tokens}};
/// use std::time::Duration;
/// # async fn fetch_token() -> Result<String, std::fmt::Error> { Ok(String::new()) }
///
/// let tokens = Tokens::new(|_| async {
///     let token = fetch_token().await?;
///     Ok(Token::new(token).with_expires_in(Duration::from_secs(300)))
/// });
/// // In the first frame of a WebSocket, or in a header of a fetch.
/// let live = Client::builder("wss://example.com/live").handshake(tokens.frame());
/// let news = Client::builder("https://example.com/news").map_request(tokens.header());
/// # drop((live, news));
/// ```
#[derive(Clone)]
pub struct Tokens(Rc<Keeper>);

impl Tokens {
    /// Asks `ask` for a token when one is needed.
    pub fn new<F, R, T>(ask: F) -> Self
    where
        F: Fn(TokenContext) -> R + 'static,
        R: Future<Output = Result<T, EndpointError>> + 'static,
        T: Into<Token>,
    {
        Self(Rc::new(Keeper::new(Box::new(move |context| {
            let asked = ask(context);
            Box::pin(async { asked.await.map(Into::into) })
        }))))
    }

    /// How long before it expires a token is replaced, but not before half of its life is over. Default 60 s.
    #[must_use]
    pub fn with_refresh_ahead(self, time: Duration) -> Self {
        self.0.set_refresh_ahead(config::millis(time));
        self
    }

    /// Addresses whose origins may get the token. Default: the first one that it is asked for. For another one the attempt fails with
    /// [`Failure::Provider`](crate::Failure::Provider), nothing is sent, and the console says why once.
    ///
    /// ```
    /// use everwire::auth::Tokens;
    /// let tokens = Tokens::new(|_| async { Ok("…") })
    ///     .with_origins(["wss://eu.example.com", "wss://us.example.com"])?;
    /// # drop(tokens);
    /// # Ok::<(), everwire::error::OptionError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`OptionError`], for what is no address.
    pub fn with_origins<S: AsRef<str>>(
        self,
        addresses: impl IntoIterator<Item = S>,
    ) -> Result<Self, OptionError> {
        let origins: Option<Vec<_>> = addresses.into_iter().map(|one| origin_of(one.as_ref())).collect();
        let problem = "must be of addresses, such as https://example.com";
        self.0.set_origins(origins.ok_or(OptionError { option: "tokens.origins", problem })?);
        Ok(self)
    }

    /// In the header of a fetch, `Authorization: Bearer …`: for [`Builder::map_request`](crate::Builder::map_request).
    pub fn header(&self) -> Authorize {
        self.put(|token, request, _| async move {
            Ok(request.with_header("authorization", format!("Bearer {token}")))
        })
    }

    /// As a WebSocket's subprotocol: those that the request offers, or `others`, then `prefix` with the token. `bearer.` is a usual prefix.
    /// Let the server choose one of the others: it is what [`Handle::protocol`] gives. A token with characters that no subprotocol has is
    /// a failed attempt.
    ///
    /// ```
    /// use everwire::{Client, auth::Tokens};
    /// let tokens = Tokens::new(|_| async { Ok("…") });
    /// let builder = Client::builder("wss://example.com/live").map_request(tokens.protocol("bearer.", ["app.v1"]));
    /// # drop(builder);
    /// ```
    pub fn protocol<S: Into<String>>(
        &self,
        prefix: impl Into<String>,
        others: impl IntoIterator<Item = S>,
    ) -> Authorize {
        let prefix = prefix.into();
        let others: Vec<String> = others.into_iter().map(Into::into).collect();
        self.put(move |token, request, _| {
            let mut offered = request.protocols.clone().unwrap_or_else(|| others.clone());
            offered.push(format!("{prefix}{token}"));
            async move { Ok(request.with_protocols(offered)) }
        })
    }

    /// In the query, under this name; `access_token` is a usual one. Query strings stand in the logs of servers.
    pub fn query(&self, name: impl Into<String>) -> Authorize {
        let name = name.into();
        self.put(move |token, mut request, _| {
            let address = with_parameter(&request.address, &name, &token);
            async move {
                request.address = address.ok_or("query: the endpoint is no URL")?;
                Ok(request)
            }
        })
    }

    /// Anywhere in the request.
    ///
    /// ```
    /// use everwire::{Client, auth::Tokens, endpoint::Request};
    /// let tokens = Tokens::new(|_| async { Ok("…") });
    /// let builder = Client::builder(Request::post("/v1/chat", "hi"))
    ///     .map_request(tokens.put(|token, request, _| async move { Ok(request.with_header("x-token", &*token)) }));
    /// # drop(builder);
    /// ```
    pub fn put<F, R>(&self, place: F) -> Authorize
    where
        F: Fn(Rc<str>, Request, Context) -> R + 'static,
        R: Future<Output = Result<Request, EndpointError>> + 'static,
    {
        let (tokens, place) = (Placed::new(self), Rc::new(place));
        Box::new(move |request, context| {
            let got = tokens.get(origin_of(&request.address), context.reason);
            let place = Rc::clone(&place);
            Box::pin(async move { place(got.await?, request, context).await })
        })
    }

    /// In the first frame, `{"type":"auth","token":…}`: for [`Builder::handshake`](crate::Builder::handshake).
    pub fn frame(&self) -> Greet {
        self.frame_with(frame)
    }

    /// In the first frame, made of the token.
    pub fn frame_with(&self, make: impl Fn(&str) -> String + 'static) -> Greet {
        self.handshake(move |token, socket| {
            let sent = socket.send(&make(&token));
            async move { Ok(sent?) }
        })
    }

    /// In a handshake of the app's own.
    ///
    /// ```
    /// use everwire::{Client, auth::Tokens};
    /// let tokens = Tokens::new(|_| async { Ok("…") });
    /// let builder = Client::builder("wss://example.com/live").handshake(tokens.handshake(|token, socket| async move {
    ///     socket.send(&format!("login {token}"))?;
    ///     let answer = socket.receive().await?;
    ///     if answer.kind() == "welcome" { Ok(()) } else { Err("not welcome".into()) }
    /// }));
    /// # drop(builder);
    /// ```
    pub fn handshake<F, R>(&self, shake: F) -> Greet
    where
        F: Fn(Rc<str>, Handshake) -> R + 'static,
        R: Future<Output = Result<(), EndpointError>> + 'static,
    {
        let (tokens, shake) = (Placed::new(self), Rc::new(shake));
        Box::new(move |socket| {
            let got = tokens.get(socket.0.origin().map(|origin| over_http(&origin)), socket.reason());
            let shake = Rc::clone(&shake);
            Box::pin(async move { shake(got.await?, socket).await })
        })
    }

    /// As long as the client is not closed, a token is replaced before it expires, so that no reconnect has to wait for one. `on_refresh`
    /// gets each new one while the client is open, to send it over the connection that there is. [`KeptFresh::stop`] ends it sooner.
    ///
    /// ```no_run
    /// # fn run() -> Result<(), everwire::error::ConnectError> {
    /// use everwire::{Client, auth::Tokens};
    /// let tokens = Tokens::new(|_| async { Ok("…") });
    /// let client = Client::builder("wss://example.com/live").handshake(tokens.frame()).connect()?;
    /// let handle = client.handle();
    /// tokens.keep_fresh(&client.handle(), move |token| {
    ///     let _sending = handle.send(&format!("token {token}"));
    /// });
    /// # Ok(()) }
    /// ```
    pub fn keep_fresh(&self, handle: &Handle, on_refresh: impl Fn(&str) + 'static) -> KeptFresh {
        let number = handle.keep_fresh(&self.0, on_refresh);
        KeptFresh { tokens: self.clone(), number }
    }

    /// At logout: the token is thrown away, also one that is being asked for. The next attempt asks for a new one.
    pub fn forget(&self) {
        self.0.forget();
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

/// What [`Tokens::keep_fresh`] has begun. Dropping it changes nothing: it lasts as long as the client.
#[derive(Clone)]
pub struct KeptFresh {
    tokens: Tokens,
    /// None: the client was closed already.
    number: Option<u64>,
}

impl KeptFresh {
    /// This client needs it no more.
    pub fn stop(&self) {
        if let Some(number) = self.number {
            self.tokens.0.unfollow(number);
        }
    }
}

impl fmt::Debug for KeptFresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptFresh").finish_non_exhaustive()
    }
}

/// A place that tokens are put in.
struct Placed {
    keeper: Rc<Keeper>,
    /// A refusal is that of the token which was put here. Another client may have got a new one since.
    last: Rc<RefCell<Option<Rc<str>>>>,
}

impl Placed {
    fn new(tokens: &Tokens) -> Self {
        Self { keeper: Rc::clone(&tokens.0), last: Rc::default() }
    }

    fn get(
        &self,
        origin: Option<String>,
        reason: Reason,
    ) -> impl Future<Output = Result<Rc<str>, EndpointError>> + use<> {
        let (keeper, last) = (Rc::clone(&self.keeper), Rc::clone(&self.last));
        async move {
            if !keeper.confine(origin) {
                return Err(ASTRAY.into());
            }
            let had = last.borrow().clone();
            let got: Got = keeper.get(reason.into(), had).await;
            let token = got?;
            last.replace(Some(Rc::clone(&token)));
            Ok(token)
        }
    }
}
