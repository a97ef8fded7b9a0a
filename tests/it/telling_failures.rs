//! Receivers that stay away for days: what is given up when, sent again by hand, and to what nothing is sent any more.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use slotwise::clock::Clock as _;

use crate::support::moving::{an_hour, rooms};
use crate::support::receiver::{Conduct, Receiver};
use crate::support::{Actor, TestServer};

async fn book(actor: &Actor, hour: u32) -> String {
    actor.make(an_hour("any", "a", &format!("2026-12-20T{hour:02}:00:00Z"))).await.0
}

/// What has become of an event.
async fn delivery(server: &TestServer, event: &str) -> Value {
    const ALL: &str = "{ webhookDeliveries { nodes { id eventId event status attempts lastStatusCode lastError
        nextAttemptAt history { number at statusCode error } } } }";
    let all = server.runner().ask(ALL, json!({})).await["webhookDeliveries"]["nodes"].clone();
    let found: Vec<_> = all.as_array().unwrap().iter().filter(|one| one["eventId"] == event).collect();
    assert_eq!(found.len(), 1, "{event} in {all}");
    found[0].clone()
}

async fn webhook(server: &TestServer) -> Value {
    server.runner().ask("{ webhooks { id active failingSince updatedAt } }", json!({})).await["webhooks"][0].clone()
}

fn instant(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn after_a_day_of_failures_an_event_is_given_up_the_next_one_goes_on_and_it_can_be_sent_again() {
    let (server, receiver) = (rooms().await, Receiver::start().await);
    server.tell(&receiver, json!({})).await;
    receiver.behave(Conduct::Refuses(500));
    let (ada, begun) = (server.customer("ada"), server.clock.now());
    let id = book(&ada, 10).await;
    let [first, second] = [1, 2].map(|change| format!("evn_{id}_{change}"));
    server.until_quiet().await;
    while server.clock.now() < begun + TimeDelta::hours(20) {
        server.pass_until_next().await;
    }
    ada.change_it("updateBooking", json!({ "id": id, "booker": { "notes": "Two chairs" } })).await;
    server.until_quiet().await;
    while delivery(&server, &first).await["status"] == "PENDING" {
        assert!(receiver.heard().iter().all(|told| told.id() == first), "the second one waits for the first");
        assert_eq!(delivery(&server, &second).await["attempts"], 0);
        server.pass_until_next().await;
    }

    let failed = delivery(&server, &first).await;
    let tried = receiver.heard().iter().filter(|told| told.id() == first).count();
    assert_eq!((&failed["status"], &failed["attempts"]), (&json!("FAILED"), &json!(tried)));
    assert_eq!((&failed["lastStatusCode"], &failed["nextAttemptAt"]), (&json!(500), &Value::Null));
    assert_eq!(failed["lastError"], "The receiver answered 500.");
    let history = failed["history"].as_array().unwrap();
    for (attempt, number) in history.iter().zip(1..) {
        let expected = (&json!(number), &json!(500), &failed["lastError"]);
        assert_eq!((&attempt["number"], &attempt["statusCode"], &attempt["error"]), expected);
    }
    let at: Vec<_> = history.iter().map(|attempt| instant(&attempt["at"])).collect();
    assert_eq!(at.len(), tried);
    assert!(at[0] - begun < TimeDelta::seconds(1));
    let pauses: Vec<_> = at.windows(2).map(|two| two[1] - two[0]).collect();
    let (shortest, longest) = (TimeDelta::seconds(5), TimeDelta::minutes(264));
    assert!(pauses.iter().all(|pause| (shortest..=longest).contains(pause)), "{pauses:?}");
    let whole = server.clock.now() - begun;
    assert!(TimeDelta::hours(24) <= whole && whole <= TimeDelta::hours(29), "{whole}");

    // The second one's turn has come, at once.
    assert_eq!(receiver.heard().last().unwrap().id(), second);
    let second_now = delivery(&server, &second).await;
    assert_eq!((&second_now["status"], &second_now["attempts"]), (&json!("PENDING"), &json!(1)));
    receiver.behave(Conduct::Takes);
    server.pass_until_told().await;
    assert_eq!(
        receiver.taken().iter().map(|told| told.id().to_owned()).collect::<Vec<_>>(),
        std::slice::from_ref(&second)
    );
    assert_eq!(webhook(&server).await["failingSince"], Value::Null);

    let again = server.runner().run_well("redeliverWebhook", json!({ "deliveryId": failed["id"] })).await;
    assert_eq!(again["delivery"]["eventId"], json!(first));
    server.until_quiet().await;
    assert_eq!(receiver.taken().last().unwrap().id(), first);
    let arrived = delivery(&server, &first).await;
    let expected = (&json!("DELIVERED"), &json!(tried + 1), &json!(204));
    assert_eq!((&arrived["status"], &arrived["attempts"], &arrived["lastStatusCode"]), expected);
}

#[tokio::test]
async fn a_webhook_at_which_nothing_arrives_for_days_is_switched_off_until_somebody_switches_it_on() {
    const AUDIT: &str = "query ($id: ID) { auditLog(entityId: $id) { nodes { action by { kind userId } changes } } }";
    let (server, receiver) = (rooms().await, Receiver::start().await);
    let hook = server.tell(&receiver, json!({})).await;
    receiver.behave(Conduct::Refuses(500));
    let (ada, begun) = (server.customer("ada"), server.clock.now());
    let pass_until = async |hours| {
        while server.clock.now() < begun + TimeDelta::hours(hours) {
            server.pass_until_next().await;
        }
    };
    let mut bookings = Vec::new();
    for (hour, until) in [(10, 20), (11, 40)] {
        bookings.push(book(&ada, hour).await);
        server.until_quiet().await;
        pass_until(until).await;
        assert_eq!(webhook(&server).await["active"], true, "it has not been two days");
    }
    for hour in [12, 13] {
        bookings.push(book(&ada, hour).await);
        server.until_quiet().await;
    }
    // The first and the second were given up before two days were over: the third is the one too many.
    while webhook(&server).await["active"] == true {
        server.pass_until_next().await;
    }
    let event = |number: usize| format!("evn_{}_1", bookings[number]);
    assert!(server.clock.now() - begun >= TimeDelta::days(2));
    let off = webhook(&server).await;
    let (failing, updated) = (instant(&off["failingSince"]), instant(&off["updatedAt"]));
    assert!(failing - begun < TimeDelta::seconds(1) && updated - failing >= TimeDelta::days(2));
    let log = server.runner().ask(AUDIT, json!({ "id": hook.id })).await["auditLog"]["nodes"].clone();
    let expected = json!({
        "action": "updated", "by": { "kind": "SYSTEM", "userId": null },
        "changes": { "active": { "from": true, "to": false } },
    });
    assert!(log.as_array().unwrap().contains(&expected), "{log}");

    // Nothing is sent there any more, of what happened and of what happens.
    receiver.behave(Conduct::Takes);
    let heard = receiver.heard().len();
    let unheard = book(&ada, 14).await;
    server.clock.advance(std::time::Duration::from_hours(5));
    server.until_quiet().await;
    assert_eq!(receiver.heard().len(), heard);
    let status = async |number: usize| delivery(&server, &event(number)).await["status"].clone();
    assert_eq!([status(0).await, status(1).await], ["FAILED", "FAILED"]);
    let waiting: Vec<_> = [status(2).await, status(3).await].into_iter().filter(|status| status == "PENDING").collect();
    assert!(!waiting.is_empty());

    server.runner().run_well("updateWebhook", json!({ "id": hook.id, "active": true })).await;
    server.until_quiet().await;
    let taken = receiver.taken();
    assert_eq!(taken.len(), waiting.len(), "what waited arrives");
    assert!(taken.iter().all(|told| told.booking() != unheard));
    let on = webhook(&server).await;
    assert_eq!((&on["active"], &on["failingSince"]), (&json!(true), &Value::Null));
    let id = book(&ada, 15).await;
    server.until_quiet().await;
    assert_eq!(receiver.taken().last().unwrap().booking(), id);
}

#[tokio::test]
async fn a_selection_that_cannot_be_executed_holds_up_others_for_seconds_and_only_once() {
    let (server, [whole, chosen]) = (rooms().await, [Receiver::start().await, Receiver::start().await]);
    server.tell(&whole, json!({})).await;
    server.tell(&chosen, json!({ "selection": "{ id booking { resource { name } } }" })).await;
    let ada = server.customer("ada");
    let id = book(&ada, 10).await;
    server.until_quiet().await;
    // What was stored can no longer be read.
    server.execute_sql("UPDATE resources SET time_zone = 'Nowhere/At_All' WHERE id = 'res_a'").await;
    let begun = server.clock.now();
    ada.change_it("updateBooking", json!({ "id": id, "booker": { "notes": "Two chairs" } })).await;
    while server.untold().await > 0 {
        server.clock.advance(std::time::Duration::from_millis(100));
    }
    assert!(server.clock.now() - begun >= TimeDelta::seconds(5), "faults of the store pass");
    let paused = server.clock.now();
    ada.change_it("updateBooking", json!({ "id": id, "booker": { "notes": "Three chairs" } })).await;
    server.until_quiet().await;
    assert_eq!(server.clock.now(), paused, "others do not");
    let bodies = |receiver: Receiver| receiver.taken().iter().map(|told| told.body().to_owned()).collect::<Vec<_>>();
    let [whole, chosen] = [whole, chosen].map(bodies);
    assert_ne!(whole[0], chosen[0], "that was as it was selected");
    assert_eq!((whole[1..].len(), &whole[1..]), (2, &chosen[1..]), "better too much than nothing");
}

#[tokio::test]
async fn what_cannot_be_read_is_left_where_it_is_and_others_are_told() {
    let (server, receiver) = (rooms().await, Receiver::start().await);
    server.tell(&receiver, json!({})).await;
    server
        .execute_sql(
            "INSERT INTO outbox (organization_id, news, created_at) VALUES ('default', '{\"newer\": true}', 1796101200000)",
        )
        .await;
    let id = book(&server.customer("ada"), 10).await;
    assert_eq!(receiver.heard_by_now(1).await[0].booking(), id);
    while server.untold().await > 1 {}
    assert_eq!(server.untold().await, 1, "a newer server may be able to");
}

#[tokio::test]
async fn what_a_receiver_refuses_for_what_it_is_waits_for_its_time_when_the_receiver_is_back() {
    let (server, receiver) = (rooms().await, Receiver::start().await);
    server.tell(&receiver, json!({ "events": ["BOOKING_CREATED"] })).await;
    let (ada, begun) = (server.customer("ada"), server.clock.now());
    receiver.behave(Conduct::Refuses(422));
    let malformed = book(&ada, 10).await;
    server.until_quiet().await;
    while server.clock.now() < begun + TimeDelta::hours(1) {
        server.pass_until_next().await;
    }
    receiver.behave(Conduct::Refuses(503));
    let late = book(&ada, 11).await;
    server.until_quiet().await;
    receiver.behave(Conduct::Takes);
    server.pass_until_next().await;
    let taken = || receiver.taken().iter().map(|told| told.booking().to_owned()).collect::<Vec<_>>();
    assert_eq!(taken(), std::slice::from_ref(&late));
    server.pass_until_told().await;
    assert_eq!(taken(), [late, malformed]);
}
