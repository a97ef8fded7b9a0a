//! Lists of bookings, and what they come to.
//!
//! A booking is at most 31 days long. So what overlaps a span starts at most that long before it, and every question about
//! a span reads one range of `bookings_by_start`, however many bookings there are. Without a span a list walks the index
//! of its order until the page is full. Of one booker, address or reference there are few, and each has an index of its
//! own. Looked at with 100,000 bookings on both databases (EXPLAIN): a page of any of these takes less than a few
//! milliseconds. What takes longer, up to the whole index of the order, is a filter that lets little through and names
//! none of these: a status, an event type, on SQLite a resource that is hardly ever booked.

use chrono::{DateTime, TimeDelta, Utc};
use entity::{booking, booking_item};
use sea_orm::sea_query::{Expr, ExprTrait, Func, Query};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryTrait};

use super::booking::stored_status;
use super::page::{Direction, Page, PageRequest};
use super::{Reader, StoreError};
use crate::domain::availability::DURATION_MINUTES;
use crate::domain::booking::{Booking, BookingStatus};
use crate::domain::id::{EventTypeId, OrganizationId, ResourceId, SeriesId, UserId};

/// In which order a list of bookings is; those of the same instant by their ids.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum BookingOrder {
    /// The first to start first.
    StartAscending,
    /// The last to start first.
    StartDescending,
    /// What has not changed for longest first.
    UpdatedAscending,
    /// What changed last first.
    UpdatedDescending,
}

impl BookingOrder {
    /// Where a booking stands, in milliseconds.
    #[must_use]
    pub fn value(self, booking: &Booking) -> i64 {
        match self {
            Self::StartAscending | Self::StartDescending => booking.start.timestamp_millis(),
            Self::UpdatedAscending | Self::UpdatedDescending => booking.updated_at.timestamp_millis(),
        }
    }

    fn column(self) -> booking::Column {
        match self {
            Self::StartAscending | Self::StartDescending => booking::Column::StartAt,
            Self::UpdatedAscending | Self::UpdatedDescending => booking::Column::UpdatedAt,
        }
    }

    fn direction(self) -> Direction {
        match self {
            Self::StartAscending | Self::UpdatedAscending => Direction::Ascending,
            Self::StartDescending | Self::UpdatedDescending => Direction::Descending,
        }
    }
}

/// Which bookings are wanted; whatever is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BookingSelection {
    /// Those that book it, as primary resource or add-on.
    pub resource_id: Option<ResourceId>,
    /// Under this event type.
    pub event_type_id: Option<EventTypeId>,
    /// Of this series.
    pub series_id: Option<SeriesId>,
    /// Whose callers call it so.
    pub reference: Option<String>,
    /// For whoever has this address, in whatever case its ASCII letters are.
    pub booker_email: Option<String>,
    /// In one of these states; none of them is in none.
    pub status: Option<Vec<BookingStatus>>,
    /// Changed at this instant or later.
    pub updated_since: Option<DateTime<Utc>>,
    /// Those that end after it.
    pub from: Option<DateTime<Utc>>,
    /// Those that start before it.
    pub to: Option<DateTime<Utc>>,
}

/// Whose bookings, and which of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookingFilter {
    /// Of this organization.
    pub organization_id: OrganizationId,
    /// Of this user only.
    pub booker: Option<UserId>,
    /// Which of those.
    pub selection: BookingSelection,
}

impl BookingFilter {
    /// By what a list in this order is ordered.
    fn ordered_by(&self, order: BookingOrder) -> Expr {
        let column = Expr::col((booking::Entity, order.column()));
        let Self { booker, selection: BookingSelection { reference, booker_email, .. }, .. } = self;
        let names_few = booker.is_some() || reference.is_some() || booker_email.is_some();
        match order {
            // No index is in this order. SQLite would rather walk the one over all changes of the organization than
            // look up these few and sort them.
            BookingOrder::UpdatedAscending | BookingOrder::UpdatedDescending if names_few => column.add(0_i64),
            _ => column,
        }
    }

    /// What holds of each booking that is wanted, as it is seen at `now`.
    fn condition(&self, now: DateTime<Utc>) -> Condition {
        use booking::Column;
        let Self { organization_id, booker, selection } = self;
        let BookingSelection {
            resource_id,
            event_type_id,
            series_id,
            reference,
            booker_email,
            status,
            updated_since,
            from,
            to,
        } = selection;
        Condition::all()
            .add(Column::OrganizationId.eq(organization_id.as_str()))
            .add_option(booker.as_ref().map(|user| Column::BookerUserId.eq(user.as_str())))
            .add_option(resource_id.as_ref().map(books))
            .add_option(event_type_id.as_ref().map(|id| Column::EventTypeId.eq(id.as_str())))
            .add_option(series_id.as_ref().map(|id| Column::SeriesId.eq(id.as_str())))
            .add_option(reference.as_ref().map(|reference| Column::Reference.eq(reference)))
            .add_option(booker_email.as_ref().map(|email| lower_email().eq(email.to_ascii_lowercase())))
            .add_option(status.as_ref().map(|wanted| stands_in(wanted, now)))
            .add_option(updated_since.map(|since| Column::UpdatedAt.gte(millis_from_on(since))))
            .add(overlaps(*from, *to))
    }
}

impl Reader {
    /// A page of bookings, as they are seen at `now`. Two statements.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn bookings(
        &self,
        filter: &BookingFilter,
        order: BookingOrder,
        page: &PageRequest<i64>,
        now: DateTime<Utc>,
    ) -> Result<Page<Booking>, StoreError> {
        let mut select = booking::Entity::find().filter(filter.condition(now)).into_query();
        let (by, id) = (filter.ordered_by(order), Expr::col((booking::Entity, booking::Column::Id)));
        page.narrow_towards(order.direction(), &mut select, by, id);
        let found = page.page(self.models::<booking::Model>(&select).await?);
        let items = self.with_items(found.items).await?;
        Ok(Page { items, has_next: found.has_next, has_previous: found.has_previous })
    }

    /// How many bookings there are, as they are seen at `now`.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn booking_count(&self, filter: &BookingFilter, now: DateTime<Utc>) -> Result<u64, StoreError> {
        self.count(booking::Entity::find().filter(filter.condition(now))).await
    }
}

/// The condition that a booking books `resource`.
pub(super) fn books(resource: &ResourceId) -> Expr {
    // SQLite reads this once, from `booking_items_by_resource`; it would look up EXISTS for each booking.
    booking::Column::Id.in_subquery(
        Query::select()
            .column((booking_item::Entity, booking_item::Column::BookingId))
            .from(booking_item::Entity)
            .and_where(booking_item::Column::ResourceId.eq(resource.as_str()))
            .to_owned(),
    )
}

/// The condition that a booking overlaps what lies from `from` to `to`: touching is not overlapping.
pub(super) fn overlaps(from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>) -> Condition {
    use booking::Column;
    let longest = TimeDelta::minutes(i64::from(*DURATION_MINUTES.end()));
    Condition::all()
        .add_option(from.map(|from| Column::EndAt.gt(from.timestamp_millis())))
        // Follows from the one above, and is what the index can use.
        .add_option(from.map(|from| Column::StartAt.gt((from - longest).timestamp_millis())))
        .add_option(to.map(|to| Column::StartAt.lt(millis_from_on(to))))
}

/// The condition that a booking is in one of `wanted` at `now`: whatever has lapsed has expired.
fn stands_in(wanted: &[BookingStatus], now: DateTime<Utc>) -> Condition {
    use booking::Column;
    let stored = wanted.iter().map(|status| stored_status(*status));
    let has_lapsed = Column::LapsesAt.lte(now.timestamp_millis());
    let expired = wanted.contains(&BookingStatus::Expired).then_some(has_lapsed);
    Condition::any().add(Condition::all().add(Column::Status.is_in(stored)).add(not_lapsed(now))).add_option(expired)
}

/// The condition that a booking has not lapsed at `now`. No status is looked at: only what waits to be confirmed lapses.
pub(super) fn not_lapsed(now: DateTime<Utc>) -> Condition {
    use booking::Column;
    Condition::any().add(Column::LapsesAt.is_null()).add(Column::LapsesAt.gt(now.timestamp_millis()))
}

/// The booker's address with its ASCII letters in lower case, as `bookings_by_email` has it.
fn lower_email() -> Expr {
    Func::lower(Expr::col((booking::Entity, booking::Column::BookerEmail))).into()
}

/// The first whole millisecond, as instants are stored, that is not before `instant`.
fn millis_from_on(instant: DateTime<Utc>) -> i64 {
    let millis = instant.timestamp_millis();
    if instant.timestamp_subsec_nanos().is_multiple_of(1_000_000) { millis } else { millis + 1 }
}
