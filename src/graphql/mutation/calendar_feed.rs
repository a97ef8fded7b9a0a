//! Making and revoking calendar feeds.

use async_graphql::{Context, Object};
use secrecy::ExposeSecret as _;

use super::deleted;
use crate::domain::access::Viewer;
use crate::graphql::error::{ApiError, Nullable, from_context};
use crate::graphql::guard::for_viewers;
use crate::graphql::request::now;
use crate::graphql::types::calendar_feed::{
    CreateCalendarFeedInput, CreateCalendarFeedPayload, DeleteCalendarFeedInput,
};
use crate::graphql::types::deleted::DeletePayload;
use crate::graphql::types::user_error::UserErrors;
use crate::service::Services;
use crate::service::calendar::feeds::{CreateCalendarFeed, FeedWithAddress};

/// Mutations of calendar feeds.
#[derive(Default)]
pub struct CalendarFeedMutation;

#[Object]
impl CalendarFeedMutation {
    /// Makes an address to which a calendar program can subscribe: 20 at most for each user. For whoever is signed in: of
    /// their own bookings. For staff: of a resource.
    async fn create_calendar_feed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to make.")] input: CreateCalendarFeedInput,
    ) -> Nullable<CreateCalendarFeedPayload> {
        for_viewers(ctx, async |viewer| create_calendar_feed(ctx, &viewer, input).await.map(Some)).await
    }

    /// Revokes a calendar feed: nothing can be read at its address any more. For its owner, and for staff.
    async fn delete_calendar_feed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to revoke.")] input: DeleteCalendarFeedInput,
    ) -> Nullable<DeletePayload> {
        for_viewers(ctx, async |viewer| {
            let services = from_context::<Services>(ctx)?;
            let outcome = services.delete_calendar_feed(&viewer, input.id.0.into(), now(ctx)?).await?;
            Ok(Some(deleted(outcome.map(|id| id.as_str().into()))))
        })
        .await
    }
}

async fn create_calendar_feed(
    ctx: &Context<'_>,
    viewer: &Viewer,
    input: CreateCalendarFeedInput,
) -> Result<CreateCalendarFeedPayload, ApiError> {
    let CreateCalendarFeedInput { resource_id, details } = input;
    let request = CreateCalendarFeed { resource_id: resource_id.map(|id| id.0.into()), details };
    Ok(match from_context::<Services>(ctx)?.create_calendar_feed(viewer, request, now(ctx)?).await? {
        Ok(FeedWithAddress { feed, url }) => CreateCalendarFeedPayload {
            feed: Some(feed.into()),
            url: Some(url.expose_secret().to_owned()),
            user_errors: UserErrors::default(),
        },
        Err(errors) => CreateCalendarFeedPayload { feed: None, url: None, user_errors: errors.into() },
    })
}
