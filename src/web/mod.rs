//! The crate's own port: the one place of the Rust API that touches the page, over web-sys, js-sys and gloo-timers.
//!
//! [`Port`] is what the driver asks (`driven`); it has no policy. What it needs of the page stands in [`browser`], which keeps two rules: no
//! borrow is held across a call into JavaScript, as any such call may come back in; and whatever listens is a value whose drop
//! takes the listeners off first.

pub(crate) mod aim;
mod answer;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
pub(crate) mod browser;
#[cfg(feature = "duplex")]
mod buffered;
pub(crate) mod cancel;
pub(crate) mod decode;
#[cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]
pub(crate) mod double;
mod driven;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
mod fetch;
mod fingerprint;
pub(crate) mod inbound;
pub(crate) mod installed;
pub(crate) mod json;
pub(crate) mod link;
pub(crate) mod lock;
pub(crate) mod per_page;
#[cfg(feature = "duplex")]
pub(crate) mod persist;
pub(crate) mod place;
#[cfg(feature = "duplex")]
mod polls;
pub(crate) mod port;
#[cfg(feature = "duplex")]
pub(crate) mod probe;
#[cfg(feature = "duplex")]
pub(crate) mod requests;
pub(crate) mod settings;
pub(crate) mod shaking;
#[cfg(not(feature = "duplex"))]
mod simplex;
pub(crate) mod table;
pub(crate) mod task;
#[cfg(all(test, not(all(target_arch = "wasm32", target_os = "unknown"))))]
mod tests;
pub(crate) mod tokens;
mod told;
#[cfg(feature = "duplex")]
pub(crate) mod topics;
#[cfg(feature = "duplex")]
pub(crate) mod uplink;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
pub(crate) use self::browser as page;
#[cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]
pub(crate) use self::double as page;
pub(crate) use self::port::Port;

use crate::{calls::Call, client::Driver};

/// Off the web there is all of it, for tests.
const WEB: bool = cfg!(all(target_arch = "wasm32", target_os = "unknown"));
/// Whether there are event streams, and WebSockets: what is only for those that are not is left out of an app.
pub(crate) const STREAMS: bool = !WEB || cfg!(feature = "sse");
pub(crate) const SOCKETS: bool = !WEB || cfg!(feature = "websocket");

/// The driver, as the port sees it. By its own type, and its calls inlined: of what the core can be told there is then only what
/// somebody tells it.
#[cfg(not(all(test, target_arch = "wasm32", target_os = "unknown")))]
pub(crate) type Core = Driver;
/// The tests of both ports (`tests/ports`) stand in its place.
#[cfg(all(test, target_arch = "wasm32", target_os = "unknown"))]
pub(crate) type Core = dyn Drives;

impl Driver {
    #[inline(always)]
    pub(crate) fn call(&self, call: Call) -> u32 {
        self.calls(|| Some(call))
    }
}

#[cfg(all(test, target_arch = "wasm32", target_os = "unknown"))]
pub(crate) trait Drives {
    fn port(&self) -> &Port;
    fn call(&self, call: Call) -> u32;
    fn retries(&self) -> u64;
    fn stream(&self);
    fn read(&self, chunk: &[u8]) -> Vec<crate::sse::Piece>;
}

#[cfg(all(test, target_arch = "wasm32", target_os = "unknown"))]
impl Drives for Driver {
    fn port(&self) -> &Port {
        Self::port(self)
    }

    fn call(&self, call: Call) -> u32 {
        Self::call(self, call)
    }

    fn retries(&self) -> u64 {
        Self::retries(self)
    }

    fn stream(&self) {
        Self::stream(self);
    }

    fn read(&self, chunk: &[u8]) -> Vec<crate::sse::Piece> {
        Self::read(self, chunk)
    }
}
