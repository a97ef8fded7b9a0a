//! The audit log.

use entity::audit_entry;

use super::convert;
use super::{StoreError, Tx};
use crate::domain::audit::AuditEntry;

impl Tx {
    /// Adds a line to the audit log. The organization exists already.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn insert_audit_entry(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let AuditEntry { id, organization_id, at, by, action, entity, entity_id, changes } = entry;
        let (actor_kind, actor_user_id) = convert::stored_actor(by);
        self.insert(audit_entry::Model {
            id: id.to_string(),
            organization_id: organization_id.to_string(),
            at: at.timestamp_millis(),
            actor_kind,
            actor_user_id,
            action: action.clone(),
            entity: entity.clone(),
            entity_id: entity_id.clone(),
            changes: changes.clone(),
        })
        .await
    }
}
