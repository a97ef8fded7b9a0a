//! People: who the bearer of a valid token is here, what the identity provider tells, and who may do what.

mod provider;
mod roles;

use chrono::{DateTime, Utc};

use super::Services;
use super::administration::{self, Deed, later_than};
use crate::clock::SharedClock;
use crate::domain::access::{Identity, Role, Viewer};
use crate::domain::audit::{AuditAction, AuditEntity, AuditFields};
use crate::domain::booking::Actor;
use crate::domain::id::{OrganizationId, UserId};
use crate::domain::person::{NamedAdmins, PersonalDetails, User, is_usable_id};
use crate::error::Error;
use crate::store::{Known, StoreError, Tx};

pub(super) use provider::EVENT_LIFE;
pub use roles::SetUserRole;

impl Services {
    /// Who it is that a valid token vouches for, and what they may do; `None` for whoever is not let in any more.
    ///
    /// One read for somebody who is known. Whoever comes for the first time is written down, with their organization if
    /// need be; so is what a token tells of somebody and was not known yet.
    ///
    /// Email and name are the token's, else those that are kept. The role is the token's where the server relies on it,
    /// else the one that is kept; whoever is named an admin by the settings is one, in the organization that their
    /// token names.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn recognize(&self, identity: Identity) -> Result<Option<Viewer>, Error> {
        let Identity { id, organization_id, role, email, name } = &identity;
        // Nobody is called that, and no database keeps it.
        if !is_usable_id(id.as_str()) || !is_usable_id(organization_id.as_str()) {
            return Ok(None);
        }
        let token = PersonalDetails::told(email.as_deref(), true, name.as_deref());
        let admins = &self.settings().admins;
        let user = match self.parts().store.reader().known(organization_id, id).await? {
            Known::Deleted => return Ok(None),
            Known::User(user) if after_sign_in(&user, &identity, &token, admins) == user => user,
            Known::User(_) | Known::Stranger => match self.write_down(&identity, &token).await? {
                Some(user) => user,
                None => return Ok(None),
            },
        };
        let PersonalDetails { email, name, .. } = token.or(&user.details);
        let is_named = admins.name(id, &token) || admins.name(id, &user.details);
        let role = if is_named { Role::Admin } else { role.unwrap_or(user.role) };
        Ok(Some(Viewer { id: identity.id, organization_id: identity.organization_id, role, email, name }))
    }

    /// What somebody may do when they show no token: what they might with the last one that they showed. Where the server
    /// relies on the roles of tokens, nobody tells it that a role has been taken away but the next token.
    pub(super) fn role_without_token(&self, user: &User) -> Role {
        let settings = self.settings();
        let told = user.token_role.filter(|_| settings.trust_token_roles);
        if settings.admins.name(&user.id, &user.details) { Role::Admin } else { told.unwrap_or(user.role) }
    }

    /// Keeps what a token has told of its bearer; `None` where their account has been deleted meanwhile.
    async fn write_down(&self, identity: &Identity, token: &PersonalDetails) -> Result<Option<User>, Error> {
        let (services, identity, token) = (self.clone(), identity.clone(), token.clone());
        self.to_its_end(async move {
            let (services, identity, token) = (&services, &identity, &token);
            let now = services.now();
            let write = |tx: Tx| async move { services.write_down_in(&tx, identity, token, now).await };
            Ok(services.parts().store.write(write).await?)
        })
        .await
    }

    async fn write_down_in(
        &self,
        tx: &Tx,
        identity: &Identity,
        token: &PersonalDetails,
        now: DateTime<Utc>,
    ) -> Result<Option<User>, StoreError> {
        let Identity { id, organization_id, .. } = identity;
        let admins = &self.settings().admins;
        let account = tx.lock_account(id, now).await?;
        if account.deleted {
            return Ok(None);
        }
        let Some(user) = tx.lock_user(organization_id, id).await? else {
            tx.ensure_organization(organization_id, now).await?;
            let user = newcomer(organization_id.clone(), account.id, account.details, now);
            let user = after_sign_in(&user, identity, token, admins);
            tx.insert_user(&user).await?;
            return Ok(Some(user));
        };
        let after = after_sign_in(&user, identity, token, admins);
        if after == user {
            return Ok(Some(user));
        }
        let after = User { updated_at: later_than(user.updated_at, now), ..after };
        tx.save_user(&after).await?;
        // That somebody signs in is no news; that somebody becomes an admin is.
        if after.role != user.role {
            record(tx, &self.clock(), now, AuditAction::Updated, (Some(&user), Some(&after))).await?;
        }
        Ok(Some(after))
    }
}

/// Somebody of whom nothing has been heard in `organization_id` before.
fn newcomer(organization_id: OrganizationId, id: UserId, details: PersonalDetails, now: DateTime<Utc>) -> User {
    User { organization_id, id, details, role: Role::Customer, token_role: None, created_at: now, updated_at: now }
}

/// `user` as they are to be kept once `identity` has been shown, which tells `details` of them.
fn after_sign_in(user: &User, identity: &Identity, details: &PersonalDetails, admins: &NamedAdmins) -> User {
    User { token_role: identity.role, ..user.filled(details, admins) }
}

/// Writes to the audit log what became of somebody without an admin's doing, unless nothing shows.
async fn record(
    tx: &Tx,
    clock: &SharedClock,
    now: DateTime<Utc>,
    action: AuditAction,
    (before, after): (Option<&User>, Option<&User>),
) -> Result<(), StoreError> {
    let Some(user) = after.or(before) else { return Ok(()) };
    let deed = Deed {
        organization: &user.organization_id,
        at: now,
        by: Actor::System,
        action,
        entity: AuditEntity::User,
        entity_id: user.id.as_str(),
    };
    administration::record(tx, clock, deed, &audit_fields(before), &audit_fields(after)).await
}

/// What the audit log shows of somebody; nothing of whoever is not there.
fn audit_fields(user: Option<&User>) -> AuditFields {
    let Some(User { details: PersonalDetails { email, name, .. }, role, .. }) = user else { return AuditFields::new() };
    let role = match role {
        Role::Customer => "CUSTOMER",
        Role::Staff => "STAFF",
        Role::Admin => "ADMIN",
    };
    [("email", email.clone().into()), ("name", name.clone().into()), ("role", role.into())]
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect()
}
