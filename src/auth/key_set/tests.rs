use serde_json::json;

use super::SignatureAlgorithm::{EdDsa, Es256, Rs256};
use super::*;

const P256: &str = include_str!("../../../tests/keys/ec-1.public.pem");
const ED25519: &str = include_str!("../../../tests/keys/ed-1.public.pem");

fn jwk(pem: &str, algorithm: SignatureAlgorithm, id: Option<&str>) -> Value {
    let key = PublicKey::from_pem(pem, algorithm).unwrap();
    let mut jwk = serde_json::to_value(Jwk::from_decoding_key(key.decoding(), None).unwrap()).unwrap();
    if let Some(id) = id {
        jwk["kid"] = json!(id);
    }
    jwk
}

fn keys(keys: &[Value], algorithms: &[SignatureAlgorithm]) -> Keys {
    Keys::from_json(json!({ "keys": keys }).to_string().as_bytes(), algorithms).unwrap()
}

#[test]
fn a_key_is_found_by_id_and_algorithm_if_there_is_just_one() {
    let (ec, ed) = (|id| jwk(P256, Es256, id), |id| jwk(ED25519, EdDsa, id));
    let both = [Es256, EdDsa];
    let set = keys(&[ec(Some("a")), ed(Some("a")), ec(Some("b")), ec(None), ed(Some("c")), ed(Some("c"))], &both);
    assert!(set.find(Some("a"), Es256).is_some());
    assert!(set.find(Some("a"), EdDsa).is_some());
    assert!(set.find(Some("a"), Rs256).is_none());
    assert!(set.find(Some("c"), EdDsa).is_none(), "one of two");
    assert!(set.find(Some("d"), Es256).is_none());
    assert!(set.find(Some(""), Es256).is_none());
    assert!(set.find(None, Es256).is_none(), "one of three");
    assert!(keys(&[ec(Some("a")), ed(Some("b"))], &both).find(None, Es256).is_some());
    assert!(keys(&[ec(None)], &both).find(None, Es256).is_some());
    assert!(keys(&[ec(None)], &both).find(Some("a"), Es256).is_none());
}

#[test]
fn keys_that_may_not_be_used_are_left_out_and_leave_the_others() {
    let good = jwk(P256, Es256, Some("good"));
    let odd = [
        json!(null),
        json!(5),
        json!({}),
        json!({"kty": "oct", "kid": "good", "k": "c2VjcmV0"}),
        json!({"kty": "EC", "crv": "P-256", "kid": 5}),
        jwk(ED25519, EdDsa, Some("good")),
    ];
    let set = keys(&[&odd[..], &[good]].concat(), &[Es256]);
    assert_eq!(set.0.len(), 1);
    assert!(set.find(Some("good"), Es256).is_some());
}

#[test]
fn what_is_no_key_set_is_not_taken_for_an_empty_one() {
    for document in ["", "null", "[]", "{}", r#"{"keys": {}}"#, r#"{"keys": null}"#, "<html>", "\u{0}"] {
        assert!(Keys::from_json(document.as_bytes(), &[Es256]).is_none(), "{document}");
    }
    assert!(Keys::from_json(br#"{"keys": []}"#, &[Es256]).is_some_and(|keys| keys.0.is_empty()));
}
