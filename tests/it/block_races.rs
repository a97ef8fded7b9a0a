//! Blocks and bookings that want the same time at once.

use serde_json::{Value, json};

use crate::support::studios::{at, booking, studios, with};
use crate::support::{Choices, ResourceSpec, TestServer, at_once};

fn block(resource: &str, from: u32, to: u32) -> Value {
    json!({ "resourceId": format!("res_{resource}"), "start": at(from), "end": at(to) })
}

fn is_taken(payload: &Value) -> bool {
    payload["userErrors"][0]["code"] == "SLOT_TAKEN"
}

async fn listed(server: &TestServer) -> usize {
    let listed = server.staff().ask("{ blocks(first: 200) { nodes { id } } }", json!({})).await;
    listed["blocks"]["nodes"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_blocks_and_bookings_of_the_same_hour_one_gets_it() {
    let server = studios().await;
    let (staff, ada) = (server.staff(), server.customer("ada"));
    let answers = at_once(60, |number| {
        let (staff, ada) = (staff.clone(), ada.clone());
        async move {
            match number % 2 {
                0 => staff.run("createBlock", block("a", 10, 11)).await,
                _ => ada.book(booking("a", "hour", 10)).await,
            }
        }
    })
    .await;
    let (lost, won): (Vec<&Value>, Vec<&Value>) = answers.iter().partition(|payload| is_taken(payload));
    assert_eq!((won.len(), lost.len()), (1, 59), "{won:?}");
    assert_eq!(won[0]["userErrors"], json!([]));
    server.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn units_of_a_pool_are_blocked_and_booked_once_each() {
    let server = studios().await;
    server.resources([ResourceSpec { quantity: 20, ..ResourceSpec::named("mics") }]).await;
    server.links("hour", &["mics".to_owned()]).await;
    let (staff, ada) = (server.staff(), server.customer("ada"));
    let answers = at_once(60, |number| {
        let (staff, ada) = (staff.clone(), ada.clone());
        async move {
            match number % 2 {
                0 => staff.run("createBlock", with(block("mics", 9, 12), json!({ "quantity": 1 }))).await,
                _ => ada.book(booking("mics", "hour", 10)).await,
            }
        }
    })
    .await;
    assert_eq!(answers.iter().filter(|payload| payload["userErrors"] == json!([])).count(), 20);
    assert!(answers.iter().all(|payload| is_taken(payload) || payload["userErrors"] == json!([])));
    server.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_is_removed_once_however_many_do() {
    let server = studios().await;
    let staff = server.staff();
    let made = staff.run_well("createBlock", block("a", 10, 11)).await["block"]["id"].clone();
    let answers = at_once(20, |_| {
        let (staff, id) = (staff.clone(), made.clone());
        async move { staff.run("deleteBlock", json!({ "id": id })).await }
    })
    .await;
    let removed = answers.iter().filter(|payload| payload["deletedId"] == made).count();
    let unknown = answers.iter().filter(|payload| payload["userErrors"][0]["code"] == "NOT_FOUND").count();
    assert_eq!((removed, unknown), (1, 19));
    server.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_blocks_bookings_and_their_ends_leaves_everything_sound() {
    let server = studios().await;
    server.resources([ResourceSpec { quantity: 2, ..ResourceSpec::named("mics") }]).await;
    server.links("hour", &["mics".to_owned()]).await;
    let (staff, ada, root) = (server.staff(), server.customer("ada"), server.runner());
    let kept = at_once(24, |number| {
        let (staff, ada, root) = (staff.clone(), ada.clone(), root.clone());
        async move {
            let mut choices = Choices::new(number);
            let mut kept = 0;
            for _ in 0..8 {
                let resource = ["a", "mics"][choices.below(2)];
                let hour = 9 + u32::try_from(choices.below(3)).unwrap();
                match choices.below(5) {
                    0 | 1 => {
                        let hours = 1 + u32::try_from(choices.below(2)).unwrap();
                        let made = staff.run("createBlock", block(resource, hour, hour + hours)).await;
                        let id = &made["block"]["id"];
                        assert!(id.is_string() || is_taken(&made), "{made}");
                        if id.is_string() && choices.below(3) > 0 {
                            staff.run_well("deleteBlock", json!({ "id": id })).await;
                        } else if id.is_string() {
                            kept += 1;
                        }
                    }
                    2 | 3 => {
                        let made = ada.book(booking(resource, "hour", hour)).await;
                        let id = &made["booking"]["id"];
                        assert!(id.is_string() || is_taken(&made), "{made}");
                        if id.is_string() {
                            ada.cancel(json!({ "id": id })).await;
                        }
                    }
                    _ => {
                        let quantity = 2 + choices.below(3);
                        let input = json!({ "id": "res_mics", "quantity": quantity });
                        let resized = root.run("updateResource", input).await;
                        let code = &resized["userErrors"][0]["code"];
                        assert!(code.is_null() || code == "NOT_ENOUGH_UNITS", "{resized}");
                    }
                }
            }
            kept
        }
    })
    .await;
    assert_eq!(listed(&server).await, kept.into_iter().sum::<usize>());
    server.assert_sound().await;
}
