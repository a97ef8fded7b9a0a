//! `slotwise check`: what it finds, and what it mends.

use sea_orm::{ConnectionTrait, Database, Statement};
use serde_json::{Value, json};

use crate::support::process::{check, check_and_repair};
use crate::support::studios::{at, booking, studios, with};
use crate::support::{Choices, EventTypeSpec, ResourceSpec, TestServer, at_once};

/// The studios and a pool of three microphones, with something of everything on one day; the ids of the booking of a,
/// of the one of b that waits, and of the block of b.
async fn occupied() -> (TestServer, [String; 3]) {
    let server = with_microphones().await;
    let asked = EventTypeSpec { requires_confirmation: true, ..EventTypeSpec::named("asked", &[60], &["b"]) };
    server.event_types([asked]).await;
    let (staff, ada) = (server.staff(), server.customer("ada"));
    let booked = ada.book_it(booking("a", "rehearsal", 10)).await;
    ada.book_it(with(booking("mics", "hour", 10), json!({ "quantity": 2 }))).await;
    let waits = ada.book(booking("b", "asked", 11)).await;
    let block = json!({ "resourceId": "res_b", "start": at(14), "end": at(15) });
    let blocked = staff.run_well("createBlock", block).await;
    let ids = [&booked["booking"]["id"], &waits["booking"]["id"], &blocked["block"]["id"]];
    (server, ids.map(|id| id.as_str().unwrap().to_owned()))
}

async fn with_microphones() -> TestServer {
    let server = studios().await;
    server.resources([ResourceSpec { quantity: 3, ..ResourceSpec::named("mics") }]).await;
    server.links("hour", &["mics".to_owned()]).await;
    server
}

/// All rows of occupancy and what of bookings could be mended, as they are stored.
async fn stored(server: &TestServer) -> Vec<String> {
    let database = Database::connect(server.database_url()).await.unwrap();
    let backend = database.get_database_backend();
    let mut stored = Vec::new();
    for sql in [
        "SELECT resource_id, day, before_noon, from_noon, units, revision FROM occupancy ORDER BY resource_id, day",
        "SELECT id, status, lapses_at, revision FROM bookings ORDER BY id",
    ] {
        let rows = database.query_all_raw(Statement::from_string(backend, sql)).await.unwrap();
        stored.extend(rows.iter().map(|row| format!("{row:?}")));
    }
    database.close().await.unwrap();
    stored
}

/// How often the rows of a resource have changed.
async fn revision(server: &TestServer, resource: &str) -> Option<i64> {
    let database = Database::connect(server.database_url()).await.unwrap();
    let sql = format!("SELECT revision FROM occupancy WHERE resource_id = '{resource}'");
    let row = database.query_one_raw(Statement::from_string(database.get_database_backend(), sql)).await.unwrap();
    database.close().await.unwrap();
    row.map(|row| row.try_get("", "revision").unwrap())
}

/// Counters as SQL writes them: so many units in each of the first quarter hours, and none later.
fn counters(server: &TestServer, units: u8, quarters: usize) -> String {
    let bytes = format!("{units:02x}00").repeat(quarters) + &"0000".repeat(96 - quarters);
    if server.database_url().starts_with("postgres") { format!("'\\x{bytes}'::bytea") } else { format!("x'{bytes}'") }
}

/// Does `damage` to what is stored, and expects the check to tell of it as `told`, to change nothing by itself, and to
/// mend it all when it is told to.
async fn assert_mended(damage: impl Fn(&TestServer, &[String; 3]) -> String, told: impl Fn(&[String; 3]) -> String) {
    let (server, ids) = occupied().await;
    let url = server.database_url();
    let (status, printed) = check(url);
    assert_eq!((status.code(), printed.as_str()), (Some(0), "0 differences.\n"));

    server.execute_sql(&damage(&server, &ids)).await;
    let damaged = stored(&server).await;
    let (status, printed) = check(url);
    let told = told(&ids);
    let hint = "1 differences. `slotwise check --repair` mends what is occupied.\n";
    assert_eq!((status.code(), printed), (Some(1), format!("{told}\n{hint}")));
    assert_eq!(stored(&server).await, damaged, "looking has changed something");

    let (status, printed) = check_and_repair(url);
    let done = "1 differences were mended, 0 remain.\n";
    assert_eq!((status.code(), printed), (Some(0), format!("{told} Mended.\n{done}")));
    assert_eq!(check(url).0.code(), Some(0));
    let (status, printed) = check_and_repair(url);
    assert_eq!((status.code(), printed.as_str()), (Some(0), "0 differences were mended, 0 remain.\n"));
    server.assert_sound().await;

    // It can be let go as if nothing had been.
    let staff = server.staff();
    for id in &ids[..2] {
        assert_eq!(staff.cancel(json!({ "id": id })).await["booking"]["status"], "CANCELLED");
    }
    staff.run_well("deleteBlock", json!({ "id": ids[2] })).await;
    server.assert_sound().await;
}

fn of_a(stored: &str) -> String {
    format!("res_a on 2026-12-02 (UTC): stored is {stored}; it should be 09:00-11:00, without units.")
}

fn of_b(stored: &str) -> String {
    format!("res_b on 2026-12-02 (UTC): stored is {stored}; it should be 10:00-11:00 and 13:00-14:00, without units.")
}

fn of_mics(stored: &str) -> String {
    format!("res_mics on 2026-12-02 (UTC): stored is {stored}; it should be 09:00-10:00 × 2, full never.")
}

#[tokio::test]
async fn what_is_stored_as_occupied_and_is_not_is_found_and_mended() {
    let damage = |_: &TestServer, _: &[String; 3]| {
        "UPDATE occupancy SET before_noon = before_noon | 1 WHERE resource_id = 'res_a'".to_owned()
    };
    assert_mended(damage, |_| of_a("00:00-00:15 and 09:00-11:00, without units")).await;
}

#[tokio::test]
async fn what_is_occupied_and_not_stored_is_found_and_mended() {
    let damage =
        |_: &TestServer, _: &[String; 3]| "UPDATE occupancy SET before_noon = 0 WHERE resource_id = 'res_a'".to_owned();
    assert_mended(damage, |_| of_a("never, without units")).await;
}

#[tokio::test]
async fn a_row_that_is_missing_is_found_and_made() {
    let damage = |_: &TestServer, _: &[String; 3]| "DELETE FROM occupancy WHERE resource_id = 'res_a'".to_owned();
    assert_mended(damage, |_| of_a("never, without units")).await;
}

#[tokio::test]
async fn what_a_block_occupies_is_found_and_mended() {
    let damage =
        |_: &TestServer, _: &[String; 3]| "UPDATE occupancy SET from_noon = 0 WHERE resource_id = 'res_b'".to_owned();
    assert_mended(damage, |_| of_b("10:00-11:00, without units")).await;
}

#[tokio::test]
async fn counters_that_are_wrong_are_found_and_mended() {
    let damage = |server: &TestServer, _: &[String; 3]| {
        format!("UPDATE occupancy SET units = {} WHERE resource_id = 'res_mics'", counters(server, 1, 96))
    };
    assert_mended(damage, |_| of_mics("00:00-24:00 × 1, full never")).await;
}

#[tokio::test]
async fn a_map_that_its_counters_do_not_make_is_found_and_mended() {
    let damage = |_: &TestServer, _: &[String; 3]| {
        "UPDATE occupancy SET from_noon = 1 WHERE resource_id = 'res_mics'".to_owned()
    };
    assert_mended(damage, |_| of_mics("09:00-10:00 × 2, full 12:00-12:15")).await;
}

#[tokio::test]
async fn a_row_without_counters_where_units_are_counted_is_found_and_mended() {
    let damage =
        |_: &TestServer, _: &[String; 3]| "UPDATE occupancy SET units = NULL WHERE resource_id = 'res_mics'".to_owned();
    assert_mended(damage, |_| of_mics("never, without units")).await;
}

#[tokio::test]
async fn a_row_with_counters_where_no_units_are_counted_is_found_and_mended() {
    let damage = |server: &TestServer, _: &[String; 3]| {
        format!("UPDATE occupancy SET units = {} WHERE resource_id = 'res_a'", counters(server, 0, 96))
    };
    assert_mended(damage, |_| of_a("full 09:00-11:00")).await;
}

#[tokio::test]
async fn when_a_booking_lapses_is_found_and_mended() {
    let damage =
        |_: &TestServer, ids: &[String; 3]| format!("UPDATE bookings SET lapses_at = NULL WHERE id = '{}'", ids[1]);
    let told =
        |ids: &[String; 3]| format!("{}: stored to lapse is never; it should be 2026-12-02T10:00:00+00:00.", ids[1]);
    assert_mended(damage, told).await;
}

#[tokio::test]
async fn what_is_mended_counts_as_one_change_of_its_row_and_what_is_right_as_none() {
    let (server, _) = occupied().await;
    let before = (revision(&server, "res_a").await, revision(&server, "res_mics").await);
    assert_eq!(before, (Some(1), Some(1)));
    server.execute_sql("UPDATE occupancy SET before_noon = 0 WHERE resource_id = 'res_a'").await;
    check_and_repair(server.database_url());
    assert_eq!((revision(&server, "res_a").await, revision(&server, "res_mics").await), (Some(2), Some(1)));
    server.execute_sql("DELETE FROM occupancy WHERE resource_id = 'res_mics'").await;
    check_and_repair(server.database_url());
    assert_eq!(revision(&server, "res_mics").await, Some(1));
}

#[tokio::test]
async fn what_only_people_can_decide_is_told_and_left_as_it_is() {
    let (server, [booked, waits, _]) = occupied().await;
    let url = server.database_url();
    server.execute_sql(&format!("UPDATE bookings SET status = 'completed' WHERE id = '{booked}'")).await;
    server.execute_sql(&format!("UPDATE bookings SET revision = 3 WHERE id = '{waits}'")).await;
    let faults = format!(
        "{booked}: it is COMPLETED, and its history says CONFIRMED.\n\
         {waits}: its revision is 3, and its history ends with 1.\n"
    );
    assert_eq!(check(url).1, format!("{faults}2 differences.\n"));
    let damaged = stored(&server).await;
    let (status, printed) = check_and_repair(url);
    assert_eq!((status.code(), printed), (Some(1), format!("{faults}0 differences were mended, 2 remain.\n")));
    assert_eq!(stored(&server).await, damaged);
    server.execute_sql(&format!("DELETE FROM booking_transitions WHERE booking_id = '{waits}'")).await;
    let (_, printed) = check(url);
    assert!(printed.contains(&format!("{waits}: its revision is 3, and it has no history.\n")), "{printed}");
}

#[tokio::test]
async fn what_is_booked_twice_is_told_with_who_takes_it_until_somebody_gives_way() {
    let (server, [booked, ..]) = occupied().await;
    let (url, staff, ada) = (server.database_url(), server.staff(), server.customer("ada"));
    let block = json!({ "resourceId": "res_a", "start": at(20), "end": at(21) });
    let block = staff.run_well("createBlock", block).await["block"]["id"].as_str().unwrap().to_owned();
    let other = ada.book_it(booking("a", "hour", 15)).await["booking"]["id"].as_str().unwrap().to_owned();
    // The booking of 15:00 is moved to 11:00 and the block to 11:30, behind everybody's back.
    let moved = |table: &str, id: &str, start: &str, quanta: u32| {
        format!(
            "UPDATE {table} SET start_at = start_at - 900000 * {quanta}, end_at = end_at - 900000 * {quanta}, \
             occupied_from = occupied_from - {quanta}, occupied_to = occupied_to - {quanta} WHERE id = '{id}' {start}"
        )
    };
    server.execute_sql(&moved("bookings", &other, "", 16)).await;
    server.execute_sql(&moved("blocks", &block, "", 34)).await;
    let day = "res_a on 2026-12-02 (UTC):";
    let wrong = "stored is 09:00-11:00 and 14:00-15:00 and 19:00-20:00, without units; \
                 it should be 09:00-11:30, without units.";
    let twice = format!(
        "More is taken than there is: 10:00-11:00, by {booked}, {other}, {block}. Cancel or move some of them."
    );
    let (status, printed) = check_and_repair(url);
    let done = "1 differences were mended, 1 remain.";
    assert_eq!(printed, format!("{day} {wrong} {twice} Mended.\n{day} {twice}\n{done}\n"));
    assert_eq!(status.code(), Some(1));
    assert_eq!(check(url).1, format!("{day} {twice}\n1 differences.\n"));
}

/// Tries to book, block and let go on some days, over and over, until it has done so a number of times.
fn use_it(server: &TestServer, seed: usize) -> impl Future<Output = ()> + use<> {
    let (staff, ada) = (server.staff(), server.customer("ada"));
    async move {
        let mut choices = Choices::new(seed);
        for _ in 0..25 {
            let resource = ["a", "b", "mics"][choices.below(3)];
            let (day, hour) = (2 + choices.below(3), 9 + choices.below(6));
            let start = format!("2026-12-{day:02}T{hour:02}:00:00Z");
            let taken = |payload: &Value| payload["userErrors"][0]["code"] == "SLOT_TAKEN";
            if choices.below(2) == 0 {
                let made = ada.book(with(booking(resource, "hour", 9), json!({ "start": start }))).await;
                let id = &made["booking"]["id"];
                assert!(id.is_string() || taken(&made), "{made}");
                if id.is_string() && choices.below(3) > 0 {
                    assert_eq!(ada.cancel(json!({ "id": id })).await["userErrors"], json!([]));
                }
            } else {
                let end = start.replace(":00:00Z", ":45:00Z");
                let input = json!({ "resourceId": format!("res_{resource}"), "start": start, "end": end });
                let made = staff.run("createBlock", input).await;
                let id = &made["block"]["id"];
                assert!(id.is_string() || taken(&made), "{made}");
                if id.is_string() && choices.below(3) > 0 {
                    staff.run_well("deleteBlock", json!({ "id": id })).await;
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_mended_while_they_are_booked_and_everything_is_sound_then() {
    let server = with_microphones().await;
    let first = "2026-12-02".parse::<chrono::NaiveDate>().unwrap().to_epoch_days();
    // At night, when nobody books, something is occupied that nobody has: for whoever uses it, the rows are as usual.
    let counters = counters(&server, 1, 8);
    let damage = async || {
        for day in first..first + 3 {
            for (resource, units) in [("a", "NULL"), ("b", "NULL"), ("mics", counters.as_str())] {
                server
                    .execute_sql(&format!(
                        "INSERT INTO occupancy (resource_id, day, before_noon, from_noon, units, revision)
                         VALUES ('res_{resource}', {day}, 255, 0, {units}, 1)
                         ON CONFLICT (resource_id, day) DO UPDATE SET before_noon = occupancy.before_noon | 255"
                    ))
                    .await;
            }
        }
    };
    damage().await;
    let users = async {
        let mut uses = Vec::new();
        for seed in 0..10 {
            uses.push(tokio::spawn(use_it(&server, seed)));
        }
        for used in uses {
            used.await.unwrap();
        }
    };
    let url = server.database_url().to_owned();
    let mending = async {
        let mut mended = 0;
        for _ in 0..4 {
            let at = url.clone();
            let (_, printed) = tokio::task::spawn_blocking(move || check_and_repair(&at)).await.unwrap();
            mended += printed.matches("Mended.").count();
            damage().await;
        }
        mended
    };
    let ((), mended) = tokio::join!(users, mending);
    assert!(mended >= 9, "only {mended} rows were mended");
    let (status, printed) = check_and_repair(&url);
    assert_eq!(status.code(), Some(0), "{printed}");
    assert_eq!(check(&url).1, "0 differences.\n");
    server.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_mend_at_once_mend_each_row_once() {
    let (server, _) = occupied().await;
    server.execute_sql("UPDATE occupancy SET before_noon = 0").await;
    server.execute_sql("UPDATE occupancy SET from_noon = 0 WHERE resource_id = 'res_b'").await;
    let url = server.database_url().to_owned();
    let answers = at_once(4, |_| {
        let url = url.clone();
        async move { tokio::task::spawn_blocking(move || check_and_repair(&url)).await.unwrap() }
    })
    .await;
    let mended: usize = answers.iter().map(|(_, printed)| printed.matches("Mended.").count()).sum();
    assert_eq!(mended, 2, "{answers:?}");
    server.assert_sound().await;
}
