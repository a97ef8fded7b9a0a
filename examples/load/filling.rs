//! A database with a long history: many resources, each with occupied time on many days.

#![expect(clippy::disallowed_methods, reason = "days are counted from today on, whatever a test's clock says")]

use axum::body::Bytes;
use chrono::{Days, NaiveDate, Utc};
use entity::occupancy;
use sea_orm::{ActiveValue::Set, Database, EntityTrait as _, TransactionTrait as _};
use serde_json::json;
use slotwise::domain::quantum::DayMap;

use super::api::{Api, Outcome};
use super::catalogue::{every_day, made, slug};

/// How many resources share the days.
const RESOURCES: usize = 1000;
/// How many resources an event type can be linked to.
const LINKED: usize = 100;
/// Larger than there are days, so that what is next to each other in time is far apart in the database.
const A_PRIME: usize = 1_000_000_007;
/// How many rows are written by one statement.
const AT_ONCE: usize = 1000;
/// The quarter hours of a UTC day in which something is booked, and how many: well within the opening hours, so that each
/// day has as many starts as any other.
const BOOKED: (usize, usize) = (44, 24);
/// How long it is booked, in quarter hours: of 49 starts from nine to ten in the evening, nine are gone.
const BOOKED_QUARTERS: usize = 6;

/// What there is.
pub struct Filled {
    /// The resources' ids.
    pub resources: Vec<String>,
    /// An hour, every quarter of an hour: one for each [`LINKED`] resources.
    event_types: Vec<String>,
    /// The first day.
    first: NaiveDate,
    /// How many days.
    days: usize,
}

impl Filled {
    /// Makes resources by `api`, and writes `rows` days of their occupancy into the database at `url`, as bookings would
    /// have left them.
    pub async fn make(api: &Api, url: &str, rows: usize) -> Outcome<Self> {
        let week = every_day("09:00", "22:00");
        let schedule = json!({ "name": "Load test", "timeZone": "Europe/Berlin", "weeklyHours": week });
        let schedule = made(api, "Schedule", "schedule", schedule).await?;
        let mut resources = Vec::new();
        for number in 0..RESOURCES {
            let resource = json!({
                "name": "Load test", "slug": slug("load", number), "timeZone": "Europe/Berlin", "scheduleId": schedule,
            });
            resources.push(made(api, "Resource", "resource", resource).await?);
        }
        let mut event_types = Vec::new();
        for (number, resources) in resources.chunks(LINKED).enumerate() {
            let event_type = json!({
                "title": "Load test", "slug": slug("load", number), "durationOptions": [60], "intervalMinutes": 15,
                "resourceIds": resources,
            });
            event_types.push(made(api, "EventType", "eventType", event_type).await?);
        }
        let days = rows.div_ceil(RESOURCES);
        let filled = Self { resources, event_types, first: Utc::now().date_naive() + Days::new(2), days };
        filled.write(url).await?;
        Ok(filled)
    }

    /// A day of a resource is read as two of UTC: there is one more than are asked for.
    async fn write(&self, url: &str) -> Outcome<()> {
        let failed = |error: sea_orm::DbErr| error.to_string();
        let database = Database::connect(url).await.map_err(failed)?;
        for resource in self.resources.chunks(10) {
            let writing = database.begin().await.map_err(failed)?;
            for resource in resource {
                let days: Vec<usize> = (0..=self.days).collect();
                for days in days.chunks(AT_ONCE) {
                    let rows = days.iter().map(|day| self.row(resource, *day));
                    occupancy::Entity::insert_many(rows).exec_without_returning(&writing).await.map_err(failed)?;
                }
            }
            writing.commit().await.map_err(failed)?;
        }
        database.close().await.map_err(failed)
    }

    fn row(&self, resource: &str, day: usize) -> occupancy::ActiveModel {
        let (first, among) = BOOKED;
        let start = i64::try_from(first + spread(day) % among).unwrap_or_default();
        let (before_noon, from_noon) =
            DayMap::range(start, start + i64::try_from(BOOKED_QUARTERS).unwrap_or_default()).halves();
        occupancy::ActiveModel {
            resource_id: Set(resource.to_owned()),
            day: Set(self.date(day).to_epoch_days()),
            before_noon: Set(before_noon),
            from_noon: Set(from_noon),
            units: Set(None),
            revision: Set(1),
        }
    }

    fn date(&self, day: usize) -> NaiveDate {
        self.first + Days::new(u64::try_from(day).unwrap_or_default())
    }

    /// The question for the starts on the day of that number: as good as random, and none twice until all have been. As
    /// text at once, for what it takes to ask is taken from the server.
    pub fn day_slots(&self, number: usize) -> Bytes {
        // Nothing in it needs an escape in JSON.
        const QUERY: &str = "query Day($resource: ID!, $date: Date!, $eventType: ID) { \
            daySlots(resourceId: $resource, date: $date, eventTypeId: $eventType) { \
            revision slots { start end remaining } } }";
        // A prime that divides no number of days visits each of them.
        let all = self.resources.len() * self.days;
        let random = number.wrapping_mul(A_PRIME) % all;
        let (resource, day) = (random % self.resources.len(), random / self.resources.len());
        let (date, event_type) = (self.date(day), &self.event_types[resource / LINKED]);
        let resource = &self.resources[resource];
        let variables = format!(r#"{{"resource":"{resource}","date":"{date}","eventType":"{event_type}"}}"#);
        format!(r#"{{"query":"{QUERY}","variables":{variables}}}"#).into()
    }
}

/// A number that is as good as random, the same each time (the generator `SplitMix64`).
fn spread(number: usize) -> usize {
    let mut bits = u64::try_from(number).unwrap_or_default().wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    usize::try_from((bits ^ (bits >> 31)) >> 1).unwrap_or_default()
}
