//! Who is reminded, when, and how often: once.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use slotwise::config::MailSettings;
use slotwise::domain::booking::{Booker, Booking, BookingStatus};

use crate::support::bookings::put;
use crate::support::database::TestDatabase;
use crate::support::mail::mails_to;
use crate::support::smtp::SmtpServer;
use crate::support::{EventTypeSpec, ResourceSpec, ServerOptions, TestServer};

/// When the first server starts.
const NOW: &str = "2026-12-01T06:00:00Z";

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A server at `now` that reminds a day ahead by `post`.
async fn reminding(database: &Arc<TestDatabase>, post: &SmtpServer, now: &str) -> TestServer {
    let mut mail = MailSettings { reminder: Some(TimeDelta::days(1)), ..mails_to(post.address) };
    // Bookers only are written to.
    mail.mailer.letterhead.operator = None;
    let options = ServerOptions { now: instant(now), mail: Some(mail), ..ServerOptions::default() };
    let server = TestServer::start_on(Arc::clone(database), options).await;
    server.until_looked_for_reminders().await;
    server
}

async fn furnish(server: &TestServer) {
    server.resources([ResourceSpec::named("a")]).await;
    server.event_types([EventTypeSpec::named("hour", &[60], &["a"])]).await;
}

fn booking(id: &str, start: &str) -> Booking {
    let booker = Booker { email: Some("ada@example.org".to_owned()), ..Booker::default() };
    Booking { booker, ..put(id, &["a"], start, 60) }
}

/// Puts bookings there of which nobody is told but by reminders: they were made before there were mails.
async fn put_silently(server: &TestServer, bookings: &[Booking]) {
    let booker = |booking: &Booking| Booker { email: None, ..booking.booker.clone() };
    let silent: Vec<_> = bookings.iter().map(|one| Booking { booker: booker(one), ..one.clone() }).collect();
    server.put_bookings(&silent).await;
    server.execute_sql("DELETE FROM outbox").await;
    let reachable = bookings.iter().filter(|booking| booking.booker.email.is_some());
    let ids: Vec<_> = reachable.map(|booking| format!("'{}'", booking.id)).collect();
    let sql = format!("UPDATE bookings SET booker_email = 'ada@example.org' WHERE id IN ({})", ids.join(", "));
    server.execute_sql(&sql).await;
}

/// Of which bookings people were reminded, in the order of their ids, once there are `count` mails.
async fn reminded(post: &SmtpServer, count: usize) -> Vec<String> {
    let mails = post.received_by_now(count).await;
    let mut ids: Vec<_> = mails
        .iter()
        .map(|mail| {
            let id = mail.header("Message-ID");
            id.trim_start_matches("<evn_bkg_").trim_end_matches("_1_reminder@example.com>").to_owned()
        })
        .collect();
    ids.sort();
    ids
}

/// Lets time pass until `until`, none of it while a mail is on its way.
async fn pass(server: &TestServer, until: &str) {
    server.until_quiet().await;
    server.clock.advance_to(instant(until));
}

#[tokio::test]
async fn bookers_are_reminded_a_day_ahead_of_what_is_confirmed_and_nobody_of_anything_else() {
    let (database, post) = (Arc::new(TestDatabase::new().await), SmtpServer::start().await);
    let server = reminding(&database, &post, NOW).await;
    furnish(&server).await;
    let unreachable = Booking { booker: Booker::default(), ..booking("unreachable", "2026-12-02T07:00:00Z") };
    let with_status = |id: &str, status| Booking { status, ..booking(id, "2026-12-02T07:00:00Z") };
    put_silently(
        &server,
        &[
            booking("b", "2026-12-02T07:00:00Z"),
            unreachable,
            with_status("pending", BookingStatus::Pending),
            with_status("cancelled", BookingStatus::Cancelled),
            booking("c", "2026-12-02T08:00:00Z"),
            booking("later", "2026-12-03T08:00:00Z"),
        ],
    )
    .await;
    pass(&server, "2026-12-01T07:01:00Z").await;
    assert_eq!(reminded(&post, 1).await, ["b"]);
    pass(&server, "2026-12-01T08:01:00Z").await;
    assert_eq!(reminded(&post, 2).await, ["b", "c"]);
    let mail = &post.received()[1];
    assert_eq!(mail.to, ["ada@example.org"]);
    assert!(mail.everything().contains("https://studio.example.com/bookings/bkg_c#token="));
}

#[tokio::test]
async fn a_restart_neither_misses_nor_doubles_a_reminder_and_passes_over_what_has_begun() {
    let (database, post) = (Arc::new(TestDatabase::new().await), SmtpServer::start().await);
    let server = reminding(&database, &post, NOW).await;
    furnish(&server).await;
    put_silently(
        &server,
        &[
            // Sooner than a day when reminders were first switched on.
            booking("surprise", "2026-12-01T20:00:00Z"),
            booking("before", "2026-12-02T07:00:00Z"),
            booking("begun", "2026-12-02T10:00:00Z"),
            booking("missed", "2026-12-03T06:00:00Z"),
            booking("after", "2026-12-03T14:00:00Z"),
        ],
    )
    .await;
    pass(&server, "2026-12-01T07:01:00Z").await;
    assert_eq!(reminded(&post, 1).await, ["before"]);
    let database = server.stop().await;
    // Down for more than a day.
    let server = reminding(&database, &post, "2026-12-02T12:00:00Z").await;
    assert_eq!(reminded(&post, 2).await, ["before", "missed"]);
    pass(&server, "2026-12-02T14:01:00Z").await;
    assert_eq!(reminded(&post, 3).await, ["after", "before", "missed"]);
    server.stop().await;
}

#[tokio::test]
async fn of_two_servers_on_one_database_one_reminds_of_each_booking() {
    let (database, post) = (Arc::new(TestDatabase::new().await), SmtpServer::start().await);
    let one = reminding(&database, &post, NOW).await;
    furnish(&one).await;
    let two = reminding(&database, &post, NOW).await;
    // More than one transaction reminds of, many of them at the same instant.
    let id = |number: usize| format!("n{number:03}");
    let bookings: Vec<_> = (0..250)
        .map(|number| booking(&id(number), if number < 220 { "2026-12-02T07:00:00Z" } else { "2026-12-02T07:15:00Z" }))
        .collect();
    put_silently(&one, &bookings).await;
    for server in [&one, &two] {
        pass(server, "2026-12-01T07:30:00Z").await;
    }
    let expected: Vec<_> = (0..250).map(id).collect();
    assert_eq!(reminded(&post, 250).await, expected);
}

#[tokio::test]
async fn whoever_books_after_that_time_is_not_reminded_of_what_they_have_just_booked() {
    let (database, post) = (Arc::new(TestDatabase::new().await), SmtpServer::start().await);
    let server = reminding(&database, &post, NOW).await;
    furnish(&server).await;
    let book = |start: &str| json!({ "resourceId": "res_a", "eventTypeId": "evt_hour", "start": start });
    server.customer("ada").book_it(book("2026-12-01T20:00:00Z")).await;
    put_silently(&server, &[booking("later", "2026-12-02T07:00:00Z")]).await;
    pass(&server, "2026-12-01T07:01:00Z").await;
    let subjects: Vec<_> = post.received_by_now(2).await.iter().map(|mail| mail.header("Message-ID")).collect();
    assert!(subjects[1].contains("bkg_later") && subjects[1].contains("reminder"), "{subjects:?}");
    assert!(!subjects[0].contains("reminder"), "{subjects:?}");
}

#[tokio::test]
async fn what_moves_is_reminded_of_at_its_new_time_and_what_is_called_off_or_has_begun_never() {
    let (database, post) = (Arc::new(TestDatabase::new().await), SmtpServer::start().await);
    let server = reminding(&database, &post, NOW).await;
    furnish(&server).await;
    let ada = server.customer("ada");
    let make = async |start: &str| {
        ada.make(json!({ "resourceId": "res_a", "eventTypeId": "evt_hour", "start": start })).await.0
    };
    // The first comes too soon to be reminded of, and has begun by the time of the others.
    make("2026-12-01T20:00:00Z").await;
    let moved = make("2026-12-03T10:00:00Z").await;
    let cancelled = make("2026-12-03T11:00:00Z").await;
    let kept = make("2026-12-03T12:00:00Z").await;
    ada.move_it(json!({ "id": moved, "start": "2026-12-05T10:00:00Z" })).await;
    ada.cancel(json!({ "id": cancelled })).await;
    let reminders = || {
        let ids = post.received().into_iter().map(|mail| mail.header("Message-ID"));
        ids.filter(|id| id.contains("reminder")).collect::<Vec<_>>()
    };
    server.until_quiet().await;
    for (until, count) in [("2026-12-02T12:00:00Z", 1), ("2026-12-04T10:00:00Z", 2), ("2026-12-06T10:00:00Z", 2)] {
        server.clock.advance_to(instant(until));
        post.received_by_now(6 + count).await;
        server.until_quiet().await;
        assert_eq!(reminders().len(), count, "{until}");
    }
    let of = |id: &str, revision| format!("<evn_{id}_{revision}_reminder@example.com>");
    assert_eq!(reminders(), [of(&kept, 1), of(&moved, 2)]);
}
