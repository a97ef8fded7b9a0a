//! When things are open, for staff.

use async_graphql::{Context, ID, Object};

use crate::domain::access::Staff;
use crate::domain::id::ScheduleId;
use crate::graphql::error::{ApiError, Nullable, from_context};
use crate::graphql::guard::for_staff;
use crate::graphql::page::{PageArguments, wants_total};
use crate::graphql::types::schedule::{Schedule, ScheduleConnection};
use crate::service::Services;

/// Queries about schedules.
#[derive(Default)]
pub struct ScheduleQuery;

#[Object]
impl ScheduleQuery {
    /// One schedule of the organization. For staff.
    async fn schedule(&self, ctx: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> Nullable<Schedule> {
        let find = |staff: Staff| async move {
            let id = ScheduleId::from(id.0);
            Ok::<_, ApiError>(Some(Schedule(from_context::<Services>(ctx)?.schedule(&staff, &id).await?)))
        };
        for_staff(ctx, find).await
    }

    /// The organization's schedules, by name. For staff.
    async fn schedules(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many at the most, from the start; 50 by default, 200 at most.")] first: Option<i32>,
        #[graphql(desc = "Continue after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many at the most, from the end.")] last: Option<i32>,
        #[graphql(desc = "Continue before this cursor.")] before: Option<String>,
    ) -> Nullable<ScheduleConnection> {
        let page = PageArguments { first, after, last, before };
        let list = |staff: Staff| async move {
            let page = page.resolve(wants_total(ctx))?;
            Ok::<_, ApiError>(Some(from_context::<Services>(ctx)?.schedules(&staff, page).await?.into()))
        };
        for_staff(ctx, list).await
    }
}
