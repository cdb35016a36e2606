//! What carries the cursor up: the app's choice, `resume.via`, or what suits the request where the app leaves it open.

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

/// What is known of a request that is about to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Asking {
    pub(crate) via: Option<Via>,
    pub(crate) by: By,
    /// A header of ours costs no preflight, and arrives as it is.
    pub(crate) plain: bool,
    /// A header can hold the cursor at all.
    pub(crate) fits: bool,
    /// The app has made the address out of the cursor.
    pub(crate) placed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum By {
    WebSocket,
    /// It has the header only when the browser comes back by itself.
    EventSource,
    Fetch,
}

/// What becomes of the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Carrier {
    /// There is none, or the app sees to it.
    App = 0,
    /// It is left out.
    Nothing = 1,
    Header = 2,
    Query = 3,
    /// It is too long for anything: this request is not to be made.
    TooLong = 4,
}

impl Asking {
    fn carrier(self) -> Carrier {
        let Self { via, by, plain, fits, placed } = self;
        // SSE cannot send a frame.
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
    /// The cursor is about to go up: of so many bytes in a header, or in the address; 0: there is none.
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
