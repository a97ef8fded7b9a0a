//! The audit log.

use async_graphql::{Context, ID, Object};

use crate::domain::access::Admin;
use crate::graphql::error::{ApiError, Nullable, from_context};
use crate::graphql::guard::for_admins;
use crate::graphql::page::{PageArguments, wants_total};
use crate::graphql::types::audit::AuditEntryConnection;
use crate::service::Services;
use crate::service::administration::audit::AuditList;

/// Queries about the audit log.
#[derive(Default)]
pub struct AuditQuery;

#[Object]
impl AuditQuery {
    /// Who changed what in the organization, the newest first. For admins.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn audit_log(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only what was done to this kind of thing, such as `Schedule`.")] entity: Option<String>,
        #[graphql(desc = "Only what was done to this one.")] entity_id: Option<ID>,
        #[graphql(desc = "Only what this user did.")] actor_id: Option<ID>,
        #[graphql(desc = "How many at the most, from the start; 50 by default, 200 at most.")] first: Option<i32>,
        #[graphql(desc = "Continue after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many at the most, from the end.")] last: Option<i32>,
        #[graphql(desc = "Continue before this cursor.")] before: Option<String>,
    ) -> Nullable<AuditEntryConnection> {
        let page = PageArguments { first, after, last, before };
        let list = |admin: Admin| async move {
            let wanted = AuditList {
                entity,
                entity_id: entity_id.map(|id| id.0),
                actor_id: actor_id.map(|id| id.0.into()),
                page: page.resolve(wants_total(ctx))?,
            };
            let found = from_context::<Services>(ctx)?.audit_log(&admin, wanted).await?;
            Ok::<_, ApiError>(Some(found.into()))
        };
        for_admins(ctx, list).await
    }
}
