//! Tokens signed with a secret, what is wrong with those that are not valid, and how long all of them last.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::{Sha256, Sha384};
use slotwise::auth::ClaimNames;
use slotwise::config::TokenSettings;

use crate::support::forgery::{MUTATION, NOW, are_refused_alike, claims, is_accepted, with};
use crate::support::keys::RSA_PUBLIC;
use crate::support::server::{TOKEN_SECRET, token_settings};
use crate::support::studios::{free_hold, studios};
use crate::support::{ServerOptions, SigningKey, Socket, Subprotocol, TestServer};

const PRESENCE: &str =
    r#"subscription { presenceChanged(resourceId: "res_a", date: "2026-12-02") { holds { holder } } }"#;

/// A token that says `header` and `claims`, signed by `sign`.
fn token(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn hs256(secret: &str) -> impl Fn(&[u8]) -> Vec<u8> {
    move |text| {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(text);
        mac.finalize().into_bytes().to_vec()
    }
}

fn hs384(secret: &str) -> impl Fn(&[u8]) -> Vec<u8> {
    move |text| {
        let mut mac = Hmac::<Sha384>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(text);
        mac.finalize().into_bytes().to_vec()
    }
}

/// A token signed as it should be.
fn signed(claims: &Value) -> String {
    token(&json!({ "alg": "HS256", "typ": "JWT" }), claims, hs256(TOKEN_SECRET))
}

/// What is wrong with a token, and the token.
fn invalid_tokens() -> Vec<(&'static str, String)> {
    let unsigned = |_: &[u8]| Vec::new();
    let alg = |name: &str| json!({ "alg": name, "typ": "JWT" });
    let crit = json!({ "alg": "HS256", "crit": ["b64"], "b64": false });
    let odd_crit = json!({ "alg": "HS256", "crit": "exp" });
    let odd_kid = json!({ "alg": "HS256", "kid": 1 });
    let own_secret = "a secret of somebody else's, as long as ours".to_owned();
    let own_key = json!({ "alg": "HS256", "jwk": { "kty": "oct", "k": URL_SAFE_NO_PAD.encode(&own_secret) } });
    let valid = signed(&claims());
    let (body, signature) = valid.rsplit_once('.').unwrap();
    let other_body = signed(&with("sub", json!("eve")));
    let (other_body, _) = other_body.rsplit_once('.').unwrap();
    vec![
        ("expired", signed(&with("exp", json!(NOW - 60)))),
        ("not valid yet", signed(&with("nbf", json!(NOW + 600)))),
        ("without an end", signed(&json!({ "sub": "ada" }))),
        ("without a subject", signed(&json!({ "exp": NOW + 3600 }))),
        ("unsigned", token(&alg("none"), &claims(), unsigned)),
        ("unsigned, in other letters", token(&alg("nOnE"), &claims(), unsigned)),
        ("said to be unsigned", token(&alg("none"), &claims(), hs256(TOKEN_SECRET))),
        ("without its signature", format!("{body}.")),
        ("another's signature", format!("{other_body}.{signature}")),
        ("another key", token(&alg("HS256"), &claims(), hs256("a secret of somebody else's, as long as ours"))),
        ("an empty key", token(&alg("HS256"), &claims(), hs256(""))),
        ("HS384", token(&alg("HS384"), &claims(), hs384(TOKEN_SECRET))),
        ("said to be RS256", token(&alg("RS256"), &claims(), hs256(TOKEN_SECRET))),
        ("100 KB long", signed(&with("name", json!("x".repeat(100_000))))),
        ("longer than any", signed(&with("name", json!("x".repeat(9_000))))),
        ("wants something to be understood", token(&crit, &claims(), hs256(TOKEN_SECRET))),
        ("a critical header that is none", token(&odd_crit, &claims(), hs256(TOKEN_SECRET))),
        ("a key id that is no text", token(&odd_kid, &claims(), hs256(TOKEN_SECRET))),
        ("a key of its own", token(&own_key, &claims(), hs256(&own_secret))),
        ("ES256", SigningKey::ec().token(&claims())),
        ("EdDSA", SigningKey::ed().token(&claims())),
        ("a public key for a secret", token(&alg("HS256"), &claims(), hs256(RSA_PUBLIC))),
        ("an altered signature", format!("{body}.{}", signature.chars().rev().collect::<String>())),
        ("a signature cut short", valid[..valid.len() - 2].to_owned()),
        ("five parts", format!("{valid}.{signature}.{signature}")),
        ("without a header", format!(".{}", valid.split_once('.').unwrap().1)),
        ("padded", format!("{valid}=")),
        ("claims that are a list", token(&alg("HS256"), &json!([claims()]), hs256(TOKEN_SECRET))),
        ("an end that is no number", signed(&with("exp", json!("2099-01-01")))),
        ("an end without end", signed(&with("exp", json!(1e300)))),
        ("no token", "nonsense".to_owned()),
        ("three parts of nothing", "..".to_owned()),
        ("binary", URL_SAFE_NO_PAD.encode([0_u8, 255, 254]).repeat(3)),
    ]
}

#[tokio::test]
async fn every_invalid_token_is_refused_with_the_same_answer() {
    let server = TestServer::start().await;
    is_accepted(&server, &signed(&claims())).await;
    are_refused_alike(&server, &invalid_tokens()).await;
}

#[tokio::test]
async fn where_no_key_is_configured_no_token_is_accepted() {
    let server = TestServer::start_with(ServerOptions { tokens: None, ..ServerOptions::default() }).await;
    are_refused_alike(&server, &[("valid elsewhere", signed(&claims()))]).await;
}

#[tokio::test]
async fn a_token_of_another_issuer_or_for_another_audience_is_refused() {
    let tokens = TokenSettings {
        issuer: Some("https://id.example".into()),
        audience: Some("slotwise".into()),
        ..token_settings()
    };
    let server = TestServer::start_with(ServerOptions { tokens: Some(tokens), ..ServerOptions::default() }).await;
    let token = |issuer: Value, audience: Value| {
        let mut claims = with("iss", issuer);
        claims["aud"] = audience;
        signed(&claims)
    };
    is_accepted(&server, &token(json!("https://id.example"), json!("slotwise"))).await;
    is_accepted(&server, &token(json!("https://id.example"), json!(["other", "slotwise"]))).await;
    let refused = [
        ("another issuer", token(json!("https://id.example.org"), json!("slotwise"))),
        ("the issuer with more", token(json!("https://id.example/"), json!("slotwise"))),
        ("no issuer", token(json!(null), json!("slotwise"))),
        ("another audience", token(json!("https://id.example"), json!("slotwise2"))),
        ("other audiences", token(json!("https://id.example"), json!(["other", "Slotwise"]))),
        ("no audience", token(json!("https://id.example"), json!(null))),
        ("neither", signed(&claims())),
    ];
    are_refused_alike(&server, &refused).await;
}

#[tokio::test]
async fn the_role_in_a_token_counts_only_where_the_server_trusts_it() {
    let role_at = async |trust_roles, token: &str| {
        let tokens = TokenSettings { trust_roles, ..token_settings() };
        let server = TestServer::start_with(ServerOptions { tokens: Some(tokens), ..ServerOptions::default() }).await;
        server.anonymous().with_token(token).ask("{ viewer { role } }", json!({})).await["viewer"]["role"].clone()
    };
    let token = signed(&with("role", json!(["member", "staff"])));
    assert_eq!(role_at(true, &token).await, "STAFF");
    assert_eq!(role_at(false, &token).await, "CUSTOMER");
}

#[tokio::test]
async fn claims_are_read_by_the_names_that_are_configured() {
    let claims = ClaimNames { role: "realm_access.roles".into(), email: "mail".into(), ..ClaimNames::default() };
    let tokens = TokenSettings { claims, ..token_settings() };
    let server = TestServer::start_with(ServerOptions { tokens: Some(tokens), ..ServerOptions::default() }).await;
    let mut said = with("realm_access", json!({ "roles": ["offline_access", "STAFF"] }));
    said["mail"] = json!("ada@example.org");
    let viewer = async |said: &Value| {
        let ada = server.anonymous().with_token(&signed(said));
        ada.ask("{ viewer { role email } }", json!({})).await["viewer"].clone()
    };
    assert_eq!(viewer(&said).await, json!({ "role": "STAFF", "email": "ada@example.org" }));
    // Somebody of whom nothing is known yet.
    said["sub"] = json!("grace");
    said["email_verified"] = json!(false);
    assert_eq!(viewer(&said).await["email"], Value::Null);
}

/// The error that an operation on a socket is answered with.
async fn refusal(socket: &mut Socket, query: &str) -> Value {
    socket.subscribe("refused", query, json!({})).await;
    let answer = socket.receive().await;
    assert_eq!(answer["id"], "refused", "{answer}");
    if answer["type"] == "error" {
        return answer["payload"][0].clone();
    }
    // The older protocol has another way to say so.
    assert_eq!(socket.receive().await, json!({ "type": "complete", "id": "refused" }));
    answer["payload"]["errors"][0].clone()
}

#[tokio::test]
async fn when_a_token_ends_what_is_public_goes_on_and_nothing_new_begins() {
    let server = studios().await;
    let ada = server.anonymous().with_token(&signed(&claims()));
    let mut sockets = Vec::new();
    for subprotocol in Subprotocol::BOTH {
        let mut watch = ada.watch_with(subprotocol, PRESENCE, json!({})).await;
        assert_eq!(watch.next().await["holds"], json!([]));
        sockets.push((Socket::open_with(&ada, subprotocol).await, watch));
    }
    server.clock.advance(Duration::from_secs(3600 + 31));
    assert_eq!(ada.send("{ viewer { id } }", json!({})).await.status, 401);
    for (socket, watch) in &mut sockets {
        for query in ["{ viewer { id } }", "{ settings { holdSeconds } }", MUTATION, PRESENCE] {
            let error = refusal(socket, query).await;
            assert_eq!(error["extensions"]["code"], "UNAUTHENTICATED", "{query}: {error}");
        }
        // The same on the connection that somebody watches by.
        let error = refusal(watch.socket(), "{ viewer { id } }").await;
        assert_eq!(error["extensions"]["code"], "UNAUTHENTICATED", "{error}");
    }
    let held = server.anonymous().heartbeat(free_hold("a", "2026-12-02T12:00:00Z", 60, "a guest")).await;
    assert_eq!(held["granted"], true, "{held}");
    for (_, watch) in &mut sockets {
        assert_eq!(watch.next().await["holds"].as_array().unwrap().len(), 1);
    }
}
