//! Calendar feeds. Their keys are kept as hashes only.

use entity::calendar_feed::{self, Column};
use sea_orm::{ColumnTrait, Condition, EntityTrait, Order, QueryFilter, QueryOrder, QueryTrait};

use super::convert;
use super::{Reader, StoreError, Tx};
use crate::domain::calendar_feed::CalendarFeed;
use crate::domain::id::{CalendarFeedId, OrganizationId, ResourceId, UserId};

impl Reader {
    /// The feed of which the key has this hash.
    ///
    /// # Errors
    /// Faults of the database, as of all methods here.
    pub async fn calendar_feed_of_key(&self, key_hash: &str) -> Result<Option<CalendarFeed>, StoreError> {
        self.one_feed(Condition::all().add(Column::KeyHash.eq(key_hash))).await
    }

    /// One feed of `organization`.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn calendar_feed(
        &self,
        organization: &OrganizationId,
        id: &CalendarFeedId,
    ) -> Result<Option<CalendarFeed>, StoreError> {
        self.one_feed(of(organization, None).add(Column::Id.eq(id.as_str()))).await
    }

    async fn one_feed(&self, condition: Condition) -> Result<Option<CalendarFeed>, StoreError> {
        let rows = self.models(&calendar_feed::Entity::find().filter(condition).into_query()).await?;
        rows.into_iter().next().map(feed).transpose()
    }

    /// All feeds of `organization`, or only those of one of its people, the oldest first.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn calendar_feeds(
        &self,
        organization: &OrganizationId,
        owner: Option<&UserId>,
    ) -> Result<Vec<CalendarFeed>, StoreError> {
        let select = calendar_feed::Entity::find().filter(of(organization, owner)).order_by(Column::Id, Order::Asc);
        let rows: Vec<calendar_feed::Model> = self.models(&select.into_query()).await?;
        rows.into_iter().map(feed).collect()
    }

    /// How many feeds `organization` has, or one of its people.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn calendar_feed_count(
        &self,
        organization: &OrganizationId,
        owner: Option<&UserId>,
    ) -> Result<u64, StoreError> {
        self.count(calendar_feed::Entity::find().filter(of(organization, owner))).await
    }

    /// How many feeds show `resource`, which is `organization`'s.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn calendar_feed_count_of_resource(
        &self,
        organization: &OrganizationId,
        resource: &ResourceId,
    ) -> Result<u64, StoreError> {
        let condition = of(organization, None).add(Column::ResourceId.eq(resource.as_str()));
        self.count(calendar_feed::Entity::find().filter(condition)).await
    }
}

impl Tx {
    /// Adds a feed of which the key has this hash. Its organization exists, and so does its resource.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn insert_calendar_feed(&self, feed: &CalendarFeed, key_hash: &str) -> Result<(), StoreError> {
        let CalendarFeed { id, organization_id, owner_id, resource_id, details, created_at } = feed;
        self.insert(calendar_feed::Model {
            id: id.to_string(),
            organization_id: organization_id.to_string(),
            owner_id: owner_id.to_string(),
            resource_id: resource_id.as_ref().map(ToString::to_string),
            details: *details,
            key_hash: key_hash.to_owned(),
            created_at: created_at.timestamp_millis(),
        })
        .await
    }

    /// Removes a feed: its key opens nothing any more. Whether it was there.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn delete_calendar_feed(&self, id: &CalendarFeedId) -> Result<bool, StoreError> {
        Ok(self.execute(&calendar_feed::Entity::delete_by_id(id.as_str()).into_query()).await? == 1)
    }

    /// Removes all feeds of somebody, in all organizations.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn delete_calendar_feeds_of(&self, owner: &UserId) -> Result<(), StoreError> {
        let delete = calendar_feed::Entity::delete_many().filter(Column::OwnerId.eq(owner.as_str())).into_query();
        self.execute(&delete).await.map(|_| ())
    }
}

fn of(organization: &OrganizationId, owner: Option<&UserId>) -> Condition {
    Condition::all()
        .add(Column::OrganizationId.eq(organization.as_str()))
        .add_option(owner.map(|owner| Column::OwnerId.eq(owner.as_str())))
}

fn feed(row: calendar_feed::Model) -> Result<CalendarFeed, StoreError> {
    Ok(CalendarFeed {
        id: row.id.into(),
        organization_id: row.organization_id.into(),
        owner_id: row.owner_id.into(),
        resource_id: row.resource_id.map(Into::into),
        details: row.details,
        created_at: convert::instant(row.created_at)?,
    })
}
