//! Events to try a webhook with: the last one that really happened, or one that could have.

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use uuid::Uuid;

use super::Services;
use crate::domain::access::Admin;
use crate::domain::booking::{
    Actor, Booker, Booking, BookingEvent, BookingEventType, BookingItem, BookingStatus, BookingTransition,
};
use crate::domain::catalogue::{EventType, Resource};
use crate::domain::id::{EventTypeId, ResourceId};
use crate::domain::news::{BookingNews, ExpiredHold};
use crate::domain::quantum::QuantumSpan;
use crate::domain::webhook::{Webhook, WebhookEvent};
use crate::error::Error;
use crate::store::{
    BookingFilter, BookingOrder, BookingSelection, CatalogueState, EventTypeFilter, PageRequest, ResourceFilter,
};

/// How the ids of events begin that have not happened.
pub(super) const TEST_EVENT: &str = "evn_test_";

/// An event that a webhook could be told of.
pub(super) enum Sample {
    /// Something about a booking.
    Booking(Box<BookingNews>),
    /// A hold that ran out.
    Hold(ExpiredHold),
}

/// What samples are made of.
struct Catalogue {
    resource: Option<Resource>,
    event_type: Option<EventType>,
}

impl Services {
    /// An event that `webhook` wants: the last one of the organization's bookings if it is of that kind, else one made
    /// of the catalogue. Its id says that it has not happened. `None` where a selection would find nothing to look at.
    pub(super) async fn sample_for(
        &self,
        admin: &Admin,
        webhook: &Webhook,
        now: DateTime<Utc>,
    ) -> Result<Option<Sample>, Error> {
        let unique = self.parts().clock.unique();
        let id = format!("{TEST_EVENT}{}", unique.simple());
        let Some(wanted) = booking_events().find(|event| webhook.events.contains(&WebhookEvent::from(*event))) else {
            return Ok(Some(Sample::Hold(self.catalogue_of(admin).await?.hold(admin, id, now))));
        };
        if let Some(event) = self.last_event(admin, now).await?
            && webhook.events.contains(&WebhookEvent::from(event.transition.event))
        {
            return Ok(Some(Sample::Booking(Box::new(news(BookingEvent { id, ..event })))));
        }
        let catalogue = self.catalogue_of(admin).await?;
        if webhook.selection.is_some() && catalogue.resource.is_none() {
            return Ok(None);
        }
        let event = BookingEvent { id, ..catalogue.event(admin, wanted, unique, now) };
        Ok(Some(Sample::Booking(Box::new(news(event)))))
    }

    /// The last event of the booking that was changed last.
    async fn last_event(&self, admin: &Admin, now: DateTime<Utc>) -> Result<Option<BookingEvent>, Error> {
        let filter = BookingFilter {
            organization_id: admin.organization().clone(),
            booker: None,
            selection: BookingSelection::default(),
        };
        let first = PageRequest::first(1);
        let reader = self.parts().store.reader();
        let found = reader.bookings(&filter, BookingOrder::UpdatedDescending, &first, now).await?;
        let Some(booking) = found.items.into_iter().next() else { return Ok(None) };
        let mut history = reader.histories(std::slice::from_ref(&booking.id)).await?;
        // Of a booking that has just changed again there may be a line more: that is the next event's.
        let at = usize::try_from(booking.revision).unwrap_or(usize::MAX).saturating_sub(1);
        let line = history.remove(&booking.id).and_then(|lines| lines.into_iter().nth(at));
        Ok(line.map(|transition| BookingEvent::new(booking, transition)))
    }

    async fn catalogue_of(&self, admin: &Admin) -> Result<Catalogue, Error> {
        let organization_id = admin.organization().clone();
        let reader = self.parts().store.reader();
        let filter = ResourceFilter {
            organization_id: organization_id.clone(),
            kind: None,
            event_type_id: None,
            state: CatalogueState::All,
        };
        let resource = reader.resources(&filter, &PageRequest::first(1)).await?.items.pop();
        let resource_id = resource.as_ref().map(|resource| resource.id.clone());
        let filter = EventTypeFilter { organization_id, resource_id, state: CatalogueState::All };
        let event_type = reader.event_types(&filter, &PageRequest::first(1)).await?.items.pop();
        Ok(Catalogue { resource, event_type })
    }
}

/// Every kind of event of a booking, the most telling first.
fn booking_events() -> impl Iterator<Item = BookingEventType> {
    [
        BookingEventType::Created,
        BookingEventType::Rescheduled,
        BookingEventType::Cancelled,
        BookingEventType::Confirmed,
        BookingEventType::Updated,
        BookingEventType::Declined,
        BookingEventType::Completed,
        BookingEventType::NoShow,
        BookingEventType::Expired,
    ]
    .into_iter()
}

/// `event` with what it changed, as far as its line in the history tells.
fn news(event: BookingEvent) -> BookingNews {
    let before = event.transition.from.map(|status| {
        let (start, end) = event.transition.previous.unwrap_or((event.booking.start, event.booking.end));
        let resource = event.previous_resource.clone();
        let mut before = Booking { status, start, end, ..event.booking.clone() };
        if let (Some(id), Some(primary)) = (resource, before.items.first_mut()) {
            primary.resource_id = id;
        }
        before
    });
    BookingNews::new(before.as_ref(), event)
}

impl Catalogue {
    fn resource_id(&self) -> ResourceId {
        self.resource.as_ref().map_or_else(|| "res_example".into(), |resource| resource.id.clone())
    }

    fn event_type_id(&self) -> Option<EventTypeId> {
        self.event_type.as_ref().map(|event_type| event_type.id.clone())
    }

    fn minutes(&self) -> TimeDelta {
        let default = self.event_type.as_ref().and_then(|event_type| event_type.duration_options.first());
        TimeDelta::minutes(default.map_or(60, |minutes| i64::from(*minutes)))
    }

    fn hold(&self, admin: &Admin, id: String, now: DateTime<Utc>) -> ExpiredHold {
        let start = tomorrow(now);
        ExpiredHold {
            id,
            organization_id: admin.organization().clone(),
            resource_id: self.resource_id(),
            start,
            end: start + self.minutes(),
            quantity: 1,
            event_type_id: self.event_type_id(),
            holder: "a-holder-for-tests".to_owned(),
            since: now - TimeDelta::minutes(2),
            at: now,
        }
    }

    /// A booking to which `event` has just happened.
    fn event(&self, admin: &Admin, event: BookingEventType, unique: Uuid, now: DateTime<Utc>) -> BookingEvent {
        let is_over = matches!(event, BookingEventType::Completed | BookingEventType::NoShow);
        let start = if is_over { tomorrow(now) - TimeDelta::days(2) } else { tomorrow(now) };
        let end = start + self.minutes();
        let (from, to) = states(event);
        let hour = TimeDelta::hours(1);
        let moved = event == BookingEventType::Rescheduled;
        let reason = (event == BookingEventType::Cancelled).then(|| "This is a test.".to_owned());
        let is_new = event == BookingEventType::Created;
        let booking = Booking {
            id: format!("bkg_test_{}", unique.simple()).into(),
            organization_id: admin.organization().clone(),
            status: to,
            start,
            end,
            occupied: QuantumSpan::covering(start, end),
            time_zone: self.resource.as_ref().map_or(chrono_tz::UTC, |resource| resource.time_zone),
            title: self.event_type.as_ref().map_or_else(|| "Test".to_owned(), |event_type| event_type.title.clone()),
            location: None,
            event_type_id: self.event_type_id().unwrap_or_else(|| "evt_example".into()),
            items: vec![BookingItem { resource_id: self.resource_id(), quantity: 1 }],
            booker: Booker {
                name: Some("Ada Example".to_owned()),
                email: Some("ada@example.org".to_owned()),
                ..Booker::default()
            },
            reference: None,
            metadata: None,
            revision: if is_new { 1 } else { 2 },
            cancellation_reason: reason.clone(),
            expires_at: None,
            series_id: None,
            created_at: if is_new { now } else { now.min(start) - TimeDelta::days(1) },
            updated_at: now,
        };
        let transition = BookingTransition {
            event,
            from,
            to,
            at: now,
            by: doer(event, admin),
            reason,
            previous: moved.then(|| (start - hour, end - hour)),
        };
        BookingEvent::new(booking, transition)
    }
}

/// From where to where an event takes a booking.
fn states(event: BookingEventType) -> (Option<BookingStatus>, BookingStatus) {
    use BookingStatus::{Cancelled, Completed, Confirmed, Declined, Expired, NoShow, Pending};
    match event {
        BookingEventType::Created => (None, Confirmed),
        BookingEventType::Updated | BookingEventType::Rescheduled => (Some(Confirmed), Confirmed),
        BookingEventType::Confirmed => (Some(Pending), Confirmed),
        BookingEventType::Declined => (Some(Pending), Declined),
        BookingEventType::Cancelled => (Some(Confirmed), Cancelled),
        BookingEventType::Completed => (Some(Confirmed), Completed),
        BookingEventType::NoShow => (Some(Confirmed), NoShow),
        BookingEventType::Expired => (Some(Pending), Expired),
    }
}

/// Who does such a thing, mostly.
fn doer(event: BookingEventType, admin: &Admin) -> Actor {
    match event {
        BookingEventType::Created
        | BookingEventType::Updated
        | BookingEventType::Rescheduled
        | BookingEventType::Cancelled => Actor::Guest,
        BookingEventType::Confirmed
        | BookingEventType::Declined
        | BookingEventType::Completed
        | BookingEventType::NoShow => Actor::User(admin.id().clone()),
        BookingEventType::Expired => Actor::System,
    }
}

/// The hour in which it is now, a day later.
fn tomorrow(now: DateTime<Utc>) -> DateTime<Utc> {
    now.duration_trunc(TimeDelta::hours(1)).unwrap_or(now) + TimeDelta::days(1)
}
