//! What the driver asks of this port.

use std::rc::{Rc, Weak};

use super::{
    link::Outgoing,
    page::{self, Page, Timer, Watch},
    port::{Open, Port},
};
use crate::{
    calls::Call,
    codes::{begins, taken},
    core::carrier::Via,
    driver::{self, Port as _},
    transport::Transport,
};

impl driver::Port for Port {
    fn open(&self, attempt: u32, transport: u32) -> bool {
        if let Some(uplink) = &self.settings.uplink {
            uplink.forget_next();
        }
        // Of a successor that fails the other connection knows nothing.
        if self.current.borrow().is_none() {
            drop(self.details.take());
        }
        let Some(transport) = Transport::of(transport) else { return false };
        let prepared = self.prepared.borrow().clone();
        if prepared.polls {
            let Some(prepared) = self.polls_of(prepared) else { return false };
            let url =
                prepared.request.as_ref().map_or_else(Rc::default, |request| request.address.as_str().into());
            let (origin, polls) = (Rc::default(), Some(Rc::new(prepared)));
            self.succeed(Open { attempt, link: None, transport, url, origin, task: None, polls }, None);
            return true;
        }
        // With "url" the app has read the cursor, when it was asked where to.
        if self.settings.via != Some(Via::Url) {
            self.call(Call::Asking);
        }
        let Some((outgoing, origin)) = self.aim(transport, prepared) else { return false };
        let head = (transport == Transport::Fetch).then(|| self.head_of(&outgoing)).flatten();
        let url = outgoing.url.as_str().into();
        let Some(link) = self.dial(attempt, transport, outgoing) else { return false };
        let (link, origin) = (Some(link), origin.into());
        self.succeed(Open { attempt, link, transport, url, origin, task: None, polls: None }, head);
        true
    }

    fn switch(&self, taken: bool) {
        let successor = self.successor.take();
        if !taken {
            drop(successor);
            self.forsake();
            return self.end_handshakes();
        }
        self.held.set(false);
        self.forget();
        if let Some(open) = &successor {
            let before = self.url.replace(Rc::clone(&open.url));
            drop(before);
        }
        let before = self.current.replace(successor);
        self.inbound.begin();
        self.pinged.set(None);
        self.buffered.set(0);
        drop(before);
        self.end_handshakes();
    }

    fn drop(&self, code: u16) {
        self.inbound.pending.take();
        drop(self.successor.take());
        self.forsake();
        self.held.set(false);
        let open = self.current.take();
        self.forget();
        if let Some(link) = open.and_then(|open| open.link) {
            let goodbye = self.goodbye.borrow().clone();
            link.close(code, &goodbye);
        }
        self.end_handshakes();
    }

    fn send(&self, id: u32) -> u32 {
        let data = self.payloads.borrow().get(&id).map(|payload| payload.data.clone());
        if let (Some(uplink), Some(data)) = (&self.settings.uplink, &data)
            && let Some(taken) = Rc::clone(uplink).send(self, data)
        {
            return taken;
        }
        let (Some(data), Some(link)) = (data, self.link()) else { return taken::NOT_OPEN };
        if !link.is_open() {
            taken::NOT_OPEN
        } else if link.buffered() >= self.settings.high_water {
            taken::FULL
        } else if link.send(&data) {
            taken::SENT
        } else {
            taken::UNSENDABLE
        }
    }

    fn ping(&self) {
        if let Some(beat) = self.settings.heartbeat {
            (beat.ping)(self);
        }
    }

    #[cfg(feature = "duplex")]
    fn stop(&self, serial: u32) {
        if let Some(uplink) = &self.settings.uplink {
            uplink.stop(self, serial);
        }
    }

    fn set_checked(&self, checked: bool) {
        self.inbound.checked.set(checked);
    }

    fn heard(&self) -> f64 {
        self.inbound.heard.get()
    }

    /// The core is told of each id as it comes.
    fn drain(&self) {}

    fn arm(&self, ms: i32) {
        let core = Weak::clone(&self.core);
        let timer = Timer::new(ms.unsigned_abs(), move || {
            if let Some(core) = core.upgrade() {
                core.port().tick();
            }
        });
        let before = self.timer.replace(Some(timer));
        drop(before);
    }

    fn disarm(&self) {
        let before = self.timer.take();
        drop(before);
    }

    fn watch(&self, all: bool) -> u32 {
        self.watches.set(all);
        // Chromium (156) asks who listens to a window in their order, captures or not.
        if let Some(uplink) = &self.settings.uplink {
            Rc::clone(uplink).watch(self);
        }
        let core = Weak::clone(&self.core);
        let watch = Watch::new(all, move |page| {
            if let Some(core) = core.upgrade() {
                core.call(Call::Page(page));
            }
        });
        let Page { hidden, offline } = page::now();
        self.watch.replace(Some(watch));
        let bit = |set: bool, bit| if all && set { bit } else { 0 };
        bit(hidden, begins::HIDDEN) | bit(offline, begins::OFFLINE)
    }

    fn dispose(&self, code: u16) {
        self.closed.set(true);
        self.watches.set(false);
        self.disarm();
        drop(self.losses.take());
        drop(self.watch.take());
        if let Some(uplink) = &self.settings.uplink {
            uplink.end();
        }
        self.drop(code);
        let kept = self.kept.take();
        drop(kept);
    }

    fn monotonic() -> f64 {
        page::monotonic()
    }

    fn wall() -> f64 {
        page::wall()
    }

    fn random() -> f64 {
        page::random()
    }
}

impl Port {
    fn succeed(&self, open: Open, head: Option<Outgoing>) {
        let attempt = open.attempt;
        let before = self.successor.replace(Some(open));
        drop(before);
        if let Some(uplink) = &self.settings.uplink {
            uplink.began(self, attempt);
        }
        if let Some(head) = head {
            self.streams(attempt, head);
        }
        if self.current.borrow().is_none() {
            self.switch(true);
        }
    }

    /// Those of connections that are over.
    fn end_handshakes(&self) {
        if let Some(shake) = &self.settings.handshake {
            shake.end(self);
        }
    }

    fn forget(&self) {
        if let Some(decode) = &self.settings.decode {
            decode.forget();
        }
    }
}
