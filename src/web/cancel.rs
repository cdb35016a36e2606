//! Tells the server to stop.

use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    pin::{Pin, pin},
    rc::{Rc, Weak},
    task::{Poll, Waker},
};

use super::{
    aim::is_fetchable,
    link::{Outgoing, Unanswered},
    page::{self, Target, Timer},
    port::Port,
};
use crate::{
    Failure,
    calls::Call,
    client::{CancelError, Context, EndpointError, Request, Slot, strays},
    core::{failure::RetryAfter, io::Reason},
    error::OptionError,
};

/// What the app waits for.
pub(crate) type Cancelled = Slot<Result<(), CancelError>>;

type Asked = Pin<Box<dyn Future<Output = Result<Option<Request>, EndpointError>>>>;

/// A trait, so that an app without one has nothing of it.
pub(crate) trait Cancels {
    /// What cannot work.
    fn check(&self) -> Result<(), OptionError>;
    /// `listen`: the client stays.
    fn cancel(self: Rc<Self>, port: &Port, listen: bool, cancelled: Cancelled);
}

#[derive(Clone)]
pub(crate) enum To {
    Fixed(Request),
    Function(Rc<dyn Fn(Context) -> Asked>),
}

pub(crate) struct Cancel(pub(crate) To);

impl Cancels for Cancel {
    fn check(&self) -> Result<(), OptionError> {
        match &self.0 {
            To::Fixed(request) if !is_fetchable(&request.address) => Err(OptionError {
                option: "http.cancel",
                problem: "must be an http: or https: address without a password",
            }),
            _ => Ok(()),
        }
    }

    fn cancel(self: Rc<Self>, port: &Port, listen: bool, cancelled: Cancelled) {
        let core = Weak::clone(&port.core);
        let (context, time) = (port.context(Reason::Reconnect), port.settings.open_timeout);
        let credentials = port.settings.credentials;
        page::spawn(async move {
            let mut told = self.tell(context.clone(), credentials, time).await;
            // What cannot differ is not repeated.
            if let (Err(Failure::Http { status: 401, .. }), To::Function(_)) = (&told, &self.0) {
                let context = Context { reason: Reason::Unauthorized, ..context };
                told = self.tell(context, credentials, time).await;
            }
            if let (true, Err(_), Some(core)) = (listen, &told, core.upgrade()) {
                core.call(Call::Stopping { on: false });
                // It may be asked again.
                drop(core.port().cancelled.take());
            }
            cancelled.set(told.map_err(CancelError::Failed));
        });
    }
}

impl Cancel {
    async fn tell(&self, context: Context, credentials: bool, time: u32) -> Result<(), Failure> {
        let told = async {
            let (request, given) = match &self.0 {
                To::Fixed(request) => (request.clone(), false),
                To::Function(function) => match function(context).await {
                    Ok(Some(request)) => (request, true),
                    // It has seen to it.
                    Ok(None) => return Ok(()),
                    Err(_) => return Err(Failure::Provider),
                },
            };
            // An id of the server's may stand in it.
            if given && strays(&request.address) || !is_fetchable(&request.address) {
                return Err(Failure::Provider);
            }
            ask(request, credentials).await
        };
        within(time, told).await.unwrap_or(Err(Failure::OpenTimeout))
    }
}

async fn ask(request: Request, credentials: bool) -> Result<(), Failure> {
    let Some(target) = Target::resolve(&request.address) else { return Err(Failure::Provider) };
    target.drop_fragment();
    let method = request.method.as_deref().unwrap_or("POST");
    let mut outgoing = Outgoing::beside(method, target.href(), request.headers, credentials);
    outgoing.body = request.body;
    outgoing.redirect = request.redirect;
    outgoing.credentials = request.credentials.unwrap_or(outgoing.credentials);
    outgoing.same_origin = request.same_origin;
    match page::ask(outgoing).await {
        Ok(reply) if (200..300).contains(&reply.status) => Ok(()),
        Ok(reply) => {
            let retry_after = reply.retry_after.map(RetryAfter);
            Err(Failure::Http { status: reply.status, retry_after })
        }
        Err(Unanswered::Invalid) => Err(Failure::Provider),
        Err(Unanswered::Redirected) => Err(Failure::Redirect),
        Err(Unanswered::Network) => Err(Failure::Network),
    }
}

/// `None`: it took longer.
async fn within<F: Future>(ms: u32, future: F) -> Option<F::Output> {
    let late = Rc::new((Cell::new(false), RefCell::new(None::<Waker>)));
    let rings = Rc::clone(&late);
    let timer = Timer::new(ms, move || {
        rings.0.set(true);
        let waker = rings.1.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    });
    let mut future = pin!(future);
    let done = poll_fn(|cx| {
        if let Poll::Ready(done) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(done));
        }
        if late.0.get() {
            return Poll::Ready(None);
        }
        let before = late.1.replace(Some(cx.waker().clone()));
        drop(before);
        Poll::Pending
    })
    .await;
    drop(timer);
    done
}

impl Port {
    /// The second time gives what the first one gave.
    pub(crate) fn cancel(&self, listen: bool) -> Cancelled {
        if let Some(cancelled) = self.cancelled.borrow().clone() {
            return cancelled;
        }
        let cancelled = Cancelled::default();
        let cancel = self.settings.cancel.clone().filter(|_| !self.url().is_empty() && !self.closed());
        match cancel {
            Some(cancel) => {
                self.cancelled.replace(Some(cancelled.clone()));
                if listen {
                    self.call(Call::Stopping { on: true });
                }
                cancel.cancel(self, listen, cancelled.clone());
            }
            None => cancelled.set(Err(CancelError::Nothing)),
        }
        cancelled
    }
}
