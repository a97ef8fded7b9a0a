//! The audit log: who changed what of the things that admins run, and who blocked what.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::booking::Actor;
use super::id::{AuditEntryId, OrganizationId};

/// What was changed.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum AuditEntity {
    /// A resource.
    Resource,
    /// An event type.
    EventType,
    /// A schedule, with its windows and overrides.
    Schedule,
    /// A person.
    User,
    /// A block.
    Block,
    /// A webhook.
    Webhook,
    /// A calendar feed.
    CalendarFeed,
}

impl AuditEntity {
    /// Its name in the log: what the API calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Resource => "Resource",
            Self::EventType => "EventType",
            Self::Schedule => "Schedule",
            Self::User => "User",
            Self::Block => "Block",
            Self::Webhook => "Webhook",
            Self::CalendarFeed => "CalendarFeed",
        }
    }
}

/// What was done.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum AuditAction {
    /// It was made.
    Created,
    /// Some of it was changed.
    Updated,
    /// It was removed.
    Deleted,
}

impl AuditAction {
    /// Its name in the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
        }
    }
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// Its id; ids grow with time.
    pub id: AuditEntryId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub by: Actor,
    /// What was done: [`AuditAction::name`], as it was called then.
    pub action: String,
    /// To what kind of thing: [`AuditEntity::name`], as it was called then.
    pub entity: String,
    /// To which.
    pub entity_id: String,
    /// Each field that changed, by its name in the API: `{"name": {"from": "A", "to": "B"}}`.
    pub changes: Option<Value>,
}

/// The fields of something as the log shows them, by their names in the API.
pub type AuditFields = Map<String, Value>;

/// What changed between two states; a thing that did not exist yet, or does no more, has no fields.
#[must_use]
pub fn changes(before: &AuditFields, after: &AuditFields) -> Map<String, Value> {
    let value = |of: &AuditFields, name: &str| of.get(name).cloned().unwrap_or(Value::Null);
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    after
        .keys()
        .chain(gone)
        .filter_map(|name| {
            let (from, to) = (value(before, name), value(after, name));
            (from != to).then(|| (name.clone(), json!({ "from": from, "to": to })))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(value: &Value) -> AuditFields {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn only_what_differs_is_a_change() {
        let before = fields(&json!({ "name": "A", "kind": "room", "description": "old" }));
        let after = fields(&json!({ "name": "B", "kind": "room", "quantity": 2 }));
        assert_eq!(
            Value::Object(changes(&before, &after)),
            json!({
                "name": { "from": "A", "to": "B" },
                "quantity": { "from": null, "to": 2 },
                "description": { "from": "old", "to": null },
            })
        );
        assert!(changes(&before, &before).is_empty());
    }
}
