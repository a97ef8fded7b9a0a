//! Who asks: from what a request shows, by what the token says, to what the server knows of its bearer.

use chrono::{DateTime, Utc};
use http::HeaderMap;

use super::HttpState;
use super::problem::Problem;
use crate::auth::{Bearer, InvalidToken, from_header};
use crate::domain::access::Caller;
use crate::error::Error;
use crate::graphql::execute::ClientAddress;
use crate::throttle::RetryAfter;

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
    /// Too many tokens from the same address were not valid: this one is not looked at.
    TooOften(RetryAfter),
    /// It could not be found out.
    Failed(Error),
}

impl From<InvalidToken> for Unrecognized {
    fn from(_: InvalidToken) -> Self {
        Self::InvalidToken
    }
}

/// Who it is that shows `bearer`, at `address`.
pub(super) async fn recognize(
    state: &HttpState,
    ClientAddress(address): ClientAddress,
    bearer: Result<Bearer<'_>, InvalidToken>,
) -> Result<Recognized, Unrecognized> {
    let token = match bearer {
        Ok(Bearer::Nobody) => return Ok(Recognized { caller: Caller::Anonymous, expires_at: None }),
        Ok(Bearer::Token(token)) => Ok(token),
        Err(invalid) => Err(invalid),
    };
    state.throttle.may_sign_in(address).map_err(Unrecognized::TooOften)?;
    let recognized = verify(state, token).await;
    if let Err(Unrecognized::InvalidToken) = recognized {
        state.throttle.sign_in_failed(address);
    }
    recognized
}

async fn verify(state: &HttpState, token: Result<&str, InvalidToken>) -> Result<Recognized, Unrecognized> {
    let verified = state.tokens.verify(token?).await?;
    match (state.people)(verified.identity).await {
        Ok(Some(viewer)) => Ok(Recognized { caller: Caller::User(viewer), expires_at: Some(verified.expires_at) }),
        Ok(None) => Err(Unrecognized::InvalidToken),
        Err(error) => Err(Unrecognized::Failed(error)),
    }
}

/// Who sends a request with these headers, from `address`.
pub(super) async fn caller(state: &HttpState, address: ClientAddress, headers: &HeaderMap) -> Result<Caller, Problem> {
    match recognize(state, address, from_header(headers)).await {
        Ok(recognized) => Ok(recognized.caller),
        Err(Unrecognized::InvalidToken) => Err(Problem::invalid_token()),
        Err(Unrecognized::TooOften(wait)) => Err(wait.into()),
        Err(Unrecognized::Failed(error)) => Err(Problem::fault(&error, headers)),
    }
}
