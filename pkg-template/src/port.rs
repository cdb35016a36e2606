//! The JavaScript half of a client, as the driver sees it: functions of numbers, so that it needs no table of JavaScript's objects, nor
//! wasm-bindgen's glue. `pkg-template/wasm.js` gives them. The crate's port is in `src/web`.

use crate::{calls::Ask, driver};

#[allow(unsafe_code, reason = "the types below are those of pkg-template/wasm.js")]
#[link(wasm_import_module = "i")]
unsafe extern "C" {
    /// One import for all that a client's JavaScript is asked and told, as each costs bytes: [`Ask`].
    #[link_name = "h"]
    pub(super) safe fn host(client: u32, kind: u32, a: u32, b: f64, c: f64) -> f64;

    #[link_name = "m"]
    safe fn monotonic() -> f64;
    #[link_name = "w"]
    safe fn wall() -> f64;
    #[link_name = "r"]
    safe fn random() -> f64;
}

/// The JavaScript half of a client, by its number.
#[derive(Clone, Copy)]
pub(crate) struct Port(pub(super) u32);

impl Port {
    // Not inlined, for the size: it has many callers.
    #[inline(never)]
    pub(super) fn tell(self, ask: Ask, a: u32) -> f64 {
        host(self.0, ask as u32, a, 0.0, 0.0)
    }
}

impl driver::Port for Port {
    fn open(&self, attempt: u32, transport: u32) -> bool {
        host(self.0, Ask::Open as u32, attempt, transport.into(), 0.0) as u32 != 0
    }

    fn switch(&self, taken: bool) {
        self.tell(Ask::Switch, taken.into());
    }

    fn drop(&self, code: u16) {
        self.tell(Ask::Drop, code.into());
    }

    fn send(&self, id: u32) -> u32 {
        self.tell(Ask::Transmit, id) as u32
    }

    fn ping(&self) {
        self.tell(Ask::Ping, 0);
    }

    #[cfg(feature = "duplex")]
    fn stop(&self, request: u32) {
        self.tell(Ask::Stop, request);
    }

    fn set_checked(&self, checked: bool) {
        self.tell(Ask::Checked, checked.into());
    }

    fn heard(&self) -> f64 {
        self.tell(Ask::Heard, 0)
    }

    fn drain(&self) {
        self.tell(Ask::Drain, 0);
    }

    fn arm(&self, ms: i32) {
        self.tell(Ask::Arm, ms as u32);
    }

    fn disarm(&self) {
        self.tell(Ask::Disarm, 0);
    }

    fn watch(&self, all: bool) -> u32 {
        self.tell(Ask::Watch, all.into()) as u32
    }

    fn dispose(&self, code: u16) {
        self.tell(Ask::Dispose, code.into());
    }

    fn monotonic() -> f64 {
        monotonic()
    }

    fn wall() -> f64 {
        wall()
    }

    fn random() -> f64 {
        random()
    }
}
