//! The program killed in the middle of its work, and told to end: what was acknowledged is there afterwards.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use slotwise::clock::{Clock as _, SystemClock};
use slotwise::store::{Store, StoreOptions};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::support::audit::assert_sound;
use crate::support::database::TestDatabase;
use crate::support::process::check;
use crate::support::{
    Actor, Choices, EventTypeSpec, RawRequest, ResourceSpec, ServerProcess, TestServer, at_once, within_patience,
};

const BOOK: &str = "mutation ($input: CreateBookingInput!) { createBooking(input: $input) {
    booking { id status } userErrors { code } } }";
const CANCEL: &str = "mutation ($input: CancelBookingInput!) { cancelBooking(input: $input) {
    booking { id status } userErrors { code } } }";
const READ: &str = "query ($id: ID!) { booking(id: $id) { status start } }";
/// How many book at the same time. Few enough that each has its turn within the server's patience even where the disk
/// takes seconds for a commit.
const CLIENTS: usize = 5;

/// A database with two studios and a pool, which no server uses yet.
async fn prepared() -> Arc<TestDatabase> {
    let server = TestServer::start().await;
    let utc = |name: &str| ResourceSpec { zone: chrono_tz::UTC, ..ResourceSpec::named(name) };
    server.resources([utc("a"), utc("b"), ResourceSpec { quantity: 3, ..utc("p") }]).await;
    server.event_types([EventTypeSpec::named("any", &[15, 60, 120], &["a", "b", "p"])]).await;
    server.stop().await
}

/// A booking somewhere in two days that are far ahead of the real clock.
fn any_booking(choices: &mut Choices, key: &str) -> Value {
    let first: DateTime<Utc> = "2098-06-01T00:00:00Z".parse().unwrap();
    let resources = ["res_a", "res_b", "res_p"];
    let (primary, add_on, minutes) = (choices.below(3), choices.below(6), [15, 60, 120][choices.below(3)]);
    let add_ons = resources.iter().enumerate().filter(|(number, _)| *number == add_on && add_on != primary);
    json!({
        "resourceId": resources[primary], "eventTypeId": "evt_any", "durationMinutes": minutes,
        "start": first + TimeDelta::minutes(15 * i64::try_from(choices.below(192)).unwrap()),
        "addOns": add_ons.map(|(_, id)| json!({ "resourceId": id })).collect::<Vec<_>>(),
        "idempotencyKey": key,
    })
}

/// What one client was told.
#[derive(Default)]
struct Told {
    /// The bookings that were acknowledged, with the status that was acknowledged last; `None` where a cancel was not.
    bookings: BTreeMap<String, Option<&'static str>>,
    /// The call that got no answer, if it was to book.
    unanswered: Option<Value>,
}

/// Books, and now and then cancels, until the server is gone.
async fn storm(actor: Actor, seed: usize, acknowledged: watch::Sender<usize>) -> Told {
    let (mut told, mut choices) = (Told::default(), Choices::new(seed));
    for number in 0.. {
        let confirmed = told.bookings.iter().find(|(_, status)| **status == Some("CONFIRMED"));
        if let (Some((id, _)), 0) = (confirmed, choices.below(4)) {
            let id = id.clone();
            let Some(answer) = actor.try_send(CANCEL, json!({ "input": { "id": id } })).await else {
                told.bookings.insert(id, None);
                return told;
            };
            assert_eq!(answer.data()["cancelBooking"]["booking"]["status"], "CANCELLED");
            told.bookings.insert(id, Some("CANCELLED"));
            continue;
        }
        let input = any_booking(&mut choices, &format!("client {seed}, booking {number}"));
        let Some(answer) = actor.try_send(BOOK, json!({ "input": input })).await else {
            told.unanswered = Some(input);
            return told;
        };
        let payload = answer.data()["createBooking"].clone();
        match payload["booking"]["id"].as_str() {
            Some(id) => {
                told.bookings.insert(id.to_owned(), Some("CONFIRMED"));
                acknowledged.send_modify(|count| *count += 1);
            }
            None => assert_eq!(payload["userErrors"][0]["code"], "SLOT_TAKEN", "{payload}"),
        }
    }
    told
}

/// Lets clients loose, each with its own choices from `seed` on, and waits until so many bookings are acknowledged.
async fn storm_until(actor: &Actor, seed: usize, bookings: usize) -> JoinHandle<Vec<Told>> {
    let (acknowledged, mut count) = watch::channel(0);
    let actor = actor.clone();
    let storm = move |number| storm(actor.clone(), seed + number, acknowledged.clone());
    let clients = tokio::spawn(at_once(CLIENTS, storm));
    within_patience("bookings", count.wait_for(|count| *count >= bookings)).await.unwrap();
    clients
}

/// Fails unless everything that was told is so.
async fn assert_kept(staff: &Actor, told: &Told) {
    for (id, status) in &told.bookings {
        let booking = staff.ask(READ, json!({ "id": id })).await["booking"].clone();
        match status {
            Some(status) => assert_eq!(booking["status"], *status, "{id}: {booking}"),
            None => assert!(booking["status"] == "CONFIRMED" || booking["status"] == "CANCELLED", "{id}: {booking}"),
        }
    }
    if let Some(input) = &told.unanswered {
        // Whether it had been made or not, it can be asked for again.
        let payload = staff.ask(BOOK, json!({ "input": input })).await["createBooking"].clone();
        let made = payload["booking"]["status"] == "CONFIRMED";
        assert!(made || payload["userErrors"][0]["code"] == "SLOT_TAKEN", "{payload}");
    }
}

fn assert_checked(database: &TestDatabase) {
    let (status, printed) = check(database.url());
    assert_eq!(status.code(), Some(0), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_kill_in_the_middle_of_a_storm() {
    let database = prepared().await;
    let mut all = Vec::new();
    for round in 0..3 {
        let mut server = ServerProcess::start(database.url(), &[]).await;
        let clients = storm_until(&server.staff(), CLIENTS * round, 8 + 4 * round).await;
        server.kill();
        all.extend(clients.await.unwrap());
        assert_checked(&database);
    }

    let server = ServerProcess::start(database.url(), &[]).await;
    let staff = server.staff();
    assert!(all.iter().any(|told| told.unanswered.is_some()), "nobody was in the middle of anything");
    for told in &all {
        assert_kept(&staff, told).await;
    }
    assert_checked(&database);
    let store = Store::connect(database.url(), StoreOptions::default()).await.unwrap();
    assert_sound(&store, database.url()).await;
    store.close().await.unwrap();
}

/// A booking whose request the server has in hand, and half of whose body it still waits for.
async fn half_sent(actor: &Actor, number: usize) -> RawRequest {
    let input = any_booking(&mut Choices::new(number), "a key of 16 characters");
    let request = RawRequest::open(actor, BOOK, json!({ "input": input })).await;
    request.send_head().await;
    request.is_wanted().await;
    request.send_body(0..request.body_len() / 2).await;
    request
}

/// Waits until nobody listens at the address of `actor`.
async fn refuses_connections(actor: &Actor) {
    let address = actor.url().split('/').nth(2).unwrap();
    let refused = async {
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    within_patience("the listener to go", refused).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_told_to_end_answers_what_it_has_in_hand_and_ends_well() {
    let database = prepared().await;
    let server = ServerProcess::start(database.url(), &[("SLOTWISE_SHUTDOWN_SECONDS", "60")]).await;
    let staff = server.staff();
    let slots = r#"subscription { daySlotsChanged(resourceId: "res_a", date: "2098-06-01", eventTypeId: "evt_any") {
        slots { start } } }"#;
    let mut watch = staff.watch(slots, json!({})).await;
    watch.next().await;
    let clients = storm_until(&staff, 0, 6).await;
    let late = server.staff();
    let request = half_sent(&late, 1000).await;

    server.terminate();
    refuses_connections(&staff).await;
    request.send_body(request.body_len() / 2..request.body_len()).await;
    let answer = request.answer().await["data"]["createBooking"].clone();
    let is_decided = answer["booking"]["status"] == "CONFIRMED" || answer["userErrors"][0]["code"] == "SLOT_TAKEN";
    assert!(is_decided, "{answer}");
    let mut last = watch.next_raw().await;
    while last["type"] == "next" {
        last = watch.next_raw().await;
    }
    assert_eq!(last["type"], "complete", "watchers are told that it ends");
    assert_eq!(server.ended().await.code(), Some(0));
    let all = clients.await.unwrap();
    assert_checked(&database);

    let server = ServerProcess::start(database.url(), &[]).await;
    for told in &all {
        assert_kept(&server.staff(), told).await;
    }
    if let Some(id) = answer["booking"]["id"].as_str() {
        assert_eq!(server.staff().ask(READ, json!({ "id": id })).await["booking"]["status"], "CONFIRMED");
    }
}

#[tokio::test]
async fn a_client_that_never_finishes_keeps_a_server_from_ending_no_longer_than_its_limit() {
    let database = prepared().await;
    let server = ServerProcess::start(database.url(), &[("SLOTWISE_SHUTDOWN_SECONDS", "1")]).await;
    let request = half_sent(&server.staff(), 1).await;
    let clock = SystemClock::new();
    let begun = clock.monotonic();
    server.terminate();
    assert_eq!(server.ended().await.code(), Some(0));
    // Generous: the machine may be busy. The request itself could wait for 30 seconds.
    assert!(clock.monotonic().since(begun).as_secs() < 10);
    drop(request);
    assert_checked(&database);
}
