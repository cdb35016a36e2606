//! The browser's WebSocket.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use js_sys::{ArrayBuffer, JsString, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{BinaryType, CloseEvent, MessageEvent};

use super::scope::{Listener, Stamps, Timer};
use crate::{
    codes::lost,
    web::link::{Data, Outgoing, Tell, Told},
};

/// What can send. It keeps nothing open.
#[derive(Clone)]
pub(crate) struct Socket(web_sys::WebSocket);

impl Socket {
    pub(crate) fn is_open(&self) -> bool {
        self.0.ready_state() == web_sys::WebSocket::OPEN
    }

    pub(crate) fn buffered(&self) -> u32 {
        self.0.buffered_amount()
    }

    /// The subprotocol that the server chose.
    pub(crate) fn protocol(&self) -> String {
        self.0.protocol()
    }

    /// False if the browser refuses it.
    pub(crate) fn send(&self, data: &Data) -> bool {
        match data {
            Data::Text(text) => self.0.send_with_str(text),
            // A copy: memory that grows would take it away.
            Data::Bytes(bytes) => self.0.send_with_array_buffer(&Uint8Array::from(&**bytes).buffer()),
        }
        .is_ok()
    }
}

/// Its drop closes it, listeners first.
pub(super) struct WebSocket {
    socket: Socket,
    listeners: Vec<Listener>,
    /// For the server.
    words: Option<(u16, String)>,
    /// Of an error that no close has followed yet.
    _error: Rc<RefCell<Option<Timer>>>,
}

impl WebSocket {
    pub(super) fn new(outgoing: &Outgoing, tell: Tell) -> Result<Self, ()> {
        let protocols: js_sys::Array =
            outgoing.protocols.iter().map(|name| JsValue::from_str(name)).collect();
        let socket = web_sys::WebSocket::new_with_str_sequence(&outgoing.url, &protocols).map_err(|_| ())?;
        // One that Chromium refuses is closed from the beginning; WebKit tells it by `error` alone.
        if socket.ready_state() == web_sys::WebSocket::CLOSED {
            return Err(());
        }
        socket.set_binary_type(BinaryType::Arraybuffer);
        let stamps = Stamps::default();
        let ended = Rc::new(Cell::new(false));
        let error = Rc::<RefCell<Option<Timer>>>::default();
        let mut listeners = Vec::new();

        let (told, opened) = (Rc::clone(&tell), stamps.clone());
        listeners.push(Listener::new(&socket, "open", move |event| {
            opened.opened(&event);
            told(Told::Opened { from: None, head: None });
        }));
        let told = Rc::clone(&tell);
        listeners.push(Listener::new(&socket, "message", move |event| {
            let at = stamps.at(&event);
            if let Some(data) = read(&event.unchecked_into::<MessageEvent>().data()) {
                told(Told::Message { data, kind: None, last_event_id: None, origin: None, at });
            }
        }));
        let (told, over) = (Rc::clone(&tell), Rc::clone(&ended));
        listeners.push(Listener::new(&socket, "close", move |event| {
            over.set(true);
            let event: CloseEvent = event.unchecked_into();
            // Below 1000 no server may say one (RFC 6455, 7.4.2), but browsers pass it on; the core's own words are there.
            let code = if event.code() > 999 { event.code().into() } else { lost::NETWORK };
            told(Told::Lost { code, reason: event.reason(), orderly: false });
        }));
        // Else `close` says all there is to say.
        let (failed, of) = (Rc::clone(&error), socket.clone());
        listeners.push(Listener::new(&socket, "error", move |_| {
            let (told, over, of) = (Rc::clone(&tell), Rc::clone(&ended), of.clone());
            let timer = Timer::new(0, move || {
                if !over.get() && of.ready_state() == web_sys::WebSocket::CLOSED {
                    told(Told::Lost { code: lost::NETWORK, reason: String::new(), orderly: false });
                }
            });
            let before = failed.replace(Some(timer));
            drop(before);
        }));
        Ok(Self { socket: Socket(socket), listeners, words: None, _error: error })
    }

    pub(super) fn socket(&self) -> Socket {
        self.socket.clone()
    }

    pub(super) fn close(mut self, code: u16, reason: &str) {
        self.words = (code > 0).then(|| (code, reason.to_owned()));
    }
}

impl Drop for WebSocket {
    fn drop(&mut self) {
        self.listeners.clear();
        // The code and the reason were checked when they were given, and without them it does not throw.
        let _ = match self.words.take() {
            Some((code, reason)) => self.socket.0.close_with_code_and_reason(code, &reason),
            None => self.socket.0.close(),
        };
    }
}

fn read(data: &JsValue) -> Option<Data> {
    match data.dyn_ref::<JsString>() {
        Some(text) => Some(Data::Text(String::from(text).into())),
        None => {
            let bytes = Uint8Array::new(data.dyn_ref::<ArrayBuffer>()?);
            Some(Data::Bytes(bytes.to_vec().into()))
        }
    }
}
