//! Requests beside a connection, whose server a test plays.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    rc::{Rc, Weak},
    task::{Poll, Waker},
};

use super::{
    links::Response,
    world::{World, current},
};
use crate::web::link::{Outgoing, Reply, Unanswered};

/// What the server answered; or the network failed.
type Answer = Result<(Response, Vec<u8>), ()>;

/// A request that was made, as the browser and the server have it.
#[derive(Clone)]
pub(crate) struct Exchange(Rc<Inner>);

struct Inner {
    world: Weak<World>,
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    keepalive: bool,
    answer: RefCell<Option<Answer>>,
    waker: RefCell<Option<Waker>>,
    /// The client has not let go of it.
    waits: Cell<bool>,
}

impl Exchange {
    fn new(outgoing: &Outgoing, keepalive: bool, method: &str) -> Self {
        let world = current();
        let exchange = Self(Rc::new(Inner {
            world: world.as_ref().map_or_else(Weak::new, Rc::downgrade),
            method: method.to_owned(),
            url: outgoing.url.clone(),
            headers: outgoing.headers.clone(),
            body: outgoing.body.clone().unwrap_or_default(),
            keepalive,
            answer: RefCell::default(),
            waker: RefCell::default(),
            waits: Cell::new(true),
        }));
        if let Some(world) = world {
            world.exchanges.borrow_mut().push_back(exchange.clone());
        }
        exchange
    }

    pub(crate) fn world(&self) -> Option<Rc<World>> {
        self.0.world.upgrade()
    }

    pub(crate) fn method(&self) -> &str {
        &self.0.method
    }

    pub(crate) fn url(&self) -> &str {
        &self.0.url
    }

    pub(crate) fn headers(&self) -> &[(String, String)] {
        &self.0.headers
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.0.body
    }

    pub(crate) fn keepalive(&self) -> bool {
        self.0.keepalive
    }

    pub(crate) fn is_waiting(&self) -> bool {
        self.0.waits.get()
    }

    /// None: the network fails.
    pub(crate) fn answer(&self, response: Option<(Response, Vec<u8>)>) {
        self.0.answer.replace(Some(response.ok_or(())));
        let waker = self.0.waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    async fn answered(&self) -> Result<(Response, Vec<u8>), Unanswered> {
        let answer = poll_fn(|cx| match self.0.answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => {
                self.0.waker.replace(Some(cx.waker().clone()));
                Poll::Pending
            }
        })
        .await;
        answer.map_err(|()| Unanswered::Network)
    }
}

/// The client lets go of it with this.
struct Waits(Exchange);

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.0.waits.set(false);
    }
}

fn reply(response: &Response) -> Reply {
    Reply::new(response.status, |name| response.header(name), super::wall() as u64)
}

fn is_redirect(response: &Response) -> bool {
    matches!(response.status, 301 | 302 | 303 | 307 | 308)
}

/// As the browser's; a redirect is no answer here.
pub(crate) fn ask(outgoing: Outgoing) -> impl Future<Output = Result<Reply, Unanswered>> + 'static {
    let method = outgoing.method.clone().unwrap_or_default();
    let waits = Waits(Exchange::new(&outgoing, false, &method));
    async move {
        let (response, _) = waits.0.answered().await?;
        if is_redirect(&response) { Err(Unanswered::Network) } else { Ok(reply(&response)) }
    }
}

/// As the browser's.
pub(crate) fn post(
    outgoing: &Outgoing,
    keepalive: bool,
) -> impl Future<Output = Result<Reply, Unanswered>> + 'static + use<> {
    let waits = Waits(Exchange::new(outgoing, keepalive, "POST"));
    async move {
        let (response, body) = waits.0.answered().await?;
        if is_redirect(&response) {
            return Err(Unanswered::Redirected);
        }
        let mut reply = reply(&response);
        if reply.is_json() {
            reply.text = String::from_utf8_lossy(&body).into_owned();
        }
        Ok(reply)
    }
}
