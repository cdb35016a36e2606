//! A stream that does not open may be held back on its way: the core says when (`src/core/buffered.rs`) the server is asked by a HEAD at
//! the same address.

use std::{cell::RefCell, rc::Weak};

use super::{
    answer::{is_answer, is_event_stream},
    link::Outgoing,
    page::{self, Target},
    port::Port,
    task::Task,
};
use crate::calls::Call;

/// The stream that was asked for last.
#[derive(Default)]
pub(crate) struct Asked(RefCell<Option<(u32, Outgoing)>>);

impl Port {
    /// What a HEAD would ask for, where it can stand for the stream's request.
    pub(super) fn head_of(&self, stream: &Outgoing) -> Option<Outgoing> {
        if !stream.method.as_deref().is_none_or(|method| matches!(method, "" | "GET")) {
            return None;
        }
        let target = Target::resolve(&stream.url)?;
        // With it, a server that runs for a HEAD what it runs for a GET would take this for a second stream in the first one's place.
        if let Some(name) = self.settings.uplink.as_ref().and_then(|uplink| uplink.name()) {
            target.delete_parameter(name);
        }
        let mut head = Outgoing::beside("HEAD", target.href(), stream.headers.clone(), false);
        (head.credentials, head.same_origin) = (stream.credentials, stream.same_origin);
        (head.redirect, head.content_type) = (stream.redirect, stream.content_type);
        Some(head)
    }

    pub(super) fn streams(&self, attempt: u32, head: Outgoing) {
        self.heads.0.replace(Some((attempt, head)));
        self.call(Call::Streaming { attempt });
    }

    /// The server is asked for the stream of this attempt, or of 0, not any more.
    pub(crate) fn head(&self, attempt: u32) {
        if attempt == 0 {
            return self.unaccompany();
        }
        let asked = self.heads.0.take().filter(|(of, _)| *of == attempt);
        let Some((_, head)) = asked else { return };
        let core = Weak::clone(&self.core);
        let task = Task::spawn(async move {
            let content_type = head.content_type;
            // What is no answer is the network, then, or not allowed, or redirected away. Another one than a stream's says nothing of it.
            let Ok(reply) = page::ask(head).await else { return };
            if is_answer(reply.status, None)
                && is_event_stream(&reply.content_type, content_type)
                && let Some(core) = core.upgrade()
            {
                core.call(Call::WouldStream { attempt });
            }
        });
        self.accompany(attempt, task);
    }
}
