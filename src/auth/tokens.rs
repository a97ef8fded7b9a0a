//! Signing and verifying JSON Web Tokens (RFC 7519) with one shared secret (HS256).

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

use crate::clock::SharedClock;
use crate::config::TokenKey;
use crate::domain::access::{Identity, Role};
use crate::domain::id::{MAX_ID_LENGTH, OrganizationId, UserId};
use crate::error::Internal;

/// The longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 8 * 1024;
/// How far the issuer's clock may differ from ours.
const LEEWAY: TimeDelta = TimeDelta::seconds(30);

/// Who somebody is said to be: what a token is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The bearer.
    pub subject: UserId,
    /// Their email address.
    pub email: Option<String>,
    /// Their name.
    pub name: Option<String>,
    /// Their organization.
    pub organization: OrganizationId,
    /// What they may do there.
    pub role: Role,
}

/// What a valid token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Whom it vouches for.
    pub identity: Identity,
    /// When the token ceases to vouch for them, allowing for clocks that differ.
    pub expires_at: DateTime<Utc>,
}

/// A token that is not valid. Deliberately says no more: whoever tries tokens learns nothing from the answer.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct InvalidToken;

/// Makes and verifies access tokens.
pub struct Tokens {
    clock: SharedClock,
    keys: Option<Keys>,
}

struct Keys {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    issuer: Option<String>,
    audience: Option<String>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("has_key", &self.keys.is_some()).finish_non_exhaustive()
    }
}

/// The claims that are read of a token. What an identity provider adds to them is passed over; issuer and audience
/// are compared by the library.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    /// Seconds since 1970, also with a fraction (RFC 7519, 2: `NumericDate`).
    exp: f64,
    nbf: Option<f64>,
    email: Option<String>,
    name: Option<String>,
    org_id: Option<String>,
    role: Option<String>,
}

/// The claims that are signed.
#[derive(Serialize)]
struct SignedClaims<'a> {
    sub: &'a str,
    exp: i64,
    iat: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    org_id: &'a str,
    role: &'static str,
}

impl Tokens {
    /// Makes and verifies tokens with `key`; without one, no token is valid.
    #[must_use]
    pub fn new(key: Option<&TokenKey>, clock: SharedClock) -> Self {
        Self { clock, keys: key.map(Keys::new) }
    }

    /// Who the bearer of `token` is.
    ///
    /// # Errors
    ///
    /// The token is malformed, signed otherwise than with our key and HS256, not valid at this instant, or made by
    /// or for somebody else.
    #[expect(clippy::unused_async, reason = "keys that have to be fetched come next")]
    pub async fn verify(&self, token: &str) -> Result<Verified, InvalidToken> {
        let keys = self.keys.as_ref().ok_or(InvalidToken)?;
        if token.len() > MAX_TOKEN {
            return Err(InvalidToken);
        }
        let claims = decode::<Claims>(token, &keys.decoding, &keys.validation).map_err(|_| InvalidToken)?.claims;
        let expires_at = instant(claims.exp)?.checked_add_signed(LEEWAY).ok_or(InvalidToken)?;
        let now = self.clock.now();
        if now >= expires_at {
            return Err(InvalidToken);
        }
        if let Some(not_before) = claims.nbf
            && now + LEEWAY < instant(not_before)?
        {
            return Err(InvalidToken);
        }
        Ok(Verified { identity: claims.identity()?, expires_at })
    }

    /// A token that vouches for `profile` from now on, for as long as `valid`.
    ///
    /// # Errors
    ///
    /// There is no key to sign with, or signing failed.
    pub fn sign(&self, profile: &Profile, valid: Duration) -> Result<String, Internal> {
        let keys = self.keys.as_ref().ok_or_else(|| Internal::new("there is no secret to sign tokens with"))?;
        let now = self.clock.now();
        let claims = SignedClaims {
            sub: profile.subject.as_str(),
            exp: (now + valid).timestamp(),
            iat: now.timestamp(),
            iss: keys.issuer.as_deref(),
            aud: keys.audience.as_deref(),
            email: profile.email.as_deref(),
            name: profile.name.as_deref(),
            org_id: profile.organization.as_str(),
            role: role_name(profile.role),
        };
        encode(&Header::new(Algorithm::HS256), &claims, &keys.encoding)
            .map_err(|error| Internal::new(format!("a token could not be signed: {error}")))
    }
}

impl Keys {
    fn new(key: &TokenKey) -> Self {
        let secret = key.secret.expose_secret().as_bytes();
        // The algorithm is ours to choose, never the token's.
        let mut validation = Validation::new(Algorithm::HS256);
        // The library reads the machine's clock; `Tokens::verify` asks ours instead.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let mut required = vec!["exp", "sub"];
        if let Some(issuer) = &key.issuer {
            validation.set_issuer(&[issuer]);
            required.push("iss");
        }
        if let Some(audience) = &key.audience {
            validation.set_audience(&[audience]);
            required.push("aud");
        } else {
            // Without an audience of our own there is none to compare with.
            validation.validate_aud = false;
        }
        validation.set_required_spec_claims(&required);
        Self {
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            validation,
            issuer: key.issuer.clone(),
            audience: key.audience.clone(),
        }
    }
}

impl Claims {
    fn identity(self) -> Result<Identity, InvalidToken> {
        let organization = self.org_id.filter(|id| !id.is_empty());
        let fits = |id: &str| !id.is_empty() && id.len() <= MAX_ID_LENGTH;
        if !fits(&self.sub) || organization.as_deref().is_some_and(|id| !fits(id)) {
            return Err(InvalidToken);
        }
        let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        Ok(Identity {
            id: UserId::from(self.sub),
            organization_id: organization.map_or_else(OrganizationId::fallback, OrganizationId::from),
            role: self.role.as_deref().map(role_named),
            email: given(self.email),
            name: given(self.name),
        })
    }
}

/// The role of that name. An identity provider has roles of its own; whoever has one of those is a customer here.
fn role_named(name: &str) -> Role {
    match name.to_ascii_lowercase().as_str() {
        "staff" => Role::Staff,
        "admin" => Role::Admin,
        _ => Role::Customer,
    }
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Customer => "customer",
        Role::Staff => "staff",
        Role::Admin => "admin",
    }
}

fn instant(seconds: f64) -> Result<DateTime<Utc>, InvalidToken> {
    let since_epoch = Duration::try_from_secs_f64(seconds).map_err(|_| InvalidToken)?;
    let since_epoch = TimeDelta::from_std(since_epoch).map_err(|_| InvalidToken)?;
    DateTime::UNIX_EPOCH.checked_add_signed(since_epoch).ok_or(InvalidToken)
}

#[cfg(test)]
mod tests;
