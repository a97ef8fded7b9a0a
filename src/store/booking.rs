//! Bookings, what they book, and their history.

use std::collections::HashMap;

use entity::status::{BookingEvent as StoredEvent, BookingStatus as StoredStatus};
use entity::{booking, booking_item, booking_transition};
use sea_orm::ActiveValue::NotSet;
use sea_orm::sea_query::LockType;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, Order, QueryFilter, QueryOrder, QueryTrait,
};

use super::convert;
use super::{Reader, StoreError, Tx};
use crate::domain::booking::{
    Booker, Booking, BookingEvent, BookingEventType, BookingItem, BookingStatus, BookingTransition,
};
use crate::domain::id::BookingId;
use crate::domain::news::BookingNews;
use crate::domain::quantum::{Quantum, QuantumSpan};

/// How many ids one statement names: SQLite takes no more than 32,766 values.
const IDS_AT_A_TIME: usize = 5_000;

/// Each booking's history, the oldest line first.
pub type Histories = HashMap<BookingId, Vec<BookingTransition>>;

impl Reader {
    /// One booking.
    ///
    /// # Errors
    /// Faults of the database, as of all methods here.
    pub async fn booking(&self, id: &BookingId) -> Result<Option<Booking>, StoreError> {
        Ok(self.bookings_by_ids(std::slice::from_ref(id)).await?.pop())
    }

    /// Those of `ids` that exist, in no particular order. Two statements.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn bookings_by_ids(&self, ids: &[BookingId]) -> Result<Vec<Booking>, StoreError> {
        let select =
            booking::Entity::find().filter(booking::Column::Id.is_in(ids.iter().map(BookingId::as_str))).into_query();
        self.with_items(self.models(&select).await?).await
    }

    /// The histories of `ids`, in one statement.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn histories(&self, ids: &[BookingId]) -> Result<Histories, StoreError> {
        use booking_transition::Column;
        let select = booking_transition::Entity::find()
            .filter(Column::BookingId.is_in(ids.iter().map(BookingId::as_str)))
            .order_by(Column::BookingId, Order::Asc)
            .order_by(Column::Sequence, Order::Asc)
            .into_query();
        let mut histories = Histories::new();
        for row in self.models::<booking_transition::Model>(&select).await? {
            let history = histories.entry(BookingId::from(row.booking_id.as_str())).or_default();
            history.push(transition(row)?);
        }
        Ok(histories)
    }

    /// The bookings of these rows, in the same order. One statement, or one for each few thousand of them.
    pub(super) async fn with_items(&self, bookings: Vec<booking::Model>) -> Result<Vec<Booking>, StoreError> {
        use booking_item::Column;
        let mut items: HashMap<String, Vec<BookingItem>> = HashMap::new();
        for some in bookings.chunks(IDS_AT_A_TIME) {
            let select = booking_item::Entity::find()
                .filter(Column::BookingId.is_in(some.iter().map(|booking| booking.id.as_str())))
                .order_by(Column::BookingId, Order::Asc)
                .order_by(Column::Position, Order::Asc)
                .into_query();
            for row in self.models::<booking_item::Model>(&select).await? {
                let item =
                    BookingItem { resource_id: row.resource_id.into(), quantity: convert::number(row.quantity)? };
                items.entry(row.booking_id).or_default().push(item);
            }
        }
        bookings
            .into_iter()
            .map(|row| {
                let items = items.remove(&row.id).unwrap_or_default();
                booking(row, items)
            })
            .collect()
    }
}

impl Tx {
    /// Adds a booking with its items and the first line of its history, and has it told. Takes no time: see
    /// [`Tx::occupy`].
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn insert_booking(&self, booking: &Booking, made: &BookingTransition) -> Result<(), StoreError> {
        self.insert(booking_model(booking)?).await?;
        let items = (0..).zip(&booking.items).map(|(position, item)| {
            Ok(booking_item::Model {
                booking_id: booking.id.to_string(),
                position,
                organization_id: booking.organization_id.to_string(),
                resource_id: item.resource_id.to_string(),
                quantity: convert::number(item.quantity)?,
            })
        });
        self.insert_all(items.collect::<Result<Vec<_>, StoreError>>()?).await?;
        self.insert(transition_model(booking, made)?).await?;
        self.news().push(BookingNews::new(None, BookingEvent::new(booking.clone(), made.clone())));
        Ok(())
    }

    /// Reads a booking and keeps others from changing it until the transaction ends: the first thing that any
    /// transition does.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn lock_booking(&self, id: &BookingId) -> Result<Option<Booking>, StoreError> {
        let mut select = booking::Entity::find_by_id(id.as_str()).into_query();
        // SQLite has no row locks and needs none.
        select.lock(LockType::Update);
        Ok(self.with_items(self.models(&select).await?).await?.pop())
    }

    /// Saves what has become of a booking since [`Tx::lock_booking`] gave `before`, and the line of its history that says
    /// so, and has it told. Returns what happened, with the revision counted up. Of its items the primary one changes
    /// where it was moved, the add-ons never do.
    ///
    /// # Errors
    /// Faults of the database, and [`StoreError::Corrupt`] when the booking was changed without having been locked.
    pub async fn save_transition(
        &self,
        before: &Booking,
        after: Booking,
        transition: BookingTransition,
    ) -> Result<BookingEvent, StoreError> {
        let event = BookingEvent::of_change(before, after, transition);
        let after = &event.booking;
        let changed = booking::ActiveModel {
            // These never change, and the first is the condition.
            id: NotSet,
            organization_id: NotSet,
            series_id: NotSet,
            ..booking_model(after)?.into_active_model().reset_all()
        };
        let update = booking::Entity::update_many()
            .set(changed)
            .filter(booking::Column::Id.eq(after.id.as_str()))
            .filter(booking::Column::Revision.eq(convert::number::<u32, i32>(before.revision)?))
            .into_query();
        if self.execute(&update).await? != 1 {
            return Err(StoreError::corrupt(format!("booking {} was changed without having been locked", after.id)));
        }
        if event.transition.previous.is_some() {
            self.save_primary(after).await?;
        }
        self.insert(transition_model(after, &event.transition)?).await?;
        self.news().push(BookingNews::new(Some(before), event.clone()));
        Ok(event)
    }

    /// Saves which resource a moved booking is of.
    async fn save_primary(&self, booking: &Booking) -> Result<(), StoreError> {
        use booking_item::Column;
        let Some(primary) = booking.items.first() else { return Ok(()) };
        let update = booking_item::Entity::update_many()
            .col_expr(Column::ResourceId, primary.resource_id.as_str().into())
            .filter(Column::BookingId.eq(booking.id.as_str()))
            .filter(Column::Position.eq(0_i16))
            .into_query();
        self.execute(&update).await.map(|_| ())
    }
}

fn booking(row: booking::Model, items: Vec<BookingItem>) -> Result<Booking, StoreError> {
    Ok(Booking {
        id: row.id.into(),
        organization_id: row.organization_id.into(),
        status: status(row.status),
        start: convert::instant(row.start_at)?,
        end: convert::instant(row.end_at)?,
        occupied: QuantumSpan::new(Quantum(row.occupied_from), Quantum(row.occupied_to)),
        time_zone: convert::zone(&row.time_zone)?,
        title: row.title,
        location: row.location,
        event_type_id: row.event_type_id.into(),
        items,
        booker: Booker {
            user_id: row.booker_user_id.map(Into::into),
            name: row.booker_name,
            email: row.booker_email,
            phone: row.booker_phone,
            notes: row.booker_notes,
        },
        reference: row.reference,
        metadata: row.metadata,
        revision: convert::number(row.revision)?,
        cancellation_reason: row.cancellation_reason,
        expires_at: row.expires_at.map(convert::instant).transpose()?,
        series_id: row.series_id.map(Into::into),
        created_at: convert::instant(row.created_at)?,
        updated_at: convert::instant(row.updated_at)?,
    })
}

fn booking_model(booking: &Booking) -> Result<booking::Model, StoreError> {
    let Booking {
        id,
        organization_id,
        status,
        start,
        end,
        occupied,
        time_zone,
        title,
        location,
        event_type_id,
        // Rows of their own.
        items: _,
        booker: Booker { user_id, name, email, phone, notes },
        reference,
        metadata,
        revision,
        cancellation_reason,
        expires_at,
        series_id,
        created_at,
        updated_at,
    } = booking;
    Ok(booking::Model {
        id: id.to_string(),
        organization_id: organization_id.to_string(),
        status: stored_status(*status),
        start_at: start.timestamp_millis(),
        end_at: end.timestamp_millis(),
        occupied_from: occupied.start.0,
        occupied_to: occupied.end.0,
        time_zone: time_zone.name().to_owned(),
        title: title.clone(),
        location: location.clone(),
        event_type_id: event_type_id.to_string(),
        booker_user_id: user_id.as_ref().map(ToString::to_string),
        booker_name: name.clone(),
        booker_email: email.clone(),
        booker_phone: phone.clone(),
        booker_notes: notes.clone(),
        reference: reference.clone(),
        metadata: metadata.clone(),
        revision: convert::number(*revision)?,
        cancellation_reason: cancellation_reason.clone(),
        expires_at: expires_at.map(|at| at.timestamp_millis()),
        lapses_at: booking.lapses_at().map(|at| at.timestamp_millis()),
        series_id: series_id.as_ref().map(ToString::to_string),
        created_at: created_at.timestamp_millis(),
        updated_at: updated_at.timestamp_millis(),
    })
}

fn transition(row: booking_transition::Model) -> Result<BookingTransition, StoreError> {
    Ok(BookingTransition {
        event: event_type(row.event),
        from: row.from_status.map(status),
        to: status(row.to_status),
        at: convert::instant(row.at)?,
        by: convert::actor(row.actor_kind, row.actor_user_id)?,
        reason: row.reason,
        previous: match (row.previous_start_at, row.previous_end_at) {
            (Some(start), Some(end)) => Some((convert::instant(start)?, convert::instant(end)?)),
            _ => None,
        },
    })
}

fn transition_model(
    booking: &Booking,
    transition: &BookingTransition,
) -> Result<booking_transition::Model, StoreError> {
    let BookingTransition { event, from, to, at, by, reason, previous } = transition;
    let (actor_kind, actor_user_id) = convert::stored_actor(by);
    Ok(booking_transition::Model {
        booking_id: booking.id.to_string(),
        sequence: convert::number(booking.revision)?,
        event: stored_event(*event),
        from_status: from.map(stored_status),
        to_status: stored_status(*to),
        at: at.timestamp_millis(),
        actor_kind,
        actor_user_id,
        reason: reason.clone(),
        previous_start_at: previous.map(|(start, _)| start.timestamp_millis()),
        previous_end_at: previous.map(|(_, end)| end.timestamp_millis()),
    })
}

pub(super) fn status(stored: StoredStatus) -> BookingStatus {
    match stored {
        StoredStatus::Provisional => BookingStatus::Provisional,
        StoredStatus::Pending => BookingStatus::Pending,
        StoredStatus::Confirmed => BookingStatus::Confirmed,
        StoredStatus::Declined => BookingStatus::Declined,
        StoredStatus::Cancelled => BookingStatus::Cancelled,
        StoredStatus::Completed => BookingStatus::Completed,
        StoredStatus::NoShow => BookingStatus::NoShow,
        StoredStatus::Expired => BookingStatus::Expired,
    }
}

pub(super) fn stored_status(status: BookingStatus) -> StoredStatus {
    match status {
        BookingStatus::Provisional => StoredStatus::Provisional,
        BookingStatus::Pending => StoredStatus::Pending,
        BookingStatus::Confirmed => StoredStatus::Confirmed,
        BookingStatus::Declined => StoredStatus::Declined,
        BookingStatus::Cancelled => StoredStatus::Cancelled,
        BookingStatus::Completed => StoredStatus::Completed,
        BookingStatus::NoShow => StoredStatus::NoShow,
        BookingStatus::Expired => StoredStatus::Expired,
    }
}

fn event_type(stored: StoredEvent) -> BookingEventType {
    match stored {
        StoredEvent::Created => BookingEventType::Created,
        StoredEvent::Updated => BookingEventType::Updated,
        StoredEvent::Confirmed => BookingEventType::Confirmed,
        StoredEvent::Declined => BookingEventType::Declined,
        StoredEvent::Rescheduled => BookingEventType::Rescheduled,
        StoredEvent::Cancelled => BookingEventType::Cancelled,
        StoredEvent::Completed => BookingEventType::Completed,
        StoredEvent::NoShow => BookingEventType::NoShow,
        StoredEvent::Expired => BookingEventType::Expired,
    }
}

fn stored_event(event: BookingEventType) -> StoredEvent {
    match event {
        BookingEventType::Created => StoredEvent::Created,
        BookingEventType::Updated => StoredEvent::Updated,
        BookingEventType::Confirmed => StoredEvent::Confirmed,
        BookingEventType::Declined => StoredEvent::Declined,
        BookingEventType::Rescheduled => StoredEvent::Rescheduled,
        BookingEventType::Cancelled => StoredEvent::Cancelled,
        BookingEventType::Completed => StoredEvent::Completed,
        BookingEventType::NoShow => StoredEvent::NoShow,
        BookingEventType::Expired => StoredEvent::Expired,
    }
}
