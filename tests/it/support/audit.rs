//! Looking behind the API: whether what is stored makes sense, and changing it where no operation does yet.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, Database, DbBackend, Statement};
use slotwise::clock::Clock as _;
use slotwise::store::{Store, StoreError};

use super::server::TestServer;

/// Pairs of bookings that have the same resource at the same time, of which there never was more than one.
const BOOKED_TWICE: &str = "SELECT COUNT(*) AS pairs FROM bookings a
    JOIN booking_items i ON i.booking_id = a.id
    JOIN booking_items j ON j.resource_id = i.resource_id
    JOIN bookings b ON b.id = j.booking_id
    JOIN resources r ON r.id = i.resource_id
    WHERE NOT r.counted AND a.id < b.id AND a.status = 'confirmed' AND b.status = 'confirmed'
    AND a.occupied_from < b.occupied_to AND b.occupied_from < a.occupied_to";

impl TestServer {
    /// Fails unless what is occupied is what the bookings say, and nothing is booked twice.
    pub async fn assert_sound(&self) {
        assert_sound_since(self.clock.now(), &self.store, self.database_url()).await;
    }

    /// Changes what no operation changes yet.
    pub async fn execute_sql(&self, sql: &str) {
        let database = Database::connect(self.database_url()).await.unwrap();
        database.execute_unprepared(sql).await.unwrap();
        database.close().await.unwrap();
    }
}

/// Fails unless what is occupied in the database at `url` is what the bookings say, and nothing is booked twice.
pub async fn assert_sound(store: &Store, url: &str) {
    assert_sound_since(DateTime::UNIX_EPOCH, store, url).await;
}

/// The same, but that before `now` there may have been more units than there are.
async fn assert_sound_since(now: DateTime<Utc>, store: &Store, url: &str) {
    let differences = store
        .snapshot(|reader| async move {
            let mut differences = Vec::new();
            reader.check_occupancy(now, |difference| differences.push(difference)).await?;
            Ok::<_, StoreError>(differences)
        })
        .await
        .unwrap();
    assert!(differences.is_empty(), "what is occupied is not what the bookings say: {differences:?}");
    assert_eq!(pairs_booked_twice(url).await, 0, "something is booked twice");
}

/// Asks the bookings themselves, since what is occupied might agree with them and be wrong all the same.
async fn pairs_booked_twice(url: &str) -> i64 {
    let database = Database::connect(url).await.unwrap();
    let backend: DbBackend = database.get_database_backend();
    let row = database.query_one_raw(Statement::from_string(backend, BOOKED_TWICE)).await.unwrap().unwrap();
    database.close().await.unwrap();
    row.try_get("", "pairs").unwrap()
}
