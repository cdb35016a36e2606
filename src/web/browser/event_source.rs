//! The browser's EventSource.

use std::rc::Rc;

use wasm_bindgen::prelude::*;
use web_sys::{EventSourceInit, MessageEvent};

use super::scope::{Listener, Stamps};
use crate::{
    client::Credentials,
    codes::lost,
    web::link::{Data, Outgoing, Tell, Told},
};

/// Its drop closes it, listeners first.
pub(super) struct EventSource {
    source: web_sys::EventSource,
    listeners: Vec<Listener>,
}

impl EventSource {
    pub(super) fn new(outgoing: &Outgoing, tell: Tell) -> Result<Self, ()> {
        let init = EventSourceInit::new();
        init.set_with_credentials(outgoing.credentials == Credentials::Include);
        let source =
            web_sys::EventSource::new_with_event_source_init_dict(&outgoing.url, &init).map_err(|_| ())?;
        let stamps = Stamps::default();
        let mut listeners = Vec::new();
        for name in outgoing.names.iter().map(String::as_str).chain(["message"]) {
            let (told, stamps) = (Rc::clone(&tell), stamps.clone());
            listeners.push(Listener::new(&source, name, move |event| {
                let at = stamps.at(&event);
                // The source's own `open` and `error` have no data.
                if let Some(event) = message(event) {
                    told(Told::Message {
                        data: Data::Text(event.data().as_string().unwrap_or_default().into()),
                        kind: Some(event.type_()),
                        last_event_id: Some(event.last_event_id()),
                        origin: Some(event.origin()),
                        at,
                    });
                }
            }));
        }
        for name in outgoing.keep_alive {
            let told = Rc::clone(&tell);
            listeners.push(Listener::new(&source, name, move |_| drop(told(Told::Alive))));
        }
        let told = Rc::clone(&tell);
        listeners.push(Listener::new(&source, "open", move |event| {
            // A server may name its events `open` and `error`, too.
            if message(event.clone()).is_none() {
                stamps.opened(&event);
                told(Told::Opened { from: None, head: None });
            }
        }));
        let (of, comes_back) = (source.clone(), outgoing.comes_back);
        listeners.push(Listener::new(&source, "error", move |event| {
            if message(event).is_some() {
                return;
            }
            let coming = of.ready_state() == web_sys::EventSource::CONNECTING;
            if comes_back && coming {
                tell(Told::Interrupted);
                return;
            }
            of.close();
            // What the browser would come back from may have been an orderly end: it does not say.
            tell(Told::Lost { code: lost::NETWORK, reason: String::new(), orderly: coming });
        }));
        Ok(Self { source, listeners })
    }
}

impl Drop for EventSource {
    fn drop(&mut self) {
        self.listeners.clear();
        self.source.close();
    }
}

/// One that the server sent.
fn message(event: web_sys::Event) -> Option<MessageEvent> {
    event.dyn_into().ok()
}
