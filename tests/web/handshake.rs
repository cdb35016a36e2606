//! What is said between a WebSocket's open and the client's.

use std::{cell::Cell, rc::Rc};

use everwire::{
    Event, State,
    endpoint::{HandshakeOver, Reason},
    error::{ConnectError, OptionError},
    event::CloseReason,
    options::Resume,
};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::support::{
    Live, Record, Server, event_source,
    server::Frame,
    until_closed,
    wait::{until, within},
    web_socket,
};

#[wasm_bindgen_test]
async fn it_comes_before_the_first_frame_and_what_it_leaves_is_the_apps() {
    let server = Server::start().await;
    let script = server.script(
        "ws",
        r#"[[["send","welcome"],["send","one"],["echo"]],[["send","welcome"],["send","two"],["echo"]]]"#,
    );
    let reasons = Rc::<Cell<Vec<Reason>>>::default();
    let seen = Rc::clone(&reasons);
    let builder = web_socket(&script.url)
        .resume(Resume::new().with_id("id"))
        .resume_frame(|_| Some("frame".to_owned()))
        .handshake(move |socket| {
            let mut reasons = seen.take();
            reasons.push(socket.reason());
            seen.set(reasons);
            async move {
                socket.send("hello")?;
                let answer = socket.receive().await?;
                if answer.text() == Some("welcome") { Ok(()) } else { Err("not welcome".into()) }
            }
        });
    let record = Record::of(builder.live());
    let _sending = record.handle.send("waits");
    record.until("the echo", |seen| seen.texts().contains(&"waits")).await;
    assert_eq!(record.seen().texts()[0], "one");
    let frames = ["hello", "frame", "waits"].map(|text| Frame::Text(text.to_owned()));
    script.until_received(&frames).await;
    server.fault("/fault/drop").await;
    record.until("the second connection", |seen| seen.texts().contains(&"two")).await;
    assert_eq!(reasons.take(), [Reason::Initial, Reason::Reconnect]);
}

#[wasm_bindgen_test]
async fn an_error_is_a_failed_attempt() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["send","no"]]]"#);
    let builder = web_socket(&script.url)
        .should_reconnect(|failure| failure.code() != "provider")
        .handshake(|socket| async move { Err(socket.receive().await?.text().unwrap_or_default().into()) });
    let (closed, before) = until_closed(&mut builder.live()).await;
    assert_eq!((closed.reason, closed.failure.unwrap().code()), (CloseReason::Fatal, "provider"));
    assert_eq!(before, ["state Closed"]);
}

#[wasm_bindgen_test]
async fn a_loss_ends_it() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["wait",50],["reset"]],[["send","in"]]]"#);
    let ended = Rc::new(Cell::new(0));
    let ends = Rc::clone(&ended);
    let mut wire = web_socket(&script.url)
        .handshake(move |socket| {
            let ends = Rc::clone(&ends);
            async move {
                // Its future is dropped at the loss, so what it holds is let go of.
                let _guard = Guard(ends);
                socket.receive().await?;
                Ok(())
            }
        })
        .live();
    until("the first one to end", || ended.get() == 1).await;
    within("the open", async { while !matches!(wire.next().await, Some(Event::Open(_))) {} }).await;
    wire.handle().close();
    assert_eq!(wire.handle().state(), State::Closed);
    until("both to end", || ended.get() == 2).await;
    // What cannot send has none.
    let none = event_source(&server.sse("/ticker")).handshake(|_| async { Err(HandshakeOver.into()) });
    let problem = "is for a WebSocket: SSE cannot send";
    let error = ConnectError::InvalidOption(OptionError { option: "handshake", problem });
    assert_eq!(none.connect().err(), Some(error));
}

struct Guard(Rc<Cell<u32>>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}
