//! Verifying JSON Web Tokens (RFC 7519), and signing them where there is a secret to do it with.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::bearer::InvalidToken;
use super::claims::{ClaimNames, role_name};
use super::key_set::KeySet;
use super::public_key::{PublicKey, SignatureAlgorithm};
use crate::clock::SharedClock;
use crate::config::{TokenKey, TokenSettings};
use crate::domain::access::{Identity, Role};
use crate::domain::id::{OrganizationId, UserId};
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

/// Why a token vouches for nobody.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Unverified {
    /// It is not valid.
    Invalid,
    /// It is not valid any more, or not known to be: it has expired, or its key cannot be looked up just now. Answered
    /// as what is not valid, and nobody's attempt to guess.
    Outdated,
    /// It may be valid: the identity provider's keys have never been got, so that nobody can tell. Not the bearer's
    /// fault, and no reason for them to sign in again.
    Unavailable,
}

impl From<InvalidToken> for Unverified {
    fn from(_: InvalidToken) -> Self {
        Self::Invalid
    }
}

/// Makes and verifies access tokens.
pub struct Tokens {
    clock: SharedClock,
    trust: Option<Trust>,
}

/// Which tokens are accepted, and how they are read.
struct Trust {
    keys: Keys,
    issuer: Option<String>,
    audience: Option<String>,
    claims: ClaimNames,
    roles_count: bool,
}

/// With what tokens are verified.
enum Keys {
    /// One secret, which also signs.
    Secret { encoding: EncodingKey, decoding: Arc<DecodingKey> },
    /// One public key.
    Public(Arc<PublicKey>),
    /// Those of an identity provider.
    Set(KeySet),
}

/// The key for one token, and the algorithm that goes with it.
enum Key {
    Secret(Arc<DecodingKey>),
    Public(Arc<PublicKey>),
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("has_key", &self.trust.is_some()).finish_non_exhaustive()
    }
}

impl Tokens {
    /// Makes and verifies tokens as `settings` say; without any, no token is valid.
    #[must_use]
    pub fn new(settings: Option<&TokenSettings>, clock: SharedClock) -> Self {
        let trust = settings.map(|settings| Trust::new(settings, &clock));
        Self { clock, trust }
    }

    /// Who the bearer of `token` is.
    ///
    /// # Errors
    ///
    /// The token is malformed, signed otherwise than with our key and its algorithm, not valid at this instant, or
    /// made by or for somebody else; or our keys are still to be fetched, and cannot be.
    pub async fn verify(&self, token: &str) -> Result<Verified, Unverified> {
        let trust = self.trust.as_ref().ok_or(Unverified::Invalid)?;
        if token.len() > MAX_TOKEN {
            return Err(Unverified::Invalid);
        }
        let header = decode_header(token).map_err(|_| Unverified::Invalid)?;
        // Extensions that must be understood, of which none is (RFC 7515, 4.1.11).
        if header.crit.is_some() {
            return Err(Unverified::Invalid);
        }
        // Of the header, only this decides: keys and addresses that it brings along (`jwk`, `jku`, `x5u`) are not
        // looked at.
        let key = trust.keys.find(header.alg, header.kid.as_deref()).await?;
        let claims: Map<String, Value> =
            decode(token, key.decoding(), &trust.validation(key.algorithm())).map_err(|_| Unverified::Invalid)?.claims;
        let expires_at = self.check_times(&claims)?;
        Ok(Verified { identity: trust.claims.identity(&claims, trust.roles_count)?, expires_at })
    }

    /// When a token that is valid by now ceases to be.
    fn check_times(&self, claims: &Map<String, Value>) -> Result<DateTime<Utc>, Unverified> {
        let now = self.clock.now();
        let expires_at = instant(claims.get("exp").ok_or(InvalidToken)?)?;
        let expires_at = expires_at.checked_add_signed(LEEWAY).ok_or(InvalidToken)?;
        if now >= expires_at {
            return Err(Unverified::Outdated);
        }
        if let Some(not_before) = claims.get("nbf").filter(|claim| !claim.is_null())
            && now + LEEWAY < instant(not_before)?
        {
            return Err(Unverified::Invalid);
        }
        Ok(expires_at)
    }

    /// A token that vouches for `profile` from now on, for as long as `valid`.
    ///
    /// # Errors
    ///
    /// There is no secret to sign with, or signing failed.
    pub fn sign(&self, profile: &Profile, valid: Duration) -> Result<String, Internal> {
        let Some(Trust { keys: Keys::Secret { encoding, .. }, issuer, audience, claims: names, .. }) = &self.trust
        else {
            return Err(Internal::new("there is no secret to sign tokens with"));
        };
        let now = self.clock.now();
        let mut claims = Map::new();
        let mut say = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                claims.insert(name.to_owned(), value);
            }
        };
        say("exp", Some((now + valid).timestamp().into()));
        say("iat", Some(now.timestamp().into()));
        say("iss", issuer.clone().map(Value::from));
        say("aud", audience.clone().map(Value::from));
        say(&names.subject, Some(profile.subject.as_str().into()));
        say(&names.email, profile.email.clone().map(Value::from));
        say(&names.name, profile.name.clone().map(Value::from));
        say(&names.organization, Some(profile.organization.as_str().into()));
        say(&names.role, Some(role_name(profile.role).into()));
        encode(&Header::new(Algorithm::HS256), &claims, encoding)
            .map_err(|error| Internal::new(format!("a token could not be signed: {error}")))
    }

    /// Keeps keys that are fetched from growing old; ends at `shutdown`.
    pub async fn keep_current(self: Arc<Self>, shutdown: CancellationToken) {
        match self.trust.as_ref().map(|trust| &trust.keys) {
            Some(Keys::Set(set)) => set.keep_current(shutdown).await,
            Some(Keys::Secret { .. } | Keys::Public(_)) | None => shutdown.cancelled().await,
        }
    }
}

impl Trust {
    fn new(settings: &TokenSettings, clock: &SharedClock) -> Self {
        let keys = match &settings.key {
            TokenKey::Secret(secret) => {
                let secret = secret.expose_secret().as_bytes();
                let decoding = Arc::new(DecodingKey::from_secret(secret));
                Keys::Secret { encoding: EncodingKey::from_secret(secret), decoding }
            }
            TokenKey::Public(key) => Keys::Public(Arc::new(key.clone())),
            TokenKey::Set { address, algorithms } => {
                Keys::Set(KeySet::new(address.clone(), algorithms.clone(), Arc::clone(clock)))
            }
        };
        Self {
            keys,
            issuer: settings.issuer.clone(),
            audience: settings.audience.clone(),
            claims: settings.claims.clone(),
            roles_count: settings.trust_roles,
        }
    }

    /// What the library is to check of a token that must have been signed by `algorithm`.
    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        // The library reads the machine's clock; `Tokens::check_times` asks ours instead.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let mut required = vec!["exp"];
        if let Some(issuer) = &self.issuer {
            validation.set_issuer(&[issuer]);
            required.push("iss");
        }
        if let Some(audience) = &self.audience {
            validation.set_audience(&[audience]);
            required.push("aud");
        } else {
            // Without an audience of our own there is none to compare with.
            validation.validate_aud = false;
        }
        validation.set_required_spec_claims(&required);
        validation
    }
}

impl Keys {
    /// The key for a token whose header says this. What it says can choose between our keys; it cannot choose an
    /// algorithm that is not the key's.
    async fn find(&self, algorithm: Algorithm, id: Option<&str>) -> Result<Key, Unverified> {
        match self {
            Self::Secret { decoding, .. } if algorithm == Algorithm::HS256 => Ok(Key::Secret(Arc::clone(decoding))),
            Self::Public(key) if algorithm == key.algorithm().id() => Ok(Key::Public(Arc::clone(key))),
            Self::Set(set) => {
                let ours = SignatureAlgorithm::ALL.into_iter().find(|ours| ours.id() == algorithm);
                set.key(id, ours.ok_or(Unverified::Invalid)?).await.map(Key::Public)
            }
            Self::Secret { .. } | Self::Public(_) => Err(Unverified::Invalid),
        }
    }
}

impl Key {
    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Secret(_) => Algorithm::HS256,
            Self::Public(key) => key.algorithm().id(),
        }
    }

    fn decoding(&self) -> &DecodingKey {
        match self {
            Self::Secret(key) => key,
            Self::Public(key) => key.decoding(),
        }
    }
}

/// Seconds since 1970, also with a fraction (RFC 7519, 2: `NumericDate`).
fn instant(seconds: &Value) -> Result<DateTime<Utc>, InvalidToken> {
    let seconds = seconds.as_f64().ok_or(InvalidToken)?;
    let since_epoch = Duration::try_from_secs_f64(seconds).map_err(|_| InvalidToken)?;
    let since_epoch = TimeDelta::from_std(since_epoch).map_err(|_| InvalidToken)?;
    DateTime::UNIX_EPOCH.checked_add_signed(since_epoch).ok_or(InvalidToken)
}

#[cfg(test)]
mod tests;
