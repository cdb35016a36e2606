//! Event streams over fetch: one request, and the bytes of its answer.
//!
//! No borrow is held across a call into JavaScript or to the one who is told: either may come back, and may drop the link.

use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    pin::pin,
    rc::Rc,
    task::{Poll, Waker},
};

use js_sys::{Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, Headers, ReadableStreamDefaultReader, RequestCache, RequestCredentials, RequestInit,
    RequestMode, RequestRedirect, Response, ResponseType, Url,
};

use super::{
    answer,
    link::{Flow, Outgoing, Reply, Tell, Told, Unanswered},
    page,
};
use crate::{
    client::{Credentials, Head, Redirect},
    codes::lost,
};

/// The longest chunk that is told at once, in bytes.
const CHUNK: u32 = 65_536;
const CURSOR: &str = "last-event-id";
/// A refusal's body is waited for no longer than this, in ms.
const BODY_WAIT: u32 = 300;
/// The longest answer to a POST that is read, in bytes.
const LONGEST_ANSWER: usize = 1 << 24;

#[wasm_bindgen]
extern "C" {
    /// Looked up at each call, so that what stands in its place counts.
    #[wasm_bindgen(catch)]
    fn fetch(url: &str, init: &RequestInit) -> Result<JsValue, JsValue>;

    /// What a reader gives.
    type Part;
    #[wasm_bindgen(method, getter)]
    fn done(this: &Part) -> bool;
    #[wasm_bindgen(method, getter)]
    fn value(this: &Part) -> JsValue;
}

/// A request under way, or its answer. Its drop ends both, and nothing more is told.
pub(crate) struct Fetch(Rc<Link>);

impl Fetch {
    /// It is asked in a microtask. After [`Told::Lost`] or [`Told::Refused`] nothing more is told.
    pub(crate) fn new(outgoing: Outgoing, tell: Tell) -> Self {
        let link = Link::new();
        let run = Run { link: Rc::clone(&link), outgoing, tell };
        page::spawn(async move {
            let last = run.whole().await;
            // Chromium and Firefox tell of a policy after it has refused a fetch.
            if matches!(last, Some(Told::Lost { code: lost::NETWORK, .. })) {
                page::turn().await;
            }
            if let Some(last) = last.filter(|_| !run.link.over.get()) {
                (run.tell)(last);
            }
            run.link.end();
        });
        Self(link)
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// What ends a request from outside.
struct Link {
    abort: Option<AbortController>,
    reader: RefCell<Option<ReadableStreamDefaultReader>>,
    over: Cell<bool>,
    /// Of what waits for JavaScript, which may never answer.
    waker: RefCell<Option<Waker>>,
}

impl Link {
    fn new() -> Rc<Self> {
        Rc::new(Self {
            abort: AbortController::new().ok(),
            reader: RefCell::default(),
            over: Cell::new(false),
            waker: RefCell::default(),
        })
    }

    fn end(&self) {
        self.over.set(true);
        let (waker, reader) = (self.waker.take(), self.reader.take());
        if let Some(waker) = waker {
            waker.wake();
        }
        if let Some(abort) = &self.abort {
            abort.abort();
        }
        // What stands in the place of fetch may not look at the signal.
        if let Some(reader) = reader {
            cancel(&reader);
        }
    }

    /// Waits no longer than until the link is over: then this gives `None`.
    async fn within<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        poll_fn(|context| {
            if self.over.get() {
                return Poll::Ready(None);
            }
            let polled = future.as_mut().poll(context).map(Some);
            if polled.is_pending() {
                drop(self.waker.replace(Some(context.waker().clone())));
            }
            polled
        })
        .await
    }
}

/// A request, and whom it is told to.
struct Run {
    link: Rc<Link>,
    outgoing: Outgoing,
    tell: Tell,
}

/// Why there is no answer: the code of the loss, or `None` where nobody asks any more.
type Missing = Option<u32>;

/// How a redirect is met.
#[derive(Clone, Copy)]
enum Hops {
    Followed,
    /// Those that stay on the page's own origin.
    Near,
    /// None; it is seen that there was one.
    Seen,
}

impl Run {
    /// Gives the last word, or `None` where nobody listens any more.
    async fn whole(&self) -> Option<Told> {
        if self.link.over.get() {
            return None;
        }
        let response = match self.answer().await {
            Ok(response) => response,
            Err(code) => return code.map(lost),
        };
        let Outgoing { url, method, content_type, .. } = &self.outgoing;
        let (status, headers, method) = (response.status(), response.headers(), method.as_deref());
        let header = |name| headers.get(name).ok().flatten();
        if !answer::is_answer(status, method) {
            let retry_after =
                answer::retry_after(header("retry-after").as_deref(), header("date").as_deref(), wall());
            self.refused(&response).await?;
            return Some(Told::Refused { status, retry_after });
        }
        if !answer::is_event_stream(&header("content-type").unwrap_or_default(), *content_type) {
            self.refused(&response).await?;
            return Some(lost(lost::CONTENT_TYPE));
        }
        let from = response.url();
        // What stands in the place of fetch may not say.
        let from = if from.is_empty() { url.clone() } else { from };
        // Before it is told: what ends the link then ends the body as well.
        let reader = match response.body().map(|body| ReadableStreamDefaultReader::new(&body)) {
            None => None,
            Some(Ok(reader)) => Some(reader),
            Some(Err(_)) => return Some(lost(lost::NETWORK)),
        };
        drop(self.link.reader.replace(reader.clone()));
        let head = Head::new(status, page::Headers(headers.clone()));
        self.told(Told::Opened { from: Some(from), head: Some(head) }).await?;
        self.read(reader).await
    }

    /// Tells what there is to be told of an answer that is no event stream: of its body what comes soon.
    async fn refused(&self, response: &Response) -> Option<()> {
        let content_type = response.headers().get("content-type").ok().flatten().unwrap_or_default();
        let mut body = String::new();
        let length = self.outgoing.failure_body;
        match response.body().map(|body| ReadableStreamDefaultReader::new(&body)) {
            Some(Ok(reader)) if length > 0 => {
                drop(self.link.reader.replace(Some(reader.clone())));
                let late = reader.clone();
                let timer = page::Timer::new(BODY_WAIT, move || cancel(&late));
                let bytes = self.link.within(beginning(&reader, 4 * length)).await?;
                drop(timer);
                drop(self.link.reader.take());
                cancel(&reader);
                body = String::from_utf8_lossy(&bytes).chars().take(length).collect();
            }
            Some(Ok(reader)) => cancel(&reader),
            Some(Err(_)) | None => {}
        }
        self.told(Told::Answered { content_type, body }).await
    }

    /// `None`: nobody listens any more.
    async fn told(&self, told: Told) -> Option<()> {
        match (self.tell)(told) {
            Flow::Go => {}
            Flow::Wait(first) => self.link.within(first).await?,
        }
        (!self.link.over.get()).then_some(())
    }

    async fn read(&self, reader: Option<ReadableStreamDefaultReader>) -> Option<Told> {
        while let Some(reader) = &reader {
            let Ok(part) = self.link.within(JsFuture::from(reader.read())).await? else {
                return Some(lost(lost::NETWORK));
            };
            let part: Part = part.unchecked_into();
            if part.done() {
                break;
            }
            // Not `instanceof`: of any realm.
            let value = part.value();
            if Reflect::get(&value, &"BYTES_PER_ELEMENT".into()).ok().and_then(|size| size.as_f64())
                != Some(1.0)
            {
                return Some(lost(lost::NETWORK));
            }
            let bytes: Uint8Array = value.unchecked_into();
            let length = bytes.length();
            let mut from = 0;
            while from < length {
                let to = length.min(from + CHUNK);
                let chunk =
                    if to - from == length { bytes.to_vec() } else { bytes.subarray(from, to).to_vec() };
                self.told(Told::Chunk(chunk)).await?;
                from = to;
            }
        }
        if self.outgoing.flush {
            self.told(Told::Chunk(b"\n\n".to_vec())).await?;
        }
        Some(Told::Lost { code: lost::END, reason: String::new(), orderly: true })
    }

    /// What the app gave for one origin goes to no other by a redirect. A page sees none before it is followed, but may forbid those
    /// that leave its own origin (Fetch, "mode"), or all. A stream with no more than the cursor is followed anywhere, as natively;
    /// the cursor then goes into the address, as a header would need the other origin's leave.
    async fn answer(&self) -> Result<Response, Missing> {
        let Outgoing { url, method, headers: given, body, redirect, credentials, astray, .. } =
            &self.outgoing;
        let blocked = |_| Some(lost::BLOCKED);
        let headers = Headers::new().map_err(blocked)?;
        for (name, value) in given {
            headers.append(name, value).map_err(blocked)?;
        }
        let origin = Url::new(url).map_err(blocked)?.origin();
        let is_cursor = |name: &str| name.eq_ignore_ascii_case(CURSOR);
        let own = redirect.is_some()
            || !answer::is_safe(method.as_deref())
            || body.is_some()
            || *credentials == Credentials::Include
            || given.iter().any(|(name, value)| !is_cursor(name) && value.trim() != "text/event-stream");
        let carries = given.iter().any(|(name, _)| is_cursor(name));
        if *redirect == Some(Redirect::Follow) || !(own || carries) {
            return self.ask(url, &headers, Hops::Followed).await;
        }
        let here = Reflect::get(&js_sys::global(), &"origin".into()).ok().and_then(|here| here.as_string());
        let near = *redirect != Some(Redirect::Error) && here.is_some_and(|here| here == origin);
        // Asked once, as the server may act on it, or the address be good for one request. So nobody knows what it failed of.
        if near && own {
            return self.ask(url, &headers, Hops::Near).await;
        }
        let response = self.ask(url, &headers, Hops::Seen).await?;
        // Outside of a page it can be seen.
        let redirected = response.type_() == ResponseType::Opaqueredirect
            || matches!(response.status(), 301 | 302 | 303 | 307 | 308);
        if !redirected {
            return Ok(response);
        }
        discard(&response);
        if near {
            match self.ask(url, &headers, Hops::Near).await {
                Err(Some(_)) => {}
                answered => return answered,
            }
        }
        let Some(astray) = astray.as_ref().filter(|_| !own) else { return Err(Some(lost::REDIRECT)) };
        headers.delete(CURSOR).map_err(blocked)?;
        self.ask(&astray(url), &headers, Hops::Followed).await
    }

    async fn ask(&self, url: &str, headers: &Headers, hops: Hops) -> Result<Response, Missing> {
        let Outgoing { method, body, credentials, same_origin, .. } = &self.outgoing;
        let init = RequestInit::new();
        init.set_headers(headers);
        init.set_cache(RequestCache::NoStore);
        init.set_signal(self.link.abort.as_ref().map(AbortController::signal).as_ref());
        if let Some(method) = method {
            init.set_method(method);
        }
        if let Some(body) = body {
            init.set_body(&Uint8Array::from(body.as_slice()));
        }
        init.set_credentials(match credentials {
            Credentials::Omit => RequestCredentials::Omit,
            Credentials::SameOrigin => RequestCredentials::SameOrigin,
            Credentials::Include => RequestCredentials::Include,
        });
        if *same_origin {
            init.set_mode(RequestMode::SameOrigin);
        }
        match hops {
            Hops::Followed => {}
            Hops::Near => init.set_mode(RequestMode::SameOrigin),
            Hops::Seen => init.set_redirect(RequestRedirect::Manual),
        }
        let network = |_| Some(lost::NETWORK);
        let asked = Promise::resolve(&fetch(url, &init).map_err(network)?);
        let Some(answered) = self.link.within(JsFuture::from(asked.clone())).await else {
            // What stands in the place of fetch may answer all the same.
            page::spawn(async move {
                if let Ok(response) = JsFuture::from(asked).await
                    && response.is_object()
                {
                    discard(response.unchecked_ref());
                }
            });
            return Err(None);
        };
        let response = answered.map_err(network)?;
        if response.is_object() { Ok(response.unchecked_into()) } else { Err(Some(lost::NETWORK)) }
    }
}

/// The head of the answer to a request that is no stream's, by the rules of one. Its drop calls it off.
pub(crate) fn ask(outgoing: Outgoing) -> impl Future<Output = Result<Reply, Unanswered>> + 'static {
    let link = Link::new();
    let guard = Fetch(Rc::clone(&link));
    let run = Run { link, outgoing, tell: Rc::new(|_| Flow::Go) };
    async move {
        let response = run.answer().await.map_err(|_| Unanswered::Network)?;
        let reply = reply(&response);
        discard(&response);
        drop(guard);
        Ok(reply)
    }
}

/// Posts at once, and gives the answer with its body. Its drop calls it off. `keepalive`: it outlives the page.
pub(crate) fn post(
    outgoing: &Outgoing,
    keepalive: bool,
) -> impl Future<Output = Result<Reply, Unanswered>> + 'static + use<> {
    let link = Link::new();
    let asked = posted(outgoing, keepalive, &link);
    let guard = Fetch(Rc::clone(&link));
    async move {
        let network = |_| Unanswered::Network;
        let answered = JsFuture::from(asked?).await.map_err(network)?;
        if !answered.is_object() {
            return Err(Unanswered::Network);
        }
        let response: Response = answered.unchecked_into();
        if response.type_() == ResponseType::Opaqueredirect {
            return Err(Unanswered::Redirected);
        }
        let mut reply = reply(&response);
        match response.body().filter(|_| reply.is_json()) {
            Some(body) => {
                let reader = ReadableStreamDefaultReader::new(&body).map_err(network)?;
                drop(link.reader.replace(Some(reader.clone())));
                reply.text = text(&reader).await.ok_or(Unanswered::Network)?;
            }
            None => discard(&response),
        }
        drop(guard);
        Ok(reply)
    }
}

/// A browser makes a GET of a POST that is redirected, and the body is lost without a word: so none is followed.
fn posted(outgoing: &Outgoing, keepalive: bool, link: &Link) -> Result<Promise, Unanswered> {
    let invalid = |_| Unanswered::Invalid;
    let headers = Headers::new().map_err(invalid)?;
    for (name, value) in &outgoing.headers {
        headers.append(name, value).map_err(invalid)?;
    }
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_headers(&headers);
    init.set_cache(RequestCache::NoStore);
    init.set_redirect(RequestRedirect::Manual);
    init.set_signal(link.abort.as_ref().map(AbortController::signal).as_ref());
    init.set_body(&Uint8Array::from(outgoing.body.as_deref().unwrap_or_default()));
    if outgoing.credentials == Credentials::Include {
        init.set_credentials(RequestCredentials::Include);
    }
    if keepalive {
        // It is an object of ours.
        let _ = Reflect::set(&init, &"keepalive".into(), &JsValue::TRUE);
    }
    let answered = fetch(&outgoing.url, &init).map_err(|_| Unanswered::Network)?;
    Ok(Promise::resolve(&answered))
}

/// Up to so many bytes, and to what breaks it off.
async fn beginning(reader: &ReadableStreamDefaultReader, length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < length {
        let Ok(part) = JsFuture::from(reader.read()).await else { break };
        let part: Part = part.unchecked_into();
        if part.done() {
            break;
        }
        bytes.extend(Uint8Array::new(&part.value()).to_vec());
    }
    bytes
}

/// To the end; of one that is longer than anybody waits for, the beginning.
async fn text(reader: &ReadableStreamDefaultReader) -> Option<String> {
    let mut bytes = Vec::new();
    while bytes.len() < LONGEST_ANSWER {
        let part: Part = JsFuture::from(reader.read()).await.ok()?.unchecked_into();
        if part.done() {
            break;
        }
        bytes.extend(Uint8Array::new(&part.value()).to_vec());
    }
    cancel(reader);
    Some(String::from_utf8_lossy(&bytes).trim_start_matches('\u{feff}').to_owned())
}

fn reply(response: &Response) -> Reply {
    let headers = response.headers();
    Reply::new(response.status(), |name| headers.get(name).ok().flatten(), wall())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time of day in ms")]
fn wall() -> u64 {
    js_sys::Date::now() as u64
}

fn lost(code: u32) -> Told {
    Told::Lost { code, reason: String::new(), orderly: false }
}

/// Nobody is going to read this answer.
fn discard(response: &Response) {
    if let Some(Ok(reader)) = response.body().as_ref().map(ReadableStreamDefaultReader::new) {
        cancel(&reader);
    }
}

/// What is cancelled may have failed already: nobody asks.
fn cancel(reader: &ReadableStreamDefaultReader) {
    let cancelled = reader.cancel();
    page::spawn(async move {
        let _ = JsFuture::from(cancelled).await;
    });
}
