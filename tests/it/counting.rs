//! What the server counts, told to whoever knows the token.

use serde_json::{Value, json};

use crate::support::studios::{booking, hold, secret, studios, with};
use crate::support::{METRICS_TOKEN, Subprotocol, TestServer, until, within_patience};

/// What `/metrics` answers to somebody who shows `token`.
async fn page(server: &TestServer, token: Option<&str>) -> (u16, String) {
    let mut request = reqwest::Client::new().get(format!("http://{}/metrics", server.address));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let response = within_patience("counts", request.send()).await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

/// The count that a line begins with.
async fn count(server: &TestServer, line: &str) -> u64 {
    let (status, text) = page(server, Some(METRICS_TOKEN)).await;
    assert_eq!(status, 200);
    let found = text.lines().find_map(|told| told.strip_prefix(line)?.strip_prefix(' '));
    found.map_or(0, |count| count.parse().unwrap())
}

async fn executions(server: &TestServer, field: &str) -> u64 {
    count(server, &format!("slotwise_field_executions_total{{field=\"{field}\"}}")).await
}

#[tokio::test]
async fn counts_are_told_to_whoever_shows_the_token_and_to_nobody_else() {
    let server = studios().await;
    assert_eq!(page(&server, None).await.0, 401);
    assert_eq!(page(&server, Some("another token of that length")).await.0, 401);
    let staff = server.runner().token().unwrap().to_owned();
    assert_eq!(page(&server, Some(&staff)).await.0, 401);
    let (status, text) = page(&server, Some(METRICS_TOKEN)).await;
    assert_eq!(status, 200);
    assert!(text.ends_with("# EOF\n") && text.contains("# HELP slotwise_holds"), "{text}");
}

#[tokio::test]
async fn ten_watchers_cost_one_execution_for_each_question_and_change_and_a_renewal_none() {
    const SLOTS: &str = r#"subscription ($minutes: Int!) {
        daySlotsChanged(resourceId: "res_a", date: "2026-12-02", durationMinutes: $minutes) { slots { start } } }"#;
    const HOLDS: &str =
        r#"subscription { presenceChanged(resourceId: "res_a", date: "2026-12-02") { holds { start } } }"#;
    let server = studios().await;
    let ada = server.customer("ada");
    let mut watches = Vec::new();
    for number in 0..10 {
        let minutes = json!({ "minutes": ([60, 120, 300][number % 3]) });
        let mut slots = server.anonymous().watch(SLOTS, minutes).await;
        let mut holds = server.anonymous().watch(HOLDS, Value::Null).await;
        slots.next().await;
        holds.next().await;
        watches.push((slots, holds));
    }
    assert_eq!((executions(&server, "daySlotsChanged").await, executions(&server, "presenceChanged").await), (3, 1));
    assert_eq!(count(&server, "slotwise_live_queries").await, 4);

    ada.hold(hold("a", "hour", 15, 60, "ada")).await;
    server.pass_a_moment();
    for (_, holds) in &mut watches {
        holds.next().await;
    }
    ada.hold(hold("a", "hour", 15, 60, "ada")).await;
    server.pass_a_moment();
    assert_eq!((executions(&server, "daySlotsChanged").await, executions(&server, "presenceChanged").await), (3, 2));
    assert_eq!(count(&server, "slotwise_holds").await, 1);

    ada.book_it(with(booking("a", "hour", 15), json!({ "sessionSecret": secret("ada") }))).await;
    server.pass_a_moment();
    for (slots, holds) in &mut watches {
        slots.next().await;
        holds.next().await;
    }
    assert_eq!((executions(&server, "daySlotsChanged").await, executions(&server, "presenceChanged").await), (6, 3));
    assert_eq!(count(&server, "slotwise_live_states_total").await, 2 * 10 + 10 + 2 * 10);
    assert_eq!(count(&server, "slotwise_booking_events_total{event=\"BOOKING_CREATED\"}").await, 1);
    drop(watches);
    until("the watchers to be forgotten", || server.feed.watchers() == 0).await;
    assert_eq!(count(&server, "slotwise_live_queries").await, 0);
}

#[tokio::test]
async fn refusals_are_counted_by_their_codes_and_nobody_can_make_names_up() {
    const TWICE: &str = "mutation ($input: CreateBookingInput!) {
        createBooking(input: $input) { userErrors { code } again: userErrors { message } } }";
    let server = studios().await;
    let bob = server.anonymous();
    bob.send("{ resource(id: \"res_none\") { id } }", json!({})).await;
    bob.send("{ madeUp }", json!({})).await;
    bob.send("{ a", json!({})).await;
    let refused = async |code: &str| count(&server, &format!("slotwise_refusals_total{{code=\"{code}\"}}")).await;
    assert_eq!((refused("NOT_FOUND").await, refused("BAD_USER_INPUT").await), (1, 2));
    assert_eq!((executions(&server, "resource").await, executions(&server, "madeUp").await), (1, 0));
    // What HTTP refuses, and what is refused before it is executed, is counted as well.
    bob.post("{").await;
    assert_eq!(refused("BAD_USER_INPUT").await, 3);
    // And so is what the rules refuse.
    let ada = server.customer("ada");
    ada.book(booking("a", "hour", 3)).await;
    let outside = async || count(&server, "slotwise_user_errors_total{code=\"OUTSIDE_SCHEDULE\"}").await;
    assert_eq!(outside().await, 1);
    // Once, however often a client asks for it.
    ada.ask(TWICE, json!({ "input": booking("a", "hour", 3) })).await;
    assert_eq!(outside().await, 2);
    // The older protocol is no way around it.
    let before = refused("BAD_USER_INPUT").await;
    let mut legacy = server.anonymous().watch_with(Subprotocol::Legacy, "subscription { madeUp }", json!({})).await;
    legacy.next_raw().await;
    assert_eq!(refused("BAD_USER_INPUT").await, before + 1);
    assert!(count(&server, "slotwise_execution_duration_seconds_count{kind=\"query\"}").await >= 1);
}
