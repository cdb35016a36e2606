//! What is sent over an event stream: what the core has gathered is encoded, and goes as one POST. The core says what becomes of each
//! message by the answer (`src/core/uplink.rs`).

use std::{
    cell::{Cell, RefCell},
    future::Future,
    pin::Pin,
    rc::{Rc, Weak},
};

use super::{
    Core,
    aim::is_fetchable,
    installed::Upward,
    json,
    link::{Data, Outgoing, Reply, Unanswered},
    page::{self, Leave, Target},
    port::Port,
    task::Task,
};
use crate::{
    calls::Call,
    client::{Builder, Endpoint, Request, Uplink, strays},
    codes::taken,
    core::{
        failure::{Failure, RetryAfter},
        io::Reason,
    },
    error::OptionError,
    transport::Transport,
};

const REDIRECTED: &str =
    "an uplink must answer at its own address, as a redirect would lose what is sent: give its final one";
const INVALID: &str = "an uplink must have an http: or https: address without a password, without . and .. in its path and with its own \
    host, and headers that fetch takes";

thread_local! {
    /// Bytes of ours that are under way, and are to outlive the page.
    static ALIVE: Cell<u64> = const { Cell::new(0) };
}

pub(crate) struct Uplinks {
    uplink: Uplink,
    serials: Cell<u32>,
    /// The stream's that is being asked for.
    next: RefCell<Option<Posts>>,
    /// Those of the connections there are. The last one also where there is none: a browser ends the streams of a page that goes
    /// before it says so.
    ways: RefCell<Vec<Rc<Posts>>>,
    out: RefCell<Vec<Out>>,
    leave: RefCell<Option<Leave>>,
}

/// One event stream's.
struct Posts {
    attempt: u32,
    /// Goes with the stream and with each request: a server knows by it what belongs together.
    id: String,
    to: Endpoint,
    /// What the core gathers. The last one may have been too many.
    made: RefCell<Vec<Data>>,
    asked: Cell<bool>,
}

/// A request that is under way.
struct Out {
    serial: u32,
    keepalive: bool,
    /// A function has not said yet where to.
    asking: Rc<Cell<bool>>,
    task: Task,
}

/// Its bytes are under way.
struct Alive(u64);

impl Alive {
    fn new(bytes: u64) -> Self {
        ALIVE.set(ALIVE.get() + bytes);
        Self(bytes)
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        ALIVE.set(ALIVE.get().saturating_sub(self.0));
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<Reply, Unanswered>>>>;

/// What a request beside the connection has no use for.
pub(crate) fn is_plain(request: &Request) -> bool {
    request.method.as_deref().is_none_or(|method| method.eq_ignore_ascii_case("GET"))
        && request.body.is_none()
        && request.redirect.is_none()
        && request.protocols.is_none()
        && !request.retry
        && !request.resumes
        && request.ways.is_none()
        && request.uplink.is_none()
}

impl Uplinks {
    pub(crate) fn new(uplink: Uplink) -> Self {
        Self {
            uplink,
            serials: Cell::new(0),
            next: RefCell::default(),
            ways: RefCell::default(),
            out: RefCell::default(),
            leave: RefCell::default(),
        }
    }

    fn to(&self, stream: &Request) -> Option<Endpoint> {
        // It must not be asked for again.
        if stream.once() {
            return None;
        }
        let own = stream.uplink.as_deref();
        own.map(|own| Endpoint::Fixed(own.clone())).or_else(|| self.uplink.to.clone())
    }

    /// The stream's, or the last one's where there is no stream.
    fn posts(&self, port: &Port) -> Option<Rc<Posts>> {
        let ways = self.ways.borrow();
        match port.current_attempt() {
            Some(attempt) => ways.iter().find(|way| way.attempt == attempt).cloned(),
            None => ways.last().cloned(),
        }
    }

    /// The page goes, and what waits with it. `persisted`: it may come back.
    fn leaves(self: &Rc<Self>, port: &Port, persisted: bool) {
        let Some(posts) = self.posts(port) else { return };
        loop {
            port.call(Call::PageLeaves { persisted, alive: ALIVE.get() });
            if self.flush(port, &posts) == 0 {
                return;
            }
        }
    }

    /// How many messages go out.
    fn flush(self: &Rc<Self>, port: &Port, posts: &Rc<Posts>) -> usize {
        let made = posts.made.take();
        let serial = self.serials.get() + 1;
        self.serials.set(serial);
        let post = port.call(Call::Post { request: serial });
        let many = (post >> 1) as usize;
        if many > 0 {
            self.post(port, posts, serial, made.into_iter().take(many).collect(), post & 1 > 0);
        }
        many
    }

    fn post(self: &Rc<Self>, port: &Port, posts: &Rc<Posts>, serial: u32, batch: Vec<Data>, keepalive: bool) {
        let asking = Rc::new(Cell::new(true));
        let posting = Posting {
            core: Weak::clone(&port.core),
            uplinks: Rc::downgrade(self),
            posts: Rc::clone(posts),
            name: self.uplink.name.clone(),
            credentials: port.settings.credentials,
            serial,
            batch,
            keepalive,
        };
        let function = match &posts.to {
            // In leaving there is no time to wait for what need not be asked.
            Endpoint::Fixed(request) => {
                asking.set(false);
                let answer = posting.begin(request);
                Err(answer)
            }
            Endpoint::Function(function) => {
                let plain = match port.reason.get() {
                    Reason::Unauthorized if posts.asked.get() => Reason::Reconnect,
                    reason => reason,
                };
                posts.asked.set(true);
                Ok(function(port.context(plain)))
            }
        };
        let is_asking = Rc::clone(&asking);
        let task = Task::spawn(async move {
            let (answer, messages) = match function {
                Err(answer) => posting.read(answer.await),
                Ok(asked) => match asked.await {
                    // A stream that has gone asks for nothing more.
                    Ok(_) if posting.is_over() && !keepalive => (Failure::Network, Vec::new()),
                    // An id of the server's may stand in it.
                    Ok(request) if strays(&request.address) => posting.read(Err(Unanswered::Invalid)),
                    Ok(request) => {
                        let answer = posting.begin(&request);
                        is_asking.set(false);
                        posting.read(answer.await)
                    }
                    Err(_) => (Failure::Provider, Vec::new()),
                },
            };
            posting.answered(answer, messages).await;
        });
        // By the function.
        if port.closed() && !keepalive {
            return;
        }
        self.out.borrow_mut().push(Out { serial, keepalive, asking, task });
    }

    fn done(&self, serial: u32) -> Option<Out> {
        let mut out = self.out.borrow_mut();
        let at = out.iter().position(|out| out.serial == serial)?;
        Some(out.swap_remove(at))
    }
}

/// One request.
struct Posting {
    core: Weak<Core>,
    uplinks: Weak<Uplinks>,
    posts: Rc<Posts>,
    name: Option<String>,
    credentials: bool,
    serial: u32,
    batch: Vec<Data>,
    keepalive: bool,
}

impl Posting {
    /// Its stream has been let go of.
    fn is_over(&self) -> bool {
        self.core.upgrade().is_none_or(|core| !core.port().owns(self.posts.attempt))
    }

    fn begin(&self, request: &Request) -> Answer {
        let target = Target::resolve(&request.address).filter(|_| is_fetchable(&request.address));
        let Some(target) = target else { return Box::pin(async { Err(Unanswered::Invalid) }) };
        target.drop_fragment();
        if let Some(name) = &self.name {
            target.set_parameter(name, &self.posts.id);
        }
        let mut headers = request.headers.clone();
        let (body, kind) = match self.batch.as_slice() {
            [Data::Bytes(bytes)] => (bytes.to_vec(), "application/octet-stream"),
            texts => {
                let texts: Vec<&str> = texts.iter().filter_map(Data::text).collect();
                (format!("[{}]", texts.join(",")).into_bytes(), "application/json")
            }
        };
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            headers.push(("content-type".to_owned(), kind.to_owned()));
        }
        let alive = Alive::new(if self.keepalive { body.len() as u64 } else { 0 });
        let mut outgoing = Outgoing::beside("POST", target.href(), headers, self.credentials);
        outgoing.body = Some(body);
        let answer = page::post(&outgoing, self.keepalive);
        Box::pin(async move {
            let answer = answer.await;
            drop(alive);
            answer
        })
    }

    fn read(&self, answer: Result<Reply, Unanswered>) -> (Failure, Vec<String>) {
        let warn = |rule| {
            if let Some(core) = self.core.upgrade() {
                core.port().warn(rule);
            }
        };
        match answer {
            Ok(reply) => {
                let Reply { status, retry_after, text, .. } = reply;
                let retry_after = retry_after.map(RetryAfter);
                (Failure::Http { status, retry_after }, json::messages(&text))
            }
            Err(Unanswered::Invalid) => {
                warn(INVALID);
                (Failure::Provider, Vec::new())
            }
            Err(Unanswered::Redirected) => {
                warn(REDIRECTED);
                (Failure::Network, Vec::new())
            }
            Err(Unanswered::Network) => (Failure::Network, Vec::new()),
        }
    }

    async fn answered(&self, answer: Failure, messages: Vec<String>) {
        let Some(core) = self.core.upgrade() else { return };
        let port = core.port();
        let done = self.uplinks.upgrade().and_then(|uplinks| uplinks.done(self.serial));
        // It is what runs here.
        if let Some(out) = done {
            out.task.detach();
        }
        let awaited = port.call(Call::Posted { request: self.serial, answer });
        let messages = if awaited > 0 { messages } else { Vec::new() };
        drop(core);
        // These run the app's code, which may close or reconnect. There may be millions.
        for message in messages {
            let Some(core) = self.core.upgrade() else { return };
            if self.is_over() {
                return;
            }
            let port = core.port();
            port.watch_turn();
            port.answer(Data::Text(message.into()));
            let owes_turn = port.owes_turn();
            drop(core);
            if owes_turn {
                page::turn().await;
            }
        }
    }
}

impl Upward for Uplinks {
    fn check(&self, builder: &Builder) -> Result<(), OptionError> {
        let error = |problem| Err(OptionError { option: "uplink", problem });
        let works = |request: &Request| is_fetchable(&request.address);
        self.uplink.check()?;
        for endpoint in builder.fixed() {
            let Some((stream, _)) = endpoint.pick(Some(Transport::Fetch)) else { continue };
            let own = stream.uplink.as_deref();
            if own.is_none() && self.uplink.to.is_none() {
                return error("must stand in each endpoint: Request::with_uplink");
            }
            if stream.once() {
                return error("is for a stream that may be asked for again: not for POST or PATCH");
            }
            if !own.is_none_or(works) {
                return error("must be an http: or https: address without a password");
            }
            if !own.is_none_or(is_plain) {
                return error("must be an address with headers alone");
            }
        }
        match &self.uplink.to {
            Some(Endpoint::Fixed(request)) if !works(request) => {
                error("must be an http: or https: address without a password")
            }
            Some(Endpoint::Fixed(request)) if !is_plain(request) => {
                error("must be an address with headers alone")
            }
            _ => Ok(()),
        }
    }

    fn goes(&self, stream: &Request) -> bool {
        self.to(stream).is_some()
    }

    fn name(&self) -> Option<&str> {
        self.uplink.name.as_deref()
    }

    fn forget_next(&self) {
        drop(self.next.take());
    }

    fn aim(&self, stream: &Request, target: &Target) {
        let posts = self.to(stream).map(|to| {
            let id = format!("{:x}-{:x}", page::secret(), page::secret());
            if let Some(name) = self.name() {
                target.set_parameter(name, &id);
            }
            Posts { attempt: 0, id, to, made: RefCell::default(), asked: Cell::new(false) }
        });
        self.next.replace(posts);
    }

    fn began(&self, port: &Port, attempt: u32) {
        let Some(posts) = self.next.take() else { return };
        let mut ways = self.ways.borrow_mut();
        ways.retain(|way| port.owns(way.attempt));
        ways.push(Rc::new(Posts { attempt, ..posts }));
    }

    fn watch(self: Rc<Self>, port: &Port) {
        let (core, weak) = (Weak::clone(&port.core), Rc::downgrade(&self));
        let leave = Leave::new(move |persisted| {
            if let (Some(core), Some(uplink)) = (core.upgrade(), weak.upgrade()) {
                uplink.leaves(core.port(), persisted);
            }
        });
        self.leave.replace(Some(leave));
    }

    fn send(self: Rc<Self>, port: &Port, data: &Data) -> Option<u32> {
        let posts = self.posts(port)?;
        let data = match data {
            Data::Text(text) if !json::is_json(text) => Data::Text(json::quoted(text).into()),
            data => data.clone(),
        };
        // With its comma.
        let length = data.bytes().len() as u32 + 1;
        let raw = data.text().is_none();
        let first = {
            let mut made = posts.made.borrow_mut();
            made.push(data);
            made.len() == 1
        };
        if first {
            let core = Weak::clone(&port.core);
            page::spawn(async move {
                match core.upgrade() {
                    Some(core) if core.port().owns(posts.attempt) => drop(self.flush(core.port(), &posts)),
                    // The core has taken them back.
                    _ => drop(posts.made.take()),
                }
            });
        }
        Some(taken::CARRIED.saturating_add(length.saturating_mul(2)).saturating_add(raw.into()))
    }

    fn stop(&self, port: &Port, serial: u32) {
        let Some(out) = self.done(serial) else { return };
        let answer = if out.asking.get() { Failure::Provider } else { Failure::Network };
        drop(out);
        port.call(Call::Posted { request: serial, answer });
    }

    fn end(&self) {
        let leave = self.leave.take();
        drop(leave);
        for out in self.out.take() {
            // What was sent in leaving is to arrive.
            if out.keepalive {
                out.task.detach();
            }
        }
    }
}
