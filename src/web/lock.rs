//! A lock that a page asks for, among all of its origin.

/// How.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// Together with others that want it so.
    Shared,
    Alone,
    /// Alone, and at once or not.
    IfFree,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Granted {
    Held,
    /// Another one has it.
    No,
    /// The browser does not give any.
    #[cfg_attr(
        not(all(target_arch = "wasm32", target_os = "unknown")),
        allow(dead_code, reason = "the double always does")
    )]
    Failed,
}
