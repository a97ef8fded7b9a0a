//! The audit log.

use std::sync::Arc;

use async_graphql::{ID, Json, Object};

use crate::domain::audit as domain;
use crate::graphql::scalar::DateTime;
use crate::graphql::types::booking::Actor;
use crate::graphql::types::page::connection;

/// One line of the audit log: who changed what.
#[derive(Clone)]
pub struct AuditEntry(Arc<domain::AuditEntry>);

connection!(AuditEntry, AuditEntryConnection, AuditEntryEdge, "the audit log");

impl From<Arc<domain::AuditEntry>> for AuditEntry {
    fn from(entry: Arc<domain::AuditEntry>) -> Self {
        Self(entry)
    }
}

/// One line of the audit log: who changed what.
#[Object]
impl AuditEntry {
    /// Its id.
    async fn id(&self) -> ID {
        self.0.id.as_str().into()
    }

    /// When.
    async fn at(&self) -> DateTime {
        self.0.at.into()
    }

    /// Who did it.
    async fn by(&self) -> Actor {
        // Only admins read the log.
        Actor::seen(&self.0.by, true)
    }

    /// What was done: `created`, `updated` or `deleted`. There may be others in time.
    async fn action(&self) -> &str {
        &self.0.action
    }

    /// What kind of thing it was done to, by the name of its type: `Resource`, `EventType`, `Schedule`, `User`,
    /// `Block`, `Webhook`.
    async fn entity(&self) -> &str {
        &self.0.entity
    }

    /// What it was done to; it may be gone.
    async fn entity_id(&self) -> ID {
        self.0.entity_id.as_str().into()
    }

    /// Each field that changed, with what it was and what it became: `{"name": {"from": "A", "to": "B"}}`. Of what was
    /// made everything comes from null, of what was deleted everything goes to null. Date overrides are told by their
    /// dates, and only those that changed: the first 100 dates, and beside them as `more` how many others.
    async fn changes(&self) -> Option<Json<serde_json::Value>> {
        self.0.changes.clone().map(Json)
    }
}
