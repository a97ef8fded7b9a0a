//! Who holds what right now.

use async_graphql::{Context, ID, Object};

use crate::graphql::arguments::{DateArguments, instant};
use crate::graphql::error::{ApiError, Nullable, from_context};
use crate::graphql::guard::for_staff;
use crate::graphql::kept::record;
use crate::graphql::request::now;
use crate::graphql::scalar::{Date, DateTime, TimeZone};
use crate::graphql::types::presence::{DatePresence, Hold};
use crate::service::Services;

/// Queries about holds.
#[derive(Default)]
pub struct PresenceQuery;

#[Object]
impl PresenceQuery {
    /// Everyone's active holds on one local day of a resource: the same answer for every viewer and every duration.
    async fn date_presence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The resource to look at.")] resource_id: ID,
        #[graphql(desc = "The day to look at.")] date: Date,
        #[graphql(desc = "The zone whose day it is. Default: the resource's.")] time_zone: Option<TimeZone>,
    ) -> Nullable<DatePresence> {
        let resolve = async {
            let question =
                DateArguments { resource_id, from: date.clone(), to: date, time_zone }.read("date", "date")?;
            let services = from_context::<Services>(ctx)?;
            let (day, source) = services.date_presence(&question, services.begin(now(ctx)?)).await?;
            record(ctx, source);
            Ok(day.into())
        };
        Some(resolve.await)
    }

    /// The same for several days, 42 at most, in one read.
    async fn presence_between(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The resource to look at.")] resource_id: ID,
        #[graphql(desc = "The first day.")] from: Date,
        #[graphql(desc = "The last day.")] to: Date,
        #[graphql(desc = "The zone whose days they are. Default: the resource's.")] time_zone: Option<TimeZone>,
    ) -> Nullable<Vec<DatePresence>> {
        let resolve = async {
            let question = DateArguments { resource_id, from, to, time_zone }.read("from", "to")?;
            let services = from_context::<Services>(ctx)?;
            let (days, source) = services.presence_between(&question, services.begin(now(ctx)?)).await?;
            record(ctx, source);
            Ok(days.into_iter().map(Into::into).collect())
        };
        Some(resolve.await)
    }

    /// The holds that cover one instant.
    async fn presence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The resource to look at.")] resource_id: ID,
        #[graphql(desc = "The instant.")] slot: DateTime,
    ) -> Nullable<Vec<Hold>> {
        let resolve = async {
            let slot = instant("slot", &slot).map_err(ApiError::bad_input)?;
            let resource = resource_id.as_str().into();
            let holds = from_context::<Services>(ctx)?.presence_at(&resource, slot).await?;
            Ok(holds.into_iter().map(Into::into).collect())
        };
        Some(resolve.await)
    }

    /// How many sessions hold something on a resource now, as an add-on too: who would be disappointed if it were
    /// switched off. For staff of its organization.
    async fn active_sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The resource to look at.")] resource_id: ID,
    ) -> Nullable<u32> {
        for_staff(ctx, async |staff| {
            let resource = resource_id.as_str().into();
            Ok(Some(from_context::<Services>(ctx)?.active_sessions(&staff, &resource).await?))
        })
        .await
    }
}
