//! Who is in an organization.

use async_graphql::{Context, Object};

use crate::graphql::error::{Nullable, from_context};
use crate::graphql::guard::for_admins;
use crate::graphql::page::{PageArguments, wants_total};
use crate::graphql::types::user::UserConnection;
use crate::service::Services;

/// Queries about people.
#[derive(Default)]
pub struct UserQuery;

#[Object]
impl UserQuery {
    /// The organization's users, by email. For admins.
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many at the most, from the start; 50 by default, 200 at most.")] first: Option<i32>,
        #[graphql(desc = "Continue after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many at the most, from the end.")] last: Option<i32>,
        #[graphql(desc = "Continue before this cursor.")] before: Option<String>,
    ) -> Nullable<UserConnection> {
        for_admins(ctx, |admin| async move {
            let page = PageArguments { first, after, last, before }.resolve(wants_total(ctx))?;
            Ok(Some(from_context::<Services>(ctx)?.users(&admin, &page).await?.into()))
        })
        .await
    }
}
