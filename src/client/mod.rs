//! The client for Rust, and the driver that both APIs share.
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
pub(crate) mod driver;
