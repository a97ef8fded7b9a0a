//! Moves against bookings, cancellations and each other: each time is had once, and nobody gets a fault.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::support::moving::{an_hour, rooms};
use crate::support::studios::with;
use crate::support::{Actor, Choices, TestServer, at_once};

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn quarters(count: usize) -> TimeDelta {
    TimeDelta::minutes(15 * i64::try_from(count).unwrap())
}

/// The code of a refusal; empty where there was none.
fn code(payload: &Value) -> &str {
    payload["userErrors"][0]["code"].as_str().unwrap_or_default()
}

fn people(server: &TestServer) -> [Actor; 4] {
    ["ada", "bob", "eve", "joan"].map(|name| server.customer(name))
}

/// Somebody's booking of an hour in room a; its id.
async fn hour_of(person: &Actor, start: DateTime<Utc>) -> String {
    person.make(an_hour("any", "a", &start.to_rfc3339())).await.0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_and_bookings_of_the_same_hour_are_shared_out() {
    let server = rooms().await;
    let people = people(&server);
    for round in 0..10_usize {
        let (from, to) = (
            instant("2026-12-02T00:00:00Z") + quarters(4 * round),
            instant("2026-12-04T00:00:00Z") + quarters(4 * round),
        );
        let id = hour_of(&people[0], from).await;
        let answers = at_once(8, |number| {
            let (person, id) = (people[number % 4].clone(), id.clone());
            async move {
                match number {
                    0 => person.reschedule(json!({ "id": id, "start": to })).await,
                    // What it leaves, and where it goes.
                    1..=3 => person.book(an_hour("any", "a", &from.to_rfc3339())).await,
                    _ => person.book(an_hour("any", "a", &to.to_rfc3339())).await,
                }
            }
        })
        .await;
        for answer in &answers {
            assert!(matches!(code(answer), "" | "SLOT_TAKEN"), "{answer}");
        }
        let had = |answers: &[Value]| answers.iter().filter(|answer| answer["booking"].is_object()).count();
        // The new hour went to one; the old one is there for one only if the booking has left it.
        assert_eq!(had(&answers[4..]) + had(&answers[..1]), 1, "{answers:?}");
        assert!(had(&answers[1..4]) <= had(&answers[..1]), "{answers:?}");
        server.assert_sound().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_moves_of_one_booking_each_happens_and_it_is_in_one_place() {
    let server = rooms().await;
    let (ada, staff) = (server.customer("ada"), server.staff());
    let first = instant("2026-12-02T22:00:00Z");
    let id = hour_of(&ada, first).await;
    let answers = at_once(12, |number| {
        let (actor, id) = (if number % 2 == 0 { ada.clone() } else { staff.clone() }, id.clone());
        async move { actor.reschedule(json!({ "id": id, "start": first + quarters(number + 1) })).await }
    })
    .await;
    assert!(answers.iter().all(|answer| code(answer).is_empty()), "{answers:?}");
    let booking = ada.read_booking(&id, None).await;
    assert_eq!((&booking["revision"], booking["history"].as_array().unwrap().len()), (&json!(13), 13));
    // Each move began where the one before had ended.
    let history = booking["history"].as_array().unwrap();
    let mut starts: Vec<&str> = history[1..].iter().map(|line| line["previousStart"].as_str().unwrap()).collect();
    starts.push(booking["start"].as_str().unwrap());
    assert_eq!(starts[0], "2026-12-02T22:00:00Z");
    starts.sort_unstable();
    starts.dedup();
    assert_eq!(starts.len(), 13);
    server.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn opposite_moves_of_two_bookings_never_fail() {
    let server = rooms().await;
    let people = people(&server);
    let (one, two) = (instant("2026-12-02T12:00:00Z"), instant("2026-12-03T12:00:00Z"));
    let later = |at: DateTime<Utc>| at + quarters(2);
    for round in 0..12_usize {
        let ids = [hour_of(&people[0], one).await, hour_of(&people[1], two).await];
        // In every other round across each other's time: then not both can succeed, and perhaps neither.
        let across = round % 2 == 0;
        let targets = if across { [later(two), later(one)] } else { [two + quarters(8), one + quarters(8)] };
        let answers = at_once(2, |number| {
            let (person, id, to) = (people[number].clone(), ids[number].clone(), targets[number]);
            async move { person.reschedule(json!({ "id": id, "start": to })).await }
        })
        .await;
        let moved = answers.iter().filter(|answer| code(answer).is_empty()).count();
        for answer in &answers {
            assert!(matches!(code(answer), "" | "SLOT_TAKEN"), "{answer}");
        }
        assert!(across || moved == 2, "nothing was in the way: {answers:?}");
        server.assert_sound().await;
        for (person, id) in people.iter().zip(&ids) {
            assert_eq!(person.cancel(json!({ "id": id })).await["booking"]["status"], "CANCELLED");
        }
    }
    assert!(people[0].is_free("a", "2026-12-02T00:00:00Z", "2026-12-04T00:00:00Z").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_that_is_moved_and_cancelled_at_once_is_cancelled_wherever_it_was() {
    let server = rooms().await;
    let (ada, staff) = (server.customer("ada"), server.staff());
    for round in 0..12_usize {
        let start = instant("2026-12-02T12:00:00Z") + quarters(round);
        let id = hour_of(&ada, start).await;
        let answers = at_once(4, |number| {
            let (ada, staff, id) = (ada.clone(), staff.clone(), id.clone());
            async move {
                match number {
                    0 => {
                        ada.reschedule(json!({ "id": id, "start": "2026-12-03T12:00:00Z", "resourceId": "res_b" }))
                            .await
                    }
                    1 => staff.reschedule(json!({ "id": id, "start": start + quarters(1) })).await,
                    2 => ada.cancel(json!({ "id": id })).await,
                    _ => staff.cancel(json!({ "id": id })).await,
                }
            }
        })
        .await;
        for answer in &answers[..2] {
            assert!(matches!(code(answer), "" | "ILLEGAL_TRANSITION"), "{answer}");
        }
        for answer in &answers[2..] {
            assert_eq!(answer["booking"]["status"], "CANCELLED", "{answer}");
        }
        server.assert_sound().await;
        for resource in ["a", "b"] {
            assert!(ada.is_free(resource, "2026-12-02T00:00:00Z", "2026-12-05T00:00:00Z").await);
        }
    }
}

/// Books, moves and cancels here and there; the bookings that are kept.
async fn wander(actor: Actor, mut choices: Choices) -> Vec<String> {
    let resources = ["a", "b", "p"];
    let any_start = |choices: &mut Choices| instant("2026-12-02T21:00:00Z") + quarters(choices.below(24));
    let mut kept: Vec<String> = Vec::new();
    for _ in 0..10 {
        let (start, resource) = (any_start(&mut choices), resources[choices.below(3)]);
        let minutes = [15, 60, 120][choices.below(3)];
        let answer = match choices.below(4) {
            0 if !kept.is_empty() => {
                let id = kept.swap_remove(choices.below(kept.len()));
                let cancelled = actor.cancel(json!({ "id": id })).await;
                assert_eq!(cancelled["booking"]["status"], "CANCELLED", "{cancelled}");
                continue;
            }
            1 | 2 if !kept.is_empty() => {
                let to = json!({ "id": kept[choices.below(kept.len())], "start": start, "durationMinutes": minutes });
                let elsewhere =
                    if choices.below(2) == 0 { json!({ "resourceId": format!("res_{resource}") }) } else { json!({}) };
                actor.reschedule(with(to, elsewhere)).await
            }
            _ => {
                let add_ons = if choices.below(3) == 0 { json!([{ "resourceId": "res_x" }]) } else { json!([]) };
                let input = an_hour("any", resource, &start.to_rfc3339());
                let booked = actor.book(with(input, json!({ "durationMinutes": minutes, "addOns": add_ons }))).await;
                kept.extend(booked["booking"]["id"].as_str().map(str::to_owned));
                booked
            }
        };
        assert!(matches!(code(&answer), "" | "SLOT_TAKEN"), "{answer}");
    }
    kept
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_storm_of_bookings_moves_and_cancels_what_is_occupied_is_what_is_booked() {
    let server = rooms().await;
    let people = people(&server);
    let kept = at_once(20, |number| wander(people[number % 4].clone(), Choices::new(number))).await;
    server.assert_sound().await;
    let staff = server.staff();
    for id in kept.iter().flatten() {
        assert_eq!(staff.cancel(json!({ "id": id })).await["booking"]["status"], "CANCELLED");
    }
    server.assert_sound().await;
    for resource in ["a", "b", "p", "x"] {
        assert!(staff.is_free(resource, "2026-12-02T00:00:00Z", "2026-12-05T00:00:00Z").await);
    }
}
