//! Requests that wait for their replies. What a reply is, how long there is time for it and what a loss means is the core's
//! (`src/core/requests.rs`).

use std::cell::RefCell;

use super::{fingerprint::fingerprint, json, page, port::Port, table::Table};
use crate::{
    Sent,
    calls::Call,
    client::{EncodeError, Message, RequestError, RequestId, Requests, Slot},
    core::{outbox::Dropped, requests::Reply, resume::Id},
};

pub(crate) type Answer = Result<Message, RequestError>;

pub(crate) struct Asked {
    pub(crate) options: Requests,
    waiting: RefCell<Waiting>,
}

#[derive(Default)]
struct Waiting {
    /// By their ids: the reply, once it has come.
    replies: Table<String, Option<Message>>,
    sends: Table<u32, (String, Slot<Answer>)>,
    /// There was one: else no message need be looked at.
    any: bool,
}

impl Asked {
    pub(crate) fn new(options: Requests) -> Self {
        Self { options, waiting: RefCell::default() }
    }

    /// The request with its id, that id, and whether it is new. Under a path nothing is filled in.
    pub(crate) fn identify(&self, text: String) -> Result<(String, String, bool), RequestError> {
        let problem = || RequestError::Encode(EncodeError);
        let key = match &self.options.id {
            RequestId::At(key) => key,
            RequestId::By(id) => {
                let id = id(&text).filter(|id| !id.is_empty()).ok_or_else(problem)?;
                return self.alone(text, id, false);
            }
        };
        if !text.starts_with('{') {
            return Err(problem());
        }
        let path = key.contains('.');
        let found = json::at(&text, key).filter(|found| path || *found != json::Found::Null);
        let whole = |id: &String| id.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        let (text, id, fresh) = match found {
            Some(json::Found::Text(id)) => (text, id, false),
            Some(found @ json::Found::Number(_)) => {
                let id = json::id_of(&found).filter(whole).ok_or_else(problem)?;
                (text, id, false)
            }
            None if !path => {
                let id = format!("{:x}-{:x}", page::secret(), page::secret());
                (named(&text, key, &id), id, true)
            }
            _ => return Err(problem()),
        };
        self.alone(text, id, fresh)
    }

    /// Unless one with this id waits already.
    fn alone(&self, text: String, id: String, fresh: bool) -> Result<(String, String, bool), RequestError> {
        if self.waiting.borrow().replies.contains(&id) {
            return Err(RequestError::Duplicate);
        }
        Ok((text, id, fresh))
    }

    pub(crate) fn begin(&self, number: u32, id: String) -> Slot<Answer> {
        let slot = Slot::default();
        let mut waiting = self.waiting.borrow_mut();
        waiting.any = true;
        waiting.replies.insert(id.clone(), None);
        waiting.sends.insert(number, (id, slot.clone()));
        slot
    }
}

/// The object with this id: in the place of a null, or else in front.
fn named(text: &str, key: &str, id: &str) -> String {
    let id = json::quoted(id);
    if let Some(null) = json::member(text, key) {
        let at = null.as_ptr() as usize - text.as_ptr() as usize;
        if let (Some(before), Some(after)) = (text.get(..at), text.get(at + null.len()..)) {
            return format!("{before}{id}{after}");
        }
    }
    let rest = text.get(1..).unwrap_or_default();
    format!("{{{}:{id}{}{rest}", json::quoted(key), if rest == "}" { "" } else { "," })
}

impl Port {
    pub(crate) fn request_key(&self, id: &str) -> Option<u64> {
        match fingerprint(Some(id), false, None, false, self.key()) {
            Id::Own(key) => Some(key),
            Id::None | Id::Reset => None,
        }
    }

    /// Whether the message is a reply, in time or late.
    pub(super) fn replies(&self, message: &Message) -> bool {
        let asked = &self.asked_for;
        if !asked.waiting.borrow().any {
            return false;
        }
        let at = |path| message.text().and_then(|text| json::at(text, path)).as_ref().and_then(json::id_of);
        let found = match (&asked.options.reply_id, &asked.options.id) {
            (Some(reads), _) => reads.read(message),
            (None, RequestId::At(path)) => at(path),
            (None, RequestId::By(_)) => None,
        };
        let Some(id) = found else { return false };
        let Some(key) = self.request_key(&id) else { return false };
        // The core settles it while it is asked.
        if let Some(reply) = asked.waiting.borrow_mut().replies.get_mut(&id) {
            *reply = Some(message.clone());
        }
        let answer = self.call(Call::Replied { key });
        if answer < Reply::Awaited as u32
            && let Some(reply) = asked.waiting.borrow_mut().replies.get_mut(&id)
        {
            *reply = None;
        }
        answer > Reply::None as u32
    }

    /// Of a send that is a request: what became of it.
    pub(crate) fn request_settled(&self, number: u32, sent: Sent) -> bool {
        let asked = &self.asked_for;
        let done = {
            let mut waiting = asked.waiting.borrow_mut();
            let done = waiting.sends.remove(&number);
            done.map(|(id, slot)| (waiting.replies.remove(&id).flatten(), slot))
        };
        let Some((reply, slot)) = done else { return false };
        slot.set(match reply {
            Some(reply) if self.is_error(&reply) => Err(RequestError::Refused(reply)),
            Some(reply) => Ok(reply),
            None if self.closed() => Err(RequestError::Closed),
            None => Err(match sent {
                Sent::Dropped(Dropped::Expired) => RequestError::Timeout,
                Sent::Dropped(Dropped::Closed) => RequestError::Closed,
                Sent::Dropped(why) => RequestError::Dropped(why),
                _ => RequestError::Unknown,
            }),
        });
        true
    }

    /// The server may say so that too much goes up; such a message is delivered as any other.
    pub(super) fn slows(&self, message: &Message) {
        if self.settings.slow.as_ref().is_some_and(|slow| slow(message)) {
            self.call(Call::Slower);
        }
    }

    fn is_error(&self, reply: &Message) -> bool {
        let options = &self.asked_for.options;
        match &options.is_error {
            Some(is_error) => is_error(reply),
            None => {
                let found = reply.text().and_then(|text| json::at(text, &options.error));
                found.is_some_and(|found| found != json::Found::Null)
            }
        }
    }
}
