//! Who asks: from what a request shows, by what the token says, to what the server knows of its bearer.

use http::HeaderMap;

use super::HttpState;
use super::problem::Problem;
use crate::auth::{Bearer, InvalidToken, Unverified, Verified, from_header};
use crate::domain::access::Caller;
use crate::error::Error;
use crate::graphql::execute::ClientAddress;
use crate::throttle::RetryAfter;

/// Why it is not known who asks.
#[derive(Debug)]
pub(super) enum Unknown {
    /// The token is not valid, or not any more, for whatever reason.
    InvalidToken,
    /// Too many tokens from the same address were not valid: this one is not looked at.
    TooOften(RetryAfter),
    /// Nobody can tell at the moment whether the token is valid.
    Unavailable,
    /// It could not be found out.
    Failed(Error),
}

impl From<Unverified> for Unknown {
    fn from(unverified: Unverified) -> Self {
        match unverified {
            Unverified::Invalid => Self::InvalidToken,
            Unverified::Unavailable => Self::Unavailable,
        }
    }
}

/// Who it is that shows `bearer` at `address`, and what their token says, if they show one.
pub(super) async fn identify(
    state: &HttpState,
    ClientAddress(address): ClientAddress,
    bearer: Result<Bearer<'_>, InvalidToken>,
) -> Result<(Option<Verified>, Caller), Unknown> {
    let token = match bearer {
        Ok(Bearer::Nobody) => return Ok((None, Caller::Anonymous)),
        Ok(Bearer::Token(token)) => Ok(token),
        Err(invalid) => Err(invalid),
    };
    state.throttle.may_sign_in(address).map_err(Unknown::TooOften)?;
    let identified = sign_in(state, token).await;
    if let Err(Unknown::InvalidToken) = identified {
        state.throttle.sign_in_failed(address);
    }
    identified
}

async fn sign_in(state: &HttpState, token: Result<&str, InvalidToken>) -> Result<(Option<Verified>, Caller), Unknown> {
    let token = token.map_err(|InvalidToken| Unknown::InvalidToken)?;
    let verified = Some(state.tokens.verify(token).await?);
    match recognize(state, verified.as_ref()).await {
        Ok(Some(caller)) => Ok((verified, caller)),
        Ok(None) => Err(Unknown::InvalidToken),
        Err(error) => Err(Unknown::Failed(error)),
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

/// Who sends a request with these headers, from `address`.
pub(super) async fn caller(state: &HttpState, address: ClientAddress, headers: &HeaderMap) -> Result<Caller, Problem> {
    match identify(state, address, from_header(headers)).await {
        Ok((_, caller)) => Ok(caller),
        Err(Unknown::InvalidToken) => Err(Problem::invalid_token()),
        Err(Unknown::TooOften(wait)) => Err(wait.into()),
        Err(Unknown::Unavailable) => Err(Problem::cannot_verify()),
        Err(Unknown::Failed(error)) => Err(Problem::fault(&error, headers)),
    }
}
