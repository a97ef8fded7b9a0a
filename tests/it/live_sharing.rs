//! Live queries that are shared: executed once, however many watch them, and what everybody is told is what is so.

use serde_json::{Value, json};

use crate::support::studios::{booking, hold, secret, studios};
use crate::support::{Actor, Subprotocol, TestServer, Watch, until};

const DAY_SLOTS: &str = r#"subscription ($minutes: Int!) {
    daySlotsChanged(resourceId: "res_a", date: "2026-12-02", durationMinutes: $minutes) { slots { start } } }"#;
const PRESENCE: &str =
    r#"subscription { presenceChanged(resourceId: "res_a", date: "2026-12-02") { holds { start } } }"#;
const DAYS: &str = r#"subscription {
    presenceBetweenChanged(resourceId: "res_a", from: "2026-12-01", to: "2026-12-03") { date holds { start } } }"#;

/// So many watchers of the same, after their first state, which is the same for all.
async fn watchers(actors: &[Actor], subscription: &str, variables: &Value) -> Vec<Watch> {
    let mut watches = Vec::new();
    for actor in actors {
        let mut watch = actor.watch(subscription, variables.clone()).await;
        watch.next().await;
        watches.push(watch);
    }
    watches
}

/// Everybody in whose eyes the same is public.
fn public(server: &TestServer, count: usize) -> Vec<Actor> {
    (0..count).map(|_| server.anonymous()).collect()
}

#[tokio::test]
async fn ten_watchers_of_three_durations_are_three_executions_and_all_are_told() {
    let server = studios().await;
    let mut watches = Vec::new();
    for (number, actor) in public(&server, 10).iter().enumerate() {
        let minutes = json!({ "minutes": ([60, 120, 300][number % 3]) });
        let mut watch = actor.watch(DAY_SLOTS, minutes).await;
        watch.next().await;
        watches.push(watch);
    }
    assert_eq!(server.feed.watchers(), 3);
    server.customer("ada").book_it(booking("a", "hour", 15)).await;
    let mut states = Vec::new();
    for watch in &mut watches {
        states.push(watch.next().await);
    }
    for (number, state) in states.iter().enumerate() {
        assert_eq!(*state, states[number % 3], "the same for all who ask the same");
    }
    assert!(states[0] != states[1] && states[1] != states[2]);
}

#[tokio::test]
async fn all_see_the_same_states_and_whoever_comes_later_begins_with_the_present_one() {
    let server = studios().await;
    let ada = server.customer("ada");
    let mut watches = watchers(&public(&server, 5), PRESENCE, &Value::Null).await;
    assert_eq!(server.feed.watchers(), 1);
    ada.hold(hold("a", "hour", 10, 60, "ada")).await;
    server.pass_a_moment();
    let mut states = Vec::new();
    for watch in &mut watches {
        states.push(watch.next().await);
    }
    assert!(states.iter().all(|state| *state == states[0] && state["holds"].as_array().unwrap().len() == 1));
    // Renewals are told to nobody.
    ada.hold(hold("a", "hour", 10, 60, "ada")).await;
    let mut late = server.anonymous().watch(PRESENCE, Value::Null).await;
    assert_eq!(late.next().await, states[0]);
    assert_eq!(server.feed.watchers(), 1);
    ada.leave(json!({ "resourceId": "res_a", "sessionSecret": secret("ada") })).await;
    server.pass_a_moment();
    for watch in watches.iter_mut().chain([&mut late]) {
        assert_eq!(watch.next().await["holds"], json!([]));
    }
    // The last one's leaving ends it.
    for watch in watches.into_iter().chain([late]) {
        assert_eq!(server.feed.watchers(), 1);
        watch.vanish();
    }
    until("the watchers to be forgotten", || server.feed.watchers() == 0).await;
    server.anonymous().watch(PRESENCE, Value::Null).await.next().await;
}

#[tokio::test]
async fn of_several_days_everybody_gets_each_and_whoever_comes_later_all_that_are_present() {
    let server = studios().await;
    let days = async |watch: &mut Watch| {
        let mut days = Vec::new();
        for _ in 0..3 {
            days.push(watch.next().await);
        }
        days.sort_by_key(|day| day["date"].to_string());
        days
    };
    let mut first = server.anonymous().watch(DAYS, Value::Null).await;
    let empty = days(&mut first).await;
    assert_eq!(empty.iter().map(|day| &day["date"]).collect::<Vec<_>>(), ["2026-12-01", "2026-12-02", "2026-12-03"]);
    let mut second = server.anonymous().watch(DAYS, Value::Null).await;
    assert_eq!(days(&mut second).await, empty);
    server.customer("ada").hold(hold("a", "hour", 10, 60, "ada")).await;
    server.pass_a_moment();
    for watch in [&mut first, &mut second] {
        let changed = watch.next().await;
        assert_eq!((&changed["date"], changed["holds"].as_array().unwrap().len()), (&json!("2026-12-02"), 1));
    }
    let mut third = server.anonymous().watch(DAYS, Value::Null).await;
    assert_eq!(days(&mut third).await[1]["holds"].as_array().unwrap().len(), 1);
    assert_eq!(server.feed.watchers(), 1);
}

#[tokio::test]
async fn by_either_subprotocol_slots_are_the_same() {
    let server = studios().await;
    let slots = DAY_SLOTS.replace("{ slots { start } }", "{ id slots { start end at: start remaining unavailable } }");
    let mut states = Vec::new();
    for subprotocol in Subprotocol::BOTH {
        let mut watch = server.anonymous().watch_with(subprotocol, &slots, json!({ "minutes": 60 })).await;
        states.push(watch.next().await);
    }
    assert_eq!(states[0], states[1]);
    assert!(states[0]["slots"].as_array().is_some_and(|slots| !slots.is_empty() && slots.iter().all(Value::is_object)));
}

#[tokio::test]
async fn what_is_asked_in_other_words_with_other_rights_or_by_a_secret_is_executed_for_itself() {
    let server = studios().await;
    let ada = server.customer("ada");
    let id = ada.book_it(booking("a", "hour", 10)).await["booking"]["id"].clone();
    let other_words = PRESENCE.replace("start", "end");
    let moving = DAY_SLOTS
        .replace("durationMinutes: $minutes", &format!("durationMinutes: $minutes, reschedule: {{ bookingId: {id} }}"));
    let minutes = json!({ "minutes": 60 });
    let mut watches = watchers(&public(&server, 2), PRESENCE, &Value::Null).await;
    for (actor, subscription, variables, executed) in [
        (server.anonymous(), other_words.as_str(), Value::Null, 2),
        (server.staff(), PRESENCE, Value::Null, 3),
        (ada.clone(), PRESENCE, Value::Null, 4),
        (server.customer("bob"), PRESENCE, Value::Null, 4),
        // Beside what is occupied, these watch the booking.
        (ada.clone(), moving.as_str(), minutes.clone(), 6),
        (ada.clone(), moving.as_str(), minutes.clone(), 8),
    ] {
        watches.extend(watchers(&[actor], subscription, &variables).await);
        assert_eq!(server.feed.watchers(), executed, "{subscription}");
    }
}

#[tokio::test]
async fn what_cannot_be_watched_is_refused_to_each_and_leaves_nothing_behind() {
    let server = studios().await;
    let nowhere = PRESENCE.replace("res_a", "res_none");
    for _ in 0..3 {
        let mut watch = server.anonymous().watch(&nowhere, Value::Null).await;
        let refused = watch.next_raw().await;
        assert!(refused.to_string().contains("NOT_FOUND"), "{refused}");
        assert_eq!(server.feed.watchers(), 0);
    }
}
