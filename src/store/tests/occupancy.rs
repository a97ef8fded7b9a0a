use sea_orm::ConnectionTrait as _;

use super::super::test_database::{TestStore, on_each_database};
use super::{Refused, add_catalogue, hours, need, occupy, race, release};
use crate::domain::quantum::{DayMap, QuantumSpan};
use crate::domain::refusal::Conflict;
use crate::store::{OccupiedDay, Store, StoreError};

async fn stored(store: &Store, id: &str, span: QuantumSpan) -> Vec<OccupiedDay> {
    store.reader().occupancy(&[id.into()], span).await.unwrap()
}

fn conflict(id: &str, span: QuantumSpan) -> Conflict {
    Conflict { resource_id: id.into(), start: span.start_at(), end: span.end_at(), holder: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_writers_exactly_one_gets_the_hour() {
    on_each_database(|TestStore { store, .. }| async move {
        add_catalogue(&store).await;
        let results = race(100, |_| {
            let store = store.clone();
            async move { occupy(&store, vec![need("studio-a", 1)], hours(13, 14)).await }
        })
        .await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        for result in results {
            match result {
                Ok(()) => {}
                Err(Refused::Conflicts(conflicts)) => {
                    assert_eq!(conflicts, [conflict("studio-a", hours(13, 14))]);
                }
                Err(Refused::Fault(fault)) => panic!("{fault:?}"),
            }
        }
        let days = stored(&store, "studio-a", hours(0, 24)).await;
        assert_eq!((days.len(), days[0].map, days[0].revision), (1, DayMap::range(52, 56), 1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_be_read_is_a_fault_and_no_free_day() {
    on_each_database(|TestStore { store, .. }| async move {
        add_catalogue(&store).await;
        occupy(&store, vec![need("studio-a", 1)], hours(13, 14)).await.unwrap();
        let organization = store.reader().resource(&"studio-a".into()).await.unwrap().unwrap().organization_id;
        let read = async || store.occupancy_in(&organization, &"studio-a".into(), hours(0, 24)).await;
        let (catalogue, days) = read().await.unwrap();
        assert_eq!(days, stored(&store, "studio-a", hours(0, 24)).await);
        assert_eq!(catalogue, store.reader().catalogue_revision(&organization).await.unwrap());
        // The other database takes no such value.
        if store.is_embedded() {
            store.pools.writes.execute_unprepared("UPDATE occupancy SET revision = 'many'").await.unwrap();
            assert!(read().await.is_err());
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn neighbours_never_clash() {
    on_each_database(|TestStore { store, .. }| async move {
        add_catalogue(&store).await;
        // Every hour of two days, all at once.
        let results = race(48, |hour| {
            let store = store.clone();
            async move { occupy(&store, vec![need("studio-a", 1)], hours(hour, hour + 1)).await }
        })
        .await;
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        let days = stored(&store, "studio-a", hours(0, 48)).await;
        let seen: Vec<_> = days.iter().map(|day| (day.map, day.revision)).collect();
        assert_eq!(seen, [(DayMap::FULL, 24), (DayMap::FULL, 24)]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_over_several_days_are_taken_whole_or_not_at_all() {
    on_each_database(|TestStore { store, .. }| async move {
        add_catalogue(&store).await;
        occupy(&store, vec![need("studio-a", 1)], hours(47, 49)).await.unwrap();
        let Err(Refused::Conflicts(conflicts)) = occupy(&store, vec![need("studio-a", 1)], hours(10, 60)).await else {
            panic!("it is taken")
        };
        // One conflict, though it lies on two days.
        assert_eq!(conflicts, [conflict("studio-a", hours(47, 49))]);
        assert!(stored(&store, "studio-a", hours(0, 24)).await.is_empty());

        let Err(Refused::Conflicts(clipped)) = occupy(&store, vec![need("studio-a", 1)], hours(48, 72)).await else {
            panic!("it is taken")
        };
        assert_eq!(clipped, [conflict("studio-a", hours(48, 49))]);

        let results = race(20, |number| {
            let store = store.clone();
            // All overlap at hour 100, and reach over midnight at hour 96.
            async move { occupy(&store, vec![need("studio-a", 1)], hours(81 + number, 101 + number)).await }
        })
        .await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bundles_in_any_order_wait_for_each_other_without_a_ring() {
    on_each_database(|TestStore { store, .. }| async move {
        add_catalogue(&store).await;
        let results = race(40, |number| {
            let store = store.clone();
            let mut items = vec![need("studio-a", 1), need("microphones", 1), need("studio-b", 1)];
            items.rotate_left(usize::try_from(number % 3).unwrap());
            async move { occupy(&store, items, hours(20, 30)).await }
        })
        .await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        assert!(!results.iter().any(|result| matches!(result, Err(Refused::Fault(_)))));
        // Nothing is left of those that were refused.
        assert_eq!(stored(&store, "microphones", hours(20, 21)).await[0].units.as_ref().unwrap().taken()[80], 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_gives_out_each_unit_once() {
    on_each_database(|TestStore { store, .. }| async move {
        add_catalogue(&store).await;
        let microphones = |quantity| vec![need("microphones", quantity)];
        let results = race(30, |_| {
            let store = store.clone();
            async move { occupy(&store, vec![need("microphones", 1)], hours(13, 14)).await }
        })
        .await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 3);

        // A bit is set exactly where no unit is left.
        occupy(&store, microphones(2), hours(14, 15)).await.unwrap();
        let day = stored(&store, "microphones", hours(0, 24)).await.remove(0);
        assert_eq!(day.map, DayMap::range(52, 56));
        assert_eq!(day.units.unwrap().taken()[50..62], [0, 0, 3, 3, 3, 3, 2, 2, 2, 2, 0, 0]);

        let Err(Refused::Conflicts(conflicts)) = occupy(&store, microphones(2), hours(12, 16)).await else {
            panic!("there are not as many")
        };
        assert_eq!(conflicts, [conflict("microphones", hours(13, 15))]);
        let Err(Refused::Conflicts(conflicts)) = occupy(&store, microphones(4), hours(200, 201)).await else {
            panic!("the pool has only three")
        };
        assert_eq!(conflicts, [conflict("microphones", hours(200, 201))]);

        release(&store, microphones(1), hours(13, 14)).await.unwrap();
        let day = stored(&store, "microphones", hours(0, 24)).await.remove(0);
        assert!(day.map.is_empty());
        let Err(StoreError::Corrupt(_)) = release(&store, microphones(3), hours(13, 14)).await else {
            panic!("only two are taken")
        };
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn letting_go_clears_exactly_what_was_taken() {
    on_each_database(|TestStore { store, .. }| async move {
        add_catalogue(&store).await;
        let studio = || vec![need("studio-a", 1)];
        occupy(&store, studio(), hours(9, 26)).await.unwrap();
        release(&store, studio(), hours(10, 25)).await.unwrap();
        let days = stored(&store, "studio-a", hours(0, 48)).await;
        let seen: Vec<_> = days.iter().map(|day| (day.map, day.revision)).collect();
        assert_eq!(seen, [(DayMap::range(36, 40), 2), (DayMap::range(4, 8), 2)]);

        // The first day's part is held, the second's is not: nothing changes.
        let Err(StoreError::Corrupt(_)) = release(&store, studio(), hours(9, 25)).await else {
            panic!("it is not held")
        };
        assert_eq!(stored(&store, "studio-a", hours(0, 48)).await, days);
        let Err(StoreError::Corrupt(_)) = release(&store, studio(), hours(100, 101)).await else {
            panic!("there is no such row")
        };
    })
    .await;
}
