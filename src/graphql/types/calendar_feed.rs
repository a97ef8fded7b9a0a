//! Calendar feeds, and what makes and revokes them.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use crate::domain::calendar_feed as domain;
use crate::error::{Error, Internal};
use crate::graphql::error::{ApiError, Nullable, from_context};
use crate::graphql::loader::{Loads, ResourceKey};
use crate::graphql::scalar::DateTime;
use crate::graphql::types::resource::Resource;
use crate::graphql::types::user_error::UserErrors;

/// A read-only iCalendar address, to which calendar programs subscribe.
#[derive(Clone)]
pub struct CalendarFeed(Arc<domain::CalendarFeed>);

impl From<Arc<domain::CalendarFeed>> for CalendarFeed {
    fn from(feed: Arc<domain::CalendarFeed>) -> Self {
        Self(feed)
    }
}

/// A read-only iCalendar address, to which calendar programs subscribe.
#[Object]
impl CalendarFeed {
    /// Its id.
    async fn id(&self) -> ID {
        self.0.id.as_str().into()
    }

    /// Who made it: the subject of their tokens. It shows what they may see.
    async fn owner_id(&self) -> ID {
        self.0.owner_id.as_str().into()
    }

    /// The resource whose bookings and blocks it shows. Null: it shows its owner's own bookings.
    async fn resource(&self, ctx: &Context<'_>) -> Nullable<Resource> {
        let id = self.0.resource_id.clone()?;
        Some(resource(ctx, ResourceKey(id)).await)
    }

    /// Whether it says what the bookings are. False: busy times only.
    async fn details(&self) -> bool {
        self.0.details
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }
}

async fn resource(ctx: &Context<'_>, key: ResourceKey) -> Result<Resource, ApiError> {
    let loaded = from_context::<Loads>(ctx)?.load(key.clone()).await?;
    loaded
        .map(Resource)
        .ok_or_else(|| Error::from(Internal::new(format!("{key:?} has a calendar and is missing"))).into())
}

/// A calendar feed to be made.
#[derive(InputObject)]
pub struct CreateCalendarFeedInput {
    /// For staff: the resource whose bookings and blocks it shows. Default: the caller's own bookings.
    pub resource_id: Option<ID>,
    /// Whether it says what the bookings are: of a resource, with the names of those who have booked. Whoever knows the
    /// address sees it. Default: busy times only.
    #[graphql(default = false)]
    pub details: bool,
}

/// A calendar feed to be revoked.
#[derive(InputObject)]
pub struct DeleteCalendarFeedInput {
    /// The feed.
    pub id: ID,
}

/// The answer to making a calendar feed.
#[derive(SimpleObject)]
pub struct CreateCalendarFeedPayload {
    /// The feed; null when none was made.
    pub feed: Option<CalendarFeed>,
    /// Its address, with its key: whoever knows it reads the calendar. Shown here once.
    pub url: Option<String>,
    /// Why none was made.
    pub user_errors: UserErrors,
}
