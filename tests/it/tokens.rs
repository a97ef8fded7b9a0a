//! Tokens that are not valid: all are refused alike, whichever way they come.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::{Sha256, Sha384};

use crate::support::server::TOKEN_SECRET;
use crate::support::{ServerOptions, Socket, TestServer};

/// 2026-12-01T06:00Z, when the tests' servers start.
const NOW: i64 = 1_796_104_800;
const MUTATION: &str = r#"mutation { heartbeat(input: { resourceId: "res_a",
    slots: [{ start: "2026-12-02T09:00:00Z", durationMinutes: 60 }], sessionSecret: "a session of the tests" }) { granted } }"#;

fn claims() -> Value {
    json!({ "sub": "ada", "exp": NOW + 3600, "org_id": "default", "role": "admin" })
}

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

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

/// What is wrong with a token, and the token.
fn invalid_tokens() -> Vec<(&'static str, String)> {
    let unsigned = |_: &[u8]| Vec::new();
    let alg = |name: &str| json!({ "alg": name, "typ": "JWT" });
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
        ("no token", "nonsense".to_owned()),
        ("three parts of nothing", "..".to_owned()),
        ("binary", URL_SAFE_NO_PAD.encode([0_u8, 255, 254]).repeat(3)),
    ]
}

#[tokio::test]
async fn a_token_as_it_should_be_is_accepted() {
    // Otherwise the tests below would show nothing.
    let server = TestServer::start().await;
    let ada = server.anonymous().with_token(&signed(&claims()));
    let viewer = ada.ask("{ viewer { id role organizationId } }", json!({})).await;
    assert_eq!(viewer["viewer"], json!({ "id": "ada", "role": "ADMIN", "organizationId": "default" }));
    Socket::open(&ada).await;
}

#[tokio::test]
async fn every_invalid_token_is_refused_over_http_with_the_same_answer() {
    let server = TestServer::start().await;
    let mut bodies: Vec<Value> = Vec::new();
    for (what, token) in invalid_tokens() {
        let eve = server.anonymous().with_token(&token);
        for query in ["{ settings { quantumMinutes } }", MUTATION] {
            let answer = eve.send(query, json!({})).await;
            assert_eq!((answer.status, answer.code()), (401, "UNAUTHENTICATED"), "{what}");
            bodies.push(answer.body);
        }
        assert_eq!(eve.get("{ viewer { id } }", json!({})).await.status, 401, "{what}");
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "answers that tell tokens apart: {bodies:?}");
}

#[tokio::test]
async fn every_invalid_token_closes_a_socket_that_introduces_itself_with_it() {
    let server = TestServer::start().await;
    for (what, token) in invalid_tokens() {
        let mut socket = Socket::connect(&server.url(), "graphql-transport-ws").await;
        let payload = json!({ "Authorization": format!("Bearer {token}") });
        socket.send(json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(socket.next_message().await, None, "{what}");
    }
}

#[tokio::test]
async fn a_token_ends_with_its_time_on_http_and_on_sockets() {
    let options = ServerOptions::default();
    let server = TestServer::start_with(options).await;
    let ada = server.anonymous().with_token(&signed(&claims()));
    let mut socket = Socket::open(&ada).await;
    let clock = Arc::clone(&server.clock);
    clock.advance(Duration::from_secs(3600 + 31));
    assert_eq!(ada.send("{ viewer { id } }", json!({})).await.status, 401);
    assert_eq!(socket.next_message().await, None);
}
