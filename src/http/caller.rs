//! Who asks: from what a request shows, by what the token says, to what the server knows of its bearer.

use http::HeaderMap;

use super::HttpState;
use super::problem::Problem;
use crate::auth::{Bearer, InvalidToken, Unverified, Verified, from_header};
use crate::domain::access::Caller;
use crate::error::Error;

/// What the token says that somebody shows; `None`: they show none, and are nobody in particular.
pub(super) async fn verify(
    state: &HttpState,
    bearer: Result<Bearer<'_>, InvalidToken>,
) -> Result<Option<Verified>, Unverified> {
    match bearer? {
        Bearer::Nobody => Ok(None),
        Bearer::Token(token) => state.tokens.verify(token).await.map(Some),
    }
}

/// Who it is that a token vouches for, at this moment; `None`: nobody who is let in any more, since the token has
/// expired or its bearer is gone.
pub(super) async fn recognize(state: &HttpState, verified: Option<&Verified>) -> Result<Option<Caller>, Error> {
    let Some(Verified { identity, expires_at }) = verified else {
        return Ok(Some(Caller::Anonymous));
    };
    if state.clock.now() >= *expires_at {
        return Ok(None);
    }
    let viewer = (state.people)(identity.clone()).await?;
    Ok(viewer.map(Caller::User))
}

/// Who sends a request with these headers.
pub(super) async fn caller(state: &HttpState, headers: &HeaderMap) -> Result<Caller, Problem> {
    let verified = verify(state, from_header(headers)).await.map_err(|unverified| match unverified {
        Unverified::Invalid => Problem::invalid_token(),
        Unverified::Unavailable => Problem::cannot_verify(),
    })?;
    match recognize(state, verified.as_ref()).await {
        Ok(Some(caller)) => Ok(caller),
        Ok(None) => Err(Problem::invalid_token()),
        Err(error) => Err(Problem::fault(&error, headers)),
    }
}
