//! Running the catalogue: what admins change, together with the line in the audit log that tells of it.
//!
//! An input passes two checks, and is refused with what both have found: its form, and then, inside the transaction,
//! what it refers to. Changes of one organization come one after the other, by a lock on its catalogue, so what is
//! found there stays true until the commit.

mod capacity;
mod event_type_fields;
mod event_types;
mod fields;
mod links;
mod resource_fields;
mod resources;

mod webhook_fields;

pub mod audit;
pub mod schedules;
pub mod webhooks;

use chrono::{DateTime, TimeDelta, Utc};

pub use super::input::Given;

use super::Services;
use super::booking::Outcome;
use crate::clock::SharedClock;
use crate::domain::access::Admin;
use crate::domain::audit::{AuditAction, AuditEntity, AuditEntry, AuditFields, changes};
use crate::domain::booking::Actor;
use crate::domain::id::{AuditEntryId, OrganizationId};
use crate::domain::refusal::{Refusal, UserError};
use crate::error::Error;
use crate::store::{StoreError, Tx};

pub use event_types::{CreateEventType, UpdateEventType};
pub use links::{Link, Linked};
pub use resources::{CreateResource, UpdateResource};

/// What an update says of a field.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// Nothing: it stays as it is.
    #[default]
    Keep,
    /// It is to be this.
    To(T),
}

impl<T> Change<T> {
    /// The field's value after the update.
    pub fn applied_to(self, current: T) -> T {
        match self {
            Self::Keep => current,
            Self::To(value) => value,
        }
    }

    /// The same, of what `read` makes of the value.
    pub(super) fn map<U>(self, read: impl FnOnce(T) -> U) -> Change<U> {
        match self {
            Self::Keep => Change::Keep,
            Self::To(value) => Change::To(read(value)),
        }
    }

    /// What it is to be, if it is to change.
    pub fn given(&self) -> Option<&T> {
        match self {
            Self::Keep => None,
            Self::To(value) => Some(value),
        }
    }
}

/// One admin's change of their organization, within its transaction.
pub(super) struct Administration {
    pub(super) tx: Tx,
    admin: Admin,
    clock: SharedClock,
    now: DateTime<Utc>,
}

/// Why a change was not made.
pub(super) enum NotMade {
    Refused(Vec<UserError>),
    Failed(StoreError),
}

impl From<UserError> for NotMade {
    fn from(refused: UserError) -> Self {
        Self::Refused(vec![refused])
    }
}

impl From<Vec<UserError>> for NotMade {
    fn from(refused: Vec<UserError>) -> Self {
        Self::Refused(refused)
    }
}

impl From<StoreError> for NotMade {
    fn from(fault: StoreError) -> Self {
        Self::Failed(fault)
    }
}

impl Services {
    /// Makes one change in one transaction, to its end, and tells whoever watches the catalogue if it has changed.
    ///
    /// The organization exists by then, and its catalogue is locked: changes of it come one after the other.
    ///
    /// `body` may be run again, and so decides everything from what it reads inside.
    ///
    /// # Errors
    /// Faults of the store. What `body` refuses is the inner `Err`; then nothing has changed.
    pub(super) async fn administer<T, F, R>(
        &self,
        admin: &Admin,
        now: DateTime<Utc>,
        body: F,
    ) -> Result<Outcome<T>, Error>
    where
        T: Send + 'static,
        F: Fn(Administration) -> R + Send + Sync + 'static,
        R: Future<Output = Result<T, NotMade>> + Send + 'static,
    {
        let (services, admin) = (self.clone(), admin.clone());
        self.to_its_end(async move {
            let parts = services.parts();
            let (body, by, clock) = (&body, &admin, &services.clock());
            let change = |tx: Tx| async move {
                tx.ensure_organization(by.organization(), now).await?;
                tx.lock_catalogue(by.organization()).await?;
                let catalogue = tx.catalogue_changes();
                let made = body(Administration { tx, admin: by.clone(), clock: clock.clone(), now }).await?;
                Ok((made, catalogue.has_changed()))
            };
            let made = parts.store.write(change).await;
            let is_told = match &made {
                Ok((_, has_changed)) => *has_changed,
                // It may be there: nobody who watches may miss a change.
                Err(NotMade::Failed(fault)) => matches!(fault, StoreError::CommitUnknown(_)),
                Err(NotMade::Refused(_)) => false,
            };
            if is_told {
                parts.feed.publish_catalogue(admin.organization());
            }
            match made {
                Ok((made, _)) => Ok(Ok(made)),
                Err(NotMade::Refused(refused)) => Ok(Err(refused)),
                Err(NotMade::Failed(fault)) => Err(fault.into()),
            }
        })
        .await
    }
}

impl Administration {
    /// Whose catalogue is changed.
    pub(super) fn organization(&self) -> &OrganizationId {
        self.admin.organization()
    }

    /// When the change is made, for what is new.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// When the change is made, for what was last changed at `updated_at`.
    pub(super) fn later_than(&self, updated_at: DateTime<Utc>) -> DateTime<Utc> {
        later_than(updated_at, self.now)
    }

    /// Writes to the audit log what was done, unless nothing has changed.
    pub(super) async fn record(
        &self,
        action: AuditAction,
        entity: AuditEntity,
        entity_id: &str,
        before: &AuditFields,
        after: &AuditFields,
    ) -> Result<(), StoreError> {
        let by = Actor::User(self.admin.id().clone());
        let deed = Deed { organization: self.organization(), at: self.now, by, action, entity, entity_id };
        record(&self.tx, &self.clock, deed, before, after).await
    }
}

/// Something that was done, and who did it.
pub(super) struct Deed<'a> {
    pub(super) organization: &'a OrganizationId,
    pub(super) at: DateTime<Utc>,
    pub(super) by: Actor,
    pub(super) action: AuditAction,
    pub(super) entity: AuditEntity,
    pub(super) entity_id: &'a str,
}

/// Writes to the audit log what was done, unless nothing has changed.
pub(super) async fn record(
    tx: &Tx,
    clock: &SharedClock,
    deed: Deed<'_>,
    before: &AuditFields,
    after: &AuditFields,
) -> Result<(), StoreError> {
    let Deed { organization, at, by, action, entity, entity_id } = deed;
    let changes = changes(before, after);
    if changes.is_empty() {
        return Ok(());
    }
    tx.insert_audit_entry(&AuditEntry {
        id: AuditEntryId::generate(clock.unique()),
        organization_id: organization.clone(),
        at,
        by,
        action: action.name().to_owned(),
        entity: entity.name().to_owned(),
        entity_id: entity_id.to_owned(),
        changes: Some(changes.into()),
    })
    .await
}

/// When a change at `now` was made to what was last changed at `updated_at`: later than that, even where the clock was
/// set back or two changes come in one millisecond, so that `expectedUpdatedAt` tells them apart.
pub(super) fn later_than(updated_at: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
    now.max(updated_at + TimeDelta::milliseconds(1))
}

/// Refuses what somebody else has changed since the caller read it.
pub(super) fn require_unchanged(expected: Option<DateTime<Utc>>, updated_at: DateTime<Utc>) -> Result<(), UserError> {
    // Instants are kept as whole milliseconds.
    if expected.is_none_or(|expected| expected.timestamp_millis() == updated_at.timestamp_millis()) {
        return Ok(());
    }
    let message = "Somebody else has changed it since you read it. Read it again, and decide anew.";
    Err(UserError::new(Refusal::Stale, message).at(["input", "expectedUpdatedAt"]))
}

/// The refusal of an id that names nothing of the admin's.
pub(super) fn unknown(noun: &str, id: &str, field: &[&str]) -> UserError {
    let path = std::iter::once("input").chain(field.iter().copied());
    UserError::new(Refusal::NotFound, Error::not_found_message(noun, id)).at(path)
}
