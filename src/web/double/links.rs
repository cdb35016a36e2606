//! Connections whose server a test plays.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::poll_fn,
    rc::{Rc, Weak},
    task::{Poll, Waker},
    time::Duration,
};

use super::{
    Target,
    world::{Timer, World, current},
};
use crate::{
    client::{ContentType, Credentials, Head, Redirect},
    codes::lost,
    sse::{Parser, Piece},
    transport::Transport,
    web::{
        answer, json,
        link::{Data, Flow, Outgoing, Tell, Told},
    },
};

/// What a fetch tells at once, at most.
const CHUNK: usize = 65_536;
/// How long a browser waits before it opens an EventSource again.
const COMES_BACK: Duration = Duration::from_secs(3);
/// More redirects than these are a network error (Fetch, "HTTP-redirect fetch").
const HOPS: u32 = 20;
const CURSOR: &str = "last-event-id";

/// The head of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(super) fn header(&self, name: &str) -> Option<String> {
        find(&self.headers, name)
    }
}

/// Those of an answer, as the client has them.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Headers(Rc<[(String, String)]>);

impl Headers {
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        find(&self.0, name)
    }
}

/// Several of one name are joined, as a page sees them.
pub(crate) fn find(headers: &[(String, String)], name: &str) -> Option<String> {
    let mut values = headers.iter().filter(|(given, _)| given.eq_ignore_ascii_case(name));
    let first = values.next()?.1.clone();
    Some(values.fold(first, |all, (_, value)| format!("{all}, {value}")))
}

/// What comes from the server, in order.
enum Comes {
    Answer(Response),
    Data(Data),
    /// The WebSocket's close frame.
    Close(u16, String),
    /// The stream ends in good order.
    End,
    Break,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The server has not answered yet.
    Asked,
    Open,
    Over,
}

/// A connection, as the browser and the server have it.
pub(crate) struct Conn {
    world: Weak<World>,
    pub(crate) transport: Transport,
    pub(crate) outgoing: Outgoing,
    /// Where it leads now, and with which headers: redirects, and what a browser opens again, change these.
    url: RefCell<String>,
    headers: RefCell<Vec<(String, String)>>,
    stage: Cell<Stage>,
    /// Counts what was asked of servers: what an earlier one says is for nobody.
    asked: Cell<u32>,
    /// None: the client has let go of it.
    tell: RefCell<Option<Tell>>,
    coming: RefCell<VecDeque<Comes>>,
    waker: RefCell<Option<Waker>>,
    /// What the client has sent and the server has not read yet.
    sent: RefCell<VecDeque<Data>>,
    /// It stays with the client, where the server reads nothing.
    stuck: RefCell<VecDeque<Data>>,
    reads: Cell<bool>,
    silent: Cell<bool>,
    pongs: Cell<bool>,
    /// The client's close frame.
    words: RefCell<Option<(u16, String)>>,
    /// Of an EventSource: the last id, and what opens it again.
    last_event_id: RefCell<String>,
    again: RefCell<Option<Timer>>,
}

/// A connection that is asked for: once more, if the browser does it again.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) conn: Rc<Conn>,
    count: u32,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
}

impl Asked {
    /// It is the latest that was asked, and somebody waits for it.
    pub(crate) fn is_current(&self) -> bool {
        self.conn.asked.get() == self.count && self.conn.stage.get() != Stage::Over
    }

    fn say(&self, comes: Comes) {
        if self.is_current() && !self.conn.silent.get() {
            self.conn.comes(comes);
        }
    }

    pub(crate) fn protocols(&self) -> &[String] {
        &self.conn.outgoing.protocols
    }

    // What the server does.

    pub(crate) fn answer(&self, response: Response) {
        self.say(Comes::Answer(response));
    }

    pub(crate) fn send(&self, data: Data) {
        self.say(Comes::Data(data));
    }

    pub(crate) fn close(&self, code: u16, reason: &str) {
        self.say(match self.conn.transport {
            Transport::WebSocket => Comes::Close(code, reason.to_owned()),
            Transport::EventSource | Transport::Fetch => Comes::End,
        });
    }

    /// The network tells of it, also of what was silent.
    pub(crate) fn break_off(&self) {
        if self.is_current() {
            self.conn.comes(Comes::Break);
        }
    }

    pub(crate) fn go_silent(&self) {
        if self.is_current() {
            self.conn.silent.set(true);
        }
    }

    pub(crate) fn answer_pings(&self) {
        self.conn.pongs.set(true);
    }

    pub(crate) fn read(&self, on: bool) {
        self.conn.reads.set(on);
        if on {
            let stuck = self.conn.stuck.take();
            for data in stuck {
                self.conn.arrived(data);
            }
        }
    }
}

impl Conn {
    fn ask(self: &Rc<Self>) {
        self.stage.set(Stage::Asked);
        let count = self.asked.get() + 1;
        self.asked.set(count);
        if let Some(world) = self.world.upgrade() {
            let asked = Asked {
                conn: Rc::clone(self),
                count,
                url: self.url.borrow().clone(),
                headers: self.headers.borrow().clone(),
            };
            world.asked.borrow_mut().push_back(asked);
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.stage.get() == Stage::Open
    }

    pub(crate) fn received(&self) -> Option<Data> {
        self.sent.borrow_mut().pop_front()
    }

    /// How the client has closed it.
    pub(crate) fn words(&self) -> Option<(u16, String)> {
        self.words.borrow().clone()
    }

    pub(crate) fn world(&self) -> Option<Rc<World>> {
        self.world.upgrade()
    }

    fn comes(&self, comes: Comes) {
        self.coming.borrow_mut().push_back(comes);
        self.wake();
    }

    fn wake(&self) {
        let waker = self.waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// None: the client has let go of it.
    async fn next(&self) -> Option<Comes> {
        poll_fn(|cx| {
            if self.tell.borrow().is_none() {
                return Poll::Ready(None);
            }
            match self.coming.borrow_mut().pop_front() {
                Some(comes) => Poll::Ready(Some(comes)),
                None => {
                    self.waker.replace(Some(cx.waker().clone()));
                    Poll::Pending
                }
            }
        })
        .await
    }

    async fn told(&self, told: Told) {
        let tell = self.tell.borrow().clone();
        let Some(tell) = tell else { return };
        if let Flow::Wait(room) = tell(told) {
            self.within(room).await;
        }
    }

    /// Waits no longer than the client wants it.
    async fn within(&self, mut room: std::pin::Pin<Box<dyn Future<Output = ()>>>) {
        poll_fn(|cx| {
            if self.tell.borrow().is_none() {
                return Poll::Ready(());
            }
            self.waker.replace(Some(cx.waker().clone()));
            room.as_mut().poll(cx)
        })
        .await;
    }

    async fn lost(&self, code: u32, reason: &str, orderly: bool) {
        self.stage.set(Stage::Over);
        self.told(Told::Lost { code, reason: reason.to_owned(), orderly }).await;
    }

    async fn opened(&self, from: Option<String>, head: Option<Head>) {
        self.stage.set(Stage::Open);
        self.told(Told::Opened { from, head }).await;
    }

    /// What the server got.
    fn arrived(&self, data: Data) {
        if self.silent.get() {
            return;
        }
        if self.pongs.get() && data.text().and_then(json::kind).as_deref() == Some("ping") {
            self.comes(Comes::Data(Data::Text(r#"{"type":"pong"}"#.into())));
            return;
        }
        self.sent.borrow_mut().push_back(data);
    }

    fn let_go(&self, words: (u16, String)) {
        if self.stage.replace(Stage::Over) != Stage::Over {
            self.words.replace(Some(words));
        }
        let (tell, again) = (self.tell.take(), self.again.take());
        drop((tell, again));
        self.wake();
    }
}

/// The browser's side: what comes, one after the other, until the client lets go.
async fn pump(conn: Rc<Conn>) {
    let mut events = None;
    while let Some(comes) = conn.next().await {
        match conn.transport {
            Transport::WebSocket => web_socket(&conn, comes).await,
            Transport::EventSource => {
                event_source(&conn, events.get_or_insert_with(|| Parser::new(1 << 24, false)), comes).await;
            }
            Transport::Fetch => fetch(&conn, comes).await,
        }
    }
}

async fn web_socket(conn: &Rc<Conn>, comes: Comes) {
    match comes {
        Comes::Answer(Response { status: 101, .. }) => conn.opened(None, None).await,
        Comes::Data(data) if conn.is_open() => {
            let at = super::monotonic();
            conn.told(Told::Message { data, kind: None, last_event_id: None, origin: None, at }).await;
        }
        Comes::Data(_) => {}
        Comes::Close(code, reason) if conn.is_open() => conn.lost(code.into(), &reason, false).await,
        // A page is not told why it was refused.
        Comes::Answer(_) | Comes::Close(..) | Comes::End | Comes::Break => {
            conn.lost(lost::NETWORK, "", false).await;
        }
    }
}

async fn event_source(conn: &Rc<Conn>, events: &mut Parser, comes: Comes) {
    let outgoing = &conn.outgoing;
    match comes {
        Comes::Answer(response) => {
            let content_type = response.header("content-type").unwrap_or_default();
            if response.status == 200 && answer::is_event_stream(&content_type, ContentType::Required) {
                events.reset();
                conn.opened(None, None).await;
            } else {
                conn.lost(lost::NETWORK, "", false).await;
            }
        }
        Comes::Data(data) if conn.is_open() => {
            for chunk in data.bytes().chunks(CHUNK) {
                for piece in events.read(chunk) {
                    let Piece::Event { kind, data, id, .. } = piece else { continue };
                    if let Some(id) = id {
                        conn.last_event_id.replace(id);
                    }
                    let kind = kind.filter(|kind| !kind.is_empty()).unwrap_or_else(|| "message".to_owned());
                    let Some(data) = data else { continue };
                    if kind == "message" || outgoing.names.contains(&kind) {
                        let last_event_id = Some(conn.last_event_id.borrow().clone());
                        let origin = super::origin_of(&outgoing.url);
                        let (data, kind) = (Data::Text(data.into()), Some(kind));
                        let at = super::monotonic();
                        conn.told(Told::Message { data, kind, last_event_id, origin, at }).await;
                    } else if outgoing.keep_alive.contains(&&*kind) {
                        conn.told(Told::Alive).await;
                    }
                }
            }
        }
        Comes::Data(_) => {}
        Comes::Close(..) | Comes::End | Comes::Break if outgoing.comes_back => {
            conn.stage.set(Stage::Asked);
            // What the server says from here on is of a connection that is over.
            conn.asked.set(conn.asked.get() + 1);
            let delay = events.finish().map_or(COMES_BACK, |ms| Duration::from_millis(ms.into()));
            let of = Rc::downgrade(conn);
            let timer = Timer::after(delay, move || {
                let Some(conn) = of.upgrade() else { return };
                let id = conn.last_event_id.borrow().clone();
                let mut headers = conn.outgoing.headers.clone();
                headers.retain(|(name, _)| !name.eq_ignore_ascii_case(CURSOR));
                if !id.is_empty() {
                    headers.push((CURSOR.to_owned(), id));
                }
                conn.headers.replace(headers);
                conn.ask();
            });
            let before = conn.again.replace(Some(timer));
            drop(before);
            conn.told(Told::Interrupted).await;
        }
        Comes::Close(..) | Comes::End | Comes::Break => conn.lost(lost::NETWORK, "", true).await,
    }
}

fn answered(response: &Response, length: usize) -> Told {
    let content_type = response.header("content-type").unwrap_or_default();
    let body = String::from_utf8_lossy(&response.body).chars().take(length).collect();
    Told::Answered { content_type, body }
}

async fn fetch(conn: &Rc<Conn>, comes: Comes) {
    let Outgoing { method, content_type, flush, failure_body, .. } = &conn.outgoing;
    match comes {
        Comes::Answer(response) if matches!(response.status, 301 | 302 | 303 | 307 | 308) => {
            redirected(conn, &response).await;
        }
        Comes::Answer(response) => {
            let status = response.status;
            if !answer::is_answer(status, method.as_deref()) {
                let (after, date) = (response.header("retry-after"), response.header("date"));
                let retry_after =
                    answer::retry_after(after.as_deref(), date.as_deref(), super::wall() as u64);
                conn.stage.set(Stage::Over);
                conn.told(answered(&response, *failure_body)).await;
                conn.told(Told::Refused { status, retry_after }).await;
            } else if !answer::is_event_stream(
                &response.header("content-type").unwrap_or_default(),
                *content_type,
            ) {
                conn.told(answered(&response, *failure_body)).await;
                conn.lost(lost::CONTENT_TYPE, "", false).await;
            } else {
                let from = conn.url.borrow().clone();
                let head = Head::new(status, Headers(response.headers.into()));
                conn.opened(Some(from), Some(head)).await;
            }
        }
        Comes::Data(data) if conn.is_open() => {
            for chunk in data.bytes().chunks(CHUNK) {
                conn.told(Told::Chunk(chunk.to_vec())).await;
            }
        }
        Comes::Data(_) => {}
        Comes::Close(..) | Comes::End if conn.is_open() => {
            if *flush {
                conn.told(Told::Chunk(b"\n\n".to_vec())).await;
            }
            conn.lost(lost::END, "", true).await;
        }
        Comes::Close(..) | Comes::End | Comes::Break => conn.lost(lost::NETWORK, "", false).await,
    }
}

/// As the browser's fetch has it: see `src/web/fetch.rs`.
async fn redirected(conn: &Rc<Conn>, response: &Response) {
    let Outgoing { method, body, redirect, credentials, astray, .. } = &conn.outgoing;
    let own_origin = |url: &str| super::origin_of(url);
    let from = conn.url.borrow().clone();
    let to = response.header("location").and_then(|location| Target::join(&location, &from));
    let Some(to) = to.filter(|_| conn.asked.get() < HOPS) else {
        return conn.lost(lost::NETWORK, "", false).await;
    };
    let given = conn.headers.borrow().clone();
    let is_cursor = |name: &str| name.eq_ignore_ascii_case(CURSOR);
    let own = redirect.is_some()
        || !answer::is_safe(method.as_deref())
        || body.is_some()
        || *credentials == Credentials::Include
        || given.iter().any(|(name, value)| !is_cursor(name) && value.trim() != "text/event-stream");
    let carries = given.iter().any(|(name, _)| is_cursor(name));
    let stays = own_origin(&from) == super::origin() && Some(to.origin()) == super::origin();
    let mut url = to.href();
    if *redirect == Some(Redirect::Error) || (own && *redirect != Some(Redirect::Follow) && !stays) {
        return conn.lost(lost::REDIRECT, "", false).await;
    }
    if carries
        && !own
        && !stays
        && let Some(astray) = astray
    {
        url = astray(&url);
        conn.headers.borrow_mut().retain(|(name, _)| !is_cursor(name));
    }
    conn.url.replace(url);
    conn.ask();
}

/// A connection. Its drop closes it.
pub(crate) struct Link(Rc<Conn>);

impl Link {
    /// An error: there is no page.
    pub(crate) fn dial(
        transport: Transport,
        outgoing: Outgoing,
        tell: Tell,
        _blocked: Rc<dyn Fn()>,
    ) -> Result<Self, ()> {
        let world = current().ok_or(())?;
        let conn = Rc::new(Conn {
            world: Rc::downgrade(&world),
            transport,
            url: RefCell::new(outgoing.url.clone()),
            headers: RefCell::new(outgoing.headers.clone()),
            outgoing,
            stage: Cell::new(Stage::Asked),
            asked: Cell::new(0),
            tell: RefCell::new(Some(tell)),
            coming: RefCell::default(),
            waker: RefCell::default(),
            sent: RefCell::default(),
            stuck: RefCell::default(),
            reads: Cell::new(true),
            silent: Cell::new(false),
            pongs: Cell::new(false),
            words: RefCell::default(),
            last_event_id: RefCell::default(),
            again: RefCell::default(),
        });
        conn.ask();
        world.spawn(pump(Rc::clone(&conn)));
        Ok(Self(conn))
    }

    /// What can send, if it can.
    pub(crate) fn socket(&self) -> Option<Socket> {
        (self.0.transport == Transport::WebSocket).then(|| Socket(Rc::clone(&self.0)))
    }

    /// With words for the server, where the code is not 0.
    pub(crate) fn close(self, code: u16, reason: &str) {
        if code != 0 {
            self.0.let_go((code, reason.to_owned()));
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // No code was given (RFC 6455, 7.1.5).
        self.0.let_go((1005, String::new()));
    }
}

/// What can send. It keeps nothing open.
#[derive(Clone)]
pub(crate) struct Socket(Rc<Conn>);

impl Socket {
    pub(crate) fn is_open(&self) -> bool {
        self.0.is_open()
    }

    pub(crate) fn buffered(&self) -> u32 {
        let bytes: usize = self.0.stuck.borrow().iter().map(|data| data.bytes().len()).sum();
        bytes.try_into().unwrap_or(u32::MAX)
    }

    /// The server chooses none.
    #[expect(clippy::unused_self, reason = "as the browser's")]
    pub(crate) fn protocol(&self) -> String {
        String::new()
    }

    /// False if the browser refuses it.
    pub(crate) fn send(&self, data: &Data) -> bool {
        if !self.is_open() {
            return false;
        }
        if self.0.reads.get() {
            self.0.arrived(data.clone());
        } else {
            self.0.stuck.borrow_mut().push_back(data.clone());
        }
        true
    }
}
