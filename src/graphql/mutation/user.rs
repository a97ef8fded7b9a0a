//! What people may do.

use async_graphql::{Context, Object};

use crate::domain::access::Admin;
use crate::graphql::error::{ApiError, Nullable, from_context};
use crate::graphql::guard::for_admins;
use crate::graphql::request::now;
use crate::graphql::types::user::{SetUserRoleInput, User, UserPayload};
use crate::graphql::types::user_error::UserErrors;
use crate::service::Services;
use crate::service::people::SetUserRole;

/// Mutations of people.
#[derive(Default)]
pub struct UserMutation;

#[Object]
impl UserMutation {
    /// Changes what somebody of the organization may do. For admins; the last one stays one.
    async fn set_user_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who may do what.")] input: SetUserRoleInput,
    ) -> Nullable<UserPayload> {
        for_admins(ctx, |admin| async move { set_user_role(ctx, &admin, input).await.map(Some) }).await
    }
}

async fn set_user_role(ctx: &Context<'_>, admin: &Admin, input: SetUserRoleInput) -> Result<UserPayload, ApiError> {
    let request = SetUserRole { user_id: input.user_id.0.into(), role: input.role.into() };
    let outcome = from_context::<Services>(ctx)?.set_user_role(admin, request, now(ctx)?).await?;
    Ok(match outcome {
        Ok(user) => UserPayload { user: Some(User(user)), user_errors: UserErrors::default() },
        Err(errors) => UserPayload { user: None, user_errors: errors.into() },
    })
}
