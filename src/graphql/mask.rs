//! The last look at a response before it is written: what has no code of ours never leaves as it is.

use std::borrow::Cow;

use async_graphql::{ErrorExtensionValues, PathSegment, Response, ServerError, Value};

use super::execute::RequestId;
use crate::error::Error;
use crate::throttle::RetryAfter;

/// The codes in `extensions.code` of top-level errors: all there are.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// The caller has to sign in.
    Unauthenticated,
    /// The caller may not.
    Forbidden,
    /// The request is malformed.
    BadUserInput,
    /// There is no such thing for this caller.
    NotFound,
    /// Too much of it.
    RateLimited,
    /// A fault of the server's.
    InternalServerError,
}

impl Code {
    const ALL: [Self; 6] = [
        Self::Unauthenticated,
        Self::Forbidden,
        Self::BadUserInput,
        Self::NotFound,
        Self::RateLimited,
        Self::InternalServerError,
    ];

    /// The code as clients see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::NotFound => "NOT_FOUND",
            Self::RateLimited => "RATE_LIMITED",
            Self::InternalServerError => "INTERNAL_SERVER_ERROR",
        }
    }
}

/// The extension that tells with [`Code::RateLimited`] in how many seconds to come back.
pub const RETRY_AFTER: &str = "retryAfter";

/// The errors of an answer when not even an answer can be written.
pub(super) const FAULT_ERRORS: &[u8] =
    br#"[{"message":"Something went wrong on our side.","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]"#;

/// An error with one of our codes.
pub(super) fn error(code: Code, message: impl Into<String>) -> ServerError {
    let mut error = ServerError::new(message, None);
    set_code(&mut error, code);
    error
}

/// An error for what is asked for too often, which tells when to come back.
pub(super) fn too_often(message: impl Into<String>, wait: RetryAfter) -> ServerError {
    let mut error = error(Code::RateLimited, message);
    error.extensions.get_or_insert_with(ErrorExtensionValues::default).set(RETRY_AFTER, wait.seconds());
    error
}

/// Whether a response says that its operation was not executed at all: then no error has a path.
pub(super) fn is_request_error(response: &Response) -> bool {
    response.data == Value::Null
        && !response.errors.is_empty()
        && response.errors.iter().all(|error| error.path.is_empty())
}

/// Whether an error that is masked tells of a fault of the server's.
pub(super) fn is_fault(error: &ServerError) -> bool {
    code_of(error) == Some(Code::InternalServerError.as_str())
}

/// The codes of the errors in `response`, which is masked.
pub(super) fn codes(response: &Response) -> impl Iterator<Item = &str> {
    response.errors.iter().filter_map(code_of)
}

fn code_of(error: &ServerError) -> Option<&str> {
    match error.extensions.as_ref()?.get("code")? {
        Value::String(code) => Some(code),
        _ => None,
    }
}

/// `response`, in which each error has one of our codes and a text that clients may read.
pub(super) fn masked(mut response: Response, request_id: &RequestId) -> Response {
    let invalid = is_request_error(&response);
    for error in &mut response.errors {
        if has_code(error) {
            continue;
        }
        // What comes of validation speaks of the document and its variables, and of nothing else.
        if invalid || is_about_input(error) {
            error.message = told(&error.message);
            set_code(error, Code::BadUserInput);
        } else {
            tracing::error!(
                request_id = request_id.as_str(),
                path = path(error),
                error = error.message,
                "a fault while executing an operation"
            );
            *error = fault(error, request_id);
        }
    }
    response
}

/// The response to an operation that panicked. The panic itself has been logged where it happened.
pub(super) fn panicked(request_id: &RequestId) -> Response {
    Response::from_errors(vec![error(Code::InternalServerError, fault_message(request_id))])
}

/// What a client is told of a fault: that there was one, and what to call it when they write to us.
fn fault(error: &ServerError, request_id: &RequestId) -> ServerError {
    let mut masked = self::error(Code::InternalServerError, fault_message(request_id));
    masked.locations.clone_from(&error.locations);
    masked.path.clone_from(&error.path);
    masked
}

/// What a client is told of `fault`, which is logged: it could not be found out who asks.
pub(super) fn fault_of(fault: &Error, request_id: &RequestId) -> ServerError {
    tracing::error!(request_id = request_id.as_str(), error = ?fault, "it could not be found out who asks");
    error(Code::InternalServerError, fault_message(request_id))
}

/// The text of every fault.
#[must_use]
pub fn fault_message(request_id: &RequestId) -> String {
    format!("Something went wrong on our side. Try again later; if it stays, report request {}.", request_id.as_str())
}

fn has_code(error: &ServerError) -> bool {
    code_of(error).is_some_and(|code| Code::ALL.iter().any(|ours| ours.as_str() == code))
}

fn set_code(error: &mut ServerError, code: Code) {
    error.extensions.get_or_insert_with(ErrorExtensionValues::default).set("code", code.as_str());
}

/// Whether the library could not make an argument of what the client sent. It finds that out during execution, and
/// knows such errors by their texts only; errors that a resolver returned have a source.
fn is_about_input(error: &ServerError) -> bool {
    error.source.is_none()
        && (error.message.starts_with("Failed to parse \"") || error.message.starts_with(EXPECTED_TYPE))
}

/// How the library begins when a value is of another type; it goes on with the value, which may be a secret.
const EXPECTED_TYPE: &str = "Expected input type \"";
/// How long what is quoted of a client's may be, in characters.
const LONGEST_QUOTE: usize = 64;
/// How long a message of the library's may be, in characters: what it quotes may have quotation marks, too.
const LONGEST_MESSAGE: usize = 400;

/// A message of the library's as clients may read it: in the words of GraphQL, and repeating little of what they sent.
fn told(message: &str) -> String {
    match message.split_once(", found ") {
        Some((before, _value)) if message.starts_with(EXPECTED_TYPE) => format!("{before}."),
        _ => with_short_quotes(&without_rust_types(message)),
    }
}

fn with_short_quotes(message: &str) -> String {
    let parts = message.split('"').enumerate();
    let parts: Vec<_> =
        parts.map(|(number, part)| if number % 2 == 1 { first(part, LONGEST_QUOTE) } else { part.into() }).collect();
    first(&parts.join("\""), LONGEST_MESSAGE).into_owned()
}

/// The first so many characters of `text`, and a sign that there are more.
fn first(text: &str, characters: usize) -> Cow<'_, str> {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

/// "Only integers from -128 to 127 are accepted for i8." means nothing to a client from its "for" on.
fn without_rust_types(message: &str) -> String {
    match message.split_once(" are accepted for ") {
        Some((before, after)) => {
            let after = after.trim_start_matches(|letter: char| letter.is_ascii_alphanumeric());
            format!("{before} are accepted{after}")
        }
        None => message.to_owned(),
    }
}

fn path(error: &ServerError) -> String {
    let segments: Vec<String> = error
        .path
        .iter()
        .map(|segment| match segment {
            PathSegment::Field(name) => name.clone(),
            PathSegment::Index(index) => index.to_string(),
        })
        .collect();
    segments.join(".")
}

#[cfg(test)]
mod tests;
