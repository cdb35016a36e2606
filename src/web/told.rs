//! What a client's links tell: what opened, what came, what was lost.

use std::{
    cell::RefCell,
    rc::{Rc, Weak},
};

use super::{
    STREAMS,
    decode::Tell,
    json,
    link::{Data, Flow, Told},
    page::{self, Timer},
    port::{Open, Port, Room},
};
use crate::{
    calls::Call,
    client::Details,
    codes::lost,
    core::{failure::RetryAfter, resume::Outcome},
    sse::Piece,
    transport::Transport,
};

/// A page that is left loses its connections some ms before it is told so (Chromium), or when the next one is asked for (Firefox).
const LEAVING: u32 = 200;
/// So long, in ms, may a stream keep the page from its turn.
const SLICE: f64 = 16.0;

impl Port {
    pub(super) fn link(&self) -> Option<page::Socket> {
        self.current.borrow().as_ref().and_then(|open| open.link.as_ref()?.socket())
    }

    pub(super) fn is_current(&self, attempt: u32) -> bool {
        self.current.borrow().as_ref().is_some_and(|open| open.attempt == attempt)
    }

    pub(super) fn current_attempt(&self) -> Option<u32> {
        self.current.borrow().as_ref().map(|open| open.attempt)
    }

    /// Whether it is one of this client's connections.
    pub(super) fn owns(&self, attempt: u32) -> bool {
        self.is_current(attempt)
            || self.successor.borrow().as_ref().is_some_and(|open| open.attempt == attempt)
    }

    pub(super) fn told(&self, attempt: u32, told: Told) -> Flow {
        if !self.owns(attempt) {
            return Flow::Go;
        }
        match told {
            Told::Opened { from, head } => {
                if STREAMS && head.is_some() {
                    let before = self.head.replace(head);
                    drop(before);
                }
                let shake = self.settings.handshake.clone();
                if !shake.is_some_and(|shake| shake.shake(self, attempt)) {
                    self.opened(attempt, from);
                }
            }
            Told::Message { data, kind, last_event_id, origin, at } => {
                if let (Some(origin), Some(open)) = (origin, self.current.borrow_mut().as_mut()) {
                    open.origin = origin.into();
                }
                let shake = self.settings.handshake.as_ref();
                if !shake.is_some_and(|shake| shake.holds(self, attempt, &data, at)) {
                    self.message(data, kind, last_event_id, at);
                }
            }
            Told::Lost { code, reason, orderly } => {
                self.details.borrow_mut().close_reason = reason;
                self.lost(attempt, code, orderly);
            }
            told if STREAMS => return self.told_of_stream(attempt, told),
            _ => {}
        }
        Flow::Go
    }

    fn told_of_stream(&self, attempt: u32, told: Told) -> Flow {
        match told {
            Told::Chunk(chunk) => return self.chunk(attempt, &chunk),
            Told::Alive => self.inbound.heard.set(page::monotonic()),
            Told::Answered { content_type, body } => {
                self.details.replace(Details { content_type, body, ..Details::default() });
            }
            Told::Interrupted => self.in_order(
                attempt,
                Box::new(move |port| {
                    port.call(Call::Interrupted { attempt });
                }),
            ),
            Told::Refused { status, retry_after } => {
                let retry_after = retry_after.map(RetryAfter);
                self.call(Call::Refused { attempt, status, retry_after });
            }
            Told::Opened { .. } | Told::Message { .. } | Told::Lost { .. } => {}
        }
        Flow::Go
    }

    pub(super) fn opened(&self, attempt: u32, from: Option<String>) {
        let frame = self.settings.frame.as_ref().filter(|_| self.socket(attempt).is_some());
        if let Some(frame) = frame.and_then(|frame| frame(self.place()))
            && let Some(socket) = self.socket(attempt)
            && !socket.send(&Data::Text(frame.into()))
        {
            self.call(Call::Lost { attempt, code: lost::PROVIDER, brought: false });
            return;
        }
        // By the frame's function.
        if !self.owns(attempt) {
            return;
        }
        let from = from.filter(|_| STREAMS);
        let fetched = from.is_some();
        if fetched && let Some(core) = self.core.upgrade() {
            core.stream();
        }
        self.call(Call::Opened { attempt });
        if let Some(from) = from
            && let Some(origin) = page::origin_of(&from)
            && let Some(open) = self.current.borrow_mut().as_mut().filter(|open| open.attempt == attempt)
        {
            self.away.replace((*origin != *open.origin).then(|| open.origin.as_ref().to_owned()));
            open.origin = origin.into();
        }
        if fetched && self.is_current(attempt) {
            self.answered();
        }
        if self.is_polled(attempt) {
            self.inbound.began.set(self.news());
        }
    }

    /// The server's word on what it is going to send.
    fn answered(&self) {
        let Some(outcome) = &self.settings.outcome else { return };
        let (asked, head) = (self.asked.borrow().clone(), self.head.borrow().clone());
        let Some(head) = head.filter(|_| !asked.is_empty()) else { return };
        match outcome(&head, &asked) {
            Some(Outcome::Recovered) => drop(self.call(Call::RecoveryTold)),
            Some(Outcome::Gap) => drop(self.call(Call::GapTold { here: false })),
            Some(Outcome::Unknown) | None => {}
        }
    }

    pub(super) fn socket(&self, attempt: u32) -> Option<page::Socket> {
        let of = |open: &RefCell<Option<Open>>| {
            let open = open.borrow();
            open.as_ref().filter(|open| open.attempt == attempt)?.link.as_ref()?.socket()
        };
        of(&self.current).or_else(|| of(&self.successor))
    }

    fn chunk(&self, attempt: u32, chunk: &[u8]) -> Flow {
        let Some(core) = self.core.upgrade().filter(|_| self.is_current(attempt)) else { return Flow::Go };
        if self.settings.heartbeat.is_some() {
            self.inbound.heard.set(page::monotonic());
        }
        let mut pieces = core.read(chunk).into_iter();
        self.watch_turn();
        if let Some(room) = self.pieces(attempt, &mut pieces) {
            let core = Weak::clone(&self.core);
            return Flow::Wait(Box::pin(async move {
                let mut room = Some(room);
                while let Some(wait) = room.take() {
                    wait.await;
                    let Some(core) = core.upgrade() else { return };
                    let port = core.port();
                    if !port.is_current(attempt) {
                        return;
                    }
                    // A decoder that is done may have filled the app's room.
                    room = port.wait_for_room();
                    if room.is_none() {
                        port.held.set(false);
                        port.watch_turn();
                        room = port.pieces(attempt, &mut pieces);
                    }
                }
            }));
        }
        Flow::Go
    }

    /// Up to the end, to the loss of the connection, or until the app has no room, or the page is to have its turn.
    fn pieces(&self, attempt: u32, pieces: &mut std::vec::IntoIter<Piece>) -> Option<Room> {
        for piece in pieces {
            match piece {
                Piece::Event { kind, data, id, .. } => self.event(kind, data, id),
                Piece::Comment(text) => {
                    if let Some(on_comment) = &self.settings.on_comment {
                        on_comment(&text);
                    }
                }
                Piece::TooBig => self.lost(attempt, lost::TOO_BIG, false),
            }
            if !self.is_current(attempt) {
                return None;
            }
            let decoded = self.settings.decode.as_ref().and_then(|decode| Rc::clone(decode).wait());
            let room = decoded.or_else(|| self.wait_for_room());
            if room.is_some() {
                self.held.set(true);
                return room;
            }
        }
        None
    }

    /// What a stream waits for before it goes on: the app's room, or the page's turn.
    pub(super) fn wait_for_room(&self) -> Option<Room> {
        let room = self.room.get().and_then(|room| room());
        room.or_else(|| self.owes_turn().then(|| Box::pin(page::turn()) as Room))
    }

    /// Chunks that are there, and an app that takes what they bring, go on in microtasks alone.
    pub(super) fn watch_turn(&self) {
        if self.turn.get().is_some() {
            return;
        }
        self.turn.set(Some(page::monotonic()));
        let core = Weak::clone(&self.core);
        page::spawn(async move {
            page::turn().await;
            if let Some(core) = core.upgrade() {
                core.port().turn.set(None);
            }
        });
    }

    pub(super) fn owes_turn(&self) -> bool {
        self.turn.get().is_some_and(|since| page::monotonic() - since > SLICE)
    }

    /// A connection is over: told after what came of it.
    fn lost(&self, attempt: u32, code: u32, orderly: bool) {
        self.in_order(attempt, Box::new(move |port| port.ended(attempt, code, orderly)));
    }

    /// When all that came before has been delivered.
    fn in_order(&self, attempt: u32, tell: Tell) {
        let decode = self.settings.decode.as_ref().filter(|_| self.is_current(attempt));
        let now = match decode {
            Some(decode) => decode.after(tell),
            None => Some(tell),
        };
        if let Some(tell) = now {
            tell(self);
        }
    }

    fn ended(&self, attempt: u32, code: u32, orderly: bool) {
        let came =
            if self.is_polled(attempt) { self.news() } else { self.inbound.received.get().cast_signed() };
        let brought = orderly && self.is_current(attempt) && came > self.inbound.began.get();
        // It may be the page that goes, which is no failure. Nobody looks at a hidden one, and its timers are slow. And Chromium and
        // Firefox tell of a policy after it has refused a fetch.
        let wait = match code {
            1001 | lost::NETWORK if self.watches.get() && page::is_visible() => LEAVING,
            lost::NETWORK => 0,
            _ => {
                self.call(Call::Lost { attempt, code, brought });
                return;
            }
        };
        let core = Weak::clone(&self.core);
        let timer = Timer::new(wait, move || {
            let Some(core) = core.upgrade() else { return };
            let port = core.port();
            let done = port.losses.borrow_mut().remove(&attempt);
            if port.owns(attempt) {
                let code = if code == lost::NETWORK { port.network.get() } else { code };
                core.call(Call::Lost { attempt, code, brought });
            }
            drop(done);
        });
        let before = self.losses.borrow_mut().insert(attempt, timer);
        drop(before);
    }

    pub(super) fn tick(&self) {
        // A ping may wait behind a long upload: what drains is alive.
        let buffered = self.link().map_or(0, |link| link.buffered());
        if buffered < self.buffered.replace(buffered) || self.held.get() {
            self.inbound.heard.set(page::monotonic());
        }
        self.call(Call::Tick { behind: buffered > 0 });
    }

    pub(super) fn beat(&self) {
        let ping = match &self.settings.ping {
            Some(ping) => ping(),
            None => format!(r#"{{"type":"ping","timestamp":{}}}"#, page::wall() as u64),
        };
        if let Some(link) = self.link().filter(page::Socket::is_open) {
            let data = Data::Text(ping.as_str().into());
            self.ping.replace(Some(ping));
            self.pinged.set(Some(page::monotonic()));
            if link.send(&data) {
                return;
            }
        }
        // No pong answers what was not sent.
        self.call(Call::Unpinged);
    }

    pub(super) fn is_heartbeat(&self, data: &Data, at: f64) -> bool {
        let Some(text) = data.text() else { return false };
        if self.transport() != Transport::WebSocket {
            return false;
        }
        // Some servers send it back as it was.
        let echo = self.ping.borrow().as_deref() == Some(text);
        let (pings, pongs) = match &self.settings.is_pong {
            _ if echo => (false, true),
            Some(is_pong) => (false, is_pong(&self.parse(data.clone(), None))),
            None if self.settings.silent || text.len() > 256 => (false, false),
            None => match json::kind(text).as_deref() {
                // The server's own ping answers nothing.
                Some("ping") => (true, false),
                kind => (false, kind == Some("pong")),
            },
        };
        if !(pings || pongs) {
            return false;
        }
        if !pings {
            if let Some(pinged) = self.pinged.take() {
                self.round_trip.set(Some(at - pinged));
            }
            self.call(Call::Ponged);
        }
        true
    }
}
