//! The app's handshake: what came meanwhile is held for it, and then for the client.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    rc::{Rc, Weak},
    task::{Context, Poll, Waker},
};

use super::{Core, decode::decoded_or_none, installed::Shakes, link::Data, page, port::Port};
use crate::{
    calls::Call,
    client::{Decoded, Decoding, EndpointError, Handshake, HandshakeOver, Message, Payload, Place},
    codes::lost,
    core::io::Reason,
};

/// So many messages, and bytes, may come before the handshake has received them.
pub(super) const LIMIT: usize = 1_024;
pub(super) const BYTES: usize = 1 << 24;

/// Of one connection.
#[derive(Default)]
struct Gate {
    held: RefCell<VecDeque<(Data, f64)>>,
    /// A frame that is being decoded.
    decoding: RefCell<Option<Pin<Box<dyn Future<Output = Decoded>>>>>,
    /// Messages of a frame that the handshake has received in part.
    decoded: RefCell<VecDeque<Payload>>,
    bytes: Cell<usize>,
    over: Cell<bool>,
    wakers: RefCell<Vec<Waker>>,
}

impl Gate {
    /// False: there is too much.
    fn hold(&self, data: Data, at: f64) -> bool {
        self.bytes.set(self.bytes.get() + data.bytes().len());
        self.held.borrow_mut().push_back((data, at));
        self.wake();
        self.held.borrow().len() <= LIMIT && self.bytes.get() <= BYTES
    }

    fn next(&self) -> Option<(Data, f64)> {
        let next = self.held.borrow_mut().pop_front();
        if let Some((data, _)) = &next {
            self.bytes.set(self.bytes.get() - data.bytes().len());
        }
        next
    }

    fn poll_decoding(&self, cx: &mut Context<'_>) -> Poll<Decoded> {
        // Not in its place while it runs: it is the app's.
        let Some(mut decoding) = self.decoding.take() else { return Poll::Ready(Ok(Vec::new())) };
        let polled = decoding.as_mut().poll(cx);
        if polled.is_pending() {
            self.decoding.replace(Some(decoding));
        }
        polled
    }

    /// The connection is over.
    fn end(&self) {
        self.over.set(true);
        self.wake();
    }

    fn wake(&self) {
        let wakers = self.wakers.take();
        wakers.into_iter().for_each(Waker::wake);
    }

    fn wait(&self, cx: &Context<'_>) {
        let mut wakers = self.wakers.borrow_mut();
        if !wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
            wakers.push(cx.waker().clone());
        }
    }

    /// As long as the connection is not over.
    async fn within<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        poll_fn(|cx| {
            if self.over.get() {
                return Poll::Ready(None);
            }
            let polled = future.as_mut().poll(cx).map(Some);
            if polled.is_pending() {
                self.wait(cx);
            }
            polled
        })
        .await
    }
}

/// What the app's function holds.
pub(crate) struct Shaking {
    gate: Rc<Gate>,
    attempt: u32,
    core: Weak<Core>,
}

impl Shaking {
    fn send(&self, data: &Data) -> bool {
        let core = self.core.upgrade().filter(|_| !self.gate.over.get());
        core.and_then(|core| core.port().socket(self.attempt))
            .is_some_and(|socket| socket.is_open() && socket.send(data))
    }

    pub(crate) fn send_text(&self, text: &str) -> bool {
        self.send(&Data::Text(text.into()))
    }

    pub(crate) fn send_bytes(&self, bytes: &[u8]) -> bool {
        self.send(&Data::Bytes(bytes.into()))
    }

    pub(crate) async fn receive(&self) -> Result<Message, HandshakeOver> {
        loop {
            let decoded = self.gate.decoded.borrow_mut().pop_front();
            if let (Some(Payload(data)), Some(core)) = (decoded, self.core.upgrade()) {
                return Ok(core.port().parse(data, None));
            }
            let decoding = self.gate.decoding.borrow().is_some();
            if decoding {
                let decoded = poll_fn(|cx| self.gate.poll_decoding(cx)).await;
                self.gate.decoded.borrow_mut().extend(decoded_or_none(decoded));
                continue;
            }
            let frame = poll_fn(|cx| self.poll_frame(cx)).await?;
            let decoding = {
                let core = self.core.upgrade().ok_or(HandshakeOver)?;
                let frame = core.port().parse(frame, None);
                match &core.port().settings.decode {
                    Some(decode) => decode.decode(frame),
                    None => return Ok(frame),
                }
            };
            match decoding {
                Decoding::Now(decoded) => {
                    self.gate.decoded.borrow_mut().extend(decoded_or_none(decoded));
                }
                // Kept where the next one finds it, should nobody wait for this one any more.
                Decoding::Later(decoding) => drop(self.gate.decoding.replace(Some(decoding))),
            }
        }
    }

    fn poll_frame(&self, cx: &Context<'_>) -> Poll<Result<Data, HandshakeOver>> {
        if self.gate.over.get() {
            return Poll::Ready(Err(HandshakeOver));
        }
        if let Some((data, _)) = self.gate.next() {
            return Poll::Ready(Ok(data));
        }
        self.gate.wait(cx);
        Poll::Pending
    }

    /// Where the connection leads.
    pub(crate) fn origin(&self) -> Option<String> {
        let core = self.core.upgrade()?;
        let of = |open: &RefCell<Option<super::port::Open>>| {
            open.borrow()
                .as_ref()
                .filter(|open| open.attempt == self.attempt)
                .map(|open| open.origin.to_string())
        };
        of(&core.port().current).or_else(|| of(&core.port().successor))
    }

    pub(crate) fn reason(&self) -> Reason {
        self.core.upgrade().map_or(Reason::Initial, |core| core.port().reason.get())
    }

    pub(crate) fn protocol(&self) -> String {
        let socket = self.core.upgrade().and_then(|core| core.port().socket(self.attempt));
        socket.map_or_else(String::new, |socket| socket.protocol())
    }

    pub(crate) fn url(&self) -> String {
        self.core
            .upgrade()
            .map_or_else(String::new, |core| core.port().url_of(self.attempt).as_ref().to_owned())
    }

    pub(crate) fn place(&self) -> Place {
        self.core.upgrade().map_or_else(Place::default, |core| core.port().place())
    }
}

type Shake = Box<dyn Fn(Handshake) -> Pin<Box<dyn Future<Output = Result<(), EndpointError>>>>>;

/// The app's handshake.
pub(crate) struct Shaken {
    shake: Shake,
    /// Of connections whose handshake is under way.
    gates: RefCell<Vec<(u32, Rc<Gate>)>>,
}

impl Shaken {
    pub(crate) fn new(shake: Shake) -> Self {
        Self { shake, gates: RefCell::default() }
    }

    /// What the handshake has not received.
    fn let_through(&self, port: &Port, attempt: u32, gate: &Rc<Gate>) {
        while !gate.over.get() {
            let decoded = gate.decoded.borrow_mut().pop_front();
            if let Some(Payload(data)) = decoded {
                port.put(data, None, None);
                continue;
            }
            let Some((data, at)) = gate.next() else { break };
            port.message(data, None, None, at);
        }
        self.gates.borrow_mut().retain(|(other, _)| *other != attempt);
    }
}

impl Shakes for Shaken {
    fn shake(self: Rc<Self>, port: &Port, attempt: u32) -> bool {
        if port.socket(attempt).is_none() {
            return false;
        }
        let gate = Rc::<Gate>::default();
        self.gates.borrow_mut().push((attempt, Rc::clone(&gate)));
        let core = Weak::clone(&port.core);
        let shaking = Shaking { gate: Rc::clone(&gate), attempt, core: Weak::clone(&core) };
        let made = (self.shake)(Handshake(shaking));
        page::spawn(async move {
            let done = gate.within(made).await;
            // What the handshake has begun to receive, and not waited for.
            if gate.decoding.borrow().is_some() {
                let decoded = gate.within(poll_fn(|cx| gate.poll_decoding(cx))).await;
                gate.decoded.borrow_mut().extend(decoded.map(decoded_or_none).unwrap_or_default());
            }
            let Some(core) = core.upgrade().filter(|_| !gate.over.get()) else { return };
            let port = core.port();
            match done {
                Some(Ok(())) => {
                    port.opened(attempt, None);
                    self.let_through(port, attempt, &gate);
                }
                Some(Err(_)) => {
                    port.call(Call::Lost { attempt, code: lost::PROVIDER, brought: false });
                }
                None => {}
            }
        });
        true
    }

    fn holds(&self, port: &Port, attempt: u32, data: &Data, at: f64) -> bool {
        let gate =
            self.gates.borrow().iter().find(|(other, _)| *other == attempt).map(|(_, gate)| Rc::clone(gate));
        let Some(gate) = gate else { return false };
        if !gate.hold(data.clone(), at) {
            port.call(Call::Lost { attempt, code: lost::PROVIDER, brought: false });
        }
        true
    }

    fn end(&self, port: &Port) {
        let over = {
            let mut gates = self.gates.borrow_mut();
            let (mine, over): (Vec<_>, Vec<_>) =
                gates.drain(..).partition(|(attempt, _)| port.owns(*attempt));
            *gates = mine;
            over
        };
        for (_, gate) in over {
            gate.end();
        }
    }
}
