//! The audit log.

use entity::audit_entry::{self, Column};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryTrait};

use super::convert;
use super::page::{Page, PageRequest};
use super::{Reader, StoreError, Tx};
use crate::domain::audit::AuditEntry;
use crate::domain::id::{OrganizationId, UserId};

/// Which lines of the audit log are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditFilter {
    /// Whose.
    pub organization_id: OrganizationId,
    /// Only what was done to this kind of thing.
    pub entity: Option<String>,
    /// Only what was done to this one.
    pub entity_id: Option<String>,
    /// Only what this user did.
    pub actor_id: Option<UserId>,
}

impl AuditFilter {
    fn condition(&self) -> Condition {
        let Self { organization_id, entity, entity_id, actor_id } = self;
        Condition::all()
            .add(Column::OrganizationId.eq(organization_id.as_str()))
            .add_option(entity.as_ref().map(|entity| Column::Entity.eq(entity)))
            .add_option(entity_id.as_ref().map(|id| Column::EntityId.eq(id)))
            .add_option(actor_id.as_ref().map(|id| Column::ActorUserId.eq(id.as_str())))
    }
}

impl Reader {
    /// A page of the audit log, the newest first.
    ///
    /// The order is that of the ids: they are made while what was changed is locked, so that of two changes of one
    /// thing the second stands above the first, whichever request began earlier.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn audit_log(&self, filter: &AuditFilter, page: &PageRequest) -> Result<Page<AuditEntry>, StoreError> {
        let mut select = audit_entry::Entity::find().filter(filter.condition()).into_query();
        page.narrow_newest_first(&mut select, (audit_entry::Entity, Column::Id));
        let found: Vec<audit_entry::Model> = self.models(&select).await?;
        Ok(page.page(found.into_iter().map(entry).collect::<Result<_, _>>()?))
    }

    /// How many lines of the audit log there are.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn audit_count(&self, filter: &AuditFilter) -> Result<u64, StoreError> {
        self.count(audit_entry::Entity::find().filter(filter.condition())).await
    }
}

fn entry(model: audit_entry::Model) -> Result<AuditEntry, StoreError> {
    Ok(AuditEntry {
        id: model.id.into(),
        organization_id: model.organization_id.into(),
        at: convert::instant(model.at)?,
        by: convert::actor(model.actor_kind, model.actor_user_id)?,
        action: model.action,
        entity: model.entity,
        entity_id: model.entity_id,
        changes: model.changes,
    })
}

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
