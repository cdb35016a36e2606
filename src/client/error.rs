//! One type for all errors.

use std::fmt;

use super::{CancelError, ConnectError, DecodeError, EncodeError, HandshakeOver, SendError, StorageError};
#[cfg(feature = "duplex")]
use super::{RequestError, SubscriptionError};
use crate::{error::OptionError, send::Dropped};

macro_rules! errors {
    ($($(#[$meta:meta])* $variant:ident($error:ident) $(=> $feature:literal)?)*) => {
        /// Any error of this crate, for an app that has one type for what fails: each of them becomes this one by `?`.
        ///
        /// ```
        /// use everwire::{Client, error::Error};
        /// async fn greet() -> Result<(), Error> {
        ///     let client = Client::builder("wss://example.com/live").connect()?;
        ///     let reply = client.handle().request(&serde_json::json!({ "method": "hello" })).await?;
        ///     println!("{}", reply.json::<String>()?);
        ///     Ok(())
        /// }
        /// ```
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Error {
            $($(#[$meta])* $(#[cfg(feature = $feature)])? $variant($error),)*
        }

        impl fmt::Display for Error {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self { $($(#[cfg(feature = $feature)])? Self::$variant(error) => error.fmt(f),)* }
            }
        }

        $($(#[cfg(feature = $feature)])? impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        })*
    };
}

errors! {
    /// There is no client.
    Connect(ConnectError)
    /// An option cannot work.
    Option(OptionError)
    /// A value cannot be JSON.
    Encode(EncodeError)
    /// A message is not what the type asks for.
    Decode(DecodeError)
    /// A value was not sent as the options say.
    Send(SendError)
    /// A send was dropped.
    Dropped(Dropped)
    /// A request got no reply, or one that is an error.
    Request(RequestError) => "duplex"
    /// Nothing more is stored.
    Storage(StorageError)
    /// A topic is not joined.
    Subscription(SubscriptionError) => "duplex"
    /// The server was not told to stop.
    Cancel(CancelError)
    /// The connection of a handshake is over.
    Handshake(HandshakeOver)
}

impl std::error::Error for Error {}
