//! The store on real databases: every test runs on SQLite, and on PostgreSQL too when `TEST_DATABASE_URL` names one.

mod bookings;
mod capacity;
mod catalogue;
mod connections;
mod constraints;
mod exchange;
mod occupancy;
mod people;
mod telling;

use std::sync::Arc;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use chrono_tz::Tz;

use super::{ItemNeed, Store, StoreError, Taking};
use crate::domain::booking::{Actor, Booker, Booking, BookingEventType, BookingItem, BookingStatus, BookingTransition};
use crate::domain::catalogue::{EventType, Resource};
use crate::domain::id::{BookingId, OrganizationId, ResourceId, ScheduleId};
use crate::domain::quantum::{Quantum, QuantumSpan};
use crate::domain::schedule::{DateOverride, DayHours, Schedule, WallTime, Window};

/// Midnight of the first day of the tests, UTC.
fn midnight() -> DateTime<Utc> {
    "2026-12-01T00:00:00Z".parse().unwrap()
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// The hours from `from` to `to` after [`midnight`].
pub(super) fn hours(from: i64, to: i64) -> QuantumSpan {
    QuantumSpan::covering(midnight() + Duration::hours(from), midnight() + Duration::hours(to))
}

pub(super) fn organization() -> OrganizationId {
    OrganizationId::fallback()
}

fn resource(id: &str, quantity: u32) -> Resource {
    Resource {
        id: id.into(),
        organization_id: organization(),
        slug: id.into(),
        name: format!("Name of {id}"),
        description: Some("Room with a view".into()),
        kind: "room".into(),
        time_zone: Tz::Europe__Berlin,
        quantity,
        standalone: true,
        active: true,
        schedule_id: None,
        metadata: Some(serde_json::json!({ "floor": 2 })),
        created_at: midnight(),
        updated_at: midnight(),
    }
}

fn event_type(id: &str) -> EventType {
    EventType {
        id: id.into(),
        organization_id: organization(),
        slug: id.into(),
        title: format!("Title of {id}"),
        description: None,
        duration_options: vec![60, 120, 300],
        interval_minutes: Some(30),
        buffer_before_minutes: 0,
        buffer_after_minutes: 15,
        min_notice_minutes: 60,
        max_days_ahead: Some(90),
        requires_confirmation: false,
        lock_time_zone: true,
        locations: vec!["Here".into(), "There".into()],
        active: true,
        schedule_id: None,
        created_at: midnight(),
        updated_at: midnight(),
    }
}

fn day_hours(windows: &[(u8, u8)]) -> DayHours {
    let time = |hour: u8| WallTime::from_quarters(hour * 4).unwrap();
    DayHours::new(windows.iter().map(|(from, to)| Window::new(time(*from), time(*to)).unwrap()).collect()).unwrap()
}

/// Open from 9 to 12 and from 13 to 22 but on Sundays, closed on Christmas Day, short on the day before.
fn schedule(id: &str) -> Schedule {
    let mut weekly: [DayHours; 7] = std::array::from_fn(|_| day_hours(&[(9, 12), (13, 22)]));
    weekly[6] = DayHours::default();
    let overrides = [
        (date("2026-12-24"), DateOverride { hours: day_hours(&[(9, 11), (12, 14)]), reason: Some("Eve".into()) }),
        (date("2026-12-25"), DateOverride::default()),
    ];
    Schedule {
        id: ScheduleId::from(id),
        organization_id: organization(),
        name: "Hours".into(),
        time_zone: Tz::Europe__Berlin,
        weekly,
        overrides: overrides.into_iter().collect(),
        created_at: midnight(),
        updated_at: midnight(),
    }
}

/// Adds two studios with a schedule, a pool of three microphones without, and an event type on the first studio.
pub(super) async fn add_catalogue(store: &Store) {
    store
        .write(|tx| async move {
            tx.ensure_organization(&organization(), midnight()).await?;
            tx.insert_schedule(&schedule("hours")).await?;
            for id in ["studio-a", "studio-b"] {
                tx.insert_resource(&Resource { schedule_id: Some("hours".into()), ..resource(id, 1) }).await?;
            }
            tx.insert_resource(&resource("microphones", 3)).await?;
            tx.insert_event_type(&event_type("session")).await?;
            tx.link(&organization(), &"session".into(), &"studio-a".into()).await
        })
        .await
        .unwrap();
}

pub(super) fn need(id: &str, quantity: u32) -> ItemNeed {
    let pool = id == "microphones";
    ItemNeed { resource_id: ResourceId::from(id), capacity: if pool { 3 } else { 1 }, quantity, counted: pool }
}

/// Why a test's transaction was rolled back.
#[derive(Debug)]
pub(super) enum Refused {
    Conflicts(Vec<crate::domain::refusal::Conflict>),
    Fault(StoreError),
}

impl From<StoreError> for Refused {
    fn from(fault: StoreError) -> Self {
        Self::Fault(fault)
    }
}

/// Takes `items` for `span` in a transaction of its own, as booking does.
pub(super) async fn occupy(store: &Store, items: Vec<ItemNeed>, span: QuantumSpan) -> Result<(), Refused> {
    let items = &items;
    store
        .write(|tx| async move {
            let wanted = items.iter().map(|item| (item.resource_id.clone(), item.quantity));
            let wanted: Vec<_> = wanted.map(|(resource_id, quantity)| BookingItem { resource_id, quantity }).collect();
            let locked = tx.lock_capacity(&wanted).await?;
            assert_eq!(locked, *items);
            match tx.occupy(items, span).await? {
                Taking::Taken => Ok(()),
                Taking::Refused(conflicts) => Err(Refused::Conflicts(conflicts)),
            }
        })
        .await
}

async fn release(store: &Store, items: Vec<ItemNeed>, span: QuantumSpan) -> Result<(), StoreError> {
    let items = &items;
    store.write(|tx| async move { tx.release(items, span).await }).await
}

/// A booking of `studio-a`, which takes no time by itself, and the line of its history.
fn booking(id: &str, span: QuantumSpan) -> (Booking, BookingTransition) {
    let booking = Booking {
        id: BookingId::from(id),
        organization_id: organization(),
        status: BookingStatus::Confirmed,
        start: span.start_at(),
        end: span.end_at(),
        occupied: QuantumSpan::new(span.start, Quantum(span.end.0 + 1)),
        time_zone: Tz::America__New_York,
        title: "Title of session".into(),
        location: Some("Here".into()),
        event_type_id: "session".into(),
        items: vec![
            BookingItem { resource_id: "studio-a".into(), quantity: 1 },
            BookingItem { resource_id: "microphones".into(), quantity: 2 },
        ],
        booker: Booker { user_id: Some("ada".into()), name: Some("Ada".into()), ..Booker::default() },
        reference: None,
        metadata: Some(serde_json::json!(["x", 1])),
        revision: 1,
        cancellation_reason: None,
        expires_at: None,
        series_id: None,
        created_at: midnight(),
        updated_at: midnight(),
    };
    let made = BookingTransition {
        event: BookingEventType::Created,
        from: None,
        to: BookingStatus::Confirmed,
        at: midnight(),
        by: Actor::User("ada".into()),
        reason: None,
        previous: None,
    };
    (booking, made)
}

/// Runs `task` so often at once, and collects what comes of it.
async fn race<T, R>(times: i64, task: impl Fn(i64) -> R) -> Vec<T>
where
    T: Send + 'static,
    R: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(tokio::sync::Barrier::new(usize::try_from(times).unwrap()));
    let tasks: Vec<_> = (0..times)
        .map(|number| {
            let (start, task) = (Arc::clone(&start), task(number));
            tokio::spawn(async move {
                start.wait().await;
                task.await
            })
        })
        .collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}
