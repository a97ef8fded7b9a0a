//! Watchers who are slow, who go away, and who are still there when the server stops.

use serde_json::{Value, json};

use crate::support::studios::{at, free_hold, hold, secret, studios, with};
use crate::support::{Actor, ResourceSpec, Socket, Subprotocol, TestServer, Watch, until};

const WATCHES: [&str; 4] = [
    r#"subscription { presenceChanged(resourceId: "res_a", date: "2026-12-02") { id } }"#,
    r#"subscription { presenceBetweenChanged(resourceId: "res_a", from: "2026-12-02", to: "2026-12-02") { id } }"#,
    r#"subscription { daySlotsChanged(resourceId: "res_a", date: "2026-12-02", eventTypeId: "evt_hour") { id } }"#,
    r#"subscription {
        monthAvailabilityChanged(resourceId: "res_a", from: "2026-12-01", to: "2026-12-31", eventTypeId: "evt_hour") { id } }"#,
];

/// One of each kind in each subprotocol, after its first state.
async fn one_of_each(actor: &Actor) -> Vec<Watch> {
    let mut watches = Vec::new();
    for subprotocol in Subprotocol::BOTH {
        for subscription in WATCHES {
            let mut watch = actor.watch_with(subprotocol, subscription, json!({})).await;
            watch.next().await;
            watches.push(watch);
        }
    }
    watches
}

#[tokio::test]
async fn watchers_who_vanish_leave_nothing_behind() {
    let server = studios().await;
    let watches = one_of_each(&server.anonymous()).await;
    assert_eq!(server.feed.watchers(), watches.len());
    for watch in watches {
        watch.vanish();
    }
    until("the watchers to be forgotten", || server.feed.watchers() == 0).await;
}

#[tokio::test]
async fn a_subscription_that_its_client_ends_is_forgotten_while_the_socket_goes_on() {
    let server = studios().await;
    for (subprotocol, end) in Subprotocol::BOTH.into_iter().zip(["complete", "stop"]) {
        let mut socket = Socket::open_with(&server.anonymous(), subprotocol).await;
        for (id, watch) in WATCHES.iter().enumerate() {
            socket.subscribe(&id.to_string(), watch, json!({})).await;
            assert_eq!(socket.receive().await["id"], id.to_string());
        }
        assert_eq!(server.feed.watchers(), WATCHES.len());
        for id in 0..WATCHES.len() {
            socket.send(json!({ "id": id.to_string(), "type": end })).await;
        }
        until("the subscriptions to be forgotten", || server.feed.watchers() == 0).await;
        socket.subscribe("again", WATCHES[0], json!({})).await;
        while socket.receive().await["id"] != "again" {}
        drop(socket);
        until("the socket to be forgotten", || server.feed.watchers() == 0).await;
    }
}

#[tokio::test]
async fn a_server_that_stops_completes_what_is_watched() {
    let server = studios().await;
    let mut watches = one_of_each(&server.anonymous()).await;
    let feed = server.feed.clone();
    let completed = async {
        for watch in &mut watches {
            assert!(watch.ends().await, "a message came instead of the end");
        }
    };
    tokio::join!(server.stop(), completed);
    assert_eq!(feed.watchers(), 0);
}

/// Forty sessions hold a quarter of an hour each, and say much.
async fn forty_holds(server: &TestServer) {
    let actor = server.anonymous();
    for index in 0..40 {
        let start = format!("2026-12-02T{:02}:{:02}:00Z", 10 + index / 4, index % 4 * 15);
        let chatter = json!({ "data": "x".repeat(1_000) });
        actor.hold(with(free_hold("pod", &start, 15, &format!("session {index}")), chatter)).await;
    }
}

/// Reads until the state in which the holder of the first hold says `last`: how many states came.
async fn read_until(watch: &mut Watch, last: &Value) -> usize {
    for states in 1.. {
        if watch.next().await["holds"][0]["data"] == *last {
            return states;
        }
    }
    unreachable!("there is no end to the numbers")
}

#[tokio::test]
async fn a_watcher_that_reads_slowly_skips_to_the_latest_state_and_never_misses_it() {
    const CHANGES: usize = 60;
    const PRESENCE: &str = r#"presenceChanged(resourceId: "res_pod", date: "2026-12-02")"#;
    let server = TestServer::start().await;
    server.resources([ResourceSpec::named("pod")]).await;
    forty_holds(&server).await;
    // Half a megabyte a state: more than what the network keeps for a reader who does not read.
    let many: Vec<String> = (0..12).map(|index| format!("copy{index}: holds {{ data }}")).collect();
    let many = many.join(" ");
    let slow = format!("subscription {{ {PRESENCE} {{ holds {{ data }} {many} }} }}");
    let mut slow = server.anonymous().watch(&slow, json!({})).await;
    slow.next().await;
    let quick = format!("subscription {{ {PRESENCE} {{ holds {{ data }} }} }}");
    let mut quick = server.anonymous().watch(&quick, json!({})).await;
    quick.next().await;

    let speaker = server.anonymous();
    for step in 1..=CHANGES {
        server.pass_a_moment();
        let said = json!({ "data": step });
        speaker.hold(with(free_hold("pod", "2026-12-02T10:00:00Z", 15, "session 0"), said)).await;
        assert_eq!(quick.next().await["holds"][0]["data"], step);
    }
    let states = read_until(&mut slow, &json!(CHANGES)).await;
    assert!(states < CHANGES, "all {states} states were kept for a reader that did not read");

    // And it goes on from there.
    server.pass_a_moment();
    speaker.leave(json!({ "resourceId": "res_pod", "sessionSecret": secret("session 0") })).await;
    assert_eq!(slow.next().await["holds"].as_array().unwrap().len(), 39);
    assert_eq!(quick.next().await["holds"].as_array().unwrap().len(), 39);
}

#[tokio::test]
async fn watchers_of_another_day_hear_nothing_of_a_day_s_holds() {
    const OTHER_DAY: &str = r#"subscription {
        presenceChanged(resourceId: "res_a", date: "2026-12-03") { holds { start } } }"#;
    let server = studios().await;
    let ada = server.anonymous();
    let mut watch = server.anonymous().watch(OTHER_DAY, json!({})).await;
    assert_eq!(watch.next().await["holds"], json!([]));
    server.pass_a_moment();
    ada.hold(hold("a", "hour", 13, 60, "ada")).await;
    ada.leave(json!({ "resourceId": "res_a", "sessionSecret": secret("ada"), "slots": [at(13)] })).await;
    ada.hold(free_hold("a", "2026-12-03T12:00:00Z", 60, "ada")).await;
    assert_eq!(watch.next().await["holds"], json!([{ "start": "2026-12-03T12:00:00Z" }]));
}
