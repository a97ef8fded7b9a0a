//! What the evaluator needs to know of the catalogue, read together in a fixed number of statements.

use std::ops::RangeInclusive;
use std::sync::Arc;

use chrono::NaiveDate;
use entity::{event_type, event_type_resource, occupancy, organization, resource};
use sea_orm::sea_query::{Cond, Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, Order, QueryFilter, QueryTrait};

use super::catalogue::ResourceFilter;
use super::convert;
use super::occupancy::{OccupiedDay, days_of, occupied_day};
use super::{Reader, StoreError};
use crate::domain::catalogue::{EventType, Resource};
use crate::domain::id::{EventTypeId, ResourceId, ScheduleId};
use crate::domain::quantum::QuantumSpan;
use crate::domain::schedule::{OpenHours, Schedule};

/// A resource with what decides whether and when it can be had.
#[derive(Clone, Debug, PartialEq)]
pub struct OfferedResource {
    /// The resource.
    pub resource: Arc<Resource>,
    /// Whether the event type that was asked for is linked to it; false where none was asked for.
    pub is_linked: bool,
    /// Its own schedule.
    pub schedule: Option<Arc<Schedule>>,
    /// How often its organization's catalogue has changed.
    pub catalogue_revision: u64,
}

impl OfferedResource {
    /// When it is open by itself, as an add-on is or when no event type is asked for.
    #[must_use]
    pub fn open_hours(&self) -> OpenHours {
        match &self.schedule {
            Some(schedule) => OpenHours::Scheduled(Arc::clone(schedule)),
            None => OpenHours::Always(self.resource.time_zone),
        }
    }
}

/// An event type with its schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct OfferedEventType {
    /// The event type.
    pub event_type: Arc<EventType>,
    /// Its schedule, which wins over the primary resource's.
    pub schedule: Option<Arc<Schedule>>,
}

/// What the catalogue says about a question of availability.
#[derive(Clone, Debug)]
pub struct OfferFacts {
    /// The event type that was asked for, if it exists.
    pub event_type: Option<OfferedEventType>,
    /// Those of the resources that exist: in the order in which they were asked for, or by name and id.
    pub resources: Vec<OfferedResource>,
}

impl OfferFacts {
    /// When `primary` is open: by the event type's schedule if that has one, else by its own.
    #[must_use]
    pub fn open_hours(&self, primary: &OfferedResource) -> OpenHours {
        match self.event_type.as_ref().and_then(|offered| offered.schedule.as_ref()) {
            Some(schedule) => OpenHours::Scheduled(Arc::clone(schedule)),
            None => primary.open_hours(),
        }
    }
}

impl Reader {
    /// What the catalogue says about `resources` and `event_type`: five statements at most. Of the schedules' date
    /// overrides only those of `dates` are read.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn offer_facts(
        &self,
        event_type: Option<&EventTypeId>,
        resources: &[ResourceId],
        dates: &RangeInclusive<NaiveDate>,
    ) -> Result<OfferFacts, StoreError> {
        let event_type_row = self.offered_event_type(event_type).await?;
        let condition = Cond::all().add(resource::Column::Id.is_in(resources.iter().map(ResourceId::as_str)));
        let mut found = self.offered_resources(offered_resources(event_type, condition)).await?;
        found.sort_by_key(|(resource, ..)| resources.iter().position(|id| *id == resource.id));
        let ids: Vec<ScheduleId> = found
            .iter()
            .filter_map(|(resource, ..)| resource.schedule_id.clone())
            .chain(event_type_row.as_ref().and_then(|event_type| event_type.schedule_id.clone()))
            .collect();
        let schedules = self.schedules(&ids, dates).await?;
        Ok(facts(event_type_row, found, &schedules))
    }

    /// What the catalogue says about all resources that meet `filter`, by name and id, and about the event type that
    /// it names: five statements, however many there are. Of the date overrides only those of `dates` are read.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn offer_facts_of_all(
        &self,
        filter: &ResourceFilter,
        dates: &RangeInclusive<NaiveDate>,
    ) -> Result<OfferFacts, StoreError> {
        let event_type = filter.event_type_id.as_ref();
        let event_type_row = self.offered_event_type(event_type).await?;
        let mut select = offered_resources(event_type, filter.condition());
        select
            .order_by((resource::Entity, resource::Column::Name), Order::Asc)
            .order_by((resource::Entity, resource::Column::Id), Order::Asc);
        let found = self.offered_resources(select).await?;
        let needed = schedules_needed(filter);
        let schedules = self.schedules_where(|id| id.in_subquery(needed.clone()), dates).await?;
        Ok(facts(event_type_row, found, &schedules))
    }

    /// What is occupied of all resources that meet `filter`, on the UTC days that `span` touches, in one statement.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn occupancy_of_all(
        &self,
        filter: &ResourceFilter,
        span: QuantumSpan,
    ) -> Result<Vec<OccupiedDay>, StoreError> {
        let Some((first, last)) = days_of(span) else { return Ok(Vec::new()) };
        let among = Query::select()
            .column((resource::Entity, resource::Column::Id))
            .from(resource::Entity)
            .cond_where(filter.condition())
            .to_owned();
        let select = occupancy::Entity::find()
            .filter(occupancy::Column::Day.between(first.0, last.0))
            .filter(occupancy::Column::ResourceId.in_subquery(among))
            .into_query();
        let rows: Vec<occupancy::Model> = self.models(&select).await?;
        rows.into_iter().map(occupied_day).collect()
    }

    async fn offered_event_type(&self, id: Option<&EventTypeId>) -> Result<Option<EventType>, StoreError> {
        match id {
            Some(id) => self.event_type(id).await,
            None => Ok(None),
        }
    }

    async fn offered_resources(&self, select: SelectStatement) -> Result<Vec<Found>, StoreError> {
        self.rows(&select)
            .await?
            .iter()
            .map(|row| {
                let resource = convert::resource(resource::Model::from_query_result(row, "")?)?;
                let linked: Option<String> = row.try_get("", LINKED)?;
                let revision: i64 = row.try_get("", REVISION)?;
                Ok((resource, linked.is_some(), convert::number(revision)?))
            })
            .collect()
    }
}

/// A resource, whether it is linked, and its catalogue's revision.
type Found = (Resource, bool, u64);

const LINKED: &str = "linked";
const REVISION: &str = "catalogue_revision";

/// Resources with whether `event_type` is linked to them, and with their catalogue's revision.
fn offered_resources(event_type: Option<&EventTypeId>, condition: Cond) -> SelectStatement {
    use event_type_resource::Column as Link;
    let link = |column: Link| Expr::col((event_type_resource::Entity, column));
    let mut select = resource::Entity::find().filter(condition).into_query();
    select
        .expr_as(link(Link::EventTypeId), LINKED)
        .expr_as(Expr::col((organization::Entity, organization::Column::CatalogueRevision)), REVISION)
        .inner_join(
            organization::Entity,
            Expr::col((organization::Entity, organization::Column::Id))
                .equals((resource::Entity, resource::Column::OrganizationId)),
        )
        .left_join(
            event_type_resource::Entity,
            link(Link::ResourceId)
                .equals((resource::Entity, resource::Column::Id))
                // Without an event type nothing is linked: no id is empty.
                .and(link(Link::EventTypeId).eq(event_type.map_or("", EventTypeId::as_str))),
        );
    select
}

/// The ids of the schedules of all resources that meet `filter` and of the event type that it names.
fn schedules_needed(filter: &ResourceFilter) -> SelectStatement {
    let mut ids = Query::select()
        .column((resource::Entity, resource::Column::ScheduleId))
        .from(resource::Entity)
        .cond_where(filter.condition())
        .and_where(Expr::col((resource::Entity, resource::Column::ScheduleId)).is_not_null())
        .to_owned();
    if let Some(event_type) = &filter.event_type_id {
        let of_event_type = Query::select()
            .column((event_type::Entity, event_type::Column::ScheduleId))
            .from(event_type::Entity)
            .and_where(event_type::Column::Id.eq(event_type.as_str()))
            .and_where(event_type::Column::ScheduleId.is_not_null())
            .to_owned();
        ids.union(sea_orm::sea_query::UnionType::Distinct, of_event_type);
    }
    ids
}

fn facts(event_type: Option<EventType>, found: Vec<Found>, schedules: &super::Schedules) -> OfferFacts {
    let schedule = |id: &Option<ScheduleId>| id.as_ref().and_then(|id| schedules.get(id)).cloned();
    OfferFacts {
        event_type: event_type.map(|event_type| OfferedEventType {
            schedule: schedule(&event_type.schedule_id),
            event_type: Arc::new(event_type),
        }),
        resources: found
            .into_iter()
            .map(|(resource, is_linked, catalogue_revision)| OfferedResource {
                schedule: schedule(&resource.schedule_id),
                resource: Arc::new(resource),
                is_linked,
                catalogue_revision,
            })
            .collect(),
    }
}
