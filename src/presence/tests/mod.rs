//! The registry as its callers see it: a clock that stands still, sessions, and what they hold.

mod binding;
mod claims;
mod expiry;
mod limits;
mod model;
mod names;
mod races;
mod watching;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, TimeZone as _, Utc};
use secrecy::SecretSlice;
use serde_json::Value;

use super::*;
use crate::clock::TestClock;
use crate::domain::id::EventTypeId;
use crate::domain::refusal::Conflict;

/// What a heartbeat of a test says, beside who says it.
#[derive(Clone, Debug)]
struct Heartbeat {
    item: HoldItem,
    add_ons: Vec<HoldItem>,
    slots: Vec<HoldSlot>,
    event_type_id: Option<EventTypeId>,
    data: Option<Arc<Value>>,
    address: IpAddr,
}

struct World {
    clock: Arc<TestClock>,
    feed: ChangeFeed,
    presence: Arc<Presence>,
}

impl World {
    fn new() -> Self {
        Self::with(HoldSettings::default())
    }

    fn with(settings: HoldSettings) -> Self {
        let clock = Arc::new(TestClock::new(at(8, 0)));
        let feed = ChangeFeed::new();
        let presence = Presence::new(settings, &key(), clock.clone(), feed.clone());
        Self { clock, feed, presence }
    }

    /// A heartbeat as the service does it, with nothing occupied.
    fn heartbeat(&self, session: &str, heartbeat: &Heartbeat) -> Result<Granted, HoldRefusal> {
        self.heartbeat_beside(session, heartbeat, |_, _| 0)
    }

    fn heartbeat_beside(
        &self,
        session: &str,
        heartbeat: &Heartbeat,
        occupied: impl Fn(&ResourceId, Quantum) -> u32,
    ) -> Result<Granted, HoldRefusal> {
        match self.renew(session, heartbeat) {
            Some(granted) => Ok(granted),
            None => self.place(session, heartbeat)?.publish(occupied),
        }
    }

    fn renew(&self, session: &str, heartbeat: &Heartbeat) -> Option<Granted> {
        let slots: Vec<_> = heartbeat.slots.iter().map(|slot| (slot.start, slot.end)).collect();
        let units = |item: &HoldItem| (item.resource_id.clone(), item.quantity);
        let add_ons: Vec<_> = heartbeat.add_ons.iter().map(units).collect();
        self.presence.renew(Renewal {
            session: &secret(session),
            resource_id: &heartbeat.item.resource_id,
            quantity: heartbeat.item.quantity,
            add_ons: &add_ons,
            slots: &slots,
            event_type_id: heartbeat.event_type_id.as_ref(),
            data: heartbeat.data.as_deref(),
        })
    }

    fn place(&self, session: &str, heartbeat: &Heartbeat) -> Result<Placement, HoldRefusal> {
        let Heartbeat { item, add_ons, slots, event_type_id, data, address } = heartbeat.clone();
        let session = secret(session);
        self.presence.place(HoldRequest { session, address, item, add_ons, slots, event_type_id, data })
    }

    fn claim(&self, session: Option<&str>, item: &HoldItem, span: QuantumSpan) -> Result<Claim, Vec<Conflict>> {
        let session = session.map(secret);
        let items = std::slice::from_ref(item);
        self.presence.claim(ClaimRequest { items, span, session: session.as_ref(), over_holds: false })
    }

    fn claim_over_holds(&self, item: &HoldItem, span: QuantumSpan) -> Claim {
        let items = std::slice::from_ref(item);
        let request = ClaimRequest { items, span, session: None, over_holds: true };
        self.presence.claim(request).expect("it goes over holds")
    }

    fn leave(&self, session: &str, resource: &str) -> usize {
        self.presence.leave(&id(resource), None, &secret(session))
    }

    /// What is held of `resource` on the day of the tests: from, to (in hours from midnight) and whose.
    fn held(&self, resource: &str) -> Vec<(f64, f64, String)> {
        let (_, holds) = self.presence.holds(&id(resource), day());
        let hours = |instant: DateTime<Utc>| (instant - at(0, 0)).as_seconds_f64() / 3600.0;
        holds.into_iter().map(|hold| (hours(hold.start), hours(hold.end), hold.holder.to_string())).collect()
    }

    fn holder(&self, session: &str, resource: &str) -> String {
        self.presence.holder(&id(resource), &secret(session)).to_string()
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

impl Heartbeat {
    /// Of an exclusive resource, for slots from a quarter hour of the day on, each for so many quarter hours.
    fn of(resource: &str, slots: impl IntoIterator<Item = (i64, i64)>) -> Self {
        Self {
            item: exclusive(resource),
            add_ons: Vec::new(),
            slots: slots.into_iter().map(|(start, quanta)| slot(start, quanta)).collect(),
            event_type_id: None,
            data: None,
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        }
    }

    fn units(mut self, quantity: u32, capacity: u32) -> Self {
        self.item = HoldItem { capacity, quantity, ..self.item };
        self
    }

    fn with_add_on(mut self, add_on: HoldItem) -> Self {
        self.add_ons.push(add_on);
        self
    }

    fn saying(mut self, data: Value) -> Self {
        self.data = Some(Arc::new(data));
        self
    }

    fn at_address(mut self, address: &str) -> Self {
        self.address = address.parse().expect("an address");
        self
    }
}

fn key() -> SecretSlice<u8> {
    SecretSlice::from(vec![7; 32])
}

fn secret(session: &str) -> SessionSecret {
    SessionSecret::new(format!("the session secret of {session}")).expect("long enough")
}

fn id(resource: &str) -> ResourceId {
    ResourceId::from(resource)
}

fn exclusive(resource: &str) -> HoldItem {
    pool(resource, 1, 1)
}

fn pool(resource: &str, quantity: u32, capacity: u32) -> HoldItem {
    HoldItem { resource_id: id(resource), capacity, quantity }
}

fn at(hour: u32, minute: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2027, 3, 1, hour, minute, 0).single().expect("an instant")
}

/// The day of the tests.
fn day() -> QuantumSpan {
    Quantum::containing(at(0, 0)).day().span()
}

/// From a quarter hour of the day on, for so many quarter hours.
fn span(start: i64, quanta: i64) -> QuantumSpan {
    let start = day().start.plus(start);
    QuantumSpan::new(start, start.plus(quanta))
}

fn slot(start: i64, quanta: i64) -> HoldSlot {
    let occupied = span(start, quanta);
    // What is tested here is held for longer than it takes to hold it.
    let bookable_until = occupied.end_at() + TimeDelta::days(400);
    HoldSlot { start: occupied.start_at(), end: occupied.end_at(), occupied, bookable_until }
}

fn minutes(minutes: i64) -> TimeDelta {
    TimeDelta::minutes(minutes)
}

/// The conflicts of a refusal because of holds.
fn held(refusal: HoldRefusal) -> Vec<Conflict> {
    match refusal {
        HoldRefusal::Held(conflicts) => conflicts,
        other => panic!("not held, but {other:?}"),
    }
}
