//! What can be booked. Anonymous callers and customers see only what is active.

use async_graphql::{Context, ID, Object};

use crate::domain::access::{Caller, Role};
use crate::domain::id::{EventTypeId, OrganizationId, ResourceId};
use crate::graphql::error::{ApiError, Nullable, from_context};
use crate::graphql::guard::{AtLeast, Rule};
use crate::graphql::kept::record;
use crate::graphql::page::{PageArguments, wants_total};
use crate::graphql::request::now;
use crate::graphql::types::event_type::{EventType, EventTypeConnection};
use crate::graphql::types::resource::{CatalogueState, Resource, ResourceConnection};
use crate::service::Services;
use crate::service::catalogue::{self as service, EventTypeList, ResourceList};

/// Queries about the catalogue.
#[derive(Default)]
pub struct CatalogueQuery;

#[Object]
impl CatalogueQuery {
    /// One resource.
    async fn resource(&self, ctx: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> Nullable<Resource> {
        Some(find_resource(ctx, id).await)
    }

    /// One resource by its slug.
    async fn resource_by_slug(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its slug, such as `studio-a`.")] slug: String,
        #[graphql(desc = "In which organization. Default: the caller's.")] organization_id: Option<ID>,
    ) -> Nullable<Resource> {
        Some(find_resource_by_slug(ctx, &slug, organization_id).await)
    }

    /// The organization's resources, by name.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn resources(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "In which organization. Default: the caller's.")] organization_id: Option<ID>,
        #[graphql(desc = "Only those of this kind, such as `room`.")] kind: Option<String>,
        #[graphql(desc = "Staff can list what is switched off as well.", default_with = "CatalogueState::Active")]
        state: CatalogueState,
        #[graphql(desc = "How many at the most, from the start; 50 by default, 200 at most.")] first: Option<i32>,
        #[graphql(desc = "Continue after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many at the most, from the end.")] last: Option<i32>,
        #[graphql(desc = "Continue before this cursor.")] before: Option<String>,
    ) -> Result<ResourceConnection, ApiError> {
        let state = admitted_state(ctx, state)?;
        let wanted = ResourceList {
            organization_id: organization_id.map(organization),
            kind,
            state,
            page: PageArguments { first, after, last, before }.resolve(wants_total(ctx))?,
        };
        let (services, caller) = (from_context::<Services>(ctx)?, from_context::<Caller>(ctx)?);
        let (begun, home) = (services.begin(now(ctx)?), caller.home_organization());
        let organization = wanted.organization_id.clone().unwrap_or(home);
        let found = services.resources(caller, wanted).await?;
        record(ctx, services.catalogue_source(begun, &organization));
        Ok(found.into())
    }

    /// One event type.
    async fn event_type(&self, ctx: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> Nullable<EventType> {
        Some(find_event_type(ctx, id).await)
    }

    /// One event type by its slug.
    async fn event_type_by_slug(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its slug, such as `rehearsal`.")] slug: String,
        #[graphql(desc = "In which organization. Default: the caller's.")] organization_id: Option<ID>,
    ) -> Nullable<EventType> {
        Some(find_event_type_by_slug(ctx, &slug, organization_id).await)
    }

    /// The organization's event types, by title.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn event_types(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "In which organization. Default: the caller's.")] organization_id: Option<ID>,
        #[graphql(desc = "Only what can be booked on this resource.")] resource_id: Option<ID>,
        #[graphql(desc = "Staff can list what is switched off as well.", default_with = "CatalogueState::Active")]
        state: CatalogueState,
        #[graphql(desc = "How many at the most, from the start; 50 by default, 200 at most.")] first: Option<i32>,
        #[graphql(desc = "Continue after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many at the most, from the end.")] last: Option<i32>,
        #[graphql(desc = "Continue before this cursor.")] before: Option<String>,
    ) -> Result<EventTypeConnection, ApiError> {
        let state = admitted_state(ctx, state)?;
        let wanted = EventTypeList {
            organization_id: organization_id.map(organization),
            resource_id: resource_id.map(|id| ResourceId::from(id.as_str())),
            state,
            page: PageArguments { first, after, last, before }.resolve(wants_total(ctx))?,
        };
        let (services, caller) = (from_context::<Services>(ctx)?, from_context::<Caller>(ctx)?);
        let (begun, home) = (services.begin(now(ctx)?), caller.home_organization());
        let organization = wanted.organization_id.clone().unwrap_or(home);
        let found = services.event_types(caller, wanted).await?;
        record(ctx, services.catalogue_source(begun, &organization));
        Ok(found.into())
    }
}

fn organization(id: ID) -> OrganizationId {
    OrganizationId::from(id.0)
}

/// What is switched off is for staff; everyone may list the rest.
fn admitted_state(ctx: &Context<'_>, state: CatalogueState) -> Result<service::CatalogueState, ApiError> {
    if state != CatalogueState::Active {
        AtLeast(Role::Staff).admits(ctx)?;
    }
    Ok(state.into())
}

async fn find_resource(ctx: &Context<'_>, id: ID) -> Result<Resource, ApiError> {
    let id = ResourceId::from(id.0);
    let services = from_context::<Services>(ctx)?;
    let begun = services.begin(now(ctx)?);
    let found = services.resource(from_context::<Caller>(ctx)?, &id).await?;
    record(ctx, services.catalogue_source(begun, &found.organization_id));
    Ok(Resource(found))
}

async fn find_resource_by_slug(
    ctx: &Context<'_>,
    slug: &str,
    organization_id: Option<ID>,
) -> Result<Resource, ApiError> {
    let (services, caller) = (from_context::<Services>(ctx)?, from_context::<Caller>(ctx)?);
    let begun = services.begin(now(ctx)?);
    let found = services.resource_by_slug(caller, organization_id.map(organization), slug).await?;
    record(ctx, services.catalogue_source(begun, &found.organization_id));
    Ok(Resource(found))
}

async fn find_event_type(ctx: &Context<'_>, id: ID) -> Result<EventType, ApiError> {
    let id = EventTypeId::from(id.0);
    let services = from_context::<Services>(ctx)?;
    let begun = services.begin(now(ctx)?);
    let found = services.event_type(from_context::<Caller>(ctx)?, &id).await?;
    record(ctx, services.catalogue_source(begun, &found.organization_id));
    Ok(EventType(found))
}

async fn find_event_type_by_slug(
    ctx: &Context<'_>,
    slug: &str,
    organization_id: Option<ID>,
) -> Result<EventType, ApiError> {
    let (services, caller) = (from_context::<Services>(ctx)?, from_context::<Caller>(ctx)?);
    let begun = services.begin(now(ctx)?);
    let found = services.event_type_by_slug(caller, organization_id.map(organization), slug).await?;
    record(ctx, services.catalogue_source(begun, &found.organization_id));
    Ok(EventType(found))
}
