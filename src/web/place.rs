//! The place in the stream that is stored for the next page, in the names and the form of the JavaScript client: a page that moves
//! from one to the other goes on. When it is written, and by whom, is ruled by `src/core/place.rs`; here are the storage, the lock and
//! the JSON: `[id, number, epoch, fingerprint, page, owner]`. `page` is of a stream that is over: which page told its client so.

use std::{
    cell::{Cell, RefCell},
    fmt::Write as _,
    rc::{Rc, Weak},
};

use serde_json::value::RawValue;

use super::{
    Core, json,
    lock::{Granted, Want},
    page::{self, Leaving, Lock},
    per_page::{Parting, PerPage},
    port::Port,
};
use crate::{
    calls::Call,
    client::{Kept, Stored, places_of, plain},
    core::{
        io::Fate,
        place::{Facts, Write, write},
        resume::Id,
    },
    error::{OptionError, StorageError},
};

/// Where a message stands in the stream of its client.
#[derive(Debug)]
pub(crate) struct Stand {
    client: Rc<()>,
    turn: u64,
    id: Rc<str>,
    number: Option<u64>,
    epoch: String,
    /// What the core compares, and the secret of the page that it was made with.
    print: Option<(u64, u64)>,
}

/// What a port knows of it: a client that stores nothing has none, and its app none of the code.
pub(crate) trait Places {
    /// Before the app has it: from here on it can be done with.
    fn stand(&self, port: &Port) -> Rc<Stand>;
    /// The app has taken it off the stream.
    fn pulled(&self, stand: &Rc<Stand>);
    /// False for what it cannot be done with.
    fn commit(&self, stand: &Rc<Stand>) -> bool;
    /// The core wants it written; or another page has been asked for it, and keeps it.
    fn due(&self);
    fn end(&self, fate: Fate);
    /// An earlier page saw the end of the stream.
    fn is_over(&self) -> bool;
}

/// What is asked of the client, and told to it.
pub(crate) struct Around {
    pub(crate) core: Weak<Core>,
    /// Whether a message waits for the app.
    pub(crate) waits: Box<dyn Fn() -> bool>,
    pub(crate) tell: Box<dyn Fn(StorageError)>,
}

struct Progress {
    me: Weak<Self>,
    core: Weak<Core>,
    waits: Box<dyn Fn() -> bool>,
    storage: Kept,
    key: String,
    /// By commits alone.
    manual: bool,
    client: Rc<()>,
    page: Rc<PerPage>,
    /// Whether pages can tell each other that they live.
    locks: bool,
    turn: Cell<u64>,
    done: Cell<u64>,
    place: RefCell<Option<Rc<Stand>>>,
    /// Not written yet.
    fresh: Cell<bool>,
    ended: Cell<bool>,
    fate: Cell<Fate>,
    over: Cell<bool>,
    /// Held while the client lives. A page in the back/forward cache holds none: the one after it takes the place over.
    lives: RefCell<Option<Lock>>,
    /// Of the owner of what is stored, while it is asked for.
    claim: RefCell<Option<Lock>>,
    claims: Cell<bool>,
    /// The owner of what is stored, which is not there.
    gone: RefCell<Option<String>>,
    leaving: RefCell<Option<Leaving>>,
}

/// The endpoints, and whether a function gives one.
pub(crate) struct Fixed {
    pub(crate) addresses: Vec<String>,
    pub(crate) function: bool,
}

/// What is stored, whatever the order of the endpoints. A function counts, but nothing of it.
fn name_of(key: &str, Fixed { addresses, function }: &Fixed) -> String {
    let mut fixed: Vec<String> = addresses.iter().map(|address| plain(address)).collect();
    fixed.sort();
    if *function {
        fixed.push(String::new());
    }
    places_of(key) + &fixed.join(" ")
}

/// Begins where an earlier page left off; where it did not, at `from`.
///
/// # Errors
///
/// Another client of this page is there.
pub(crate) fn begin(
    stored: &Stored,
    manual: bool,
    fixed: &Fixed,
    around: Around,
    from: &str,
) -> Result<Rc<dyn Places>, OptionError> {
    let key = name_of(&stored.key, fixed);
    let page = page::per_page();
    if !page.take(&key) {
        let problem = "is another client's of this page: give each stream its own";
        return Err(OptionError { option: "resume.key", problem });
    }
    let Around { core, waits, tell } = around;
    let progress = Rc::new_cyclic(|me: &Weak<Progress>| {
        let teller = Weak::clone(me);
        Progress {
            me: Weak::clone(me),
            core: Weak::clone(&core),
            waits,
            storage: Kept::new(&stored.storage, tell),
            key,
            manual,
            client: Rc::new(()),
            page,
            locks: page::has_locks(),
            turn: Cell::new(0),
            done: Cell::new(0),
            place: RefCell::default(),
            fresh: Cell::new(false),
            ended: Cell::new(false),
            fate: Cell::new(Fate::Kept),
            over: Cell::new(false),
            lives: RefCell::default(),
            claim: RefCell::default(),
            claims: Cell::new(false),
            gone: RefCell::default(),
            leaving: RefCell::new(Some(Leaving::new(move |parting| {
                if let Some(progress) = teller.upgrade() {
                    progress.leaves(parting);
                }
            }))),
        }
    });
    progress.hold();
    let port = core.upgrade();
    if let Some(port) = port.as_ref().map(|core| core.port())
        && !progress.read(port)
        && !from.is_empty()
    {
        port.start(from);
    }
    Ok(progress)
}

impl Progress {
    /// While it lives. The lock may be over before it is granted.
    fn hold(&self) {
        if self.locks {
            let lock = Lock::ask(self.page.owner(), Want::Shared, |_| {});
            self.lives.replace(Some(lock));
        }
    }

    fn let_go(&self) {
        let lock = self.lives.take();
        drop(lock);
    }

    fn leaves(&self, parting: Parting) {
        match parting {
            Parting::Left => {
                self.write(false, self.get());
                self.let_go();
            }
            Parting::Back => self.hold(),
            Parting::Seen => self.write(false, self.get()),
        }
    }

    /// None: it is not known. An empty one: nothing is stored.
    fn get(&self) -> Option<Option<String>> {
        self.storage.get(&self.key)
    }

    /// Whether an earlier page left something.
    fn read(&self, port: &Port) -> bool {
        let Some(Some(text)) = self.get() else { return false };
        let Some(parts) = parts(&text) else { return false };
        self.write(false, Some(Some(text.clone())));
        let raw = |at: usize| parts.get(at).map_or("null", |part| part.get());
        if raw(4) == page::began() {
            self.storage.set(&self.key, "[]");
            return false;
        }
        let Some(id) = parts.first().and_then(|id| text_of(id)) else { return false };
        self.over.set(raw(4).starts_with(|c: char| c == '-' || c.is_ascii_digit()));
        let number = number_of(raw(1));
        let epoch = parts.get(2).and_then(|epoch| text_of(epoch)).unwrap_or_default();
        let print = parts.get(3).and_then(|print| print_of(print.get()));
        port.start_at(&id, number, epoch.clone(), print);
        let client = Rc::clone(&self.client);
        self.place.replace(Some(Rc::new(Stand { client, turn: 0, id: id.into(), number, epoch, print })));
        true
    }

    fn advance(&self, stand: &Rc<Stand>) {
        let fresh = self.fresh.replace(true);
        self.done.set(stand.turn);
        self.place.replace(Some(Rc::clone(stand)));
        if self.ended.get() {
            self.write(false, self.get());
        } else if !fresh && !self.claims.get() {
            self.call(Call::PlaceDue { claim: false });
        }
    }

    fn call(&self, call: Call) {
        if let Some(core) = self.core.upgrade() {
            core.call(call);
        }
    }

    fn write(&self, ends: bool, text: Option<Option<String>>) {
        let stored = text.as_ref().and_then(Option::as_deref);
        let other = stored.and_then(parts).and_then(|parts| text_of(parts.get(5)?));
        let gone = self.gone.borrow().clone();
        let foreign = self.locks
            && other.as_ref().is_some_and(|other| other != self.page.owner() && gone.as_ref() != Some(other));
        let fate = self.fate.get();
        let verdict = write(Facts {
            fresh: self.fresh.get(),
            through: !(self.waits)() && (!self.manual || self.done.get() == self.turn.get()),
            over: fate == Fate::Over,
            gone: fate == Fate::Gone,
            ends,
            ended: self.ended.get(),
            rival: self.page.is_taken(&self.key),
            empty: text == Some(None),
            foreign,
        });
        let line = match verdict {
            Write::Nothing => return,
            Write::Claim => return self.claim(other.unwrap_or_default()),
            Write::Clear => "[]".to_owned(),
            Write::Place => self.line("null"),
            Write::End => self.line(&page::began()),
        };
        self.fresh.set(false);
        self.storage.set(&self.key, &line);
    }

    fn line(&self, page: &str) -> String {
        let place = self.place.borrow().clone();
        let mut line = match place {
            Some(place) => {
                let epoch =
                    if place.epoch.is_empty() { "null".to_owned() } else { json::quoted(&place.epoch) };
                format!(
                    "[{},{},{epoch},{}",
                    json::quoted(&place.id),
                    number(place.number),
                    print(place.print)
                )
            }
            None => r#"["",null,null,null"#.to_owned(),
        };
        // A String takes all.
        let _ = match self.locks {
            true => write!(line, ",{page},{}]", json::quoted(self.page.owner())),
            false => write!(line, ",{page},null]"),
        };
        line
    }

    /// What a client of another page or frame wrote is its own for as long as that one lives.
    fn claim(&self, other: String) {
        // Kept for so long, also where the app lets go of the client.
        let Some(core) = self.core.upgrade() else { return };
        core.call(Call::PlaceDue { claim: true });
        if self.claims.replace(true) {
            return;
        }
        let me = Weak::clone(&self.me);
        let name = other.clone();
        let lock = Lock::ask(&name, Want::Alone, move |granted| {
            let _core = core;
            let Some(progress) = me.upgrade() else { return };
            progress.claims.set(false);
            // Before what is written claims another one's.
            let lock = progress.claim.take();
            progress.gone.replace(Some(other));
            progress.write(false, progress.get());
            // It may come back. A browser that gives no lock says nothing of others.
            if granted == Granted::Held {
                progress.gone.take();
            }
            drop(lock);
        });
        self.claim.replace(Some(lock));
    }
}

impl Places for Progress {
    fn stand(&self, port: &Port) -> Rc<Stand> {
        self.turn.set(self.turn.get() + 1);
        let (id, number, epoch) = port.stands();
        // Of the message that moved the cursor, which may be an earlier one.
        let message = port.inbound.stands.borrow().clone();
        let print = match port.fingerprint_of(Some(&id), number, message.as_ref()) {
            Id::Own(print) => Some((print, port.key())),
            Id::None | Id::Reset => None,
        };
        Rc::new(Stand { client: Rc::clone(&self.client), turn: self.turn.get(), id, number, epoch, print })
    }

    fn pulled(&self, stand: &Rc<Stand>) {
        if !self.manual {
            self.advance(stand);
        }
    }

    fn commit(&self, stand: &Rc<Stand>) -> bool {
        let mine = self.manual && Rc::ptr_eq(&stand.client, &self.client);
        if mine && stand.turn > self.done.get() {
            self.advance(stand);
        }
        mine
    }

    fn due(&self) {
        if !self.claims.replace(false) {
            return self.write(false, self.get());
        }
        let lock = self.claim.take();
        drop(lock);
        self.storage.give_up(StorageError::Taken);
    }

    fn end(&self, fate: Fate) {
        self.fate.set(fate);
        self.page.leave(&self.key);
        self.write(true, self.get());
        self.let_go();
        self.ended.set(true);
        let leaving = self.leaving.take();
        drop(leaving);
    }

    fn is_over(&self) -> bool {
        self.over.get()
    }
}

impl Drop for Progress {
    /// Of a client that was never made.
    fn drop(&mut self) {
        if !self.ended.get() {
            self.page.leave(&self.key);
        }
    }
}

fn parts(text: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(text).ok()
}

fn text_of(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

/// A sequence number below 10^19, as JavaScript writes it: as a text where no double holds it.
fn number_of(raw: &str) -> Option<u64> {
    let digits = raw.trim_matches('"');
    let plain = digits.len() <= 19 && digits.bytes().all(|digit| digit.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

fn number(number: Option<u64>) -> String {
    match number {
        Some(number) if number < 1 << 53 => number.to_string(),
        Some(number) => format!("\"{number}\""),
        None => "null".to_owned(),
    }
}

/// Four numbers: JavaScript's has three, as it compares otherwise.
fn print_of(raw: &str) -> Option<(u64, u64)> {
    let [high, low, upper, lower]: [u32; 4] = serde_json::from_str(raw).ok()?;
    Some((u64::from(high) << 32 | u64::from(low), u64::from(upper) << 32 | u64::from(lower)))
}

fn print(print: Option<(u64, u64)>) -> String {
    let halves = |whole: u64| ((whole >> 32) as u32, whole as u32);
    print.map_or_else(
        || "null".to_owned(),
        |(print, key)| {
            let ((high, low), (upper, lower)) = (halves(print), halves(key));
            format!("[{high},{low},{upper},{lower}]")
        },
    )
}
