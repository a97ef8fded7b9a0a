//! Holds that run out unattended: who is told, of which, and of how many.

use std::time::Duration;

use serde_json::{Value, json};
use slotwise::clock::Clock as _;
use slotwise::domain::access::Role;

use crate::support::TestServer;
use crate::support::receiver::Receiver;
use crate::support::studios::{at, booking, free_hold, hold, secret, studios, with};

/// How long a hold lives without a heartbeat.
const LIFE: Duration = Duration::from_secs(10);

/// Has somebody told of holds that run out.
async fn told_of_holds(server: &TestServer) -> (Receiver, String) {
    let receiver = Receiver::start().await;
    let hook = server.tell(&receiver, json!({ "events": ["PRESENCE_TIMEOUT"] })).await;
    (receiver, hook.secret)
}

/// The starts of the holds that a receiver was told of.
fn starts(receiver: &Receiver) -> Vec<String> {
    receiver.heard().iter().map(|told| told.payload["data"]["start"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn whoever_wants_to_is_told_of_a_hold_that_ran_out_and_not_of_its_secret() {
    let server = studios().await;
    let (receiver, signing) = told_of_holds(&server).await;
    let granted = server.anonymous().hold(hold("a", "rehearsal", 13, 120, "ada")).await;
    server.clock.advance(LIFE);
    let told = receiver.taken_by_now(1).await;
    let told = &told[0];
    assert!(told.id().starts_with("evn_hold_"), "{}", told.id());
    let expected = json!({
        "type": "PRESENCE_TIMEOUT", "timestamp": "2026-12-01T06:00:10Z",
        "data": {
            "id": told.id(), "organizationId": "default", "resourceId": "res_a", "start": at(13), "end": at(15),
            "quantity": 1, "eventTypeId": "evt_rehearsal", "holder": granted["holder"],
            "since": "2026-12-01T06:00:00Z",
        },
    });
    assert_eq!(told.payload, expected);
    assert_eq!(told.header("webhook-signature"), told.signed_by(&[&signing]));
    assert!(!told.body().contains(&secret("ada")));
}

#[tokio::test]
async fn nobody_is_told_of_what_was_left_booked_or_is_still_attended() {
    let server = studios().await;
    let (receiver, _) = told_of_holds(&server).await;
    let anonymous = server.anonymous();
    for (hour, session) in [(10, "leaves"), (11, "books"), (12, "stays"), (13, "forgets")] {
        anonymous.hold(hold("a", "hour", hour, 60, session)).await;
    }
    anonymous.leave(json!({ "resourceId": "res_a", "sessionSecret": secret("leaves") })).await;
    let with_hold = with(booking("a", "hour", 11), json!({ "sessionSecret": secret("books") }));
    server.customer("ada").book_it(with_hold).await;
    for _ in 0..2 {
        for _ in 0..2 {
            server.clock.advance(LIFE / 2);
            anonymous.hold(hold("a", "hour", 12, 60, "stays")).await;
        }
        receiver.taken_by_now(1).await;
        server.until_quiet().await;
    }
    assert_eq!(starts(&receiver), [at(13)]);
}

#[tokio::test]
async fn nobody_is_told_who_does_not_want_to_be_or_belongs_elsewhere() {
    let server = studios().await;
    let (others, elsewhere) = (Receiver::start().await, Receiver::start().await);
    server.tell(&others, json!({})).await;
    let stranger = server.signed_in("root", Role::Admin, "org_x");
    let input = json!({ "url": elsewhere.url, "events": ["PRESENCE_TIMEOUT"] });
    stranger.run_well("createWebhook", input).await;
    let (first, _) = told_of_holds(&server).await;
    let anonymous = server.anonymous();
    anonymous.hold(hold("a", "hour", 10, 60, "ada")).await;
    server.clock.advance(LIFE);
    first.taken_by_now(1).await;
    // Whoever wants to know only now is not told of it any more.
    let (receiver, _) = told_of_holds(&server).await;
    server.clock.advance(LIFE);
    anonymous.hold(hold("a", "hour", 11, 60, "bob")).await;
    server.clock.advance(LIFE);
    first.taken_by_now(2).await;
    receiver.taken_by_now(1).await;
    server.until_quiet().await;
    assert_eq!((starts(&first), starts(&receiver)), (vec![at(10), at(11)], vec![at(11)]));
    assert_eq!((others.visits(), elsewhere.visits()), (0, 0));
}

#[tokio::test]
async fn of_many_holds_that_run_out_sixty_are_told_of_in_a_minute() {
    let server = studios().await;
    let (receiver, _) = told_of_holds(&server).await;
    let anonymous = server.anonymous();
    let first = server.clock.now() + chrono::TimeDelta::days(1);
    let slots: Vec<Value> = (0..70)
        .map(|number| json!({ "start": first + chrono::TimeDelta::minutes(15 * number), "durationMinutes": 15 }))
        .collect();
    anonymous.hold(with(free_hold("a", &at(10), 15, "many"), json!({ "slots": slots }))).await;
    server.clock.advance(LIFE);
    receiver.taken_by_now(60).await;
    server.until_quiet().await;
    // Those of the next minute come after all of these.
    server.clock.advance(Duration::from_mins(1).saturating_sub(LIFE));
    anonymous.hold(hold("b", "hour", 10, 60, "one")).await;
    server.clock.advance(LIFE);
    let told = receiver.taken_by_now(61).await;
    server.until_quiet().await;
    assert_eq!((receiver.heard().len(), &told[60].payload["data"]["resourceId"]), (61, &json!("res_b")));
}
