//! Bookings, and what makes and ends them.

use async_graphql::{Context, Enum, ID, Json, Object, SimpleObject};

use crate::domain::access::Standing;
use crate::domain::booking as domain;
use crate::error::{Error, Internal};
use crate::graphql::error::{ApiError, Nullable, from_context};
use crate::graphql::loader::{EventTypeKey, HistoryKey, Loads, ResourceKey, SeriesKey};
use crate::graphql::scalar::{DateTime, Revision, TimeZone};
use crate::graphql::selection::Snapshot;
use crate::graphql::types::booking_series::BookingSeries;
use crate::graphql::types::event_type::EventType;
use crate::graphql::types::resource::Resource;
use crate::service::booking::SeenBooking;
use crate::service::series::SeenSeries;

/// Where a booking stands.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "domain::BookingStatus")]
pub enum BookingStatus {
    /// Kept for some minutes without being confirmed, while a payment is under way.
    Provisional,
    /// Waits for staff to confirm or decline it.
    Pending,
    /// Agreed.
    Confirmed,
    /// Staff said no; its time is free again.
    Declined,
    /// Called off; its time is free again.
    Cancelled,
    /// Took place.
    Completed,
    /// Nobody came.
    NoShow,
    /// Was not confirmed in time; its time is free again.
    Expired,
}

/// The agreement that resources are somebody's for a time.
#[derive(Clone)]
pub struct Booking(pub SeenBooking);

/// The agreement that resources are somebody's for a time.
#[Object]
impl Booking {
    /// Its id.
    async fn id(&self) -> ID {
        self.booking().id.as_str().into()
    }

    /// In which organization.
    async fn organization_id(&self) -> ID {
        self.booking().organization_id.as_str().into()
    }

    /// Where it stands.
    async fn status(&self) -> BookingStatus {
        self.booking().status.into()
    }

    /// First instant.
    async fn start(&self) -> DateTime {
        self.booking().start.into()
    }

    /// First instant after it; buffers are not part of it.
    async fn end(&self) -> DateTime {
        self.booking().end.into()
    }

    /// How long it is.
    async fn duration_minutes(&self) -> u32 {
        self.booking().duration_minutes()
    }

    /// The zone in which the booker thinks of it.
    async fn time_zone(&self) -> TimeZone {
        self.booking().time_zone.into()
    }

    /// The event type's title when it was booked.
    async fn title(&self) -> &str {
        &self.booking().title
    }

    /// Where it takes place.
    async fn location(&self) -> Option<&str> {
        self.booking().location.as_deref()
    }

    /// Under which event type it was booked.
    async fn event_type(&self, ctx: &Context<'_>) -> Nullable<EventType> {
        let key = EventTypeKey(self.booking().event_type_id.clone());
        let loaded = async { Ok(from_context::<Loads>(ctx)?.load(key).await?.map(EventType)) };
        loaded.await.transpose()
    }

    /// The primary resource.
    async fn resource(&self, ctx: &Context<'_>) -> Result<Resource, ApiError> {
        load_resource(ctx, self.primary()?).await
    }

    /// Units of the primary resource.
    fn quantity(&self) -> Result<u32, ApiError> {
        Ok(self.primary()?.quantity)
    }

    /// What is booked with it.
    async fn add_ons(&self) -> Vec<BookingItem> {
        self.booking().items.iter().skip(1).cloned().map(BookingItem).collect()
    }

    /// Who it is for.
    async fn booker(&self) -> Booker {
        let booker = self.booking().booker.clone();
        Booker {
            user_id: booker.user_id.map(|id| id.as_str().into()),
            name: booker.name,
            email: booker.email,
            phone: booker.phone,
            notes: booker.notes,
        }
    }

    /// The name that whoever booked gave it, such as an order number.
    async fn reference(&self) -> Option<&str> {
        self.booking().reference.as_deref()
    }

    /// Whatever was attached when booking.
    async fn metadata(&self) -> Option<Json<serde_json::Value>> {
        self.booking().metadata.clone().map(Json)
    }

    /// Grows with every change of this booking.
    async fn revision(&self) -> Revision {
        Revision(self.booking().revision.into())
    }

    /// When a provisional booking ends unless it is confirmed; null for all others.
    async fn expires_at(&self) -> Option<DateTime> {
        self.booking().expires_at.map(Into::into)
    }

    /// Why it was cancelled, in the words of whoever did.
    async fn cancellation_reason(&self) -> Option<&str> {
        self.booking().cancellation_reason.as_deref()
    }

    /// The series that it is part of, where there is one. Null for whoever has the token of this booking only.
    async fn series(&self, ctx: &Context<'_>) -> Nullable<BookingSeries> {
        let standing = self.0.standing();
        let id = self.booking().series_id.clone().filter(|_| standing != Standing::TokenBearer)?;
        let seen = |series| BookingSeries(SeenSeries { series, standing });
        let loaded = async { Ok(from_context::<Loads>(ctx)?.load(SeriesKey(id)).await?.map(seen)) };
        loaded.await.transpose()
    }

    /// Everything that happened to it, the oldest first.
    async fn history(&self, ctx: &Context<'_>) -> Result<Vec<BookingTransition>, ApiError> {
        let key = HistoryKey(self.booking().id.clone());
        let history = from_context::<Loads>(ctx)?.load(key).await?.unwrap_or_default();
        let history = match ctx.data_opt::<Snapshot>() {
            Some(snapshot) => snapshot.history(self.booking(), history),
            None => history,
        };
        let shows_users = self.0.standing() == Standing::Staff;
        Ok(history.into_iter().map(|transition| BookingTransition::seen(transition, shows_users)).collect())
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        self.booking().created_at.into()
    }

    /// When it last changed.
    async fn updated_at(&self) -> DateTime {
        self.booking().updated_at.into()
    }
}

impl From<SeenBooking> for Booking {
    fn from(seen: SeenBooking) -> Self {
        Self(seen)
    }
}

impl Booking {
    fn booking(&self) -> &domain::Booking {
        self.0.booking()
    }

    fn primary(&self) -> Result<&domain::BookingItem, ApiError> {
        self.booking()
            .items
            .first()
            .ok_or_else(|| Error::from(Internal::new(format!("{} has no items", self.booking().id))).into())
    }
}

async fn load_resource(ctx: &Context<'_>, item: &domain::BookingItem) -> Result<Resource, ApiError> {
    let loaded = from_context::<Loads>(ctx)?.load(ResourceKey(item.resource_id.clone())).await?;
    loaded
        .map(Resource)
        .ok_or_else(|| Error::from(Internal::new(format!("{} is booked and missing", item.resource_id))).into())
}

/// A resource that is booked along, and how many of its units.
pub struct BookingItem(domain::BookingItem);

/// A resource that is booked along, and how many of its units.
#[Object]
impl BookingItem {
    /// The resource.
    async fn resource(&self, ctx: &Context<'_>) -> Result<Resource, ApiError> {
        load_resource(ctx, &self.0).await
    }

    /// Units of it.
    async fn quantity(&self) -> u32 {
        self.0.quantity
    }
}

/// Who a booking is for.
#[derive(SimpleObject, Clone, Debug)]
pub struct Booker {
    /// The account, where there is one.
    user_id: Option<ID>,
    /// Their name.
    name: Option<String>,
    /// Their email address.
    email: Option<String>,
    /// Their phone number.
    phone: Option<String>,
    /// What they want known.
    notes: Option<String>,
}

/// What happened to a booking.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "domain::BookingEventType")]
pub enum BookingEventType {
    /// It was made.
    Created,
    /// Contact details, notes, location, reference or metadata were changed.
    Updated,
    /// Staff agreed.
    Confirmed,
    /// Staff said no; its time was let go.
    Declined,
    /// It was moved.
    Rescheduled,
    /// It was called off; its time was let go.
    Cancelled,
    /// It took place.
    Completed,
    /// Nobody came.
    NoShow,
    /// It was not confirmed in time; its time was let go.
    Expired,
}

/// One line of a booking's history.
#[derive(SimpleObject, Clone, Debug)]
pub struct BookingTransition {
    /// What happened.
    event: BookingEventType,
    /// The status before; null when it was made.
    from: Option<BookingStatus>,
    /// The status after.
    to: BookingStatus,
    /// When.
    at: DateTime,
    /// Who did it.
    by: Actor,
    /// Why, in their words.
    reason: Option<String>,
    /// When it started before it was moved.
    previous_start: Option<DateTime>,
    /// When it ended before it was moved.
    previous_end: Option<DateTime>,
}

impl BookingTransition {
    /// As somebody sees it who may know which user acted, or may not.
    pub(super) fn seen(transition: domain::BookingTransition, shows_users: bool) -> Self {
        Self {
            event: transition.event.into(),
            from: transition.from.map(Into::into),
            to: transition.to.into(),
            at: transition.at.into(),
            by: Actor::seen(&transition.by, shows_users),
            reason: transition.reason,
            previous_start: transition.previous.map(|(start, _)| start.into()),
            previous_end: transition.previous.map(|(_, end)| end.into()),
        }
    }
}

/// Who did something.
#[derive(SimpleObject, Clone, Debug)]
pub struct Actor {
    /// In which capacity.
    kind: ActorKind,
    /// Which user. For staff; null for others.
    user_id: Option<ID>,
}

impl Actor {
    /// As somebody sees them who may know which user acted, or may not.
    pub fn seen(actor: &domain::Actor, shows_users: bool) -> Self {
        let (kind, user_id) = match actor {
            domain::Actor::User(id) => (ActorKind::User, shows_users.then(|| id.as_str().into())),
            domain::Actor::Guest => (ActorKind::Guest, None),
            domain::Actor::TokenBearer => (ActorKind::Token, None),
            domain::Actor::System => (ActorKind::System, None),
        };
        Self { kind, user_id }
    }
}

/// In which capacity somebody acted.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum ActorKind {
    /// Signed in.
    User,
    /// Without an account.
    Guest,
    /// With the booking's management token.
    Token,
    /// The server itself.
    System,
}
