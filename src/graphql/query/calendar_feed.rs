//! Calendar feeds.

use async_graphql::{Context, Object};

use crate::graphql::error::{Nullable, from_context};
use crate::graphql::guard::for_viewers;
use crate::graphql::types::calendar_feed::CalendarFeed;
use crate::service::Services;

/// Queries about calendar feeds.
#[derive(Default)]
pub struct CalendarFeedQuery;

#[Object]
impl CalendarFeedQuery {
    /// The caller's own calendar feeds, the oldest first; 20 at most. For staff, the organization's; 1,000 at most.
    async fn calendar_feeds(&self, ctx: &Context<'_>) -> Nullable<Vec<CalendarFeed>> {
        for_viewers(ctx, |viewer| async move {
            let found = from_context::<Services>(ctx)?.calendar_feeds(&viewer).await?;
            Ok(Some(found.into_iter().map(CalendarFeed::from).collect()))
        })
        .await
    }
}
