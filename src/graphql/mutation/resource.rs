//! Making, changing and removing resources.

use async_graphql::{Context, Object};

use super::{change, deleted};
use crate::domain::access::Admin;
use crate::graphql::arguments::{instant, time_zone};
use crate::graphql::error::{ApiError, Nullable, from_context};
use crate::graphql::guard::for_admins;
use crate::graphql::request::now;
use crate::graphql::types::deleted::DeletePayload;
use crate::graphql::types::resource::Resource;
use crate::graphql::types::resource_input::{
    CreateResourceInput, DeleteResourceInput, ResourcePayload, UpdateResourceInput,
};
use crate::graphql::types::user_error::UserErrors;
use crate::service::Services;
use crate::service::administration::{CreateResource, UpdateResource};
use crate::service::booking::Outcome;

/// Mutations of resources.
#[derive(Default)]
pub struct ResourceMutation;

#[Object]
impl ResourceMutation {
    /// Adds a resource to the organization's catalogue. For admins.
    async fn create_resource(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to make.")] input: CreateResourceInput,
    ) -> Nullable<ResourcePayload> {
        for_admins(ctx, async |admin| create_resource(ctx, &admin, input).await.map(Some)).await
    }

    /// Changes a resource. What has been booked stays booked, also when it is switched off. An update that changes
    /// nothing succeeds. For admins.
    async fn update_resource(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UpdateResourceInput,
    ) -> Nullable<ResourcePayload> {
        for_admins(ctx, async |admin| update_resource(ctx, &admin, input).await.map(Some)).await
    }

    /// Removes a resource that has never been booked, with its links to event types, its blocks and its calendar feeds.
    /// For admins.
    async fn delete_resource(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to remove.")] input: DeleteResourceInput,
    ) -> Nullable<DeletePayload> {
        for_admins(ctx, async |admin| {
            let services = from_context::<Services>(ctx)?;
            let outcome = services.delete_resource(&admin, input.id.0.into(), now(ctx)?).await?;
            Ok(Some(deleted(outcome.map(|id| id.as_str().into()))))
        })
        .await
    }
}

async fn create_resource(
    ctx: &Context<'_>,
    admin: &Admin,
    input: CreateResourceInput,
) -> Result<ResourcePayload, ApiError> {
    let CreateResourceInput {
        slug,
        name,
        description,
        kind,
        time_zone: zone,
        quantity,
        standalone,
        active,
        schedule_id,
        metadata,
    } = input;
    let request = CreateResource {
        slug,
        name,
        description,
        kind,
        time_zone: time_zone("timeZone", &zone),
        quantity,
        standalone,
        active,
        schedule_id: schedule_id.map(|id| id.0.into()),
        metadata: metadata.map(|metadata| metadata.0).filter(|metadata| !metadata.is_null()),
    };
    Ok(payload(from_context::<Services>(ctx)?.create_resource(admin, request, now(ctx)?).await?))
}

async fn update_resource(
    ctx: &Context<'_>,
    admin: &Admin,
    input: UpdateResourceInput,
) -> Result<ResourcePayload, ApiError> {
    let UpdateResourceInput {
        id,
        expected_updated_at,
        slug,
        name,
        description,
        kind,
        time_zone: zone,
        quantity,
        standalone,
        active,
        schedule_id,
        metadata,
    } = input;
    let request = UpdateResource {
        id: id.0.into(),
        expected_updated_at: expected_updated_at.map(|given| instant("expectedUpdatedAt", &given)),
        slug: change(slug),
        name: change(name),
        description: change(description),
        kind: change(kind),
        time_zone: change(zone.map_value(|zone| time_zone("timeZone", &zone))),
        quantity: change(quantity),
        standalone: change(standalone),
        active: change(active),
        schedule_id: change(schedule_id.map_value(|id| id.0.into())),
        metadata: change(metadata.map_value(|metadata| metadata.0)),
    };
    Ok(payload(from_context::<Services>(ctx)?.update_resource(admin, request, now(ctx)?).await?))
}

fn payload<T: Into<Resource>>(outcome: Outcome<T>) -> ResourcePayload {
    match outcome {
        Ok(resource) => ResourcePayload { resource: Some(resource.into()), user_errors: UserErrors::default() },
        Err(errors) => ResourcePayload { resource: None, user_errors: errors.into() },
    }
}
