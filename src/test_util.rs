//! Tests of an app's own, without a browser: feature `test-util`, on a host that is not wasm.
//!
//! A [`Page`] stands in for the browser's. Its clock is virtual: nothing sleeps, and a minute passes in no time. The test leads the
//! page's life, and plays the servers: each connection that a client asks for is an [`Attempt`], which the test answers, refuses or
//! leaves hanging. The client is the one that runs in a browser, to the last rule.
//!
//! ```
//! use std::time::Duration;
//! use everwire::{Client, Event, test_util::Page};
//!
//! let page = Page::new();
//! let mut client = Client::builder("wss://example.com/live").connect()?;
//! let server = page.next_attempt().expect("the client connects").accept();
//!
//! // What the server says reaches the app.
//! server.send_text("hello");
//! let message = page.events(&mut client).into_iter().find_map(|event| match event {
//!     Event::Message(message) => message.text().map(str::to_owned),
//!     _ => None,
//! });
//! assert_eq!(message.as_deref(), Some("hello"));
//!
//! // What the app sends reaches the server.
//! drop(client.handle().send("hi"));
//! assert_eq!(server.received(), Some("hi".into()));
//!
//! // The connection breaks, and the client comes back by itself.
//! server.break_off();
//! let before = page.elapsed();
//! page.wait_for_attempt()?.accept();
//! assert!(page.elapsed() - before < Duration::from_secs(2));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A thread has one page, which is over when the value is dropped; [`Page::reload`] and [`Page::open_tab`] make others. Tests on other threads have their own, as in `cargo test`.
//! Without one, [`Builder::connect`](crate::Builder::connect) gives its `Unsupported`, as always on such a host.
//!
//! Not simulated: mixed content and the page's policy, preflights, the limit of connections to one host, the slower timers of a hidden
//! page. The crate's own tests have these in real browsers.

use std::{fmt, rc::Rc, time::Duration};

use serde::de::DeserializeOwned;

use crate::{
    Client, Event, Transport,
    core::io,
    error::DecodeError,
    web::{
        double::{self, Asked, Target, World},
        link::Data,
    },
};

mod beside;

pub use self::beside::HttpRequest;

/// Where a page is, unless it is told otherwise.
const ADDRESS: &str = "https://app.example/";

/// A page with a virtual clock. Clients that are made on this thread live in it, until it is dropped.
///
/// ```
/// use everwire::{Client, State, test_util::Page};
///
/// let page = Page::new();
/// let client = Client::builder("/live").connect()?;
/// let attempt = page.next_attempt().expect("the client connects");
/// assert_eq!(attempt.url(), "https://app.example/live");
///
/// let server = attempt.refuse(503);
/// page.go_offline();
/// page.run_until_stalled();
/// assert_eq!(client.handle().state(), State::Waiting);
/// # Ok::<(), everwire::error::ConnectError>(())
/// ```
#[must_use = "the page is over when this is dropped"]
pub struct Page {
    world: Rc<World>,
}

impl Page {
    /// A page at `https://app.example/`, visible and online.
    pub fn new() -> Self {
        Self { world: World::enter(ADDRESS, 0) }
    }

    /// Another address of the page, to which relative ones are relative, and whose origin is its own.
    pub fn with_address(self, address: impl Into<String>) -> Self {
        self.world.set_address(address.into());
        self
    }

    /// What the draws follow from that spread the delays: the same seed gives the same test. Default 0.
    pub fn with_seed(self, seed: u64) -> Self {
        self.world.set_seed(seed);
        self
    }

    // Other pages.

    /// The page is left, and a new one takes its place: in the same tab, with the same storage. What its clients have to write as a page
    /// is left they write; then nothing of it runs any more.
    ///
    /// ```
    /// use everwire::{Client, options::Resume, storage::Storage, test_util::{Page, SseEvent}};
    ///
    /// let connect = || {
    ///     let resume = Resume::new().with_storage(Storage::session(), "ann prices");
    ///     Client::builder("/prices").resume(resume).connect()
    /// };
    /// let page = Page::new();
    /// let mut client = connect()?;
    /// let server = page.next_attempt().expect("it connects").accept();
    /// server.send_event(SseEvent::new("41.5").with_id("7"));
    /// page.events(&mut client);
    ///
    /// let page = page.reload();
    /// let client = connect()?;
    /// let attempt = page.next_attempt().expect("the new page's client connects");
    /// assert_eq!(attempt.header("last-event-id").as_deref(), Some("7"));
    /// # Ok::<(), everwire::error::ConnectError>(())
    /// ```
    pub fn reload(self) -> Self {
        Self { world: self.world.another(Some(true)) }
    }

    /// As [`reload`](Self::reload), but the page is gone at once: nothing of it runs, not even what is to run as it is left.
    pub fn crash(self) -> Self {
        Self { world: self.world.another(Some(false)) }
    }

    /// Another tab of the same browser: the two share [`Storage::local`](crate::storage::Storage::local) and the locks that tell each
    /// that the other lives. A thread's page is the one that was last asked something, or whose server was: clients are made there.
    pub fn open_tab(&self) -> Self {
        Self { world: self.world.another(None) }
    }

    /// From here on the browser gives no storage, as where its user forbids it.
    pub fn block_storage(&self) {
        self.world.block_storage();
    }

    /// From here on the storage has no room for more.
    pub fn fill_storage(&self) {
        self.world.fill_storage();
    }

    // The clock and the tasks.

    /// Lets so much time pass: timers and tasks run in order, each at its time.
    ///
    /// ```
    /// use std::time::Duration;
    /// use everwire::{Client, State, test_util::Page};
    ///
    /// let page = Page::new();
    /// let client = Client::builder("wss://example.com/live").connect()?;
    /// // It is not answered within Builder::open_timeout, so it counts as failed.
    /// let _hangs = page.next_attempt();
    /// page.advance(Duration::from_secs(10));
    /// assert_eq!(client.handle().state(), State::Waiting);
    /// # Ok::<(), everwire::error::ConnectError>(())
    /// ```
    pub fn advance(&self, time: Duration) {
        self.world.advance(time);
    }

    /// How much time has passed in this page.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.world.elapsed()
    }

    /// Runs all tasks that are ready, and what becomes ready by them. The clock stands still.
    pub fn run_until_stalled(&self) {
        self.world.run();
    }

    /// Runs a future to its end, and all other tasks with it. When nothing is ready the clock goes on to the next timer, as tokio's
    /// paused clock does.
    ///
    /// # Errors
    ///
    /// [`Stalled`], when no timer is left, or a day has passed, and the future is still not done.
    ///
    /// ```
    /// use everwire::{Client, Event, test_util::Page};
    ///
    /// async fn first_message(client: &mut Client) -> Option<String> {
    ///     while let Some(event) = client.next().await {
    ///         if let Event::Message(message) = event {
    ///             return message.text().map(str::to_owned);
    ///         }
    ///     }
    ///     None
    /// }
    ///
    /// let page = Page::new();
    /// let mut client = Client::builder("wss://example.com/live").connect()?;
    /// let server = page.next_attempt().expect("the client connects").accept();
    /// server.send_text("hello");
    /// assert_eq!(page.block_on(first_message(&mut client))?.as_deref(), Some("hello"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> Result<T, Stalled> {
        self.world.block_on(true, future).ok_or(Stalled)
    }

    /// What a future gives without the clock's going on; `None` if it is not done then.
    pub fn now_or_never<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        self.world.block_on(false, future)
    }

    /// Runs a future beside the test, as `wasm_bindgen_futures::spawn_local` does in a browser.
    pub fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.world.spawn(task);
    }

    /// All that the client has to tell by now. The clock stands still.
    pub fn events(&self, client: &mut Client) -> Vec<Event> {
        std::iter::from_fn(|| self.now_or_never(client.next()).flatten()).collect()
    }

    // The servers.

    /// The first of the connections that a client has asked for and no server has answered. The clock stands still.
    pub fn next_attempt(&self) -> Option<Attempt> {
        self.world.wait(false, || self.asked())
    }

    /// As [`next_attempt`](Self::next_attempt), but when there is none the clock goes on until there is one: past the delay before a
    /// retry, say.
    ///
    /// # Errors
    ///
    /// [`Stalled`], when no timer is left, or a day has passed, and there is still none.
    pub fn wait_for_attempt(&self) -> Result<Attempt, Stalled> {
        self.world.wait(true, || self.asked()).ok_or(Stalled)
    }

    fn asked(&self) -> Option<Attempt> {
        self.world.next_asked().map(Attempt)
    }

    /// The first of the requests beside a connection that no server has answered: a POST of an
    /// [uplink](crate::Builder::uplink), the GET of a [probe](crate::Builder::probe). The clock stands still.
    pub fn next_request(&self) -> Option<HttpRequest> {
        self.world.wait(false, || self.requested())
    }

    /// As [`next_request`](Self::next_request), but when there is none the clock goes on until there is one.
    ///
    /// # Errors
    ///
    /// [`Stalled`], when no timer is left, or a day has passed, and there is still none.
    pub fn wait_for_request(&self) -> Result<HttpRequest, Stalled> {
        self.world.wait(true, || self.requested()).ok_or(Stalled)
    }

    fn requested(&self) -> Option<HttpRequest> {
        self.world.next_exchange().map(HttpRequest)
    }

    // The page's life.

    /// It goes for good: another one takes its place, or its tab is closed. What a client sends in leaving is told by
    /// [`HttpRequest::keepalive`].
    pub fn leave(&self) {
        self.world.goes();
    }

    /// Nobody looks at it any more.
    pub fn hide(&self) {
        self.world.live(io::Page::Hidden);
    }

    /// Somebody looks at it again.
    pub fn show(&self) {
        self.world.live(io::Page::Visible);
    }

    /// The browser says that there is no network. Connections stay as they are: see [`Connection::go_silent`].
    pub fn go_offline(&self) {
        self.world.live(io::Page::Offline);
    }

    /// The browser says that there is a network again.
    pub fn go_online(&self) {
        self.world.live(io::Page::Online);
    }

    /// The browser freezes it, or puts it into the back/forward cache: no timer and no task runs, and nothing that servers send
    /// comes in, until [`resume`](Self::resume).
    pub fn freeze(&self) {
        self.world.live(io::Page::Frozen);
    }

    /// It goes on. Timers that are due by now run late.
    pub fn resume(&self) {
        self.world.live(io::Page::Resumed);
    }

    /// What was written to the console as a warning.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.world.warnings()
    }
}

impl Default for Page {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.world.leave();
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page").field("elapsed", &self.elapsed()).finish_non_exhaustive()
    }
}

/// Waits on the page's clock.
///
/// ```
/// use std::time::Duration;
/// use everwire::test_util::{Page, sleep};
///
/// let page = Page::new();
/// page.block_on(sleep(Duration::from_secs(3600)))?;
/// assert_eq!(page.elapsed(), Duration::from_secs(3600));
/// # Ok::<(), everwire::test_util::Stalled>(())
/// ```
pub async fn sleep(time: Duration) {
    double::sleep(time).await;
}

/// Nothing is left that could bring what the test waits for: no task is ready and no timer is set, or a day of the page's clock has
/// passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stalled;

impl fmt::Display for Stalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing is left to run that could bring what the test waits for: let a server answer, or check what it sent")
    }
}

impl std::error::Error for Stalled {}

/// A connection that a client has asked for. The test is the server: it accepts, refuses, or lets it hang. One that is dropped is
/// never answered.
///
/// ```
/// use everwire::{Client, Transport, test_util::{Page, Response}};
///
/// let page = Page::new();
/// let client = Client::builder("https://example.com/stream?room=7").connect()?;
/// let attempt = page.next_attempt().expect("the client connects");
/// assert_eq!(attempt.transport(), Transport::Fetch);
/// assert_eq!(attempt.query("room").as_deref(), Some("7"));
/// assert_eq!(attempt.header("accept").as_deref(), Some("text/event-stream"));
/// attempt.respond(Response::new(503).with_header("retry-after", "7"));
///
/// // The server's word is a lower bound.
/// let left = client.handle().retry_in().expect("it waits");
/// assert!(left >= std::time::Duration::from_secs(7));
/// # Ok::<(), everwire::error::ConnectError>(())
/// ```
#[must_use = "an attempt that is dropped is never answered"]
pub struct Attempt(Asked);

impl Attempt {
    /// How the client wants to connect.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.0.conn.transport
    }

    /// The address that is asked for, with the cursor if it stands there. A fragment never leaves the page.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// What stands in the query under this name, decoded: the cursor is in `lastEventId`, unless the client was told otherwise.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<String> {
        Target::resolve(&self.0.url)?.parameter(name)
    }

    /// `GET`, unless a fetched stream was given another one.
    #[must_use]
    pub fn method(&self) -> &str {
        let method = self.0.conn.outgoing.method.as_deref().filter(|_| self.is_fetch());
        method.unwrap_or("GET")
    }

    /// A header of a fetched stream, whatever its case; of several of that name, all with commas. The browser's own are not there.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        double::find(&self.0.headers, name)
    }

    /// The body of a fetched stream.
    #[must_use]
    pub fn body(&self) -> Option<&[u8]> {
        self.0.conn.outgoing.body.as_deref().filter(|_| self.is_fetch())
    }

    /// The subprotocols that a WebSocket offers.
    #[must_use]
    pub fn protocols(&self) -> &[String] {
        self.0.protocols()
    }

    fn is_fetch(&self) -> bool {
        self.transport() == Transport::Fetch
    }

    /// The client has not let go of it.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.0.is_current()
    }

    /// The connection opens: a WebSocket's handshake is answered with 101, a stream with 200 and `text/event-stream`.
    pub fn accept(self) -> Connection {
        let response = match self.transport() {
            Transport::WebSocket => Response::new(101),
            Transport::EventSource | Transport::Fetch => {
                Response::new(200).with_header("content-type", "text/event-stream")
            }
        };
        self.respond(response)
    }

    /// Another status. Of a WebSocket and an EventSource a page does not learn which.
    pub fn refuse(self, status: u16) -> Connection {
        self.respond(Response::new(status))
    }

    /// An answer with headers of its own.
    pub fn respond(self, response: Response) -> Connection {
        self.0.answer(response.0);
        run(&self.0);
        Connection(self.0)
    }

    /// The network fails: there is no such host, or nobody listens there.
    pub fn fail(self) {
        self.0.break_off();
        run(&self.0);
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt")
            .field("transport", &self.transport())
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}

/// The status and headers of an answer: see [`Attempt::respond`].
///
/// `Retry-After` and `Date` are read of one that is refused, `Content-Type` of one that is accepted, and `Location` of 301, 302, 303,
/// 307 and 308: a fetch that follows one is a new [`Attempt`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Response(double::Response);

impl Response {
    /// An answer with this status and no headers.
    pub fn new(status: u16) -> Self {
        Self(double::Response { status, headers: Vec::new(), body: Vec::new() })
    }

    /// One more header.
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.headers.push((name.into(), value.into()));
        self
    }

    /// A body: of a refusal, or of the answer to an [`HttpRequest`], of which messages are read where its `content-type` is
    /// `application/json`. What a stream
    /// says is sent by its [`Connection`].
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.0.body = body.into();
        self
    }
}

/// The server's side of a connection. What is sent on one that is over reaches nobody, as in life.
///
/// Dropping it changes nothing: the connection stays open.
#[derive(Clone)]
pub struct Connection(Asked);

impl Connection {
    /// Sends a text: over a WebSocket as a message, else as a part of the event stream, cut anywhere.
    ///
    /// ```
    /// use everwire::{Client, Event, test_util::Page};
    ///
    /// let page = Page::new();
    /// let mut client = Client::builder("/stream").connect()?;
    /// let server = page.next_attempt().expect("the client connects").accept();
    /// page.events(&mut client);
    /// server.send_text("data: he");
    /// assert!(page.events(&mut client).is_empty());
    /// server.send_text("llo\n\n");
    /// let events = page.events(&mut client);
    /// assert!(matches!(&events[..], [Event::Message(message)] if message.text() == Some("hello")));
    /// # Ok::<(), everwire::error::ConnectError>(())
    /// ```
    pub fn send_text(&self, text: &str) {
        self.send(Data::Text(text.into()));
    }

    /// Sends bytes, as [`send_text`](Self::send_text) does.
    pub fn send_bytes(&self, bytes: &[u8]) {
        self.send(Data::Bytes(bytes.into()));
    }

    /// Sends an event of an event stream. A `&str` is one without id and name. Over a WebSocket its block of lines is a message.
    pub fn send_event(&self, event: impl Into<SseEvent>) {
        self.send_text(&event.into().0);
    }

    fn send(&self, data: Data) {
        self.0.send(data);
        run(&self.0);
    }

    /// The first message of the client's that was not read yet.
    pub fn received(&self) -> Option<Frame> {
        run(&self.0);
        self.0.conn.received().map(|data| match data {
            Data::Text(text) => Frame::Text(text.as_ref().to_owned()),
            Data::Bytes(bytes) => Frame::Bytes(bytes.to_vec()),
        })
    }

    /// From here on the server answers the heartbeat's pings by itself, and [`received`](Self::received) has none of them.
    ///
    /// ```
    /// use std::time::Duration;
    /// use everwire::{Client, State, options::Heartbeat, test_util::Page};
    ///
    /// let page = Page::new();
    /// let client = Client::builder("wss://example.com/live").heartbeat(Heartbeat::new()).connect()?;
    /// let server = page.next_attempt().expect("the client connects").accept();
    /// server.answer_pings();
    /// page.advance(Duration::from_secs(3600));
    /// assert_eq!(client.handle().state(), State::Open);
    ///
    /// // A connection that is dead without a word is found by the heartbeat.
    /// server.go_silent();
    /// page.advance(Duration::from_secs(36));
    /// assert!(!server.is_open());
    /// # Ok::<(), everwire::error::ConnectError>(())
    /// ```
    pub fn answer_pings(&self) {
        self.0.answer_pings();
    }

    /// From here on the server takes nothing in: what the client sends stays in its buffer.
    pub fn pause_reading(&self) {
        self.0.read(false);
    }

    /// The server takes in what waits in the client's buffer, and what comes.
    pub fn resume_reading(&self) {
        self.0.read(true);
        run(&self.0);
    }

    /// Closes a WebSocket with this code and reason. A stream has neither, and [ends](Self::end).
    pub fn close(&self, code: u16, reason: &str) {
        self.0.close(code, reason);
        run(&self.0);
    }

    /// Ends a stream in good order. A WebSocket is closed with 1000.
    pub fn end(&self) {
        self.close(1000, "");
    }

    /// The connection breaks, and the network says so.
    pub fn break_off(&self) {
        self.0.break_off();
        run(&self.0);
    }

    /// From here on nothing arrives, on either side, and nobody says so: the connection is half-open.
    pub fn go_silent(&self) {
        self.0.go_silent();
    }

    /// As the client has it: the server has accepted it, and neither side has ended it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        run(&self.0);
        self.0.is_current() && self.0.conn.is_open()
    }

    /// The code and the reason that the client closed it with, once it has: 1005 and nothing, where it gave none.
    #[must_use]
    pub fn closed(&self) -> Option<(u16, String)> {
        run(&self.0);
        self.0.conn.words()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("is_open", &self.0.conn.is_open()).finish_non_exhaustive()
    }
}

fn run(asked: &Asked) {
    if let Some(world) = asked.conn.world() {
        world.run();
    }
}

/// What a client sent.
///
/// Compare a message that everwire makes (a join, a leave, a request with its id, a ping) by its [`json`](Self::json): the order of its
/// keys is not promised.
///
/// ```
/// use everwire::{Client, test_util::Page};
/// use serde_json::{Value, json};
///
/// let page = Page::new();
/// let client = Client::builder("wss://example.com/live").connect()?;
/// let server = page.next_attempt().expect("it connects").accept();
/// let _prices = client.handle().subscribe("prices")?;
/// page.run_until_stalled();
/// let join: Value = server.received().expect("a join").json()?;
/// assert_eq!(join, json!({ "type": "join", "topic": "prices" }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A text message.
    Text(String),
    /// A binary message.
    Bytes(Vec<u8>),
}

impl Frame {
    /// The text; `None` of a binary message.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Bytes(_) => None,
        }
    }

    /// The JSON, typed.
    ///
    /// # Errors
    ///
    /// [`DecodeError`], when it is no JSON or does not fit `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        let read = match self {
            Self::Text(text) => serde_json::from_str(text),
            Self::Bytes(bytes) => serde_json::from_slice(bytes),
        };
        read.map_err(|error| DecodeError::new(&error.to_string()))
    }
}

impl From<&str> for Frame {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&[u8]> for Frame {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

/// An event of an event stream: see [`Connection::send_event`].
///
/// ```
/// use everwire::{Client, test_util::{Page, SseEvent}};
///
/// let page = Page::new();
/// let client = Client::builder("/stream").connect()?;
/// let server = page.next_attempt().expect("the client connects").accept();
/// server.send_event(SseEvent::new("41.5").with_id("7").with_name("price"));
/// assert_eq!(client.handle().last_event_id(), "7");
/// # Ok::<(), everwire::error::ConnectError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct SseEvent(String);

impl SseEvent {
    /// An event with this data, which may have several lines.
    pub fn new(data: impl AsRef<str>) -> Self {
        let lines = data.as_ref().split('\n').map(|line| format!("data: {line}\n"));
        Self(lines.chain(["\n".to_owned()]).collect())
    }

    /// With an id: the cursor, once it is delivered.
    pub fn with_id(self, id: impl fmt::Display) -> Self {
        Self(format!("id: {id}\n{}", self.0))
    }

    /// With a name, which is the message's type.
    pub fn with_name(self, name: impl fmt::Display) -> Self {
        Self(format!("event: {name}\n{}", self.0))
    }

    /// With the time to wait before the client comes back, in whole ms: `retry:`.
    pub fn with_retry(self, time: Duration) -> Self {
        Self(format!("retry: {}\n{}", time.as_millis(), self.0))
    }
}

impl From<&str> for SseEvent {
    fn from(data: &str) -> Self {
        Self::new(data)
    }
}
