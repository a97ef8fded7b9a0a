//! Feeds: making, listing and revoking them.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::domain::access::Viewer;
use crate::domain::audit::{AuditAction, AuditEntity, AuditFields};
use crate::domain::booking::Actor;
use crate::domain::calendar_feed::CalendarFeed;
use crate::domain::id::{CalendarFeedId, ResourceId};
use crate::domain::refusal::{Refusal, UserError};
use crate::error::Error;
use crate::service::Services;
use crate::service::administration::{Deed, NotMade, record, unknown};
use crate::service::booking::Outcome;
use crate::store::{StoreError, Tx};

/// How many feeds somebody may have in an organization.
const MOST_OF_A_USER: u64 = 20;
/// How many feeds an organization may have: all of them are listed at once.
const MOST_OF_AN_ORGANIZATION: u64 = 1_000;

/// A feed to be made.
#[derive(Clone, Debug)]
pub struct CreateCalendarFeed {
    /// Of which resource; `None`: of the caller's own bookings.
    pub resource_id: Option<ResourceId>,
    /// Whether it says what the bookings are.
    pub details: bool,
}

/// A feed, with the address from which it is read: whoever makes it is shown that, once.
#[derive(Debug)]
pub struct FeedWithAddress {
    /// The feed.
    pub feed: Arc<CalendarFeed>,
    /// Its address, with its key.
    pub url: SecretString,
}

/// What is kept of a key. It is as random as a hash is long, so nobody can try out what it might be.
pub(super) fn hash(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(key))
}

impl Services {
    /// The feeds of the viewer's, for staff all of the organization's; the oldest first.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn calendar_feeds(&self, viewer: &Viewer) -> Result<Vec<Arc<CalendarFeed>>, Error> {
        let owner = if viewer.is_staff_of(&viewer.organization_id) { None } else { Some(&viewer.id) };
        let found = self.parts().store.reader().calendar_feeds(&viewer.organization_id, owner).await?;
        Ok(found.into_iter().map(Arc::new).collect())
    }

    /// Makes a feed: of the viewer's own bookings, or for staff of a resource.
    ///
    /// # Errors
    /// `Forbidden` for whoever is not staff and names a resource, and faults of the store. What the rules refuse is the
    /// inner `Err`.
    pub async fn create_calendar_feed(
        &self,
        viewer: &Viewer,
        request: CreateCalendarFeed,
        now: DateTime<Utc>,
    ) -> Result<Outcome<FeedWithAddress>, Error> {
        let CreateCalendarFeed { resource_id, details } = request;
        if resource_id.is_some() && !viewer.is_staff_of(&viewer.organization_id) {
            let message = "Only staff can make a calendar of a resource. Leave `resourceId` out for your own bookings.";
            return Err(Error::Forbidden(message.to_owned()));
        }
        let Some(address) = &self.settings().public_url else { return Ok(Err(vec![without_address()])) };
        let (clock, key) = (self.clock(), self.clock().key());
        let feed = CalendarFeed {
            id: CalendarFeedId::generate(clock.unique()),
            organization_id: viewer.organization_id.clone(),
            owner_id: viewer.id.clone(),
            resource_id,
            details,
            created_at: now,
        };
        let url = address.of_calendar(key.expose_secret()).into();
        let key_hash = hash(key.expose_secret());
        let services = self.clone();
        self.to_its_end(async move {
            let (wanted, key_hash, services) = (&feed, key_hash.as_str(), &services);
            let make = |tx: Tx| async move { services.write_feed(&tx, wanted, key_hash).await };
            match services.parts().store.write(make).await {
                Ok(Written::Made) => Ok(Ok(FeedWithAddress { feed: Arc::new(feed), url })),
                // They have been deleted since they were let in.
                Ok(Written::OwnerIsGone) => Err(Error::sign_in()),
                Err(NotMade::Refused(refused)) => Ok(Err(refused)),
                Err(NotMade::Failed(fault)) => Err(fault.into()),
            }
        })
        .await
    }

    /// Revokes a feed: the viewer's own, or for staff any of the organization's.
    ///
    /// # Errors
    /// Faults of the store. What the rules refuse is the inner `Err`: `NotFound` also for a feed of somebody else's.
    pub async fn delete_calendar_feed(
        &self,
        viewer: &Viewer,
        id: CalendarFeedId,
        now: DateTime<Utc>,
    ) -> Result<Outcome<CalendarFeedId>, Error> {
        let (services, viewer) = (self.clone(), viewer.clone());
        self.to_its_end(async move {
            let (by, named, services) = (&viewer, &id, &services);
            let delete = |tx: Tx| async move { services.write_feed_removal(&tx, by, named, now).await };
            match services.parts().store.write(delete).await {
                Ok(true) => Ok(Ok(id)),
                Ok(false) => Ok(Err(vec![unknown("calendar feed", id.as_str(), &["id"])])),
                Err(fault) => Err(Error::from(fault)),
            }
        })
        .await
    }

    /// The transaction: the organization's catalogue, so that nobody counts its feeds meanwhile and no resource goes, and
    /// the owner, so that they are not removed between the look and the feed.
    async fn write_feed(&self, tx: &Tx, feed: &CalendarFeed, key_hash: &str) -> Result<Written, NotMade> {
        let CalendarFeed { id: _, organization_id, owner_id, resource_id, details: _, created_at } = feed;
        tx.lock_catalogue(organization_id).await?;
        if tx.lock_user(organization_id, owner_id).await?.is_none() {
            return Ok(Written::OwnerIsGone);
        }
        if let Some(id) = resource_id
            && tx.owned_resources(organization_id, std::slice::from_ref(id)).await?.is_empty()
        {
            return Err(unknown("resource", id.as_str(), &["resourceId"]).into());
        }
        if tx.calendar_feed_count(organization_id, Some(owner_id)).await? >= MOST_OF_A_USER {
            return Err(too_many(format!("You have {MOST_OF_A_USER} calendars, as many as there may be. Delete one.")));
        }
        if tx.calendar_feed_count(organization_id, None).await? >= MOST_OF_AN_ORGANIZATION {
            return Err(too_many(format!(
                "There are {MOST_OF_AN_ORGANIZATION} calendars in your organization, as many as there may be. Its staff \
                 can delete some that nobody uses."
            )));
        }
        tx.insert_calendar_feed(feed, key_hash).await?;
        if resource_id.is_some() {
            let deed = deed(feed, Actor::User(owner_id.clone()), AuditAction::Created, *created_at);
            record(tx, &self.clock(), deed, &AuditFields::new(), &audit_fields(feed)).await?;
        }
        Ok(Written::Made)
    }

    /// The transaction: whether there was such a feed for the viewer.
    async fn write_feed_removal(
        &self,
        tx: &Tx,
        viewer: &Viewer,
        id: &CalendarFeedId,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let Some(feed) = tx.calendar_feed(&viewer.organization_id, id).await? else { return Ok(false) };
        let is_own = feed.owner_id == viewer.id;
        let may = is_own || viewer.is_staff_of(&feed.organization_id);
        if !may || !tx.delete_calendar_feed(id).await? {
            return Ok(false);
        }
        if feed.resource_id.is_some() || !is_own {
            let deed = deed(&feed, Actor::User(viewer.id.clone()), AuditAction::Deleted, now);
            record(tx, &self.clock(), deed, &audit_fields(&feed), &AuditFields::new()).await?;
        }
        Ok(true)
    }
}

/// What became of a feed that was to be made.
enum Written {
    Made,
    OwnerIsGone,
}

fn deed(feed: &CalendarFeed, by: Actor, action: AuditAction, at: DateTime<Utc>) -> Deed<'_> {
    let organization = &feed.organization_id;
    Deed { organization, at, by, action, entity: AuditEntity::CalendarFeed, entity_id: feed.id.as_str() }
}

/// A feed as the audit log shows it: nothing of its key.
fn audit_fields(feed: &CalendarFeed) -> AuditFields {
    let CalendarFeed { id: _, organization_id: _, created_at: _, owner_id, resource_id, details } = feed;
    let fields = [("ownerId", json!(owner_id)), ("resourceId", json!(resource_id)), ("details", json!(details))];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn too_many(message: String) -> NotMade {
    UserError::new(Refusal::LimitExceeded, message).at(["input"]).into()
}

/// The refusal of an address that nobody knows.
fn without_address() -> UserError {
    let message = "This server has not been told where it is reached from outside, so it can give no calendar an address. \
                   Whoever runs it sets SLOTWISE_PUBLIC_URL (--public-url).";
    UserError::new(Refusal::Invalid, message).at(["input"])
}
