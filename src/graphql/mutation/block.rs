//! Making and removing blocks.

use async_graphql::{Context, Object};

use super::deleted;
use crate::domain::access::Staff;
use crate::domain::refusal::UserError;
use crate::graphql::arguments::{count, instant};
use crate::graphql::error::{ApiError, Nullable, from_context};
use crate::graphql::guard::for_staff;
use crate::graphql::request::now;
use crate::graphql::types::block::{BlockPayload, CreateBlockInput, DeleteBlockInput};
use crate::graphql::types::deleted::DeletePayload;
use crate::graphql::types::user_error::UserErrors;
use crate::service::Services;
use crate::service::blocks::CreateBlock;
use crate::service::input::Problems;

/// Mutations of blocks.
#[derive(Default)]
pub struct BlockMutation;

#[Object]
impl BlockMutation {
    /// Takes a resource, or units of a pool, out of service for some time, widened outward to the quarter hour. Never
    /// over a booking or another block: what is in the way comes back in `conflicts`, at most 20 spans of it. Holds give
    /// way. For staff.
    async fn create_block(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to block.")] input: CreateBlockInput,
    ) -> Nullable<BlockPayload> {
        for_staff(ctx, async |staff| create_block(ctx, &staff, input).await.map(Some)).await
    }

    /// Removes a block: its time is free again. For staff.
    async fn delete_block(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which block to remove.")] input: DeleteBlockInput,
    ) -> Nullable<DeletePayload> {
        for_staff(ctx, async |staff| {
            let services = from_context::<Services>(ctx)?;
            let outcome = services.delete_block(&staff, input.id.0.into(), now(ctx)?).await?;
            Ok(Some(deleted(outcome.map(|id| id.as_str().into()))))
        })
        .await
    }
}

async fn create_block(ctx: &Context<'_>, staff: &Staff, input: CreateBlockInput) -> Result<BlockPayload, ApiError> {
    let outcome = match read_create_block(input) {
        Ok(request) => from_context::<Services>(ctx)?.create_block(staff, request, now(ctx)?).await?,
        Err(problems) => Err(problems),
    };
    Ok(match outcome {
        Ok(block) => BlockPayload { block: Some(block.into()), user_errors: UserErrors::default() },
        Err(errors) => BlockPayload { block: None, user_errors: errors.into() },
    })
}

fn read_create_block(input: CreateBlockInput) -> Result<CreateBlock, Vec<UserError>> {
    let CreateBlockInput { resource_id, start, end, quantity, reason } = input;
    let mut problems = Problems::default();
    let start = problems.take(&["start"], instant("start", &start));
    let end = problems.take(&["end"], instant("end", &end));
    let quantity = quantity.and_then(|quantity| problems.take(&["quantity"], count("quantity", quantity)));
    problems.finish(match (start, end) {
        (Some(start), Some(end)) => {
            Some(CreateBlock { resource_id: resource_id.0.into(), start, end, quantity, reason })
        }
        _ => None,
    })
}
