//! Tokens that are verified with a public key.

use serde_json::{Value, json};
use slotwise::auth::PublicKey;
use slotwise::config::{TokenKey, TokenSettings};

use crate::support::forgery::{NOW, are_refused_alike, claims, is_accepted, with};
use crate::support::keys::RSA_PUBLIC;
use crate::support::{ServerOptions, SigningKey, TestServer};

async fn server_with(key: PublicKey) -> TestServer {
    let tokens = TokenSettings {
        issuer: Some("https://id.example".into()),
        trust_roles: true,
        ..TokenSettings::new(TokenKey::Public(key))
    };
    TestServer::start_with(ServerOptions { tokens: Some(tokens), ..ServerOptions::default() }).await
}

/// What a valid token says here.
fn said() -> Value {
    with("iss", json!("https://id.example"))
}

fn altered(name: &str, value: Value) -> Value {
    let mut said = said();
    said[name] = value;
    said
}

#[tokio::test]
async fn a_token_is_verified_with_the_public_key_and_its_algorithm() {
    let keys = [SigningKey::rsa(), SigningKey::ec(), SigningKey::ed()];
    let tokens: Vec<String> = keys.iter().map(|key| key.token(&said())).collect();
    for (number, key) in keys.iter().enumerate() {
        let server = server_with(key.public()).await;
        is_accepted(&server, &tokens[number]).await;
        let others: Vec<_> =
            (0..3).filter(|other| *other != number).map(|other| ("another key's", tokens[other].clone())).collect();
        are_refused_alike(&server, &others).await;
    }
}

#[tokio::test]
async fn a_public_key_is_no_secret_that_tokens_are_signed_with() {
    let server = server_with(SigningKey::rsa().public()).await;
    // As a file has it, without its last line break, and what is in it.
    let der = pem_contents(RSA_PUBLIC);
    for secret in [RSA_PUBLIC.as_bytes(), RSA_PUBLIC.trim_end().as_bytes(), &der, b""] {
        let secret = SigningKey::secret(secret);
        let as_rsa = json!({ "typ": "JWT", "alg": "RS256", "kid": "rsa-1" });
        let forged = [("HS256", secret.token(&said())), ("said to be RS256", secret.token_with(&as_rsa, &said()))];
        are_refused_alike(&server, &forged).await;
    }
}

fn pem_contents(pem: &str) -> Vec<u8> {
    use base64::Engine as _;
    let text: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

#[tokio::test]
async fn whatever_else_is_wrong_with_a_token_it_is_refused_with_the_same_answer() {
    let (ec, eve) = (SigningKey::ec(), SigningKey::other_ec());
    let server = server_with(ec.public()).await;
    let header = |name: &str, value: Value| {
        let mut header = ec.header();
        header[name] = value;
        header
    };
    is_accepted(&server, &ec.token(&said())).await;
    // With one key there is nothing to choose: what a token calls it means nothing, and neither do addresses.
    for (name, value) in
        [("kid", json!("another")), ("jku", json!("http://127.0.0.1:1/")), ("x5u", json!("http://127.0.0.1:1/"))]
    {
        is_accepted(&server, &ec.token_with(&header(name, value), &said())).await;
    }
    let valid = ec.token(&said());
    let (body, signature) = valid.rsplit_once('.').unwrap();
    let (head, payload) = body.split_once('.').unwrap();
    let other = ec.token(&altered("sub", json!("eve")));
    let other_payload = other.split('.').nth(1).unwrap();
    let by_eve = |header: Value| eve.token_with(&header, &said());
    let forged = [
        ("another key", eve.token(&said())),
        ("another key by the same name", eve.clone().called("ec-1").token(&said())),
        ("its own key", by_eve(header("jwk", eve.jwk()))),
        ("its own key's address", by_eve(header("jku", json!("https://eve.example/jwks")))),
        ("its own certificate", by_eve(header("x5c", json!(["MIIB"])))),
        ("none", format!("{}.", ec.token_with(&header("alg", json!("none")), &said()).rsplit_once('.').unwrap().0)),
        ("None", ec.token_with(&header("alg", json!("None")), &said())),
        ("no algorithm", ec.token_with(&json!({ "typ": "JWT" }), &said())),
        ("said to be HS256", ec.token_with(&header("alg", json!("HS256")), &said())),
        ("said to be ES384", ec.token_with(&header("alg", json!("ES384")), &said())),
        ("crit", ec.token_with(&header("crit", json!(["exp"])), &said())),
        ("a number for a key id", ec.token_with(&header("kid", json!(7)), &said())),
        ("expired", ec.token(&altered("exp", json!(NOW - 31)))),
        ("never expires", ec.token(&altered("exp", json!(null)))),
        ("not valid yet", ec.token(&altered("nbf", json!(NOW + 31)))),
        ("another issuer", ec.token(&altered("iss", json!("https://eve.example")))),
        ("no issuer", ec.token(&claims())),
        ("no subject", ec.token(&altered("sub", json!(null)))),
        ("another payload", format!("{head}.{other_payload}.{signature}")),
        ("no signature", format!("{body}.")),
        ("a signature of zeros", format!("{body}.{}", "A".repeat(86))),
        ("a short signature", format!("{body}.{}", &signature[..40])),
        ("a signature and more", format!("{valid}AAAA")),
        ("no payload", format!("{head}..{signature}")),
        ("no header", format!(".{payload}.{signature}")),
        ("100 KB", ec.token(&altered("name", json!("x".repeat(100_000))))),
    ];
    are_refused_alike(&server, &forged).await;
}
