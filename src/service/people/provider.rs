//! What the identity provider tells of accounts, by its webhooks.

use chrono::{DateTime, TimeDelta, Utc};

use super::{newcomer, record};
use crate::domain::audit::AuditAction;
use crate::domain::id::OrganizationId;
use crate::domain::person::{Account, AccountEvent, User};
use crate::error::Error;
use crate::service::Services;
use crate::service::administration::later_than;
use crate::store::{StoreError, Tx};

/// How long it is remembered that an event was taken: far longer than any provider tries to send it, and than a
/// signature counts.
pub(in crate::service) const EVENT_LIFE: TimeDelta = TimeDelta::days(30);

impl Services {
    /// Takes an event of the identity provider's, once however often it is sent, in one transaction with all that comes
    /// of it. What is older than what is known changes nothing.
    ///
    /// Somebody is known by their subject: what is told of them is told of them in every organization in which they have
    /// been seen, and in the one that the event names. Whom nobody has seen yet, and whose event names none, belongs to
    /// the `default` organization.
    ///
    /// # Errors
    /// Faults of the store. Then nothing has changed, and the provider is to send the event again.
    pub async fn take_account_event(&self, event: AccountEvent) -> Result<(), Error> {
        let services = self.clone();
        self.to_its_end(async move {
            let (services, event) = (&services, &event);
            let now = services.now();
            let take = |tx: Tx| async move { services.take_account_event_in(&tx, event, now).await };
            Ok(services.parts().store.write(take).await?)
        })
        .await
    }

    async fn take_account_event_in(&self, tx: &Tx, event: &AccountEvent, now: DateTime<Utc>) -> Result<(), StoreError> {
        if !tx.take_account_event(&event.id, now).await? {
            return Ok(());
        }
        let Some(account) = tx.lock_account(&event.subject, now).await?.after(event) else { return Ok(()) };
        tx.save_account(&account, now).await?;
        let known = tx.lock_users_of_account(&account.id).await?;
        if account.deleted {
            return self.forget(tx, &account, &known, now).await;
        }
        for user in &known {
            self.update_from(tx, &account, user, now).await?;
        }
        let belongs_to = match &event.organization_id {
            Some(organization) => Some(organization.clone()),
            None => known.is_empty().then(OrganizationId::fallback),
        };
        match belongs_to {
            Some(organization) if known.iter().all(|user| user.organization_id != organization) => {
                self.welcome(tx, &account, organization, now).await
            }
            _ => Ok(()),
        }
    }

    async fn update_from(&self, tx: &Tx, account: &Account, user: &User, now: DateTime<Utc>) -> Result<(), StoreError> {
        if user.details == account.details {
            return Ok(());
        }
        let updated =
            User { details: account.details.clone(), updated_at: later_than(user.updated_at, now), ..user.clone() };
        tx.save_user(&updated).await?;
        record(tx, &self.clock(), now, AuditAction::Updated, (Some(user), Some(&updated))).await
    }

    async fn welcome(
        &self,
        tx: &Tx,
        account: &Account,
        organization: OrganizationId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        tx.ensure_organization(&organization, now).await?;
        let user = newcomer(organization, account.id.clone(), account.details.clone(), now);
        tx.insert_user(&user).await?;
        record(tx, &self.clock(), now, AuditAction::Created, (None, Some(&user))).await
    }

    /// Removes somebody everywhere, and their roles and calendar feeds with them: should the provider make the account anew, they begin as
    /// anybody does.
    async fn forget(&self, tx: &Tx, account: &Account, known: &[User], now: DateTime<Utc>) -> Result<(), StoreError> {
        tx.delete_users_of_account(&account.id).await?;
        tx.delete_calendar_feeds_of(&account.id).await?;
        for user in known {
            record(tx, &self.clock(), now, AuditAction::Deleted, (Some(user), None)).await?;
        }
        Ok(())
    }
}
