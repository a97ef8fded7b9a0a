//! What is out of service, for staff.

use async_graphql::{Context, ID, Object};

use crate::domain::access::Staff;
use crate::graphql::arguments::instant;
use crate::graphql::error::{ApiError, Nullable, from_context};
use crate::graphql::guard::for_staff;
use crate::graphql::page::{PageArguments, wants_total};
use crate::graphql::scalar::DateTime;
use crate::graphql::types::block::BlockConnection;
use crate::service::Services;
use crate::service::blocks::BlockList;

/// Queries about blocks.
#[derive(Default)]
pub struct BlockQuery;

#[Object]
impl BlockQuery {
    /// The organization's blocks that overlap a span, by start. For staff.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn blocks(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those of this resource.")] resource_id: Option<ID>,
        #[graphql(desc = "Only those that end after this.")] from: Option<DateTime>,
        #[graphql(desc = "Only those that start before this.")] to: Option<DateTime>,
        #[graphql(desc = "How many at the most, from the start; 50 by default, 200 at most.")] first: Option<i32>,
        #[graphql(desc = "Continue after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many at the most, from the end.")] last: Option<i32>,
        #[graphql(desc = "Continue before this cursor.")] before: Option<String>,
    ) -> Nullable<BlockConnection> {
        let page = PageArguments { first, after, last, before };
        let list = |staff: Staff| async move {
            let read = |name: &str, given: Option<DateTime>| given.map(|given| instant(name, &given)).transpose();
            let wanted = BlockList {
                resource_id: resource_id.map(|id| id.0.into()),
                from: read("from", from).map_err(ApiError::bad_input)?,
                to: read("to", to).map_err(ApiError::bad_input)?,
                page: page.resolve(wants_total(ctx))?,
            };
            Ok::<_, ApiError>(Some(from_context::<Services>(ctx)?.blocks(&staff, wanted).await?.into()))
        };
        for_staff(ctx, list).await
    }
}
