//! A client read by a task of its own, and what it told.

use std::{
    cell::{Ref, RefCell},
    rc::Rc,
};

use everwire::{
    Client, Event, Handle,
    event::{Closed, Gap, Retry},
};
use serde::Deserialize;
use wasm_bindgen_futures::spawn_local;

use super::wait::{holds, timed};

#[derive(Default)]
pub(crate) struct Seen {
    /// All but the numbered messages, in order; see [`label`].
    pub(crate) labels: Vec<String>,
    /// The numbers of the messages that have one.
    pub(crate) numbers: Vec<u64>,
    pub(crate) opens: usize,
    pub(crate) retries: Vec<Retry>,
    pub(crate) gaps: Vec<Gap>,
    pub(crate) closed: Option<Closed>,
}

impl Seen {
    pub(crate) fn last(&self) -> u64 {
        self.numbers.last().copied().unwrap_or(0)
    }

    pub(crate) fn texts(&self) -> Vec<&str> {
        self.labels.iter().filter_map(|label| label.strip_prefix("message ")).collect()
    }
}

/// Closes its client when dropped.
pub(crate) struct Record {
    seen: Rc<RefCell<Seen>>,
    pub(crate) handle: Handle,
}

impl Record {
    pub(crate) fn of(mut wire: Client) -> Self {
        let handle = wire.handle();
        let seen = Rc::<RefCell<Seen>>::default();
        let to = Rc::clone(&seen);
        spawn_local(async move {
            while let Some(event) = wire.next().await {
                note(&mut to.borrow_mut(), event);
            }
        });
        Self { seen, handle }
    }

    pub(crate) fn seen(&self) -> Ref<'_, Seen> {
        self.seen.borrow()
    }

    pub(crate) async fn until(&self, what: &str, condition: impl Fn(&Seen) -> bool) {
        if timed(holds(async || condition(&self.seen()))).await.is_none() {
            // A panic unwinds nothing here: a borrow that it held would be held for ever.
            let so_far = {
                let seen = self.seen();
                let labels = &seen.labels[seen.labels.len().saturating_sub(12)..];
                format!("{} numbers up to {}, last {labels:?}", seen.numbers.len(), seen.last())
            };
            panic!("waited for {what}; {so_far}");
        }
    }

    /// Every number from 1 on, once and in order, and no word of a gap.
    pub(crate) fn assert_all(&self, to: u64) {
        let seen = self.seen();
        for (number, expected) in seen.numbers.iter().zip(1..) {
            assert_eq!(*number, expected, "out of order, missing or twice");
        }
        assert_eq!(seen.numbers.len() as u64, to, "messages");
        assert_eq!(seen.gaps, [], "gaps");
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.handle.close();
    }
}

#[derive(Deserialize)]
struct Numbered {
    seq: u64,
}

fn note(seen: &mut Seen, event: Event) {
    match &event {
        Event::Message(message) => {
            if let Ok(Numbered { seq }) = message.json() {
                return seen.numbers.push(seq);
            }
        }
        Event::Open(_) => seen.opens += 1,
        Event::Retry(retry) => seen.retries.push(retry.clone()),
        Event::Gap(gap) => seen.gaps.push(gap.clone()),
        Event::Closed(closed) => seen.closed = Some(closed.clone()),
        _ => {}
    }
    seen.labels.push(label(&event));
}

/// An event in a few words, so that an order of events is a list of strings.
pub(crate) fn label(event: &Event) -> String {
    match event {
        Event::Open(_) => "open".to_owned(),
        Event::Message(message) => format!("message {}", message.text().unwrap_or_default()),
        Event::Gap(gap) => format!("gap {:?} after {:?} before {:?}", gap.outcome, gap.after, gap.before),
        Event::State(state) => format!("state {state:?}"),
        Event::Retry(retry) => format!("retry {} {:?}", retry.attempt, retry.failure),
        Event::Overflow { missed } => format!("overflow {missed}"),
        Event::Closed(closed) => format!("closed {:?}", closed.reason),
        _ => "unknown".to_owned(),
    }
}
