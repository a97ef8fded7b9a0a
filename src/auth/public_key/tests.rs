use serde_json::{Value, json};

use super::SignatureAlgorithm::{EdDsa, Es256, Rs256};
use super::*;

const RSA: &str = include_str!("../../../tests/keys/rsa-1.public.pem");
const RSA_PKCS1: &str = include_str!("../../../tests/keys/rsa-1.pkcs1.public.pem");
const RSA_1024: &str = include_str!("../../../tests/keys/rsa-1024.public.pem");
const RSA_PRIVATE: &str = include_str!("../../../tests/keys/rsa-1.pem");
const RSA_CERTIFICATE: &str = include_str!("../../../tests/keys/rsa-1.certificate.pem");
const P256: &str = include_str!("../../../tests/keys/ec-1.public.pem");
const P384: &str = include_str!("../../../tests/keys/p384.public.pem");
const ED25519: &str = include_str!("../../../tests/keys/ed-1.public.pem");

#[test]
fn a_pem_is_a_public_key_of_its_algorithm_and_of_no_other() {
    let keys = [(RSA, Some(Rs256)), (RSA_PKCS1, Some(Rs256)), (P256, Some(Es256)), (ED25519, Some(EdDsa))];
    let refused = [RSA_1024, P384, RSA_PRIVATE, RSA_CERTIFICATE, "", "a secret of 32 bytes and some more"];
    for (pem, fitting) in keys.into_iter().chain(refused.map(|pem| (pem, None))) {
        for algorithm in SignatureAlgorithm::ALL {
            let read = PublicKey::from_pem(pem, algorithm).map(|key| key.algorithm());
            assert_eq!(read.ok(), Some(algorithm).filter(|_| fitting == Some(algorithm)), "{algorithm:?}: {pem}");
        }
    }
}

#[test]
fn whoever_gives_something_else_than_a_public_key_is_told_how_to_get_one() {
    let message = |pem| PublicKey::from_pem(pem, Rs256).unwrap_err();
    assert!(message(RSA_PRIVATE).contains("openssl pkey"));
    assert!(message(RSA_CERTIFICATE).contains("openssl x509"));
    assert!(message(P256).contains("--token-algorithms"));
    assert!(message(RSA_1024).contains("2048"));
}

/// A key as a key set has it, and what becomes of it when `changes` are made.
fn jwk(pem: &str, algorithm: SignatureAlgorithm, changes: &Value) -> Option<SignatureAlgorithm> {
    let key = PublicKey::from_pem(pem, algorithm).unwrap();
    let mut jwk = serde_json::to_value(Jwk::from_decoding_key(key.decoding(), None).unwrap()).unwrap();
    for (name, value) in changes.as_object().unwrap() {
        jwk[name] = value.clone();
    }
    PublicKey::from_jwk(&serde_json::from_value(jwk).unwrap()).map(|key| key.algorithm())
}

#[test]
fn a_key_of_a_set_is_for_the_algorithm_of_its_kind() {
    for (pem, algorithm) in [(RSA, Rs256), (P256, Es256), (ED25519, EdDsa)] {
        let fits = |changes: Value| jwk(pem, algorithm, &changes) == Some(algorithm);
        assert!(fits(json!({})));
        assert!(fits(json!({"kid": "1", "use": "sig", "alg": algorithm.name(), "key_ops": ["verify"], "x5c": ["…"]})));
        for changes in [
            json!({"use": "enc"}),
            json!({"use": "tls"}),
            json!({"alg": "HS256"}),
            json!({"alg": "RS512"}),
            json!({"alg": "RSA-OAEP"}),
            json!({"alg": "something new"}),
            json!({"key_ops": ["encrypt", "wrapKey"]}),
            json!({"kty": "oct", "k": "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldA"}),
            json!({"kty": "new"}),
        ] {
            assert!(!fits(changes.clone()), "{algorithm:?}: {changes}");
        }
    }
}

#[test]
fn a_key_of_a_set_that_is_broken_is_left_out_and_breaks_nothing() {
    for (pem, algorithm, changes) in [
        (RSA, Rs256, json!({"n": "AQAB"})),
        (RSA, Rs256, json!({"n": ""})),
        (RSA, Rs256, json!({"n": "not base64!"})),
        (RSA, Rs256, json!({"n": "_".repeat(1366)})),
        (P256, Es256, json!({"crv": "P-384"})),
        (P256, Es256, json!({"crv": "secp256k1"})),
        (P256, Es256, json!({"x": ""})),
        // Not on the curve.
        (P256, Es256, json!({"x": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"})),
        (ED25519, EdDsa, json!({"crv": "Ed448"})),
        (ED25519, EdDsa, json!({"crv": "X25519"})),
        (ED25519, EdDsa, json!({"x": ""})),
        (ED25519, EdDsa, json!({"x": "AQAB"})),
        (ED25519, EdDsa, json!({"x": "A".repeat(64)})),
    ] {
        assert_eq!(jwk(pem, algorithm, &changes), None, "{changes}");
    }
}
