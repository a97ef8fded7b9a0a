//! Admins who run a catalogue, and what the audit log keeps of it.

use sea_orm::{ConnectionTrait, Database, Statement};
use serde_json::{Value, json};
use slotwise::domain::access::Role;

use super::actor::Actor;
use super::server::TestServer;

/// What a payload says of the things in it.
const RESOURCE: &str = "resource { id organizationId slug name description kind timeZone quantity standalone active
    alwaysOpen schedule { id } eventTypes { id } metadata createdAt updatedAt }";
const EVENT_TYPE: &str = "eventType { id organizationId slug title description durationOptions intervalMinutes
    bufferBeforeMinutes bufferAfterMinutes minNoticeMinutes maxDaysAhead requiresConfirmation lockTimeZone locations
    active schedule { id } resources { nodes { id } } createdAt updatedAt }";
/// A schedule with all that is in it.
pub const SCHEDULE: &str = "schedule { id organizationId name timeZone weeklyHours { weekday start end }
    dateOverrides { date windows { start end } reason } createdAt updatedAt }";
/// A block with all that is in it.
const BLOCK: &str = "block { id resource { id active } quantity start end reason createdBy { kind userId } createdAt }";

/// A webhook with all that is in it.
const WEBHOOK: &str = "webhook { id url events selection description active failingSince createdAt updatedAt }";
/// A delivery with all that is in it.
const DELIVERY: &str = "delivery { id webhookId event eventId status attempts lastStatusCode lastError nextAttemptAt
    payload history { number at durationMillis statusCode error } createdAt }";

/// One line of the audit log.
#[derive(Debug, PartialEq)]
pub struct AuditLine {
    pub action: String,
    pub entity: String,
    pub entity_id: String,
    pub by: String,
    pub changes: Value,
}

impl TestServer {
    /// Whoever runs the default organization.
    pub fn runner(&self) -> Actor {
        self.admin("root")
    }

    /// An admin of the default organization by the name of `user`.
    pub fn admin(&self, user: &str) -> Actor {
        self.signed_in(user, Role::Admin, "default")
    }

    /// The whole audit log, the oldest line first.
    pub async fn audit_lines(&self) -> Vec<AuditLine> {
        let database = Database::connect(self.database_url()).await.unwrap();
        let sql = "SELECT action, entity, entity_id, actor_user_id, changes FROM audit_entries ORDER BY id";
        let rows = database.query_all_raw(Statement::from_string(database.get_database_backend(), sql)).await.unwrap();
        database.close().await.unwrap();
        let line = |row: &sea_orm::QueryResult| AuditLine {
            action: row.try_get("", "action").unwrap(),
            entity: row.try_get("", "entity").unwrap(),
            entity_id: row.try_get("", "entity_id").unwrap(),
            by: row.try_get("", "actor_user_id").unwrap(),
            changes: row.try_get("", "changes").unwrap(),
        };
        rows.iter().map(line).collect()
    }

    /// How often the default organization's catalogue has changed.
    pub async fn catalogue_revision(&self) -> u64 {
        self.store.reader().catalogue_revision(&"default".into()).await.unwrap()
    }
}

impl Actor {
    /// Changes the catalogue: the payload of one of its mutations.
    pub async fn run(&self, mutation: &str, input: Value) -> Value {
        let data = self.ask(&operation(mutation), json!({ "input": input })).await;
        data[mutation].clone()
    }

    /// The same, where nothing may be refused.
    pub async fn run_well(&self, mutation: &str, input: Value) -> Value {
        let payload = self.run(mutation, input).await;
        assert_eq!(payload["userErrors"], json!([]), "of {mutation}");
        payload
    }
}

/// A document for one mutation of the catalogue.
pub fn operation(mutation: &str) -> String {
    let selection = match mutation {
        "createResource" | "updateResource" => RESOURCE.to_owned(),
        "createEventType" | "updateEventType" => EVENT_TYPE.to_owned(),
        "createSchedule" | "updateSchedule" | "setDateOverrides" | "removeDateOverrides" => SCHEDULE.to_owned(),
        "createBlock" => BLOCK.to_owned(),
        "createWebhook" | "rotateWebhookSecret" => format!("{WEBHOOK} secret"),
        "updateWebhook" => WEBHOOK.to_owned(),
        "redeliverWebhook" | "sendTestWebhook" => DELIVERY.to_owned(),
        "linkEventType" | "unlinkEventType" => format!("{RESOURCE} {EVENT_TYPE}"),
        _ => "deletedId".to_owned(),
    };
    let input = format!("{}{}Input", mutation[..1].to_uppercase(), &mutation[1..]);
    format!(
        "mutation ($input: {input}!) {{ {mutation}(input: $input) {{ {selection}
            userErrors {{ code message field conflicts {{ resourceId start end }} }} }} }}"
    )
}

/// The refusals of a payload, each as its code and its field below `input`.
#[track_caller]
pub fn refusals(payload: &Value) -> Vec<(String, String)> {
    let errors = payload["userErrors"].as_array().unwrap_or_else(|| panic!("no payload: {payload}"));
    let read = |error: &Value| {
        super::assert_clear(error["message"].as_str().unwrap());
        let path: Vec<&str> = error["field"].as_array().unwrap().iter().map(|part| part.as_str().unwrap()).collect();
        assert_eq!(path[0], "input");
        (error["code"].as_str().unwrap().to_owned(), path[1..].join("."))
    };
    errors.iter().map(read).collect()
}

/// What [`refusals`] gives for these.
pub fn of(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(code, field)| ((*code).to_owned(), (*field).to_owned())).collect()
}
