//! Changing resources, event types, and which is offered on which.
//!
//! Whoever changes a catalogue locks it as a whole first, so changes of one catalogue come one after the other. The
//! rows themselves are locked as well, since bookings do not lock the catalogue.

use chrono::{DateTime, Utc};
use entity::{booking, booking_item, event_type, event_type_resource, occupancy, organization, resource, schedule};
use sea_orm::ActiveValue::NotSet;
use sea_orm::sea_query::{Expr, ExprTrait, LockType, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, Insert, IntoActiveModel, QueryFilter, QuerySelect, QueryTrait,
};

use super::convert;
use super::{Reader, StoreError, Tx};
use crate::domain::catalogue::{EventType, Resource};
use crate::domain::id::{EventTypeId, OrganizationId, ResourceId, ScheduleId};

impl Reader {
    /// Whether `organization` has that schedule.
    ///
    /// # Errors
    /// Faults of the database, as of all methods here.
    pub async fn owns_schedule(&self, organization: &OrganizationId, id: &ScheduleId) -> Result<bool, StoreError> {
        let select = schedule::Entity::find_by_id(id.as_str())
            .filter(schedule::Column::OrganizationId.eq(organization.as_str()))
            .into_query();
        Ok(!self.rows(&select).await?.is_empty())
    }

    /// Those of `ids` that are resources of `organization`, in no particular order.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn owned_resources(
        &self,
        organization: &OrganizationId,
        ids: &[ResourceId],
    ) -> Result<Vec<Resource>, StoreError> {
        let select = resource::Entity::find()
            .filter(resource::Column::OrganizationId.eq(organization.as_str()))
            .filter(resource::Column::Id.is_in(ids.iter().map(ResourceId::as_str)))
            .into_query();
        let rows: Vec<resource::Model> = self.models(&select).await?;
        rows.into_iter().map(convert::resource).collect()
    }

    /// Whether any booking, in whatever state, names the resource.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn is_resource_booked(&self, id: &ResourceId) -> Result<bool, StoreError> {
        let named = booking_item::Entity::find().filter(booking_item::Column::ResourceId.eq(id.as_str()));
        Ok(!self.rows(&named.limit(1).into_query()).await?.is_empty())
    }

    /// Whether any booking, in whatever state, was made under the event type.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn is_event_type_booked(
        &self,
        organization: &OrganizationId,
        id: &EventTypeId,
    ) -> Result<bool, StoreError> {
        let named = booking::Entity::find()
            .filter(booking::Column::OrganizationId.eq(organization.as_str()))
            .filter(booking::Column::EventTypeId.eq(id.as_str()));
        Ok(!self.rows(&named.limit(1).into_query()).await?.is_empty())
    }
}

impl Tx {
    /// Makes an organization, unless it exists.
    ///
    /// # Errors
    /// Faults of the database, as of all methods here.
    pub async fn ensure_organization(&self, id: &OrganizationId, now: DateTime<Utc>) -> Result<(), StoreError> {
        let model =
            organization::Model { id: id.to_string(), catalogue_revision: 0, created_at: now.timestamp_millis() };
        let insert = Insert::one(model.into_active_model())
            .on_conflict(OnConflict::column(organization::Column::Id).do_nothing().to_owned())
            .into_query();
        self.execute(&insert).await.map(|_| ())
    }

    /// Keeps others from changing the catalogue of `organization`, which exists, until the transaction ends: the first
    /// lock that whoever changes it takes. Bookings do not wait for it.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn lock_catalogue(&self, organization: &OrganizationId) -> Result<(), StoreError> {
        let mut select = organization::Entity::find_by_id(organization.as_str()).into_query();
        // SQLite has no row locks and needs none.
        select.lock(LockType::NoKeyUpdate);
        self.rows(&select).await.map(|_| ())
    }

    /// Reads a resource of `organization` and keeps others from changing, taking or letting go of it until the
    /// transaction ends.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn lock_resource(
        &self,
        organization: &OrganizationId,
        id: &ResourceId,
    ) -> Result<Option<Resource>, StoreError> {
        let mut select = resource::Entity::find_by_id(id.as_str())
            .filter(resource::Column::OrganizationId.eq(organization.as_str()))
            .into_query();
        select.lock(LockType::Update);
        let rows: Vec<resource::Model> = self.models(&select).await?;
        rows.into_iter().next().map(convert::resource).transpose()
    }

    /// Reads an event type of `organization` and keeps others from changing it until the transaction ends.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn lock_event_type(
        &self,
        organization: &OrganizationId,
        id: &EventTypeId,
    ) -> Result<Option<EventType>, StoreError> {
        let mut select = event_type::Entity::find_by_id(id.as_str())
            .filter(event_type::Column::OrganizationId.eq(organization.as_str()))
            .into_query();
        select.lock(LockType::Update);
        let rows: Vec<event_type::Model> = self.models(&select).await?;
        rows.into_iter().next().map(convert::event_type).transpose()
    }

    /// Adds a resource. Its organization, and its schedule if it has one, exist already.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn insert_resource(&self, resource: &Resource) -> Result<(), StoreError> {
        self.insert(convert::resource_model(resource)?).await?;
        self.catalogue_changed(&resource.organization_id).await
    }

    /// Saves what has become of a resource since [`Tx::lock_resource`], all but its quantity: see
    /// [`Tx::change_capacity`].
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn save_resource(&self, resource: &Resource) -> Result<(), StoreError> {
        let changed = resource::ActiveModel {
            id: NotSet,
            organization_id: NotSet,
            quantity: NotSet,
            counted: NotSet,
            created_at: NotSet,
            ..convert::resource_model(resource)?.into_active_model().reset_all()
        };
        let update = resource::Entity::update_many()
            .set(changed)
            .filter(resource::Column::OrganizationId.eq(resource.organization_id.as_str()))
            .filter(resource::Column::Id.eq(resource.id.as_str()))
            .into_query();
        self.execute(&update).await?;
        self.catalogue_changed(&resource.organization_id).await
    }

    /// Removes a resource with its links, its blocks, its calendar feeds and its rows of occupancy.
    ///
    /// # Errors
    /// Faults of the database; one that [`StoreError::breaks_reference`] when bookings name it.
    pub async fn delete_resource(&self, organization: &OrganizationId, id: &ResourceId) -> Result<(), StoreError> {
        let days = occupancy::Entity::delete_many().filter(occupancy::Column::ResourceId.eq(id.as_str())).into_query();
        self.execute(&days).await?;
        let delete = resource::Entity::delete_many()
            .filter(resource::Column::OrganizationId.eq(organization.as_str()))
            .filter(resource::Column::Id.eq(id.as_str()))
            .into_query();
        self.execute(&delete).await?;
        self.catalogue_changed(organization).await
    }

    /// Adds an event type. Its organization, and its schedule if it has one, exist already.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn insert_event_type(&self, event_type: &EventType) -> Result<(), StoreError> {
        self.insert(convert::event_type_model(event_type)?).await?;
        self.catalogue_changed(&event_type.organization_id).await
    }

    /// Saves what has become of an event type since [`Tx::lock_event_type`].
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn save_event_type(&self, event_type: &EventType) -> Result<(), StoreError> {
        let changed = event_type::ActiveModel {
            id: NotSet,
            organization_id: NotSet,
            created_at: NotSet,
            ..convert::event_type_model(event_type)?.into_active_model().reset_all()
        };
        let update = event_type::Entity::update_many()
            .set(changed)
            .filter(event_type::Column::OrganizationId.eq(event_type.organization_id.as_str()))
            .filter(event_type::Column::Id.eq(event_type.id.as_str()))
            .into_query();
        self.execute(&update).await?;
        self.catalogue_changed(&event_type.organization_id).await
    }

    /// Removes an event type with its links.
    ///
    /// # Errors
    /// Faults of the database; one that [`StoreError::breaks_reference`] when bookings were made under it.
    pub async fn delete_event_type(&self, organization: &OrganizationId, id: &EventTypeId) -> Result<(), StoreError> {
        let delete = event_type::Entity::delete_many()
            .filter(event_type::Column::OrganizationId.eq(organization.as_str()))
            .filter(event_type::Column::Id.eq(id.as_str()))
            .into_query();
        self.execute(&delete).await?;
        self.catalogue_changed(organization).await
    }

    /// Offers an event type on a resource of the same organization.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn link(
        &self,
        organization: &OrganizationId,
        event_type: &EventTypeId,
        resource: &ResourceId,
    ) -> Result<(), StoreError> {
        self.change_links(organization, event_type, std::slice::from_ref(resource), &[]).await?;
        self.catalogue_changed(organization).await
    }

    /// Links and unlinks resources of the same organization, as a part of a change of the event type.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn change_links(
        &self,
        organization: &OrganizationId,
        event_type: &EventTypeId,
        linked: &[ResourceId],
        unlinked: &[ResourceId],
    ) -> Result<(), StoreError> {
        use event_type_resource::Column as Link;
        if !unlinked.is_empty() {
            let delete = event_type_resource::Entity::delete_many()
                .filter(Link::OrganizationId.eq(organization.as_str()))
                .filter(Link::EventTypeId.eq(event_type.as_str()))
                .filter(Link::ResourceId.is_in(unlinked.iter().map(ResourceId::as_str)))
                .into_query();
            self.execute(&delete).await?;
        }
        let links = linked.iter().map(|resource| event_type_resource::Model {
            event_type_id: event_type.to_string(),
            resource_id: resource.to_string(),
            organization_id: organization.to_string(),
        });
        self.insert_all(links.collect()).await
    }

    /// Adds a row.
    pub(super) async fn insert<M, A>(&self, model: M) -> Result<(), StoreError>
    where
        M: IntoActiveModel<A>,
        A: ActiveModelTrait,
    {
        self.execute(&Insert::<A>::one(model).into_query()).await.map(|_| ())
    }

    /// Counts a change of the catalogue.
    pub(super) async fn catalogue_changed(&self, organization: &OrganizationId) -> Result<(), StoreError> {
        let column = organization::Column::CatalogueRevision;
        let update = organization::Entity::update_many()
            .col_expr(column, Expr::col(column).add(1))
            .filter(organization::Column::Id.eq(organization.as_str()))
            .into_query();
        self.execute(&update).await?;
        self.catalogue_changes().note();
        Ok(())
    }
}
