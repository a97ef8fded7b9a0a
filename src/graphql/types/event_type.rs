//! What is offered on a resource.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};

use crate::domain::access::Caller;
use crate::domain::catalogue as domain;
use crate::graphql::error::{ApiError, Nullable, from_context};
use crate::graphql::loader::{Loads, ResourcesOfEventType};
use crate::graphql::page::{PageArguments, wants_total};
use crate::graphql::scalar::DateTime;
use crate::graphql::types::page::connection;
use crate::graphql::types::resource::{ResourceConnection, schedule_for_staff};
use crate::graphql::types::schedule::Schedule;
use crate::service::Services;

/// What can be booked on a resource, and by which rules.
#[derive(Clone)]
pub struct EventType(pub Arc<domain::EventType>);

impl From<Arc<domain::EventType>> for EventType {
    fn from(event_type: Arc<domain::EventType>) -> Self {
        Self(event_type)
    }
}

connection!(EventType, EventTypeConnection, EventTypeEdge, "event types");

/// What can be booked on a resource, and by which rules.
#[Object]
impl EventType {
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
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// What people should know about it.
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// The durations that can be booked, in minutes; the default first.
    async fn duration_options(&self) -> &[u32] {
        &self.0.duration_options
    }

    /// Minutes between two starts; null: the shortest duration.
    async fn interval_minutes(&self) -> Option<u32> {
        self.0.interval_minutes
    }

    /// Minutes that a booking occupies before its start.
    async fn buffer_before_minutes(&self) -> u32 {
        self.0.buffer_before_minutes
    }

    /// Minutes that a booking occupies after its end.
    async fn buffer_after_minutes(&self) -> u32 {
        self.0.buffer_after_minutes
    }

    /// Minutes between booking and start, at the least.
    async fn min_notice_minutes(&self) -> u32 {
        self.0.min_notice_minutes
    }

    /// How many days ahead can be booked; null: any.
    async fn max_days_ahead(&self) -> Option<u32> {
        self.0.max_days_ahead
    }

    /// Whether staff confirm each booking.
    async fn requires_confirmation(&self) -> bool {
        self.0.requires_confirmation
    }

    /// Whether clients should show times in the resource's zone only.
    async fn lock_time_zone(&self) -> bool {
        self.0.lock_time_zone
    }

    /// Where it can take place, to choose from.
    async fn locations(&self) -> &[String] {
        &self.0.locations
    }

    /// Whether it is on offer.
    async fn active(&self) -> bool {
        self.0.active
    }

    /// Wins over the resource's own schedule. For staff of its organization; null for others.
    async fn schedule(&self, ctx: &Context<'_>) -> Nullable<Schedule> {
        schedule_for_staff(ctx, &self.0.organization_id, self.0.schedule_id.as_ref()).await.transpose()
    }

    /// The resources on which it can be booked, by name, as far as the caller may see them.
    async fn resources(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many at the most, from the start; 50 by default, 200 at most.")] first: Option<i32>,
        #[graphql(desc = "Continue after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many at the most, from the end.")] last: Option<i32>,
        #[graphql(desc = "Continue before this cursor.")] before: Option<String>,
    ) -> Result<ResourceConnection, ApiError> {
        let page = PageArguments { first, after, last, before }.resolve(wants_total(ctx))?;
        let linked =
            from_context::<Loads>(ctx)?.load(ResourcesOfEventType(self.0.id.clone())).await?.unwrap_or_default();
        let (services, caller) = (from_context::<Services>(ctx)?, from_context::<Caller>(ctx)?);
        Ok(services.resources_of_event_type(caller, &self.0, linked, &page)?.into())
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
