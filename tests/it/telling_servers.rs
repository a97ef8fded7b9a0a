//! Servers that share the work, end in the middle of it, or die over it.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use slotwise::clock::Clock as _;
use slotwise::domain::delivery::Lane;
use slotwise::store::Tx;

use crate::support::database::TestDatabase;
use crate::support::mail::mails_to;
use crate::support::moving::{an_hour, rooms, rooms_on};
use crate::support::receiver::{Conduct, Receiver};
use crate::support::smtp::SmtpServer;
use crate::support::telling::assert_in_order;
use crate::support::{Actor, ServerOptions, TestServer, at_once, within_patience};

/// Books the hour of that number; its id.
async fn book(actor: &Actor, number: usize) -> String {
    let start: DateTime<Utc> = "2026-12-10T00:00:00Z".parse().unwrap();
    let start = (start + TimeDelta::hours(number.try_into().unwrap())).to_rfc3339();
    actor.make(an_hour("any", "a", &start)).await.0
}

async fn change(actor: &Actor, id: &str, notes: &str) {
    actor.change_it("updateBooking", json!({ "id": id, "booker": { "notes": notes } })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_on_one_database_tell_everything_once_and_in_order() {
    const CLIENTS: usize = 10;
    const BOOKINGS: usize = 5;
    let (database, post) = (Arc::new(TestDatabase::new().await), SmtpServer::start().await);
    let options = || ServerOptions { mail: Some(mails_to(post.address)), ..ServerOptions::default() };
    let one = rooms_on(Arc::clone(&database), options()).await;
    let two = TestServer::start_on(database, options()).await;
    let receivers = [Receiver::start().await, Receiver::start().await, Receiver::start().await];
    for receiver in &receivers {
        one.tell(receiver, json!({})).await;
    }
    at_once(CLIENTS, |client| {
        // What happens to one booking happens by turns here and there.
        let mut actors = [one.customer("ada"), two.customer("ada")];
        async move {
            for booking in 0..BOOKINGS {
                let id = book(&actors[0], client * BOOKINGS + booking).await;
                for notes in ["One chair", "Two chairs", "Three chairs"] {
                    actors.reverse();
                    change(&actors[0], &id, notes).await;
                }
            }
        }
    })
    .await;
    for receiver in &receivers {
        receiver.taken_by_now(CLIENTS * BOOKINGS * 4).await;
    }
    post.received_by_now(CLIENTS * BOOKINGS).await;
    one.until_quiet().await;
    for receiver in &receivers {
        let taken = receiver.taken();
        assert_eq!(assert_in_order(&taken).into_values().collect::<Vec<_>>(), vec![4; CLIENTS * BOOKINGS]);
        assert_eq!(receiver.heard().len(), taken.len());
    }
    assert_eq!((post.received().len(), one.untold().await), (CLIENTS * BOOKINGS, 0));
}

#[tokio::test]
async fn a_server_that_ends_waits_for_what_it_is_telling_and_leaves_the_rest_to_the_next_one() {
    let (server, receiver) = (rooms().await, Receiver::start().await);
    server.tell(&receiver, json!({})).await;
    receiver.behave(Conduct::Hangs);
    let ada = server.customer("ada");
    for number in 0..10 {
        let id = book(&ada, number).await;
        change(&ada, &id, "Two chairs").await;
    }
    // The first is told by itself. Then the rest is leased together, and a few are told at once.
    receiver.is_asked(1).await;
    receiver.behave(Conduct::Takes);
    receiver.is_left().await;
    receiver.behave(Conduct::Hangs);
    receiver.is_asked(4).await;
    let now = server.clock.now();
    let ending = tokio::spawn(server.stop());
    // It takes no more requests, and still waits.
    while ada.try_send("{ __typename }", json!({})).await.is_some() {}
    assert!(!ending.is_finished());
    let heard = receiver.heard().len();
    receiver.behave(Conduct::Takes);
    let database = within_patience("the server to end", ending).await.unwrap();
    assert_eq!((receiver.taken().len(), receiver.heard().len()), (heard, heard), "nothing more was begun");

    // No time has passed: nothing is still leased to whoever is gone.
    let next = TestServer::start_on(database, ServerOptions { now, ..ServerOptions::default() }).await;
    let told = receiver.taken_by_now(20).await;
    next.until_quiet().await;
    assert_eq!(assert_in_order(&told).into_values().collect::<Vec<_>>(), [2; 10]);
    assert_eq!((receiver.heard().len(), next.untold().await), (20, 0));
}

#[tokio::test]
async fn what_another_server_is_telling_is_told_by_this_one_when_its_lease_is_over() {
    let (server, receiver) = (rooms().await, Receiver::start().await);
    let hook = server.tell(&receiver, json!({})).await;
    let ada = server.customer("ada");
    receiver.behave(Conduct::Refuses(503));
    let id = book(&ada, 0).await;
    change(&ada, &id, "Two chairs").await;
    server.until_quiet().await;
    let (lane, due, ends) = (
        Lane::Webhook(hook.id.as_str().into()),
        server.clock.now() + TimeDelta::minutes(1),
        server.clock.now() + TimeDelta::minutes(2),
    );
    let lease = |tx: Tx| {
        let lane = lane.clone();
        async move { tx.lease_deliveries(&lane, due, ("another server's", ends), 100).await }
    };
    assert_eq!(server.store.write(lease).await.unwrap().len(), 1);
    receiver.behave(Conduct::Takes);
    // Its time has come, and it is left alone: what is told on the same way meanwhile is something else.
    server.clock.advance_to(due);
    let other = book(&ada, 1).await;
    let told = receiver.taken_by_now(1).await;
    assert_eq!(told[0].booking(), other);
    server.until_leased(1).await;
    server.clock.advance_to(ends - TimeDelta::milliseconds(1));
    let third = book(&ada, 2).await;
    assert_eq!(receiver.taken_by_now(2).await[1].booking(), third);
    server.until_leased(1).await;
    server.clock.advance_to(ends);
    let told = receiver.taken_by_now(4).await;
    server.until_quiet().await;
    assert_eq!(
        told[2..].iter().map(|told| (told.booking(), told.sequence())).collect::<Vec<_>>(),
        [(id.as_str(), 1), (id.as_str(), 2)]
    );
    assert_in_order(&receiver.taken());
}

#[cfg(unix)]
#[tokio::test]
async fn what_a_server_was_telling_when_it_was_killed_is_told_by_the_next_one() {
    let database = Arc::new(TestDatabase::new().await);
    // The program itself has the real clock.
    let now = slotwise::clock::SystemClock::new().now();
    let at = |now| ServerOptions { now, ..ServerOptions::default() };
    let (first, receiver) = (rooms_on(Arc::clone(&database), at(now)).await, Receiver::start().await);
    first.tell(&receiver, json!({})).await;
    let customers_token = first.customer("ada").token().unwrap().to_owned();
    first.stop().await;

    receiver.behave(Conduct::Hangs);
    let insecure = ("SLOTWISE_WEBHOOKS_INSECURE", "true");
    let mut program = crate::support::ServerProcess::start(database.url(), &[insecure]).await;
    let ada = program.staff().with_token(&customers_token);
    let mut bookings = Vec::new();
    for hour in 0..6 {
        let id = ada.make(an_hour("any", "a", &format!("2098-06-01T{hour:02}:00:00Z"))).await.0;
        change(&ada, &id, "Two chairs").await;
        bookings.push(id);
    }
    receiver.is_asked(1).await;
    program.kill();
    receiver.is_left().await;
    assert_eq!(receiver.taken().len(), 0);
    receiver.behave(Conduct::Takes);

    // By then all that was leased is anybody's again.
    let later = slotwise::clock::SystemClock::new().now() + TimeDelta::minutes(10);
    let next = TestServer::start_on(database, at(later)).await;
    next.pass_until_told().await;
    let told = receiver.taken();
    let lives = assert_in_order(&told);
    assert_eq!(lives.keys().copied().collect::<Vec<_>>(), bookings.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(lives.into_values().all(|changes| changes == 2));
}
