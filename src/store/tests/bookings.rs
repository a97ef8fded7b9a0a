use chrono::Duration;

use super::super::test_database::{TestStore, on_each_database};
use super::{add_catalogue, booking, hours, midnight, need, organization, race};
use crate::domain::booking::{Actor, Booking, BookingEvent, BookingEventType, BookingStatus, BookingTransition};
use crate::domain::quantum::DayMap;
use crate::store::{IdempotencyRecord, KeyTaking, Store, StoreError, Taking};

/// Makes a booking and takes its time.
async fn book(store: &Store, booking: Booking, made: BookingTransition) {
    let (booking, made) = (&booking, &made);
    store
        .write(|tx| async move {
            let needs = tx.lock_capacity(&booking.items).await?;
            assert_eq!(needs, [need("studio-a", 1), need("microphones", 2)]);
            assert_eq!(tx.occupy(&needs, booking.occupied).await?, Taking::Taken);
            tx.insert_booking(booking, made).await
        })
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_is_read_as_it_was_written() {
    on_each_database(|TestStore { store, statements, .. }| async move {
        add_catalogue(&store).await;
        let (one, made) = booking("one", hours(13, 14));
        book(&store, one.clone(), made.clone()).await;
        assert_eq!(store.reader().booking(&one.id).await.unwrap().as_ref(), Some(&one));
        assert_eq!(store.reader().booking(&"other".into()).await.unwrap(), None);

        let (two, _) = booking("two", hours(20, 30));
        book(&store, two.clone(), made.clone()).await;
        statements.take();
        let mut found = store.reader().bookings_by_ids(&[two.id.clone(), one.id.clone()]).await.unwrap();
        found.sort_by(|a, b| a.id.cmp(&b.id));
        assert_eq!(found, [one.clone(), two.clone()]);
        let histories = store.reader().histories(&[one.id.clone(), two.id.clone()]).await.unwrap();
        assert_eq!(histories[&one.id], std::slice::from_ref(&made));
        assert_eq!(statements.take().len(), 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transition_counts_and_is_remembered() {
    on_each_database(|TestStore { store, .. }| async move {
        add_catalogue(&store).await;
        let (one, made) = booking("one", hours(13, 14));
        book(&store, one.clone(), made.clone()).await;
        let cancelled = BookingTransition {
            event: BookingEventType::Cancelled,
            from: Some(BookingStatus::Confirmed),
            to: BookingStatus::Cancelled,
            at: midnight() + Duration::hours(1),
            by: Actor::TokenBearer,
            reason: Some("Ill".into()),
            previous: Some((midnight(), midnight() + Duration::hours(2))),
        };
        let (id, transition) = (&one.id, &cancelled);
        let event: BookingEvent = store
            .write(|tx| async move {
                let locked = tx.lock_booking(id).await?.unwrap();
                let after = Booking {
                    status: BookingStatus::Cancelled,
                    cancellation_reason: transition.reason.clone(),
                    updated_at: transition.at,
                    ..locked.clone()
                };
                tx.save_transition(&locked, after, transition.clone()).await
            })
            .await
            .map_err(|error: StoreError| error)
            .unwrap();
        let after = event.booking;
        assert_eq!((after.revision, after.status), (2, BookingStatus::Cancelled));
        assert_eq!(store.reader().booking(id).await.unwrap(), Some(after));
        let histories = store.reader().histories(std::slice::from_ref(id)).await.unwrap();
        assert_eq!(histories[id], [made, cancelled.clone()]);

        // From a state that is no longer current nothing is saved.
        let stale = &one;
        let result =
            store.write(|tx| async move { tx.save_transition(stale, stale.clone(), transition.clone()).await }).await;
        assert!(matches!(result, Err(StoreError::Corrupt(_))), "{result:?}");
        assert_eq!(store.reader().histories(std::slice::from_ref(id)).await.unwrap()[id].len(), 2);
    })
    .await;
}

fn record(booking: &str, hour: i64) -> IdempotencyRecord {
    IdempotencyRecord {
        organization_id: organization(),
        owner: "user:ada".into(),
        key: "0123456789abcdef".into(),
        fingerprint: [7; 32],
        made: booking.into(),
        created_at: midnight() + Duration::hours(hour),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twins_the_first_has_the_key_and_the_others_wait_for_it() {
    on_each_database(|TestStore { store, .. }| async move {
        add_catalogue(&store).await;
        let results = race(20, |number| {
            let store = store.clone();
            let record = record(&format!("booking-{number}"), 0);
            async move {
                let record = &record;
                store
                    .write(|tx| async move {
                        let taking = tx.take_idempotency_key(record, midnight()).await?;
                        // The first one is still at work when the others come.
                        tokio::task::yield_now().await;
                        Ok::<_, StoreError>(taking)
                    })
                    .await
                    .unwrap()
            }
        })
        .await;
        assert_eq!(results.iter().filter(|taking| **taking == KeyTaking::Taken).count(), 1);
        let first = record("first", 0);
        let reader = store.reader();
        let kept = reader.idempotency_record(&first.organization_id, &first.owner, &first.key, midnight());
        let kept = kept.await.unwrap().unwrap();
        for taking in results.into_iter().filter(|taking| *taking != KeyTaking::Taken) {
            assert_eq!(taking, KeyTaking::Exists(kept.clone()));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_key_can_be_taken_again_and_is_pruned() {
    on_each_database(|TestStore { store, .. }| async move {
        add_catalogue(&store).await;
        let take = async |record: IdempotencyRecord, not_before| {
            let record = &record;
            let taking = store.write(|tx| async move { tx.take_idempotency_key(record, not_before).await });
            taking.await.map_err(|error: StoreError| error).unwrap()
        };
        let next_day = midnight() + Duration::hours(24);
        assert_eq!(take(record("one", 0), midnight()).await, KeyTaking::Taken);
        assert_eq!(take(record("two", 24), midnight()).await, KeyTaking::Exists(record("one", 0)));
        assert_eq!(take(record("two", 25), next_day).await, KeyTaking::Taken);
        assert_eq!(take(record("three", 25), next_day).await, KeyTaking::Exists(record("two", 25)));
        let other = IdempotencyRecord { owner: "user:bob".into(), ..record("four", 0) };
        assert_eq!(take(other, midnight()).await, KeyTaking::Taken);

        let pruned = store.write(|tx| async move { tx.prune_idempotency_keys(next_day).await }).await;
        assert_eq!(pruned.map_err(|error: StoreError| error).unwrap(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_finds_what_the_bookings_do_not_say() {
    on_each_database(|TestStore { store, .. }| async move {
        add_catalogue(&store).await;
        let differences = async || {
            let found = store.snapshot(|reader| async move {
                let mut found = Vec::new();
                reader.check_occupancy(midnight(), |difference| found.push(difference)).await?;
                Ok::<_, StoreError>(found)
            });
            found.await.unwrap()
        };
        for (id, from) in [("one", 13), ("two", 22), ("three", 60)] {
            let (one, made) = booking(id, hours(from, from + 3));
            book(&store, one, made).await;
        }
        assert_eq!(differences().await, []);

        // A booking without its time, and time without a booking.
        let (four, made) = booking("four", hours(100, 101));
        let (booking, made) = (&four, &made);
        store
            .write(|tx| async move { tx.insert_booking(booking, made).await })
            .await
            .unwrap_or_else(|error: StoreError| panic!("{error:?}"));
        super::occupy(&store, vec![need("studio-b", 1)], hours(5, 6)).await.unwrap();
        super::occupy(&store, vec![need("microphones", 1)], hours(5, 6)).await.unwrap();
        let found = differences().await;
        let seen: Vec<_> = found
            .iter()
            .map(|difference| (difference.resource_id.as_str(), difference.day.0 - hours(0, 1).start.day().0))
            .collect();
        assert_eq!(seen, [("microphones", 0), ("microphones", 4), ("studio-a", 4), ("studio-b", 0)]);
        // Two of three units leave the map alone.
        assert_eq!((found[1].computed, found[1].stored), (DayMap::EMPTY, DayMap::EMPTY));
        assert_eq!((found[2].computed, found[2].stored), (DayMap::range(16, 21), DayMap::EMPTY));
        assert!(found.iter().all(|difference| difference.overbooked.is_empty()));

        // The same hour twice.
        let (five, made) = super::booking("five", hours(13, 14));
        let (booking, made) = (&five, &made);
        store
            .write(|tx| async move { tx.insert_booking(booking, made).await })
            .await
            .unwrap_or_else(|error: StoreError| panic!("{error:?}"));
        let overbooked: Vec<_> = differences().await.into_iter().filter(|found| !found.overbooked.is_empty()).collect();
        assert_eq!(overbooked.len(), 2);
        assert_eq!(overbooked[1].overbooked, DayMap::range(52, 57));
    })
    .await;
}
