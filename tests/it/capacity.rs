//! Changing how many units a resource has, while it is booked.

use serde_json::{Value, json};
use slotwise::domain::access::Role;

use crate::support::running::{of, refusals};
use crate::support::studios::{at, booking, hold, refusal, secret, studios, with};
use crate::support::{Actor, ResourceSpec, TestServer, at_once};

/// The studios, and a pool of three microphones that can be had with them or by themselves.
async fn with_microphones() -> TestServer {
    let server = studios().await;
    server.resources([ResourceSpec { quantity: 3, ..ResourceSpec::named("mics") }]).await;
    server.links("hour", &["mics".to_owned()]).await;
    server
}

async fn resize(root: &Actor, resource: &str, quantity: u32) -> Value {
    root.run("updateResource", json!({ "id": format!("res_{resource}"), "quantity": quantity })).await
}

async fn resized(root: &Actor, resource: &str, quantity: u32) {
    let payload = resize(root, resource, quantity).await;
    assert_eq!((&payload["userErrors"], &payload["resource"]["quantity"]), (&json!([]), &json!(quantity)));
}

/// `booking` of several units.
fn units(resource: &str, hour: u32, quantity: u32) -> Value {
    with(booking(resource, "hour", hour), json!({ "quantity": quantity }))
}

fn conflicts(payload: &Value) -> Vec<(&str, &str)> {
    let conflicts = payload["userErrors"][0]["conflicts"].as_array().unwrap();
    conflicts.iter().map(|found| (found["start"].as_str().unwrap(), found["end"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn what_is_exclusive_becomes_a_pool_with_all_that_is_booked_and_exclusive_again() {
    let server = studios().await;
    let (root, ada) = (server.runner(), server.customer("ada"));
    let first = ada.book_it(booking("a", "hour", 10)).await;
    resized(&root, "a", 3).await;
    server.assert_sound().await;
    let second = ada.book_it(units("a", 10, 2)).await;
    assert_eq!(refusal(&ada.book(booking("a", "hour", 10)).await), "SLOT_TAKEN");
    server.assert_sound().await;

    ada.cancel(json!({ "id": first["booking"]["id"] })).await;
    assert_eq!(refusal(&resize(&root, "a", 1).await), "NOT_ENOUGH_UNITS");
    resized(&root, "a", 2).await;
    server.assert_sound().await;
    assert_eq!(refusal(&ada.book(booking("a", "hour", 10)).await), "SLOT_TAKEN");
    ada.cancel(json!({ "id": second["booking"]["id"] })).await;
    let third = ada.book_it(booking("a", "hour", 10)).await;
    resized(&root, "a", 1).await;
    server.assert_sound().await;
    // One again: taken by one, let go by one, and free on days of which nothing was booked before.
    assert_eq!(refusal(&ada.book(booking("a", "hour", 10)).await), "SLOT_TAKEN");
    assert_eq!(refusal(&ada.book(units("a", 12, 2)).await), "NOT_ENOUGH_UNITS");
    ada.cancel(json!({ "id": third["booking"]["id"] })).await;
    ada.book_it(booking("a", "hour", 10)).await;
    ada.book_it(with(booking("a", "hour", 10), json!({ "start": "2026-12-09T12:00:00Z" }))).await;
    server.assert_sound().await;
    resized(&root, "a", 2).await;
    ada.book_it(booking("a", "hour", 10)).await;
    server.assert_sound().await;
}

#[tokio::test]
async fn a_pool_is_not_lowered_below_what_is_booked_from_now_on_and_told_where() {
    let server = with_microphones().await;
    let (root, ada) = (server.runner(), server.customer("ada"));
    ada.book_it(units("mics", 9, 3)).await;
    ada.book_it(units("mics", 11, 2)).await;
    ada.book_it(units("mics", 12, 2)).await;
    ada.book_it(units("mics", 14, 1)).await;
    let before = server.audit_lines().await.len();
    let payload = resize(&root, "mics", 1).await;
    assert_eq!(refusals(&payload), of(&[("NOT_ENOUGH_UNITS", "quantity")]));
    assert_eq!(conflicts(&payload), [(at(9).as_str(), at(10).as_str()), (&at(11), &at(13))]);
    assert_eq!(payload["userErrors"][0]["conflicts"][0]["resourceId"], "res_mics");
    assert_eq!(conflicts(&resize(&root, "mics", 2).await), [(at(9).as_str(), at(10).as_str())]);
    // What is under way counts from now on, what has passed does not.
    server.clock.advance_to("2026-12-02T08:20:00Z".parse().unwrap());
    let under_way = resize(&root, "mics", 2).await;
    assert_eq!(conflicts(&under_way), [("2026-12-02T08:15:00Z", at(10).as_str())]);
    assert_eq!(server.audit_lines().await.len(), before);
    server.clock.advance_to("2026-12-02T09:00:00Z".parse().unwrap());
    resized(&root, "mics", 2).await;
    server.assert_sound().await;
}

#[tokio::test]
async fn a_refusal_names_no_more_conflicts_than_people_read() {
    let server = with_microphones().await;
    let (root, ada) = (server.runner(), server.customer("ada"));
    for day in 2..=26 {
        let start = format!("2026-12-{day:02}T12:00:00Z");
        ada.book_it(with(units("mics", 9, 2), json!({ "start": start }))).await;
    }
    assert_eq!(conflicts(&resize(&root, "mics", 1).await).len(), 20);
}

#[tokio::test]
async fn days_that_are_over_may_hold_more_than_there_is_now_and_are_let_go_all_the_same() {
    let server = with_microphones().await;
    let (root, ada) = (server.runner(), server.customer("ada"));
    let (one, two) = (ada.book_it(units("mics", 9, 2)).await, ada.book_it(units("mics", 9, 1)).await);
    server.clock.advance_to("2026-12-05T00:00:00Z".parse().unwrap());
    resized(&root, "mics", 1).await;
    server.assert_sound().await;
    for booked in [one, two] {
        let gone = server.staff().cancel(json!({ "id": booked["booking"]["id"] })).await;
        assert_eq!(gone["booking"]["status"], "CANCELLED", "{gone}");
        server.assert_sound().await;
    }
}

#[tokio::test]
async fn holds_that_a_lowered_pool_has_no_room_for_end_the_last_taken_first() {
    let server = with_microphones().await;
    let (root, ada, bob) = (server.runner(), server.customer("ada"), server.customer("bob"));
    ada.hold(hold("mics", "hour", 9, 60, "ada")).await;
    server.clock.advance(std::time::Duration::from_secs(1));
    bob.hold(with(hold("mics", "hour", 9, 60, "bob"), json!({ "quantity": 2 }))).await;
    bob.hold(hold("mics", "hour", 12, 60, "bob")).await;
    resized(&root, "mics", 2).await;
    let left = ada.holds("mics").await;
    let left: Vec<_> =
        left.as_array().unwrap().iter().map(|held| (held["start"].as_str().unwrap(), &held["quantity"])).collect();
    assert_eq!(left, [(at(9).as_str(), &json!(1)), (&at(12), &json!(1))]);
    // What is left can be booked, and what has ended is free for whoever comes first.
    ada.book_it(with(booking("mics", "hour", 9), json!({ "sessionSecret": secret("ada") }))).await;
    ada.book_it(booking("mics", "hour", 9)).await;
    bob.book_it(with(booking("mics", "hour", 12), json!({ "sessionSecret": secret("bob") }))).await;
    server.assert_sound().await;
}

/// Changes the quantity of `resource` again and again while many book it.
async fn resize_while_booked(server: &TestServer, resource: &'static str, quantities: &'static [u32]) -> Vec<Value> {
    let (root, people) = (server.runner(), ["ada", "bob", "joan"].map(|name| server.customer(name)));
    let answers = at_once(31, |number| {
        let (root, person) = (root.clone(), people[number % people.len()].clone());
        async move {
            if number == 30 {
                let mut last = Value::Null;
                for quantity in quantities {
                    last = resize(&root, resource, *quantity).await;
                    let refused = refusals(&last);
                    assert!(refused.is_empty() || refused == of(&[("NOT_ENOUGH_UNITS", "quantity")]), "{last}");
                }
                return last;
            }
            let hour = 9 + u32::try_from(number % 3).unwrap();
            let payload = person.book(booking(resource, "hour", hour)).await;
            if payload["booking"].is_object() {
                // Every third one goes again at once.
                if number % 9 == 0 {
                    let gone = person.cancel(json!({ "id": payload["booking"]["id"] })).await;
                    assert_eq!(gone["booking"]["status"], "CANCELLED", "{gone}");
                }
            } else {
                assert_eq!(refusal(&payload), "SLOT_TAKEN", "{payload}");
            }
            payload
        }
    });
    answers.await
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_book_a_pool_while_it_grows_and_shrinks_and_none_too_many_gets_it() {
    let server = with_microphones().await;
    let answers = resize_while_booked(&server, "mics", &[5, 2, 7, 1, 4, 3, 9, 6]).await;
    server.assert_sound().await;
    assert!(answers.iter().filter(|answer| answer["booking"].is_object()).count() >= 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_book_what_was_exclusive_while_it_becomes_a_pool_and_none_too_many_gets_it() {
    for round in 0_u32..4 {
        let server = studios().await;
        // Some of its days have been booked before, others not.
        if round % 2 == 0 {
            server.customer("eve").book_it(booking("a", "hour", 20)).await;
        }
        let answers = resize_while_booked(&server, "a", &[2, 1, 3, 5]).await;
        server.assert_sound().await;
        assert!(answers.iter().filter(|answer| answer["booking"].is_object()).count() >= 3);
        assert_eq!(refusals(&resize(&server.runner(), "a", 10).await), of(&[]));
        server.customer("ada").book_it(booking("a", "hour", 9)).await;
        server.assert_sound().await;
    }
}

#[tokio::test]
async fn nobody_else_resizes_it() {
    let server = with_microphones().await;
    let eve = server.signed_in("eve", Role::Admin, "other");
    assert_eq!(refusals(&resize(&eve, "mics", 5).await), of(&[("NOT_FOUND", "id")]));
}

#[tokio::test]
async fn only_a_lower_quantity_makes_the_server_look_at_holds() {
    let server = with_microphones().await;
    let (root, bob) = (server.runner(), server.anonymous());
    let cost = async |quantity: u32| server.statements_of(resized(&root, "mics", quantity)).await.1;
    cost(3).await;
    let (same, raised, lowered) = (cost(3).await, cost(4).await, cost(3).await);
    bob.hold(hold("mics", "hour", 10, 60, "bob")).await;
    assert_eq!((cost(3).await, cost(4).await), (same, raised));
    assert!(cost(3).await > lowered);
    assert_eq!(bob.holds("mics").await.as_array().unwrap().len(), 1);
}
