//! The page's life, the timer, the clocks and chance.

use wasm_bindgen::JsCast;
use web_sys::{Event, EventTarget};

use super::{UnderTest, on_both, until};
use crate::{calls::Call, core::io::Page, driver::Port, transport::Transport::WebSocket};

on_both! {
    the_pages_life
    only_its_end
    a_timer
    a_timer_is_one
    a_timer_that_is_disarmed
    the_longest_timer
    clocks_and_chance
}

const TICK: Call = Call::Tick { behind: false };

fn dispatch(name: &str) {
    let window: EventTarget = js_sys::global().unchecked_into();
    window.dispatch_event(&Event::new(name).unwrap()).unwrap();
}

async fn alone<P: UnderTest>() -> P {
    P::new("ws://localhost:1/", WebSocket).await
}

async fn the_pages_life<P: UnderTest>() {
    let under_test = alone::<P>().await;
    // This page is visible and online.
    assert_eq!(under_test.port().watch(true), 0);
    dispatch("offline");
    dispatch("online");
    let told = [Page::Offline, Page::Online].map(Call::Page);
    assert_eq!(under_test.tape().told(), told);
    under_test.port().dispose(0);
    dispatch("offline");
    dispatch("online");
    assert_eq!(under_test.tape().told(), told);
}

async fn only_its_end<P: UnderTest>() {
    let under_test = alone::<P>().await;
    assert_eq!(under_test.port().watch(false), 0);
    dispatch("offline");
    dispatch("online");
    assert_eq!(under_test.tape().told(), []);
}

async fn a_timer<P: UnderTest>() {
    let under_test = alone::<P>().await;
    let began = P::Port::monotonic();
    under_test.port().arm(30);
    assert_eq!(under_test.tape().told(), []);
    under_test.told_last(TICK).await;
    // Browsers round both.
    assert!(P::Port::monotonic() - began > 28.0);
}

/// Its own timer and a later one of another client: when that has fired, this one has, or never will.
async fn after<P: UnderTest>(ms: i32) {
    let other = alone::<P>().await;
    other.port().arm(ms);
    other.told_last(TICK).await;
}

async fn a_timer_is_one<P: UnderTest>() {
    let under_test = alone::<P>().await;
    under_test.port().arm(5);
    under_test.port().arm(20);
    after::<P>(60).await;
    assert_eq!(under_test.tape().told(), [TICK]);
}

async fn a_timer_that_is_disarmed<P: UnderTest>() {
    let under_test = alone::<P>().await;
    under_test.port().arm(5);
    under_test.port().disarm();
    let disposed = alone::<P>().await;
    disposed.port().arm(5);
    disposed.port().dispose(0);
    after::<P>(40).await;
    assert_eq!((under_test.tape().told(), disposed.tape().told()), (vec![], vec![]));
}

async fn the_longest_timer<P: UnderTest>() {
    let under_test = alone::<P>().await;
    // A browser fires at once what is one longer.
    under_test.port().arm(i32::MAX);
    after::<P>(40).await;
    assert_eq!(under_test.tape().told(), []);
}

async fn clocks_and_chance<P: UnderTest>() {
    let _loaded = alone::<P>().await;
    let (before, wall) = (P::Port::monotonic(), js_sys::Date::now());
    until("the clock to go on", || P::Port::monotonic() > before).await;
    assert!((P::Port::wall() - wall).abs() < 5_000.0);
    let draws: Vec<f64> = (0..100).map(|_| P::Port::random()).collect();
    assert!(draws.iter().all(|draw| (0.0..1.0).contains(draw)));
    assert!(draws.iter().any(|draw| *draw < 0.5) && draws.iter().any(|draw| *draw >= 0.5));
}
