//! The wasm of `everwire/auth`: one machine for each `tokens()`, in an instance of its own, and functions of numbers. It has
//! no part in the other wasms, whose visitors need not pay for it, and allocates nothing.

use std::cell::Cell;

use crate::core::tokens::{Had, Step, Tokens};

#[allow(unsafe_code, reason = "the types below are those of pkg-template/auth.js")]
#[link(wasm_import_module = "i")]
unsafe extern "C" {
    /// ms since 1970.
    #[link_name = "w"]
    safe fn wall() -> f64;
    /// The one timer fires in so many ms; below 0: it does not.
    #[link_name = "a"]
    safe fn arm(ms: f64);
}

thread_local! {
    static TOKENS: Cell<Tokens> = const { Cell::new(Tokens::new(0)) };
    /// What the timer was armed for.
    static ARMED: Cell<u64> = const { Cell::new(u64::MAX) };
}

/// What `auth.js` calls, by its kind.
enum Call {
    /// The first one: how long before its end a token is stale, in ms.
    Ahead {
        ms: u32,
    },
    /// A place needs a token. The one that it had is refused, or is not.
    Need {
        refused: Option<Had>,
    },
    /// A place waits no more.
    Leave,
    /// The answer to this question, and when it expires.
    Given {
        serial: u32,
        expires: f64,
    },
    /// There is none.
    Failed {
        serial: u32,
    },
    Forget,
    /// Whether there is anybody to keep it fresh for.
    Follow {
        followed: bool,
    },
    /// The timer fired.
    Tick,
}

impl Call {
    fn read(kind: u32, value: u32, expires: f64) -> Option<Self> {
        Some(match kind {
            0 => Self::Ahead { ms: value },
            1 => Self::Need {
                refused: match value {
                    0 => None,
                    1 => Some(Had::Unknown),
                    2 => Some(Had::Last),
                    _ => Some(Had::Older),
                },
            },
            2 => Self::Leave,
            3 => Self::Given { serial: value, expires },
            4 => Self::Failed { serial: value },
            5 => Self::Forget,
            6 => Self::Follow { followed: value != 0 },
            7 => Self::Tick,
            _ => return None,
        })
    }
}

/// The step, and above its three bits the number of the question.
#[allow(unsafe_code, reason = "an export's name: there is no other of this name")]
#[unsafe(no_mangle)]
extern "C" fn call(kind: u32, value: u32, expires: f64) -> u32 {
    let Some(call) = Call::read(kind, value, expires) else { return 0 };
    let mut tokens = TOKENS.get();
    let now = wall() as u64;
    let step = match call {
        Call::Ahead { ms } => {
            tokens = Tokens::new(ms.into());
            Step::Nothing
        }
        Call::Need { refused } => tokens.need(now, refused),
        Call::Leave => tokens.leave(),
        Call::Given { serial, expires } => tokens.given(now, serial, expires as u64),
        Call::Failed { serial } => tokens.failed(now, serial),
        Call::Forget => tokens.forget(),
        Call::Follow { followed } => tokens.follow(now, followed),
        Call::Tick => {
            ARMED.set(u64::MAX);
            tokens.tick(now)
        }
    };
    TOKENS.set(tokens);
    let due = tokens.due();
    if ARMED.replace(due) != due {
        arm(if due == u64::MAX { -1.0 } else { due.saturating_sub(now) as f64 });
    }
    step as u32 | tokens.serial() << 3
}
