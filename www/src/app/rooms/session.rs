//! One connection: the rooms that it is in, and how far it has read in each.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use futures_util::FutureExt;
use tokio::sync::mpsc;

use super::super::App;
use super::super::bots::Bot;
use super::super::log::{Item, Reader};
use super::super::message::Say;
use super::hub::{Hub, Input, Membership, refused};

const TOPICS: usize = 16;

pub(super) struct Session {
    app: Arc<App>,
    id: u64,
    name: String,
    bot: bool,
    inbox: mpsc::Sender<Input>,
    rooms: Vec<Joined>,
}

struct Joined {
    topic: String,
    reader: Reader,
    membership: Membership,
    _bot: Option<Bot>,
}

impl Joined {
    /// Waits for what comes next. Dropping it before it is ready takes nothing.
    async fn next(&mut self) -> Vec<String> {
        let topic = &self.topic;
        let text = |item| match item {
            Item::Entry { body, .. } => body.to_string(),
            Item::Gap(_) => Say::TopicGap { topic }.json(),
        };
        tokio::select! {
            // What was said first, as who is there may change at any time.
            biased;
            items = self.reader.next() => items.into_iter().map(text).collect(),
            Ok(()) = self.membership.presence.changed() => {
                vec![self.membership.presence.borrow_and_update().to_string()]
            }
        }
    }
}

impl Session {
    pub(super) fn new(app: Arc<App>, name: String, bot: bool, inbox: mpsc::Sender<Input>) -> Self {
        let id = app.rooms.serial();
        Self { app, id, name, bot, inbox, rooms: Vec::new() }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn hub(&self) -> &Arc<Hub> {
        &self.app.rooms
    }

    pub(super) fn inbox(&self) -> mpsc::Sender<Input> {
        self.inbox.clone()
    }

    /// What the client is to be told at once, behind what the rooms have said until now.
    pub(super) fn take_in_turn(&mut self, inputs: impl IntoIterator<Item = Input>) -> Vec<String> {
        let said = self.rooms.iter_mut().filter_map(|room| room.next().now_or_never());
        let mut texts: Vec<String> = said.flatten().collect();
        texts.extend(inputs.into_iter().flat_map(|input| self.take(input)));
        texts
    }

    fn take(&mut self, input: Input) -> Vec<String> {
        match input {
            Input::Text(text) => vec![text.to_string()],
            Input::Leave { topic } => {
                self.rooms.retain(|joined| joined.topic != topic);
                Vec::new()
            }
            Input::Join { topic, cursor } => match self.join(&topic, cursor.as_deref()) {
                Ok(()) => vec![Say::Joined { topic: &topic }.json()],
                Err(input) => self.take(input),
            },
        }
    }

    /// What the room has to say comes by `next`. A second join begins at its cursor.
    fn join(&mut self, topic: &str, cursor: Option<&str>) -> Result<(), Input> {
        let hub = Arc::clone(self.hub());
        if let Some(joined) = self.rooms.iter_mut().find(|joined| joined.topic == topic) {
            joined.reader = hub.read(topic, cursor);
            joined.membership.presence.mark_changed();
            return Ok(());
        }
        if self.rooms.len() >= TOPICS {
            return Err(refused(topic, "a connection can be in 16 rooms"));
        }
        let membership =
            hub.join(topic, self.id, &self.name, self.inbox()).map_err(|reason| refused(topic, reason))?;
        let bot = self
            .bot
            .then(|| self.app.bots.wanted(&format!("room/{topic}"), Arc::clone(&hub).bots(topic.to_owned())));
        let reader = hub.read(topic, cursor);
        self.rooms.push(Joined { topic: topic.to_owned(), reader, membership, _bot: bot });
        Ok(())
    }

    /// Waits for what is said in any of the rooms. Dropping it before it is ready takes nothing.
    pub(super) async fn next(&mut self) -> Vec<String> {
        if !self.rooms.is_empty() {
            // Each has its turn, so that none that never stops keeps the others from it.
            self.rooms.rotate_left(1);
        }
        let mut rooms: Vec<_> = self.rooms.iter_mut().map(|room| Box::pin(room.next())).collect();
        poll_fn(|context| {
            let first = rooms.iter_mut().map(|room| room.as_mut().poll(context)).find(Poll::is_ready);
            first.unwrap_or(Poll::Pending)
        })
        .await
    }
}
