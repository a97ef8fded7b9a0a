use migration::{Migrator, MigratorTrait};

use super::super::test_database::{TestStore, on_each_database};
use super::{add_catalogue, booking, hours, midnight, need, occupy, organization, release, resource};
use crate::domain::id::ResourceId;
use crate::domain::quantum::{DayMap, Quantum, QuantumSpan};
use crate::store::{ItemNeed, Store, StoreError};

async fn resize(store: &Store, id: &str, capacity: u32) {
    let id = &ResourceId::from(id);
    store
        .write(|tx| async move {
            tx.lock_resource(&organization(), id).await?.expect("it exists");
            tx.change_capacity(&organization(), id, capacity).await
        })
        .await
        .unwrap_or_else(|error: StoreError| panic!("{error:?}"));
}

async fn beyond(store: &Store, id: &str, capacity: u32, now: QuantumSpan) -> Vec<QuantumSpan> {
    store.reader().occupied_beyond(&id.into(), capacity, now.start).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_without_counters_is_counted_once_there_is_more_than_one_and_for_good() {
    on_each_database(|TestStore { store, .. }| async move {
        add_catalogue(&store).await;
        occupy(&store, vec![need("studio-a", 1)], hours(20, 30)).await.unwrap();
        resize(&store, "studio-a", 3).await;
        let counted =
            |capacity: u32, quantity: u32| ItemNeed { capacity, quantity, counted: true, ..need("studio-a", 1) };
        occupy(&store, vec![counted(3, 2)], hours(22, 26)).await.unwrap();
        let maps = async || -> Vec<(DayMap, Option<u16>)> {
            let days = store.reader().occupancy(&["studio-a".into()], hours(0, 48)).await.unwrap();
            days.into_iter().map(|day| (day.map, day.units.map(|units| units.taken()[0]))).collect()
        };
        assert_eq!(maps().await, [(DayMap::range(88, 96), Some(0)), (DayMap::range(0, 8), Some(3))]);
        assert_eq!(beyond(&store, "studio-a", 2, hours(0, 1)).await, [hours(22, 26)]);
        assert_eq!(beyond(&store, "studio-a", 2, hours(25, 26)).await, [hours(25, 26)]);
        assert_eq!(beyond(&store, "studio-a", 3, hours(0, 1)).await, []);
        release(&store, vec![counted(3, 2)], hours(22, 26)).await.unwrap();
        resize(&store, "studio-a", 1).await;
        assert_eq!(maps().await, [(DayMap::range(80, 96), Some(0)), (DayMap::range(0, 24), Some(1))]);
        // It counts although it is exclusive, on days that are new as well.
        occupy(&store, vec![counted(1, 1)], hours(40, 50)).await.unwrap();
        let new = store.reader().occupancy(&["studio-a".into()], hours(48, 50)).await.unwrap();
        assert!(new[0].units.is_some());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_passes_over_what_was_too_much_only_in_the_past_of_what_counts() {
    on_each_database(|TestStore { store, .. }| async move {
        add_catalogue(&store).await;
        let (one, made) = booking("one", hours(13, 14));
        let (one, made) = (&one, &made);
        store
            .write(|tx| async move {
                let needs = tx.lock_capacity(&one.items).await?;
                let _ = tx.occupy(&needs, one.occupied).await?;
                tx.insert_booking(one, made).await
            })
            .await
            .unwrap_or_else(|error: StoreError| panic!("{error:?}"));
        resize(&store, "microphones", 1).await;
        let differences = async |now: Quantum| {
            let check = store.snapshot(|reader| async move {
                let mut found = Vec::new();
                reader.check_occupancy(now.start(), |difference| found.push(difference)).await?;
                Ok::<_, StoreError>(found)
            });
            check.await.unwrap()
        };
        assert_eq!(differences(one.occupied.end).await, []);
        let found = differences(one.occupied.end.plus(-1)).await;
        assert_eq!((found.len(), found[0].overbooked), (1, DayMap::range(56, 57)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_has_the_last_word_on_slugs_and_on_what_is_referred_to() {
    on_each_database(|TestStore { store, .. }| async move {
        add_catalogue(&store).await;
        let (one, made) = booking("one", hours(13, 14));
        let (one, made) = (&one, &made);
        store
            .write(|tx| async move { tx.insert_booking(one, made).await })
            .await
            .unwrap_or_else(|error: StoreError| panic!("{error:?}"));
        let write = async |attempt: u32| -> StoreError {
            let twin = &crate::domain::catalogue::Resource { slug: "studio-a".into(), ..resource("twin", 1) };
            store
                .write(|tx| async move {
                    tx.ensure_organization(&organization(), midnight()).await?;
                    match attempt {
                        0 => tx.insert_resource(twin).await,
                        1 => tx.delete_resource(&organization(), &"studio-a".into()).await,
                        2 => tx.delete_event_type(&organization(), &"session".into()).await,
                        _ => tx.link(&organization(), &"session".into(), &"none".into()).await,
                    }
                })
                .await
                .expect_err("it breaks a rule")
        };
        let duplicate = write(0).await;
        assert!(duplicate.is_duplicate() && !duplicate.breaks_reference(), "{duplicate:?}");
        for attempt in 1..=3 {
            let fault = write(attempt).await;
            assert!(fault.breaks_reference() && !fault.is_duplicate(), "{attempt}: {fault:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_a_pool_when_counting_comes_counts_from_then_on() {
    on_each_database(|TestStore { store, .. }| async move {
        add_catalogue(&store).await;
        occupy(&store, vec![need("microphones", 2), need("studio-a", 1)], hours(13, 14)).await.unwrap();
        // Back to before the step, with all that is stored, and forth again.
        let steps = Migrator::migrations();
        let step = steps.iter().position(|step| step.name().ends_with("_counted")).unwrap();
        let undone = u32::try_from(steps.len() - step).unwrap();
        Migrator::down(&store.pools.writes, Some(undone)).await.unwrap();
        assert!(!store.is_migrated().await.unwrap());
        store.migrate().await.unwrap();
        occupy(&store, vec![need("microphones", 1), need("studio-b", 1)], hours(13, 14)).await.unwrap();
    })
    .await;
}
