//! Why an upgrade failed no browser says. A fetch of an address that answers as the upgrade would have says it. When it is asked, and
//! what its answer means, is ruled by `src/core/probe.rs`.

use std::rc::Weak;

use super::{
    aim::is_fetchable,
    installed::Probes,
    link::Outgoing,
    page::{self, Target},
    port::Port,
    task::Task,
    uplink::is_plain,
};
use crate::{
    calls::Call,
    client::{Endpoint, Request, strays},
    core::{failure::RetryAfter, io::Reason},
    error::OptionError,
};

const INVALID: &str = "a probe must have an http: or https: address without a password, without . and .. in its path and with its own host";

pub(crate) struct Probe(pub(crate) Endpoint);

impl Probes for Probe {
    fn check(&self) -> Result<(), OptionError> {
        let error = |problem| Err(OptionError { option: "probe", problem });
        match &self.0 {
            Endpoint::Fixed(request) if !is_fetchable(&request.address) => {
                error("must be an http: or https: address without a password")
            }
            Endpoint::Fixed(request) if !is_plain(request) => error("must be an address with headers alone"),
            _ => Ok(()),
        }
    }

    fn probe(&self, port: &Port, attempt: u32) {
        let asked = match &self.0 {
            Endpoint::Fixed(request) => Err(request.clone()),
            Endpoint::Function(function) => Ok(function(port.context(Reason::Reconnect))),
        };
        let (core, credentials) = (Weak::clone(&port.core), port.settings.credentials);
        let task = Task::spawn(async move {
            let request = match asked {
                Err(fixed) => Some(fixed),
                Ok(asked) => match asked.await {
                    Ok(request) if strays(&request.address) || !is_fetchable(&request.address) => {
                        if let Some(core) = core.upgrade() {
                            core.port().warn(INVALID);
                        }
                        None
                    }
                    // The function's own error is no answer either.
                    request => request.ok(),
                },
            };
            let answer = match request {
                Some(request) => ask(request, credentials).await,
                None => None,
            };
            if let Some(core) = core.upgrade() {
                core.port().call(Call::Probed { attempt, answer });
            }
        });
        port.accompany(attempt, task);
    }
}

/// The status, and what the server asks to wait.
async fn ask(request: Request, credentials: bool) -> Option<(u16, Option<RetryAfter>)> {
    let target = Target::resolve(&request.address)?;
    target.drop_fragment();
    let reply = page::ask(Outgoing::beside("GET", target.href(), request.headers, credentials)).await.ok()?;
    Some((reply.status, reply.retry_after.map(RetryAfter)))
}
