//! Requests that wait for their replies. What a reply is, how long there is time for it and what a loss means is the core's
//! (`src/core/requests.rs`).

use std::{cell::RefCell, collections::BTreeMap};

use serde_json::{Map, Value};

use super::{fingerprint::fingerprint, json, page, port::Port};
use crate::{
    Sent,
    calls::Call,
    client::{EncodeError, Message, RequestError, Requests, Slot},
    core::{outbox::Dropped, requests::Reply, seam::Id},
};

pub(crate) type Answer = Result<Message, RequestError>;

pub(crate) struct Asked {
    pub(crate) options: Requests,
    waiting: RefCell<Waiting>,
}

#[derive(Default)]
struct Waiting {
    /// By their ids: the reply, once it has come.
    replies: BTreeMap<String, Option<Message>>,
    sends: BTreeMap<u32, (String, Slot<Answer>)>,
    /// There was one: else no message need be looked at.
    any: bool,
}

impl Asked {
    pub(crate) fn new(options: Requests) -> Self {
        Self { options, waiting: RefCell::default() }
    }

    /// The request with its id, that id, and whether it is new.
    pub(crate) fn identify(&self, value: Value) -> Result<(String, String, bool), RequestError> {
        let problem = || RequestError::Encode(EncodeError);
        let Value::Object(mut map) = value else { return Err(problem()) };
        let given = map.get(&self.options.id).filter(|id| !id.is_null());
        let (id, fresh) = match given {
            Some(Value::String(id)) => (id.clone(), false),
            Some(Value::Number(id)) if id.is_i64() || id.is_u64() => (id.to_string(), false),
            Some(_) => return Err(problem()),
            None => (format!("{:x}-{:x}", page::secret(), page::secret()), true),
        };
        if fresh {
            map.insert(self.options.id.clone(), Value::String(id.clone()));
        }
        if self.waiting.borrow().replies.contains_key(&id) {
            return Err(RequestError::Duplicate);
        }
        Ok((text(map), id, fresh))
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

/// It was parsed, so it can be written.
fn text(map: Map<String, Value>) -> String {
    Value::Object(map).to_string()
}

impl Port {
    pub(crate) fn request_key(&self, id: &str) -> Option<u64> {
        match fingerprint(Some(id), false, None, false, self.key) {
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
        let found = message.text().and_then(|text| json::at(text, asked.options.reply_id()));
        let Some(id) = found.as_ref().and_then(json::id_of) else { return false };
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
