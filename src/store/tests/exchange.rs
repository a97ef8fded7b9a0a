//! Letting go and taking in one visit.

use super::super::test_database::{TestStore, on_each_database};
use super::{Refused, add_catalogue, hours, need, occupy, race};
use crate::domain::quantum::{DayMap, QuantumSpan};
use crate::domain::refusal::Conflict;
use crate::store::{ItemNeed, OccupiedDay, Store, StoreError, Stretch, Taking};

async fn stored(store: &Store, id: &str, span: QuantumSpan) -> Vec<OccupiedDay> {
    store.reader().occupancy(&[id.into()], span).await.unwrap()
}

fn conflict(id: &str, span: QuantumSpan) -> Conflict {
    Conflict { resource_id: id.into(), start: span.start_at(), end: span.end_at(), holder: None }
}

/// Lets go and takes in a transaction of its own.
async fn exchange(store: &Store, let_go: Vec<Stretch>, take: Vec<Stretch>) -> Result<(), Refused> {
    let (let_go, take) = (&let_go, &take);
    let change = |tx: crate::store::Tx| async move {
        match tx.change_occupancy(let_go, take).await? {
            Taking::Taken => Ok(()),
            Taking::Refused(conflicts) => Err(Refused::Conflicts(conflicts)),
        }
    };
    store.write(change).await
}

/// Moves `item` from one span to another.
async fn shift(store: &Store, item: ItemNeed, from: QuantumSpan, to: QuantumSpan) -> Result<(), Refused> {
    exchange(store, vec![item.over(from)], vec![item.over(to)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn time_is_moved_over_itself_in_one_visit_to_its_row() {
    on_each_database(|TestStore { store, .. }| async move {
        add_catalogue(&store).await;
        let studio = || need("studio-a", 1);
        occupy(&store, vec![studio()], hours(9, 11)).await.unwrap();
        shift(&store, studio(), hours(9, 11), hours(10, 13)).await.unwrap();
        let day = stored(&store, "studio-a", hours(0, 24)).await.remove(0);
        assert_eq!((day.map, day.revision), (DayMap::range(40, 52), 2));
        shift(&store, studio(), hours(10, 13), hours(10, 13)).await.unwrap();
        assert_eq!(stored(&store, "studio-a", hours(0, 24)).await[0].map, DayMap::range(40, 52));

        // From one day into the next, both halves of the day.
        shift(&store, studio(), hours(10, 13), hours(11, 26)).await.unwrap();
        let maps: Vec<_> = stored(&store, "studio-a", hours(0, 48)).await.iter().map(|day| day.map).collect();
        assert_eq!(maps, [DayMap::range(44, 96), DayMap::range(0, 8)]);
        shift(&store, studio(), hours(11, 26), hours(100, 101)).await.unwrap();
        let days = stored(&store, "studio-a", hours(0, 24 * 7)).await;
        let maps: Vec<_> = days.iter().map(|day| day.map).collect();
        assert_eq!(maps, [DayMap::EMPTY, DayMap::EMPTY, DayMap::range(16, 20)]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn units_are_moved_over_themselves_beside_those_of_others() {
    on_each_database(|TestStore { store, .. }| async move {
        add_catalogue(&store).await;
        let some = |quantity| need("microphones", quantity);
        occupy(&store, vec![some(2)], hours(9, 11)).await.unwrap();
        occupy(&store, vec![some(1)], hours(10, 12)).await.unwrap();
        shift(&store, some(2), hours(9, 11), hours(10, 12)).await.unwrap();
        let day = stored(&store, "microphones", hours(0, 24)).await.remove(0);
        assert_eq!((day.map, day.revision), (DayMap::range(40, 48), 3));
        assert_eq!(day.units.unwrap().taken()[35..50], [0, 0, 0, 0, 0, 3, 3, 3, 3, 3, 3, 3, 3, 0, 0]);

        // Fewer of them, at the same time.
        exchange(&store, vec![some(2).over(hours(10, 12))], vec![some(1).over(hours(10, 12))]).await.unwrap();
        let day = stored(&store, "microphones", hours(0, 24)).await.remove(0);
        assert_eq!((day.map, day.units.unwrap().taken()[40]), (DayMap::EMPTY, 2));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_refuses_a_move_is_only_what_others_have() {
    on_each_database(|TestStore { store, .. }| async move {
        add_catalogue(&store).await;
        let (studio, some) = (|| need("studio-a", 1), |quantity| need("microphones", quantity));
        occupy(&store, vec![studio()], hours(9, 11)).await.unwrap();
        occupy(&store, vec![studio()], hours(12, 13)).await.unwrap();
        occupy(&store, vec![some(2)], hours(9, 11)).await.unwrap();
        occupy(&store, vec![some(2)], hours(11, 12)).await.unwrap();
        let before =
            (stored(&store, "studio-a", hours(0, 48)).await, stored(&store, "microphones", hours(0, 48)).await);

        let refused = shift(&store, studio(), hours(9, 11), hours(10, 26)).await;
        let Err(Refused::Conflicts(conflicts)) = refused else { panic!("{refused:?}") };
        assert_eq!(conflicts, [conflict("studio-a", hours(12, 13))]);
        let refused = shift(&store, some(2), hours(9, 11), hours(10, 13)).await;
        let Err(Refused::Conflicts(conflicts)) = refused else { panic!("{refused:?}") };
        assert_eq!(conflicts, [conflict("microphones", hours(11, 12))]);

        // Nothing has changed, also where the first of two could have been had.
        let (let_go, take) = (vec![studio().over(hours(9, 11)), some(2).over(hours(9, 11))], hours(10, 12));
        let refused = exchange(&store, let_go, vec![studio().over(take), some(2).over(take)]).await;
        let Err(Refused::Conflicts(conflicts)) = refused else { panic!("{refused:?}") };
        assert_eq!(conflicts, [conflict("microphones", hours(11, 12))]);
        let after = (stored(&store, "studio-a", hours(0, 48)).await, stored(&store, "microphones", hours(0, 48)).await);
        assert_eq!(after, before);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_a_fault_and_not_moved() {
    on_each_database(|TestStore { store, .. }| async move {
        add_catalogue(&store).await;
        occupy(&store, vec![need("studio-a", 1), need("microphones", 1)], hours(9, 11)).await.unwrap();
        let not_there = [
            (need("studio-a", 1), hours(9, 12)),
            (need("studio-a", 1), hours(200, 201)),
            (need("microphones", 2), hours(9, 11)),
            (need("microphones", 1), hours(10, 12)),
            (need("microphones", 1), hours(200, 201)),
        ];
        for (item, span) in not_there {
            for to in [hours(13, 14), hours(300, 301)] {
                let moved = shift(&store, item.clone(), span, to).await;
                assert!(matches!(moved, Err(Refused::Fault(StoreError::Corrupt(_)))), "{moved:?}");
            }
        }
        assert_eq!(stored(&store, "studio-a", hours(0, 24 * 20)).await.len(), 1);
        assert_eq!(stored(&store, "studio-a", hours(0, 24)).await[0].map, DayMap::range(36, 44));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn opposite_moves_between_two_days_wait_for_each_other_without_a_ring() {
    on_each_database(|TestStore { store, .. }| async move {
        add_catalogue(&store).await;
        let studio = || need("studio-a", 1);
        // On each of two days ten bookings, each of which goes to the other day's hours, one hour later.
        for number in 0..10 {
            occupy(&store, vec![studio()], hours(2 * number, 2 * number + 1)).await.unwrap();
            occupy(&store, vec![studio()], hours(24 + 2 * number, 25 + 2 * number)).await.unwrap();
        }
        let results = race(20, |number| {
            let store = store.clone();
            async move {
                let hour = 2 * (number / 2);
                let (from, to) = if number % 2 == 0 { (hour, hour + 25) } else { (hour + 24, hour + 1) };
                shift(&store, studio(), hours(from, from + 1), hours(to, to + 1)).await
            }
        })
        .await;
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        let odd = (0..10).fold(DayMap::EMPTY, |map, number| map | DayMap::range(8 * number + 4, 8 * number + 8));
        let maps: Vec<_> = stored(&store, "studio-a", hours(0, 48)).await.iter().map(|day| day.map).collect();
        assert_eq!(maps, [odd, odd]);
    })
    .await;
}
