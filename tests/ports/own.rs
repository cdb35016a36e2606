//! The crate's port.

use std::{
    cell::Cell,
    rc::{Rc, Weak},
};

use super::{Data, Delivered, Tape, UnderTest};
use crate::{
    Client,
    calls::Call,
    client::{Request, settings},
    sse::Piece,
    transport::Transport,
    web::{Core, Drives, Port, link},
};

pub(super) struct Own {
    core: Rc<Taped>,
    address: String,
    transport: Transport,
    sent: Cell<u32>,
}

struct Taped {
    port: Port,
    tape: Rc<Tape>,
}

impl Drives for Taped {
    fn port(&self) -> &Port {
        &self.port
    }

    fn call(&self, call: Call) -> u32 {
        self.tape.call(call)
    }

    fn retries(&self) -> u64 {
        0
    }

    fn stream(&self) {
        self.tape.stream();
    }

    fn read(&self, chunk: &[u8]) -> Vec<Piece> {
        self.tape.read(chunk)
    }
}

impl UnderTest for Own {
    type Port = Port;

    async fn new(address: &str, transport: Transport) -> Self {
        let mut builder = Client::builder(address).transport(transport);
        let settings = settings(&mut builder, false);
        let tape = Rc::new(Tape::new());
        let core = Rc::new_cyclic(|core: &Weak<Taped>| {
            let core: Weak<Core> = Weak::<Taped>::clone(core);
            Taped { port: Port::new(settings, core), tape: Rc::clone(&tape) }
        });
        let deliver = move |message: crate::Message| {
            let data = match message.text() {
                Some(text) => Data::Text(text.to_owned()),
                None => Data::Bytes(message.bytes().to_vec()),
            };
            let (kind, last_event_id) = (message.kind().to_owned(), message.last_event_id().to_owned());
            tape.deliver(Delivered { data, kind, last_event_id });
        };
        core.port.deliver_to(Box::new(deliver), None);
        Self { core, address: address.to_owned(), transport, sent: Cell::new(0) }
    }

    fn port(&self) -> &Port {
        &self.core.port
    }

    fn tape(&self) -> &Rc<Tape> {
        &self.core.tape
    }

    async fn prepare(&self, _: u32) -> Transport {
        self.core.port.prepare(Request::get(self.address.as_str()), Vec::new(), false);
        self.transport
    }

    fn keep(&self, data: &Data) -> u32 {
        let data = match data {
            Data::Text(text) => link::Data::Text(text.as_str().into()),
            Data::Bytes(bytes) => link::Data::Bytes(bytes.as_slice().into()),
        };
        let id = self.sent.get() + 1;
        self.sent.set(id);
        self.core.port.keep(id, data, None);
        id
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        crate::driver::Port::dispose(&self.core.port, 0);
    }
}
