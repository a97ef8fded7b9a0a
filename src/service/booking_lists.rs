//! Lists of bookings: a customer's own, and staff's of their organization.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::booking::SeenBooking;
use super::page::{Cursors, Page, PageRequest};
use super::{Services, answer_id, making};
use crate::domain::access::{Caller, Staff, Standing, Viewer};
use crate::domain::booking::Booking;
use crate::domain::id::{EventTypeId, MAX_ID_LENGTH, ResourceId, SeriesId};
use crate::domain::person::MAX_EMAIL;
use crate::error::Error;
use crate::store::{BookingFilter, Place, Reader};

pub use crate::store::{BookingOrder, BookingSelection};

/// A list of bookings.
#[derive(Clone, Debug)]
pub struct BookingList {
    /// Which of them.
    pub selection: BookingSelection,
    /// In which order.
    pub order: BookingOrder,
    /// Which part of the list.
    pub page: PageRequest,
}

impl Services {
    /// The viewer's own bookings in their organization.
    ///
    /// # Errors
    /// `BadInput` for what is malformed, and for a cursor of another list.
    pub async fn my_bookings(
        &self,
        viewer: &Viewer,
        list: BookingList,
        now: DateTime<Utc>,
    ) -> Result<Page<SeenBooking>, Error> {
        let filter = BookingFilter {
            organization_id: viewer.organization_id.clone(),
            booker: Some(viewer.id.clone()),
            selection: list.selection,
        };
        let caller = Caller::User(viewer.clone());
        let standing = |booking: &Booking| caller.standing(booking, false).unwrap_or(Standing::Booker);
        self.list_bookings(filter, list.order, &list.page, now, standing).await
    }

    /// The bookings of the staff's organization.
    ///
    /// # Errors
    /// As [`Services::my_bookings`].
    pub async fn bookings(
        &self,
        staff: &Staff,
        list: BookingList,
        now: DateTime<Utc>,
    ) -> Result<Page<SeenBooking>, Error> {
        let filter =
            BookingFilter { organization_id: staff.organization().clone(), booker: None, selection: list.selection };
        self.list_bookings(filter, list.order, &list.page, now, |_| Standing::Staff).await
    }

    async fn list_bookings(
        &self,
        filter: BookingFilter,
        order: BookingOrder,
        page: &PageRequest,
        now: DateTime<Utc>,
        standing: impl Fn(&Booking) -> Standing,
    ) -> Result<Page<SeenBooking>, Error> {
        require_sensible(&filter.selection)?;
        let cursors = Cursors::of(answer_id("bookings", &format!("{filter:?} {order:?}")));
        let (filter, part) = (&filter, &cursors.part(page)?);
        // One snapshot: a booking that is moved meanwhile is read as it was or as it is, not half of each.
        let read = |reader: Arc<Reader>| async move {
            let found = reader.bookings(filter, order, part, now).await?;
            let total = if page.wants_total { Some(reader.booking_count(filter, now).await?) } else { None };
            Ok::<_, Error>((found, total))
        };
        let (found, total) = self.parts().store.snapshot(read).await?;
        let place = |booking: &Booking| Place { value: order.value(booking), id: booking.id.to_string() };
        Ok(cursors.page(found, total, place).map(|booking| {
            let standing = standing(&booking);
            SeenBooking::new(booking, standing, now)
        }))
    }
}

/// Refuses what nothing can be found by, rather than to find nothing.
fn require_sensible(selection: &BookingSelection) -> Result<(), Error> {
    let BookingSelection { resource_id, event_type_id, series_id, reference, booker_email, from, to, .. } = selection;
    let ids = [
        ("resourceId", resource_id.as_ref().map(ResourceId::as_str)),
        ("eventTypeId", event_type_id.as_ref().map(EventTypeId::as_str)),
        ("seriesId", series_id.as_ref().map(SeriesId::as_str)),
    ];
    let too_long = ids.iter().find(|(_, id)| id.is_some_and(|id| id.len() > MAX_ID_LENGTH));
    if let Some((name, _)) = too_long {
        return Err(Error::BadInput(format!("`{name}` must be an id, of at most {MAX_ID_LENGTH} characters.")));
    }
    if reference.as_ref().is_some_and(|text| text.chars().count() > making::MAX_REFERENCE) {
        let message = format!("`reference` has at most {} characters.", making::MAX_REFERENCE);
        return Err(Error::BadInput(message));
    }
    if booker_email.as_ref().is_some_and(|text| text.len() > MAX_EMAIL) {
        return Err(Error::BadInput(format!("`bookerEmail` has at most {MAX_EMAIL} characters.")));
    }
    match (from, to) {
        (Some(from), Some(to)) if from >= to => Err(Error::BadInput("`to` must come after `from`.".to_owned())),
        _ => Ok(()),
    }
}
