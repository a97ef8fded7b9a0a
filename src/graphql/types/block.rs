//! Blocks, and what makes and removes them.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use crate::domain::block as domain;
use crate::error::{Error, Internal};
use crate::graphql::error::{ApiError, from_context};
use crate::graphql::loader::{Loads, ResourceKey};
use crate::graphql::scalar::DateTime;
use crate::graphql::types::booking::Actor;
use crate::graphql::types::page::connection;
use crate::graphql::types::resource::Resource;
use crate::graphql::types::user_error::UserErrors;

/// A span in which a resource, or units of it, are out of service. For staff.
#[derive(Clone)]
pub struct Block(Arc<domain::Block>);

connection!(Block, BlockConnection, BlockEdge, "blocks");

impl From<Arc<domain::Block>> for Block {
    fn from(block: Arc<domain::Block>) -> Self {
        Self(block)
    }
}

/// A span in which a resource, or units of it, are out of service. For staff.
#[Object]
impl Block {
    /// Its id.
    async fn id(&self) -> ID {
        self.0.id.as_str().into()
    }

    /// What is out of service.
    async fn resource(&self, ctx: &Context<'_>) -> Result<Resource, ApiError> {
        let id = &self.0.resource_id;
        let loaded = from_context::<Loads>(ctx)?.load(ResourceKey(id.clone())).await?;
        loaded.map(Resource).ok_or_else(|| Error::from(Internal::new(format!("{id} is blocked and missing"))).into())
    }

    /// How many units of it.
    async fn quantity(&self) -> u32 {
        self.0.quantity
    }

    /// First instant.
    async fn start(&self) -> DateTime {
        self.0.start.into()
    }

    /// First instant after it. What is occupied is widened outward to the quarter hour.
    async fn end(&self) -> DateTime {
        self.0.end.into()
    }

    /// Why it is out of service.
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// Who made it.
    async fn created_by(&self) -> Actor {
        // Only staff see blocks.
        Actor::seen(&self.0.created_by, true)
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }
}

/// What to block.
#[derive(InputObject)]
pub struct CreateBlockInput {
    /// What is out of service. It may be switched off.
    pub resource_id: ID,
    /// First instant; at most 31 days ago.
    pub start: DateTime,
    /// First instant after it; at most 366 days after `start`.
    pub end: DateTime,
    /// Units of a pool. Default: all.
    pub quantity: Option<i32>,
    /// Why; at most 500 characters. Shown to staff only.
    pub reason: Option<String>,
}

/// Which block to remove.
#[derive(InputObject)]
pub struct DeleteBlockInput {
    /// Its id.
    pub id: ID,
}

/// What came of blocking something.
#[derive(SimpleObject)]
pub struct BlockPayload {
    /// The block; null when refused.
    pub block: Option<Block>,
    /// Why nothing was blocked; empty when it was.
    pub user_errors: UserErrors,
}
