//! Blocks. What they occupy is in `occupancy`, as of bookings.

use chrono::{DateTime, Utc};
use entity::block::{self, Column};
use sea_orm::sea_query::{ExprTrait, LockType};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryTrait};

use super::convert;
use super::page::{Page, PageRequest};
use super::{Reader, StoreError, Tx};
use crate::domain::block::{Block, MAX_BLOCK};
use crate::domain::id::{BlockId, OrganizationId, ResourceId};
use crate::domain::quantum::{Quantum, QuantumSpan};

/// Which blocks are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockFilter {
    /// Whose.
    pub organization_id: OrganizationId,
    /// Only those of this resource.
    pub resource_id: Option<ResourceId>,
    /// Only those that end after this.
    pub from: Option<DateTime<Utc>>,
    /// Only those that start before this.
    pub to: Option<DateTime<Utc>>,
}

impl BlockFilter {
    /// All blocks of a resource.
    #[must_use]
    pub fn of_resource(organization: &OrganizationId, resource: &ResourceId) -> Self {
        Self { organization_id: organization.clone(), resource_id: Some(resource.clone()), from: None, to: None }
    }

    fn condition(&self) -> Condition {
        let Self { organization_id, resource_id, from, to } = self;
        let ends_after = from.map(|from| {
            // What started longer ago than a block can last is over; the index goes by the start.
            let earliest = from.timestamp_millis() - MAX_BLOCK.num_milliseconds();
            Column::EndAt.gt(from.timestamp_millis()).and(Column::StartAt.gte(earliest))
        });
        Condition::all()
            .add(Column::OrganizationId.eq(organization_id.as_str()))
            .add_option(resource_id.as_ref().map(|id| Column::ResourceId.eq(id.as_str())))
            .add_option(ends_after)
            .add_option(to.map(|to| Column::StartAt.lt(to.timestamp_millis())))
    }
}

impl Reader {
    /// One block of `organization`.
    ///
    /// # Errors
    /// Faults of the database, as of all methods here.
    pub async fn block(&self, organization: &OrganizationId, id: &BlockId) -> Result<Option<Block>, StoreError> {
        let select = block::Entity::find_by_id(id.as_str())
            .filter(Column::OrganizationId.eq(organization.as_str()))
            .into_query();
        let rows: Vec<block::Model> = self.models(&select).await?;
        rows.into_iter().next().map(block).transpose()
    }

    /// A page of blocks, by start and id.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn blocks(&self, filter: &BlockFilter, page: &PageRequest<i64>) -> Result<Page<Block>, StoreError> {
        let mut select = block::Entity::find().filter(filter.condition()).into_query();
        page.narrow(&mut select, (block::Entity, Column::StartAt), (block::Entity, Column::Id));
        let found: Vec<block::Model> = self.models(&select).await?;
        Ok(page.page(found.into_iter().map(block).collect::<Result<_, _>>()?))
    }

    /// How many blocks there are.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn block_count(&self, filter: &BlockFilter) -> Result<u64, StoreError> {
        self.count(block::Entity::find().filter(filter.condition())).await
    }
}

impl Tx {
    /// Adds a block. Takes no time: see [`Tx::occupy`].
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn insert_block(&self, block: &Block) -> Result<(), StoreError> {
        self.insert(model(block)?).await
    }

    /// Reads a block and keeps others from removing it until the transaction ends. Its resource is locked already.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn lock_block(&self, id: &BlockId) -> Result<Option<Block>, StoreError> {
        let mut select = block::Entity::find_by_id(id.as_str()).into_query();
        // SQLite has no row locks and needs none.
        select.lock(LockType::Update);
        let rows: Vec<block::Model> = self.models(&select).await?;
        rows.into_iter().next().map(block).transpose()
    }

    /// Removes a block that is locked. Lets no time go: see [`Tx::release`].
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn delete_block(&self, id: &BlockId) -> Result<(), StoreError> {
        self.execute(&block::Entity::delete_by_id(id.as_str()).into_query()).await.map(|_| ())
    }
}

fn block(row: block::Model) -> Result<Block, StoreError> {
    Ok(Block {
        id: row.id.into(),
        organization_id: row.organization_id.into(),
        resource_id: row.resource_id.into(),
        quantity: convert::number(row.quantity)?,
        start: convert::instant(row.start_at)?,
        end: convert::instant(row.end_at)?,
        occupied: QuantumSpan::new(Quantum(row.occupied_from), Quantum(row.occupied_to)),
        reason: row.reason,
        created_by: convert::actor(row.actor_kind, row.actor_user_id)?,
        created_at: convert::instant(row.created_at)?,
    })
}

fn model(block: &Block) -> Result<block::Model, StoreError> {
    let Block { id, organization_id, resource_id, quantity, start, end, occupied, reason, created_by, created_at } =
        block;
    let (actor_kind, actor_user_id) = convert::stored_actor(created_by);
    Ok(block::Model {
        id: id.to_string(),
        organization_id: organization_id.to_string(),
        resource_id: resource_id.to_string(),
        quantity: convert::number(*quantity)?,
        start_at: start.timestamp_millis(),
        end_at: end.timestamp_millis(),
        occupied_from: occupied.start.0,
        occupied_to: occupied.end.0,
        reason: reason.clone(),
        actor_kind,
        actor_user_id,
        created_at: created_at.timestamp_millis(),
    })
}
