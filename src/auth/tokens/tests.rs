use std::sync::Arc;

use futures_util::FutureExt as _;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::*;
use crate::clock::{Clock as _, TestClock};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn key() -> TokenKey {
    TokenKey { secret: SecretString::from(SECRET), issuer: None, audience: None }
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

/// Whether a token that says `claims`, signed as `header` and `secret` say, is accepted with `key`.
fn accepts(key: &TokenKey, header: Algorithm, secret: &str, claims: &Value) -> bool {
    let token = encode(&Header::new(header), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap();
    Tokens::new(Some(key), clock()).verify(&token).now_or_never().unwrap().is_ok()
}

fn seconds_from_now(seconds: i64) -> i64 {
    clock().now().timestamp() + seconds
}

#[tokio::test]
async fn what_is_signed_is_verified_until_it_expires() {
    let clock = clock();
    let tokens = Tokens::new(Some(&key()), clock.clone());
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
    assert_eq!(tokens.verify(&token).await, Err(InvalidToken));
}

#[tokio::test]
async fn a_token_that_says_little_is_a_customer_of_the_default_organization() {
    let claims = json!({"sub": "usr_1", "exp": seconds_from_now(60)});
    let token = encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap();
    let viewer = Tokens::new(Some(&key()), clock()).verify(&token).await.unwrap().identity;
    assert_eq!(viewer.role, None);
    assert_eq!(viewer.organization_id, OrganizationId::fallback());
    assert_eq!(viewer.email, None);
}

#[test]
fn roles_are_read_in_any_case_and_unknown_ones_may_the_least() {
    for (name, role) in [("ADMIN", Role::Admin), ("Staff", Role::Staff), ("member", Role::Customer)] {
        assert_eq!(role_named(name), role, "{name}");
    }
}

#[tokio::test]
async fn only_our_key_and_our_algorithm_count() {
    let claims = json!({"sub": "usr_1", "exp": seconds_from_now(60)});
    assert!(accepts(&key(), Algorithm::HS256, SECRET, &claims));
    assert!(!accepts(&key(), Algorithm::HS256, "another secret, quite as long as ours", &claims));
    assert!(!accepts(&key(), Algorithm::HS384, SECRET, &claims));
    assert!(!accepts(&key(), Algorithm::HS512, SECRET, &claims));

    // {"alg":"none","typ":"JWT"}
    let unsigned = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJ1c3JfMSIsImV4cCI6OTk5OTk5OTk5OX0.";
    let tokens = Tokens::new(Some(&key()), clock());
    for wrong in [unsigned, "", "a", "a.b.c", "....", &"a".repeat(MAX_TOKEN + 1)] {
        assert_eq!(tokens.verify(wrong).await, Err(InvalidToken), "{}", wrong.len());
    }
    let token = tokens.sign(&profile(), Duration::from_mins(1)).unwrap();
    assert_eq!(Tokens::new(None, clock()).verify(&token).await, Err(InvalidToken));
}

#[test]
fn the_times_in_a_token_count() {
    let accepted = |claims: &Value| accepts(&key(), Algorithm::HS256, SECRET, claims);
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
    let strict = TokenKey { issuer: Some("https://id.example".into()), audience: Some("slotwise".into()), ..key() };
    let claims = |issuer: Value, audience: Value| json!({"sub": "usr_1", "exp": seconds_from_now(60), "iss": issuer, "aud": audience});
    let accepted = |issuer, audience| accepts(&strict, Algorithm::HS256, SECRET, &claims(issuer, audience));
    assert!(accepted(json!("https://id.example"), json!("slotwise")));
    assert!(accepted(json!("https://id.example"), json!(["other", "slotwise"])));
    assert!(!accepted(json!("https://other.example"), json!("slotwise")));
    assert!(!accepted(json!("https://id.example"), json!("other")));
    assert!(!accepted(Value::Null, json!("slotwise")));
    assert!(!accepted(json!("https://id.example"), Value::Null));

    let anybody = claims(json!("https://other.example"), json!("other"));
    assert!(accepts(&key(), Algorithm::HS256, SECRET, &anybody));
    let own = Tokens::new(Some(&strict), clock());
    assert!(own.verify(&own.sign(&profile(), Duration::from_mins(1)).unwrap()).await.is_ok());
}

#[test]
fn a_subject_that_cannot_be_an_id_is_nobody() {
    let accepted = |claims: &Value| accepts(&key(), Algorithm::HS256, SECRET, claims);
    let exp = seconds_from_now(60);
    assert!(!accepted(&json!({"exp": exp})));
    assert!(!accepted(&json!({"exp": exp, "sub": ""})));
    assert!(!accepted(&json!({"exp": exp, "sub": "u".repeat(MAX_ID_LENGTH + 1)})));
    assert!(!accepted(&json!({"exp": exp, "sub": "usr_1", "org_id": "o".repeat(MAX_ID_LENGTH + 1)})));
}
