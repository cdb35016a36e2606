//! The crate's own port: the one place of the Rust API that touches the page, over web-sys, js-sys and gloo-timers.
//!
//! [`Port`] is what the driver asks (`driven`); it has no policy. What it needs of the page stands in [`browser`], which keeps two rules: no
//! borrow is held across a call into JavaScript, as any such call may come back in; and whatever listens is a value whose drop
//! takes the listeners off first.

pub(crate) mod aim;
mod answer;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
pub(crate) mod browser;
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
pub(crate) mod json;
pub(crate) mod link;
pub(crate) mod lock;
pub(crate) mod per_page;
pub(crate) mod persist;
pub(crate) mod place;
mod polls;
pub(crate) mod port;
pub(crate) mod probe;
pub(crate) mod requests;
pub(crate) mod settings;
pub(crate) mod shaking;
pub(crate) mod table;
pub(crate) mod task;
#[cfg(all(test, not(all(target_arch = "wasm32", target_os = "unknown"))))]
mod tests;
pub(crate) mod tokens;
mod told;
pub(crate) mod topics;
pub(crate) mod uplink;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
pub(crate) use self::browser as page;
#[cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]
pub(crate) use self::double as page;
pub(crate) use self::port::Port;

use crate::{
    calls::Call,
    driver::{Driver, Host},
    sse::Piece,
};

/// The driver, as the port sees it.
pub(crate) trait Core {
    fn port(&self) -> &Port;
    fn call(&self, call: Call) -> u32;
    /// Retries since the last stable connection.
    fn retries(&self) -> u64;
    /// A new event stream begins.
    fn stream(&self);
    /// What its next chunk of at most 64 KiB brought.
    fn read(&self, chunk: &[u8]) -> Vec<Piece>;
}

impl<H: Host<Port = Port>> Core for Driver<H> {
    fn port(&self) -> &Port {
        self.port()
    }

    fn call(&self, call: Call) -> u32 {
        self.call(|| Some(call))
    }

    fn retries(&self) -> u64 {
        self.retries()
    }

    fn stream(&self) {
        self.stream();
    }

    fn read(&self, chunk: &[u8]) -> Vec<Piece> {
        self.read(chunk)
    }
}
