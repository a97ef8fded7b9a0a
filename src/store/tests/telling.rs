//! The outbox and deliveries.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};

use super::super::test_database::{TestStore, on_each_database};
use super::{Refused, add_catalogue, booking, hours, midnight, organization, race};
use crate::domain::booking::{BookingEventType, BookingTransition};
use crate::domain::delivery::{DeliveryAttempt, Lane, NewDelivery, PATIENCE, Settled};
use crate::domain::id::DeliveryId;
use crate::domain::news::News;
use crate::store::{Store, StoreError};

fn delivery(id: &str, chain: Option<&str>, sequence: i64) -> NewDelivery {
    NewDelivery {
        id: id.into(),
        organization_id: organization(),
        lane: Lane::Mail,
        chain: chain.map(str::to_owned),
        sequence,
        event: "Confirmed".into(),
        event_id: format!("evn_{id}"),
        payload: "{\"b\":1,\"a\":2}".into(),
        created_at: midnight(),
    }
}

async fn add(store: &Store, deliveries: &[NewDelivery]) {
    let deliveries: &[_] = &deliveries.iter().collect::<Vec<_>>();
    store.write(|tx| async move { tx.insert_deliveries(deliveries).await }).await.unwrap();
}

/// What `lease` gets at `now`, by id.
async fn lease(store: &Store, lease: &str, now: DateTime<Utc>, count: u64) -> Vec<String> {
    let until = now + Duration::minutes(2);
    let leased = store
        .write(|tx| async move { tx.lease_deliveries(&Lane::Mail, now, (lease, until), count).await })
        .await
        .map_err(|error: StoreError| error)
        .unwrap();
    leased.into_iter().map(|delivery| delivery.id.to_string()).collect()
}

async fn settle(store: &Store, lease: &str, id: &str, settled: Settled, now: DateTime<Utc>) {
    let settled = &[(DeliveryId::from(id), settled)];
    store.write(|tx| async move { tx.settle_deliveries(lease, settled, now).await }).await.unwrap();
}

fn attempt(number: u32) -> DeliveryAttempt {
    DeliveryAttempt { number, at: midnight(), duration_millis: 7, status_code: Some(500), error: Some("No.".into()) }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_transaction_does_to_bookings_is_in_the_outbox_exactly_if_it_is_committed() {
    on_each_database(|TestStore { store, .. }| async move {
        add_catalogue(&store).await;
        let (one, made) = booking("one", hours(13, 14));
        let (booking, transition) = (&one, &made);
        let refused: Result<(), Refused> = store
            .write(|tx| async move {
                tx.insert_booking(booking, transition).await?;
                Err(Refused::Conflicts(Vec::new()))
            })
            .await;
        assert!(refused.is_err());
        assert_eq!(store.reader().outbox(10, &BTreeSet::new()).await.unwrap(), []);

        let moved = BookingTransition { event: BookingEventType::Updated, from: Some(one.status), ..made.clone() };
        let updated = &moved;
        store
            .write(|tx| async move {
                tx.insert_booking(booking, transition).await?;
                let after = crate::domain::booking::Booking { location: Some("Yard".into()), ..booking.clone() };
                tx.save_transition(booking, after, updated.clone()).await.map(drop)
            })
            .await
            .map_err(|error: StoreError| error)
            .unwrap();
        let rows = store.reader().outbox(10, &BTreeSet::new()).await.unwrap();
        let [row] = rows.as_slice() else { panic!("one transaction is one row: {rows:?}") };
        let Some(News::Bookings(news)) = &row.news else { panic!("{row:?}") };
        assert_eq!(news.iter().map(|news| news.event.booking.revision).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(news[0].event.booking, one);
        assert!(news[0].changes.is_empty());
        let location = serde_json::json!({ "from": one.location, "to": "Yard" });
        assert_eq!(news[1].changes.get("location"), Some(&location));

        let numbers = &[row.number];
        let take = || store.write(|tx| async move { tx.take_from_outbox(numbers).await });
        assert_eq!(take().await.map_err(|error: StoreError| error).unwrap(), numbers);
        assert_eq!(take().await.map_err(|error: StoreError| error).unwrap(), [0_i64; 0]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_what_is_chained_the_first_that_is_pending_can_be_leased() {
    on_each_database(|TestStore { store, .. }| async move {
        let all = [
            delivery("b2", Some("b"), 4),
            delivery("a1", Some("a"), 1),
            delivery("a2", Some("a"), 3),
            delivery("b1", Some("b"), 2),
            delivery("free", None, 5),
        ];
        add(&store, &all).await;
        assert_eq!(lease(&store, "one", midnight(), 10).await, ["a1", "b1", "free"]);
        assert_eq!(lease(&store, "two", midnight(), 10).await, [""; 0], "the others wait for those");

        settle(&store, "one", "a1", Settled::Arrived(attempt(1)), midnight()).await;
        settle(&store, "one", "b1", Settled::Again(attempt(1), midnight() + Duration::hours(1)), midnight()).await;
        assert_eq!(lease(&store, "two", midnight(), 10).await, ["a2"]);
        let later = midnight() + Duration::hours(1);
        assert_eq!(
            store.reader().next_due(&Lane::Mail, midnight() + Duration::minutes(30)).await.unwrap(),
            Some(later)
        );
        settle(&store, "two", "a2", Settled::GivenUp(attempt(1)), later).await;
        assert_eq!(lease(&store, "three", later, 1).await, ["free"], "its lease has ended without a word");
        assert_eq!(lease(&store, "four", later, 10).await, ["b1"]);
        settle(&store, "four", "b1", Settled::GivenUp(attempt(2)), later).await;
        assert_eq!(lease(&store, "five", later, 10).await, ["b2"], "what is given up holds up nothing");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_lost_a_lease_settles_nothing() {
    on_each_database(|TestStore { store, .. }| async move {
        add(&store, &[delivery("one", None, 1)]).await;
        assert_eq!(lease(&store, "slow", midnight(), 1).await, ["one"]);
        let later = midnight() + Duration::minutes(2);
        assert_eq!(lease(&store, "quick", later, 1).await, ["one"]);
        settle(&store, "slow", "one", Settled::GivenUp(attempt(1)), later).await;
        settle(&store, "quick", "one", Settled::Untried, later).await;
        assert_eq!(lease(&store, "next", later, 1).await, ["one"], "it was not given up");
        settle(&store, "next", "one", Settled::Dropped, later).await;
        assert_eq!(lease(&store, "last", later + Duration::days(1), 1).await, [""; 0]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_two_workers_lease_the_same() {
    on_each_database(|TestStore { store, .. }| async move {
        let all: Vec<NewDelivery> = (0..100)
            .map(|number| delivery(&format!("dlv_{number:03}"), Some(&format!("{}", number % 30)), number))
            .collect();
        add(&store, &all).await;
        let leased = race(10, |number| {
            let store = store.clone();
            async move { lease(&store, &format!("worker {number}"), midnight(), 5).await }
        })
        .await;
        let mut leased: Vec<String> = leased.into_iter().flatten().collect();
        leased.sort();
        let count = leased.len();
        leased.dedup();
        assert_eq!(leased.len(), count, "one was leased twice");
        assert!(leased.iter().all(|id| id.as_str() < "dlv_030"), "of each chain only the first: {leased:?}");
        assert!(!leased.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_another_attempt_is_hastened_unless_it_was_refused_for_what_it_is() {
    on_each_database(|TestStore { store, .. }| async move {
        add(&store, &["tried", "waits", "refused"].map(|id| delivery(id, None, 1))).await;
        assert_eq!(lease(&store, "one", midnight(), 3).await.len(), 3);
        let later = midnight() + Duration::hours(3);
        let unreached = DeliveryAttempt { status_code: None, ..attempt(1) };
        settle(&store, "one", "waits", Settled::Again(unreached, later), midnight()).await;
        settle(&store, "one", "refused", Settled::Again(attempt(1), later), midnight()).await;
        let now = midnight() + Duration::minutes(1);
        store.write(|tx| async move { tx.hasten_deliveries(&Lane::Mail, now).await }).await.unwrap();
        assert_eq!(lease(&store, "two", now, 3).await, ["waits"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_delivers_is_given_up_and_what_is_over_is_forgotten() {
    on_each_database(|TestStore { store, .. }| async move {
        add(&store, &[delivery("old", None, 1)]).await;
        let (until, now) = (midnight() + PATIENCE, midnight() + Duration::days(3));
        let give_up = |before| store.write(move |tx| async move { tx.give_up_deliveries(before, now).await });
        assert_eq!(give_up(until).await.map_err(|error: StoreError| error).unwrap(), 0);
        assert_eq!(give_up(until + Duration::seconds(1)).await.map_err(|error: StoreError| error).unwrap(), 1);
        assert_eq!(lease(&store, "one", now, 1).await, [""; 0]);
        assert_eq!(store.reader().finished_deliveries(now, 10).await.unwrap(), []);
        let over = store.reader().finished_deliveries(now + Duration::seconds(1), 10).await.unwrap();
        assert_eq!(over, [DeliveryId::from("old")]);
        let ids = &over;
        let removed = store.write(|tx| async move { tx.delete_deliveries(ids).await }).await;
        assert_eq!(removed.map_err(|error: StoreError| error).unwrap(), 1);
    })
    .await;
}
