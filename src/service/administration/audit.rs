//! Reading the audit log.

use std::sync::Arc;

use crate::domain::access::Admin;
use crate::domain::audit::AuditEntry;
use crate::domain::id::UserId;
use crate::error::Error;
use crate::service::Services;
use crate::service::page::{Cursors, Page, PageRequest};
use crate::store::{AuditFilter, Place};

/// A part of the audit log, the newest first.
#[derive(Clone, Debug)]
pub struct AuditList {
    /// Only what was done to this kind of thing, such as `Resource`.
    pub entity: Option<String>,
    /// Only what was done to this one.
    pub entity_id: Option<String>,
    /// Only what this user did.
    pub actor_id: Option<UserId>,
    /// Which part of the list.
    pub page: PageRequest,
}

impl Services {
    /// What was changed in the admin's organization, the newest first.
    ///
    /// # Errors
    /// `BadInput` for a cursor of another list.
    pub async fn audit_log(&self, admin: &Admin, list: AuditList) -> Result<Page<Arc<AuditEntry>>, Error> {
        let AuditList { entity, entity_id, actor_id, page } = list;
        let organization_id = admin.organization().clone();
        let cursors = Cursors::of(format!("audit {organization_id:?} {entity:?} {entity_id:?} {actor_id:?}"));
        let filter = AuditFilter { organization_id, entity, entity_id, actor_id };
        let reader = self.parts().store.reader();
        let found = reader.audit_log(&filter, &cursors.part(&page)?).await?;
        let total = if page.wants_total { Some(reader.audit_count(&filter).await?) } else { None };
        Ok(cursors.page(found, total, |entry| Place::of_id(entry.id.as_str())))
    }
}
