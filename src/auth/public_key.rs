//! Public keys, and the algorithms that tokens may be signed by with their private halves.
//!
//! A key belongs to one algorithm from the moment it is read, and is checked then: what is found in a token's header
//! later chooses between keys and never between algorithms (RFC 8725, 3.1).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, crypto};

/// How many bits the modulus of an RSA key may have: less is not safe (RFC 7518, 3.3), more is slow for everybody
/// whom somebody's tokens keep waiting.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// An algorithm with a public and a private key.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    /// RSA, PKCS #1 v1.5, with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl SignatureAlgorithm {
    /// All that there are.
    pub const ALL: [Self; 3] = [Self::Rs256, Self::Es256, Self::EdDsa];

    /// The name in tokens and key sets (RFC 7518, 3.1).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of that name, in any case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    /// What the library calls it.
    pub(super) const fn id(self) -> Algorithm {
        match self {
            Self::Rs256 => Algorithm::RS256,
            Self::Es256 => Algorithm::ES256,
            Self::EdDsa => Algorithm::EdDSA,
        }
    }
}

/// A key that verifies what was signed by its private half, with one algorithm.
#[derive(Clone)]
pub struct PublicKey {
    algorithm: SignatureAlgorithm,
    decoding: DecodingKey,
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

impl PublicKey {
    /// The key in a PEM text, for `algorithm`.
    ///
    /// # Errors
    ///
    /// What the text should be; it is the end of a sentence that begins with a setting's name.
    pub fn from_pem(pem: &str, algorithm: SignatureAlgorithm) -> Result<Self, &'static str> {
        if pem.contains("PRIVATE KEY-----") {
            return Err(
                "must be the public key: this one is private, and belongs to whoever signs tokens. `openssl pkey -in \
                 private.pem -pubout` prints its public half.",
            );
        }
        if pem.contains("-----BEGIN CERTIFICATE-----") {
            return Err(
                "must be a public key. `openssl x509 -in certificate.pem -pubkey -noout` prints the certificate's.",
            );
        }
        let read = match algorithm {
            SignatureAlgorithm::Rs256 => DecodingKey::from_rsa_pem(pem.as_bytes()),
            SignatureAlgorithm::Es256 => DecodingKey::from_ec_pem(pem.as_bytes()),
            SignatureAlgorithm::EdDsa => DecodingKey::from_ed_pem(pem.as_bytes()),
        };
        read.ok().and_then(|decoding| Self::checked(algorithm, decoding)).ok_or(match algorithm {
            SignatureAlgorithm::Rs256 => {
                "must be an RSA public key of 2048 to 4096 bits in PEM (-----BEGIN PUBLIC KEY-----), or \
                 --token-algorithms (SLOTWISE_TOKEN_ALGORITHMS) another one than RS256."
            }
            SignatureAlgorithm::Es256 => {
                "must be a public key on the curve P-256 in PEM (-----BEGIN PUBLIC KEY-----), or --token-algorithms \
                 (SLOTWISE_TOKEN_ALGORITHMS) another one than ES256."
            }
            SignatureAlgorithm::EdDsa => {
                "must be an Ed25519 public key in PEM (-----BEGIN PUBLIC KEY-----), or --token-algorithms \
                 (SLOTWISE_TOKEN_ALGORITHMS) another one than EdDSA."
            }
        })
    }

    /// A key of a key set, if it is one that verifies signatures by one of our algorithms. Secrets never are: in a key
    /// set, which everybody can read, there is no such thing.
    pub(super) fn from_jwk(jwk: &Jwk) -> Option<Self> {
        let algorithm = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => SignatureAlgorithm::Rs256,
            AlgorithmParameters::EllipticCurve(point) if point.curve == EllipticCurve::P256 => {
                SignatureAlgorithm::Es256
            }
            AlgorithmParameters::OctetKeyPair(point) if point.curve == EllipticCurve::Ed25519 => {
                SignatureAlgorithm::EdDsa
            }
            _ => return None,
        };
        let common = &jwk.common;
        let is_for_it = common.key_algorithm.is_none_or(|named| named == KeyAlgorithm::from(algorithm.id()));
        let is_for_signatures = common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature);
        let verifies = common.key_operations.as_ref().is_none_or(|allowed| allowed.contains(&KeyOperations::Verify));
        if !(is_for_it && is_for_signatures && verifies) {
            return None;
        }
        Self::checked(algorithm, DecodingKey::from_jwk(jwk).ok()?)
    }

    /// The key, if it is one of that algorithm. The library finds out no sooner than when it verifies, and panics at
    /// keys that are too short.
    fn checked(algorithm: SignatureAlgorithm, decoding: DecodingKey) -> Option<Self> {
        let parts = Jwk::from_decoding_key(&decoding, None).ok()?;
        let fits = match (algorithm, &parts.algorithm) {
            (SignatureAlgorithm::Rs256, AlgorithmParameters::RSA(rsa)) => RSA_BITS.contains(&bits(&rsa.n)?),
            (SignatureAlgorithm::Es256, AlgorithmParameters::EllipticCurve(point)) => {
                point.curve == EllipticCurve::P256
            }
            (SignatureAlgorithm::EdDsa, AlgorithmParameters::OctetKeyPair(point)) => {
                point.curve == EllipticCurve::Ed25519
            }
            _ => false,
        };
        // No signature fits this, but a point that is not on its curve is told from one that is.
        let is_usable = fits && crypto::verify("", b"", &decoding, algorithm.id()).is_ok();
        is_usable.then_some(Self { algorithm, decoding })
    }

    /// By what algorithm it verifies.
    #[must_use]
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// The key as the library takes it.
    pub(super) fn decoding(&self) -> &DecodingKey {
        &self.decoding
    }
}

/// How many bits a number in base64url has.
fn bits(number: &str) -> Option<usize> {
    let bytes = URL_SAFE_NO_PAD.decode(number).ok()?;
    let first = bytes.iter().position(|byte| *byte != 0)?;
    let leading_zeros = usize::try_from(bytes[first].leading_zeros()).ok()?;
    Some((bytes.len() - first) * 8 - leading_zeros)
}

#[cfg(test)]
mod tests;
