use std::sync::Arc;

use futures_util::FutureExt as _;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::*;
use crate::clock::{Clock as _, TestClock};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn settings() -> TokenSettings {
    TokenSettings { trust_roles: true, ..TokenSettings::new(TokenKey::Secret(SecretString::from(SECRET))) }
}

fn clock() -> Arc<TestClock> {
    Arc::new(TestClock::new("2026-12-01T12:00:00Z".parse().unwrap()))
}

fn profile() -> Profile {
    Profile {
        subject: UserId::from("usr_ada"),
        email: Some("ada@example.com".into()),
        name: Some("Ada".into()),
        organization: OrganizationId::from("org_x"),
        role: Role::Staff,
    }
}

/// Whether a token that says `claims`, signed as `header` and `secret` say, is accepted.
fn accepts(settings: &TokenSettings, header: Algorithm, secret: &str, claims: &Value) -> bool {
    let token = encode(&Header::new(header), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap();
    Tokens::new(Some(settings), clock()).verify(&token).now_or_never().unwrap().is_ok()
}

fn seconds_from_now(seconds: i64) -> i64 {
    clock().now().timestamp() + seconds
}

#[tokio::test]
async fn what_is_signed_is_verified_until_it_expires() {
    let clock = clock();
    let tokens = Tokens::new(Some(&settings()), clock.clone());
    let token = tokens.sign(&profile(), Duration::from_mins(1)).unwrap();

    let Verified { identity, expires_at } = tokens.verify(&token).await.unwrap();
    assert_eq!(identity.id, UserId::from("usr_ada"));
    assert_eq!(identity.organization_id, OrganizationId::from("org_x"));
    assert_eq!(identity.role, Some(Role::Staff));
    assert_eq!(identity.email.as_deref(), Some("ada@example.com"));
    assert_eq!(expires_at, clock.now() + TimeDelta::seconds(90));

    clock.advance(Duration::from_secs(89));
    assert!(tokens.verify(&token).await.is_ok());
    clock.advance(Duration::from_secs(1));
    assert_eq!(tokens.verify(&token).await, Err(Unverified::Outdated));
}

#[tokio::test]
async fn only_our_key_and_our_algorithm_count() {
    let claims = json!({"sub": "usr_1", "exp": seconds_from_now(60)});
    assert!(accepts(&settings(), Algorithm::HS256, SECRET, &claims));
    assert!(!accepts(&settings(), Algorithm::HS256, "another secret, quite as long as ours", &claims));
    assert!(!accepts(&settings(), Algorithm::HS384, SECRET, &claims));
    assert!(!accepts(&settings(), Algorithm::HS512, SECRET, &claims));

    // {"alg":"none","typ":"JWT"}
    let unsigned = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJ1c3JfMSIsImV4cCI6OTk5OTk5OTk5OX0.";
    let tokens = Tokens::new(Some(&settings()), clock());
    for wrong in [unsigned, "", "a", "a.b.c", "....", &"a".repeat(MAX_TOKEN + 1)] {
        assert_eq!(tokens.verify(wrong).await, Err(Unverified::Invalid), "{}", wrong.len());
    }
    let token = tokens.sign(&profile(), Duration::from_mins(1)).unwrap();
    assert_eq!(Tokens::new(None, clock()).verify(&token).await, Err(Unverified::Invalid));
}

#[test]
fn the_times_in_a_token_count() {
    let accepted = |claims: &Value| accepts(&settings(), Algorithm::HS256, SECRET, claims);
    let now = seconds_from_now(0);
    assert!(!accepted(&json!({"sub": "usr_1"})), "without an expiry");
    assert!(!accepted(&json!({"sub": "usr_1", "exp": "soon"})));
    assert!(!accepted(&json!({"sub": "usr_1", "exp": -5})));
    assert!(!accepted(&json!({"sub": "usr_1", "exp": 1e300})));
    assert!(!accepted(&json!({"sub": "usr_1", "exp": now - 31})));
    assert!(accepted(&json!({"sub": "usr_1", "exp": now - 29})), "clocks differ");
    assert!(accepted(&json!({"sub": "usr_1", "exp": now + 60, "nbf": now + 29})));
    assert!(!accepted(&json!({"sub": "usr_1", "exp": now + 60, "nbf": now + 31})));
    assert!(!accepted(&json!({"sub": "usr_1", "exp": now + 60, "nbf": "later"})));
}

#[tokio::test]
async fn issuer_and_audience_count_where_they_are_configured() {
    let strict =
        TokenSettings { issuer: Some("https://id.example".into()), audience: Some("slotwise".into()), ..settings() };
    let claims = |issuer: Value, audience: Value| json!({"sub": "usr_1", "exp": seconds_from_now(60), "iss": issuer, "aud": audience});
    let accepted = |issuer, audience| accepts(&strict, Algorithm::HS256, SECRET, &claims(issuer, audience));
    assert!(accepted(json!("https://id.example"), json!("slotwise")));
    assert!(accepted(json!("https://id.example"), json!(["other", "slotwise"])));
    assert!(!accepted(json!("https://other.example"), json!("slotwise")));
    assert!(!accepted(json!("https://id.example"), json!("other")));
    assert!(!accepted(Value::Null, json!("slotwise")));
    assert!(!accepted(json!("https://id.example"), Value::Null));

    let anybody = claims(json!("https://other.example"), json!("other"));
    assert!(accepts(&settings(), Algorithm::HS256, SECRET, &anybody));
    let own = Tokens::new(Some(&strict), clock());
    assert!(own.verify(&own.sign(&profile(), Duration::from_mins(1)).unwrap()).await.is_ok());
}

#[tokio::test]
async fn a_header_that_wants_something_to_be_understood_is_refused_and_keys_in_it_are_not_looked_at() {
    let tokens = Tokens::new(Some(&settings()), clock());
    let claims = json!({"sub": "usr_1", "exp": seconds_from_now(60)});
    let mut header = Header::new(Algorithm::HS256);
    header.jku = Some("http://127.0.0.1:1/jwks".into());
    header.x5u = header.jku.clone();
    header.kid = Some("../../dev/null".into());
    let encoding = EncodingKey::from_secret(SECRET.as_bytes());
    assert!(tokens.verify(&encode(&header, &claims, &encoding).unwrap()).await.is_ok());
    for crit in [vec![], vec!["exp".to_owned()], vec!["b64".to_owned()]] {
        header.crit = Some(crit);
        let token = encode(&header, &claims, &encoding).unwrap();
        assert_eq!(tokens.verify(&token).await, Err(Unverified::Invalid), "{:?}", header.crit);
    }
}

#[tokio::test]
async fn what_is_signed_says_it_in_the_claims_that_are_read() {
    let claims = ClaimNames {
        subject: "uid".into(),
        email: "https://example.com/email".into(),
        name: "profile.name".into(),
        organization: "tenant".into(),
        role: "realm_access.roles".into(),
    };
    let tokens = Tokens::new(Some(&TokenSettings { claims, ..settings() }), clock());
    let token = tokens.sign(&profile(), Duration::from_mins(1)).unwrap();
    let identity = tokens.verify(&token).await.unwrap().identity;
    assert_eq!(identity.id, UserId::from("usr_ada"));
    assert_eq!(identity.email.as_deref(), Some("ada@example.com"));
    assert_eq!(identity.name.as_deref(), Some("Ada"));
    assert_eq!(identity.organization_id, OrganizationId::from("org_x"));
    assert_eq!(identity.role, Some(Role::Staff));
    let usual = Tokens::new(Some(&settings()), clock());
    assert_eq!(usual.verify(&token).await, Err(Unverified::Invalid), "it has no `sub`");
}

#[test]
fn only_a_secret_signs() {
    let pem = include_str!("../../../tests/keys/rsa-1.public.pem");
    let key = PublicKey::from_pem(pem, SignatureAlgorithm::Rs256).unwrap();
    let tokens = Tokens::new(Some(&TokenSettings::new(TokenKey::Public(key))), clock());
    assert!(tokens.sign(&profile(), Duration::from_mins(1)).is_err());
}
