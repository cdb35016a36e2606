//! Decides what carries the cursor to the server: what the app chose (`resume.via`), or what suits the request.

use super::{Connection, config::LONGEST_ID};

/// `resume.via`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Via {
    Query,
    Header,
    /// In the first frame of a WebSocket.
    Frame,
    /// The app adds it to the address.
    Url,
}

/// What is known of the request that is about to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Asking {
    pub(crate) via: Option<Via>,
    pub(crate) by: By,
    /// A header that everwire adds needs no preflight, and arrives unchanged.
    pub(crate) plain: bool,
    /// The cursor has only characters that a header can hold.
    pub(crate) fits: bool,
    /// The app has put the cursor into the address.
    pub(crate) placed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum By {
    WebSocket,
    /// An EventSource: the browser sends the header only when it reconnects by itself.
    EventSource,
    Fetch,
}

/// What becomes of the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Carrier {
    /// There is no cursor, or the app sends it.
    App = 0,
    /// It is left out.
    Nothing = 1,
    Header = 2,
    Query = 3,
    /// The cursor is too long: this request must not be made.
    TooLong = 4,
}

impl Asking {
    fn carrier(self) -> Carrier {
        let Self { via, by, plain, fits, placed } = self;
        // An event stream has no frames to send.
        let via = via.filter(|via| by == By::WebSocket || *via != Via::Frame);
        let header = match by {
            By::WebSocket => false,
            By::EventSource => via == Some(Via::Header),
            By::Fetch => fits && via.map_or(plain, |via| via == Via::Header),
        };
        match via {
            _ if header => Carrier::Header,
            Some(Via::Frame | Via::Url) => Carrier::App,
            None if placed => Carrier::App,
            _ => Carrier::Query,
        }
    }
}

impl Connection {
    /// Decides for a cursor that has so many bytes in a header, or in the address; 0: there is no cursor.
    pub(crate) fn goes_up(&mut self, asking: Asking, header: u32, query: u32) -> Carrier {
        let carrier = asking.carrier();
        let length = match carrier {
            Carrier::App => 0,
            Carrier::Header => header,
            _ => query,
        };
        let known = self.ids.has_cursor() && !self.cursor_probe.leaves_out();
        self.cursor_probe.goes_up(if known { length } else { 0 });
        match length {
            0 => Carrier::App,
            _ if !known => Carrier::Nothing,
            _ if length > LONGEST_ID => Carrier::TooLong,
            _ => carrier,
        }
    }
}
