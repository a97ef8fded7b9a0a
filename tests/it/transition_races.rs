//! Several who change one booking at once: what comes of it is what would have come of one after the other.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, Database, DbBackend, Statement, TransactionTrait};
use serde_json::{Value, json};
use slotwise::clock::Clock as _;

use crate::support::life::{booked, events};
use crate::support::{Actor, EventTypeSpec, ResourceSpec, TestServer, at_once, within_patience};

async fn room() -> TestServer {
    let server = TestServer::start().await;
    server.resources([ResourceSpec::named("a")]).await;
    let hour = |name: &str| EventTypeSpec::named(name, &[60], &["a"]);
    server.event_types([hour("hour"), EventTypeSpec { requires_confirmation: true, ..hour("asked") }]).await;
    server
}

fn input(event_type: &str, start: &str) -> Value {
    json!({ "resourceId": "res_a", "eventTypeId": format!("evt_{event_type}"), "start": start })
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_cancel_one_does() {
    let server = room().await;
    let ada = server.customer("ada");
    let (id, _) = booked(&ada.book(input("hour", "2026-12-02T12:00:00Z")).await);
    let people = [ada, server.staff()];
    let answers = at_once(20, |number| {
        let (actor, id) = (people[number % 2].clone(), id.clone());
        async move { actor.change_it("cancelBooking", json!({ "id": id, "reason": format!("{number}") })).await }
    });
    let answers = answers.await;
    let seen = server.staff().see(&id, None).await;
    assert_eq!(events(&seen), ["CREATED", "CANCELLED"]);
    // All of them are told what came of it, whoever did it.
    for answer in answers {
        assert_eq!((&answer["revision"], &answer["cancellationReason"]), (&json!(2), &seen["history"][1]["reason"]));
    }
    server.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_confirming_declining_and_cancelling_at_once_the_history_makes_sense() {
    let server = room().await;
    let staff = server.staff();
    for day in 2..12 {
        let start = format!("2026-12-{day:02}T12:00:00Z");
        let (id, _) = booked(&server.customer("ada").book(input("asked", &start)).await);
        let mutations = ["confirmBooking", "declineBooking", "cancelBooking"];
        let answers = at_once(mutations.len() * 2, |number| {
            let (staff, id) = (staff.clone(), id.clone());
            async move { staff.change(mutations[number % 3], json!({ "id": id })).await }
        });
        let answers = answers.await;
        let seen = staff.see(&id, None).await;
        let happened = events(&seen);
        // Declined and cancelled exclude each other; what was confirmed could still be cancelled, not declined.
        let possible: [&[&str]; 3] =
            [&["CREATED", "DECLINED"], &["CREATED", "CANCELLED"], &["CREATED", "CONFIRMED", "CANCELLED"]];
        assert!(possible.contains(&happened.as_slice()), "{happened:?}");
        for (place, event) in ["CONFIRMED", "DECLINED", "CANCELLED"].into_iter().enumerate() {
            // Whoever came when it was so already succeeded too, and nobody else.
            let did = answers.iter().skip(place).step_by(3).any(|answer| answer["booking"].is_object());
            assert_eq!(did, happened.contains(&event), "{event}: {answers:?}");
        }
    }
    server.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_confirming_and_expiring_in_the_same_moment_one_wins() {
    let server = room().await;
    let (ada, staff) = (server.customer("ada"), server.staff());
    let (mut confirmed, mut expired) = (0, 0);
    for round in 0..24 {
        let start: DateTime<Utc> = "2026-12-03T12:00:00Z".parse().unwrap();
        let mut wanted = input("hour", &(start + TimeDelta::hours(round)).to_rfc3339());
        wanted["provisionalMinutes"] = json!(1);
        let (id, _) = booked(&ada.book(wanted).await);
        let lapses = server.clock.now() + TimeDelta::minutes(1);
        // In turn, the clock is or is not there before anybody asks; in between they are on their way together.
        if round % 4 == 0 {
            server.clock.advance_to(lapses);
        }
        let clock = server.clock.clone();
        let answers = at_once(2, |number| {
            let (staff, id, clock) = (staff.clone(), id.clone(), clock.clone());
            async move {
                if number == 0 {
                    return Some(staff.change("confirmBooking", json!({ "id": id })).await);
                }
                if round % 4 != 1 {
                    clock.advance_to(lapses);
                }
                None
            }
        });
        let answer = answers.await.into_iter().next().flatten().unwrap();
        server.clock.advance_to(lapses);
        if answer["booking"].is_object() {
            confirmed += 1;
            server.clock.advance(std::time::Duration::from_secs(31));
            let seen = staff.see(&id, None).await;
            assert_eq!((events(&seen), &seen["status"]), (vec!["CREATED", "CONFIRMED"], &json!("CONFIRMED")));
        } else {
            expired += 1;
            let seen = server.until_written(&id, "EXPIRED").await;
            assert_eq!((events(&seen), &seen["status"]), (vec!["CREATED", "EXPIRED"], &json!("EXPIRED")));
        }
    }
    // Each has won where nothing stood against it.
    assert!(confirmed >= 6 && expired >= 6, "{confirmed} confirmed, {expired} expired");
    server.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_cancels_with_another_booking_of_the_time_in_between_leave_that_one_alone() {
    let server = room().await;
    let (ada, bob) = (server.customer("ada"), server.customer("bob"));
    for day in 2..12 {
        let start = format!("2026-12-{day:02}T12:00:00Z");
        let (id, _) = booked(&ada.book(input("hour", &start)).await);
        let answers = at_once(5, |number| {
            let (ada, bob, id, start) = (ada.clone(), bob.clone(), id.clone(), start.clone());
            async move {
                match number {
                    2 => within_patience("the time", take(&bob, &start)).await,
                    _ => ada.change_it("cancelBooking", json!({ "id": id })).await["id"].as_str().unwrap().to_owned(),
                }
            }
        });
        let second = answers.await.swap_remove(2);
        assert_eq!(server.staff().see(&second, None).await["status"], "CONFIRMED");
        assert_eq!(events(&server.staff().see(&id, None).await), ["CREATED", "CANCELLED"]);
        server.assert_sound().await;
        assert_eq!(refused_now(&server, &start).await, "SLOT_TAKEN");
    }
}

/// Books as soon as it can be had: the booking's id.
async fn take(actor: &Actor, start: &str) -> String {
    loop {
        let payload = actor.book(input("hour", start)).await;
        if payload["booking"].is_object() {
            return booked(&payload).0;
        }
    }
}

async fn refused_now(server: &TestServer, start: &str) -> String {
    let payload = server.customer("eve").book(input("hour", start)).await;
    payload["userErrors"][0]["code"].as_str().unwrap_or_default().to_owned()
}

/// How many connections wait for a lock.
async fn waiting(connection: &impl ConnectionTrait) -> i64 {
    let sql = "SELECT count(*) AS waiting FROM pg_stat_activity WHERE datname = current_database()
        AND wait_event_type = 'Lock'";
    let row = connection.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap().unwrap();
    row.try_get("", "waiting").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn cancels_that_queue_for_the_bookings_row_see_what_the_first_has_done() {
    let server = room().await;
    let database = Database::connect(server.database_url()).await.unwrap();
    if database.get_database_backend() != DbBackend::Postgres {
        // SQLite has one writer, and no rows to lock by hand.
        return;
    }
    let (ada, bob) = (server.customer("ada"), server.customer("bob"));
    let start = "2026-12-02T12:00:00Z";
    let (id, _) = booked(&ada.book(input("hour", start)).await);
    let held = database.begin().await.unwrap();
    held.execute_unprepared(&format!("SELECT 1 FROM bookings WHERE id = '{id}' FOR UPDATE")).await.unwrap();
    let cancels: Vec<_> = (0..2)
        .map(|_| {
            let (ada, id) = (ada.clone(), id.clone());
            tokio::spawn(async move { ada.change_it("cancelBooking", json!({ "id": id })).await })
        })
        .collect();
    within_patience("both to wait", async { while waiting(&database).await < 2 {} }).await;
    held.rollback().await.unwrap();
    // Whoever is quick may have the time before the second cancel has come to its turn.
    let second = within_patience("the time", take(&bob, start)).await;
    for cancel in cancels {
        assert_eq!(cancel.await.unwrap()["status"], "CANCELLED");
    }
    assert_eq!(events(&server.staff().see(&id, None).await), ["CREATED", "CANCELLED"]);
    assert_eq!(server.staff().see(&second, None).await["status"], "CONFIRMED");
    assert_eq!(refused_now(&server, start).await, "SLOT_TAKEN");
    server.assert_sound().await;
    database.close().await.unwrap();
}
