//! How long and how much can be held.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::studios::{at, free_hold, hold, refusal, secret, starts_of, studios, with};
use crate::support::{Actor, ResourceSpec, ServerOptions, TestServer};

/// Minutes of 400 quanta.
const AS_MUCH_AS_CAN_BE: u32 = 400 * 15;

/// A server with resources that are always open.
async fn always_open(names: &[&str]) -> TestServer {
    let server = TestServer::start().await;
    server.resources(names.iter().map(|name| ResourceSpec::named(name))).await;
    server
}

/// `count` neighbouring quarter hours of a resource.
fn quarters(resource: &str, count: i64, session: &str) -> Value {
    let first: chrono::DateTime<chrono::Utc> = "2026-12-02T00:00:00Z".parse().unwrap();
    let start = |index: i64| (first + chrono::TimeDelta::minutes(15 * index)).to_rfc3339();
    let slots: Vec<_> = (0..count).map(|index| json!({ "start": start(index), "durationMinutes": 15 })).collect();
    with(free_hold(resource, &at(9), 15, session), json!({ "slots": slots }))
}

/// Renews every nine seconds until that is refused: the refusal, and how long it went well.
async fn renew_for_as_long_as_one_may(server: &TestServer, actor: &Actor, input: &Value) -> (Value, Duration) {
    const PACE: Duration = Duration::from_secs(9);
    let mut held = Duration::ZERO;
    loop {
        let payload = actor.heartbeat(input.clone()).await;
        if payload["granted"] == false {
            return (payload, held);
        }
        assert!(held < Duration::from_hours(1), "a hold without end");
        server.clock.advance(PACE);
        held += PACE;
    }
}

#[tokio::test]
async fn a_session_holds_on_a_resource_for_a_quarter_of_an_hour_in_all_and_again_after_as_long_a_rest() {
    let server = studios().await;
    let (ada, bob) = (server.anonymous(), server.anonymous());
    let input = hold("a", "hour", 13, 60, "ada");
    let first = ada.hold(input.clone()).await;
    assert_eq!(first["expiresAt"], "2026-12-01T06:00:10Z");
    assert_eq!(first["renewableUntil"], "2026-12-01T06:15:00Z");
    let (refused, held) = renew_for_as_long_as_one_may(&server, &ada, &input).await;
    assert_eq!((refusal(&refused), held), ("HOLD_LIMIT_REACHED", Duration::from_mins(15)));

    // What it held is free for others, nothing else of the resource is its own, and another resource is another matter.
    assert_eq!(bob.holds("a").await, json!([]));
    bob.hold(hold("a", "hour", 13, 60, "bob")).await;
    assert_eq!(refusal(&ada.heartbeat(hold("a", "hour", 18, 60, "ada")).await), "HOLD_LIMIT_REACHED");
    ada.hold(hold("b", "hour", 18, 60, "ada")).await;

    server.clock.advance(Duration::from_mins(15) - Duration::from_millis(1));
    assert_eq!(refusal(&ada.heartbeat(input.clone()).await), "HOLD_LIMIT_REACHED");
    server.clock.advance(Duration::from_millis(1));
    ada.hold(input).await;
}

#[tokio::test]
async fn the_last_renewal_ends_when_the_session_has_held_for_as_long_as_it_may() {
    let server = studios().await;
    let (ada, bob) = (server.anonymous(), server.anonymous());
    let input = hold("a", "hour", 13, 60, "ada");
    ada.hold(input.clone()).await;
    for _ in 0..112 {
        server.clock.advance(Duration::from_secs(8));
        ada.hold(input.clone()).await;
    }
    // That was at 14 minutes and 56 seconds.
    let last = ada.hold(input).await;
    assert_eq!(last["expiresAt"], "2026-12-01T06:15:00Z");
    server.clock.advance(Duration::from_millis(3_999));
    assert_eq!(starts_of(&bob.holds("a").await), [at(13)]);
    server.clock.advance(Duration::from_millis(1));
    assert_eq!(bob.holds("a").await, json!([]));
}

#[tokio::test]
async fn a_pause_does_not_start_the_session_s_time_anew() {
    let server = studios().await;
    let ada = server.anonymous();
    let input = hold("a", "hour", 13, 60, "ada");
    ada.hold(input.clone()).await;
    server.clock.advance(Duration::from_secs(8));
    assert_eq!(ada.leave(json!({ "resourceId": "res_a", "sessionSecret": secret("ada") })).await["released"], 1);
    server.clock.advance(Duration::from_mins(14));
    let again = ada.hold(input).await;
    // Eight seconds of its fifteen minutes are used.
    assert_eq!(again["renewableUntil"], "2026-12-01T06:29:00Z");
}

#[tokio::test]
async fn a_call_names_at_most_a_hundred_slots() {
    let server = always_open(&["pod"]).await;
    let (ada, bob) = (server.anonymous(), server.anonymous());
    let refused = ada.heartbeat(quarters("pod", 101, "ada")).await;
    assert_eq!((refusal(&refused), &refused["userErrors"][0]["field"]), ("INVALID", &json!(["input", "slots"])));
    assert_eq!(refusal(&ada.heartbeat(quarters("pod", 0, "ada")).await), "INVALID");
    assert_eq!(bob.holds("pod").await, json!([]));
    ada.hold(quarters("pod", 100, "ada")).await;
    // Berlin's day ends at 23:00 UTC: of the hundred, 92 begin before that.
    assert_eq!(bob.holds("pod").await.as_array().unwrap().len(), 92);
}

#[tokio::test]
async fn a_session_holds_at_most_four_hundred_quanta_over_all_resources() {
    let server = always_open(&["one", "other"]).await;
    let ada = server.anonymous();
    let most = |minutes| free_hold("one", &at(9), minutes, "ada");
    assert_eq!(refusal(&ada.heartbeat(most(AS_MUCH_AS_CAN_BE + 15)).await), "LIMIT_EXCEEDED");
    ada.hold(most(AS_MUCH_AS_CAN_BE)).await;
    let one_more = || free_hold("other", &at(9), 15, "ada");
    assert_eq!(refusal(&ada.heartbeat(one_more()).await), "LIMIT_EXCEEDED");
    // A replaced hold counts no longer.
    ada.hold(most(AS_MUCH_AS_CAN_BE - 15)).await;
    ada.hold(one_more()).await;
}

#[tokio::test]
async fn an_address_has_a_budget_on_each_resource_whatever_sessions_it_invents() {
    let server = always_open(&["one", "other"]).await;
    let actor = server.anonymous();
    actor.hold(free_hold("one", "2026-12-02T00:00:00Z", AS_MUCH_AS_CAN_BE, "first")).await;
    actor.hold(free_hold("one", "2026-12-12T00:00:00Z", AS_MUCH_AS_CAN_BE, "second")).await;
    let third = || free_hold("one", "2026-12-22T00:00:00Z", 15, "third");
    assert_eq!(refusal(&actor.heartbeat(third()).await), "LIMIT_EXCEEDED");
    actor.hold(free_hold("other", "2026-12-22T00:00:00Z", 15, "third")).await;

    // What was not used comes back as soon as it is left.
    actor.leave(json!({ "resourceId": "res_one", "sessionSecret": secret("first") })).await;
    actor.hold(third()).await;
}

#[tokio::test]
async fn a_thousand_sessions_of_one_address_cannot_hold_a_studio_s_month() {
    const SIX_HOURS: u32 = 6 * 60;
    const CHUNKS: i64 = 30 * 4;
    let server = TestServer::start_with(ServerOptions::default().behind_a_proxy()).await;
    server.resources([ResourceSpec::named("pod")]).await;
    let greedy = server.anonymous().at("192.0.2.66");
    let first: chrono::DateTime<chrono::Utc> = "2026-12-02T00:00:00Z".parse().unwrap();
    let start = |chunk: i64| (first + chrono::TimeDelta::hours(6 * chunk)).to_rfc3339();
    // Each session, of whatever name, tries one part of the month; fifty of them in one request.
    for fifty in 0..20 {
        let sessions = fifty * 50..(fifty + 1) * 50;
        let variables: serde_json::Map<String, Value> = sessions
            .clone()
            .map(|number| {
                let hold = free_hold("pod", &start(number % CHUNKS), SIX_HOURS, &format!("session {number}"));
                (format!("i{number}"), hold)
            })
            .collect();
        let declared: Vec<_> = sessions.clone().map(|number| format!("$i{number}: HeartbeatInput!")).collect();
        let beats: Vec<_> =
            sessions.map(|number| format!("h{number}: heartbeat(input: $i{number}) {{ granted }}")).collect();
        greedy.ask(&format!("mutation ({}) {{ {} }}", declared.join(" "), beats.join(" ")), variables.into()).await;
    }
    let query =
        "{ presenceBetween(resourceId: \"res_pod\", from: \"2026-12-01\", to: \"2027-01-05\") { holds { start } } }";
    let days = greedy.ask(query, json!({})).await;
    let held: std::collections::BTreeSet<&str> =
        days["presenceBetween"].as_array().unwrap().iter().flat_map(|day| starts_of(&day["holds"])).collect();
    // 12,000 quantum-minutes are 800 quarter hours for fifteen minutes: a third of them, by sixes of hours.
    assert_eq!(held.len(), 800 / 24);

    // The rest of the month is everybody else's.
    let free = (0..CHUNKS).find(|chunk| !held.contains(start(*chunk).replace("+00:00", "Z").as_str())).unwrap();
    let refused = greedy.heartbeat(free_hold("pod", &start(free), SIX_HOURS, "one more")).await;
    assert_eq!(refusal(&refused), "LIMIT_EXCEEDED");
    server.anonymous().at("192.0.2.7").hold(free_hold("pod", &start(free), SIX_HOURS, "modest")).await;
}

#[tokio::test]
async fn a_day_s_state_carries_no_more_than_it_may_of_what_sessions_say() {
    let server = always_open(&["pod"]).await;
    let actor = server.anonymous();
    let first: chrono::DateTime<chrono::Utc> = at(1).parse().unwrap();
    for index in 0..70 {
        let start = (first + chrono::TimeDelta::minutes(15 * index)).to_rfc3339();
        // With its quotes, a kibibyte of JSON.
        let data = json!({ "data": "x".repeat(1_022) });
        actor.hold(with(free_hold("pod", &start, 15, &format!("session {index}")), data)).await;
    }
    let holds = actor.holds("pod").await;
    let said: Vec<bool> = holds.as_array().unwrap().iter().map(|hold| !hold["data"].is_null()).collect();
    assert_eq!(said, (0..70).map(|index| index < 64).collect::<Vec<_>>());
}
