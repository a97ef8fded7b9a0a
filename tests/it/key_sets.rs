//! Tokens that are verified with the keys that an identity provider publishes, whatever becomes of it.

use std::time::Duration;

use serde_json::{Value, json};
use slotwise::auth::SignatureAlgorithm::{EdDsa, Es256, Rs256};
use slotwise::config::TokenSettings;

use crate::support::forgery::{are_refused_alike, claims, is_accepted};
use crate::support::keys::RSA_PUBLIC;
use crate::support::{Actor, IdentityProvider, ServerOptions, SigningKey, Socket, TestServer, within_patience};

const MINUTE: Duration = Duration::from_mins(1);

async fn server_with(tokens: TokenSettings) -> TestServer {
    TestServer::start_with(ServerOptions { tokens: Some(tokens), ..ServerOptions::default() }).await
}

/// A provider of one key for ES256, a server that has got it, and somebody with a token.
async fn signed_in() -> (IdentityProvider, TestServer, Actor) {
    let key = SigningKey::ec();
    let provider = IdentityProvider::start(&[&key]).await;
    let server = server_with(provider.settings(&[Es256])).await;
    is_accepted(&server, &key.token(&claims())).await;
    assert_eq!(provider.asked(), 1);
    let ada = server.anonymous().with_token(&key.token(&claims()));
    (provider, server, ada)
}

/// How a request is answered.
async fn status(actor: &Actor) -> u16 {
    actor.send("{ viewer { id } }", json!({})).await.status
}

#[tokio::test]
async fn a_token_is_verified_with_the_key_that_it_names() {
    let keys = [SigningKey::rsa(), SigningKey::ec(), SigningKey::other_ec(), SigningKey::ed()];
    let provider = IdentityProvider::start(&keys.each_ref()).await;
    let server = server_with(provider.settings(&[Rs256, Es256, EdDsa])).await;
    for key in &keys {
        is_accepted(&server, &key.token(&claims())).await;
    }
    // Without a name it is clear with which Ed25519 key it was signed, but not with which on P-256.
    let unnamed = |key: &SigningKey| {
        let mut header = key.header();
        header.as_object_mut().unwrap().remove("kid");
        key.token_with(&header, &claims())
    };
    is_accepted(&server, &unnamed(&keys[3])).await;
    are_refused_alike(&server, &[("one of two keys", unnamed(&keys[1]))]).await;
}

#[tokio::test]
async fn only_the_algorithms_of_the_settings_count_whatever_keys_there_are() {
    let (ec, ed) = (SigningKey::ec(), SigningKey::ed());
    let provider = IdentityProvider::start(&[&ec, &ed]).await;
    let server = server_with(provider.settings(&[EdDsa])).await;
    is_accepted(&server, &ed.token(&claims())).await;
    are_refused_alike(&server, &[("a key that is published", ec.token(&claims()))]).await;
}

#[tokio::test]
async fn every_forged_token_is_refused_with_the_same_answer() {
    let (rsa, ec, eve) = (SigningKey::rsa(), SigningKey::ec(), SigningKey::other_ec());
    let provider = IdentityProvider::start(&[&rsa, &ec]).await;
    // A secret in a key set is known to everybody.
    let secret = "a secret that everybody can read";
    let mut published: Value = json!({ "keys": [rsa.jwk(), ec.jwk()] });
    let shared = json!({ "kty": "oct", "kid": "oct-1", "alg": "HS256", "use": "sig", "k": "YSBzZWNyZXQgdGhhdCBldmVyeWJvZHkgY2FuIHJlYWQ" });
    published["keys"].as_array_mut().unwrap().push(shared);
    provider.say(&published.to_string());
    let server = server_with(provider.settings(&[Rs256, Es256])).await;
    is_accepted(&server, &ec.token(&claims())).await;

    let named = |key: &SigningKey, id: Value| {
        let mut header = key.header();
        header["kid"] = id;
        key.token_with(&header, &claims())
    };
    let hs256 = |secret: &str, id: &str| named(&SigningKey::secret(secret.as_bytes()), json!(id));
    let mut own_key = eve.header();
    own_key["jwk"] = eve.jwk();
    let mut own_address = eve.header();
    own_address["jku"] = json!(provider.url());
    let forged = [
        ("an unknown key", eve.token(&claims())),
        ("another key by a known name", named(&eve, json!("ec-1"))),
        ("another key without a name", named(&eve, json!(null))),
        ("its own key", eve.token_with(&own_key, &claims())),
        ("an address", eve.token_with(&own_address, &claims())),
        ("the name of a key for another algorithm", named(&ec, json!("rsa-1"))),
        ("a published secret", hs256(secret, "oct-1")),
        ("a public key for a secret", hs256(RSA_PUBLIC, "rsa-1")),
        ("an empty secret", hs256("", "rsa-1")),
        ("a path", named(&eve, json!("../../../../dev/null"))),
        ("SQL", named(&eve, json!("x\' UNION SELECT \'secret\'; --"))),
        ("a huge name", named(&eve, json!("k".repeat(5_000)))),
        ("a number", named(&ec, json!(1))),
        ("a list", named(&ec, json!(["ec-1"]))),
        ("an address for a name", named(&eve, json!(provider.url()))),
        ("nothing", named(&eve, json!(""))),
    ];
    are_refused_alike(&server, &forged).await;
    assert_eq!(provider.asked(), 1, "not even unknown names are a reason to ask again at once");
}

#[tokio::test]
async fn a_new_key_is_fetched_when_a_token_names_it_but_not_more_than_once_a_minute() {
    let (provider, server, ada) = signed_in().await;
    let (old, new) = (SigningKey::ec(), SigningKey::other_ec());
    let eve = server.anonymous().with_token(&SigningKey::ec().called("unknown").token(&claims()));
    provider.publish(&[&old, &new]);
    let grace = server.anonymous().with_token(&new.token(&claims()));
    assert_eq!(status(&grace).await, 401, "it was fetched just now");

    server.clock.advance(MINUTE);
    assert_eq!(status(&grace).await, 200);
    assert_eq!(provider.asked(), 2);
    for _ in 0..20 {
        assert_eq!(status(&eve).await, 401);
    }
    server.clock.advance(Duration::from_millis(59_999));
    assert_eq!(status(&eve).await, 401);
    assert_eq!(provider.asked(), 2);
    server.clock.advance(Duration::from_millis(1));
    assert_eq!(status(&eve).await, 401);
    assert_eq!(provider.asked(), 3);
    assert_eq!((status(&ada).await, status(&grace).await), (200, 200));
}

#[tokio::test]
async fn a_key_that_is_withdrawn_goes_within_the_hour() {
    let (provider, server, ada) = signed_in().await;
    let new = SigningKey::other_ec();
    provider.publish(&[&new]);
    server.clock.advance(MINUTE * 59);
    assert_eq!(status(&ada).await, 200);
    assert_eq!(provider.asked(), 1);

    server.clock.advance(MINUTE);
    provider.is_asked(2).await;
    // Waits for the answer that is on its way.
    is_accepted(&server, &new.token(&claims())).await;
    assert_eq!(status(&ada).await, 401);
    assert_eq!(provider.asked(), 2);
}

#[tokio::test]
async fn while_the_provider_is_down_the_known_keys_go_on_and_new_ones_come_when_it_is_back() {
    let (provider, server, ada) = signed_in().await;
    let new = SigningKey::other_ec();
    let grace = server.anonymous().with_token(&new.token(&claims()));
    let elsewhere = IdentityProvider::start(&[&new]).await;
    let failures: [&dyn Fn(); 8] = [
        &|| provider.fail(500),
        &|| provider.fail(404),
        &|| provider.say(""),
        &|| provider.say("<html>Sorry</html>"),
        &|| provider.say(r#"{"error": "sorry"}"#),
        &|| provider.say(r#"{"keys": []}"#),
        &|| provider.say(&format!(r#"{{"keys": [], "padding": "{}"}}"#, "x".repeat(300_000))),
        &|| provider.redirect(elsewhere.url()),
    ];
    for (number, fail) in failures.iter().enumerate() {
        fail();
        server.clock.advance(MINUTE);
        assert_eq!(status(&grace).await, 401);
        assert_eq!(provider.asked(), number + 2);
        assert_eq!(status(&ada).await, 200, "failure {number}");
    }
    assert_eq!(elsewhere.asked(), 0, "redirects are not followed");
    provider.publish(&[&new]);
    server.clock.advance(MINUTE);
    assert_eq!(status(&grace).await, 200);
}

#[tokio::test]
async fn a_slow_provider_keeps_nobody_waiting_whose_key_is_known_and_is_asked_once_by_all_others() {
    let (provider, server, ada) = signed_in().await;
    let new = SigningKey::other_ec();
    let grace = server.anonymous().with_token(&new.token(&claims()));
    provider.fall_silent();
    server.clock.advance(MINUTE);
    let waiting: Vec<_> = (0..10)
        .map(|_| {
            let grace = grace.clone();
            tokio::spawn(async move { status(&grace).await })
        })
        .collect();
    provider.is_asked(2).await;
    assert_eq!(status(&ada).await, 200);
    Socket::open(&ada).await;

    provider.publish(&[&new]);
    for waiting in waiting {
        assert_eq!(within_patience("an answer", waiting).await.unwrap(), 200);
    }
    assert_eq!(provider.asked(), 2);
}

#[tokio::test]
async fn until_there_are_keys_nobody_is_told_that_their_token_is_wrong() {
    let key = SigningKey::ec();
    let provider = IdentityProvider::start(&[&key]).await;
    provider.fail(503);
    let server = server_with(provider.settings(&[Es256])).await;
    provider.is_asked(1).await;
    let ada = server.anonymous().with_token(&key.token(&claims()));
    let answer = ada.send("{ viewer { id } }", json!({})).await;
    assert_eq!((answer.status, answer.code()), (503, "INTERNAL_SERVER_ERROR"));
    assert!(answer.message().contains("Try again"), "{answer:?}");
    assert_eq!(status(&server.anonymous()).await, 200);
    // What cannot be valid whatever keys there are is still refused.
    assert_eq!(status(&server.anonymous().with_token("nonsense")).await, 401);
    assert_eq!(status(&server.anonymous().with_token(&SigningKey::ed().token(&claims()))).await, 401);

    provider.publish(&[&key]);
    assert_eq!(status(&ada).await, 503, "it was tried just now");
    server.clock.advance(Duration::from_secs(5));
    assert_eq!(status(&ada).await, 200);
}
