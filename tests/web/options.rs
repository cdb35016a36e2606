//! What cannot work is a value, at once, and nothing is opened.

use std::time::Duration;

use everwire::{
    Client, Transport,
    endpoint::Request,
    error::{ConnectError, OptionError},
    options::{Heartbeat, Reconnect},
};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::support::millis;

#[wasm_bindgen_test]
fn an_address_that_cannot_be_used() {
    let (socket, source) = (Some(Transport::WebSocket), Some(Transport::EventSource));
    for (address, transport, problem) in [
        ("ws://", None, "is not a URL"),
        ("wss://[1", None, "is not a URL"),
        ("http://[", source, "is not a URL"),
        ("wss://example.com/", source, "use http: or https:"),
        ("wss://example.com/", Some(Transport::Fetch), "use http: or https:"),
        ("ftp://example.com/", socket, "must have the scheme"),
        ("javascript:alert(1)", source, "must have the scheme"),
    ] {
        let mut builder = Client::builder(address);
        if let Some(transport) = transport {
            builder = builder.transport(transport);
        }
        match builder.connect() {
            Err(ConnectError::InvalidUrl(why)) => assert!(why.contains(problem), "{address}: {why}"),
            other => panic!("{address}: {other:?}"),
        }
    }
}

#[wasm_bindgen_test]
fn protocols_are_for_one_origin() {
    let connect = |others: Vec<Request>| {
        Client::builder("ws://127.0.0.1:9/a").protocols(["a"]).failover(others).connect().err()
    };
    let problem = "are for one origin: give endpoints of others Request::with_protocols";
    let invalid = Some(ConnectError::InvalidOption(OptionError { option: "protocols", problem }));
    for elsewhere in ["ws://127.0.0.1:10/", "wss://127.0.0.1:9/", "ws://localhost:9/", "ws://127.0.0.2:9/a"] {
        assert_eq!(connect(vec![elsewhere.into()]), invalid, "{elsewhere}");
        assert_eq!(connect(vec!["ws://127.0.0.1:9/b".into(), elsewhere.into()]), invalid, "{elsewhere}");
        assert_eq!(connect(vec![Request::get(elsewhere).with_protocols(["b"])]), None, "{elsewhere}");
        let none: [&str; 0] = [];
        assert_eq!(connect(vec![Request::get(elsewhere).with_protocols(none)]), None, "{elsewhere}");
    }
    // The same one, and those over which no protocol goes.
    for same in ["ws://127.0.0.1:9/b", "http://localhost:9/sse"] {
        assert_eq!(connect(vec![same.into()]), None, "{same}");
    }
}

#[wasm_bindgen_test]
fn an_option_that_cannot_work() {
    let builder = || Client::builder("ws://127.0.0.1:9/");
    let invalid = |option, problem| Some(ConnectError::InvalidOption(OptionError { option, problem }));
    assert_eq!(
        builder().heartbeat(Heartbeat::new().with_interval(millis(99))).connect().err(),
        invalid("heartbeat.interval", "must be 100 to 2147483647 ms")
    );
    assert_eq!(
        builder()
            .heartbeat(Heartbeat::new().with_interval(millis(200)).with_timeout(millis(201)))
            .connect()
            .err(),
        invalid("heartbeat.timeout", "must be 50 ms to heartbeat.interval")
    );
    assert_eq!(
        builder().reconnect(Reconnect::new().with_initial_delay(millis(1 << 31))).connect().err(),
        invalid("reconnect.initialDelay", "must be 0 to 2147483647 ms")
    );
    assert_eq!(
        builder().reconnect(Reconnect::new().with_max_delay(millis(99))).connect().err(),
        invalid("reconnect.maxDelay", "must be 100 to 2147483647 ms")
    );
    for factor in [-2.0, 0.9999, 100.001, f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
        assert_eq!(
            builder().reconnect(Reconnect::new().with_factor(factor)).connect().err(),
            invalid("reconnect.factor", "must be 1 to 100")
        );
    }
    for factor in [1.0, 1.5, 100.0] {
        assert_eq!(builder().reconnect(Reconnect::new().with_factor(factor)).connect().err(), None);
    }
    assert_eq!(
        builder().reconnect(Reconnect::new().with_max_attempts(0)).connect().err(),
        invalid("reconnect.maxAttempts", "must be 1 or more")
    );
    assert_eq!(
        builder().open_timeout(millis(0)).connect().err(),
        invalid("openTimeout", "must be 1 to 2147483647 ms")
    );
    // Not rounded up to what would do, and not cut down to it.
    assert_eq!(
        builder().open_timeout(Duration::from_micros(999)).connect().err(),
        invalid("openTimeout", "must be 1 to 2147483647 ms")
    );
    for time in [millis(999), millis(1 << 31), millis(u64::MAX), Duration::MAX] {
        for (reconnect, option) in [
            (Reconnect::new().with_max_age(time), "reconnect.maxAge"),
            (Reconnect::new().with_failback(time), "reconnect.failback"),
        ] {
            let error = builder().reconnect(reconnect).connect().err();
            assert_eq!(error, invalid(option, "must be 1000 to 2147483647 ms"));
        }
    }
}

#[wasm_bindgen_test]
fn a_runtime_without_the_transport() {
    let global = js_sys::global();
    for (name, address, transport) in [
        ("WebSocket", "ws://127.0.0.1:9/", Transport::WebSocket),
        ("EventSource", "http://127.0.0.1:9/", Transport::EventSource),
        ("fetch", "http://127.0.0.1:9/", Transport::Fetch),
    ] {
        let name = JsValue::from(name);
        let original = js_sys::Reflect::get(&global, &name).unwrap();
        assert!(js_sys::Reflect::delete_property(&global, &name).unwrap());
        let error = Client::builder(address).transport(transport).connect().err();
        js_sys::Reflect::set(&global, &name, &original).unwrap();
        assert_eq!(error, Some(ConnectError::Unsupported));
    }
}
