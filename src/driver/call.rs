//! What the port and the app tell the driver.

use std::cell::RefMut;

use super::{Driver, Host, Inner, Port};
#[cfg(feature = "rust")]
use crate::sse::Piece;
use crate::{
    calls::Call,
    codes::{lost, ruling},
    core::{Connection, failure::Failure, io::Input, outbox::Outgoing, state::State},
    sse::Parser,
    transport::address::Address,
};

#[cfg(feature = "duplex")]
use crate::core::{io::Timestamp, requests::Question};

impl<H: Host> Driver<H> {
    /// An attempt came to nothing, for this reason ([`lost`]).
    #[cfg(feature = "rust")]
    pub(crate) fn lost(&self, attempt: u32, code: u32) {
        self.input(Input::Lost { attempt, failure: failure(code, self.state()) });
    }

    /// A new event stream begins.
    #[cfg(feature = "rust")]
    pub(crate) fn stream(&self) {
        self.inner.borrow_mut().parser.reset();
    }

    /// What its next chunk of at most 64 KiB brought.
    #[cfg(feature = "rust")]
    pub(crate) fn read(&self, chunk: &[u8]) -> Vec<Piece> {
        let Inner { core, parser } = &mut *self.inner.borrow_mut();
        let pieces = parser.read(chunk);
        told(core, parser);
        pieces
    }

    /// What the port has to say. The answer is for who called: see [`Call`].
    // Inlined, for the size: it becomes one with what reads the call.
    #[inline(always)]
    pub(crate) fn calls(&self, call: impl FnOnce() -> Option<Call>) -> u32 {
        let mut inner = self.inner.borrow_mut();
        let Inner { core, parser } = &mut *inner;
        // Nothing stands between these two: the compiler makes one match of them.
        let Some(call) = call() else { return 0 };
        let input = match call {
            Call::Tick { behind } => {
                self.armed.set(u64::MAX);
                if behind {
                    core.behind();
                }
                Input::Tick { wall: H::Port::wall() as u64 }
            }
            Call::Opened { attempt } => Input::Opened { attempt },
            Call::Lost { attempt, code, brought } => {
                if core.current(attempt)
                    && let Some(ms) = parser.finish()
                {
                    core.retry_told(ms.into());
                }
                if brought {
                    core.brought(attempt);
                }
                Input::Lost { attempt, failure: failure(code, core.state()) }
            }
            Call::Interrupted { attempt } => Input::Interrupted { attempt },
            Call::Refused { attempt, status, retry_after } => {
                Input::Lost { attempt, failure: Failure::Http { status, retry_after } }
            }
            Call::Page(page) => Input::Page(page),
            Call::Retire => Input::Retire,
            Call::Acked { id } => Input::Acked(id),
            Call::Abort { id } => Input::Abort(id),
            Call::Ponged => Input::Ponged,
            Call::Start => Input::Start,
            Call::Resolved { attempt, route, once } => self.prepared(attempt, Address::new(route, once)),
            Call::Send { id, bytes, ttl: expires, priority, volatile, awaits } => {
                Input::Send(Outgoing { expires, priority, volatile, awaits, ..Outgoing::new(id, bytes) })
            }
            Call::Reconnect => Input::Reconnect,
            #[cfg(feature = "duplex")]
            Call::Slower => Input::Slower,
            #[cfg(feature = "duplex")]
            Call::Probed { attempt, answer } => Input::Probed { attempt, answer },
            #[cfg(feature = "duplex")]
            Call::Streaming { attempt } => {
                core.streaming(Self::now(), attempt);
                return self.after(inner, 0);
            }
            #[cfg(feature = "duplex")]
            Call::WouldStream { attempt } => {
                core.would_stream(Self::now(), attempt);
                return self.after(inner, 0);
            }
            Call::Close { why, code } => Input::Close { why, code },

            Call::Follow(before) => {
                let waits = core.follow(Self::now(), before).into();
                return self.after(inner, waits);
            }
            Call::Check { id, number } => {
                let answer = ruling(core.check(id, number));
                return self.after(inner, answer);
            }
            Call::GapTold { here } => {
                core.gap_told(here);
                return self.after(inner, 0);
            }
            Call::RecoveryTold => {
                core.recovery_told();
                return self.after(inner, 0);
            }
            Call::Resumable => {
                core.resumable();
                return self.after(inner, 0);
            }
            Call::Stopping { on } => {
                core.stopping(on);
                return self.after(inner, 0);
            }
            Call::Nacked { id } => {
                core.refused(id, false);
                return self.after(inner, 0);
            }
            #[cfg(feature = "duplex")]
            Call::Subscribe { topic, from } => {
                core.subscribe(Self::now(), topic, from);
                return self.after(inner, 0);
            }
            #[cfg(feature = "duplex")]
            Call::SubscribeAgain { topic } => {
                core.subscribe_again(Self::now(), topic);
                return self.after(inner, 0);
            }
            #[cfg(feature = "duplex")]
            Call::Joining { topic, id, bytes, more } => {
                core.joining(topic, id, bytes, more);
                return self.after(inner, 0);
            }
            #[cfg(feature = "duplex")]
            Call::Unjoinable { topic } => {
                core.unjoinable(topic);
                return self.after(inner, 0);
            }
            #[cfg(feature = "duplex")]
            Call::NextJoin => {
                let answer = core.next_join().map_or(0, |topic| topic + 1);
                return self.after(inner, answer);
            }
            #[cfg(feature = "duplex")]
            Call::TopicAnswered { topic, refused } => {
                let answer = core.topic_answered(topic, refused).into();
                return self.after(inner, answer);
            }
            #[cfg(feature = "duplex")]
            Call::TopicHeard { topic } => {
                let answer = core.topic_heard(topic).into();
                return self.after(inner, answer);
            }
            #[cfg(feature = "duplex")]
            Call::TopicCheck { id, number } => {
                let answer = ruling(core.check_topic(id, number));
                return self.after(inner, answer);
            }
            #[cfg(feature = "duplex")]
            Call::TopicRemoved { topic } => {
                let answer =
                    core.topic_removed(Timestamp { now: Self::now(), draw: Self::draw() }, topic).into();
                return self.after(inner, answer);
            }
            #[cfg(feature = "duplex")]
            Call::TopicGap { topic } => {
                core.topic_gap_told(topic);
                return self.after(inner, 0);
            }
            #[cfg(feature = "duplex")]
            Call::Leave { topic } => {
                let answer = core.leave(topic).into();
                return self.after(inner, answer);
            }
            #[cfg(feature = "duplex")]
            Call::Leaving { id, bytes } => {
                core.leaving(id, bytes);
                return self.after(inner, 0);
            }
            #[cfg(feature = "duplex")]
            Call::Replied { key } => {
                let answer = core.replied(key) as u32;
                return self.after(inner, answer);
            }
            #[cfg(feature = "duplex")]
            Call::Found { tab } => {
                core.found(tab);
                return self.after(inner, 0);
            }
            #[cfg(feature = "duplex")]
            Call::Unlocked { tab } => {
                core.unlocked(H::Port::wall() as u64, tab);
                return self.after(inner, 0);
            }
            #[cfg(feature = "duplex")]
            Call::Keep { id, ttl } => {
                core.keep(H::Port::wall() as u64, id, ttl);
                return self.after(inner, 0);
            }
            #[cfg(feature = "duplex")]
            Call::Restored { id, expires } => {
                let answer = core.restored(H::Port::wall() as u64, id, expires).into();
                return self.after(inner, answer);
            }
            #[cfg(feature = "duplex")]
            Call::Done { id } => {
                core.done(id);
                return self.after(inner, 0);
            }

            #[cfg(feature = "duplex")]
            Call::Post { request } => {
                let (messages, outlives) = core.post(Self::now(), request);
                let answer = messages << 1 | u32::from(outlives);
                return self.after(inner, answer);
            }
            #[cfg(feature = "duplex")]
            Call::Posted { request, answer } => {
                let awaited = core.awaits_answer(request);
                drop(inner);
                self.input(Input::Posted { request, answer });
                return awaited.into();
            }
            #[cfg(feature = "duplex")]
            Call::PageLeaves { persisted, alive } => Input::Leave { persisted, alive },

            // Nothing is to be done upon these.
            #[cfg(feature = "duplex")]
            Call::Sendable => return core.sendable().into(),
            #[cfg(feature = "duplex")]
            Call::Locked { tab } => return core.locked(tab).into(),
            Call::Stage => {
                parser.reset();
                return parser.stage() as u32;
            }
            Call::Fed { length, early } => {
                let table = parser.fed(length, early).as_ptr() as u32;
                told(core, parser);
                return table;
            }
            Call::Parse { units } => {
                let table = parser.parse(units).as_ptr() as u32;
                told(core, parser);
                return table;
            }
            Call::GoesUp { asking, header, query } => return core.goes_up(asking, header, query) as u32,
            Call::Learn { id, more } => {
                core.learn(id);
                core.received(more);
                return 0;
            }
            Call::StartFrom { id, number } => {
                core.start_from(id, number);
                return 0;
            }
            Call::Epoch { epoch, first } => {
                match first {
                    Some(first) => core.begins(first),
                    None => core.epoch(epoch),
                }
                return 0;
            }
            Call::Unpinged => {
                core.unpinged();
                return 0;
            }
            Call::Asking => {
                core.asking();
                return 0;
            }
            Call::PlaceDue { claim } => {
                core.place_due(Self::now(), claim);
                return self.after(inner, 0);
            }
            Call::RetryIn => return core.retry_at().map_or(0, |at| at.saturating_sub(Self::now())) as u32,
            #[cfg(feature = "duplex")]
            Call::Asks { key, own, again } => {
                core.asks(key.map(|key| Question { key, own, again }));
                return 0;
            }
            // Of the npm package's instance, before there is a client or after it.
            Call::New { .. } | Call::Free | Call::Write(_) => return 0,
        };
        drop(inner);
        self.input(input);
        0
    }

    // Not inlined, for the size: it has many callers.
    #[inline(never)]
    fn after(&self, inner: RefMut<'_, Inner>, answer: u32) -> u32 {
        drop(inner);
        self.run();
        answer
    }
}

/// Why a connection was lost that is in this state.
fn failure(code: u32, state: State) -> Failure {
    match code {
        lost::END => Failure::End,
        lost::CONTENT_TYPE => Failure::ContentType,
        lost::TOO_BIG => Failure::TooBig,
        lost::PROVIDER => Failure::Provider,
        lost::BUFFERED => Failure::Buffered,
        lost::NOT_RESUMABLE => Failure::NotResumable,
        lost::REDIRECT => Failure::Redirect,
        // What has been let out breaks for other reasons.
        lost::BLOCKED if state != State::Open => Failure::Blocked,
        lost::BLOCKED | lost::NETWORK => Failure::Network,
        code => Failure::Closed { code: code as u16 },
    }
}

/// As [`ruling`](crate::codes::ruling) has it.
fn ruling((deliver, moves, restarted): (bool, bool, bool)) -> u32 {
    let bit = |set: bool, bit| if set { bit } else { 0 };
    bit(deliver, ruling::DELIVER) | bit(moves, ruling::MOVES) | bit(restarted, ruling::RESTARTED)
}

/// The server's `retry:` field, if one came.
fn told(core: &mut Connection, parser: &mut Parser) {
    if let Some(ms) = parser.take_retry() {
        core.retry_told(ms.into());
    }
}
