//! Webhooks: other systems that are told what happens, and what has become of what they were told.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::booking::BookingEventType;
use super::id::{DeliveryId, OrganizationId, WebhookId};

/// How long a secret that was exchanged signs beside its successor.
pub const ROTATION_OVERLAP: TimeDelta = TimeDelta::days(1);

/// What a webhook can be told of.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WebhookEvent {
    /// A booking was made.
    BookingCreated,
    /// Something about a booking was changed, and neither its time nor where it stands.
    BookingUpdated,
    /// Staff agreed to a booking.
    BookingConfirmed,
    /// Staff said no.
    BookingDeclined,
    /// A booking was moved.
    BookingRescheduled,
    /// A booking was called off.
    BookingCancelled,
    /// A booking took place.
    BookingCompleted,
    /// Nobody came.
    BookingNoShow,
    /// A booking was not confirmed in time.
    BookingExpired,
    /// A hold ran out unattended.
    PresenceTimeout,
}

impl WebhookEvent {
    /// All there are.
    pub const ALL: [Self; 10] = [
        Self::BookingCreated,
        Self::BookingUpdated,
        Self::BookingConfirmed,
        Self::BookingDeclined,
        Self::BookingRescheduled,
        Self::BookingCancelled,
        Self::BookingCompleted,
        Self::BookingNoShow,
        Self::BookingExpired,
        Self::PresenceTimeout,
    ];

    /// Its name, as callers and receivers know it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BookingCreated => "BOOKING_CREATED",
            Self::BookingUpdated => "BOOKING_UPDATED",
            Self::BookingConfirmed => "BOOKING_CONFIRMED",
            Self::BookingDeclined => "BOOKING_DECLINED",
            Self::BookingRescheduled => "BOOKING_RESCHEDULED",
            Self::BookingCancelled => "BOOKING_CANCELLED",
            Self::BookingCompleted => "BOOKING_COMPLETED",
            Self::BookingNoShow => "BOOKING_NO_SHOW",
            Self::BookingExpired => "BOOKING_EXPIRED",
            Self::PresenceTimeout => "PRESENCE_TIMEOUT",
        }
    }

    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.name() == name)
    }
}

impl From<BookingEventType> for WebhookEvent {
    fn from(event: BookingEventType) -> Self {
        match event {
            BookingEventType::Created => Self::BookingCreated,
            BookingEventType::Updated => Self::BookingUpdated,
            BookingEventType::Confirmed => Self::BookingConfirmed,
            BookingEventType::Declined => Self::BookingDeclined,
            BookingEventType::Rescheduled => Self::BookingRescheduled,
            BookingEventType::Cancelled => Self::BookingCancelled,
            BookingEventType::Completed => Self::BookingCompleted,
            BookingEventType::NoShow => Self::BookingNoShow,
            BookingEventType::Expired => Self::BookingExpired,
        }
    }
}

/// An address of somebody else's system that is told what happens.
#[derive(Clone, Debug, PartialEq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Whose events.
    pub organization_id: OrganizationId,
    /// Where they are sent.
    pub url: String,
    /// Which of them; at least one.
    pub events: BTreeSet<WebhookEvent>,
    /// A selection on `BookingEvent` that makes up the payload of booking events; `None`: the default payload.
    pub selection: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Whether anything is sent.
    pub active: bool,
    /// Which of its secrets signs.
    pub secret: SecretVersion,
    /// Secrets of before, which sign too, each until its time.
    pub retired_secrets: Vec<RetiredSecret>,
    /// Since when nothing has arrived, if the last attempt failed.
    pub failing_since: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When an admin last changed it, or it was switched off.
    pub updated_at: DateTime<Utc>,
}

/// Counts the secrets of a webhook, from 1. A secret is derived from it, and kept nowhere.
pub type SecretVersion = u32;

/// A secret that was exchanged.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetiredSecret {
    /// Which.
    pub version: SecretVersion,
    /// Until when it signs.
    pub until: DateTime<Utc>,
}

impl Webhook {
    /// The secrets that sign at `now`, the newest first.
    pub fn signing(&self, now: DateTime<Utc>) -> impl Iterator<Item = SecretVersion> {
        let retired = self.retired_secrets.iter().filter(move |retired| now < retired.until);
        std::iter::once(self.secret).chain(retired.rev().map(|retired| retired.version))
    }
}

/// What has become of a delivery.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum DeliveryStatus {
    /// It is on its way, or is tried again.
    Pending,
    /// It has arrived.
    Delivered,
    /// It was given up.
    Failed,
}

/// One event on its way to one webhook.
#[derive(Clone, Debug, PartialEq)]
pub struct WebhookDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// Where it goes.
    pub webhook_id: WebhookId,
    /// What happened.
    pub event: WebhookEvent,
    /// What names the event: the header `webhook-id`.
    pub event_id: String,
    /// What has become of it.
    pub status: DeliveryStatus,
    /// How often it was tried.
    pub attempts: u32,
    /// What the receiver answered last, if it did.
    pub last_status_code: Option<u16>,
    /// Why the last attempt failed, in words of ours.
    pub last_error: Option<String>,
    /// When it is tried next, while it is pending.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// JSON, byte for byte as it is sent.
    pub payload: String,
    /// When it was written down.
    pub created_at: DateTime<Utc>,
}
