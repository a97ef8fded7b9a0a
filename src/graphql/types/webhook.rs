//! Webhooks.

use std::sync::Arc;

use async_graphql::{Enum, ID, Object};

use crate::domain::webhook as domain;
use crate::graphql::scalar::DateTime;

/// What a webhook can be told of.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "domain::WebhookEvent")]
pub enum WebhookEvent {
    /// A booking was made: `booking.status` says whether it is confirmed already (then no `BOOKING_CONFIRMED` follows),
    /// waits for staff, or is only provisional.
    BookingCreated,
    /// Contact details, notes, location, reference or metadata of a booking were changed.
    BookingUpdated,
    /// A booking that waited for it was confirmed: staff agreed, or what was provisional is meant.
    BookingConfirmed,
    /// Staff said no; the booking's time was let go.
    BookingDeclined,
    /// A booking was moved.
    BookingRescheduled,
    /// A booking was called off; its time was let go.
    BookingCancelled,
    /// A booking took place.
    BookingCompleted,
    /// Nobody came.
    BookingNoShow,
    /// A booking was not confirmed in time; its time was let go.
    BookingExpired,
    /// A hold ran out unattended. Best effort: holds live in memory.
    PresenceTimeout,
}

/// An address of another system that is told what happens, by signed requests as the Standard Webhooks specification
/// has them. For admins.
#[derive(Clone)]
pub struct Webhook(Arc<domain::Webhook>);

impl From<Arc<domain::Webhook>> for Webhook {
    fn from(webhook: Arc<domain::Webhook>) -> Self {
        Self(webhook)
    }
}

/// An address of another system that is told what happens, by signed requests as the Standard Webhooks specification
/// has them. For admins.
///
/// Each event is a POST of JSON with the headers `webhook-id` (the event's id: the same each time it is sent),
/// `webhook-timestamp` and `webhook-signature`. Any status from 200 to 299 within five seconds takes it; redirects are
/// not followed; what does not arrive is tried again for a day.
///
/// The default payload is `{ type, timestamp, data }`. Of a booking, `data` is `{ id, organizationId, bookingId, sequence,
/// booking, transition, previousResourceId, changes }`: `sequence` counts the events of one booking, `booking` is the
/// booking right after the event with fields named as here, and `changes` has `{ from, to }` by the names of fields, such
/// as `start` and `booker.email`. Of `PRESENCE_TIMEOUT` it is `{ id, organizationId, resourceId, start, end,
/// quantity, eventTypeId, holder, since }`. A test has `test: true` beside `type`, and a `webhook-id` that begins with `evn_test_`.
#[Object]
impl Webhook {
    /// Its id.
    async fn id(&self) -> ID {
        self.0.id.as_str().into()
    }

    /// Where events are sent.
    async fn url(&self) -> &str {
        &self.0.url
    }

    /// Which events.
    async fn events(&self) -> Vec<WebhookEvent> {
        self.0.events.iter().copied().map(Into::into).collect()
    }

    /// A selection on `BookingEvent` that makes up the payload of booking events; null: the default payload. It has no
    /// fragments with names and no cursors, comes to a complexity of at most 2,000, and its payload to at most 64 KiB.
    async fn selection(&self) -> Option<&str> {
        self.0.selection.as_deref()
    }

    /// What it is for.
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// Whether anything is sent. One that fails for days is switched off.
    async fn active(&self) -> bool {
        self.0.active
    }

    /// Since when nothing has arrived; null while all is well.
    async fn failing_since(&self) -> Option<DateTime> {
        self.0.failing_since.map(Into::into)
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When it was last changed, or its secret exchanged.
    async fn updated_at(&self) -> DateTime {
        self.0.updated_at.into()
    }
}
