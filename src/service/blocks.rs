//! Blocks: taking things out of service for some time, as bookings take it, and giving that time back.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
use serde_json::json;

use super::administration::{Deed, record};
use super::booking::Outcome;
use super::claiming::held;
use super::expiry::Looks;
use super::facts::read_occupancy;
use super::input::Problems;
use super::page::{Cursors, Page, PageRequest};
use super::{MAX_ATTEMPTS, Services};
use crate::domain::access::Staff;
use crate::domain::audit::{AuditAction, AuditEntity, AuditFields};
use crate::domain::availability::{MAX_QUANTITY, Occupancy, STAFF_REACH_BACK};
use crate::domain::block::{Block, MAX_BLOCK};
use crate::domain::booking::{Actor, BookingItem};
use crate::domain::catalogue::Resource;
use crate::domain::id::{BlockId, ResourceId};
use crate::domain::quantum::QuantumSpan;
use crate::domain::refusal::{Conflict, Refusal, UserError};
use crate::error::{Error, Internal};
use crate::presence::{Claim, ClaimRequest, HoldItem, HoldRefusal};
use crate::store::{BlockFilter, Place, StoreError, Taking, Tx};

/// Characters of a reason.
const MAX_REASON: usize = 500;
/// Spans in the way that a refusal tells.
const MAX_CONFLICTS: usize = 20;

/// What to block, as it was asked for.
#[derive(Clone, Debug)]
pub struct CreateBlock {
    /// Of which resource.
    pub resource_id: ResourceId,
    /// First instant.
    pub start: DateTime<Utc>,
    /// First instant after it.
    pub end: DateTime<Utc>,
    /// How many units; `None` means all.
    pub quantity: Option<u32>,
    /// Why.
    pub reason: Option<String>,
}

/// A part of the blocks of an organization, by start.
#[derive(Clone, Debug)]
pub struct BlockList {
    /// Only those of this resource.
    pub resource_id: Option<ResourceId>,
    /// Only those that end after this.
    pub from: Option<DateTime<Utc>>,
    /// Only those that start before this.
    pub to: Option<DateTime<Utc>>,
    /// Which part of the list.
    pub page: PageRequest,
}

impl Services {
    /// Takes a resource, or units of it, out of service for some time: never over a booking or another block, and over
    /// whatever is held.
    ///
    /// Runs to its end once it has begun, whoever stops waiting for it.
    ///
    /// # Errors
    /// Faults of the store. What the rules refuse is the inner `Err`.
    pub async fn create_block(
        &self,
        staff: &Staff,
        request: CreateBlock,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Arc<Block>>, Error> {
        // Instants are kept as whole milliseconds.
        let (start, end) = (request.start.trunc_subsecs(3), request.end.trunc_subsecs(3));
        let blocking = Blocking {
            services: self.clone(),
            staff: staff.clone(),
            request: CreateBlock { start, end, ..request },
            now,
        };
        if let Err(problems) = blocking.check_form() {
            return Ok(Err(problems));
        }
        self.to_its_end(async move { blocking.run().await }).await
    }

    /// Removes a block: what it occupied is free again.
    ///
    /// Runs to its end once it has begun, whoever stops waiting for it.
    ///
    /// # Errors
    /// Faults of the store. What the rules refuse is the inner `Err`.
    pub async fn delete_block(
        &self,
        staff: &Staff,
        id: BlockId,
        now: DateTime<Utc>,
    ) -> Result<Outcome<BlockId>, Error> {
        let (services, staff) = (self.clone(), staff.clone());
        self.to_its_end(async move { services.remove_block(&staff, id, now).await }).await
    }

    /// The blocks of the staff's organization, by start.
    ///
    /// # Errors
    /// `BadInput` for a span that is none and for a cursor of another list, `NotFound` for a resource that is not the
    /// organization's.
    pub async fn blocks(&self, staff: &Staff, list: BlockList) -> Result<Page<Arc<Block>>, Error> {
        let BlockList { resource_id, from, to, page } = list;
        if let (Some(from), Some(to)) = (from, to)
            && from >= to
        {
            return Err(Error::BadInput("`from` must come before `to`.".to_owned()));
        }
        let organization_id = staff.organization().clone();
        let cursors = Cursors::of(format!("blocks {organization_id:?} {resource_id:?} {from:?} {to:?}"));
        let part = cursors.part(&page)?;
        let reader = self.parts().store.reader();
        if let Some(id) = &resource_id {
            let found = reader.resource(id).await?.filter(|resource| resource.organization_id == organization_id);
            found.ok_or_else(|| Error::not_found("resource", id.as_str()))?;
        }
        let filter = BlockFilter { organization_id, resource_id, from, to };
        let found = reader.blocks(&filter, &part).await?;
        let total = if page.wants_total { Some(reader.block_count(&filter).await?) } else { None };
        Ok(cursors
            .page(found, total, |block| Place { value: block.start.timestamp_millis(), id: block.id.to_string() }))
    }
}

/// A block that is being made.
struct Blocking {
    services: Services,
    staff: Staff,
    request: CreateBlock,
    now: DateTime<Utc>,
}

/// Why an attempt came to nothing.
enum Abort {
    Refused(UserError),
    /// The resource has changed meanwhile: decide anew.
    Overtaken,
    /// The connection was lost while committing: it is there as a whole, or not at all.
    Unknown,
    Failed(Error),
}

impl From<StoreError> for Abort {
    fn from(fault: StoreError) -> Self {
        match fault {
            StoreError::CommitUnknown(_) => Self::Unknown,
            fault => Self::Failed(fault.into()),
        }
    }
}

impl From<UserError> for Abort {
    fn from(refused: UserError) -> Self {
        Self::Refused(refused)
    }
}

impl Blocking {
    /// Checks the form of the input, completely.
    fn check_form(&self) -> Result<(), Vec<UserError>> {
        let CreateBlock { resource_id: _, start, end, quantity, reason } = &self.request;
        let mut problems = Problems::default();
        if end <= start {
            problems.note(&["end"], "`end` must come after `start`.");
        } else if *end - *start > MAX_BLOCK {
            let days = MAX_BLOCK.num_days();
            problems
                .note(&["end"], format!("A block may last at most {days} days. Make several, one after the other."));
        }
        if *start < self.now - STAFF_REACH_BACK {
            let days = STAFF_REACH_BACK.num_days();
            let message = format!("`start` may be at most {days} days ago. Choose a later one.");
            problems.refuse(UserError::new(Refusal::InThePast, message).at(["input", "start"]));
        }
        if quantity.is_some_and(|quantity| !(1..=MAX_QUANTITY).contains(&quantity)) {
            problems.note(&["quantity"], format!("`quantity` must be from 1 to {MAX_QUANTITY}."));
        }
        problems.text(&["reason"], reason.as_deref(), MAX_REASON, true);
        problems.into_result()
    }

    async fn run(&self) -> Result<Outcome<Arc<Block>>, Error> {
        let mut looks = Looks::default();
        for _ in 0..MAX_ATTEMPTS {
            match self.attempt().await {
                Ok(block) => return Ok(Ok(Arc::new(block))),
                Err(Abort::Overtaken) => {}
                Err(Abort::Refused(refused)) => {
                    if !self.services.is_worth_another_look(&refused, &mut looks).await? {
                        return Ok(Err(vec![shortened(refused)]));
                    }
                }
                Err(Abort::Unknown) => return Err(Internal::new("nobody knows what became of a block").into()),
                Err(Abort::Failed(fault)) => return Err(fault),
            }
        }
        Err(Internal::new("a resource changes faster than it can be blocked").into())
    }

    /// One attempt, decided anew from what it reads.
    async fn attempt(&self) -> Result<Block, Abort> {
        let parts = self.services.parts();
        let resource = self.resource().await?;
        let block = self.block(&resource)?;
        // A hopeless attempt is refused before it keeps anybody out, and never waits for the writer.
        self.look(&resource, &block).await?;
        let item =
            HoldItem { resource_id: block.resource_id.clone(), capacity: resource.quantity, quantity: block.quantity };
        let claim = self.claim(&item, block.occupied)?;
        let (decided_by, wanted) = (&resource, &block);
        let written = parts.store.write(|tx| async move { self.write(&tx, decided_by, wanted).await }).await;
        let occupancy = match written {
            Err(Abort::Unknown) => self.settle(&block).await?,
            written => written?,
        };
        self.services.announce_occupancy([&block.resource_id], block.occupied);
        claim.booked(|resource, quantum| occupancy.units_taken(resource, quantum));
        Ok(block)
    }

    /// The resource, if it is the organization's. It may be switched off.
    async fn resource(&self) -> Result<Resource, Abort> {
        let id = &self.request.resource_id;
        let found = self.services.parts().store.reader().resource(id).await?;
        let own = found.filter(|resource| resource.organization_id == *self.staff.organization());
        let message = Error::not_found_message("resource", id.as_str());
        Ok(own.ok_or_else(|| UserError::new(Refusal::NotFound, message).at(["input", "resourceId"]))?)
    }

    fn block(&self, resource: &Resource) -> Result<Block, UserError> {
        let CreateBlock { resource_id, start, end, quantity, reason } = self.request.clone();
        let quantity = quantity.unwrap_or(resource.quantity);
        if quantity > resource.quantity {
            let message =
                format!("`{}` has {} in all. Block fewer, or leave `quantity` out.", resource.name, resource.quantity);
            return Err(UserError::new(Refusal::NotEnoughUnits, message).at(["input", "quantity"]));
        }
        Ok(Block {
            id: BlockId::generate(self.services.parts().clock.unique()),
            organization_id: resource.organization_id.clone(),
            resource_id,
            quantity,
            start,
            end,
            occupied: QuantumSpan::covering(start, end),
            reason,
            created_by: Actor::User(self.staff.id().clone()),
            created_at: self.now,
        })
    }

    /// Whether it can be had, by what can be read without a lock.
    async fn look(&self, resource: &Resource, block: &Block) -> Result<(), Abort> {
        let reader = self.services.parts().store.reader();
        let (occupancy, _) = read_occupancy(&reader, std::slice::from_ref(&resource.id), [block.occupied]).await?;
        let taken = occupancy.taken(resource, block.quantity, block.occupied);
        if taken.is_empty() {
            return Ok(());
        }
        let conflict = |span: QuantumSpan| Conflict::occupied(&resource.id, span);
        Err(in_the_way(taken.into_iter().map(conflict).collect()).into())
    }

    /// Keeps new holds away until the block is there, or is not. What is held already gives way to it.
    fn claim(&self, item: &HoldItem, span: QuantumSpan) -> Result<Claim, UserError> {
        let request = ClaimRequest { items: std::slice::from_ref(item), span, session: None, over_holds: true };
        let claimed = self.services.parts().presence.claim(request);
        claimed.map_err(|conflicts| held(HoldRefusal::Held(conflicts)))
    }

    /// The transaction: resource, occupancy, block. What is occupied then.
    async fn write(&self, tx: &Tx, decided_by: &Resource, block: &Block) -> Result<Occupancy, Abort> {
        let needs = tx.lock_capacity(&[item(block)]).await?;
        if needs.first().is_none_or(|need| need.capacity != decided_by.quantity) {
            return Err(Abort::Overtaken);
        }
        if let Taking::Refused(conflicts) = tx.occupy(&needs, block.occupied).await? {
            return Err(in_the_way(conflicts).into());
        }
        tx.insert_block(block).await?;
        let deed = deed(&self.staff, AuditAction::Created, &block.id, self.now);
        record(tx, &self.services.clock(), deed, &AuditFields::new(), &audit_fields(block)).await?;
        let resources = std::slice::from_ref(&block.resource_id);
        Ok(read_occupancy(tx, resources, [block.occupied]).await?.0)
    }

    /// Finds out what became of a commit of which nobody heard: what is occupied, if the block is there.
    async fn settle(&self, block: &Block) -> Result<Occupancy, Abort> {
        let reader = &self.services.parts().store.reader();
        let look = || async {
            reader.block(&block.organization_id, &block.id).await.ok().flatten()?;
            // Read once it is there.
            let resources = std::slice::from_ref(&block.resource_id);
            read_occupancy(reader, resources, [block.occupied]).await.ok().map(|(occupancy, _)| occupancy)
        };
        let settled = self.services.find_out(look).await;
        // Watchers look for themselves, whatever it came to.
        self.services.announce_occupancy([&block.resource_id], block.occupied);
        settled.ok_or(Abort::Unknown)
    }
}

/// Why a block was not removed.
enum NotRemoved {
    Unknown,
    Failed(StoreError),
}

impl From<StoreError> for NotRemoved {
    fn from(fault: StoreError) -> Self {
        Self::Failed(fault)
    }
}

impl Services {
    async fn remove_block(&self, staff: &Staff, id: BlockId, now: DateTime<Utc>) -> Result<Outcome<BlockId>, Error> {
        let parts = self.parts();
        let unknown = || {
            let message = Error::not_found_message("block", id.as_str());
            Ok(Err(vec![UserError::new(Refusal::NotFound, message).at(["input", "id"])]))
        };
        let Some(block) = parts.store.reader().block(staff.organization(), &id).await? else { return unknown() };
        let known = &block;
        let removed = parts.store.write(|tx| async move { self.write_removal(&tx, staff, known, now).await }).await;
        if let Err(NotRemoved::Unknown) = removed {
            return unknown();
        }
        // It may have been committed even where it failed: nobody who watches may miss what is free now.
        self.announce_occupancy([&block.resource_id], block.occupied);
        match removed {
            Ok(()) => Ok(Ok(id)),
            Err(NotRemoved::Unknown) => unknown(),
            Err(NotRemoved::Failed(fault)) => Err(fault.into()),
        }
    }

    /// The transaction: resource, block, occupancy.
    async fn write_removal(&self, tx: &Tx, staff: &Staff, known: &Block, now: DateTime<Utc>) -> Result<(), NotRemoved> {
        let needs = tx.lock_capacity(&[item(known)]).await?;
        let block = tx.lock_block(&known.id).await?.ok_or(NotRemoved::Unknown)?;
        tx.release(&needs, block.occupied).await?;
        tx.delete_block(&block.id).await?;
        let deed = deed(staff, AuditAction::Deleted, &block.id, now);
        Ok(record(tx, &self.clock(), deed, &audit_fields(&block), &AuditFields::new()).await?)
    }
}

/// What a block occupies. It never changes.
fn item(block: &Block) -> BookingItem {
    BookingItem { resource_id: block.resource_id.clone(), quantity: block.quantity }
}

fn deed<'a>(staff: &'a Staff, action: AuditAction, id: &'a BlockId, at: DateTime<Utc>) -> Deed<'a> {
    let by = Actor::User(staff.id().clone());
    Deed { organization: staff.organization(), at, by, action, entity: AuditEntity::Block, entity_id: id.as_str() }
}

/// The refusal of what is booked or blocked already.
fn in_the_way(conflicts: Vec<Conflict>) -> UserError {
    let message = "Something is booked or blocked at the times given in `conflicts`. Move or cancel it, or choose \
                   another time.";
    UserError::new(Refusal::SlotTaken, message).at(["input", "start"]).because_of(conflicts)
}

/// The same with no more conflicts than people read: in a year there may be thousands.
fn shortened(mut refused: UserError) -> UserError {
    refused.conflicts.truncate(MAX_CONFLICTS);
    refused
}

/// A block as the audit log shows it.
fn audit_fields(block: &Block) -> AuditFields {
    let Block { resource_id, quantity, start, end, reason, .. } = block;
    let instant = |instant: &DateTime<Utc>| json!(instant.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    [
        ("resourceId", json!(resource_id)),
        ("quantity", json!(quantity)),
        ("start", instant(start)),
        ("end", instant(end)),
        ("reason", json!(reason)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}
