//! Everything that can happen to bookings, at once: whatever comes of it is sound, told once, and leaves nobody's time
//! taken.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::life::events;
use crate::support::studios::with;
use crate::support::{Actor, Choices, EventTypeSpec, ResourceSpec, TestServer, at_once, until};

/// Those who act at once, and what each does one after the other.
const ACTORS: usize = 16;
const DEEDS: usize = 14;
const RESOURCES: [&str; 3] = ["a", "b", "mics"];

async fn rooms() -> TestServer {
    let server = TestServer::start().await;
    let mics = ResourceSpec { quantity: 3, ..ResourceSpec::named("mics") };
    server.resources([ResourceSpec::named("a"), ResourceSpec::named("b"), mics]).await;
    let hour = |name: &str| EventTypeSpec::named(name, &[60, 120], &RESOURCES);
    server.event_types([hour("hour"), EventTypeSpec { requires_confirmation: true, ..hour("asked") }]).await;
    server
}

/// A start among few, so that many meet; late in the evening as well, so that some are on two days.
fn start(choices: &mut Choices) -> String {
    let (day, hour) = (2 + choices.below(2), [9, 10, 11, 23][choices.below(4)]);
    format!("2026-12-{day:02}T{hour:02}:00:00Z")
}

fn one_of(choices: &mut Choices, known: &Mutex<Vec<String>>) -> Option<String> {
    let known = known.lock().unwrap();
    (!known.is_empty()).then(|| known[choices.below(known.len())].clone())
}

#[derive(Clone, Default)]
struct Known {
    bookings: Arc<Mutex<Vec<String>>>,
    series: Arc<Mutex<Vec<String>>>,
    blocks: Arc<Mutex<Vec<String>>>,
}

fn wanted(choices: &mut Choices) -> Value {
    let event_type = ["evt_hour", "evt_asked"][choices.below(2)];
    let resource = RESOURCES[choices.below(3)];
    let mut input =
        json!({ "resourceId": format!("res_{resource}"), "eventTypeId": event_type, "start": start(choices) });
    if resource == "mics" {
        input["quantity"] = json!(1 + choices.below(2));
    } else if choices.below(3) == 0 {
        input["addOns"] = json!([{ "resourceId": "res_mics", "quantity": 1 }]);
    }
    input
}

/// One thing that somebody does, by chance. What goes wrong in the server fails the test; what is refused does not.
async fn act(number: usize, choices: &mut Choices, server: &Acting, known: &Known) {
    let Acting { staff, root, ada, .. } = server;
    let deed = choices.below(12);
    match deed {
        0 | 1 => {
            let mut input = wanted(choices);
            if choices.below(3) == 0 {
                input["provisionalMinutes"] = json!(1 + choices.below(2));
            }
            note(&ada.book(input).await["booking"], &known.bookings);
        }
        2 => {
            let session = format!("the secret session of {number}");
            let input = wanted(choices);
            let slots = json!([{ "start": input["start"], "durationMinutes": 60 }]);
            let hold = json!({ "resourceId": input["resourceId"], "eventTypeId": input["eventTypeId"], "slots": slots,
                "quantity": input["quantity"].as_u64().unwrap_or(1), "sessionSecret": session });
            ada.heartbeat(hold).await;
            note(&ada.book(with(input, json!({ "sessionSecret": session }))).await["booking"], &known.bookings);
        }
        3 => {
            const REPEAT: &str = "mutation ($input: CreateBookingSeriesInput!) { createBookingSeries(input: $input) {
                series { id } occurrences { booking { id } } userErrors { code } } }";
            let policy = ["SKIP_CONFLICTS", "ALL_OR_NOTHING"][choices.below(2)];
            let input = json!({ "booking": wanted(choices), "rrule": "FREQ=DAILY;COUNT=3", "onConflict": policy });
            let made = ada.ask(REPEAT, json!({ "input": input })).await["createBookingSeries"].clone();
            note(&made["series"], &known.series);
            for occurrence in made["occurrences"].as_array().unwrap() {
                note(&occurrence["booking"], &known.bookings);
            }
        }
        4 | 5 => {
            let Some(id) = one_of(choices, &known.bookings) else { return };
            let over = choices.below(2) == 0;
            let mut input = json!({ "id": id, "start": start(choices), "ignoreSchedule": over });
            if choices.below(2) == 0 {
                input["resourceId"] = json!(format!("res_{}", RESOURCES[choices.below(3)]));
                input["durationMinutes"] = json!(60 * (1 + choices.below(2)));
            }
            staff.reschedule(input).await;
        }
        6 | 7 => {
            let Some(id) = one_of(choices, &known.bookings) else { return };
            let mutation = ["confirmBooking", "declineBooking", "cancelBooking"][choices.below(3)];
            staff.change(mutation, json!({ "id": id })).await;
        }
        8 => {
            const CANCEL: &str = "mutation ($input: CancelBookingSeriesInput!) { cancelBookingSeries(input: $input) {
                cancelled { id } userErrors { code } } }";
            let Some(id) = one_of(choices, &known.series) else { return };
            staff.ask(CANCEL, json!({ "input": { "id": id } })).await;
        }
        9 => {
            let resource = RESOURCES[choices.below(3)];
            let from = start(choices);
            let until = from.replace(":00:00Z", ":45:00Z");
            let input = json!({ "resourceId": format!("res_{resource}"), "start": from, "end": until, "quantity": 1 });
            note(&staff.run("createBlock", input).await["block"], &known.blocks);
            if let Some(id) = one_of(choices, &known.blocks) {
                staff.run("deleteBlock", json!({ "id": id })).await;
            }
        }
        10 => {
            let resource = ["res_mics", "res_b"][choices.below(2)];
            root.run("updateResource", json!({ "id": resource, "quantity": 1 + choices.below(4) })).await;
        }
        _ => {
            server.clock.advance(Duration::from_secs(40));
            let Some(id) = one_of(choices, &known.bookings) else { return };
            staff.change("updateBooking", json!({ "id": id, "location": format!("{number}") })).await;
        }
    }
}

fn note(made: &Value, known: &Mutex<Vec<String>>) {
    if let Some(id) = made["id"].as_str() {
        known.lock().unwrap().push(id.to_owned());
    }
}

#[derive(Clone)]
struct Acting {
    staff: Actor,
    root: Actor,
    ada: Actor,
    clock: Arc<slotwise::clock::TestClock>,
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_at_once_is_sound_and_told_once_and_lets_go_of_what_it_claimed() {
    let server = rooms().await;
    let staff = server.staff();
    let before = server.feed.watchers();
    let mut watch = staff.watch("subscription { bookingChanged { id } }", json!({})).await;
    until("the watch", || server.feed.watchers() > before).await;
    let known = Known::default();
    let acting = Acting {
        staff: staff.clone(),
        root: server.runner(),
        ada: server.customer("ada"),
        clock: server.clock.clone(),
    };
    at_once(ACTORS, |number| {
        let (acting, known) = (acting.clone(), known.clone());
        async move {
            let mut choices = Choices::new(number);
            for _ in 0..DEEDS {
                act(number, &mut choices, &acting, &known).await;
            }
        }
    })
    .await;

    // All that waits to be confirmed for minutes, and all that is held, runs out.
    server.clock.advance(Duration::from_secs(31));
    server.clock.advance(Duration::from_mins(3));
    let ids = known.bookings.lock().unwrap().clone();
    let mut happened = 0;
    for id in &ids {
        let mut seen = staff.see(id, None).await;
        // Staff may have said something about one that had expired already.
        if seen["status"] == "EXPIRED" && !events(&seen).contains(&"EXPIRED") {
            seen = server.until_written(id, "EXPIRED").await;
        }
        happened += events(&seen).len();
    }
    server.assert_sound().await;

    let mut told = BTreeSet::new();
    for _ in 0..happened {
        let event = watch.next().await["id"].as_str().unwrap().to_owned();
        assert!(told.insert(event.clone()), "{event} is told twice");
    }

    // Whatever is free can be held: nothing is kept by anybody who has gone.
    for resource in ["a", "b", "mics"] {
        for day in 2..6 {
            for hour in [9, 10, 11, 23] {
                let from = format!("2026-12-{day:02}T{hour:02}:00:00Z");
                let to = format!("2026-12-{day:02}T{hour:02}:15:00Z");
                if staff.is_free(resource, &from, &to).await {
                    let hold = json!({ "resourceId": format!("res_{resource}"),
                        "slots": [{ "start": from, "durationMinutes": 15 }], "sessionSecret": "nobody's secret until now" });
                    let answer = server.anonymous().heartbeat(hold).await;
                    assert_eq!(answer["granted"], true, "{resource} {from}: {answer}");
                }
            }
        }
    }
}
