//! Calendars that others subscribe to: who may make a feed (`feeds`), and what it shows.

mod entries;
pub mod feeds;

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};

use self::entries::Showing;
use super::Services;
use crate::calendar::feed::{Telling, feed};
use crate::domain::access::Role;
use crate::domain::block::Block;
use crate::domain::booking::{Booking, BookingStatus};
use crate::domain::calendar_feed::{CalendarFeed, FeedWindow};
use crate::domain::catalogue::Resource;
use crate::domain::id::ResourceId;
use crate::error::{Error, Internal};
use crate::store::{
    BlockFilter, BookingFilter, BookingOrder, BookingSelection, Known, PageRequest, Reader, StoreError,
};

/// How many bookings a feed shows that are not over before today, the soonest ones.
pub const MOST_AHEAD: u32 = 4_000;
/// How many it shows that are, the latest ones.
pub const MOST_BACK: u32 = 1_000;
/// How many blocks it shows, the earliest ones.
pub const MOST_BLOCKS: u32 = 1_000;

/// What a feed shows: whatever takes its time for good, or waits for staff. What is kept for some minutes until somebody has
/// paid is gone, or confirmed, before most programs look again.
const SHOWN: [BookingStatus; 4] =
    [BookingStatus::Pending, BookingStatus::Confirmed, BookingStatus::Completed, BookingStatus::NoShow];

/// What the calendar of a feed without a resource is called.
const OWN_BOOKINGS: &str = "My bookings";

/// What was read for a calendar.
#[derive(Default)]
struct Facts {
    /// Of which resource it is.
    resource: Option<Resource>,
    bookings: Vec<Booking>,
    blocks: Vec<Block>,
    /// What the resources of the bookings are called, where that is told.
    names: HashMap<ResourceId, String>,
}

impl Services {
    /// The calendar to which `key` belongs, as text; `None` where there is none that it opens, for whatever reason: it was
    /// never one, the feed was revoked, or whoever made it may not see any more what it shows.
    ///
    /// The text stays the same until something in it changes.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn calendar(&self, key: &str) -> Result<Option<String>, Error> {
        let store = &self.parts().store;
        // Whatever is given is hashed and looked up: what no key looks like costs the same as one that is wrong.
        let Some(found) = store.reader().calendar_feed_of_key(&feeds::hash(key)).await? else { return Ok(None) };
        let now = self.now();
        let of = &found;
        let Some(facts) = store.snapshot(|reader| async move { self.calendar_facts(&reader, of, now).await }).await?
        else {
            return Ok(None);
        };
        let telling = if found.details { Telling::Details } else { Telling::BusyTimes };
        let showing = Showing { feed: &found, resource: facts.resource.as_ref(), names: &facts.names, services: self };
        let mut shown: Vec<_> = facts.bookings.iter().map(|booking| showing.booking(booking)).collect();
        shown.extend(facts.blocks.iter().map(|block| showing.block(block)));
        shown.sort_by(|one, other| (one.start, &one.uid).cmp(&(other.start, &other.uid)));
        let name = facts.resource.as_ref().map_or_else(|| OWN_BOOKINGS.to_owned(), entries::name_of);
        let text = feed(&name, telling, &shown);
        Ok(Some(text.map_err(|_| Internal::new("a calendar could not be written"))?))
    }

    /// What `feed` shows at `now`; `None` where it shows nothing to its owner any more.
    async fn calendar_facts(
        &self,
        reader: &Reader,
        feed: &CalendarFeed,
        now: DateTime<Utc>,
    ) -> Result<Option<Facts>, StoreError> {
        let Known::User(owner) = reader.known(&feed.organization_id, &feed.owner_id).await? else { return Ok(None) };
        let window = FeedWindow::at(now);
        let Some(resource_id) = &feed.resource_id else {
            let bookings = bookings(reader, feed, window, now).await?;
            return Ok(Some(Facts { names: names(reader, feed, &bookings).await?, bookings, ..Facts::default() }));
        };
        if self.role_without_token(&owner) < Role::Staff {
            return Ok(None);
        }
        let Some(resource) = reader.resource(resource_id).await? else { return Ok(None) };
        let bookings = bookings(reader, feed, window, now).await?;
        let blocks = blocks(reader, feed, window).await?;
        let names = names(reader, feed, &bookings).await?;
        Ok(Some(Facts { resource: Some(resource), bookings, blocks, names }))
    }
}

/// The bookings that `feed` shows, the soonest of those that are not past and the latest of those that are.
async fn bookings(
    reader: &Reader,
    feed: &CalendarFeed,
    FeedWindow { from, today, to }: FeedWindow,
    now: DateTime<Utc>,
) -> Result<Vec<Booking>, StoreError> {
    let filter = |from, to| BookingFilter {
        organization_id: feed.organization_id.clone(),
        booker: feed.resource_id.is_none().then(|| feed.owner_id.clone()),
        selection: BookingSelection {
            resource_id: feed.resource_id.clone(),
            status: Some(SHOWN.to_vec()),
            from: Some(from),
            to: Some(to),
            ..BookingSelection::default()
        },
    };
    let ahead =
        reader.bookings(&filter(today, to), BookingOrder::StartAscending, &PageRequest::first(MOST_AHEAD), now).await?;
    let back = reader
        .bookings(&filter(from, today), BookingOrder::StartDescending, &PageRequest::first(MOST_BACK), now)
        .await?;
    // What goes on at midnight is in both.
    let past = back.items.into_iter().filter(|booking| booking.end <= today);
    Ok(past.chain(ahead.items).collect())
}

/// The blocks of the resource that `feed` shows.
async fn blocks(
    reader: &Reader,
    feed: &CalendarFeed,
    FeedWindow { from, to, .. }: FeedWindow,
) -> Result<Vec<Block>, StoreError> {
    let filter = BlockFilter {
        organization_id: feed.organization_id.clone(),
        resource_id: feed.resource_id.clone(),
        from: Some(from),
        to: Some(to),
    };
    Ok(reader.blocks(&filter, &PageRequest::first(MOST_BLOCKS)).await?.items)
}

/// What the resources of `bookings` are called, where `feed` tells it.
async fn names(
    reader: &Reader,
    feed: &CalendarFeed,
    bookings: &[Booking],
) -> Result<HashMap<ResourceId, String>, StoreError> {
    if !feed.details || bookings.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: BTreeSet<&ResourceId> = bookings.iter().flat_map(Booking::resources).collect();
    let ids: Vec<ResourceId> = ids.into_iter().cloned().collect();
    let found = reader.resources_by_ids(&ids).await?;
    Ok(found.into_iter().map(|resource| (resource.id.clone(), entries::name_of(&resource))).collect())
}
