//! What a port must do, whichever it is: the crate's, and that of the npm package as it is packed, with this suite in place of its
//! wasm. Each test runs once with each, in a real browser and against the real server (`scripts/test-web.sh ENGINE --ports`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic fails the test, and that is all it does"
)]

mod npm;
mod own;
mod page;
mod streams;
mod tape;
mod websocket;

mod support;

use std::rc::Rc;

use self::{
    support::{server::Server, wait::until},
    tape::Tape,
};
use crate::{calls::Call, driver::Port, transport::Transport};

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);

/// What the app gets, or sends.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Data {
    Text(String),
    Bytes(Vec<u8>),
}

fn text(text: &str) -> Data {
    Data::Text(text.to_owned())
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Delivered {
    data: Data,
    kind: String,
    last_event_id: String,
}

/// A port and the app that it delivers to. What the port tells goes to its tape.
trait UnderTest: Sized {
    type Port: Port;

    async fn new(address: &str, transport: Transport) -> Self;
    fn port(&self) -> &Self::Port;
    fn tape(&self) -> &Rc<Tape>;
    /// Where to is asked, and answered.
    async fn prepare(&self, attempt: u32) -> Transport;
    /// The app sends this: its number, by which the core names it.
    fn keep(&self, data: &Data) -> u32;

    async fn dial(&self, attempt: u32) {
        let transport = self.prepare(attempt).await;
        assert!(self.port().open(attempt, transport.number()), "the browser refuses");
    }

    async fn opened(address: &str, transport: Transport) -> Self {
        let under_test = Self::new(address, transport).await;
        under_test.dial(1).await;
        under_test.told_last(Call::Opened { attempt: 1 }).await;
        under_test
    }

    async fn told_last(&self, call: Call) {
        let told = || self.tape().told();
        until(&format!("{call:?}"), || told().last() == Some(&call)).await;
    }

    async fn delivered(&self, count: usize) -> Vec<Delivered> {
        let tape = self.tape();
        until(&format!("{count} messages"), || tape.delivered().len() >= count).await;
        tape.delivered()
    }
}

/// Of each generic test two.
macro_rules! on_both {
    ($($test:ident)*) => {
        mod own {
            $(#[wasm_bindgen_test::wasm_bindgen_test]
            async fn $test() {
                super::$test::<crate::ports::own::Own>().await;
            })*
        }
        mod npm {
            $(#[wasm_bindgen_test::wasm_bindgen_test]
            async fn $test() {
                super::$test::<crate::ports::npm::Npm>().await;
            })*
        }
    };
}
use on_both;
