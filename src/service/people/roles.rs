//! Who is in an organization, and what they may do there.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::audit_fields;
use crate::domain::access::{Admin, Role};
use crate::domain::audit::{AuditAction, AuditEntity};
use crate::domain::id::UserId;
use crate::domain::person::{NamedAdmins, User, is_usable_id};
use crate::domain::refusal::{Refusal, UserError};
use crate::error::Error;
use crate::service::Services;
use crate::service::administration::{Administration, NotMade, unknown};
use crate::service::booking::Outcome;
use crate::service::page::{Cursors, Page, PageRequest};
use crate::store::Place;

/// What somebody is to be allowed.
#[derive(Clone, Debug)]
pub struct SetUserRole {
    /// Who.
    pub user_id: UserId,
    /// What they may do from now on.
    pub role: Role,
}

impl Services {
    /// The users of the admin's organization, by email and id.
    ///
    /// # Errors
    /// `BadInput` for a cursor of another list.
    pub async fn users(&self, admin: &Admin, page: &PageRequest) -> Result<Page<Arc<User>>, Error> {
        let organization = admin.organization();
        let cursors = Cursors::of(format!("users {organization:?}"));
        let reader = self.parts().store.reader();
        let found = reader.users(organization, &cursors.part(page)?).await?;
        let total = if page.wants_total { Some(reader.user_count(organization).await?) } else { None };
        Ok(cursors.page(found, total, |user| Place::by_text(&user.email_key(), user.id.as_str())))
    }

    /// Changes what somebody of the admin's organization may do. The role that they have already is no change.
    ///
    /// Refused: `NOT_FOUND` for whoever is not of the organization; `IN_USE` for the last admin, whom the organization
    /// needs, and for whoever the settings name, against which no role would count.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn set_user_role(
        &self,
        admin: &Admin,
        request: SetUserRole,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Arc<User>>, Error> {
        let (request, admins) = (Arc::new(request), Arc::new(self.settings().admins.clone()));
        let set = move |change: Administration| {
            let (request, admins) = (Arc::clone(&request), Arc::clone(&admins));
            async move { request.set(&change, &admins).await }
        };
        self.administer(admin, now, set).await
    }
}

impl SetUserRole {
    async fn set(&self, change: &Administration, admins: &NamedAdmins) -> Result<Arc<User>, NotMade> {
        let Self { user_id, role } = self;
        let unknown = || NotMade::from(unknown("user", user_id.as_str(), &["userId"]));
        if !is_usable_id(user_id.as_str()) {
            return Err(unknown());
        }
        // All admins are locked: of two who take each other's role away, the second finds that the first is gone.
        let locked = change.tx.lock_user_and_admins(change.organization(), user_id).await?;
        let Some(user) = locked.iter().find(|user| user.id == *user_id) else { return Err(unknown()) };
        if user.role == *role {
            return Ok(Arc::new(user.clone()));
        }
        let takes_admin_away = user.role == Role::Admin;
        if admins.name(&user.id, &user.details) && *role != Role::Admin {
            let message = "The server's settings name this person an admin (SLOTWISE_ADMINS), whatever role they are \
                           given here. Have whoever runs the server take them off that list first.";
            return Err(in_use(message).into());
        }
        if takes_admin_away && !locked.iter().any(|other| other.role == Role::Admin && other.id != user.id) {
            let message = "This is the organization's last admin. Make somebody else an admin first.";
            return Err(in_use(message).into());
        }
        let changed = User { role: *role, updated_at: change.later_than(user.updated_at), ..user.clone() };
        change.tx.save_user(&changed).await?;
        let (before, after) = (audit_fields(Some(user)), audit_fields(Some(&changed)));
        change.record(AuditAction::Updated, AuditEntity::User, user_id.as_str(), &before, &after).await?;
        Ok(Arc::new(changed))
    }
}

fn in_use(message: &str) -> UserError {
    UserError::new(Refusal::InUse, message).at(["input", "role"])
}
