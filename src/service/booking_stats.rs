//! How many bookings there are, and how much of the time that resources are open they occupy.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};

use super::{Services, facts};
use crate::domain::access::Staff;
use crate::domain::booking::BookingStatus;
use crate::domain::catalogue::Resource;
use crate::domain::id::{ResourceId, ScheduleId};
use crate::domain::local_time::InstantSpan;
use crate::domain::open_time::OpenTime;
use crate::error::{Error, Internal};
use crate::store::{BlockedTime, CatalogueState, OfferedResource, Reader, ResourceFilter, StatsFilter};

/// The longest span, in days.
const MAX_DAYS: i64 = 366;
/// The most resources that are looked at together.
const MAX_RESOURCES: u64 = 1_000;
/// The most blocks that are looked at together.
const MAX_BLOCKS: u64 = 100_000;

/// What is to be added up.
#[derive(Clone, Debug)]
pub struct StatsQuestion {
    /// The first instant of the span.
    pub from: DateTime<Utc>,
    /// The first instant after it.
    pub to: DateTime<Utc>,
    /// Of this resource only.
    pub resource_id: Option<ResourceId>,
}

/// What the bookings of a span come to.
#[derive(Clone, Debug)]
pub struct BookingStats {
    /// How many overlap the span: of every status, as they are now.
    pub by_status: Vec<(BookingStatus, u64)>,
    /// How much of each resource is occupied.
    pub by_resource: Vec<Utilisation>,
}

/// How much of a resource is occupied; a minute of two units counts two.
#[derive(Clone, Debug)]
pub struct Utilisation {
    /// The resource.
    pub resource: Arc<Resource>,
    /// Minutes that bookings occupy, buffers included.
    pub occupied_minutes: i32,
    /// Minutes that are open by its own schedule, and not blocked.
    pub open_minutes: i32,
}

/// What was read.
struct Found {
    by_status: HashMap<BookingStatus, u64>,
    occupied: HashMap<ResourceId, i64>,
    blocked: Vec<BlockedTime>,
    resources: Vec<OfferedResource>,
}

impl Services {
    /// What the bookings of the staff's organization come to in a span. A fixed number of statements, in one snapshot.
    ///
    /// # Errors
    /// `BadInput` for a span that is empty or too long, or of more resources or blocks than are looked at together;
    /// `NotFound` for a resource that is not the organization's.
    pub async fn booking_stats(
        &self,
        staff: &Staff,
        question: StatsQuestion,
        now: DateTime<Utc>,
    ) -> Result<BookingStats, Error> {
        let StatsQuestion { from, to, resource_id } = question;
        // As instants are kept.
        let span = InstantSpan { start: from.trunc_subsecs(3), end: to.trunc_subsecs(3) };
        if span.start >= span.end || span.end - span.start > TimeDelta::days(MAX_DAYS) {
            return Err(Error::BadInput(format!("`to` must come after `from`, by {MAX_DAYS} days at the most.")));
        }
        let filter = &StatsFilter { organization_id: staff.organization().clone(), resource_id, span, now };
        let found = self.parts().store.snapshot(|reader| async move { read(&reader, filter).await }).await?;
        // Laying out a year of many schedules takes a while, in which this thread would serve nobody else.
        let added_up = tokio::task::spawn_blocking(move || found.add_up(span)).await;
        added_up.map_err(|stopped| Internal::new(format!("statistics were not added up: {stopped}")))?
    }
}

async fn read(reader: &Reader, filter: &StatsFilter) -> Result<Found, Error> {
    let resources = resources(reader, filter).await?;
    let blocked = reader.blocked_time(filter, MAX_BLOCKS + 1).await?;
    if blocked.len() as u64 > MAX_BLOCKS {
        return Err(too_many("blocks", MAX_BLOCKS));
    }
    Ok(Found {
        by_status: reader.bookings_by_status(filter).await?,
        occupied: reader.occupied_millis(filter).await?,
        blocked,
        resources,
    })
}

/// The resources with their schedules, by name and id.
async fn resources(reader: &Reader, filter: &StatsFilter) -> Result<Vec<OfferedResource>, Error> {
    let dates = facts::dates_around(filter.span.start, filter.span.end);
    if let Some(id) = &filter.resource_id {
        let mut found = reader.offer_facts(None, std::slice::from_ref(id), &dates).await?.resources;
        found.retain(|offered| offered.resource.organization_id == filter.organization_id);
        return if found.is_empty() { Err(Error::not_found("resource", id.as_str())) } else { Ok(found) };
    }
    let all = ResourceFilter {
        organization_id: filter.organization_id.clone(),
        kind: None,
        event_type_id: None,
        state: CatalogueState::All,
    };
    if reader.resource_count(&all).await? > MAX_RESOURCES {
        return Err(too_many("resources", MAX_RESOURCES));
    }
    Ok(reader.offer_facts_of_all(&all, &dates).await?.resources)
}

fn too_many(what: &str, most: u64) -> Error {
    Error::BadInput(format!("There are more than {most} {what}. Ask for each resource by `resourceId`."))
}

impl Found {
    fn add_up(self, span: InstantSpan) -> Result<BookingStats, Error> {
        let Self { by_status, occupied, blocked, resources } = self;
        let mut blocks: HashMap<ResourceId, Vec<BlockedTime>> = HashMap::new();
        for block in blocked {
            blocks.entry(block.resource_id.clone()).or_default().push(block);
        }
        // Many resources follow few schedules: each is laid out once.
        let mut laid_out: HashMap<Option<ScheduleId>, OpenTime> = HashMap::new();
        let mut by_resource = Vec::with_capacity(resources.len());
        for offered in resources {
            let schedule = offered.schedule.as_ref().map(|schedule| schedule.id.clone());
            let open = laid_out.entry(schedule).or_insert_with(|| OpenTime::of(&offered.open_hours(), span));
            let resource = offered.resource;
            let blocked = blocks.get(&resource.id).map_or(&[][..], Vec::as_slice);
            by_resource.push(Utilisation {
                occupied_minutes: minutes(occupied.get(&resource.id).copied().unwrap_or_default())?,
                open_minutes: minutes(open_millis(open, resource.quantity, blocked, span))?,
                resource,
            });
        }
        let count = |status: BookingStatus| (status, by_status.get(&status).copied().unwrap_or_default());
        Ok(BookingStats { by_status: BookingStatus::ALL.map(count).into(), by_resource })
    }
}

/// How long as many units as a resource has are open and not blocked, in milliseconds.
fn open_millis(open: &OpenTime, units: u32, blocked: &[BlockedTime], span: InstantSpan) -> i64 {
    let of_units = |units: u32, part: InstantSpan| i64::from(units) * open.within(part).num_milliseconds();
    let blocked = blocked
        .iter()
        .map(|block| of_units(block.quantity, InstantSpan { start: block.span.start_at(), end: block.span.end_at() }));
    // There may have been more units when past time was blocked.
    (of_units(units, span) - blocked.sum::<i64>()).max(0)
}

/// Whole minutes, as GraphQL has whole numbers.
fn minutes(millis: i64) -> Result<i32, Error> {
    let too_long =
        || Error::BadInput("The span is too long for a pool of this size. Ask for a shorter one.".to_owned());
    i32::try_from(millis / 60_000).map_err(|_| too_long())
}
