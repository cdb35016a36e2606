//! What outlives a page, in the storages and with the locks of real browsers. Other pages are played: by what they leave in the
//! storage, and by the locks that they hold.

use everwire::{
    Builder, Client, Event, Sent, State, Transport,
    error::{ConnectError, StorageError},
    options::{Persist, Resume, SendOptions},
    storage::Storage,
};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::support::{
    Live, QUICK, Record, Server, next, next_message,
    server::{Frame, unique},
    wait::{holds, within},
    web_socket,
};

#[wasm_bindgen(inline_js = "
export function hold(name) {
    let release;
    const held = new Promise((resolve) => (release = resolve));
    return new Promise((resolve) => {
        navigator.locks.request(name, () => (resolve(release), held));
    });
}
export async function held() {
    const { held, pending } = await navigator.locks.query();
    return [...held, ...pending].map(({ name }) => name);
}
export function refuse(of, name, given) {
    const before = Object.getOwnPropertyDescriptor(of, name);
    Object.defineProperty(of, name, { ...given, configurable: true });
    return () => (before ? Object.defineProperty(of, name, before) : delete of[name]);
}
export function refuseStorage(name) {
    return refuse(window, name, { get() { throw new DOMException(name, 'SecurityError'); } });
}
export function fillStorage() {
    return refuse(Storage.prototype, 'setItem', {
        value(name) { throw new DOMException(`no room for ${name}`, 'QuotaExceededError'); },
    });
}
export function refuseLocks() {
    return refuse(navigator, 'locks', { value: undefined });
}
export function leave(type, persisted) {
    window.dispatchEvent(new PageTransitionEvent(type, { persisted }));
}
export function tell(key) {
    window.dispatchEvent(new StorageEvent('storage', { key }));
}")]
extern "C" {
    async fn hold(name: &str) -> JsValue;
    async fn held() -> JsValue;
    #[wasm_bindgen(js_name = refuseStorage)]
    fn refuse_storage(name: &str) -> js_sys::Function;
    #[wasm_bindgen(js_name = fillStorage)]
    fn fill_storage() -> js_sys::Function;
    #[wasm_bindgen(js_name = refuseLocks)]
    fn refuse_locks() -> js_sys::Function;
    fn leave(kind: &str, persisted: bool);
    fn tell(key: &str);
}

fn call(function: &JsValue) {
    function.unchecked_ref::<js_sys::Function>().call0(&JsValue::NULL).unwrap();
}

async fn until_held(name: &str, count: usize) {
    let is = async || {
        let names = js_sys::Array::from(&held().await).to_vec();
        names.iter().filter(|other| other.as_string().as_deref() == Some(name)).count() == count
    };
    within(&format!("{count} of the lock {name}"), holds(is)).await;
}

fn name_of(key: &str) -> Option<String> {
    Storage::session().names().unwrap().into_iter().find(|name| name.starts_with(&format!("everwire {key} ")))
}

fn stored(key: &str) -> Option<String> {
    Storage::session().get_item(&name_of(key)?).unwrap()
}

/// Who signed it.
fn owner(key: &str) -> String {
    let parts: Vec<serde_json::Value> = serde_json::from_str(&stored(key).unwrap()).unwrap();
    parts[5].as_str().unwrap().to_owned()
}

fn kept(key: &str) -> Resume {
    Resume::new().with_id("id").with_seq("seq").with_storage(Storage::session(), key)
}

async fn until_stored(key: &str, id: &str) {
    let is = async || stored(key).is_some_and(|text| text.starts_with(&format!("[\"{id}\"")));
    within(&format!("{id} to be stored"), holds(is)).await;
}

async fn pull(client: &mut Client, ids: &[&str]) {
    for id in ids {
        assert_eq!(next_message(client).await.last_event_id(), *id);
    }
}

const THREE: &str = r#"["send","{\"id\":\"m1\",\"seq\":1}"],["send","{\"id\":\"m2\",\"seq\":2}"],["send","{\"id\":\"m3\",\"seq\":3}"]"#;
const MORE: &str = r#"["send","{\"id\":\"m3\",\"seq\":3}"],["send","{\"id\":\"m4\",\"seq\":4}"]"#;

#[wasm_bindgen_test]
async fn a_later_client_of_the_same_key_goes_on_where_the_earlier_one_was() {
    let server = Server::start().await;
    for transport in [Transport::WebSocket, Transport::EventSource, Transport::Fetch] {
        let key = unique();
        let socket = transport == Transport::WebSocket;
        let open = |to: u32| {
            let path = format!("/count?to={to}");
            let address = if socket { server.ws(&path) } else { server.sse(&path) };
            let resume =
                if socket { Resume::new().with_id("eventId").with_seq("seq") } else { Resume::new() };
            let resume = resume.with_storage(Storage::session(), key.as_str());
            Client::builder(address).transport(transport).reconnect(QUICK).resume(resume).live()
        };
        let first = Record::of(open(20));
        first.until("20 messages", |seen| seen.last() == 20).await;
        first.handle.close();
        assert!(stored(&key).unwrap().starts_with(r#"["20""#), "what close() left behind");
        let second = Record::of(open(25));
        assert_eq!(second.handle.last_event_id(), "20");
        second.until("the rest", |seen| seen.last() == 25).await;
        assert_eq!(second.seen().numbers, [21, 22, 23, 24, 25], "{transport}");
        // Ids alone do not prove it where the replay begins after the last one.
        assert_eq!(second.seen().gaps.len(), usize::from(!socket));
    }
}

#[wasm_bindgen_test]
async fn the_place_is_written_250_ms_later_and_when_the_page_is_left() {
    let server = Server::start().await;
    let (key, script) = (unique(), server.script("ws", &format!("[[{THREE}]]")));
    let mut client = web_socket(&script.url).resume(kept(&key)).live();
    pull(&mut client, &["m1"]).await;
    until_stored(&key, "m1").await;
    pull(&mut client, &["m2"]).await;
    assert!(stored(&key).unwrap().starts_with("[\"m1\""), "not yet");
    leave("pagehide", true);
    assert!(stored(&key).unwrap().starts_with("[\"m2\""), "at once");

    // A page in the back/forward cache holds no lock, and takes it when it comes back.
    let owner = owner(&key);
    until_held(&owner, 0).await;
    leave("pageshow", true);
    until_held(&owner, 1).await;
    client.handle().close();
    until_held(&owner, 0).await;
}

#[wasm_bindgen_test]
async fn committed_by_hand() {
    let server = Server::start().await;
    let (key, script) = (unique(), server.script("ws", &format!("[[{THREE}],[{MORE}]]")));
    let open = || web_socket(&script.url).resume(kept(&key).with_manual_commit()).live();
    let mut client = open();
    let mut messages = Vec::new();
    for _ in 0..3 {
        messages.push(next_message(&mut client).await);
    }
    let handle = client.handle();
    handle.commit(&messages[2]).unwrap();
    handle.commit(&messages[0]).unwrap();
    until_stored(&key, "m3").await;
    drop(client);
    let mut again = open();
    pull(&mut again, &["m4"]).await;
    assert_eq!(again.handle().commit(&messages[2]).unwrap_err().option, "commit");
}

#[wasm_bindgen_test]
async fn a_place_of_a_page_that_lives_is_left_alone_and_one_of_a_page_that_goes_is_taken_over() {
    let server = Server::start().await;
    for lives in [true, false] {
        let (key, other) = (unique(), unique());
        let script = server.script("ws", &format!("[[{MORE},[\"wait\",20]]]"));
        // Its name in the storage.
        drop(web_socket(&script.url).resume(kept(&key)).live());
        let name = format!("everwire {key} {}", script.url.split('?').next().unwrap());
        let line = format!(r#"["m2",2,null,null,null,"{other}"]"#);
        Storage::session().set_item(&name, &line).unwrap();
        let release = hold(&other).await;
        let mut client = web_socket(&script.url).resume(kept(&key)).live();
        pull(&mut client, &["m3", "m4"]).await;
        if lives {
            while next(&mut client).await != Event::NotStored(StorageError::Taken) {}
            client.handle().close();
            assert_eq!(stored(&key), Some(line));
            call(&release);
        } else {
            call(&release);
            until_stored(&key, "m4").await;
            assert_ne!(owner(&key), other);
        }
    }
}

#[wasm_bindgen_test]
async fn a_storage_that_throws_is_told_once_and_the_stream_goes_on() {
    let server = Server::start().await;
    for full in [false, true] {
        let script = server.script("ws", &format!("[[{THREE}]]"));
        let restore = if full { fill_storage() } else { refuse_storage("sessionStorage") };
        let mut client = web_socket(&script.url).resume(kept(&unique())).live();
        let mut errors = Vec::new();
        let mut events = 0;
        while events < 3 {
            match next(&mut client).await {
                Event::NotStored(error) => errors.push(error),
                Event::Message(_) => events += 1,
                _ => {}
            }
        }
        leave("pagehide", true);
        leave("pagehide", true);
        client.handle().close();
        while let Some(event) = within("the end", client.next()).await {
            if let Event::NotStored(error) = event {
                errors.push(error);
            }
        }
        call(&restore);
        let name = StorageError::Failed("QuotaExceededError".to_owned());
        assert_eq!(errors, [if full { name } else { StorageError::Unavailable }]);
    }
}

#[wasm_bindgen_test]
async fn where_there_are_no_locks_a_place_is_stored_and_an_outbox_is_not() {
    let server = Server::start().await;
    let (key, script) = (unique(), server.script("ws", &format!("[[{THREE}]]")));
    let restore = refuse_locks();
    let mut client = web_socket(&script.url).resume(kept(&key)).live();
    let refused = outbox(&script.url, Persist::new(unique())).connect().err();
    call(&restore);
    pull(&mut client, &["m1", "m2", "m3"]).await;
    drop(client);
    assert!(stored(&key).unwrap().ends_with(",null,null]"));
    let Some(ConnectError::InvalidOption(error)) = refused else { panic!("{refused:?}") };
    assert_eq!(error.option, "outbox.persist");
    assert!(error.problem.contains("https:"), "{error}");
}

fn outbox(url: &str, persist: Persist) -> Builder {
    web_socket(url).acks(|message| message.text()?.strip_prefix("n ").map(str::to_owned)).persist(persist)
}

fn waiting(key: &str) -> Vec<String> {
    let prefix = format!("everwire-outbox {key}\n");
    let names = Storage::local().names().unwrap();
    names.into_iter().filter(|name| name.starts_with(&prefix)).collect()
}

fn left(key: &str, tab: &str, number: u32) -> String {
    let name = format!("everwire-outbox {key}\n{tab}\n{number:012}");
    let line = format!(r#"{{"message":"n {number}","ack":"{number}"}}"#);
    Storage::local().set_item(&name, &line).unwrap();
    name
}

fn texts(numbers: std::ops::RangeInclusive<u32>) -> Vec<Frame> {
    numbers.map(|number| Frame::Text(format!("n {number}"))).collect()
}

#[wasm_bindgen_test]
async fn what_another_page_left_is_sent_when_it_is_gone_and_before_its_own() {
    let server = Server::start().await;
    let (key, tab) = (unique(), unique());
    let script = server.script("ws", r#"[[["echo"]]]"#);
    left(&key, "gone", 1);
    left(&key, "gone", 2);
    left(&key, &tab, 4);
    let release = hold(&format!("everwire-outbox {key}\n{tab}")).await;
    let client = outbox(&script.url, Persist::new(key.as_str())).live();
    let own = client.handle().send_with("n 3", &SendOptions::new().with_ack("3")).unwrap();
    assert_eq!(within("its own", own).await, Sent::Acked);
    script.until_received(&texts(1..=3)).await;
    within("the ack of what is gone", holds(async || waiting(&key).len() == 1)).await;
    call(&release);
    script.until_received(&texts(1..=4)).await;
    within("nothing to be left", holds(async || waiting(&key).is_empty())).await;
    // Of a page that came later.
    tell(&left(&key, "later", 5));
    script.until_received(&texts(1..=5)).await;
    within("nothing to be left", holds(async || waiting(&key).is_empty())).await;
}

#[wasm_bindgen_test]
async fn what_has_no_ack_yet_stays_for_the_next_page_and_is_forgotten_at_the_end() {
    let server = Server::start().await;
    let key = unique();
    let script = server.script("ws", r#"[[["mute"]]]"#);
    let client = outbox(&script.url, Persist::new(key.as_str())).live();
    let send = |number: u32| {
        let options = SendOptions::new().with_ack(number.to_string());
        client.handle().send_with(&format!("n {number}"), &options).unwrap()
    };
    let [first, _second] = [send(1), send(2)];
    script.until_received(&texts(1..=2)).await;
    let names = waiting(&key);
    assert_eq!(names.len(), 2);
    // While it lives its lock says so.
    let lock = names[0].rsplit_once('\n').unwrap().0;
    until_held(lock, 1).await;
    client.handle().close();
    assert_eq!(within("the fate", first).await, Sent::Unknown);
    assert_eq!(waiting(&key), [""; 0]);
    until_held(lock, 0).await;
    assert_eq!(client.handle().state(), State::Closed);
}

#[wasm_bindgen_test]
async fn an_outbox_that_cannot_be_stored_is_sent_all_the_same() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["echo"]]]"#);
    let restore = fill_storage();
    let mut client = outbox(&script.url, Persist::new(unique())).live();
    let options = SendOptions::new().with_ack("1");
    let sending = client.handle().send_with("n 1", &options).unwrap();
    call(&restore);
    assert_eq!(within("the ack", sending).await, Sent::Acked);
    let error = StorageError::Failed("QuotaExceededError".to_owned());
    while next(&mut client).await != Event::NotStored(error.clone()) {}
}
