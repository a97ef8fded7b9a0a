//! Bookings that keep their time for some minutes without being confirmed.

use sea_orm::{ConnectionTrait, Database, Statement};
use serde_json::{Value, json};

use crate::support::life::{booked, events};
use crate::support::studios::{refusal, with};
use crate::support::{Actor, EventTypeSpec, ResourceSpec, ServerOptions, TestServer, at_once};

/// A room that is always open, for hours of which staff confirm some, and for guests too.
async fn room() -> TestServer {
    let options = ServerOptions { guest_bookings: true, ..ServerOptions::default() };
    let server = TestServer::start_with(options.behind_a_proxy()).await;
    server.resources([ResourceSpec::named("a")]).await;
    let hour = |name: &str| EventTypeSpec::named(name, &[60], &["a"]);
    server.event_types([hour("hour"), EventTypeSpec { requires_confirmation: true, ..hour("asked") }]).await;
    server
}

/// The hour of that number, for so many minutes.
fn input(number: usize, minutes: i32) -> Value {
    let start = format!("2026-12-{:02}T{:02}:00:00Z", 2 + number / 24, number % 24);
    json!({ "resourceId": "res_a", "eventTypeId": "evt_hour", "start": start, "provisionalMinutes": minutes })
}

fn guests(input: Value) -> Value {
    with(input, json!({ "booker": { "name": "Grace", "email": "grace@example.org" } }))
}

async fn fill(actor: &Actor, first: usize, input_of: impl Fn(usize) -> Value) -> Vec<(String, String)> {
    let mut made = Vec::new();
    for number in first..first + 3 {
        made.push(booked(&actor.book(input_of(number)).await));
    }
    made
}

#[tokio::test]
async fn it_keeps_its_time_for_as_many_minutes_as_were_asked_for() {
    let server = room().await;
    let ada = server.customer("ada");
    let (id, _) = booked(&ada.book(input(0, 15)).await);
    let seen = ada.see(&id, None).await;
    assert_eq!((&seen["status"], &seen["expiresAt"]), (&json!("PROVISIONAL"), &json!("2026-12-01T06:15:00Z")));
    assert_eq!(seen["history"][0]["to"], "PROVISIONAL");
    assert_eq!(refusal(&server.customer("bob").book(input(0, 15)).await), "SLOT_TAKEN");

    let confirmed = server.staff().change_it("confirmBooking", json!({ "id": id })).await;
    assert_eq!((&confirmed["status"], &confirmed["expiresAt"]), (&json!("CONFIRMED"), &Value::Null));
    server.clock.advance_to("2026-12-01T07:00:00Z".parse().unwrap());
    assert_eq!(ada.see(&id, None).await["status"], "CONFIRMED", "what is confirmed does not expire");
    server.assert_sound().await;
}

#[tokio::test]
async fn it_is_provisional_whoever_asks_and_also_where_staff_have_to_agree() {
    let server = room().await;
    for (number, actor) in [server.customer("ada"), server.staff()].into_iter().enumerate() {
        let asked = with(input(number, 60), json!({ "eventTypeId": "evt_asked" }));
        assert_eq!(actor.book(asked).await["booking"]["status"], "PROVISIONAL");
    }
}

#[tokio::test]
async fn its_minutes_are_from_one_to_sixty_and_its_start_is_ahead() {
    let server = room().await;
    let (ada, staff) = (server.customer("ada"), server.staff());
    for minutes in [-1, 0, 61, i32::MAX] {
        let refused = ada.book(input(0, minutes)).await;
        assert_eq!(refusal(&refused), "INVALID");
        assert_eq!(refused["userErrors"][0]["field"], json!(["input", "provisionalMinutes"]));
    }
    for minutes in [1, 60] {
        booked(&ada.book(input(usize::try_from(minutes).unwrap(), minutes)).await);
    }
    for (start, ignore) in
        [("2026-12-01T06:00:00Z", false), ("2026-12-01T06:00:00Z", true), ("2026-12-01T05:00:00Z", true)]
    {
        let now = with(input(0, 60), json!({ "start": start, "ignoreSchedule": ignore }));
        let refused = staff.book(now.clone()).await;
        assert_eq!(
            (refusal(&refused), &refused["userErrors"][0]["field"]),
            ("IN_THE_PAST", &json!(["input", "start"]))
        );
        // Without it, it can be had.
        let mut at_once = now;
        at_once["provisionalMinutes"] = Value::Null;
        let (id, _) = booked(&staff.book(at_once).await);
        staff.change_it("cancelBooking", json!({ "id": id })).await;
    }
    // It ends at its start where that comes first.
    let soon = with(input(0, 60), json!({ "start": "2026-12-01T06:30:00Z" }));
    let (id, _) = booked(&server.customer("bob").book(soon).await);
    server.clock.advance_to("2026-12-01T06:30:00Z".parse().unwrap());
    assert_eq!(staff.see(&id, None).await["status"], "EXPIRED");
    server.until_written(&id, "EXPIRED").await;
    server.assert_sound().await;
}

#[tokio::test]
async fn a_fourth_waits_until_one_of_three_is_over_however_it_ends() {
    let server = room().await;
    let (ada, staff) = (server.customer("ada"), server.staff());
    let made = fill(&ada, 0, |number| input(number, 60)).await;
    let refused = ada.book(input(3, 60)).await;
    assert_eq!(refusal(&refused), "LIMIT_EXCEEDED");
    assert_eq!(refused["userErrors"][0]["field"], json!(["input", "provisionalMinutes"]));
    crate::support::assert_clear(refused["userErrors"][0]["message"].as_str().unwrap());
    // Others have places of their own, and what is booked at once needs none.
    booked(&server.customer("bob").book(input(4, 60)).await);
    let mut at_once = input(5, 60);
    at_once["provisionalMinutes"] = Value::Null;
    booked(&ada.book(at_once).await);

    ada.change_it("cancelBooking", json!({ "id": made[0].0 })).await;
    let (fourth, _) = booked(&ada.book(input(3, 60)).await);
    assert_eq!(refusal(&ada.book(input(6, 60)).await), "LIMIT_EXCEEDED");
    staff.change_it("confirmBooking", json!({ "id": fourth })).await;
    booked(&ada.book(input(6, 30)).await);
    assert_eq!(refusal(&ada.book(input(7, 60)).await), "LIMIT_EXCEEDED");

    // A place is free at the very moment, whether or not the worker has come.
    server.clock.advance_to("2026-12-01T06:30:00Z".parse().unwrap());
    let (last, _) = booked(&ada.book(input(7, 60)).await);
    assert_eq!(refusal(&ada.book(input(8, 60)).await), "LIMIT_EXCEEDED");
    // Whatever becomes of the one that had it before, it is taken now.
    server.until_written(&last, "CREATED").await;
    assert_eq!(refusal(&ada.book(input(8, 60)).await), "LIMIT_EXCEEDED");
    server.assert_sound().await;
}

#[tokio::test]
async fn a_place_that_another_booking_has_by_now_is_not_freed_by_the_one_before() {
    let server = room().await;
    let ada = server.customer("ada");
    let made = fill(&ada, 0, |number| input(number, 60)).await;
    server.lapse(&made[1].0).await;
    booked(&ada.book(input(3, 60)).await);
    // It takes the time of what has lapsed, which is expired for it: its place stays with the fourth.
    booked(&server.customer("bob").book(input(1, 60)).await);
    assert_eq!(events(&server.staff().see(&made[1].0, None).await), ["CREATED", "EXPIRED"]);
    assert_eq!(refusal(&ada.book(input(4, 60)).await), "LIMIT_EXCEEDED");
    server.assert_sound().await;
}

#[tokio::test]
async fn a_guests_places_are_those_of_their_address() {
    let server = room().await;
    let at = |address: &str| server.anonymous().at(address);
    let first = |number: usize| at(["2001:db8:1:2::1", "2001:db8:1:2::2", "2001:db8:1:2:3:4:5:6"][number]);
    for number in 0..3 {
        booked(&first(number).book(guests(input(number, 60))).await);
    }
    assert_eq!(refusal(&at("2001:db8:1:2::99").book(guests(input(3, 60))).await), "LIMIT_EXCEEDED");
    booked(&at("2001:db8:1:3::1").book(guests(input(3, 60))).await);
    booked(&at("192.0.2.1").book(guests(input(4, 60))).await);
    // Whoever is signed in is not counted by where they are.
    booked(&server.customer("ada").at("2001:db8:1:2::1").book(input(5, 60)).await);
    server.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_that_one_caller_asks_for_at_once_three_are_made() {
    let server = room().await;
    for round in 0..3 {
        let actor =
            if round == 0 { server.anonymous().at("192.0.2.1") } else { server.customer(&format!("ada{round}")) };
        let answers = at_once(20, |number| {
            let (actor, input) = (actor.clone(), guests(input(20 * round + number, 60)));
            // A customer's email is their own.
            let input = if round == 0 { input } else { with(input, json!({ "booker": null })) };
            async move { actor.book(input).await }
        });
        let answers = answers.await;
        let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer["booking"].is_object());
        assert_eq!(made.len(), 3);
        for answer in refused {
            assert_eq!(refusal(answer), "LIMIT_EXCEEDED");
        }
    }
    server.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_repeated_takes_no_further_place() {
    let server = room().await;
    let ada = server.customer("ada");
    let keyed = |number: usize, minutes| {
        with(input(number, minutes), json!({ "idempotencyKey": format!("a key of ada's {number}") }))
    };
    let answers = at_once(8, |_| {
        let (ada, input) = (ada.clone(), keyed(0, 60));
        async move { booked(&ada.book(input).await).0 }
    });
    let answers = answers.await;
    assert!(answers.iter().all(|id| *id == answers[0]));
    booked(&ada.book(keyed(1, 60)).await);
    booked(&ada.book(keyed(2, 60)).await);
    // There is none left, and a repeated call needs none.
    assert_eq!(refusal(&ada.book(keyed(3, 60)).await), "LIMIT_EXCEEDED");
    assert_eq!(booked(&ada.book(keyed(0, 60)).await).0, answers[0]);
    for other in [keyed(0, 59), with(keyed(0, 60), json!({ "provisionalMinutes": null }))] {
        assert_eq!(refusal(&ada.book(other).await), "IDEMPOTENCY_MISMATCH");
    }
    // What it is by now is what a repeated call gets.
    server.clock.advance_to("2026-12-01T07:00:00Z".parse().unwrap());
    let again = ada.book(keyed(0, 60)).await;
    assert_eq!((&again["booking"]["id"], &again["booking"]["status"]), (&json!(answers[0]), &json!("EXPIRED")));
    server.assert_sound().await;
}

#[tokio::test]
async fn nothing_readable_is_kept_of_who_has_a_place() {
    let server = room().await;
    booked(&server.anonymous().at("192.0.2.77").book(guests(input(0, 60))).await);
    booked(&server.customer("ada").book(input(1, 60)).await);
    let database = Database::connect(server.database_url()).await.unwrap();
    let sql = "SELECT caller FROM provisional_slots";
    let rows = database.query_all_raw(Statement::from_string(database.get_database_backend(), sql)).await.unwrap();
    database.close().await.unwrap();
    let callers: Vec<String> = rows.iter().map(|row| row.try_get("", "caller").unwrap()).collect();
    assert_eq!(callers.len(), 2);
    for caller in callers {
        assert_eq!(caller.len(), 43, "a hash, and nothing else: {caller}");
        assert!(!caller.contains("192") && !caller.contains("ada"), "{caller}");
    }
}
