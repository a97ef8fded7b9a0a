//! Errors that the GraphQL engine knows nothing of. They have the same form as its own, and tell what to do.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::json;

use super::accept::MediaType;
use super::layers::request_id;
use crate::error::Error;
use crate::graphql::mask::{Code, RETRY_AFTER, fault_message};
use crate::throttle::RetryAfter;

/// An error of HTTP's.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    code: Code,
    message: String,
    media_type: MediaType,
    header: Option<(HeaderName, HeaderValue)>,
    retry_after: Option<RetryAfter>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: Code, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), media_type: MediaType::Json, header: None, retry_after: None }
    }

    /// The request is malformed.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Code::BadUserInput, message)
    }

    /// A token that is not valid, for whatever reason.
    pub(super) fn invalid_token() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            Code::Unauthenticated,
            "The access token is not valid. Sign in again and send `Authorization: Bearer <token>`, or leave the \
             header out to go on anonymously.",
        )
        .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"invalid_token\""))
    }

    /// A token that may be valid, though nobody can tell: the identity provider has not told its keys yet. Whoever
    /// shows it is not asked to sign in again, which would change nothing.
    pub(super) fn cannot_verify() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            Code::InternalServerError,
            "Access tokens cannot be verified at the moment. Try again in a few seconds, or leave the `Authorization` \
             header out to go on anonymously.",
        )
        .with_header(header::RETRY_AFTER, HeaderValue::from_static("5"))
    }

    /// Too much at once, or too often.
    pub(super) fn too_often(message: impl Into<String>, wait: RetryAfter) -> Self {
        let header = (header::RETRY_AFTER, HeaderValue::from(wait.seconds()));
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, Code::RateLimited, message);
        Self { header: Some(header), retry_after: Some(wait), ..problem }
    }

    /// A fault, of which only the log learns more.
    pub(super) fn fault(error: &Error, headers: &HeaderMap) -> Self {
        let request_id = request_id(headers);
        tracing::error!(request_id = request_id.as_str(), ?error, "a request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, Code::InternalServerError, fault_message(&request_id))
    }

    pub(super) fn with_header(self, name: HeaderName, value: HeaderValue) -> Self {
        Self { header: Some((name, value)), ..self }
    }

    pub(super) fn with_media_type(self, media_type: MediaType) -> Self {
        Self { media_type, ..self }
    }
}

impl From<RetryAfter> for Problem {
    fn from(wait: RetryAfter) -> Self {
        Self::too_often(wait.message(), wait)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut extensions = json!({ "code": self.code.as_str() });
        if let Some(wait) = self.retry_after {
            extensions[RETRY_AFTER] = wait.seconds().into();
        }
        let body = json!({"errors": [{"message": self.message, "extensions": extensions}]});
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static(self.media_type.content_type())),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        let mut response = (self.status, headers, body.to_string()).into_response();
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, value);
        }
        // To be counted.
        response.extensions_mut().insert(self.code);
        response
    }
}

/// Answers for every address that there is nothing at.
pub(super) async fn no_such_page() -> Problem {
    nothing_there()
}

/// There is nothing at the address.
pub(super) fn nothing_there() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, Code::NotFound, "There is nothing at this address. GraphQL is at /graphql.")
}

/// Answers for every page that can only be read; axum adds `Allow`.
pub(super) async fn method_not_allowed() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, Code::BadUserInput, "This address can only be read: use GET.")
}
