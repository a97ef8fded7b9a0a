//! Where to hold and book: found through the API, as any client would.

#![expect(clippy::disallowed_methods, reason = "slots are looked for from today on, whatever a test's clock says")]

use std::collections::VecDeque;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use serde_json::{Value, json};

use super::api::{Api, Outcome};

/// How many days are searched for free slots.
const DAYS: usize = 365;

/// A slot that nobody has booked.
#[derive(Clone, Debug)]
pub struct Slot {
    /// Its first instant, as the server wrote it.
    pub start: String,
    /// The local day that it is on.
    pub date: NaiveDate,
}

/// Something to hold and book, and when.
pub struct Ground {
    pub resource_id: String,
    pub resource_name: String,
    pub event_type_id: String,
    pub event_type_title: String,
    pub duration_minutes: u64,
    /// Whether `createBooking` is open to whoever asks.
    pub may_book: bool,
    is_guest: bool,
    /// What there must be between two bookings.
    gap: TimeDelta,
    /// None overlaps another, buffers included. They go from day to day, as people book.
    pub slots: Vec<Slot>,
}

impl Ground {
    /// Finds `needed` slots, and up to `wanted`.
    pub async fn find(
        api: &Api,
        resource: Option<&str>,
        event_type: Option<&str>,
        needed: usize,
        wanted: usize,
    ) -> Outcome<Self> {
        const CATALOGUE: &str = "{
            settings { guestBookings } viewer { id }
            resources(first: 200) { nodes { id name kind quantity standalone
                eventTypes { id title durationOptions bufferBeforeMinutes bufferAfterMinutes } } } }";
        let catalogue = api.send(&json!({ "query": CATALOGUE })).await?.data;
        let is_guest = catalogue["viewer"].is_null();
        let (resource, event_type) = chosen(&catalogue, resource, event_type)
            .ok_or("nothing to book was found: check --resource and --event-type, or try `slotwise demo`")?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let minutes = |name: &str| TimeDelta::minutes(event_type[name].as_i64().unwrap_or_default());
        let mut ground = Self {
            resource_id: text(&resource["id"]),
            resource_name: text(&resource["name"]),
            event_type_id: text(&event_type["id"]),
            event_type_title: text(&event_type["title"]),
            duration_minutes: duration(event_type),
            may_book: !is_guest || catalogue["settings"]["guestBookings"] == true,
            is_guest,
            gap: minutes("bufferBeforeMinutes") + minutes("bufferAfterMinutes"),
            slots: Vec::new(),
        };
        ground.slots = ground.free_slots(api, wanted).await?;
        if ground.slots.len() < needed {
            let (name, found) = (&ground.resource_name, ground.slots.len());
            return Err(format!("{name} has {found} free slots in {DAYS} days; {needed} are needed"));
        }
        Ok(ground)
    }

    /// The slots of one day, of which none overlaps another.
    pub async fn day(&self, api: &Api, date: NaiveDate) -> Outcome<Vec<Slot>> {
        Ok(self.slots_from(api, date, &mut { DateTime::<Utc>::MIN_UTC }).await?.into())
    }

    /// The same, from `free_from` on, which is moved behind the last of them.
    async fn slots_from(&self, api: &Api, date: NaiveDate, free_from: &mut DateTime<Utc>) -> Outcome<VecDeque<Slot>> {
        let answer = api.send(&self.day_slots(date)).await?;
        let mut day = VecDeque::new();
        for slot in answer.data["daySlots"]["slots"].as_array().into_iter().flatten() {
            let (start, end) = (instant(&slot["start"])?, instant(&slot["end"])?);
            if start >= *free_from {
                *free_from = end + self.gap;
                day.push_back(Slot { start: slot["start"].as_str().unwrap_or_default().to_owned(), date });
            }
        }
        Ok(day)
    }

    async fn free_slots(&self, api: &Api, wanted: usize) -> Outcome<Vec<Slot>> {
        let tomorrow = Utc::now().date_naive() + Days::new(1);
        let (mut days, mut found, mut free_from) = (Vec::new(), 0, DateTime::<Utc>::MIN_UTC);
        for date in tomorrow.iter_days().take(DAYS) {
            let day = self.slots_from(api, date, &mut free_from).await?;
            found += day.len();
            days.push(day);
            // Twice as many as wanted, so that they are spread over more days than would do.
            if found >= 2 * wanted {
                break;
            }
        }
        let mut slots = Vec::with_capacity(wanted);
        while slots.len() < wanted && days.iter().any(|day| !day.is_empty()) {
            slots.extend(days.iter_mut().filter_map(VecDeque::pop_front));
        }
        slots.truncate(wanted);
        Ok(slots)
    }

    /// The free starts of a day.
    pub fn day_slots(&self, date: NaiveDate) -> Value {
        const QUERY: &str = "query ($resource: ID!, $date: Date!, $eventType: ID) {
            daySlots(resourceId: $resource, date: $date, eventTypeId: $eventType) { slots { start end } } }";
        let variables = json!({ "resource": self.resource_id, "date": date, "eventType": self.event_type_id });
        json!({ "query": QUERY, "variables": variables })
    }

    /// Takes or renews a hold.
    pub fn heartbeat(&self, session: &str, slot: &Slot, data: Option<&Value>) -> Value {
        const MUTATION: &str = "mutation ($input: HeartbeatInput!) {
            heartbeat(input: $input) { granted userErrors { code message } } }";
        let input = json!({
            "resourceId": self.resource_id,
            "eventTypeId": self.event_type_id,
            "slots": [{ "start": slot.start, "durationMinutes": self.duration_minutes }],
            "sessionSecret": session,
            "data": data,
        });
        json!({ "query": MUTATION, "variables": { "input": input } })
    }

    /// Ends all that a session holds.
    pub fn leave(&self, session: &str) -> Value {
        const MUTATION: &str = "mutation ($input: LeaveInput!) {
            leave(input: $input) { released userErrors { code message } } }";
        let input = json!({ "resourceId": self.resource_id, "sessionSecret": session });
        json!({ "query": MUTATION, "variables": { "input": input } })
    }

    /// Books a slot.
    pub fn create_booking(&self, slot: &Slot) -> Value {
        const MUTATION: &str = "mutation ($input: CreateBookingInput!) {
            createBooking(input: $input) { booking { id } managementToken userErrors { code message } } }";
        let booker = self.is_guest.then(|| json!({ "name": "Load test", "email": "load@example.com" }));
        let input = json!({
            "resourceId": self.resource_id,
            "eventTypeId": self.event_type_id,
            "start": slot.start,
            "booker": booker,
            "reference": "load test",
        });
        json!({ "query": MUTATION, "variables": { "input": input } })
    }
}

/// Calls a booking off.
pub fn cancel_booking(id: &str, token: &str) -> Value {
    const MUTATION: &str = "mutation ($input: CancelBookingInput!) {
        cancelBooking(input: $input) { booking { status } userErrors { code message } } }";
    let input = json!({ "id": id, "managementToken": token, "reason": "load test" });
    json!({ "query": MUTATION, "variables": { "input": input } })
}

/// The resource and the event type that were named, or the exclusive resource with the shortest event type.
fn chosen<'a>(
    catalogue: &'a Value,
    resource: Option<&str>,
    event_type: Option<&str>,
) -> Option<(&'a Value, &'a Value)> {
    let resources = catalogue["resources"]["nodes"].as_array()?.iter().filter(|candidate| match resource {
        Some(id) => candidate["id"] == id,
        None => candidate["standalone"] == true && candidate["quantity"] == 1,
    });
    let offers = resources.flat_map(|resource| {
        resource["eventTypes"].as_array().into_iter().flatten().map(move |event_type| (resource, event_type))
    });
    let wanted = offers.filter(|(_, candidate)| event_type.is_none_or(|id| candidate["id"] == id));
    wanted.min_by_key(|(resource, event_type)| (duration(event_type), resource["kind"] != "room"))
}

/// An event type's own duration, in minutes.
fn duration(event_type: &Value) -> u64 {
    event_type["durationOptions"][0].as_u64().unwrap_or_default()
}

fn instant(value: &Value) -> Outcome<DateTime<Utc>> {
    value.as_str().unwrap_or_default().parse().map_err(|error| format!("{value} is no instant: {error}"))
}
