use std::ops::RangeInclusive;
use std::sync::Arc;

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::super::test_database::{TestStore, on_each_database};
use super::{add_catalogue, date, day_hours, event_type, hours, need, occupy, organization, resource, schedule};
use crate::domain::catalogue::Resource;
use crate::domain::id::ScheduleId;
use crate::domain::local_time::{FIRST_DATE, LAST_DATE};
use crate::domain::schedule::{DateOverride, DayHours, OpenHours, Schedule};
use crate::store::{
    CatalogueState, DateOverrides, EventTypeFilter, OfferFacts, Page, PageEnd, PageRequest, Place, ResourceFilter,
    StoreError,
};

fn december() -> RangeInclusive<NaiveDate> {
    date("2026-12-01")..=date("2026-12-31")
}

fn all_resources() -> ResourceFilter {
    ResourceFilter { organization_id: organization(), kind: None, event_type_id: None, state: CatalogueState::All }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalogue_is_read_as_it_was_written() {
    on_each_database(|TestStore { store, .. }| async move {
        add_catalogue(&store).await;
        let reader = store.reader();
        let microphones = resource("microphones", 3);
        assert_eq!(reader.resource(&microphones.id).await.unwrap(), Some(microphones.clone()));
        let by_slug = reader.resource_by_slug(&organization(), "microphones").await.unwrap();
        assert_eq!(by_slug, Some(microphones));
        assert_eq!(reader.resource_by_slug(&"other".into(), "microphones").await.unwrap(), None);
        let session = event_type("session");
        assert_eq!(reader.event_type(&session.id).await.unwrap(), Some(session.clone()));
        assert_eq!(reader.event_type_by_slug(&organization(), "session").await.unwrap(), Some(session.clone()));
        let schedules = reader.schedules(&["hours".into(), "none".into()], &december()).await.unwrap();
        assert_eq!(schedules.len(), 1);
        assert_eq!(*schedules[&"hours".into()], schedule("hours"));

        let offered = reader.event_types_of_resources(&["studio-a".into(), "studio-b".into()]).await.unwrap();
        assert_eq!(offered, [("studio-a".into(), session)]);
        // A schedule, three resources, an event type and a link.
        assert_eq!(reader.catalogue_revision(&organization()).await.unwrap(), 6);
        assert_eq!(reader.catalogue_revision(&"other".into()).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_overrides_only_those_asked_for_are_read() {
    on_each_database(|TestStore { store, .. }| async move {
        add_catalogue(&store).await;
        let eve = date("2026-12-24")..=date("2026-12-24");
        let schedules = store.reader().schedules(&["hours".into()], &eve).await.unwrap();
        let overrides: Vec<_> = schedules[&"hours".into()].overrides.keys().copied().collect();
        assert_eq!(overrides, [date("2026-12-24")]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_schedule_is_read_as_it_was_written_and_the_change_is_counted() {
    on_each_database(|TestStore { store, .. }| async move {
        add_catalogue(&store).await;
        let before = schedule("hours");
        let mut after = Schedule { name: "Other".into(), time_zone: Tz::Asia__Tokyo, ..before.clone() };
        after.weekly[6] = day_hours(&[(9, 12), (12, 13)]);
        after.weekly[0] = DayHours::default();
        after.overrides.remove(&date("2026-12-24"));
        after.overrides.insert(date("2026-12-25"), DateOverride { hours: day_hours(&[(1, 2)]), reason: None });
        after.overrides.insert(date("2099-12-31"), DateOverride { hours: DayHours::default(), reason: None });
        after.updated_at += chrono::Duration::milliseconds(1);
        let (old, new) = (&before, &after);
        let update = |tx: crate::store::Tx| async move {
            assert_eq!(tx.lock_schedule(&organization(), &old.id).await?.as_ref(), Some(old));
            assert_eq!(tx.lock_schedule(&"other".into(), &old.id).await?, None);
            tx.update_schedule(old, new).await
        };
        store.write(update).await.map_err(|error: StoreError| error).unwrap();
        let reader = store.reader();
        let bare = Schedule { overrides: DateOverrides::new(), ..after.clone() };
        assert_eq!(reader.schedule(&organization(), &after.id).await.unwrap(), Some(bare.clone()));
        let ids = [after.id.clone(), "none".into()];
        assert_eq!(reader.schedules_without_overrides(&ids).await.unwrap(), [bare]);
        let overrides = reader.date_overrides(&ids, &(FIRST_DATE..=LAST_DATE)).await.unwrap();
        assert_eq!(overrides, [(after.id.clone(), after.overrides.clone())].into());
        let last = date("2099-12-31");
        let of_last = reader.date_overrides(&ids, &(last..=last)).await.unwrap();
        assert_eq!(of_last[&after.id].keys().copied().collect::<Vec<_>>(), [last]);
        assert_eq!(reader.schedule(&"other".into(), &after.id).await.unwrap(), None);
        assert_eq!(reader.catalogue_revision(&organization()).await.unwrap(), 7);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_itself_keeps_a_schedule_that_something_refers_to() {
    on_each_database(|TestStore { store, .. }| async move {
        add_catalogue(&store).await;
        let delete = async |id: &str| {
            let id = &ScheduleId::from(id);
            store.write(|tx| async move { tx.delete_schedule(&organization(), id).await }).await
        };
        let refused = delete("hours").await.unwrap_err();
        assert!(refused.breaks_reference(), "{refused:?}");
        store.write(|tx| async move { tx.insert_schedule(&schedule("unused")).await }).await.unwrap();
        let unused = ScheduleId::from("unused");
        let used = store.reader().schedule_use(&organization(), &unused).await.unwrap();
        assert_eq!((used.resources, used.event_types), (0, 0));
        delete("unused").await.unwrap();
        assert_eq!(store.reader().schedule(&organization(), &unused).await.unwrap(), None);
        let rest = store.reader().schedules_of(&organization(), &PageRequest::first(5)).await.unwrap();
        assert_eq!(rest.items, [Schedule { overrides: DateOverrides::new(), ..schedule("hours") }]);
        // Its making and its removal are counted.
        assert_eq!(store.reader().catalogue_revision(&organization()).await.unwrap(), 8);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_go_both_ways() {
    on_each_database(|TestStore { store, .. }| async move {
        add_catalogue(&store).await;
        store
            .write(|tx| async move {
                for id in ["twin-2", "twin-1"] {
                    tx.insert_resource(&Resource { name: "Twin".into(), active: false, ..resource(id, 1) }).await?;
                }
                Ok::<_, StoreError>(())
            })
            .await
            .unwrap();
        let reader = store.reader();
        let place = |resource: &Resource| Some(Place::by_text(&resource.name, resource.id.as_str()));
        let ids = |page: &Page<Resource>| page.items.iter().map(|item| item.id.to_string()).collect::<Vec<_>>();

        let first = reader.resources(&all_resources(), &PageRequest::first(2)).await.unwrap();
        assert_eq!(ids(&first), ["microphones", "studio-a"]);
        assert_eq!((first.has_previous, first.has_next), (false, true));
        let request = PageRequest { after: place(&first.items[1]), ..PageRequest::first(3) };
        let rest = reader.resources(&all_resources(), &request).await.unwrap();
        assert_eq!(ids(&rest), ["studio-b", "twin-1", "twin-2"]);
        assert_eq!((rest.has_previous, rest.has_next), (true, false));
        let request = PageRequest { end: PageEnd::Last, before: place(&rest.items[2]), ..PageRequest::first(2) };
        let back = reader.resources(&all_resources(), &request).await.unwrap();
        assert_eq!(ids(&back), ["studio-b", "twin-1"]);
        assert_eq!((back.has_previous, back.has_next), (true, true));

        let active = ResourceFilter { state: CatalogueState::Active, ..all_resources() };
        assert_eq!(reader.resource_count(&active).await.unwrap(), 3);
        let inactive = ResourceFilter { state: CatalogueState::Inactive, ..all_resources() };
        assert_eq!(reader.resource_count(&inactive).await.unwrap(), 2);
        let linked = ResourceFilter { event_type_id: Some("session".into()), ..all_resources() };
        assert_eq!(ids(&reader.resources(&linked, &PageRequest::first(9)).await.unwrap()), ["studio-a"]);

        let mut offered = EventTypeFilter {
            organization_id: organization(),
            resource_id: Some("studio-a".into()),
            state: CatalogueState::Active,
        };
        assert_eq!(reader.event_types(&offered, &PageRequest::first(1)).await.unwrap().items.len(), 1);
        assert_eq!(reader.event_type_count(&offered).await.unwrap(), 1);
        offered.resource_id = Some("studio-b".into());
        assert_eq!(reader.event_types(&offered, &PageRequest::first(1)).await.unwrap().items, []);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_costs_six_statements() {
    on_each_database(|TestStore { store, statements, .. }| async move {
        add_catalogue(&store).await;
        occupy(&store, vec![need("studio-a", 1)], hours(9, 10)).await.unwrap();
        statements.take();
        let ids = ["studio-a".into(), "missing".into(), "microphones".into()];
        let ids = &ids;
        let read = store.snapshot(|reader| async move {
            let facts = reader.offer_facts(Some(&"session".into()), ids, &december()).await?;
            let occupied = reader.occupancy(ids, hours(0, 24)).await?;
            Ok::<_, StoreError>((facts, occupied))
        });
        let (facts, occupied): (OfferFacts, _) = read.await.unwrap();
        assert_eq!(statements.take().len(), 6);

        let [studio, microphones] = &facts.resources[..] else { panic!("two exist: {facts:?}") };
        assert_eq!((studio.resource.id.as_str(), studio.is_linked, studio.catalogue_revision), ("studio-a", true, 6));
        assert_eq!((microphones.resource.id.as_str(), microphones.is_linked), ("microphones", false));
        assert_eq!(studio.open_hours(), OpenHours::Scheduled(Arc::new(schedule("hours"))));
        assert_eq!(facts.open_hours(microphones), OpenHours::Always(Tz::Europe__Berlin));
        assert_eq!(occupied.len(), 1);

        let bare = store.reader().offer_facts(None, ids, &december()).await.unwrap();
        assert!(bare.event_type.is_none() && !bare.resources[0].is_linked);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_resources_cost_no_more_statements_than_one() {
    on_each_database(|TestStore { store, statements, .. }| async move {
        add_catalogue(&store).await;
        let filter =
            ResourceFilter { state: CatalogueState::Active, event_type_id: Some("session".into()), ..all_resources() };
        let filter = &filter;
        let count = async || {
            statements.take();
            let read = store.snapshot(|reader| async move {
                let facts = reader.offer_facts_of_all(filter, &december()).await?;
                let occupied = reader.occupancy_of_all(filter, hours(0, 24)).await?;
                Ok::<_, StoreError>((facts.resources.len(), occupied.len()))
            });
            (read.await.unwrap(), statements.take().len())
        };
        occupy(&store, vec![need("studio-a", 1)], hours(9, 10)).await.unwrap();
        occupy(&store, vec![need("studio-b", 1)], hours(9, 10)).await.unwrap();
        assert_eq!(count().await, ((1, 1), 6));
        store
            .write(|tx| async move {
                for number in 0..1000 {
                    let id = format!("room-{number:04}");
                    let room = Resource { schedule_id: Some("hours".into()), ..resource(&id, 1) };
                    tx.insert_resource(&room).await?;
                    tx.link(&organization(), &"session".into(), &room.id).await?;
                }
                Ok::<_, StoreError>(())
            })
            .await
            .unwrap();
        assert_eq!(count().await, ((1001, 1), 6));
    })
    .await;
}
