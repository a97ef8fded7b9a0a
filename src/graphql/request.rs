//! What a resolver wants to know of the request it is part of.

use async_graphql::Context;
use chrono::{DateTime, Utc};

use super::error::{ApiError, from_context};
use super::execute::{StartedAt, Transport};

/// The one "now" of the operation.
///
/// # Errors
/// A fault, where the operation was started by something that tells no time.
pub fn now(ctx: &Context<'_>) -> Result<DateTime<Utc>, ApiError> {
    Ok(from_context::<StartedAt>(ctx)?.0)
}

/// Refuses a secret that came in an address: addresses are logged and remembered all over the place.
///
/// # Errors
/// BAD_USER_INPUT over GET.
pub fn refuse_secrets_in_addresses(ctx: &Context<'_>) -> Result<(), ApiError> {
    match from_context::<Transport>(ctx)? {
        Transport::Get => Err(ApiError::bad_input("Send a management token by POST: addresses are logged.")),
        Transport::Post | Transport::WebSocket => Ok(()),
    }
}
