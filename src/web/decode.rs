//! Frames that the app decodes: they wait in a line, so that their messages keep their order. What the app cannot decode in time is
//! bounded as what a handshake has not received.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::poll_fn,
    rc::{Rc, Weak},
    task::{Poll, Waker},
};

use super::{
    Core,
    link::Data,
    page,
    port::{Port, Room},
    shaking::{BYTES, LIMIT},
    task::Task,
};
use crate::{
    calls::Call,
    client::{Decode, Decoded, Decoding, Message, Payload},
    transport::Transport,
};

/// What the port asks of an app's decoder. A trait, so that an app without one has nothing of it.
pub(crate) trait Decodes {
    fn decode(&self, frame: Message) -> Decoding;
    /// Of the connection there is.
    fn take(self: Rc<Self>, port: &Port, frame: Frame);
    /// While frames wait: until none does.
    fn wait(self: Rc<Self>) -> Option<Room>;
    /// Calls it when all that came before has been delivered. Gives it back where nothing waits.
    fn after(&self, tell: Tell) -> Option<Tell>;
    /// The connection is over: what waits goes with it, as the cursor has not moved.
    fn forget(&self);
}

pub(crate) type Tell = Box<dyn FnOnce(&Port)>;

/// What came, and what its transport said of it.
#[derive(Clone)]
pub(crate) struct Frame {
    pub(crate) data: Data,
    pub(crate) kind: Option<String>,
    pub(crate) own: Option<Rc<str>>,
}

enum Waiting {
    Frame {
        decoding: Decoding,
        frame: Frame,
        /// Others before it were lost.
        missed: bool,
    },
    Tell(Tell),
}

pub(crate) struct Line {
    decode: Decode,
    waiting: RefCell<VecDeque<Waiting>>,
    bytes: Cell<usize>,
    missed: Cell<bool>,
    working: RefCell<Option<Task>>,
    wakers: RefCell<Vec<Waker>>,
}

impl Line {
    pub(crate) fn new(decode: Decode) -> Self {
        Self {
            decode,
            waiting: RefCell::default(),
            bytes: Cell::new(0),
            missed: Cell::new(false),
            working: RefCell::default(),
            wakers: RefCell::default(),
        }
    }

    fn is_working(&self) -> bool {
        self.working.borrow().is_some()
    }

    fn push(self: Rc<Self>, port: &Port, decoding: Decoding, frame: Frame, missed: bool) {
        self.bytes.set(self.bytes.get() + frame.data.bytes().len());
        self.waiting.borrow_mut().push_back(Waiting::Frame { decoding, frame, missed });
        if !self.is_working() {
            let working = Task::spawn(Rc::clone(&self).work(Weak::clone(&port.core), port.attempt()));
            self.working.replace(Some(working));
        }
    }

    /// What waits has its turn, one by one. Given up with its connection.
    async fn work(self: Rc<Self>, core: Weak<Core>, attempt: u32) {
        // The app's function may end the connection, and with it this, before it gives anything.
        let lives = |core: &Rc<Core>| core.port().attempt() == attempt;
        loop {
            let next = self.waiting.borrow_mut().pop_front();
            match next {
                Some(Waiting::Frame { decoding, frame, missed }) => {
                    let decoded = match decoding {
                        Decoding::Now(decoded) => decoded,
                        Decoding::Later(decoding) => decoding.await,
                    };
                    let Some(live) = core.upgrade().filter(lives) else { return };
                    drop(live);
                    self.bytes.set(self.bytes.get().saturating_sub(frame.data.bytes().len()));
                    if missed && let Some(core) = core.upgrade() {
                        core.call(Call::GapTold { here: true });
                    }
                    let mut rest = Some(decoded);
                    while let Some(decoded) = rest.take() {
                        let Some(core) = core.upgrade().filter(lives) else { return };
                        let wait = deal(core.port(), decoded, &frame);
                        drop(core);
                        if let Some((left, room)) = wait {
                            room.await;
                            rest = Some(Ok(left));
                        }
                    }
                }
                Some(Waiting::Tell(tell)) => {
                    if let Some(core) = core.upgrade() {
                        tell(core.port());
                    }
                }
                None => break,
            }
        }
        let done = self.working.take();
        drop(done);
        self.wake();
    }

    fn wake(&self) {
        let wakers = self.wakers.take();
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Decodes for Line {
    fn decode(&self, frame: Message) -> Decoding {
        (self.decode)(frame)
    }

    fn take(self: Rc<Self>, port: &Port, frame: Frame) {
        if self.waiting.borrow().len() >= LIMIT || self.bytes.get() >= BYTES {
            self.missed.set(true);
            return;
        }
        let attempt = port.attempt();
        let decoding = self.decode(port.parse(frame.data.clone(), frame.kind.clone()));
        // By the app's function.
        if port.attempt() != attempt {
            return;
        }
        let missed = self.missed.take();
        match decoding {
            Decoding::Now(decoded) if !missed && !self.is_working() => {
                if let Some((left, room)) = deal(port, decoded, &frame) {
                    let left = async move {
                        room.await;
                        Ok(left)
                    };
                    self.push(port, Decoding::Later(Box::pin(left)), frame, false);
                }
            }
            decoding => self.push(port, decoding, frame, missed),
        }
    }

    fn wait(self: Rc<Self>) -> Option<Room> {
        self.is_working().then(|| {
            Box::pin(poll_fn(move |cx| {
                if !self.is_working() {
                    return Poll::Ready(());
                }
                self.wakers.borrow_mut().push(cx.waker().clone());
                Poll::Pending
            })) as Room
        })
    }

    fn after(&self, tell: Tell) -> Option<Tell> {
        if !self.is_working() {
            return Some(tell);
        }
        self.waiting.borrow_mut().push_back(Waiting::Tell(tell));
        None
    }

    fn forget(&self) {
        self.missed.set(false);
        self.bytes.set(0);
        let (working, waiting) = (self.working.take(), self.waiting.take());
        drop(working);
        drop(waiting);
        self.wake();
    }
}

/// Its messages as if each had come by itself. Fetched ones may have to wait for the page, or for the app: then the rest of them, and for what.
fn deal(port: &Port, decoded: Decoded, frame: &Frame) -> Option<(Vec<Payload>, Room)> {
    let attempt = port.attempt();
    let mut decoded = decoded_or_none(decoded).into_iter();
    while let Some(Payload(data)) = decoded.next() {
        // The id of an event is that of its last message: nobody goes on from the middle.
        let own = frame.own.clone().filter(|_| decoded.len() == 0);
        port.put(data, frame.kind.clone(), own);
        if port.attempt() != attempt || decoded.len() == 0 {
            return None;
        }
        if port.transport() == Transport::Fetch
            && let Some(room) = port.wait_for_room()
        {
            return Some((decoded.collect(), room));
        }
    }
    None
}

/// An error is told, and its frame is left out.
pub(super) fn decoded_or_none(decoded: Decoded) -> Vec<Payload> {
    decoded.unwrap_or_else(|error| {
        page::warn(&format!("everwire: Builder::decode gave an error, and the frame is left out: {error}"));
        Vec::new()
    })
}
