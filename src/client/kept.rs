//! A client whose place in the stream, or whose outbox, outlives its page.

use std::rc::{Rc, Weak};

use super::{Event, StorageError, Stored, imp::Driver, inbox::Inbox};
#[cfg(feature = "duplex")]
use super::{Persist, Sending, imp, persist::Begin};
#[cfg(feature = "duplex")]
use crate::web::persist::Outside;
use crate::{
    State,
    error::OptionError,
    web::{
        Core,
        place::{Around, Fixed},
    },
};

/// What is told when something is not stored any more. After the client's end nobody hears of it.
fn tells(driver: &Rc<Driver>, inbox: &Rc<Inbox>) -> Box<dyn Fn(StorageError)> {
    let (driver, inbox) = (Rc::downgrade(driver), Rc::clone(inbox));
    Box::new(move |error| {
        if driver.upgrade().is_some_and(|driver| driver.state() != State::Closed) {
            inbox.push(Event::NotStored(error), 0);
        }
    })
}

pub(super) fn place(
    driver: &Rc<Driver>,
    inbox: &Rc<Inbox>,
    stored: &Stored,
    manual: bool,
    fixed: &Fixed,
    from: &str,
) -> Result<(), OptionError> {
    let waiting = Rc::clone(inbox);
    let core: Weak<Core> = Rc::<Driver>::downgrade(driver);
    let around = Around { core, waits: Box::new(move || waiting.has_messages()), tell: tells(driver, inbox) };
    let places = (stored.begin)(stored, manual, fixed, around, from)?;
    // Once, here.
    let _ = driver.port().places.set(places);
    Ok(())
}

#[cfg(feature = "duplex")]
pub(super) fn outbox(
    driver: &Rc<Driver>,
    inbox: &Rc<Inbox>,
    persist: Persist,
    begin: Begin,
) -> Result<(), OptionError> {
    let weak = Rc::downgrade(driver);
    let (posts, drops) = (Rc::clone(inbox), Rc::clone(inbox));
    let core: Weak<Core> = Rc::<Driver>::downgrade(driver);
    let keeps = begin(
        persist,
        Outside {
            core,
            post: Box::new(move |sending| posts.settles(sending)),
            drop: Box::new(move |sending, why| drops.discard(sending, why)),
            sending: Box::new(move |number, settled| {
                let driver = Weak::clone(&weak);
                Sending(imp::Sending { settled, number, kept: true, driver })
            }),
            tell: tells(driver, inbox),
        },
    )?;
    // Once, here.
    let _ = driver.port().keeps.set(Rc::clone(&keeps));
    keeps.start();
    Ok(())
}
