//! An event stream in pieces.

use std::time::Duration;

use super::{Builder, Request, Way, builder::Endpoint, fallback::Choose};
use crate::{
    core::{
        carrier::Via,
        config::{Config, MAX_DELAY, millis, within},
        polls::{ANSWER_TIMEOUT, LEAST_WAIT, default_wait, longest_wait},
    },
    error::OptionError,
    web::Port,
};

/// Long polls, for a proxy that holds a whole event stream back: each request is answered with an event stream of what there is, which
/// ends, and is followed by the next request. To the app they are one connection.
///
/// | | default | range |
/// |---|---|---|
/// | wait | 25 s, or four fifths of the heartbeat's interval if that is shorter | 1 000 to 2^31-10 001 ms |
/// | name | `poll` | not empty |
///
/// What is out of its range is an [`OptionError`] of `connect`.
///
/// ```
/// use everwire::{Client, endpoint::Ways, options::LongPoll};
/// use std::time::Duration;
/// let ways = Ways::new().with_websocket("wss://example.com/live").with_sse("/live");
/// let builder = Client::builder(ways).long_poll(LongPoll::new().with_wait(Duration::from_secs(20)));
/// # drop(builder);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct LongPoll {
    wait: Option<u64>,
    pub(crate) name: String,
}

impl LongPoll {
    /// The defaults of the table above.
    pub fn new() -> Self {
        Self { wait: None, name: "poll".to_owned() }
    }

    /// How long the server may wait for something to say. The first request of a connection has 0: it is to be answered at once.
    pub const fn with_wait(mut self, time: Duration) -> Self {
        self.wait = Some(millis(time));
        self
    }

    /// The query parameter that says so, in ms. Default `poll`.
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    fn check(&self, builder: &Builder, config: &Config) -> Result<(), OptionError> {
        let error = |option, problem| Err(OptionError { option, problem });
        if let Some(wait) = self.wait {
            let most = MAX_DELAY - ANSWER_TIMEOUT;
            within("longPoll.wait", wait, LEAST_WAIT, most, "must be 1000 to 2147473647 ms")?;
            // Its end is a sign of life, and has to come within the interval.
            if config.heartbeat.as_ref().is_some_and(|heartbeat| wait > longest_wait(heartbeat)) {
                return error(
                    "longPoll.wait",
                    "must be no longer than four fifths of Heartbeat::with_interval",
                );
            }
        }
        if self.name.is_empty() {
            return error("longPoll.name", "must not be empty");
        }
        if builder.resume.via == Some(Via::Url) {
            return error(
                "longPoll",
                "asks for what comes after the cursor by itself: not with Resume::via_url",
            );
        }
        let fixed = if let Endpoint::Fixed(request) = &builder.endpoint { Some(request) } else { None };
        let sse = fixed.and_then(|request| request.pick(Some(Way::Poll.transport())));
        match sse.and_then(|(request, _)| unfit(request)) {
            Some(problem) => error("longPoll", problem),
            None => Ok(()),
        }
    }
}

impl Default for LongPoll {
    fn default() -> Self {
        Self::new()
    }
}

/// Why there are no long polls of it.
pub(crate) fn unfit(request: &Request) -> Option<&'static str> {
    if request.method.as_ref().is_some_and(|method| !method.eq_ignore_ascii_case("GET")) {
        return Some("is for requests that may be repeated: not for another method than GET");
    }
    request.resumes.then_some("asks for what comes after the cursor by itself: not with Request::with_resume")
}

impl Builder {
    /// One more way, after the whole event stream: see [`LongPoll`]. Default: none. While the client polls, [`Handle::transport`] says
    /// [`Fetch`](crate::Transport). With it the first way is tried again every 5 minutes, if [`Reconnect::with_failback`] says no other
    /// time: a poll has no natural end.
    ///
    /// [`Handle::transport`]: crate::Handle::transport
    /// [`Reconnect::with_failback`]: crate::options::Reconnect::with_failback
    pub fn long_poll(mut self, long_poll: LongPoll) -> Self {
        self.choice.polls = Some(Polls {
            long_poll,
            check: |polls, builder, config| {
                polls.check(builder, config)?;
                config.poll_wait = polls.wait.unwrap_or_else(|| default_wait(config.heartbeat.as_ref()));
                Ok(())
            },
            unfit,
            ask: Port::poll,
        });
        self.choice.choose = Some(Choose::default());
        self
    }
}

/// Values, so that an app without long polls does not have what they call.
pub(crate) struct Polls {
    pub(crate) long_poll: LongPoll,
    pub(crate) check: fn(&LongPoll, &Builder, &mut Config) -> Result<(), OptionError>,
    pub(crate) unfit: fn(&Request) -> Option<&'static str>,
    /// Makes the next request.
    pub(crate) ask: fn(&Port, u32, u64, &str),
}
