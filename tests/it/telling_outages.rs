//! Receivers that are out of order: bookings do not wait for them, nobody else does, and everything arrives in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;
use slotwise::clock::Clock as _;

use crate::support::moving::{an_hour, rooms};
use crate::support::receiver::{Conduct, Receiver, Told};
use crate::support::telling::assert_in_order;
use crate::support::{Actor, TestServer};

/// How long a receiver has to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Books the hour of that number, and changes it twice.
async fn book(actor: &Actor, number: usize) {
    let start = format!("2026-12-{:02}T{:02}:00:00Z", 10 + number / 24, number % 24);
    let (id, _) = actor.make(an_hour("any", "a", &start)).await;
    for notes in ["Two chairs", "Three chairs"] {
        actor.change_it("updateBooking", json!({ "id": id, "booker": { "notes": notes } })).await;
    }
}

/// Fails unless of each booking the next thing was told only after the one before had been taken, and whatever was told
/// came to the right place.
fn assert_told_in_turn(heard: &[Told], taken: &[Told]) {
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    for told in heard {
        assert_eq!(told.line(), "POST /hooks HTTP/1.1");
        let before = last.insert(told.booking(), told.sequence()).unwrap_or(1);
        assert!(told.sequence() == before || told.sequence() == before + 1, "{} after {before}", told.sequence());
    }
    let ids = |told: &[Told]| told.iter().map(|told| told.id().to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(ids(heard), ids(taken), "something was told that never arrived, or never happened");
}

#[tokio::test]
async fn whatever_is_wrong_with_a_receiver_others_are_told_and_it_is_too_once_it_is_back() {
    let server = rooms().await;
    let (ada, good, bad) = (server.customer("ada"), Receiver::start().await, Receiver::start().await);
    server.tell(&good, json!({})).await;
    server.tell(&bad, json!({})).await;
    let mut hours = 0;
    for conduct in [
        Conduct::Refuses(500),
        Conduct::Refuses(410),
        Conduct::Refuses(404),
        Conduct::Redirects,
        Conduct::BreaksOff,
        Conduct::Babbles,
    ] {
        let before = bad.taken().len();
        bad.behave(conduct);
        for _ in 0..3 {
            book(&ada, hours).await;
            hours += 1;
        }
        server.until_quiet().await;
        assert_eq!((good.taken().len(), bad.taken().len()), (9 * hours / 3, before), "{conduct:?}");
        for _ in 0..6 {
            server.pass_until_next().await;
        }
        assert_eq!(bad.taken().len(), before, "{conduct:?}");
        bad.behave(Conduct::Takes);
        server.pass_until_told().await;
        assert_eq!(bad.taken().len(), 3 * hours, "{conduct:?}");
    }
    for receiver in [&good, &bad] {
        let taken = receiver.taken();
        assert_eq!(assert_in_order(&taken).into_values().collect::<Vec<_>>(), vec![3; hours]);
        assert_told_in_turn(&receiver.heard(), &taken);
    }
    assert_eq!(good.heard().len(), good.taken().len(), "what arrived was not told again");
    assert_eq!(server.untold().await, 0);
}

#[tokio::test]
async fn a_receiver_that_hangs_delays_neither_bookings_nor_other_receivers() {
    for conduct in [Conduct::Hangs, Conduct::Stalls] {
        let server = rooms().await;
        let (ada, good, bad) = (server.customer("ada"), Receiver::start().await, Receiver::start().await);
        server.tell(&good, json!({})).await;
        server.tell(&bad, json!({})).await;
        bad.behave(conduct);
        for hour in 0..6 {
            book(&ada, hour).await;
        }
        // No time passes.
        good.taken_by_now(18).await;
        bad.heard_by_now(1).await;
        // It is asked one thing after the other, each by another connection: on the one before it is silent.
        for asked in [2, 3, 4] {
            server.clock.advance(PATIENCE);
            bad.heard_by_now(asked).await;
        }
        let connections: BTreeSet<_> = bad.heard().iter().map(Told::connection).collect();
        assert_eq!(connections.len(), bad.heard().len());
        assert_eq!(bad.taken().len(), 0, "{conduct:?}");
        bad.behave(Conduct::Takes);
        if conduct == Conduct::Stalls {
            // What has been half answered stays so.
            server.clock.advance(PATIENCE);
        }
        server.pass_until_told().await;
        let taken = bad.taken();
        assert_eq!(assert_in_order(&taken).into_values().collect::<Vec<_>>(), [3; 6]);
        assert_told_in_turn(&bad.heard(), &taken);
    }
}

#[tokio::test]
async fn a_receiver_that_is_back_is_told_at_once_what_waited_though_something_newer_came_first() {
    let server = rooms().await;
    let (ada, receiver) = (server.customer("ada"), Receiver::start().await);
    let hook = server.tell(&receiver, json!({ "events": ["BOOKING_CREATED"] })).await;
    receiver.behave(Conduct::Refuses(503));
    let begun = server.clock.now();
    for (hour, until) in [(0, chrono::TimeDelta::hours(1)), (1, chrono::TimeDelta::hours(5))] {
        book(&ada, hour).await;
        server.until_quiet().await;
        while server.clock.now() < begun + until {
            server.pass_until_next().await;
        }
    }
    receiver.behave(Conduct::Takes);
    book(&ada, 2).await;
    server.until_quiet().await;
    assert_eq!(receiver.taken().len(), 1, "the rest is not due yet");
    assert_eq!(server.stored_webhook(&hook.id).await.unwrap().failing_since, None);
    server.pass_until_next().await;
    assert_eq!(receiver.taken().len(), 3, "neither waits for the other's time");
}

#[tokio::test]
async fn a_webhook_counts_as_working_again_whichever_server_found_it_failing_meanwhile() {
    let server = rooms().await;
    let (ada, receiver) = (server.customer("ada"), Receiver::start().await);
    let hook = server.tell(&receiver, json!({})).await;
    receiver.behave(Conduct::Hangs);
    book(&ada, 0).await;
    receiver.heard_by_now(1).await;
    note_failing(&server, &hook.id).await;
    receiver.behave(Conduct::Takes);
    server.until_quiet().await;
    assert_eq!((receiver.taken().len(), server.stored_webhook(&hook.id).await.unwrap().failing_since), (3, None));
}

/// As another server does when something could not be delivered.
async fn note_failing(server: &TestServer, webhook: &str) {
    let since = server.clock.now();
    let note = |tx: slotwise::store::Tx| {
        let id = webhook.into();
        async move { tx.note_failing(&id, Some(since)).await }
    };
    server.store.write(note).await.unwrap();
}
