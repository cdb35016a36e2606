//! From one way to the server to the next.

use super::{Builder, Request, Storage, Way, builder::Endpoint, long_poll::Polls, plain};
use crate::{
    core::{
        config::{Config, FailureLimits, within},
        endpoints::{default_failback, first},
    },
    error::OptionError,
    web::page,
};

/// When a client leaves one way to its server for the next. With [`Ways`](crate::endpoint::Ways) that have both addresses it does so
/// without this, by the defaults; an order makes ways of any endpoint.
///
/// | | default | range |
/// |---|---|---|
/// | order | a WebSocket, then fetch, and long polls where there are [some](Builder::long_poll) | each once |
/// | failures | 2 | 1 to 1 000 000 |
/// | early | 3 | 1 to 1 000 000 |
/// | remember | by the addresses | |
///
/// What is out of its range is an [`OptionError`] of `connect`.
///
/// ```
/// use everwire::{Client, endpoint::{Way, Ways}, options::Fallback};
/// let ways = Ways::new().with_websocket("wss://example.com/live").with_sse("/live");
/// let fallback = Fallback::new().with_order([Way::WebSocket, Way::EventSource]).with_failures(1);
/// let builder = Client::builder(ways).fallback(fallback);
/// # drop(builder);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Fallback {
    on: bool,
    order: Option<Vec<Way>>,
    failures: u64,
    early: u64,
    remember: Remember,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Remember {
    No,
    ByAddress,
    By(String),
}

impl Fallback {
    /// The defaults of the table above.
    pub const fn new() -> Self {
        Self {
            on: true,
            order: None,
            failures: FailureLimits::TRANSPORTS.unopened,
            early: FailureLimits::TRANSPORTS.early,
            remember: Remember::ByAddress,
        }
    }

    /// There is one way: of two addresses the WebSocket's.
    pub fn never() -> Self {
        Self { on: false, ..Self::new() }
    }

    /// The ways to one endpoint, the best first; those that this runtime lacks are left out. An endpoint function needs it.
    pub fn with_order(mut self, order: impl IntoIterator<Item = Way>) -> Self {
        self.order = Some(order.into_iter().collect());
        self
    }

    /// After so many failures in a row without having opened, the next way is tried. Default 2; 1 to 1 000 000. Four times as many once
    /// it has held.
    pub const fn with_failures(mut self, failures: u64) -> Self {
        self.failures = failures;
        self
    }

    /// The same when it opened so often, and was lost before [`Reconnect::with_stable_after`](crate::options::Reconnect::with_stable_after).
    /// Default 3; 1 to 1 000 000.
    pub const fn with_early(mut self, losses: u64) -> Self {
        self.early = losses;
        self
    }

    /// Whether the session's next page begins with the way that worked. It is kept in the `sessionStorage`, under the addresses without
    /// their queries; of an endpoint function [it needs a name](Self::with_remember_as). Default: yes. A page that has no storage begins
    /// with the first way.
    pub fn with_remember(mut self, on: bool) -> Self {
        self.remember = if on { Remember::ByAddress } else { Remember::No };
        self
    }

    /// It is kept under this name, if that is not empty, which the JavaScript client of the same page may share.
    pub fn with_remember_as(mut self, name: impl Into<String>) -> Self {
        self.remember = Remember::By(name.into());
        self
    }

    fn check(&self) -> Result<(), OptionError> {
        let problem = "must be 1 to 1000000";
        within("fallback.failures", self.failures, 1, 1_000_000, problem)?;
        within("fallback.early", self.early, 1, 1_000_000, problem)
    }
}

impl Default for Fallback {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// When to leave one way to the server for the next: see [`Ways`](crate::endpoint::Ways). Default: [`Fallback::new`], where there are
    /// two addresses. With several endpoints ([`failover`](Self::failover)) each has one way, and an order is an error.
    pub fn fallback(mut self, fallback: Fallback) -> Self {
        self.choice.fallback = fallback;
        self.choice.choose = Some(Choose::default());
        self
    }
}

/// Finds the ways. A value, so that an app without ways does not have what it calls.
#[derive(Clone, Copy)]
pub(crate) struct Choose(fn(&mut Builder, &mut Config) -> Result<(), OptionError>);

impl Choose {
    pub(crate) fn run(self, builder: &mut Builder, config: &mut Config) -> Result<(), OptionError> {
        self.0(builder, config)
    }
}

impl Default for Choose {
    fn default() -> Self {
        Self(choose)
    }
}

/// There is one.
impl PartialEq for Choose {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Choose {}

/// What a builder has of it.
pub(crate) struct Choice {
    fallback: Fallback,
    pub(crate) choose: Option<Choose>,
    /// Empty: there is nothing to choose.
    pub(crate) ways: Vec<Way>,
    /// Writes down which one the next page begins with.
    pub(crate) begin: Option<Box<dyn Fn(u32)>>,
    pub(crate) polls: Option<Polls>,
}

impl Choice {
    pub(crate) const fn new() -> Self {
        Self { fallback: Fallback::new(), choose: None, ways: Vec::new(), begin: None, polls: None }
    }
}

impl Builder {
    /// What finds the ways, if there may be several.
    pub(crate) fn chooses(&self) -> Option<Choose> {
        let Endpoint::Fixed(Request { ways: Some(ways), .. }) = &self.endpoint else {
            return self.choice.choose;
        };
        Some(ways.choose)
    }
}

fn choose(builder: &mut Builder, config: &mut Config) -> Result<(), OptionError> {
    let fallback = builder.choice.fallback.clone();
    fallback.check()?;
    let several = !builder.others.is_empty();
    if let Some(order) = &fallback.order {
        let error = |problem| Err(OptionError { option: "fallback.order", problem });
        let twice =
            order.iter().enumerate().any(|(place, way)| order.iter().take(place).any(|one| one == way));
        if order.is_empty() || twice {
            return error("must have ways, each once");
        }
        if builder.transport.is_some() {
            return error("and Builder::transport exclude one another");
        }
        if several {
            return error("is for one endpoint: those of Builder::failover are tried one after the other");
        }
        if order.contains(&Way::Poll) && builder.choice.polls.is_none() {
            return error("with Way::Poll needs Builder::long_poll");
        }
    }
    if !fallback.on && fallback.order.is_some() {
        return Err(OptionError { option: "fallback.order", problem: "has no effect with Fallback::never" });
    }
    let request = if let Endpoint::Fixed(request) = &builder.endpoint { Some(request) } else { None };
    let named = request.and_then(|request| request.ways.as_ref());
    let polls = builder.choice.polls.take();
    let mut ways = match fallback.order {
        _ if !fallback.on || several || builder.transport.is_some() => Vec::new(),
        Some(order) => order,
        None => {
            let socket = named.is_some_and(|ways| ways.websocket.is_some());
            let (both, alone) = match (request, named) {
                (_, Some(ways)) => (socket && ways.sse.is_some(), !socket),
                (Some(request), None) => (false, !is_socket(&request.address)),
                (None, None) => (false, false),
            };
            let mut ways = if both { vec![Way::WebSocket] } else { Vec::new() };
            if both || (alone && polls.is_some()) {
                ways.push(Way::Fetch);
                ways.extend(polls.as_ref().map(|_| Way::Poll));
            }
            ways
        }
    };
    if let Some(polls) = &polls {
        (polls.check)(&polls.long_poll, builder, config)?;
        if !ways.contains(&Way::Poll) {
            let problem = "is one of the ways to one endpoint: needs Ways::with_sse, or Fallback::with_order";
            return Err(OptionError { option: "longPoll", problem });
        }
        config.polls = true;
        if config.failback == u64::MAX {
            config.failback = default_failback(config.polls, config.reconnects);
        }
    }
    ways.retain(|way| page::supports(way.transport()));
    if ways.is_empty() {
        return Ok(());
    }
    let key = match (fallback.remember, request) {
        (Remember::By(name), _) => Some(name).filter(|name| !name.is_empty()),
        // Of a function nothing is known; of addresses not the queries, which may hold tokens.
        (Remember::ByAddress, Some(request)) => Some(match &request.ways {
            Some(ways) => {
                let text =
                    |one: &Option<Request>| one.as_ref().map_or_else(String::new, |one| plain(&one.address));
                format!("{} {}", text(&ways.websocket), text(&ways.sse))
            }
            None => plain(&request.address),
        }),
        _ => None,
    };
    let key = key.map(|key| format!("everwire-way {key}"));
    let left = key.as_deref().and_then(left);
    let left = ways.iter().position(|way| left.as_deref() == Some(way.name()));
    config.endpoints = u32::try_from(ways.len()).unwrap_or(1);
    config.failover_after = FailureLimits { unopened: fallback.failures, early: fallback.early };
    config.first = first(left.map_or(0, |place| place as u64), config.endpoints);
    config.remembers = key.is_some();
    builder.choice.begin = key.map(|key| {
        let names: Vec<&str> = ways.iter().map(|way| way.name()).collect();
        Box::new(move |way: u32| {
            let name = names.get(way as usize).copied().filter(|_| way > 0);
            keep(&key, name);
        }) as Box<dyn Fn(u32)>
    });
    builder.choice.ways = ways;
    builder.choice.polls = polls;
    Ok(())
}

fn is_socket(address: &str) -> bool {
    let scheme = address.split(':').next().unwrap_or_default();
    scheme.eq_ignore_ascii_case("ws") || scheme.eq_ignore_ascii_case("wss")
}

/// What an earlier page of the session left. A browser may refuse it.
fn left(key: &str) -> Option<String> {
    Storage::session().get_item(key).ok().flatten()
}

/// `None` removes it. It may be full: then the next page begins anew.
fn keep(key: &str, name: Option<&str>) {
    let storage = Storage::session();
    let _ = match name {
        Some(name) => storage.set_item(key, name),
        None => storage.remove_item(key),
    };
}
