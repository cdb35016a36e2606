//! What a client is told before it connects.

use std::{cell::RefCell, fmt, future::Future, pin::Pin, rc::Rc, time::Duration};

use super::{Choice, Client, Details, Handshake, Head, Is, Kind, Message, Reconnect, Request, Resume, imp};
#[cfg(feature = "duplex")]
use super::{Persist, Rate, Requests, Subscriptions};
#[cfg(feature = "duplex")]
use crate::core::topics::Joins;
use crate::{
    Failure, Transport,
    core::{
        carrier::Via,
        config::{Config, MAX_EVENT_BYTES, millis},
        failure::see,
        io::Reason,
    },
    error::OptionError,
    options::{Heartbeat, Outbox},
    web::{
        Port,
        cancel::Cancels,
        decode::Decodes,
        installed::{Beat, Probes, Shakes, Upward},
        shaking::Shaken,
    },
};

/// So many characters of a refusal's body are kept.
const FAILURE_BODY: usize = 1_024;

/// Why there is no client.
///
/// ```
/// use everwire::{Client, error::ConnectError, options::Heartbeat};
/// use std::time::Duration;
/// let hasty = Heartbeat::new().with_interval(Duration::from_millis(1));
/// match Client::builder("wss://example.com/live").heartbeat(hasty).connect() {
///     Err(ConnectError::InvalidOption(error)) => assert_eq!(error.option, "heartbeat.interval"),
///     Err(ConnectError::Unsupported) => println!("rendered on a server"),
///     other => panic!("{other:?}"),
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address cannot be used; the sentence says why.
    InvalidUrl(&'static str),
    /// An option cannot work.
    InvalidOption(OptionError),
    /// Not a browser (server-side rendering, say), or one without the transport.
    Unsupported,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidUrl(problem) => {
                write!(f, "the address {problem}")?;
                see(f, "invalid-url")
            }
            Self::InvalidOption(error) => error.fmt(f),
            Self::Unsupported => {
                f.write_str("this runtime has no such transport; connect in the browser only")?;
                see(f, "unsupported")
            }
        }
    }
}

impl std::error::Error for ConnectError {}

/// What an endpoint function is told of the attempt that it is called for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Context {
    /// Why the attempt is made.
    pub reason: Reason,
    /// Retries since the last stable connection: 0 in the first attempt, 1 in the first retry.
    pub attempt: u64,
    /// The cursor; empty when there is none.
    pub last_event_id: String,
    /// The head of the answer that was last streamed by fetch: a server may name there what it streams.
    pub head: Option<Head>,
}

/// Why an endpoint function has no address. It is one failed attempt, not the end, unless it is [`NotResumable`].
pub type EndpointError = Box<dyn std::error::Error>;

/// There is nothing to go on with: the client closes with [`Failure::NotResumable`].
///
/// ```
/// use everwire::{Client, endpoint::{NotResumable, Reason, Request, path_segment}};
/// let builder = Client::builder_with(|context| async move {
///     let answer = context.last_event_id.split(':').next().and_then(path_segment);
///     match (context.reason, answer) {
///         (Reason::Initial, _) => Ok(Request::post("/v1/chat", "hi").with_resume()),
///         (_, Some(answer)) => Ok(Request::get(format!("/v1/chat/{answer}"))),
///         _ => Err(NotResumable.into()),
///     }
/// });
/// # drop(builder);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotResumable;

impl fmt::Display for NotResumable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is nothing to go on with")
    }
}

impl std::error::Error for NotResumable {}

pub(crate) type Asked = Pin<Box<dyn Future<Output = Result<Request, EndpointError>>>>;

#[derive(Clone)]
pub(crate) enum Endpoint {
    Fixed(Request),
    Function(Rc<dyn Fn(Context) -> Asked>),
}

pub(crate) type OnComment = Box<dyn Fn(&str)>;
type Rule = Box<dyn Fn(Failure, &Details) -> Decision>;
pub(crate) type Ping = Box<dyn Fn() -> String>;

/// Which answers to a fetch are event streams, by their content type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContentType {
    /// Those of `text/event-stream`; the default.
    Required,
    /// Those that have none, too.
    Optional,
    /// All, also of a page that asks to log in.
    Any,
}

/// What a rule of the app's says of a failure: see [`Builder::should_reconnect`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Decision {
    /// As the table has it: [`Failure::class`].
    Table,
    /// Give up: the client closes.
    GiveUp,
    /// Try again, after the delay that the backoff gives.
    Again,
    /// The credentials are no good: as the table has a 401, whatever the failure is. The functions are asked again, once, with
    /// [`Reason::Unauthorized`](crate::endpoint::Reason::Unauthorized); then, until a connection has held, it is fatal.
    Unauthorized,
    /// Try again after so long, whatever the backoff and the server say: no less than 100 ms, no more than 2³¹−1 ms. The delay is
    /// not spread at random: where a whole fleet sees the same failure, add a random part to it.
    After(Duration),
}

impl From<Option<bool>> for Decision {
    fn from(again: Option<bool>) -> Self {
        again.map_or(Self::Table, Self::from)
    }
}

impl From<bool> for Decision {
    fn from(again: bool) -> Self {
        if again { Self::Again } else { Self::GiveUp }
    }
}

impl From<Duration> for Decision {
    fn from(delay: Duration) -> Self {
        Self::After(delay)
    }
}

/// Made by [`Client::builder`]. Every setting has a default; see each. What cannot work is an error of [`connect`](Self::connect).
///
/// ```
/// use everwire::{Client, options::{Heartbeat, Reconnect, Resume}};
/// use std::time::Duration;
/// let builder = Client::builder("wss://example.com/live")
///     .heartbeat(Heartbeat::new())
///     .reconnect(Reconnect::new().with_max_delay(Duration::from_secs(60)))
///     .resume(Resume::new().with_id("eventId"))
///     .open_timeout(Duration::from_secs(5));
/// # drop(builder);
/// ```
#[must_use = "a builder does nothing until connect()"]
pub struct Builder {
    pub(crate) endpoint: Endpoint,
    pub(crate) others: Vec<Request>,
    pub(crate) shuffle: Option<super::shuffle::Shuffle>,
    /// What became of that: empty, if there is none.
    pub(crate) order: Vec<u32>,
    pub(crate) choice: Choice,
    pub(crate) map: Option<super::request::Map>,
    /// Of an endpoint function, or of `map`.
    pub(crate) ask: Option<imp::Ask>,
    pub(crate) preset: Option<super::presets::Preset>,
    pub(crate) unpack: Option<super::presets::Unpack>,
    pub(crate) outcome: Option<super::head::Says>,
    pub(crate) transport: Option<Transport>,
    pub(crate) protocols: Vec<String>,
    /// Of these, whether they may go there.
    pub(crate) confines: Option<fn(&Self, &Request) -> bool>,
    /// The origin that these are for.
    pub(crate) offered: RefCell<Option<String>>,
    pub(crate) events: Vec<String>,
    pub(crate) with_credentials: bool,
    pub(crate) max_event_bytes: usize,
    pub(crate) flush: bool,
    pub(crate) on_comment: Option<OnComment>,
    pub(crate) cancel: Option<Rc<dyn Cancels>>,
    pub(crate) content_type: ContentType,
    pub(crate) decode: Option<Rc<dyn Decodes>>,
    pub(crate) resume: Resume,
    pub(crate) page_lifecycle: bool,
    pub(crate) paused: bool,
    pub(crate) notice: Option<Kind>,
    pub(crate) handshake: Option<Rc<dyn Shakes>>,
    pub(crate) uplink: Option<Rc<dyn Upward>>,
    pub(crate) probe: Option<Rc<dyn Probes>>,
    pub(crate) beat: Option<Beat>,
    pub(crate) ping: Option<Ping>,
    pub(crate) is_pong: Option<Is>,
    pub(crate) frame: Option<super::resume::Frame>,
    pub(crate) acked: Option<fn(&Port, &Message) -> bool>,
    pub(crate) acks: Option<super::Acks>,
    pub(crate) refused: Option<super::Acks>,
    pub(crate) high_water_mark: Option<u32>,
    #[cfg(feature = "duplex")]
    pub(crate) slow: Option<Is>,
    #[cfg(feature = "duplex")]
    pub(crate) requests: Requests,
    #[cfg(feature = "duplex")]
    pub(crate) subscriptions: Subscriptions,
    #[cfg(feature = "duplex")]
    pub(crate) persist: Option<(Persist, super::persist::Begin)>,
    pub(crate) rule: Option<Rule>,
    pub(crate) failure_body: usize,
    reconnect: Reconnect,
    pub(super) config: Config,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the endpoint: tokens stand in addresses.
        f.debug_struct("Builder").field("transport", &self.transport).finish_non_exhaustive()
    }
}

impl Builder {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            others: Vec::new(),
            shuffle: None,
            order: Vec::new(),
            choice: Choice::new(),
            map: None,
            ask: None,
            preset: None,
            unpack: None,
            outcome: None,
            transport: None,
            protocols: Vec::new(),
            confines: None,
            offered: RefCell::default(),
            events: Vec::new(),
            with_credentials: false,
            max_event_bytes: MAX_EVENT_BYTES as usize,
            flush: false,
            on_comment: None,
            cancel: None,
            content_type: ContentType::Required,
            decode: None,
            resume: Resume::new(),
            page_lifecycle: true,
            paused: false,
            rule: None,
            failure_body: FAILURE_BODY,
            notice: None,
            handshake: None,
            uplink: None,
            probe: None,
            beat: None,
            ping: None,
            is_pong: None,
            frame: None,
            acked: None,
            acks: None,
            refused: None,
            high_water_mark: None,
            reconnect: Reconnect::new(),
            #[cfg(feature = "duplex")]
            slow: None,
            #[cfg(feature = "duplex")]
            requests: Requests::new(),
            #[cfg(feature = "duplex")]
            subscriptions: Subscriptions::new(),
            #[cfg(feature = "duplex")]
            persist: None,
            config: Config::default(),
        }
    }

    /// Where to go when the first endpoint fails, in this order; the cursor goes along. Back to the first one
    /// when a good connection has ended in the normal way. What one refuses for good ends the client when all have refused
    /// in a row, or when it is about the request ([`Failure::of_the_endpoint`]).
    pub fn failover(mut self, others: impl IntoIterator<Item = impl Into<Request>>) -> Self {
        self.others = others.into_iter().map(Into::into).collect();
        self
    }

    /// Whether the protocols may go there.
    pub(crate) fn confine(&self, request: &Request) -> bool {
        self.confines.is_none_or(|confines| confines(self, request))
    }

    /// A heartbeat that sends.
    pub(crate) const fn pings(&self) -> bool {
        self.config.heartbeat.is_some() && !self.config.passive
    }

    pub(crate) fn fixed(&self) -> impl Iterator<Item = &Request> {
        let first = if let Endpoint::Fixed(request) = &self.endpoint { Some(request) } else { None };
        first.into_iter().chain(&self.others)
    }

    /// Default: WebSocket for `ws:` and `wss:` addresses, fetch for http(s) and relative ones.
    pub fn transport(mut self, transport: Transport) -> Self {
        self.transport = Some(transport);
        self
    }

    /// WebSocket subprotocols to offer. Default: none. One may be a token, so they go to the first endpoint's origin alone: an endpoint
    /// elsewhere needs [`Request::with_protocols`]. Without these `connect` fails, or the attempt, where a function gave the endpoint.
    pub fn protocols<S: Into<String>>(mut self, protocols: impl IntoIterator<Item = S>) -> Self {
        self.protocols = protocols.into_iter().map(Into::into).collect();
        self.confines = Some(imp::confined);
        self
    }

    /// Event names for an EventSource, which delivers no name that was not asked for. Default: `message`.
    pub fn events<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.events = names.into_iter().map(Into::into).collect();
        self
    }

    /// SSE: send cookies across origins. Default: no.
    pub fn with_credentials(mut self, on: bool) -> Self {
        self.with_credentials = on;
        self
    }

    /// The longest line or event that a fetched stream may have, in bytes; a longer one is
    /// [`Failure::TooBig`]. Default 16 MiB; no more than 512 MiB counts. The lines of an event, at 16 bytes each, may be
    /// as many again, but at least 64 KiB and at most 64 MiB.
    pub fn max_event_bytes(mut self, bytes: usize) -> Self {
        self.max_event_bytes = bytes;
        self
    }

    /// A fetched stream: which answers are event streams, by their content type.
    pub fn content_type(mut self, content_type: ContentType) -> Self {
        self.content_type = content_type;
        self
    }

    /// A fetched stream's last event counts even when the blank line after it is missing. Default: no.
    pub fn flush(mut self) -> Self {
        self.flush = true;
        self
    }

    /// Gets each comment line of a fetched stream, without its colon and one space.
    pub fn on_comment(mut self, on_comment: impl Fn(&str) + 'static) -> Self {
        self.on_comment = Some(Box::new(on_comment));
        self
    }

    /// Notice dead connections. Default: off.
    pub fn heartbeat(mut self, heartbeat: Heartbeat) -> Self {
        self.config.heartbeat = Some(heartbeat);
        self.beat = Some(Beat::new());
        self
    }

    /// What a ping of the heartbeat looks like. Default `{"type":"ping","timestamp":…}`, with the time of day in ms.
    ///
    /// ```
    /// use everwire::{Client, options::Heartbeat};
    /// let builder = Client::builder("wss://example.com/live")
    ///     .heartbeat(Heartbeat::new())
    ///     .ping(|| "ping".to_owned())
    ///     .is_pong(|message| message.text() == Some("pong"));
    /// # drop(builder);
    /// ```
    pub fn ping(mut self, ping: impl Fn() -> String + 'static) -> Self {
        self.ping = Some(Box::new(ping));
        self
    }

    /// No pings: a WebSocket's server says something by itself within each interval of the heartbeat.
    pub fn no_ping(mut self) -> Self {
        self.config.passive = true;
        self
    }

    /// Which messages answer a ping. They do not reach the app. Default: a JSON object whose `type` is `pong`; and in any case a ping that
    /// comes back as it was.
    pub fn is_pong(mut self, is_pong: impl Fn(&Message) -> bool + 'static) -> Self {
        self.is_pong = Some(Box::new(is_pong));
        self
    }

    /// When to connect again. Default: [`Reconnect::new`].
    pub fn reconnect(mut self, reconnect: Reconnect) -> Self {
        self.notice.clone_from(&reconnect.notice);
        self.reconnect = reconnect;
        self
    }

    /// WebSocket: what is said before the client counts as open, by each connection: a greeting, a token. It is part of the attempt: what
    /// it takes longer than the open timeout, and an error of its, is a failed attempt, [`Failure::Provider`]. On an SSE address `connect` fails.
    ///
    /// ```
    /// let builder = everwire::Client::builder("wss://example.com/live").handshake(|socket| async move {
    ///     socket.send(r#"{"type":"auth","token":"…"}"#)?;
    ///     let answer = socket.receive().await?;
    ///     if answer.kind() == "welcome" { Ok(()) } else { Err("not welcome".into()) }
    /// });
    /// # drop(builder);
    /// ```
    pub fn handshake<R>(mut self, handshake: impl Fn(Handshake) -> R + 'static) -> Self
    where
        R: Future<Output = Result<(), EndpointError>> + 'static,
    {
        self.handshake = Some(Rc::new(Shaken::new(Box::new(move |socket| Box::pin(handshake(socket))))));
        self
    }

    /// The bounds of what waits to be sent. Default: [`Outbox::new`].
    pub fn outbox(mut self, outbox: Outbox) -> Self {
        self.config.outbox = outbox;
        self
    }

    /// How replies to requests are told: see [`Handle::request`](crate::Handle::request). Default: [`Requests::new`].
    #[cfg(feature = "duplex")]
    pub fn requests(mut self, requests: Requests) -> Self {
        self.requests = requests;
        self
    }

    /// How topics are told apart and joined: see [`Handle::subscribe`](crate::Handle::subscribe). Default: [`Subscriptions::new`].
    #[cfg(feature = "duplex")]
    pub fn subscriptions(mut self, subscriptions: Subscriptions) -> Self {
        self.subscriptions = subscriptions;
        self
    }

    /// How much may be sent: what is more waits in the outbox. Default: no limit.
    ///
    /// ```
    /// use everwire::{Client, options::Rate};
    /// use std::time::Duration;
    /// let rate = Rate::new(20, Duration::from_secs(1)).with_slow("too-fast");
    /// let builder = Client::builder("wss://example.com/live").rate(rate);
    /// # drop(builder);
    /// ```
    #[cfg(feature = "duplex")]
    pub fn rate(mut self, rate: Rate) -> Self {
        self.config.limit = Some(rate.limit);
        self.slow = rate.slow;
        self
    }

    /// A socket with so many bytes in its buffer gets no more until it has fewer. Default 16 777 216.
    pub fn high_water_mark(mut self, bytes: u32) -> Self {
        self.high_water_mark = Some(bytes);
        self
    }

    /// How long an attempt may take to open, and an endpoint function to answer: 1 to 2^31-1 ms. Default 10 s.
    pub fn open_timeout(mut self, time: Duration) -> Self {
        self.config.open_timeout = millis(time);
        self
    }

    /// A rule over the failure table. It may give a [`Decision`], or what becomes one: `Some(true)` tries again, `Some(false)`
    /// gives up, `None` leaves it to the table ([`Failure::class`]), and a [`Duration`] tries again after so long.
    ///
    /// ```
    /// use everwire::{Client, Failure, options::Decision};
    /// use std::time::Duration;
    ///
    /// let builder = Client::builder("wss://example.com/live").should_reconnect(|failure| match failure {
    ///     // The server's own code for "in maintenance".
    ///     Failure::Closed { code: 4002 } => Decision::After(Duration::from_secs(60)),
    ///     // Its own code for "the token has expired".
    ///     Failure::Closed { code: 3000 } => Decision::Unauthorized,
    ///     _ => Decision::Table,
    /// });
    /// # drop(builder);
    /// ```
    pub fn should_reconnect<D: Into<Decision>>(mut self, rule: impl Fn(Failure) -> D + 'static) -> Self {
        self.rule = Some(Box::new(move |failure, _| rule(failure).into()));
        self
    }

    /// As [`should_reconnect`](Self::should_reconnect), by what the server said of the failure, too.
    ///
    /// ```
    /// let builder = everwire::Client::builder("wss://example.com/live").should_reconnect_with(|_, details| {
    ///     (details.close_reason == "maintenance").then_some(std::time::Duration::from_secs(60)).map_or(
    ///         everwire::options::Decision::Table,
    ///         everwire::options::Decision::After,
    ///     )
    /// });
    /// # drop(builder);
    /// ```
    pub fn should_reconnect_with<D: Into<Decision>>(
        mut self,
        rule: impl Fn(Failure, &Details) -> D + 'static,
    ) -> Self {
        self.rule = Some(Box::new(move |failure, details| rule(failure, details).into()));
        self
    }

    /// How much of the body of an answer that is no event stream [`Details::body`](crate::event::Details) has, in characters: at most
    /// 1 048 576. Default 1 024.
    pub fn max_failure_body(mut self, characters: usize) -> Self {
        self.failure_body = characters;
        self
    }

    /// Whether nothing is opened until [`Handle::resume`](crate::Handle::resume). Default: no.
    pub fn paused(mut self, on: bool) -> Self {
        self.paused = on;
        self
    }

    /// Whether to watch freeze, back/forward cache, visibility, online and offline. Default: yes.
    pub fn page_lifecycle(mut self, on: bool) -> Self {
        self.page_lifecycle = on;
        self
    }

    /// Returns at once; the first attempt starts in a microtask.
    ///
    /// # Errors
    ///
    /// [`ConnectError`], for what cannot work: nothing has been opened then.
    ///
    /// ```
    /// // On a host that is not wasm (server-side rendering):
    /// let none = everwire::Client::builder("wss://example.com/live").connect();
    /// assert_eq!(none.err(), Some(everwire::error::ConnectError::Unsupported));
    /// ```
    pub fn connect(mut self) -> Result<Client, ConnectError> {
        if let Some(preset) = self.preset {
            preset(&mut self).map_err(ConnectError::InvalidOption)?;
        }
        let mut config = Config {
            has_provider: self.config.has_provider
                || matches!(self.endpoint, Endpoint::Function(_))
                || self.map.is_some()
                || self.handshake.is_some(),
            asks: self.rule.is_some(),
            numbered: self.resume.seq.is_some(),
            endpoints: u32::try_from(self.others.len()).unwrap_or(0).saturating_add(1),
            browser_reconnects: self.resume.via == Some(Via::Header)
                && self.transport == Some(Transport::EventSource),
            ..self.config.clone()
        };
        #[cfg(feature = "duplex")]
        {
            config.joins = Joins {
                confirm: self.subscriptions.confirm,
                timeout: self.subscriptions.timeout,
                max_attempts: config.outbox.max_attempts,
            };
        }
        self.reconnect
            .tell(&mut config)
            .and_then(|()| config.check())
            .and_then(|()| {
                let pings = self.ping.is_some() || self.is_pong.is_some() || config.passive;
                let problem = "needs Builder::heartbeat";
                let missing = pings && config.heartbeat.is_none();
                if missing { Err(OptionError { option: "heartbeat.ping", problem }) } else { Ok(()) }
            })
            .and_then(|()| {
                let problem = "needs Builder::acks";
                let missing = self.refused.is_some() && self.acks.is_none();
                if missing { Err(OptionError { option: "outbox.ack.refused", problem }) } else { Ok(()) }
            })
            .and_then(|()| {
                let error = |option, problem| Err(OptionError { option, problem });
                match &self.resume.stored {
                    None if self.resume.manual => error("resume.commit", "needs Resume::with_storage"),
                    _ => Ok(()),
                }
            })
            .and_then(|()| self.check_duplex(&mut config))
            .and_then(|()| {
                let problem = "must be 0 to 1048576 characters";
                let long = self.failure_body > 1 << 20;
                if long { Err(OptionError { option: "http.maxFailureBody", problem }) } else { Ok(()) }
            })
            .and_then(|()| self.cancel.as_ref().map_or(Ok(()), |cancel| cancel.check()))
            .map_err(ConnectError::InvalidOption)?;
        imp::connect(self, config).map(Client)
    }

    #[cfg(feature = "duplex")]
    fn check_duplex(&mut self, config: &mut Config) -> Result<(), OptionError> {
        config.limit.map_or(Ok(()), Rate::check)?;
        if self.persist.is_some() && self.acks.is_none() {
            return Err(OptionError { option: "outbox.persist", problem: "needs Builder::acks" });
        }
        self.requests.check()?;
        self.subscriptions.check()?;
        self.chooses().map_or(Ok(()), |choose| choose.run(self, config))?;
        match &self.uplink {
            Some(uplink) => uplink.check(self)?,
            None if self.fixed().any(Request::has_uplink) => {
                return Err(OptionError { option: "uplink", problem: "needs Builder::uplink" });
            }
            None => {}
        }
        self.probe.as_ref().map_or(Ok(()), |probe| probe.check())
    }

    #[cfg(not(feature = "duplex"))]
    #[allow(clippy::unnecessary_wraps, clippy::unused_self, reason = "of the feature")]
    const fn check_duplex(&mut self, _: &mut Config) -> Result<(), OptionError> {
        Ok(())
    }
}
