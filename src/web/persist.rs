//! The part of the outbox that outlives its page, in the names and the form of the JavaScript client. Whose it is, in which order it is
//! sent and when it is forgotten, is ruled by `src/core/persist.rs`; here are the storage, the locks and the JSON.
//!
//! One entry for each message, under `everwire-outbox KEY` newline `TAB` newline `NUMBER`, so that one costs no more than itself:
//! `{"message","priority","expires","ack"}`. What is no JSON is a text in it. The last one JavaScript does not have: there the message
//! carries the id of its ack itself.

use std::{
    cell::{Cell, RefCell},
    rc::{Rc, Weak},
};

use serde_json::value::RawValue;

use super::{
    Core,
    installed::Keeps,
    json,
    link::Data,
    lock::{Granted, Want},
    page::{self, Lock},
    per_page::fresh_id,
    table::Table,
};
use crate::{
    Sent,
    calls::Call,
    client::{Kept, Persist, SendOptions, Sending, Slot, outbox_of},
    core::{outbox::Awaits, persist::Step},
    error::{OptionError, StorageError},
    send::Dropped,
};

/// The core takes this time for none.
const NEVER: f64 = 9_007_199_254_740_992.0;

/// One that never was sent.
pub(crate) type Discard = Box<dyn Fn(&Slot<Sent>, Dropped)>;

/// What is asked of the client, and told to it.
pub(crate) struct Outside {
    pub(crate) core: Weak<Core>,
    /// A send that is settled so; its number is the answer.
    pub(crate) post: Box<dyn Fn(Slot<Sent>) -> u32>,
    pub(crate) drop: Discard,
    /// For the app.
    pub(crate) sending: Box<dyn Fn(u32, Slot<Sent>) -> Sending>,
    pub(crate) tell: Box<dyn Fn(StorageError)>,
}

struct Message {
    text: Rc<str>,
    ack: String,
    priority: bool,
    /// Under which it is stored.
    name: Option<String>,
    slot: Slot<Sent>,
    /// Its number in the outbox, once it is there.
    out: Option<u32>,
}

struct Keeper {
    me: Weak<Self>,
    prefix: String,
    persist: Persist,
    storage: Kept,
    core: Weak<Core>,
    post: Box<dyn Fn(Slot<Sent>) -> u32>,
    drop: Discard,
    sending: Box<dyn Fn(u32, Slot<Sent>) -> Sending>,
    /// By the numbers that the core has for them; the first is this one.
    tabs: RefCell<Vec<String>>,
    locks: RefCell<Table<u32, Lock>>,
    kept: RefCell<Table<u32, Message>>,
    last: Cell<u32>,
    /// The names of what was there at the start, by tab. Read once: there may be thousands.
    left: RefCell<Table<String, Vec<String>>>,
    heard: RefCell<Option<page::Stored>>,
    ended: Cell<bool>,
}

/// Nothing is asked of the core before [`Keeps`] is the port's: this only prepares it.
///
/// # Errors
///
/// There are no locks.
pub(crate) fn begin(persist: Persist, outside: Outside) -> Result<Rc<dyn Keeps>, OptionError> {
    if !page::has_locks() {
        let problem = "needs Web Locks, which a page has over https: and on localhost";
        return Err(OptionError { option: "outbox.persist", problem });
    }
    let Outside { core, post, drop, sending, tell } = outside;
    let keeper = Rc::new_cyclic(|me: &Weak<Keeper>| Keeper {
        me: Weak::clone(me),
        prefix: outbox_of(&persist.key),
        storage: Kept::new(&persist.storage, tell),
        persist,
        core,
        post,
        drop,
        sending,
        tabs: RefCell::new(vec![fresh_id()]),
        locks: RefCell::default(),
        kept: RefCell::default(),
        last: Cell::new(0),
        left: RefCell::default(),
        heard: RefCell::default(),
        ended: Cell::new(false),
    });
    Ok(keeper)
}

impl Keeps for Keeper {
    fn start(&self) {
        // Held for life.
        let lock = Lock::ask(&self.lock_of(0), Want::Alone, |_| {});
        self.locks.borrow_mut().insert(0, lock);
        let left = self.names();
        let tabs: Vec<String> = left.keys().cloned().collect();
        self.left.replace(left);
        for tab in tabs {
            self.found(&tab);
        }
        self.call(Call::Unlocked { tab: 0 });
        let me = Weak::clone(&self.me);
        let heard = page::Stored::new(move |name| {
            if let Some(keeper) = me.upgrade()
                && let Some(tab) = keeper.tab_of(name)
            {
                keeper.found(tab);
            }
        });
        self.heard.replace(Some(heard));
    }

    fn send(&self, text: &str, ack: &str, options: &SendOptions) -> (u32, Slot<Sent>) {
        let slot = Slot::default();
        let message = Message {
            text: text.into(),
            ack: ack.to_owned(),
            priority: options.priority,
            name: None,
            slot: slot.clone(),
            out: None,
        };
        let id = self.number(message);
        self.call(Call::Keep { id, ttl: options.ttl.unwrap_or(u64::MAX) });
        (id, slot)
    }

    fn abort(&self, id: u32) {
        let out = self.kept.borrow().get(&id).map(|message| message.out);
        match out {
            None => {}
            Some(Some(out)) => drop(self.call(Call::Abort { id: out })),
            Some(None) => {
                self.call(Call::Done { id });
                let message = self.kept.borrow_mut().remove(&id);
                if let Some(message) = message {
                    (self.drop)(&message.slot, Dropped::Aborted);
                }
            }
        }
    }

    fn has(&self, ack: &str) -> bool {
        self.kept.borrow().values().any(|message| message.out.is_none() && message.ack == ack)
    }

    fn step(&self, step: Step) {
        match step {
            Step::Lock { tab, waits } => self.ask(tab, waits),
            Step::Store { id, number, expires } => self.store(id, number, expires),
            Step::Forget { id, expired } => {
                let name = self.kept.borrow_mut().get_mut(&id).and_then(|message| message.name.take());
                self.remove(name);
                if expired {
                    let message = self.kept.borrow_mut().remove(&id);
                    if let Some(message) = message {
                        (self.drop)(&message.slot, Dropped::Expired);
                    }
                }
            }
            Step::Hand { id, ttl } => self.hand(id, ttl),
        }
    }

    fn settled(&self, id: u32) {
        let of = |(_, message): &(&u32, &Message)| message.out == Some(id);
        let found = self.kept.borrow().iter().find(of).map(|(number, _)| *number);
        if let Some(number) = found {
            // By this the core asks for what is to be removed.
            self.call(Call::Done { id: number });
            let message = self.kept.borrow_mut().remove(&number);
            drop(message);
        }
    }

    fn end(&self) {
        self.ended.set(true);
        let heard = self.heard.take();
        drop(heard);
        let locks = self.locks.take();
        drop(locks);
        let kept = self.kept.take();
        for message in kept.values().filter(|message| message.out.is_none()) {
            (self.drop)(&message.slot, Dropped::Closed);
        }
    }
}

impl Keeper {
    fn call(&self, call: Call) -> u32 {
        self.core.upgrade().map_or(0, |core| core.call(call))
    }

    fn number(&self, message: Message) -> u32 {
        let id = self.last.get();
        self.last.set(id.wrapping_add(1));
        self.kept.borrow_mut().insert(id, message);
        id
    }

    fn tab(&self, tab: u32) -> String {
        self.tabs.borrow().get(tab as usize).cloned().unwrap_or_default()
    }

    fn lock_of(&self, tab: u32) -> String {
        format!("{}{}", self.prefix, self.tab(tab))
    }

    fn found(&self, tab: &str) {
        let number = {
            let mut tabs = self.tabs.borrow_mut();
            if tabs.iter().any(|other| other == tab) {
                return;
            }
            tabs.push(tab.to_owned());
            tabs.len() - 1
        };
        self.call(Call::Found { tab: number as u32 });
    }

    fn ask(&self, tab: u32, waits: bool) {
        let me = Weak::clone(&self.me);
        let want = if waits { Want::Alone } else { Want::IfFree };
        let lock = Lock::ask(&self.lock_of(tab), want, move |granted| {
            let Some(keeper) = me.upgrade() else { return };
            if granted == Granted::Held && keeper.call(Call::Locked { tab }) != 0 {
                keeper.take_over(&keeper.tab(tab));
            }
            // It may store more before it is asked about again.
            keeper.left.borrow_mut().remove(&keeper.tab(tab));
            let lock = keeper.locks.borrow_mut().remove(&tab);
            drop(lock);
            keeper.call(Call::Unlocked { tab });
        });
        let before = self.locks.borrow_mut().insert(tab, lock);
        drop(before);
    }

    fn take_over(&self, tab: &str) {
        let left = self.left.borrow_mut().remove(tab);
        let names = left.or_else(|| self.names().remove(tab)).unwrap_or_default();
        for name in names {
            let Some(text) = self.storage.get(&name) else { return };
            let Some(entry) = Entry::read(&text.unwrap_or_default()) else {
                // Torn, or somebody else's.
                self.remove(Some(name));
                continue;
            };
            let named = || json::at(&entry.text, &self.persist.id).as_ref().and_then(json::id_of);
            // Without an ack nobody would know when to forget it: who has another id in mind may take it.
            let Some(ack) = entry.ack.or_else(named) else { continue };
            let slot = Slot::default();
            let id = self.number(Message {
                text: entry.text.as_str().into(),
                ack,
                priority: entry.priority,
                name: Some(name),
                slot: slot.clone(),
                out: None,
            });
            if self.call(Call::Restored { id, expires: entry.expires }) == 0 {
                let message = self.kept.borrow_mut().remove(&id);
                return drop(message);
            }
            if let Some(restored) = &self.persist.restored {
                restored(&entry.text, (self.sending)(id, slot));
            }
        }
    }

    /// In the place of where it was.
    fn store(&self, id: u32, number: u64, expires: u64) {
        let name = format!("{}{}\n{number:012}", self.prefix, self.tab(0));
        let (text, old) = {
            let mut kept = self.kept.borrow_mut();
            let Some(message) = kept.get_mut(&id) else { return };
            (Entry::line(message, expires), message.name.replace(name.clone()))
        };
        self.storage.set(&name, &text);
        self.remove(old);
    }

    fn hand(&self, id: u32, ttl: u64) {
        let found = self.kept.borrow().get(&id).map(|message| {
            (Rc::clone(&message.text), message.ack.clone(), message.priority, message.slot.clone())
        });
        let (Some((text, ack, priority, slot)), Some(core)) = (found, self.core.upgrade()) else { return };
        let port = core.port();
        if port.awaiting(&ack).is_some() {
            // The same message, by its id, is out already, and its ack is for that one.
            core.call(Call::Done { id });
            let message = self.kept.borrow_mut().remove(&id);
            drop(message);
            return slot.set(Sent::Unknown);
        }
        let out = (self.post)(slot);
        if let Some(message) = self.kept.borrow_mut().get_mut(&id) {
            message.out = Some(out);
        }
        let bytes = text.len() as u64;
        port.keep(out, Data::Text(text), Some(ack));
        core.call(Call::Send { id: out, bytes, ttl, priority, volatile: false, awaits: Awaits::Ack });
    }

    fn remove(&self, name: Option<String>) {
        if let Some(name) = name {
            self.storage.remove(&name);
        }
    }

    /// The names of all that is kept for this key, by tab, in order.
    fn names(&self) -> Table<String, Vec<String>> {
        let mut names = self.storage.names();
        names.sort();
        let mut tabs = Table::<String, Vec<String>>::default();
        for name in names {
            let Some(tab) = self.tab_of(&name) else { continue };
            if !tabs.contains(tab) {
                tabs.insert(tab.to_owned(), Vec::new());
            }
            if let Some(of) = tabs.get_mut(self.tab_of(&name).unwrap_or_default()) {
                of.push(name);
            }
        }
        tabs
    }

    fn tab_of<'a>(&self, name: &'a str) -> Option<&'a str> {
        name.strip_prefix(&self.prefix)?.split('\n').next().filter(|tab| !tab.is_empty())
    }
}

/// What is stored of a message.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    text: String,
    ack: Option<String>,
    priority: bool,
    expires: u64,
}

impl Entry {
    /// What has another type is nothing that was written here.
    fn read(line: &str) -> Option<Self> {
        let message = json::member(line, "message")?;
        let text =
            if message.starts_with('"') { serde_json::from_str(message).ok()? } else { message.to_owned() };
        let priority = match json::member(line, "priority") {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return None,
        };
        let expires = match json::member(line, "expires") {
            None => NEVER,
            Some(number) => number.parse().ok().filter(|number: &f64| number.is_finite())?,
        };
        let ack = json::member(line, "ack").and_then(|ack| serde_json::from_str(ack).ok());
        Some(Self { text, ack, priority, expires: expires.clamp(0.0, NEVER) as u64 })
    }

    fn line(message: &Message, expires: u64) -> String {
        let text = &*message.text;
        let is_json = text.starts_with(['{', '[']) && serde_json::from_str::<&RawValue>(text).is_ok();
        let mut line =
            format!(r#"{{"message":{}"#, if is_json { text.to_owned() } else { json::quoted(text) });
        if message.priority {
            line.push_str(r#","priority":true"#);
        }
        if expires != u64::MAX {
            line.push_str(&format!(r#","expires":{expires}"#));
        }
        line.push_str(&format!(r#","ack":{}}}"#, json::quoted(&message.ack)));
        line
    }
}
