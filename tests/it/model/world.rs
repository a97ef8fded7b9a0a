//! The server, as the model's people use it.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use slotwise::clock::Clock as _;

use super::naive::{Naive, What};
use super::steps::{Question, Step, Who};
use crate::support::{Actor, EventTypeSpec, ResourceSpec, TestServer, within_patience};

/// How many units there are at first: of two exclusive resources and a pool.
pub const CAPACITIES: [u32; 3] = [1, 1, 3];

/// What is offered on all of them.
pub struct Offered {
    name: &'static str,
    pub durations: &'static [u32],
    pub buffers: (u32, u32),
    pub requires_confirmation: bool,
}

/// One plain, one with buffers that are no quarter hours, one that has to be confirmed.
pub const EVENT_TYPES: [Offered; 3] = [
    Offered { name: "plain", durations: &[60, 15, 180], buffers: (0, 0), requires_confirmation: false },
    Offered { name: "wide", durations: &[50, 30], buffers: (10, 20), requires_confirmation: false },
    Offered { name: "asked", durations: &[60], buffers: (0, 15), requires_confirmation: true },
];

/// What happens on the resources of one sequence.
pub struct World<'a> {
    server: &'a TestServer,
    seed: usize,
    /// From where minutes are counted.
    midnight: DateTime<Utc>,
    ada: Actor,
    bob: Actor,
    staff: Actor,
    root: Actor,
}

impl<'a> World<'a> {
    pub async fn new(server: &'a TestServer, seed: usize) -> Self {
        let name = |resource: usize| format!("r{resource}-{seed}");
        let resources = (0..3).map(|resource| ResourceSpec {
            quantity: CAPACITIES[resource],
            zone: chrono_tz::UTC,
            ..ResourceSpec::named(&name(resource))
        });
        server.resources(resources).await;
        let names = [0, 1, 2].map(name);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let event_types = EVENT_TYPES.iter().map(|offered| EventTypeSpec {
            buffers: offered.buffers,
            requires_confirmation: offered.requires_confirmation,
            ..EventTypeSpec::named(&format!("{}-{seed}", offered.name), offered.durations, &names)
        });
        server.event_types(event_types).await;
        let midnight = server.clock.now().date_naive().and_hms_opt(0, 0, 0).unwrap().and_utc();
        Self {
            server,
            seed,
            midnight,
            ada: server.customer("ada"),
            bob: server.customer("bob"),
            staff: server.staff(),
            root: server.runner(),
        }
    }

    pub fn minutes_now(&self) -> i64 {
        (self.server.clock.now() - self.midnight).num_minutes()
    }

    /// Does `step`: the id of what it made, or nothing, or the code of the refusal.
    pub async fn ask(&mut self, step: &Step, model: &Naive) -> Result<String, String> {
        match step {
            Step::Book { by, event_type, items, start, minutes, ignoring } => {
                let input = json!({
                    "eventTypeId": self.event_type(*event_type), "resourceId": self.resource(items[0].0),
                    "quantity": items[0].1, "addOns": self.add_ons(&items[1..]), "start": self.instant(*start),
                    "durationMinutes": minutes, "ignoreSchedule": ignoring,
                });
                made(&self.actor(*by).book(input).await, "booking")
            }
            Step::Cancel { by, which } => {
                let id = &model.bookings().nth(*which).unwrap().id;
                made(&self.actor(*by).cancel(json!({ "id": id })).await, "booking")
            }
            Step::Block { resource, units, start, end } => {
                let input = json!({
                    "resourceId": self.resource(*resource), "quantity": units,
                    "start": self.instant(*start), "end": self.instant(*end),
                });
                made(&self.staff.run("createBlock", input).await, "block")
            }
            Step::Unblock { which } => {
                let id = &model.blocks().nth(*which).unwrap().id;
                let payload = self.staff.run("deleteBlock", json!({ "id": id })).await;
                payload["deletedId"].as_str().map(ToOwned::to_owned).ok_or_else(|| code(&payload))
            }
            Step::Resize { resource, units } => {
                let input = json!({ "id": self.resource(*resource), "quantity": units });
                made(&self.root.run("updateResource", input).await, "resource")
            }
            Step::Wait { minutes } => {
                self.server.clock.advance(TimeDelta::minutes(*minutes).to_std().unwrap());
                Ok(String::new())
            }
        }
    }

    /// Waits until all that has lapsed is written down as expired: what is occupied is free only then.
    pub async fn wait_for_the_worker(&self, model: &Naive) {
        const LAST: &str = "query ($id: ID!) { booking(id: $id) { history { to } } }";
        for expired in model.bookings().filter(|booking| booking.has_lapsed()) {
            let waiting = async {
                loop {
                    let seen = self.staff.ask(LAST, json!({ "id": expired.id })).await;
                    let history = seen["booking"]["history"].as_array().unwrap();
                    if history.last().unwrap()["to"] == "EXPIRED" {
                        break;
                    }
                }
            };
            within_patience("the worker", waiting).await;
        }
    }

    /// What is offered: each start, and how many units are left there.
    pub async fn slots(&self, question: &Question) -> Vec<(i64, u32)> {
        const SLOTS: &str = "query ($resource: ID!, $date: Date!, $eventType: ID!, $minutes: Int!, $quantity: Int!,
                $addOns: [BookingItemInput!]!) {
            daySlots(resourceId: $resource, date: $date, eventTypeId: $eventType, durationMinutes: $minutes,
                quantity: $quantity, addOns: $addOns) { slots { start remaining } } }";
        let date = (self.midnight + TimeDelta::days(question.day)).date_naive();
        let (primary, add_ons) = question.items.split_first().unwrap();
        let variables = json!({
            "resource": self.resource(primary.0), "date": date, "eventType": self.event_type(question.event_type),
            "minutes": question.minutes, "quantity": primary.1, "addOns": self.add_ons(add_ons),
        });
        let answer = self.ada.send(SLOTS, variables).await;
        let slots = answer.data()["daySlots"]["slots"].as_array().unwrap().clone();
        let slot = |slot: &Value| {
            let start: DateTime<Utc> = slot["start"].as_str().unwrap().parse().unwrap();
            let remaining = u32::try_from(slot["remaining"].as_u64().unwrap()).unwrap();
            ((start - self.midnight).num_minutes(), remaining)
        };
        slots.iter().map(slot).collect()
    }

    /// Fails unless everything stands where the model says.
    pub async fn assert_agrees(&self, model: &Naive) {
        const STATUS: &str = "query ($id: ID!) { booking(id: $id) { status } }";
        for booking in model.bookings() {
            let What::Booking { status, .. } = booking.what else { continue };
            let seen = self.staff.ask(STATUS, json!({ "id": booking.id })).await;
            assert_eq!(seen["booking"]["status"], status, "{} of seed {}", booking.id, self.seed);
        }
        let standing = model.blocks().filter(|block| matches!(block.what, What::Block { stands: true }));
        let mut standing: Vec<&str> = standing.map(|block| block.id.as_str()).collect();
        let mut listed = Vec::new();
        for resource in 0..3 {
            let list = "query ($id: ID!) { blocks(resourceId: $id, first: 200) { nodes { id } } }";
            let page = self.staff.ask(list, json!({ "id": self.resource(resource) })).await;
            let nodes = page["blocks"]["nodes"].as_array().unwrap();
            listed.extend(nodes.iter().map(|node| node["id"].as_str().unwrap().to_owned()));
        }
        standing.sort_unstable();
        listed.sort_unstable();
        assert_eq!(listed, standing, "the blocks of seed {}", self.seed);
    }

    fn actor(&self, who: Who) -> &Actor {
        match who {
            Who::Ada => &self.ada,
            Who::Bob => &self.bob,
            Who::Staff => &self.staff,
        }
    }

    fn resource(&self, resource: usize) -> String {
        format!("res_r{resource}-{}", self.seed)
    }

    fn event_type(&self, event_type: usize) -> String {
        format!("evt_{}-{}", EVENT_TYPES[event_type].name, self.seed)
    }

    fn add_ons(&self, items: &[(usize, u32)]) -> Vec<Value> {
        let add_on =
            |(resource, units): &(usize, u32)| json!({ "resourceId": self.resource(*resource), "quantity": units });
        items.iter().map(add_on).collect()
    }

    fn instant(&self, minutes: i64) -> String {
        (self.midnight + TimeDelta::minutes(minutes)).to_rfc3339_opts(SecondsFormat::Secs, true)
    }
}

/// The id of what a payload has as `noun`, or the code of the refusal.
fn made(payload: &Value, noun: &str) -> Result<String, String> {
    payload[noun]["id"].as_str().map(ToOwned::to_owned).ok_or_else(|| code(payload))
}

fn code(payload: &Value) -> String {
    payload["userErrors"][0]["code"]
        .as_str()
        .unwrap_or_else(|| panic!("neither made nor refused: {payload}"))
        .to_owned()
}
