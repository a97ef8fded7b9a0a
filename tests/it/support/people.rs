//! People: tokens that say this or that, an identity provider that tells of them, and what the log says of it.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sea_orm::{ConnectionTrait, Database, Statement};
use serde_json::{Value, json};
use sha2::Sha256;

use super::actor::{Actor, Answer};
use super::server::{TOKEN_SECRET, TestServer};
use super::{ServerOptions, within_patience};

/// What the identity provider signs its webhooks with.
pub const WEBHOOK_SECRET: &str = "the tests' webhook secret";

/// A server that takes the identity provider's webhooks and names these admins.
pub async fn server_with_provider(admins: &'static str) -> TestServer {
    let identity_webhook_secret = Some(WEBHOOK_SECRET);
    TestServer::start_with(ServerOptions { admins, identity_webhook_secret, ..ServerOptions::default() }).await
}

/// An event of the identity provider's: what happened to `data`, told at `at`.
pub fn event(id: &str, kind: &str, at: &str, data: Value) -> Value {
    let mut event = json!({ "id": format!("event_{id}"), "event": format!("user.{kind}"), "created_at": at });
    event["data"] = data;
    event
}

/// An account as events tell it.
pub fn account(subject: &str, name: &str, updated_at: &str) -> Value {
    json!({
        "object": "user",
        "id": subject,
        "email": format!("{subject}@example.com"),
        "email_verified": true,
        "first_name": name,
        "last_name": null,
        "profile_picture_url": null,
        "created_at": "2026-11-01T00:00:00.000Z",
        "updated_at": updated_at,
    })
}

/// `WorkOS-Signature` of `body`.
pub fn signature(secret: &str, body: &str, at: DateTime<Utc>) -> String {
    let time = at.timestamp_millis();
    let mac = hs256(secret, format!("{time}.{body}").as_bytes());
    let mut signature = format!("t={time}, v1=");
    for byte in mac {
        write!(signature, "{byte:02x}").unwrap();
    }
    signature
}

fn hs256(secret: &str, text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

impl TestServer {
    /// Whoever has a token that says just this, for ten years.
    pub fn bearer(&self, claims: Value) -> Actor {
        self.bearer_until(claims, self.clock_now() + TimeDelta::days(10 * 365))
    }

    /// Whoever has a token that says just this, until then.
    pub fn bearer_until(&self, mut claims: Value, expires_at: DateTime<Utc>) -> Actor {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        claims["exp"] = json!(expires_at.timestamp());
        let signed = format!("{}.{}", part(&json!({ "alg": "HS256", "typ": "JWT" })), part(&claims));
        let mac = URL_SAFE_NO_PAD.encode(hs256(TOKEN_SECRET, signed.as_bytes()));
        self.anonymous().with_token(&format!("{signed}.{mac}"))
    }

    /// What time it is for the server.
    pub fn clock_now(&self) -> DateTime<Utc> {
        slotwise::clock::Clock::now(&*self.clock)
    }

    /// Sends `body` to the address of the identity provider's webhooks, signed like this.
    pub async fn post_event(&self, body: &str, signature: &str) -> Answer {
        let request = reqwest::Client::new()
            .post(format!("http://{}/webhooks/identity", self.address))
            .header("content-type", "application/json")
            .header("workos-signature", signature)
            .body(body.to_owned());
        let response = within_patience("an answer", request.send()).await.unwrap();
        let status = response.status().as_u16();
        let retry_after = response.headers().get("retry-after").map(|wait| wait.to_str().unwrap().parse().unwrap());
        let body = response.text().await.unwrap();
        Answer { status, retry_after, body: serde_json::from_str(&body).unwrap_or(Value::Null) }
    }

    /// The identity provider tells this, and is understood.
    pub async fn told(&self, event: Value) {
        let body = event.to_string();
        let answer = self.post_event(&body, &signature(WEBHOOK_SECRET, &body, self.clock_now())).await;
        assert_eq!((answer.status, answer.body), (200, Value::Null), "{event}");
    }

    /// What the audit log says of people, the oldest first: `SYSTEM created ada@default {…}`.
    pub async fn log_of_people(&self) -> Vec<String> {
        const LOG: &str = "SELECT actor_kind, actor_user_id, action, entity_id, organization_id,
            CAST(changes AS TEXT) AS changes FROM audit_entries WHERE entity = 'User' ORDER BY id";
        let database = Database::connect(self.database_url()).await.unwrap();
        let statement = Statement::from_string(database.get_database_backend(), LOG);
        let rows = database.query_all_raw(statement).await.unwrap();
        database.close().await.unwrap();
        let line = |row: &sea_orm::QueryResult| {
            let text = |name: &str| row.try_get::<Option<String>>("", name).unwrap().unwrap_or_default();
            let changes: Value = serde_json::from_str(&text("changes")).unwrap();
            let (kind, actor) = (text("actor_kind"), text("actor_user_id"));
            let by = if actor.is_empty() { kind } else { actor };
            format!("{by} {} {}@{} {changes}", text("action"), text("entity_id"), text("organization_id"))
        };
        rows.iter().map(line).collect()
    }
}

impl Actor {
    /// The caller; null for nobody, or for whoever is refused.
    pub async fn viewer(&self) -> Value {
        let answer = self.send("{ viewer { id email name role organizationId } }", json!({})).await;
        if answer.status == 401 { Value::Null } else { answer.data()["viewer"].clone() }
    }

    /// The users of an admin's organization, by email.
    pub async fn users(&self) -> Value {
        let query = "{ users(first: 200) { nodes { id email name role organizationId } } }";
        self.ask(query, json!({})).await["users"]["nodes"].clone()
    }

    /// The names of those who are admins.
    pub async fn admins(&self) -> Vec<String> {
        let users = self.users().await;
        let admins = users.as_array().unwrap().iter().filter(|user| user["role"] == "ADMIN");
        admins.map(|user| user["id"].as_str().unwrap().to_owned()).collect()
    }

    /// The payload of `setUserRole`.
    pub async fn set_role(&self, user: &str, role: &str) -> Value {
        self.try_set_role(user, role).await.data()["setUserRole"].clone()
    }

    /// The answer to `setUserRole`, whatever it is.
    pub async fn try_set_role(&self, user: &str, role: &str) -> Answer {
        const SET: &str = "mutation ($input: SetUserRoleInput!) { setUserRole(input: $input) {
            user { id role updatedAt } userErrors { code message field } } }";
        self.send(SET, json!({ "input": { "userId": user, "role": role } })).await
    }
}
