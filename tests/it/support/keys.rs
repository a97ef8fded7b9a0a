//! Keys that tokens are signed with. They are in `tests/keys`, and nobody's.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Value, json};
use slotwise::auth::{PublicKey, SignatureAlgorithm};

/// A public key in PEM.
pub const RSA_PUBLIC: &str = include_str!("../../keys/rsa-1.public.pem");

/// A private key, and what it is called in key sets.
#[derive(Clone)]
pub struct SigningKey {
    id: &'static str,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl SigningKey {
    /// An RSA key, for RS256. Signing with it takes its time in a debug build.
    pub fn rsa() -> Self {
        let key = EncodingKey::from_rsa_pem(include_bytes!("../../keys/rsa-1.pem")).unwrap();
        Self { id: "rsa-1", algorithm: Algorithm::RS256, key }
    }

    /// A secret that tokens are signed with by HS256.
    pub fn secret(secret: &[u8]) -> Self {
        Self { id: "secret", algorithm: Algorithm::HS256, key: EncodingKey::from_secret(secret) }
    }

    /// A key on P-256, for ES256.
    pub fn ec() -> Self {
        let key = EncodingKey::from_ec_pem(include_bytes!("../../keys/ec-1.pem")).unwrap();
        Self { id: "ec-1", algorithm: Algorithm::ES256, key }
    }

    /// Another one.
    pub fn other_ec() -> Self {
        let key = EncodingKey::from_ec_pem(include_bytes!("../../keys/ec-2.pem")).unwrap();
        Self { id: "ec-2", algorithm: Algorithm::ES256, key }
    }

    /// An Ed25519 key, for `EdDSA`.
    pub fn ed() -> Self {
        let key = EncodingKey::from_ed_pem(include_bytes!("../../keys/ed-1.pem")).unwrap();
        Self { id: "ed-1", algorithm: Algorithm::EdDSA, key }
    }

    /// The same key by another name.
    pub fn called(self, id: &'static str) -> Self {
        Self { id, ..self }
    }

    /// Its public half, as a setting.
    pub fn public(&self) -> PublicKey {
        let (pem, algorithm) = match self.algorithm {
            Algorithm::RS256 => (RSA_PUBLIC, SignatureAlgorithm::Rs256),
            Algorithm::ES256 => (include_str!("../../keys/ec-1.public.pem"), SignatureAlgorithm::Es256),
            _ => (include_str!("../../keys/ed-1.public.pem"), SignatureAlgorithm::EdDsa),
        };
        PublicKey::from_pem(pem, algorithm).unwrap()
    }

    /// Its public half, as key sets have it.
    pub fn jwk(&self) -> Value {
        let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&self.key, self.algorithm).unwrap()).unwrap();
        jwk["kid"] = json!(self.id);
        jwk["use"] = json!("sig");
        jwk
    }

    /// The header of its tokens.
    pub fn header(&self) -> Value {
        json!({ "typ": "JWT", "alg": self.algorithm, "kid": self.id })
    }

    /// A token that says `claims`.
    pub fn token(&self, claims: &Value) -> String {
        self.token_with(&self.header(), claims)
    }

    /// A token with another header, whatever it says.
    pub fn token_with(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = crypto::sign(signed.as_bytes(), &self.key, self.algorithm).unwrap();
        format!("{signed}.{signature}")
    }
}
