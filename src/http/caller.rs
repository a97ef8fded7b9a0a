//! Who asks: from what a request shows, by what the token says, to what the server knows of its bearer.

use std::sync::Arc;

use http::HeaderMap;

use super::HttpState;
use super::problem::Problem;
use crate::auth::{Bearer, InvalidToken, Unverified, Verified};
use crate::domain::access::Caller;
use crate::error::Error;
use crate::graphql::execute::ClientAddress;
use crate::service::credentials::Credentials;
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

impl Unknown {
    /// The answer to a request with these headers.
    pub(super) fn into_problem(self, headers: &HeaderMap) -> Problem {
        match self {
            Self::InvalidToken => Problem::invalid_token(),
            Self::TooOften(wait) => wait.into(),
            Self::Unavailable => Problem::cannot_verify(),
            Self::Failed(error) => Problem::fault(&error, headers),
        }
    }
}

/// What the token says that somebody at `address` shows; `None`: they show none, and are nobody in particular. Asks no
/// database.
pub(super) async fn verify(
    state: &HttpState,
    ClientAddress(address): ClientAddress,
    bearer: Result<Bearer<'_>, InvalidToken>,
) -> Result<Option<Verified>, Unknown> {
    let token = match bearer {
        Ok(Bearer::Nobody) => return Ok(None),
        Ok(Bearer::Token(token)) => Ok(token),
        Err(invalid) => Err(invalid),
    };
    state.throttle.may_sign_in(address).map_err(Unknown::TooOften)?;
    let verified = match token {
        Ok(token) => state.tokens.verify(token).await,
        Err(InvalidToken) => Err(Unverified::Invalid),
    };
    verified.map(Some).map_err(|unverified| match unverified {
        Unverified::Invalid => {
            state.throttle.sign_in_failed(address);
            Unknown::InvalidToken
        }
        // A page that was left open overnight guesses nothing.
        Unverified::Outdated => Unknown::InvalidToken,
        Unverified::Unavailable => Unknown::Unavailable,
    })
}

/// Who it is that a token vouches for, at this moment. Nobody is let in whose token has expired, or who is gone.
pub(super) async fn recognize(state: &HttpState, verified: Option<&Verified>) -> Result<Caller, Unknown> {
    let Some(Verified { identity, expires_at }) = verified else { return Ok(Caller::Anonymous) };
    if state.clock.now() >= *expires_at {
        return Err(Unknown::InvalidToken);
    }
    match (state.people)(identity.clone()).await {
        Ok(Some(viewer)) => Ok(Caller::User(viewer)),
        Ok(None) => Err(Unknown::InvalidToken),
        Err(error) => Err(Unknown::Failed(error)),
    }
}

/// What vouches for whoever showed what was `verified`, as long as something goes on for them.
pub(super) fn credentials(state: &HttpState, verified: Option<Verified>) -> Credentials {
    let expires_at = verified.as_ref().map(|verified| verified.expires_at);
    let asking = Arc::new((state.clone(), verified));
    Credentials::new(expires_at, move || {
        let asking = Arc::clone(&asking);
        async move {
            let (state, verified) = &*asking;
            match recognize(state, verified.as_ref()).await {
                Ok(caller) => Ok(Some(caller)),
                Err(Unknown::Failed(error)) => Err(error),
                Err(_) => Ok(None),
            }
        }
    })
}
