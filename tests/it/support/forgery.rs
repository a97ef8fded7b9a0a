//! Tokens that are not valid: all are refused alike, whichever way they come.

use serde_json::{Value, json};

use super::{Socket, TestServer};

/// 2026-12-01T06:00Z, when the tests' servers start.
pub const NOW: i64 = 1_796_104_800;

/// Something that changes something.
pub const MUTATION: &str = r#"mutation { heartbeat(input: { resourceId: "res_a",
    slots: [{ start: "2026-12-02T09:00:00Z", durationMinutes: 60 }], sessionSecret: "a session of the tests" }) { granted } }"#;

/// What a valid token of the tests says.
pub fn claims() -> Value {
    json!({ "sub": "ada", "exp": NOW + 3600, "org_id": "default", "role": "admin" })
}

/// The same with another claim.
pub fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

/// Shows a token that is as it should be: otherwise the refusal of others would show nothing.
pub async fn is_accepted(server: &TestServer, token: &str) {
    let ada = server.anonymous().with_token(token);
    let viewer = ada.ask("{ viewer { id role organizationId } }", json!({})).await;
    assert_eq!(viewer["viewer"], json!({ "id": "ada", "role": "ADMIN", "organizationId": "default" }));
    Socket::open(&ada).await;
}

/// Shows tokens, each with what is wrong with it, in every way there is. All must get the same answer.
pub async fn are_refused_alike(server: &TestServer, tokens: &[(&str, String)]) {
    let mut bodies: Vec<Value> = Vec::new();
    for (what, token) in tokens {
        let eve = server.anonymous().with_token(token);
        for query in ["{ settings { quantumMinutes } }", MUTATION] {
            let answer = eve.send(query, json!({})).await;
            assert_eq!((answer.status, answer.code()), (401, "UNAUTHENTICATED"), "{what}");
            bodies.push(answer.body);
        }
        let answer = eve.get("{ viewer { id } }", json!({})).await;
        assert_eq!(answer.status, 401, "{what}");
        bodies.push(answer.body);

        let mut socket = Socket::connect(&server.url(), "graphql-transport-ws").await;
        let payload = json!({ "Authorization": format!("Bearer {token}") });
        socket.send(json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(socket.next_message().await, None, "{what}");
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "answers that tell tokens apart: {bodies:?}");
}
