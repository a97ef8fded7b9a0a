//! Errors as GraphQL callers see them.

use async_graphql::{Context, ErrorExtensions};

use super::mask::{Code, RETRY_AFTER};
use crate::error::Error;

/// An [`Error`] on its way to a caller: the only error type that resolvers return.
///
/// It has no `Display`, so that nothing turns into a message by accident.
#[derive(Clone, Debug)]
pub struct ApiError {
    code: Code,
    message: String,
    /// Seconds.
    retry_after: Option<u64>,
}

/// What a resolver of a nullable field returns: `None`, or a value, or an error that leaves its siblings alone.
pub type Nullable<T> = Option<Result<T, ApiError>>;

impl ApiError {
    /// The caller's input is malformed; `message` tells what it should be.
    #[must_use]
    pub fn bad_input(message: impl Into<String>) -> Self {
        Error::BadInput(message.into()).into()
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let retry_after = match &error {
            Error::TooOften { retry_after, .. } => Some(*retry_after),
            _ => None,
        };
        let (code, message) = match error {
            Error::Unauthenticated(message) => (Code::Unauthenticated, message),
            Error::Forbidden(message) => (Code::Forbidden, message),
            Error::BadInput(message) => (Code::BadUserInput, message),
            Error::NotFound(message) => (Code::NotFound, message),
            Error::TooOften { message, .. } | Error::FellBehind(message) => (Code::RateLimited, message),
            Error::Internal(internal) => {
                tracing::error!(fault = ?internal, "a request failed");
                (Code::InternalServerError, String::new())
            }
        };
        Self { code, message, retry_after }
    }
}

impl From<ApiError> for async_graphql::Error {
    fn from(error: ApiError) -> Self {
        if error.code == Code::InternalServerError {
            // Without a code: the mask behind all resolvers gives it one, and a text with the request's id.
            return Self::new("a fault that was logged where it happened");
        }
        Self::new(error.message).extend_with(|_, extensions| {
            extensions.set("code", error.code.as_str());
            if let Some(seconds) = error.retry_after {
                extensions.set(RETRY_AFTER, seconds);
            }
        })
    }
}

/// What the request carries besides its document; put there by the transport.
///
/// A value that is missing is a fault of the server's wiring, not of the caller's.
pub fn from_context<'a, T: Send + Sync + 'static>(ctx: &Context<'a>) -> Result<&'a T, ApiError> {
    ctx.data::<T>().map_err(|_| {
        Error::Internal(crate::error::Internal::new(format!("no {} in the request", std::any::type_name::<T>()))).into()
    })
}
