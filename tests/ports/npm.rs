//! The npm package's port.

use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use wasm_bindgen::{JsCast, prelude::*};
use wasm_bindgen_futures::JsFuture;

use super::{Data, Delivered, Tape, UnderTest, until};
use crate::{
    calls::{Ask, Call},
    codes::route,
    driver,
    transport::Transport,
};

#[wasm_bindgen]
extern "C" {
    /// `npm.js`.
    #[derive(Clone)]
    type Package;
    #[wasm_bindgen(method)]
    fn open(
        this: &Package,
        memory: JsValue,
        call: &JsValue,
        address: &str,
        transport: &str,
        deliver: &JsValue,
    ) -> App;
    #[wasm_bindgen(method)]
    fn host(this: &Package, client: u32, kind: u32, a: u32, b: f64, c: f64) -> f64;
    #[wasm_bindgen(method)]
    fn monotonic(this: &Package) -> f64;
    #[wasm_bindgen(method)]
    fn wall(this: &Package) -> f64;
    #[wasm_bindgen(method)]
    fn random(this: &Package) -> f64;

    /// The package's client.
    type App;
    #[wasm_bindgen(method)]
    fn send(this: &App, data: JsValue) -> JsValue;
}

type Export = Closure<dyn Fn(u32, u32, u32, u32, u32, u32) -> u32>;

thread_local! {
    static PACKAGE: OnceCell<Package> = const { OnceCell::new() };
    /// Of the client that is being made, and of those there are.
    static NEXT: RefCell<Option<Rc<Tape>>> = const { RefCell::new(None) };
    static TAPES: RefCell<BTreeMap<u32, Rc<Tape>>> = const { RefCell::new(BTreeMap::new()) };
    static CLIENT: Cell<u32> = const { Cell::new(0) };
    static CALL: Export = Closure::new(called);
}

/// What the wasm of the package exports.
fn called(client: u32, kind: u32, attempt: u32, code: u32, high: u32, low: u32) -> u32 {
    match Call::read(kind, attempt, code, high, low) {
        Some(Call::New { .. }) => {
            CLIENT.set(client);
            TAPES.with_borrow_mut(|tapes| tapes.insert(client, NEXT.take().unwrap()));
            0
        }
        Some(call) => {
            let tape = TAPES.with_borrow(|tapes| tapes.get(&client).cloned());
            tape.map_or(0, |tape| tape.call(call))
        }
        None => 0,
    }
}

fn package() -> Package {
    PACKAGE.with(|package| package.get().cloned().unwrap())
}

async fn load() -> Package {
    if PACKAGE.with(|package| package.get().is_none()) {
        let import = js_sys::Function::new_with_args("url", "return import(url)");
        let Some(page) = option_env!("EVERWIRE_TEST_PAGE") else { panic!("run scripts/test-web.sh") };
        let url = format!("{page}/ports/npm.js");
        let loading: js_sys::Promise = import.call1(&JsValue::NULL, &url.into()).unwrap().unchecked_into();
        let loaded = JsFuture::from(loading).await.expect("the package is not served: make pack");
        PACKAGE.with(|package| package.set(loaded.unchecked_into())).ok();
    }
    package()
}

/// As `pkg-template/src/port.rs` has it.
pub(super) struct Port(u32);

impl Port {
    fn ask(&self, ask: Ask, a: u32, b: f64) -> f64 {
        package().host(self.0, ask as u32, a, b, 0.0)
    }

    fn tell(&self, ask: Ask, a: u32) -> f64 {
        self.ask(ask, a, 0.0)
    }
}

impl driver::Port for Port {
    fn open(&self, attempt: u32, transport: u32) -> bool {
        self.ask(Ask::Open, attempt, transport.into()) as u32 != 0
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
        package().monotonic()
    }

    fn wall() -> f64 {
        package().wall()
    }

    fn random() -> f64 {
        package().random()
    }
}

pub(super) struct Npm {
    port: Port,
    tape: Rc<Tape>,
    app: App,
    _deliver: Closure<dyn Fn(JsValue, String, String)>,
}

impl UnderTest for Npm {
    type Port = Port;

    async fn new(address: &str, transport: Transport) -> Self {
        let package = load().await;
        let tape = Rc::new(Tape::new());
        NEXT.set(Some(Rc::clone(&tape)));
        let to = Rc::clone(&tape);
        let deliver = Closure::new(move |data: JsValue, kind: String, last_event_id: String| {
            let data = match data.as_string() {
                Some(text) => Data::Text(text),
                None => Data::Bytes(js_sys::Uint8Array::from(data).to_vec()),
            };
            to.deliver(Delivered { data, kind, last_event_id });
        });
        let app = CALL.with(|call| {
            let (call, deliver): (&JsValue, &JsValue) = (call.as_ref(), deliver.as_ref());
            package.open(wasm_bindgen::memory(), call, address, transport.name(), deliver)
        });
        Self { port: Port(CLIENT.get()), tape, app, _deliver: deliver }
    }

    fn port(&self) -> &Port {
        &self.port
    }

    fn tape(&self) -> &Rc<Tape> {
        &self.tape
    }

    async fn prepare(&self, attempt: u32) -> Transport {
        self.port.tell(Ask::Resolve, attempt);
        until("the address", || self.tape.route(attempt).is_some()).await;
        Transport::of(self.tape.route(attempt).unwrap() & route::TRANSPORT).unwrap()
    }

    fn keep(&self, data: &Data) -> u32 {
        self.app.send(match data {
            Data::Text(text) => text.into(),
            Data::Bytes(bytes) => js_sys::Uint8Array::from(bytes.as_slice()).into(),
        });
        self.tape.sent().expect("the package tells of each send")
    }
}

impl Drop for Npm {
    fn drop(&mut self) {
        driver::Port::dispose(&self.port, 0);
        TAPES.with_borrow_mut(|tapes| tapes.remove(&self.port.0));
    }
}
