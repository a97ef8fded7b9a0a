//! What can be booked.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Json, Object};

use crate::domain::access::Caller;
use crate::domain::catalogue as domain;
use crate::graphql::error::{ApiError, Nullable, from_context};
use crate::graphql::loader::{EventTypesOfResource, Loads, ScheduleKey};
use crate::graphql::scalar::{DateTime, TimeZone};
use crate::graphql::types::event_type::EventType;
use crate::graphql::types::page::connection;
use crate::graphql::types::schedule::Schedule;
use crate::service::catalogue as service;

/// Something bookable: a studio, a room, a person, a pool of equal microphones.
#[derive(Clone)]
pub struct Resource(pub Arc<domain::Resource>);

impl From<Arc<domain::Resource>> for Resource {
    fn from(resource: Arc<domain::Resource>) -> Self {
        Self(resource)
    }
}

connection!(Resource, ResourceConnection, ResourceEdge, "resources");

/// Something bookable: a studio, a room, a person, a pool of equal microphones.
#[Object]
impl Resource {
    /// Its id.
    async fn id(&self) -> ID {
        self.0.id.as_str().into()
    }

    /// Whose it is.
    async fn organization_id(&self) -> ID {
        self.0.organization_id.as_str().into()
    }

    /// A readable name for addresses, unique in its organization.
    async fn slug(&self) -> &str {
        &self.0.slug
    }

    /// Its name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What people should know about it.
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// Free text to group by, such as `room`, `person` or `equipment`.
    async fn kind(&self) -> &str {
        &self.0.kind
    }

    /// The zone in which its days are told.
    async fn time_zone(&self) -> TimeZone {
        self.0.time_zone.into()
    }

    /// 1 for an exclusive resource; more for a pool of interchangeable units.
    async fn quantity(&self) -> u32 {
        self.0.quantity
    }

    /// False for what can only be booked as an add-on.
    async fn standalone(&self) -> bool {
        self.0.standalone
    }

    /// Whether it is on offer.
    async fn active(&self) -> bool {
        self.0.active
    }

    /// Whether it has no schedule, and so is always open.
    async fn always_open(&self) -> bool {
        self.0.schedule_id.is_none()
    }

    /// When it is open. For staff of its organization; null for others.
    async fn schedule(&self, ctx: &Context<'_>) -> Nullable<Schedule> {
        schedule_for_staff(ctx, &self.0.organization_id, self.0.schedule_id.as_ref()).await.transpose()
    }

    /// What can be booked on it, as far as the caller may see it.
    async fn event_types(&self, ctx: &Context<'_>) -> Result<Vec<EventType>, ApiError> {
        let caller = from_context::<Caller>(ctx)?;
        let all = from_context::<Loads>(ctx)?.load(EventTypesOfResource(self.0.id.clone())).await?.unwrap_or_default();
        let sees_inactive = caller.may_see_inactive(&self.0.organization_id);
        Ok(all.into_iter().filter(|event_type| event_type.active || sees_inactive).map(EventType).collect())
    }

    /// Whatever the operator attached.
    async fn metadata(&self) -> Option<Json<serde_json::Value>> {
        self.0.metadata.clone().map(Json)
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When it last changed.
    async fn updated_at(&self) -> DateTime {
        self.0.updated_at.into()
    }
}

/// The schedule `id`, where the caller is staff of `organization`.
pub(super) async fn schedule_for_staff(
    ctx: &Context<'_>,
    organization: &crate::domain::id::OrganizationId,
    id: Option<&crate::domain::id::ScheduleId>,
) -> Result<Option<Schedule>, ApiError> {
    let (caller, Some(id)) = (from_context::<Caller>(ctx)?, id) else { return Ok(None) };
    if !caller.may_see_inactive(organization) {
        return Ok(None);
    }
    Ok(from_context::<Loads>(ctx)?.load(ScheduleKey(id.clone())).await?.map(Schedule))
}

/// Which part of the catalogue to list.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "service::CatalogueState")]
pub enum CatalogueState {
    /// What is on offer.
    Active,
    /// What is switched off. Staff only.
    Inactive,
    /// Both. Staff only.
    All,
}
