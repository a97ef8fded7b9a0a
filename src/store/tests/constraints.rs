use sea_orm::sqlx::error::ErrorKind;
use sea_orm::{ConnectionTrait, DbErr, RuntimeErr};

use super::super::test_database::{TestStore, on_each_database};
use super::{add_catalogue, booking, hours, midnight};
use crate::store::StoreError;

/// What no program may store, whatever it believes: each breaks one rule.
const FORBIDDEN: [(&str, &str); 25] = [
    ("a pool of none", "UPDATE resources SET quantity = 0 WHERE id = 'studio-a'"),
    ("too large a pool", "UPDATE resources SET quantity = 10001 WHERE id = 'studio-a'"),
    ("a slug twice", "UPDATE resources SET slug = 'studio-b' WHERE id = 'studio-a'"),
    ("no name", "UPDATE resources SET name = '' WHERE id = 'studio-a'"),
    ("a schedule that does not exist", "UPDATE resources SET schedule_id = 'none' WHERE id = 'studio-a'"),
    ("another organization's schedule", "UPDATE resources SET organization_id = 'other' WHERE id = 'studio-a'"),
    ("no duration", "UPDATE event_types SET duration_options = '[]'"),
    ("too long a buffer", "UPDATE event_types SET buffer_after_minutes = 1441"),
    ("a negative notice", "UPDATE event_types SET min_notice_minutes = -1"),
    ("a link across organizations", "UPDATE event_type_resources SET organization_id = 'other'"),
    ("a window that ends before it starts", "UPDATE schedule_windows SET end_quarter = 0"),
    ("a window beyond midnight", "UPDATE schedule_windows SET end_quarter = 97"),
    ("a weekday too many", "UPDATE schedule_windows SET weekday = 7 WHERE weekday = 0"),
    ("a window of a date without override", "UPDATE date_override_windows SET date = 1"),
    ("a bit beyond noon", "UPDATE occupancy SET before_noon = 281474976710656"),
    ("a negative half", "UPDATE occupancy SET from_noon = -1"),
    ("counters of another length", "UPDATE occupancy SET units = '123'"),
    ("a negative revision", "UPDATE occupancy SET revision = -1"),
    ("an unknown status", "UPDATE bookings SET status = 'maybe'"),
    ("an end before the start", "UPDATE bookings SET end_at = start_at"),
    ("an event outside of what it occupies", "UPDATE bookings SET occupied_to = occupied_from + 1"),
    ("an event type that does not exist", "UPDATE bookings SET event_type_id = 'none'"),
    ("a resource twice", "UPDATE booking_items SET resource_id = 'studio-a'"),
    ("a user without an id", "UPDATE booking_transitions SET actor_user_id = NULL"),
    ("a start without a past", "UPDATE booking_transitions SET from_status = 'pending'"),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_database_refuses_what_breaks_a_rule() {
    on_each_database(|TestStore { store, .. }| async move {
        add_catalogue(&store).await;
        let (one, made) = booking("one", hours(13, 14));
        let (one, made) = (&one, &made);
        store
            .write(|tx| async move {
                tx.ensure_organization(&"other".into(), midnight()).await?;
                tx.insert_booking(one, made).await
            })
            .await
            .map_err(|error: StoreError| error)
            .unwrap();
        super::occupy(&store, vec![super::need("studio-a", 1)], hours(13, 14)).await.unwrap();
        for (rule, sql) in FORBIDDEN {
            let result = store.pools.writes.execute_unprepared(sql).await;
            let Err(DbErr::Exec(RuntimeErr::SqlxError(error))) = result else { panic!("{rule}: {sql}") };
            // A rule refused it, not a mistake in the statement.
            let kind = error.as_database_error().unwrap().kind();
            assert!(!matches!(kind, ErrorKind::Other), "{rule}: {error}");
        }
    })
    .await;
}
