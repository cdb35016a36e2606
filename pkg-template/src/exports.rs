//! The functions of numbers that the npm package's JavaScript calls: its facade (`pkg-template`) reads the options, encodes, decodes
//! and dispatches.

use std::{cell::RefCell, rc::Rc};

use crate::{calls::Call, core::place, driver, facade::Facade, options, port::Port};

// The default allocator and its like for threads cost 2 kB more than this one.
#[allow(unsafe_code, reason = "the allocator's contract: this build has one thread")]
#[global_allocator]
static ALLOCATOR: lol_alloc::AssumeSingleThreaded<lol_alloc::FreeListAllocator> =
    unsafe { lol_alloc::AssumeSingleThreaded::new(lol_alloc::FreeListAllocator::new()) };

thread_local! {
    /// By the numbers that `pkg-template/wasm.js` gives them.
    static CLIENTS: RefCell<Vec<Option<Rc<Driver>>>> = const { RefCell::new(Vec::new()) };
}

type Driver = driver::Driver<Facade>;

/// The one export, as each costs bytes. What it is called with stands in `calls.rs`.
#[allow(unsafe_code, reason = "an export's name: there is no other of this name")]
#[unsafe(no_mangle)]
extern "C" fn call(client: u32, kind: u32, attempt: u32, code: u32, high: u32, low: u32) -> u32 {
    let place = client as usize;
    let new = match Call::read(kind, attempt, code, high, low) {
        Some(Call::New { flags }) => Some(Rc::new(new(client, flags))),
        Some(Call::Free) => None,
        Some(Call::Write(facts)) => return place::write(facts) as u32,
        _ => {
            let driver = CLIENTS.with_borrow(|clients| clients.get(place).cloned().flatten());
            return driver.map_or(0, |driver| called(&driver, kind, attempt, code, high, low));
        }
    };
    let before = CLIENTS.with_borrow_mut(|clients| {
        if place == clients.len() {
            clients.push(None);
        }
        clients.get_mut(place).and_then(|place| std::mem::replace(place, new))
    });
    // Not within the borrow: a client that is still open calls its port.
    drop(before);
    0
}

fn called(driver: &Driver, kind: u32, attempt: u32, code: u32, high: u32, low: u32) -> u32 {
    // What the core is to rule by. A handler that reconnects in the middle of a message leaves an id behind, and
    // whether there is something to go on from matters to a page that freezes.
    if Call::rules(kind) {
        driver.learn();
    }
    driver.calls(|| Call::read(kind, attempt, code, high, low))
}

/// The facade has checked the options.
fn new(client: u32, flags: u32) -> Driver {
    let port = Port(client);
    let options::Given { config, watch_page, max_event_bytes, comments } = options::read(port, flags);
    Driver::new(config, port, Facade::new(client), watch_page, max_event_bytes, comments)
}
