//! The request that tells the server to stop.

use std::{fmt, future::Future, rc::Rc};

use super::{Builder, Context, EndpointError, Request};
use crate::{
    Failure,
    core::failure::see,
    web::cancel::{Cancel, To},
};

/// Why the server was not told to stop: see [`Handle::cancel`](crate::Handle::cancel).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CancelError {
    /// There is nothing to stop: no request has gone out, or the client is closed. Or the builder has no
    /// [`cancel`](crate::Builder::cancel).
    Nothing,
    /// [`Failure::Http`] with the answer's status, [`Failure::Network`], [`Failure::OpenTimeout`] when there was no answer in the open
    /// timeout, or [`Failure::Provider`] when the function gave an error or an address that cannot be used.
    Failed(Failure),
}

impl fmt::Display for CancelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => {
                f.write_str("there is nothing to cancel")?;
                see(f, "closed")
            }
            Self::Failed(failure) => failure.fmt(f),
        }
    }
}

impl std::error::Error for CancelError {}

impl Builder {
    /// What [`Handle::cancel`](crate::Handle::cancel) tells the server: an address, which gets a POST, or a request with a method, headers and a
    /// body of its own.
    ///
    /// ```
    /// use everwire::{Client, endpoint::Request};
    /// let stop = Request::get("/v1/chat/7").with_method("DELETE");
    /// let builder = Client::builder(Request::post("/v1/chat", "hi")).cancel(stop);
    /// # drop(builder);
    /// ```
    pub fn cancel(mut self, request: impl Into<Request>) -> Self {
        self.cancel = Some(Rc::new(Cancel(To::Fixed(request.into()))));
        self
    }

    /// As [`cancel`](Self::cancel), by a function: of the id that the stream has come to, or of the head of its answer. `None`: it has told
    /// the server itself. After a 401 it is asked once more, with [`Reason::Unauthorized`](crate::endpoint::Reason::Unauthorized).
    ///
    /// ```
    /// use everwire::{Client, endpoint::{Request, path_segment}};
    /// let builder = Client::builder("/v1/chat").cancel_with(|context| async move {
    ///     let run = context.head.as_ref().and_then(|head| head.header("x-run-id"));
    ///     let run = run.as_deref().and_then(path_segment).ok_or("the run has no name")?;
    ///     Ok(Some(Request::get(format!("/v1/chat/{run}")).with_method("DELETE")))
    /// });
    /// # drop(builder);
    /// ```
    pub fn cancel_with<F, R, T>(mut self, cancel: F) -> Self
    where
        F: Fn(Context) -> R + 'static,
        R: Future<Output = Result<Option<T>, EndpointError>> + 'static,
        T: Into<Request>,
    {
        self.cancel = Some(Rc::new(Cancel(To::Function(Rc::new(move |context| {
            let asked = cancel(context);
            Box::pin(async { Ok(asked.await?.map(Into::into)) })
        })))));
        self
    }
}
