//! The page's side of a client, as the driver sees it.

/// What the driver asks of the page for one client. A port carries it out, and has no rule of its own. There are two: that of the
/// crate (`src/web`, over web-sys) and that of the npm package (its JavaScript, by the imports of its wasm).
///
/// The driver alone calls these; what a port has to say it tells as a [`Call`](crate::calls::Call), then or later: that a connection
/// opened, was refused or lost, that the timer fired, that the page was hidden.
///
/// No borrow is held across a call of these, by the driver or by a port of itself: each may run JavaScript, of the browser or of the
/// app, and that may come back in. A [`Call`](crate::calls::Call) that comes in meanwhile is carried out at once.
pub(crate) trait Port {
    // The connections. There are at most two of them: that in use, and a successor, which may take its place.

    /// Upon `Action::Open`: dials what was prepared when the core asked where to. False when the browser refuses. It is the successor;
    /// where none is in use it is taken at once.
    fn open(&self, attempt: u32, transport: u32) -> bool;

    /// Upon `Action::Switch`: the successor takes over, and the other connection is closed; or it is dropped.
    fn switch(&self, taken: bool);

    /// Upon `Action::Drop`: closes what there is, without a word more from it. `code`: what a WebSocket is closed with; 0: none.
    fn drop(&self, code: u16);

    // What goes out.

    /// Upon `Action::Transmit`: what became of this message ([`taken`](crate::codes::taken)).
    fn send(&self, id: u32) -> u32;

    /// Upon `Action::Ping`.
    fn ping(&self);

    /// Upon `Action::Stop`: this request of the uplink's is overdue.
    #[cfg(feature = "duplex")]
    fn stop(&self, request: u32);

    // What comes in. Where the core does not check each message, a port delivers by itself, and tells of them when it is asked.

    /// After each input, when the core has changed its mind: whether each message is to be checked by the core before it is delivered.
    fn set_checked(&self, checked: bool);

    /// Before each input: when something last came in, in ms of the monotonic clock.
    fn heard(&self) -> f64;

    /// Before the core rules on what it must know of, and before a drop: tells of the messages that were delivered since.
    fn drain(&self);

    // The timer, of which a client has one.

    /// After each input, when the core's next deadline is another one: tick in so many ms, and not when it was to be before.
    fn arm(&self, ms: i32);

    /// The same where there is no deadline.
    fn disarm(&self);

    // The page.

    /// First of all, and once: listens to the page's life, or only to its end where the client outlives it. What the page is now
    /// ([`begins`](crate::codes::begins)).
    fn watch(&self, all: bool) -> u32;

    /// Last of all, and once: a drop after which no event, timer, listener, connection or reader is left.
    fn dispose(&self, code: u16);

    // The clocks and chance, the same for all clients of a page. They call nothing back.

    /// In ms; it does not go back.
    fn monotonic() -> f64;

    /// In ms since 1970, as the machine's clock has it.
    fn wall() -> f64;

    /// From 0 up to, not including, 1.
    fn random() -> f64;
}
