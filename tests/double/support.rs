//! A page, a client in it, and what the client has told.

use std::time::Duration;

use everwire::{
    Builder, Client, Event, Handle,
    event::{Closed, Gap, Retry},
    options::{Jitter, Reconnect},
    test_util::{Attempt, Connection, Page},
};

pub(crate) const WS: &str = "wss://example.com/live";
pub(crate) const SSE: &str = "https://example.com/live";

/// The delays are what the options say.
pub(crate) const EVEN: Reconnect = Reconnect::new().with_jitter(Jitter::None);

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn millis(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) fn web_socket() -> Builder {
    Client::builder(WS).reconnect(EVEN)
}

pub(crate) fn fetch() -> Builder {
    Client::builder(SSE).reconnect(EVEN)
}

pub(crate) struct Live {
    // Before the page, as it is over with that.
    pub(crate) client: Client,
    pub(crate) page: Page,
    pub(crate) seen: Vec<Event>,
}

impl Live {
    pub(crate) fn new(builder: Builder) -> Self {
        Self::on(Page::new(), builder)
    }

    pub(crate) fn on(page: Page, builder: Builder) -> Self {
        Self { client: builder.connect().unwrap(), page, seen: Vec::new() }
    }

    pub(crate) fn handle(&self) -> Handle {
        self.client.handle()
    }

    pub(crate) fn attempt(&self) -> Attempt {
        self.page.next_attempt().expect("no connection is asked for")
    }

    /// The next one, after the delay.
    pub(crate) fn retry(&self) -> Attempt {
        self.page.wait_for_attempt().unwrap()
    }

    pub(crate) fn accept(&self) -> Connection {
        self.attempt().accept()
    }

    /// What it has told since this was asked last, and all that since the beginning in `seen`.
    pub(crate) fn events(&mut self) -> Vec<Event> {
        let events = self.page.events(&mut self.client);
        self.seen.extend(events.iter().cloned());
        events
    }

    /// The same in words.
    pub(crate) fn labels(&mut self) -> Vec<String> {
        self.events().iter().map(label).collect()
    }

    pub(crate) fn texts(&mut self) -> Vec<String> {
        let events = self.events();
        events.iter().filter_map(|event| Some(message(event)?.text()?.to_owned())).collect()
    }

    pub(crate) fn gaps(&mut self) -> Vec<Gap> {
        let events = self.events();
        events
            .into_iter()
            .filter_map(|event| if let Event::Gap(gap) = event { Some(gap) } else { None })
            .collect()
    }

    pub(crate) fn retries(&mut self) -> Vec<Retry> {
        let events = self.events();
        events
            .into_iter()
            .filter_map(|event| if let Event::Retry(retry) = event { Some(retry) } else { None })
            .collect()
    }

    pub(crate) fn closed(&mut self) -> Closed {
        match self.events().pop() {
            Some(Event::Closed(closed)) => closed,
            last => panic!("not closed: {last:?}"),
        }
    }
}

pub(crate) fn message(event: &Event) -> Option<&everwire::Message> {
    if let Event::Message(message) = event { Some(message) } else { None }
}

pub(crate) fn label(event: &Event) -> String {
    match event {
        Event::Open(_) => "open".to_owned(),
        Event::Message(message) => format!("message {}", message.text().unwrap_or_default()),
        Event::Gap(gap) => format!("gap {:?} after {:?} before {:?}", gap.outcome, gap.after, gap.before),
        Event::State(state) => format!("state {state:?}"),
        Event::Retry(retry) => format!("retry {} in {:?}: {:?}", retry.attempt, retry.delay, retry.failure),
        Event::Overflow { missed } => format!("overflow {missed}"),
        Event::Closed(closed) => format!("closed {:?}", closed.reason),
        other => format!("{other:?}"),
    }
}
