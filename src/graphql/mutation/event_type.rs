//! Making, changing, linking and removing event types.

use async_graphql::{Context, ID, Object};

use super::{change, deleted};
use crate::domain::access::Admin;
use crate::graphql::arguments::instant;
use crate::graphql::error::{ApiError, Nullable, from_context};
use crate::graphql::guard::for_admins;
use crate::graphql::request::now;
use crate::graphql::types::deleted::DeletePayload;
use crate::graphql::types::event_type::EventType;
use crate::graphql::types::event_type_input::{
    CreateEventTypeInput, DeleteEventTypeInput, EventTypeLinkPayload, EventTypePayload, LinkEventTypeInput,
    UnlinkEventTypeInput, UpdateEventTypeInput,
};
use crate::graphql::types::user_error::UserErrors;
use crate::service::Services;
use crate::service::administration::{CreateEventType, Link, Linked, UpdateEventType};
use crate::service::booking::Outcome;

/// Mutations of event types.
#[derive(Default)]
pub struct EventTypeMutation;

#[Object]
impl EventTypeMutation {
    /// Adds an event type to the organization's catalogue. For admins.
    async fn create_event_type(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to make.")] input: CreateEventTypeInput,
    ) -> Nullable<EventTypePayload> {
        for_admins(ctx, async |admin| create_event_type(ctx, &admin, input).await.map(Some)).await
    }

    /// Changes an event type. What has been booked stays as it was booked. An update that changes nothing succeeds. For
    /// admins.
    async fn update_event_type(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UpdateEventTypeInput,
    ) -> Nullable<EventTypePayload> {
        for_admins(ctx, async |admin| update_event_type(ctx, &admin, input).await.map(Some)).await
    }

    /// Removes an event type under which nothing has ever been booked, with its links to resources. For admins.
    async fn delete_event_type(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to remove.")] input: DeleteEventTypeInput,
    ) -> Nullable<DeletePayload> {
        for_admins(ctx, async |admin| {
            let services = from_context::<Services>(ctx)?;
            let outcome = services.delete_event_type(&admin, input.id.0.into(), now(ctx)?).await?;
            Ok(Some(deleted(outcome.map(|id| id.as_str().into()))))
        })
        .await
    }

    /// Offers an event type on a resource of the same organization. Linking what is linked already succeeds and changes
    /// nothing. For admins.
    async fn link_event_type(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to link.")] input: LinkEventTypeInput,
    ) -> Nullable<EventTypeLinkPayload> {
        for_admins(ctx, async |admin| {
            let LinkEventTypeInput { event_type_id, resource_id } = input;
            let services = from_context::<Services>(ctx)?;
            let outcome = services.link_event_type(&admin, link(event_type_id, resource_id), now(ctx)?).await?;
            Ok(Some(link_payload(outcome)))
        })
        .await
    }

    /// Ends offering an event type on a resource. What has been booked stays booked. Unlinking what is not linked
    /// succeeds and changes nothing. For admins.
    async fn unlink_event_type(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to unlink.")] input: UnlinkEventTypeInput,
    ) -> Nullable<EventTypeLinkPayload> {
        for_admins(ctx, async |admin| {
            let UnlinkEventTypeInput { event_type_id, resource_id } = input;
            let services = from_context::<Services>(ctx)?;
            let outcome = services.unlink_event_type(&admin, link(event_type_id, resource_id), now(ctx)?).await?;
            Ok(Some(link_payload(outcome)))
        })
        .await
    }
}

async fn create_event_type(
    ctx: &Context<'_>,
    admin: &Admin,
    input: CreateEventTypeInput,
) -> Result<EventTypePayload, ApiError> {
    let CreateEventTypeInput {
        slug,
        title,
        description,
        duration_options,
        interval_minutes,
        buffer_before_minutes,
        buffer_after_minutes,
        min_notice_minutes,
        max_days_ahead,
        requires_confirmation,
        lock_time_zone,
        locations,
        active,
        schedule_id,
        resource_ids,
    } = input;
    let request = CreateEventType {
        slug,
        title,
        description,
        duration_options,
        interval_minutes,
        buffer_before_minutes,
        buffer_after_minutes,
        min_notice_minutes,
        max_days_ahead,
        requires_confirmation,
        lock_time_zone,
        locations,
        active,
        schedule_id: schedule_id.map(|id| id.0.into()),
        resource_ids: ids(resource_ids),
    };
    Ok(payload(from_context::<Services>(ctx)?.create_event_type(admin, request, now(ctx)?).await?))
}

async fn update_event_type(
    ctx: &Context<'_>,
    admin: &Admin,
    input: UpdateEventTypeInput,
) -> Result<EventTypePayload, ApiError> {
    let UpdateEventTypeInput {
        id,
        expected_updated_at,
        slug,
        title,
        description,
        duration_options,
        interval_minutes,
        buffer_before_minutes,
        buffer_after_minutes,
        min_notice_minutes,
        max_days_ahead,
        requires_confirmation,
        lock_time_zone,
        locations,
        active,
        schedule_id,
        resource_ids,
    } = input;
    let request = UpdateEventType {
        id: id.0.into(),
        expected_updated_at: expected_updated_at.map(|given| instant("expectedUpdatedAt", &given)),
        slug: change(slug),
        title: change(title),
        description: change(description),
        duration_options: change(duration_options),
        interval_minutes: change(interval_minutes),
        buffer_before_minutes: change(buffer_before_minutes),
        buffer_after_minutes: change(buffer_after_minutes),
        min_notice_minutes: change(min_notice_minutes),
        max_days_ahead: change(max_days_ahead),
        requires_confirmation: change(requires_confirmation),
        lock_time_zone: change(lock_time_zone),
        locations: change(locations),
        active: change(active),
        schedule_id: change(schedule_id.map_value(|id| id.0.into())),
        resource_ids: change(resource_ids.map_value(ids)),
    };
    Ok(payload(from_context::<Services>(ctx)?.update_event_type(admin, request, now(ctx)?).await?))
}

fn ids<T: From<String>>(given: Vec<ID>) -> Vec<T> {
    given.into_iter().map(|id| id.0.into()).collect()
}

fn link(event_type_id: ID, resource_id: ID) -> Link {
    Link { event_type_id: event_type_id.0.into(), resource_id: resource_id.0.into() }
}

fn payload<T: Into<EventType>>(outcome: Outcome<T>) -> EventTypePayload {
    match outcome {
        Ok(event_type) => EventTypePayload { event_type: Some(event_type.into()), user_errors: UserErrors::default() },
        Err(errors) => EventTypePayload { event_type: None, user_errors: errors.into() },
    }
}

fn link_payload(outcome: Outcome<Linked>) -> EventTypeLinkPayload {
    match outcome {
        Ok((event_type, resource)) => EventTypeLinkPayload {
            event_type: Some(event_type.into()),
            resource: Some(resource.into()),
            user_errors: UserErrors::default(),
        },
        Err(errors) => EventTypeLinkPayload { event_type: None, resource: None, user_errors: errors.into() },
    }
}
