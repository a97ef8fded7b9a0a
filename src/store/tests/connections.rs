use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use sea_orm::sea_query::{Expr, Query, SelectStatement};

use super::super::test_database::{TestStore, on_each_database, on_postgres, on_sqlite};
use super::{add_catalogue, hours, need, occupy, organization, race, resource};
use crate::store::{Store, StoreError, StoreOptions};

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_is_brought_up_once() {
    on_each_database(|TestStore { store, url, .. }| async move {
        assert!(store.is_migrated().await.unwrap());
        store.migrate().await.unwrap();
        store.ping().await.unwrap();
        let again = Store::connect(&url, StoreOptions::default()).await.unwrap();
        assert!(again.is_migrated().await.unwrap());
        again.close().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn urls_that_cannot_work_are_refused_with_a_reason() {
    for url in ["sqlite::memory:", "sqlite://:memory:", "sqlite:", "sqlite:x?mode=memory", "mysql://h/d", "x"] {
        let result = Store::connect(url, StoreOptions::default()).await;
        assert!(matches!(result, Err(StoreError::Unusable(_))), "{url}: {result:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_does_not_see_what_is_written_meanwhile() {
    on_each_database(|TestStore { store, .. }| async move {
        add_catalogue(&store).await;
        let writer = &store;
        let seen = store.snapshot(|reader| async move {
            let before = reader.catalogue_revision(&organization()).await?;
            writer.write(|tx| async move { tx.insert_resource(&resource("late", 1)).await }).await?;
            let after = reader.catalogue_revision(&organization()).await?;
            Ok::<_, StoreError>((before, after, reader.resource(&"late".into()).await?.is_some()))
        });
        assert_eq!(seen.await.unwrap(), (6, 6, false));
        assert_eq!(store.reader().catalogue_revision(&organization()).await.unwrap(), 7);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_rolled_back_even_when_the_failure_is_passed_over() {
    on_each_database(|TestStore { store, .. }| async move {
        add_catalogue(&store).await;
        let result: Result<(), StoreError> = store
            .write(|tx| async move {
                tx.insert_resource(&resource("new", 1)).await?;
                // It exists already.
                let _ = tx.insert_resource(&resource("studio-a", 1)).await;
                Ok(())
            })
            .await;
        assert!(matches!(result, Err(StoreError::Database(_))), "{result:?}");
        assert_eq!(store.reader().resource(&"new".into()).await.unwrap(), None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_may_write_to_one_file() {
    on_sqlite(|TestStore { store, url, .. }| async move {
        add_catalogue(&store).await;
        let other = Store::connect(&url, StoreOptions::default()).await.unwrap();
        let results = race(40, |number| {
            let store = if number % 2 == 0 { store.clone() } else { other.clone() };
            async move { occupy(&store, vec![need("studio-a", 1)], hours(number / 2, number / 2 + 1)).await }
        })
        .await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 20);
        other.close().await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadlock_is_repeated_unseen() {
    on_postgres(|TestStore { store, .. }| async move {
        add_catalogue(&store).await;
        let both_hold_one = Arc::new(tokio::sync::Barrier::new(2));
        let attempts = Arc::new(AtomicU32::new(0));
        let results = race(2, |number| {
            let (store, meeting, attempts) = (store.clone(), Arc::clone(&both_hold_one), Arc::clone(&attempts));
            async move {
                // Against the order of locks, so that each wants what the other has.
                let mut rooms = [need("studio-a", 1), need("studio-b", 1)];
                rooms.rotate_left(usize::try_from(number).unwrap());
                let (rooms, meeting, attempts) = (&rooms, &meeting, &attempts);
                store
                    .write(|tx| async move {
                        let attempt = attempts.fetch_add(1, Ordering::Relaxed);
                        let _ = tx.occupy(&rooms[..1], hours(2 * number, 2 * number + 1)).await?;
                        if attempt < 2 {
                            meeting.wait().await;
                        }
                        let _ = tx.occupy(&rooms[1..], hours(2 * number, 2 * number + 1)).await?;
                        Ok::<_, StoreError>(())
                    })
                    .await
            }
        })
        .await;
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        assert_eq!(attempts.load(Ordering::Relaxed), 3);
    })
    .await;
}

fn call(sql: &'static str) -> SelectStatement {
    Query::select().expr(Expr::cust(sql)).to_owned()
}

/// Ends every other session of the database, as a restart would.
const END_THE_OTHERS: &str = "(SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                              WHERE datname = current_database() AND pid <> pg_backend_pid())";

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_the_database_is_not_seen() {
    on_postgres(|TestStore { store, .. }| async move {
        add_catalogue(&store).await;
        for _ in 0..3 {
            // All pools are filled, then all but one of their connections die.
            let busy = race(16, |_| {
                let store = store.clone();
                async move { store.reader().rows(&call("pg_sleep(0.05)")).await.map(|_| ()) }
            });
            assert!(busy.await.iter().all(Result::is_ok));
            let busy = race(8, |_| {
                let store = store.clone();
                async move { store.write(|tx| async move { tx.rows(&call("pg_sleep(0.05)")).await.map(|_| ()) }).await }
            });
            assert!(busy.await.iter().all(Result::is_ok));
            store.reader().rows(&call(END_THE_OTHERS)).await.unwrap();

            let reads = race(16, |_| {
                let store = store.clone();
                async move { store.reader().resource(&"studio-a".into()).await.map(|_| ()) }
            });
            let reads = reads.await;
            assert!(reads.iter().all(Result::is_ok), "{reads:?}");
            let writes = race(16, |_| {
                let store = store.clone();
                async move { store.write(|tx| async move { tx.lock_booking(&"none".into()).await.map(|_| ()) }).await }
            });
            let writes = writes.await;
            assert!(writes.iter().all(Result::is_ok), "{writes:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_lost_before_the_commit_is_repeated() {
    on_postgres(|TestStore { store, .. }| async move {
        add_catalogue(&store).await;
        let attempts = &AtomicU32::new(0);
        let result = store.write(|tx| async move {
            tx.insert_resource(&resource("new", 1)).await?;
            if attempts.fetch_add(1, Ordering::Relaxed) == 0 {
                tx.rows(&call("pg_terminate_backend(pg_backend_pid())")).await?;
            }
            Ok::<_, StoreError>(())
        });
        result.await.unwrap();
        assert_eq!(attempts.load(Ordering::Relaxed), 2);
        assert!(store.reader().resource(&"new".into()).await.unwrap().is_some());
    })
    .await;
}
