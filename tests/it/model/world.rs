//! The server, as the model's people use it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use slotwise::clock::Clock as _;
use slotwise::domain::access::Role;

use super::naive::{Naive, Told};
use super::steps::{Change, Question, Step, Who, Wish};
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

/// One plain, which can be had for more than a day, one with buffers that are no quarter hours, one that has to be confirmed.
pub const EVENT_TYPES: [Offered; 3] = [
    Offered {
        name: "plain",
        durations: &[60, 15, 180, 30, 45, 26 * 60],
        buffers: (0, 0),
        requires_confirmation: false,
    },
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
    /// Which bookings are known to be written down as expired.
    written: BTreeSet<String>,
}

/// What the server told, and the ids of what it made: of a series, then of bookings.
pub struct Answered {
    pub told: Told,
    pub made: Vec<String>,
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
            // Provisional bookings of other sequences are to be other people's.
            ada: server.customer(&format!("ada-{seed}")),
            bob: server.customer(&format!("bob-{seed}")),
            staff: server.signed_in(&format!("staff-{seed}"), Role::Staff, "default"),
            root: server.runner(),
            written: BTreeSet::new(),
        }
    }

    pub fn minutes_now(&self) -> i64 {
        (self.server.clock.now() - self.midnight).num_minutes()
    }

    /// Does `step`. The model may have played it already: what was there before has its place still.
    pub async fn ask(&self, step: &Step, model: &Naive) -> Answered {
        match step {
            Step::Book { wish, provisional } => {
                let mut input = self.wished(wish);
                input["provisionalMinutes"] = json!(provisional);
                let payload = self.mutate(wish.by, "createBooking", "booking { id status }", input).await;
                let id = payload["booking"]["id"].as_str().map(ToOwned::to_owned);
                Answered { told: told(&payload, &payload["booking"]["status"]), made: id.into_iter().collect() }
            }
            Step::Repeat { wish, series } => {
                const SERIES: &str = "series { id } occurrences { start booking { id status } userErrors { code } }";
                let input = json!({
                    "booking": self.wished(wish), "dryRun": series.dry,
                    "rrule": format!("FREQ=DAILY;INTERVAL={};COUNT={}", series.every, series.count),
                    "onConflict": if series.skipping { "SKIP_CONFLICTS" } else { "ALL_OR_NOTHING" },
                });
                repeated(&self.mutate(wish.by, "createBookingSeries", SERIES, input).await)
            }
            Step::Change { by, which, change } => {
                let mutation = match change {
                    Change::Confirm => "confirmBooking",
                    Change::Decline => "declineBooking",
                    Change::Cancel => "cancelBooking",
                    Change::Complete => "completeBooking",
                    Change::MarkNoShow => "markBookingNoShow",
                };
                let input = json!({ "id": model.bookings[*which].id });
                let payload = self.mutate(*by, mutation, "booking { status }", input).await;
                told(&payload, &payload["booking"]["status"]).into()
            }
            Step::Move { by, which, to } => {
                let input = json!({
                    "id": model.bookings[*which].id, "start": self.instant(to.start), "durationMinutes": to.minutes,
                    "resourceId": to.resource.map(|resource| self.resource(resource)), "ignoreSchedule": to.ignoring,
                });
                let payload = self.mutate(*by, "rescheduleBooking", "booking { status }", input).await;
                told(&payload, &payload["booking"]["status"]).into()
            }
            Step::CancelSeries { by, which, from } => {
                let input = json!({ "id": model.series[*which].1, "from": from.map(|from| self.instant(from)) });
                let payload = self.mutate(*by, "cancelBookingSeries", "cancelled { id }", input).await;
                let cancelled = payload["cancelled"].as_array().unwrap().iter();
                let details = cancelled.map(|booking| booking["id"].as_str().unwrap().to_owned()).collect();
                Told { refusal: code(&payload), details }.into()
            }
            Step::Block { resource, units, start, end } => {
                let input = json!({
                    "resourceId": self.resource(*resource), "quantity": units,
                    "start": self.instant(*start), "end": self.instant(*end),
                });
                let payload = self.mutate(Who::Staff, "createBlock", "block { id }", input).await;
                let id = payload["block"]["id"].as_str().map(ToOwned::to_owned);
                Answered { told: told(&payload, &json!("")), made: id.into_iter().collect() }
            }
            Step::Unblock { which } => {
                let input = json!({ "id": model.blocks[*which].id });
                let payload = self.mutate(Who::Staff, "deleteBlock", "deletedId", input).await;
                told(&payload, &json!("")).into()
            }
            Step::Resize { resource, units } => {
                let input = json!({ "id": self.resource(*resource), "quantity": units });
                told(&self.root.run("updateResource", input).await, &json!("")).into()
            }
            Step::Wait { minutes } => {
                self.server.clock.advance(TimeDelta::minutes(*minutes).to_std().unwrap());
                Told::default().into()
            }
        }
    }

    /// The input of `createBooking`.
    fn wished(&self, wish: &Wish) -> Value {
        json!({
            "eventTypeId": self.event_type(wish.event_type), "resourceId": self.resource(wish.items[0].0),
            "quantity": wish.items[0].1, "addOns": self.add_ons(&wish.items[1..]), "start": self.instant(wish.start),
            "durationMinutes": wish.minutes, "ignoreSchedule": wish.ignoring,
        })
    }

    /// The payload of a mutation. What is forbidden comes as a refusal.
    async fn mutate(&self, by: Who, mutation: &str, selection: &str, input: Value) -> Value {
        let kind = format!("{}{}Input", mutation[..1].to_uppercase(), &mutation[1..]);
        let document = format!(
            "mutation ($input: {kind}!) {{ {mutation}(input: $input) {{ {selection} userErrors {{ code }} }} }}"
        );
        let answer = self.actor(by).send(&document, json!({ "input": input })).await;
        if answer.body["errors"].is_array() && answer.code() == "FORBIDDEN" {
            return json!({ "userErrors": [{ "code": answer.code() }] });
        }
        answer.data()[mutation].clone()
    }

    /// Waits until all that has lapsed is written down as expired: what is occupied is free only then.
    pub async fn wait_for_the_worker(&mut self, model: &Naive) {
        const LAST: &str = "query ($id: ID!) { booking(id: $id) { history { to } } }";
        for expired in model.bookings.iter().filter(|booking| booking.status == "EXPIRED") {
            if !self.written.insert(expired.id.clone()) {
                continue;
            }
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

    /// What is told of each start of a day: how many units are left there, and why it cannot be had.
    pub async fn slots(&self, question: &Question, model: &Naive) -> Vec<(i64, u32, Option<String>)> {
        const SLOTS: &str = "query ($resource: ID!, $date: Date!, $eventType: ID!, $minutes: Int!, $quantity: Int!,
                $addOns: [BookingItemInput!]!, $reschedule: RescheduleContext) {
            daySlots(resourceId: $resource, date: $date, eventTypeId: $eventType, durationMinutes: $minutes,
                quantity: $quantity, addOns: $addOns, reschedule: $reschedule, includeUnavailable: true) {
                slots { start remaining unavailable } } }";
        let date = (self.midnight + TimeDelta::days(question.day)).date_naive();
        let (primary, add_ons) = question.items.split_first().unwrap();
        let variables = json!({
            "resource": self.resource(primary.0), "date": date, "eventType": self.event_type(question.event_type),
            "minutes": question.minutes, "quantity": primary.1, "addOns": self.add_ons(add_ons),
            "reschedule": question.moving.map(|(_, which)| json!({ "bookingId": model.bookings[which].id })),
        });
        let asker = question.moving.map_or(Who::Ada, |(by, _)| by);
        let answer = self.actor(asker).send(SLOTS, variables).await;
        let slots = answer.data()["daySlots"]["slots"].as_array().unwrap().clone();
        let slot = |slot: &Value| {
            let start: DateTime<Utc> = slot["start"].as_str().unwrap().parse().unwrap();
            let remaining = u32::try_from(slot["remaining"].as_u64().unwrap()).unwrap();
            let unavailable = slot["unavailable"].as_str().map(ToOwned::to_owned);
            ((start - self.midnight).num_minutes(), remaining, unavailable)
        };
        slots.iter().map(slot).collect()
    }

    /// Fails unless everything stands where the model says, whether or not the worker has written it down.
    pub async fn assert_agrees(&self, model: &Naive) {
        const LIST: &str = "query ($id: ID!) {
            bookings(filter: { resourceId: $id }, first: 200) {
                nodes { id status start durationMinutes resource { id } }
                pageInfo { hasNextPage } }
            blocks(resourceId: $id, first: 200) { nodes { id } } }";
        let (mut listed, mut standing) = (BTreeMap::new(), Vec::new());
        for resource in 0..3 {
            let page = self.staff.ask(LIST, json!({ "id": self.resource(resource) })).await;
            assert_eq!(page["bookings"]["pageInfo"]["hasNextPage"], false);
            for node in page["bookings"]["nodes"].as_array().unwrap() {
                listed.insert(node["id"].as_str().unwrap().to_owned(), node.clone());
            }
            let blocks = page["blocks"]["nodes"].as_array().unwrap();
            standing.extend(blocks.iter().map(|node| node["id"].as_str().unwrap().to_owned()));
        }
        let expected = model.bookings.iter().map(|booking| {
            let node = json!({
                "id": booking.id, "status": booking.status, "start": self.instant(booking.start),
                "durationMinutes": booking.minutes, "resource": { "id": self.resource(booking.items[0].0) },
            });
            (booking.id.clone(), node)
        });
        assert_eq!(listed, expected.collect(), "the bookings of seed {}", self.seed);
        let blocks = model.blocks.iter().filter(|block| block.stands);
        let mut expected: Vec<_> = blocks.map(|block| block.id.clone()).collect();
        standing.sort_unstable();
        expected.sort_unstable();
        assert_eq!(standing, expected, "the blocks of seed {}", self.seed);
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

impl From<Told> for Answered {
    fn from(told: Told) -> Self {
        Self { told, made: Vec::new() }
    }
}

/// What a payload tells, with `detail` if nothing was refused.
fn told(payload: &Value, detail: &Value) -> Told {
    let refused = code(payload);
    refused.map_or_else(|| Told::done(detail.as_str().unwrap()), |code| Told::refused(&code))
}

/// What the payload of a series tells: of each occurrence the status of its booking, or the code of its refusal.
fn repeated(payload: &Value) -> Answered {
    let Some(occurrences) = payload["occurrences"].as_array() else {
        return Told { refusal: code(payload), details: Vec::new() }.into();
    };
    let detail = |occurrence: &Value| {
        let status = occurrence["booking"]["status"].as_str().map(ToOwned::to_owned);
        status.or_else(|| code(occurrence)).unwrap_or_default()
    };
    let details = occurrences.iter().map(detail).collect();
    let bookings = occurrences.iter().map(|occurrence| &occurrence["booking"]["id"]);
    let ids = std::iter::once(&payload["series"]["id"]).chain(bookings);
    let made = ids.filter_map(|id| id.as_str().map(ToOwned::to_owned)).collect();
    Answered { told: Told { refusal: code(payload), details }, made }
}

/// The code of the first refusal.
fn code(payload: &Value) -> Option<String> {
    payload["userErrors"][0]["code"].as_str().map(ToOwned::to_owned)
}
