//! Resources, event types, and which is offered on which: finding them. Changing them is in `catalogue_changes`.

use entity::{event_type, event_type_resource, organization, resource};
use sea_orm::sea_query::{Alias, Asterisk, Expr, ExprTrait, Func, Query, SelectStatement};
use sea_orm::{ColumnTrait, Condition, EntityTrait, FromQueryResult, QueryFilter, QueryTrait, Select};

use super::convert;
use super::page::{Page, PageRequest};
use super::{Reader, StoreError};
use crate::domain::catalogue::{EventType, Resource};
use crate::domain::id::{EventTypeId, OrganizationId, ResourceId};

/// Which part of the catalogue is wanted.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum CatalogueState {
    /// What is on offer.
    Active,
    /// What is switched off.
    Inactive,
    /// Both.
    All,
}

impl CatalogueState {
    fn wanted(self) -> Option<bool> {
        match self {
            Self::Active => Some(true),
            Self::Inactive => Some(false),
            Self::All => None,
        }
    }
}

/// Which resources are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ResourceFilter {
    /// Whose.
    pub organization_id: OrganizationId,
    /// Of this kind only.
    pub kind: Option<String>,
    /// Linked to this event type only.
    pub event_type_id: Option<EventTypeId>,
    /// On offer or not.
    pub state: CatalogueState,
}

impl ResourceFilter {
    pub(super) fn condition(&self) -> Condition {
        use resource::Column;
        let linked = self.event_type_id.as_ref().map(|id| {
            Column::Id.in_subquery(
                Query::select()
                    .column(event_type_resource::Column::ResourceId)
                    .from(event_type_resource::Entity)
                    .and_where(event_type_resource::Column::EventTypeId.eq(id.as_str()))
                    .to_owned(),
            )
        });
        Condition::all()
            .add(Column::OrganizationId.eq(self.organization_id.as_str()))
            .add_option(self.kind.as_ref().map(|kind| Column::Kind.eq(kind)))
            .add_option(self.state.wanted().map(|active| Column::Active.eq(active)))
            .add_option(linked)
    }
}

/// Which event types are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventTypeFilter {
    /// Whose.
    pub organization_id: OrganizationId,
    /// Offered on this resource only.
    pub resource_id: Option<ResourceId>,
    /// On offer or not.
    pub state: CatalogueState,
}

impl EventTypeFilter {
    fn condition(&self) -> Condition {
        use event_type::Column;
        let linked = self.resource_id.as_ref().map(|id| {
            Column::Id.in_subquery(
                Query::select()
                    .column(event_type_resource::Column::EventTypeId)
                    .from(event_type_resource::Entity)
                    .and_where(event_type_resource::Column::ResourceId.eq(id.as_str()))
                    .to_owned(),
            )
        });
        Condition::all()
            .add(Column::OrganizationId.eq(self.organization_id.as_str()))
            .add_option(self.state.wanted().map(|active| Column::Active.eq(active)))
            .add_option(linked)
    }
}

impl Reader {
    /// One resource.
    ///
    /// # Errors
    /// Faults of the database, as of all methods here.
    pub async fn resource(&self, id: &ResourceId) -> Result<Option<Resource>, StoreError> {
        Ok(self.resources_where(resource::Column::Id.eq(id.as_str())).await?.pop())
    }

    /// Those of `ids` that exist, in no particular order.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn resources_by_ids(&self, ids: &[ResourceId]) -> Result<Vec<Resource>, StoreError> {
        self.resources_where(resource::Column::Id.is_in(ids.iter().map(ResourceId::as_str))).await
    }

    /// The resource that `organization` calls `slug`.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn resource_by_slug(
        &self,
        organization: &OrganizationId,
        slug: &str,
    ) -> Result<Option<Resource>, StoreError> {
        let condition = resource::Column::OrganizationId.eq(organization.as_str()).and(resource::Column::Slug.eq(slug));
        Ok(self.resources_where(condition).await?.pop())
    }

    /// A page of resources, by name and id.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn resources(&self, filter: &ResourceFilter, page: &PageRequest) -> Result<Page<Resource>, StoreError> {
        let mut select = resource::Entity::find().filter(filter.condition()).into_query();
        page.narrow(&mut select, (resource::Entity, resource::Column::Name), (resource::Entity, resource::Column::Id));
        let found: Vec<resource::Model> = self.models(&select).await?;
        Ok(page.page(found.into_iter().map(convert::resource).collect::<Result<_, _>>()?))
    }

    /// How many resources there are.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn resource_count(&self, filter: &ResourceFilter) -> Result<u64, StoreError> {
        self.count(resource::Entity::find().filter(filter.condition())).await
    }

    /// One event type.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn event_type(&self, id: &EventTypeId) -> Result<Option<EventType>, StoreError> {
        Ok(self.event_types_where(event_type::Column::Id.eq(id.as_str())).await?.pop())
    }

    /// Those of `ids` that exist, in no particular order.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn event_types_by_ids(&self, ids: &[EventTypeId]) -> Result<Vec<EventType>, StoreError> {
        self.event_types_where(event_type::Column::Id.is_in(ids.iter().map(EventTypeId::as_str))).await
    }

    /// The event type that `organization` calls `slug`.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn event_type_by_slug(
        &self,
        organization: &OrganizationId,
        slug: &str,
    ) -> Result<Option<EventType>, StoreError> {
        let condition =
            event_type::Column::OrganizationId.eq(organization.as_str()).and(event_type::Column::Slug.eq(slug));
        Ok(self.event_types_where(condition).await?.pop())
    }

    /// A page of event types, by title and id.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn event_types(
        &self,
        filter: &EventTypeFilter,
        page: &PageRequest,
    ) -> Result<Page<EventType>, StoreError> {
        let mut select = event_type::Entity::find().filter(filter.condition()).into_query();
        page.narrow(
            &mut select,
            (event_type::Entity, event_type::Column::Title),
            (event_type::Entity, event_type::Column::Id),
        );
        let found: Vec<event_type::Model> = self.models(&select).await?;
        Ok(page.page(found.into_iter().map(convert::event_type).collect::<Result<_, _>>()?))
    }

    /// How many event types there are.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn event_type_count(&self, filter: &EventTypeFilter) -> Result<u64, StoreError> {
        self.count(event_type::Entity::find().filter(filter.condition())).await
    }

    /// What is offered on each of `resources`: by title and id within a resource.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn event_types_of_resources(
        &self,
        resources: &[ResourceId],
    ) -> Result<Vec<(ResourceId, EventType)>, StoreError> {
        use event_type_resource::Column as Link;
        let mut select = event_type::Entity::find().into_query();
        select
            .expr_as(Expr::col((event_type_resource::Entity, Link::ResourceId)), LINKED)
            .inner_join(
                event_type_resource::Entity,
                Expr::col((event_type_resource::Entity, Link::EventTypeId))
                    .equals((event_type::Entity, event_type::Column::Id)),
            )
            .and_where(Link::ResourceId.is_in(resources.iter().map(ResourceId::as_str)))
            .order_by((event_type::Entity, event_type::Column::Title), sea_orm::Order::Asc)
            .order_by((event_type::Entity, event_type::Column::Id), sea_orm::Order::Asc);
        self.rows(&select)
            .await?
            .iter()
            .map(|row| {
                let resource: String = row.try_get("", LINKED)?;
                let event_type = convert::event_type(event_type::Model::from_query_result(row, "")?)?;
                Ok((resource.into(), event_type))
            })
            .collect()
    }

    /// The resources that are linked to any of `event_types`, each once, in no particular order.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn resources_of_event_types(&self, event_types: &[EventTypeId]) -> Result<Vec<Resource>, StoreError> {
        use event_type_resource::Column as Link;
        let linked = Query::select()
            .column(Link::ResourceId)
            .from(event_type_resource::Entity)
            .and_where(Link::EventTypeId.is_in(event_types.iter().map(EventTypeId::as_str)))
            .to_owned();
        self.resources_where(resource::Column::Id.in_subquery(linked)).await
    }

    /// Which resources are linked to each of `event_types`, in no particular order.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn links_of_event_types(
        &self,
        event_types: &[EventTypeId],
    ) -> Result<Vec<(EventTypeId, ResourceId)>, StoreError> {
        use event_type_resource::Column as Link;
        let select = event_type_resource::Entity::find()
            .filter(Link::EventTypeId.is_in(event_types.iter().map(EventTypeId::as_str)))
            .into_query();
        let links: Vec<event_type_resource::Model> = self.models(&select).await?;
        Ok(links.into_iter().map(|link| (link.event_type_id.into(), link.resource_id.into())).collect())
    }

    /// Which event types are linked to each of `resources`, in no particular order.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn links_of_resources(
        &self,
        resources: &[ResourceId],
    ) -> Result<Vec<(ResourceId, EventTypeId)>, StoreError> {
        use event_type_resource::Column as Link;
        let select = event_type_resource::Entity::find()
            .filter(Link::ResourceId.is_in(resources.iter().map(ResourceId::as_str)))
            .into_query();
        let links: Vec<event_type_resource::Model> = self.models(&select).await?;
        Ok(links.into_iter().map(|link| (link.resource_id.into(), link.event_type_id.into())).collect())
    }

    /// How often the catalogue of `organization` has changed; 0 for one that does not exist.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn catalogue_revision(&self, organization: &OrganizationId) -> Result<u64, StoreError> {
        let select = organization::Entity::find_by_id(organization.as_str()).into_query();
        let found: Vec<organization::Model> = self.models(&select).await?;
        found.first().map_or(Ok(0), |organization| convert::number(organization.catalogue_revision))
    }

    async fn resources_where(&self, condition: Expr) -> Result<Vec<Resource>, StoreError> {
        let found: Vec<resource::Model> = self.models(&resource::Entity::find().filter(condition).into_query()).await?;
        found.into_iter().map(convert::resource).collect()
    }

    async fn event_types_where(&self, condition: Expr) -> Result<Vec<EventType>, StoreError> {
        let found: Vec<event_type::Model> =
            self.models(&event_type::Entity::find().filter(condition).into_query()).await?;
        found.into_iter().map(convert::event_type).collect()
    }

    /// How many rows a query finds.
    pub(super) async fn count<E: EntityTrait>(&self, select: Select<E>) -> Result<u64, StoreError> {
        let mut select = select.into_query();
        select.clear_selects().expr_as(Func::count(Expr::col(Asterisk)), Alias::new("count"));
        match self.rows(&select).await?.first() {
            Some(row) => convert::number(row.try_get::<i64>("", "count")?),
            None => Ok(0),
        }
    }

    /// The rows of a query as entities.
    pub(super) async fn models<M: FromQueryResult>(&self, select: &SelectStatement) -> Result<Vec<M>, StoreError> {
        self.rows(select).await?.iter().map(|row| Ok(M::from_query_result(row, "")?)).collect()
    }
}

/// What the joined link is called in a row.
const LINKED: &str = "linked";
