//! What the browser refuses by itself is told at once, by name, on every transport.

use everwire::{
    Builder, Client, Failure, State, Transport,
    endpoint::{EndpointError, Request, Ways},
    error::ConnectError,
    event::CloseReason,
};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::support::{Live, QUICK, Record, Server, millis, until_closed, wait::until};

/// By the Fetch standard's list.
const PORTS: &str = "0 1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 113 115 117 119 \
    123 135 137 139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 540 548 554 556 563 587 601 636 989 990 993 995 1719 \
    1720 1723 2049 3659 4045 4190 5060 5061 6000 6566 6665 6666 6667 6668 6669 6679 6697 10080";

/// The address, with its port or user, for each transport.
fn ways(authority: &str) -> [(String, Transport); 3] {
    let (http, ws) = (format!("http://{authority}/"), format!("ws://{authority}/"));
    [(http.clone(), Transport::Fetch), (http, Transport::EventSource), (ws, Transport::WebSocket)]
}

fn by((address, transport): &(String, Transport)) -> Builder {
    Client::builder(address.as_str()).transport(*transport).reconnect(QUICK)
}

#[wasm_bindgen_test]
async fn each_port_that_browsers_block_is_blocked() {
    for port in PORTS.split_whitespace() {
        for way in ways(&format!("localhost:{port}")) {
            let mut wire = by(&way).live();
            let (closed, before) = until_closed(&mut wire).await;
            assert_eq!(
                (closed.reason, closed.failure),
                (CloseReason::Fatal, Some(Failure::Blocked)),
                "{way:?}"
            );
            assert_eq!(before, ["state Closed"], "{way:?}");
        }
    }
}

#[wasm_bindgen_test]
async fn ports_beside_those_are_not() {
    for port in ["2", "8", "14", "80", "442", "6001", "6664", "6670", "10079", "10081"] {
        for way in ways(&format!("127.0.0.1:{port}")) {
            let record = Record::of(by(&way).open_timeout(millis(1_000)).live());
            record
                .until("a retry", |seen| !seen.retries.is_empty() || seen.opens > 0 || seen.closed.is_some())
                .await;
            assert_ne!(record.handle.last_failure(), Some(Failure::Blocked), "{way:?}");
        }
    }
}

#[wasm_bindgen_test]
async fn a_user_name_or_password_is_an_error_and_from_a_function_fatal() {
    for authority in ["user:secret@localhost", "user@localhost", ":secret@localhost"] {
        for way in ways(authority) {
            match by(&way).connect() {
                Err(ConnectError::InvalidUrl(why)) => assert!(why.contains("user name or password"), "{why}"),
                other => panic!("{other:?}"),
            }
            let given = way.0.clone();
            let function = Client::builder_with(move |_| {
                let given = given.clone();
                async move { Ok::<_, EndpointError>(Request::get(given)) }
            });
            let mut wire = function.transport(way.1).reconnect(QUICK).live();
            let (closed, _) = until_closed(&mut wire).await;
            assert_eq!(
                (closed.reason, closed.failure),
                (CloseReason::Fatal, Some(Failure::Blocked)),
                "{way:?}"
            );
            assert!(!format!("{closed:?}").contains("secret"));
        }
    }
}

#[wasm_bindgen_test]
async fn where_there_is_another_way_or_endpoint_it_is_taken_at_once() {
    let server = Server::start().await;
    let stream = server.sse("/ticker");
    let slow = QUICK.with_initial_delay(millis(60_000)).with_max_delay(millis(60_000));
    for builder in [
        Client::builder(Ways::new().with_websocket("ws://localhost:6000/").with_sse(stream.as_str())),
        Client::builder("http://localhost:6000/").failover([stream.as_str()]),
    ] {
        let record = Record::of(builder.reconnect(slow.clone()).live());
        until("the other one", || record.handle.state() == State::Open).await;
        let seen = record.seen();
        assert_eq!((seen.retries.len(), seen.retries[0].failure), (1, Failure::Blocked));
    }
}
