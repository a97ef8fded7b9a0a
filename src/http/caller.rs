//! Who asks: from what a request shows, by what the token says, to what the server knows of its bearer.

use chrono::{DateTime, Utc};
use http::HeaderMap;

use super::HttpState;
use super::problem::Problem;
use crate::auth::{Bearer, InvalidToken, from_header};
use crate::domain::access::Caller;
use crate::error::Error;

/// Somebody who asks, and until when their token vouches for them.
#[derive(Debug)]
pub(super) struct Recognized {
    pub(super) caller: Caller,
    /// `None`: for nobody in particular, and for ever.
    pub(super) expires_at: Option<DateTime<Utc>>,
}

/// Why it is not known who asks.
#[derive(Debug)]
pub(super) enum Unrecognized {
    /// The token is not valid, or not any more, for whatever reason.
    InvalidToken,
    /// It could not be found out.
    Failed(Error),
}

impl From<InvalidToken> for Unrecognized {
    fn from(_: InvalidToken) -> Self {
        Self::InvalidToken
    }
}

/// Who it is that shows `bearer`.
pub(super) async fn recognize(
    state: &HttpState,
    bearer: Result<Bearer<'_>, InvalidToken>,
) -> Result<Recognized, Unrecognized> {
    let Bearer::Token(token) = bearer? else {
        return Ok(Recognized { caller: Caller::Anonymous, expires_at: None });
    };
    let verified = state.tokens.verify(token).await?;
    match (state.people)(verified.identity).await {
        Ok(Some(viewer)) => Ok(Recognized { caller: Caller::User(viewer), expires_at: Some(verified.expires_at) }),
        Ok(None) => Err(Unrecognized::InvalidToken),
        Err(error) => Err(Unrecognized::Failed(error)),
    }
}

/// Who sends a request with these headers.
pub(super) async fn caller(state: &HttpState, headers: &HeaderMap) -> Result<Caller, Problem> {
    match recognize(state, from_header(headers)).await {
        Ok(recognized) => Ok(recognized.caller),
        Err(Unrecognized::InvalidToken) => Err(Problem::invalid_token()),
        Err(Unrecognized::Failed(error)) => Err(Problem::fault(&error, headers)),
    }
}
