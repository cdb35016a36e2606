//! What all connections share: who is in which room, and what is said there.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use super::super::bots;
use super::super::log::{Logs, Reader};
use super::super::message::Say;
use super::super::ws::pong;
use super::session::Session;
use super::{NAME, short};

/// Further topics are refused, and further members.
const ROOMS: usize = 1_000;
const MEMBERS: usize = 500;
/// So many of a room's last ids are known.
const HORIZON: usize = 1_000;
/// A newcomer is shown so many.
const HISTORY: usize = 20;
const TEXT: usize = 4_000;
const ID: usize = 100;
const TYPING: Duration = Duration::from_millis(900);

/// What a client says.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", rename_all_fields = "camelCase")]
enum Said {
    Join {
        topic: String,
        last_event_id: Option<String>,
    },
    Leave {
        topic: String,
    },
    Chat {
        topic: String,
        #[serde(default)]
        from: String,
        text: String,
    },
    Typing {
        topic: String,
        #[serde(default)]
        from: String,
    },
    Read {
        topic: String,
        #[serde(default)]
        from: String,
        event_id: String,
    },
}

/// What a connection has to do, or to tell its client.
pub(in crate::app) enum Input {
    Join { topic: String, cursor: Option<String> },
    Leave { topic: String },
    Text(Arc<str>),
}

impl Input {
    fn say(what: &Say<'_>) -> Self {
        Self::Text(what.json().into())
    }
}

/// Why not.
type Refused = &'static str;

pub(in crate::app) struct Hub {
    logs: Arc<Logs>,
    rooms: Mutex<HashMap<String, Room>>,
    /// The sessions that are spoken to by POST.
    seats: Mutex<HashMap<String, (u64, mpsc::Sender<Input>)>>,
    serial: AtomicU64,
}

struct Room {
    members: Vec<Member>,
    /// Who said what id, the oldest first.
    known: VecDeque<(String, String)>,
    /// Only the last one matters, so it cannot be dropped.
    presence: watch::Sender<Arc<str>>,
}

struct Member {
    session: u64,
    name: String,
    inbox: mpsc::Sender<Input>,
}

impl Room {
    fn tell_presence(&self, topic: &str) {
        let who: BTreeSet<&str> = self.members.iter().map(|member| member.name.as_str()).collect();
        self.presence.send_replace(Say::Presence { topic, who }.json().into());
    }
}

fn is_topic(topic: &str) -> bool {
    (1..=32).contains(&topic.len())
        && topic.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn key(topic: &str) -> String {
    format!("room/{topic}")
}

fn room<'a>(rooms: &'a mut HashMap<String, Room>, logs: &Logs, topic: &str) -> Result<&'a mut Room, Refused> {
    if !is_topic(topic) {
        return Err("a topic is 1 to 32 of a to z, 0 to 9 and hyphens");
    }
    if (rooms.len() >= ROOMS && !rooms.contains_key(topic)) || !logs.admits(&key(topic)) {
        return Err("there are too many topics");
    }
    Ok(rooms.entry(topic.to_owned()).or_insert_with(|| Room {
        members: Vec::new(),
        known: known(logs, topic),
        presence: watch::Sender::new("".into()),
    }))
}

/// As the log has them, so that a restart forgets none.
fn known(logs: &Logs, topic: &str) -> VecDeque<(String, String)> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Logged {
        from: String,
        send_id: String,
    }
    let bodies = logs.bodies(&key(topic), HORIZON);
    let logged = bodies.iter().filter_map(|body| serde_json::from_str::<Logged>(body).ok());
    logged.map(|Logged { from, send_id }| (from, send_id)).collect()
}

impl Hub {
    pub(in crate::app) fn new(logs: Arc<Logs>) -> Self {
        Self { logs, rooms: Mutex::default(), seats: Mutex::default(), serial: AtomicU64::new(0) }
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<String, Room>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seats(&self) -> MutexGuard<'_, HashMap<String, (u64, mpsc::Sender<Input>)>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn serial(&self) -> u64 {
        self.serial.fetch_add(1, Ordering::Relaxed)
    }

    /// Lets POSTs with this name speak for the session.
    pub(super) fn seat(self: &Arc<Self>, name: &str, session: &Session) -> Seat {
        self.seats().insert(name.to_owned(), (session.id(), session.inbox()));
        Seat { hub: Arc::clone(self), name: name.to_owned(), session: session.id() }
    }

    pub(super) fn seated(&self, name: &str) -> Option<(u64, mpsc::Sender<Input>)> {
        self.seats().get(name).cloned()
    }

    /// Does what a client says. What its own connection has to do about it comes back.
    pub(super) fn take(&self, session: u64, message: Value) -> Vec<Input> {
        if let Some(pong) = pong(&message) {
            return vec![Input::Text(pong.into())];
        }
        let id = message.get("id").and_then(Value::as_str).map(str::to_owned);
        // What nobody here understands is for nobody here.
        let Ok(said) = serde_json::from_value::<Said>(message) else { return Vec::new() };
        let ack = id.iter().map(|id| Input::say(&Say::Ack { id }));
        match said {
            Said::Join { topic, last_event_id } => {
                let cursor = last_event_id.filter(|id| !id.is_empty());
                ack.chain([Input::Join { topic, cursor }]).collect()
            }
            Said::Leave { topic } => ack.chain([Input::Leave { topic }]).collect(),
            Said::Chat { topic, from, text } => match self.say(&topic, &from, &text, id.as_deref()) {
                Ok(()) => ack.collect(),
                Err(reason) => vec![refused(&topic, reason)],
            },
            Said::Typing { topic, from } => {
                self.tell(&topic, session, &Say::Typing { topic: &topic, from: &short(&from, NAME) });
                ack.collect()
            }
            Said::Read { topic, from, event_id } => {
                let (from, event_id) = (short(&from, NAME), short(&event_id, ID));
                self.tell(&topic, session, &Say::Read { topic: &topic, from: &from, event_id: &event_id });
                ack.collect()
            }
        }
    }

    /// Into the room's log, but for an id that came before.
    fn say(&self, topic: &str, from: &str, text: &str, id: Option<&str>) -> Result<(), Refused> {
        if text.len() > TEXT || id.is_some_and(|id| id.len() > ID) {
            return Err("a text has at most 4 000 bytes, and an id 100");
        }
        let from = &short(from, NAME);
        let mut rooms = self.rooms();
        let room = room(&mut rooms, &self.logs, topic)?;
        if let Some(id) = id {
            let new = (from.clone(), id.to_owned());
            if room.known.contains(&new) {
                return Ok(());
            }
            room.known.push_back(new);
            if room.known.len() > HORIZON {
                room.known.pop_front();
            }
        }
        let said = |seq, event_id: &str| {
            Say::Chat { topic: Some(topic), event_id, seq, from, text, send_id: id }.json()
        };
        self.logs.append(&key(topic), said);
        Ok(())
    }

    /// Tells all others in the room.
    fn tell(&self, topic: &str, session: u64, what: &Say<'_>) {
        let text: Arc<str> = what.json().into();
        let rooms = self.rooms();
        let members = rooms.get(topic).into_iter().flat_map(|room| &room.members);
        for member in members.filter(|member| member.session != session) {
            let _ = member.inbox.try_send(Input::Text(Arc::clone(&text)));
        }
    }

    pub(super) fn join(
        self: &Arc<Self>,
        topic: &str,
        session: u64,
        name: &str,
        inbox: mpsc::Sender<Input>,
    ) -> Result<Membership, Refused> {
        let mut rooms = self.rooms();
        let room = room(&mut rooms, &self.logs, topic)?;
        if room.members.len() >= MEMBERS {
            return Err("the room is full");
        }
        room.members.push(Member { session, name: name.to_owned(), inbox });
        room.tell_presence(topic);
        let mut presence = room.presence.subscribe();
        presence.mark_changed();
        Ok(Membership { hub: Arc::clone(self), topic: topic.to_owned(), session, presence })
    }

    /// From the cursor on, or the last few for a newcomer.
    pub(super) fn read(&self, topic: &str, cursor: Option<&str>) -> Reader {
        match cursor {
            Some(cursor) => self.logs.read_from_cursor(&key(topic), cursor),
            None => self.logs.read_last(&key(topic), HISTORY),
        }
    }

    /// What the bots do in a room: they read, type, and talk.
    pub(super) async fn bots(self: Arc<Self>, topic: String) {
        // Nobody listens to what is told them.
        let (inbox, _) = mpsc::channel(1);
        let session = self.serial();
        let _members = bots::CAST.map(|name| self.join(&topic, session, name, inbox.clone()));
        for (from, text) in bots::lines(&topic).into_iter().cycle() {
            sleep(bots::PAUSE - TYPING).await;
            if let Some(event_id) = &self.logs.last_id(&key(&topic)) {
                self.tell(&topic, session, &Say::Read { topic: &topic, from, event_id });
            }
            self.tell(&topic, session, &Say::Typing { topic: &topic, from });
            sleep(TYPING).await;
            let _ = self.say(&topic, from, text, None);
        }
    }
}

pub(super) fn refused(topic: &str, reason: Refused) -> Input {
    Input::say(&Say::Refused { topic: &short(topic, ID), reason })
}

/// A place in a room, until it is dropped.
pub(super) struct Membership {
    hub: Arc<Hub>,
    topic: String,
    session: u64,
    pub(super) presence: watch::Receiver<Arc<str>>,
}

impl Drop for Membership {
    fn drop(&mut self) {
        if let Some(room) = self.hub.rooms().get_mut(&self.topic) {
            if let Some(at) = room.members.iter().position(|member| member.session == self.session) {
                room.members.remove(at);
            }
            room.tell_presence(&self.topic);
        }
    }
}

/// The right of POSTs to speak for a session, until it is dropped.
pub(super) struct Seat {
    hub: Arc<Hub>,
    name: String,
    session: u64,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.hub.seats();
        if seats.get(&self.name).is_some_and(|(session, _)| *session == self.session) {
            seats.remove(&self.name);
        }
    }
}
