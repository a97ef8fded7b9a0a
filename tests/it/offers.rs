//! What is offered is what can be had: every start that is listed can be held and booked at once, and every other is
//! refused with the reason that the list gives.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::support::{EventTypeSpec, ResourceSpec, ServerOptions, TestServer};

/// A studio and a pool in Berlin whose clocks go back in the night to 2027-10-31, and what is offered there: with
/// buffers, a notice of 100 minutes and a horizon of two days.
async fn studio() -> TestServer {
    let now = "2027-10-30T04:05:00Z".parse().unwrap();
    let server = TestServer::start_with(ServerOptions { now, ..ServerOptions::default() }).await;
    let windows = [("00:00", "03:30"), ("05:00", "12:00"), ("15:00", "24:00")];
    server
        .resources([
            ResourceSpec::named("a").open(&windows),
            ResourceSpec { quantity: 3, ..ResourceSpec::named("p").open(&windows) },
            ResourceSpec::named("engineer").open(&[("00:00", "18:00")]),
        ])
        .await;
    server
        .event_types([EventTypeSpec {
            interval: Some(45),
            buffers: (15, 30),
            notice: 100,
            max_days_ahead: Some(2),
            ..EventTypeSpec::named("session", &[50, 120], &["a", "p"])
        }])
        .await;
    server
}

/// What is asked for, as arguments of `daySlots` and as input of `createBooking` and `heartbeat`.
struct Wish {
    resource: &'static str,
    minutes: u32,
    quantity: u32,
    add_ons: Value,
}

impl Wish {
    fn input(&self) -> Value {
        json!({
            "resourceId": self.resource, "eventTypeId": "evt_session", "quantity": self.quantity,
            "addOns": self.add_ons, "sessionSecret": "ada, a secret of a session",
        })
    }

    fn booking(&self, start: DateTime<Utc>) -> Value {
        let mut input = self.input();
        input["start"] = json!(start);
        input["durationMinutes"] = json!(self.minutes);
        input
    }

    fn hold(&self, start: DateTime<Utc>) -> Value {
        let mut input = self.input();
        input["slots"] = json!([{ "start": start, "durationMinutes": self.minutes }]);
        input
    }
}

/// Each start that is listed on a day, with why it cannot be had, if it cannot.
async fn listed(server: &TestServer, wish: &Wish, date: &str) -> BTreeMap<DateTime<Utc>, Option<String>> {
    const SLOTS: &str =
        "query ($resource: ID!, $date: Date!, $minutes: Int, $quantity: Int!, $addOns: [BookingItemInput!]!) {
        daySlots(resourceId: $resource, date: $date, eventTypeId: \"evt_session\", durationMinutes: $minutes,
            quantity: $quantity, addOns: $addOns, includeUnavailable: true) { slots { start unavailable } } }";
    let variables = json!({
        "resource": wish.resource, "date": date, "minutes": wish.minutes, "quantity": wish.quantity,
        "addOns": wish.add_ons,
    });
    let answer = server.anonymous().ask(SLOTS, variables).await;
    let slots = answer["daySlots"]["slots"].as_array().unwrap();
    let entry = |slot: &Value| {
        let start = slot["start"].as_str().unwrap().parse().unwrap();
        (start, slot["unavailable"].as_str().map(str::to_owned))
    };
    slots.iter().map(entry).collect()
}

fn code(payload: &Value) -> Option<&str> {
    payload["userErrors"][0]["code"].as_str()
}

/// Tries every start of a day that `daySlots` lists, and of the other quarter hours every third; the reasons that came
/// up.
async fn try_starts(server: &TestServer, wish: &Wish, date: &str, from: &str, to: &str) -> BTreeSet<String> {
    let (ada, staff) = (server.customer("ada"), server.staff());
    let listed = listed(server, wish, date).await;
    let (from, to): (DateTime<Utc>, DateTime<Utc>) = (from.parse().unwrap(), to.parse().unwrap());
    assert!(listed.keys().all(|start| (from..to).contains(start)), "{date}: {listed:?}");
    let quarter_hours = (0..).map(|number| from + TimeDelta::minutes(15 * number)).take_while(|start| *start < to);
    let unlisted = quarter_hours.filter(|start| !listed.contains_key(start)).step_by(3);
    let starts: BTreeSet<DateTime<Utc>> = unlisted.chain(listed.keys().copied()).collect();
    let mut reasons = BTreeSet::new();
    for start in starts {
        let expected = match listed.get(&start) {
            Some(unavailable) => unavailable.as_deref(),
            None => Some("OUTSIDE_SCHEDULE"),
        };
        // A hold that is granted is taken over by the booking; where it is refused, so is the booking.
        let held = ada.heartbeat(wish.hold(start)).await;
        assert_eq!(code(&held), expected, "holding {} for {} at {start}: {held}", wish.resource, wish.minutes);
        let booked = ada.book(wish.booking(start)).await;
        assert_eq!(code(&booked), expected, "booking {} for {} at {start}: {booked}", wish.resource, wish.minutes);
        if expected.is_none() {
            staff.cancel(json!({ "id": booked["booking"]["id"] })).await;
        }
        reasons.insert(expected.unwrap_or("offered").to_owned());
    }
    reasons
}

/// Books around the lists, so that something is in the way.
async fn occupy(server: &TestServer) {
    let staff = server.staff();
    let starts = ["2027-10-30T08:00:00Z", "2027-10-30T22:15:00Z", "2027-10-31T00:45:00Z", "2027-10-31T15:30:00Z"];
    for (resource, quantity) in [("res_a", 1), ("res_p", 2)] {
        for start in starts {
            let input = json!({
                "resourceId": resource, "eventTypeId": "evt_session", "start": start, "quantity": quantity,
                "ignoreSchedule": true,
            });
            assert_eq!(staff.book(input).await["userErrors"], json!([]));
        }
    }
}

fn reasons<const N: usize>(expected: [&str; N]) -> BTreeSet<String> {
    expected.map(str::to_owned).into()
}

#[tokio::test]
async fn today_some_starts_have_passed_and_some_come_too_soon() {
    let server = studio().await;
    occupy(&server).await;
    let wish = Wish { resource: "res_a", minutes: 50, quantity: 1, add_ons: json!([]) };
    let found = try_starts(&server, &wish, "2027-10-30", "2027-10-29T22:00:00Z", "2027-10-30T22:00:00Z").await;
    assert_eq!(found, reasons(["offered", "IN_THE_PAST", "OUTSIDE_SCHEDULE", "SLOT_TAKEN", "TOO_SOON"]));
    server.assert_sound().await;
}

#[tokio::test]
async fn on_the_day_on_which_the_clocks_go_back_every_start_of_25_hours_is_as_it_is_listed() {
    let server = studio().await;
    occupy(&server).await;
    for minutes in [50, 120] {
        let wish = Wish { resource: "res_a", minutes, quantity: 1, add_ons: json!([]) };
        let found = try_starts(&server, &wish, "2027-10-31", "2027-10-30T22:00:00Z", "2027-10-31T23:00:00Z").await;
        assert_eq!(found, reasons(["offered", "OUTSIDE_SCHEDULE", "SLOT_TAKEN"]), "{minutes} minutes");
    }
    server.assert_sound().await;
}

#[tokio::test]
async fn units_and_add_ons_are_offered_as_they_can_be_had() {
    let server = studio().await;
    occupy(&server).await;
    let engineer = json!([{ "resourceId": "res_engineer", "quantity": 1 }]);
    let cases = [
        (1, json!([]), reasons(["offered", "OUTSIDE_SCHEDULE"])),
        (2, engineer, reasons(["offered", "OUTSIDE_SCHEDULE", "SLOT_TAKEN"])),
        (4, json!([]), reasons(["NOT_ENOUGH_UNITS", "OUTSIDE_SCHEDULE"])),
    ];
    for (quantity, add_ons, expected) in cases {
        let wish = Wish { resource: "res_p", minutes: 120, quantity, add_ons };
        let found = try_starts(&server, &wish, "2027-10-31", "2027-10-30T22:00:00Z", "2027-10-31T23:00:00Z").await;
        assert_eq!(found, expected, "{quantity} units");
    }
    server.assert_sound().await;
}

#[tokio::test]
async fn beyond_the_horizon_nothing_can_be_had() {
    let server = studio().await;
    let wish = Wish { resource: "res_a", minutes: 50, quantity: 1, add_ons: json!([]) };
    let last = try_starts(&server, &wish, "2027-11-01", "2027-10-31T23:00:00Z", "2027-11-01T23:00:00Z").await;
    assert_eq!(last, reasons(["offered", "OUTSIDE_SCHEDULE"]));
    let beyond = try_starts(&server, &wish, "2027-11-02", "2027-11-01T23:00:00Z", "2027-11-02T23:00:00Z").await;
    assert_eq!(beyond, reasons(["OUTSIDE_SCHEDULE", "TOO_FAR_AHEAD"]));
}
