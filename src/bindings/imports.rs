//! What the npm build imports: functions of numbers, so that it needs no table of JavaScript's objects, nor
//! wasm-bindgen's glue. `pkg-template/wasm.js` gives them. The crate's own imports are in `src/transport/sys.rs`.

#[allow(unsafe_code, reason = "the types below are those of pkg-template/wasm.js")]
#[link(wasm_import_module = "i")]
unsafe extern "C" {
    /// One import for all that a client's JavaScript is asked and told, as each costs bytes: the kinds below, and those
    /// of `mod.rs`.
    #[link_name = "h"]
    pub(super) safe fn host(client: u32, kind: u32, a: u32, b: f64, c: f64) -> f64;

    #[link_name = "m"]
    pub(crate) safe fn monotonic() -> f64;
    #[link_name = "w"]
    pub(crate) safe fn wall() -> f64;
    #[link_name = "r"]
    pub(crate) safe fn random() -> f64;
}

/// Of the port, after those of the facade.
const OPEN: u32 = 10;
const SEND: u32 = 11;
const PING: u32 = 12;
const SWITCH: u32 = 13;
const DROP: u32 = 14;
const DISPOSE: u32 = 15;
const DRAIN: u32 = 16;
const ARM: u32 = 17;
const DISARM: u32 = 18;
const WATCH: u32 = 19;
const HEARD: u32 = 20;
const CHECKED: u32 = 21;

/// The JavaScript half of a client, by its number; what each does stands in `src/transport/sys.rs`.
#[derive(Clone, Copy)]
pub(crate) struct Port(pub(super) u32);

impl Port {
    // Not inlined, for the size: it has many callers.
    #[inline(never)]
    pub(super) fn tell(self, kind: u32, a: u32) -> f64 {
        host(self.0, kind, a, 0.0, 0.0)
    }

    pub(crate) fn open(self, attempt: u32, transport: u32) -> bool {
        host(self.0, OPEN, attempt, transport.into(), 0.0) as u32 != 0
    }

    pub(crate) fn send(self, id: u32) -> u32 {
        self.tell(SEND, id) as u32
    }

    pub(crate) fn send_ping(self) {
        self.tell(PING, 0);
    }

    pub(crate) fn switch(self, taken: bool) {
        self.tell(SWITCH, taken.into());
    }

    pub(crate) fn drop(self, code: u16) {
        self.tell(DROP, code.into());
    }

    pub(crate) fn dispose(self, code: u16) {
        self.tell(DISPOSE, code.into());
    }

    pub(crate) fn drain(self) {
        self.tell(DRAIN, 0);
    }

    pub(crate) fn arm(self, ms: i32) {
        self.tell(ARM, ms as u32);
    }

    pub(crate) fn disarm(self) {
        self.tell(DISARM, 0);
    }

    pub(crate) fn watch(self, all: bool) -> u32 {
        self.tell(WATCH, all.into()) as u32
    }

    pub(crate) fn heard(self) -> f64 {
        self.tell(HEARD, 0)
    }

    pub(crate) fn set_checked(self, checked: bool) {
        self.tell(CHECKED, checked.into());
    }
}
