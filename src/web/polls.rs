//! Long polls: a connection of requests, one after the other. When one is made, and what its answer means, is ruled by
//! `src/core/polls.rs`.

use std::rc::Rc;

use super::{
    page::Target,
    port::{Open, Port, Prepared},
};
use crate::{calls::Call, codes::lost, transport::Transport};

impl Port {
    /// The next request of this attempt, whose server may wait so long, in ms: 0 for the first one.
    pub(crate) fn poll(&self, attempt: u32, wait: u64, name: &str) {
        if wait == 0 {
            // The core knows of its own of the others.
            self.call(Call::Asking);
        }
        let prepared = self.open_of(attempt, |open| open.polls.clone()).flatten();
        let Some(prepared) = prepared else { return };
        let aimed =
            self.aim(Transport::Fetch, Prepared::clone(&prepared)).and_then(|(mut outgoing, origin)| {
                let target = Target::resolve(&outgoing.url)?;
                target.set_parameter(name, &wait.to_string());
                outgoing.url = target.href();
                Some((self.dial(attempt, Transport::Fetch, outgoing)?, origin))
            });
        let Some((link, origin)) = aimed else {
            self.call(Call::Lost { attempt, code: lost::BLOCKED, brought: false });
            return;
        };
        let mut link = Some(link);
        let before = self.open_of(attempt, |open| {
            open.origin = Rc::from(origin);
            std::mem::replace(&mut open.link, link.take())
        });
        // The one before is over, or the client let go of the connection meanwhile.
        drop((before, link));
    }

    /// What all of a connection ask for.
    pub(super) fn polls_of(&self, mut prepared: Prepared) -> Option<Prepared> {
        if let (Some(uplink), Some(request)) = (&self.settings.uplink, &mut prepared.request) {
            let target = Target::resolve(&request.address)?;
            uplink.aim(request, &target);
            request.address = target.href();
        }
        Some(prepared)
    }

    /// What of these a connection of this attempt gives, if there is one.
    fn open_of<T>(&self, attempt: u32, give: impl FnOnce(&mut Open) -> T) -> Option<T> {
        let of = if self.is_current(attempt) { &self.current } else { &self.successor };
        of.borrow_mut().as_mut().filter(|open| open.attempt == attempt).map(give)
    }

    /// What has come by now that a server would not say again, acks too.
    /// Below 0 where more was held back than came: an id without data, a message of several topics.
    pub(super) fn news(&self) -> i64 {
        self.inbound.received.get().cast_signed() - self.inbound.suppressed.get().cast_signed()
    }

    /// Whether what has come ends with the request, and not with the connection.
    pub(super) fn is_polled(&self, attempt: u32) -> bool {
        self.current.borrow().as_ref().is_some_and(|open| open.attempt == attempt && open.polls.is_some())
    }
}
