//! How many mails guests may cause: to one recipient, and from one address.

use std::time::Duration;

use serde_json::{Value, json};
use slotwise::config::LimitSettings;
use slotwise::throttle::{Rate, RateLimits};

use crate::support::life::booked;
use crate::support::mail::mails_to;
use crate::support::smtp::SmtpServer;
use crate::support::studios::{secret, with};
use crate::support::{Actor, EventTypeSpec, ResourceSpec, ServerOptions, TestServer};

/// How many mails there may be to one recipient, and from one address.
const TO_ONE: u32 = 3;
const FROM_ONE: u32 = 5;

const HERE: &str = "192.0.2.7";
const THERE: &str = "192.0.2.8";

/// A server that sends mails, behind a proxy, with a room that is always open.
async fn server(post: &SmtpServer) -> TestServer {
    furnished(ServerOptions { mail: Some(mails_to(post.address)), ..ServerOptions::default() }).await
}

async fn furnished(options: ServerOptions) -> TestServer {
    let rates = RateLimits {
        guest_mails_per_recipient: Rate::hourly(TO_ONE, TO_ONE),
        guest_mails_per_address: Rate::hourly(FROM_ONE, FROM_ONE),
        ..RateLimits::OFF
    };
    let limits = LimitSettings { rates, ..LimitSettings::default() };
    let options = ServerOptions { guest_bookings: true, limits, ..options }.behind_a_proxy();
    let server = TestServer::start_with(options).await;
    server.resources([ResourceSpec::named("a"), ResourceSpec::named("b")]).await;
    let hour = |name: &str| EventTypeSpec { interval: Some(60), ..EventTypeSpec::named(name, &[60], &["a", "b"]) };
    server.event_types([hour("hour"), EventTypeSpec { requires_confirmation: true, ..hour("asked") }]).await;
    server
}

/// An hour of the room on the 2nd, for whoever has this address.
fn hour(hour: u32, email: &str) -> Value {
    json!({
        "resourceId": "res_a",
        "eventTypeId": "evt_hour",
        "start": format!("2026-12-02T{hour:02}:00:00Z"),
        "booker": { "name": "Ada", "email": email },
    })
}

const CREATE: &str = "mutation ($input: CreateBookingInput!) { createBooking(input: $input) {
    booking { id } managementToken userErrors { code } } }";
const RESCHEDULE: &str = "mutation ($input: RescheduleBookingInput!) { rescheduleBooking(input: $input) {
    booking { id } userErrors { code } } }";
const UPDATE: &str = "mutation ($input: UpdateBookingInput!) { updateBooking(input: $input) {
    booking { id } userErrors { code } } }";
const SERIES: &str = "mutation ($input: CreateBookingSeriesInput!) { createBookingSeries(input: $input) {
    series { id } userErrors { code } } }";

/// Fails unless `actor` is told that it is too often, and when to come back; the seconds.
async fn refused(actor: &Actor, document: &str, input: Value) -> u64 {
    let answer = actor.send(document, json!({ "input": input })).await;
    assert_eq!((answer.status, answer.code()), (200, "RATE_LIMITED"), "{}", answer.body);
    let seconds = answer.body["errors"][0]["extensions"]["retryAfter"].as_u64().unwrap();
    assert!(answer.message().contains(&format!("Wait {seconds} s")), "{}", answer.message());
    seconds
}

#[tokio::test]
async fn nobody_gets_more_mails_because_of_guests_than_there_may_be() {
    let post = SmtpServer::start().await;
    let server = server(&post).await;
    let guest = server.anonymous().at(HERE);
    for time in 1..=3 {
        booked(&guest.book(hour(time, "ada@example.org")).await);
    }
    // Whoever asks, from wherever, however the address is written.
    let elsewhere = server.anonymous().at(THERE);
    let wait = refused(&elsewhere, CREATE, hour(4, "ADA@Example.org")).await;
    // To others there are mails.
    booked(&elsewhere.book(hour(4, "eve@example.org")).await);
    // A mail server that is talked to while minutes pass has taken too long.
    server.until_quiet().await;
    server.clock.advance(Duration::from_secs(wait - 1));
    refused(&elsewhere, CREATE, hour(5, "ada@example.org")).await;
    server.clock.advance(Duration::from_secs(1));
    booked(&elsewhere.book(hour(5, "ada@example.org")).await);
    let received = post.received_by_now(5).await;
    assert_eq!(received.iter().filter(|mail| mail.to == ["ada@example.org"]).count(), 4);
}

#[tokio::test]
async fn nobody_causes_more_mails_from_one_address_than_there_may_be() {
    let post = SmtpServer::start().await;
    let server = server(&post).await;
    let guest = server.anonymous().at(HERE);
    for time in 1..=5 {
        booked(&guest.book(hour(time, &format!("nr{time}@example.org"))).await);
    }
    refused(&guest, CREATE, hour(6, "nr6@example.org")).await;
    booked(&server.anonymous().at(THERE).book(hour(6, "nr6@example.org")).await);
}

#[tokio::test]
async fn what_is_refused_anyway_uses_up_nobodys_mails() {
    let post = SmtpServer::start().await;
    let server = server(&post).await;
    let guest = server.anonymous().at(HERE);
    booked(&guest.book(hour(1, "ada@example.org")).await);
    for _ in 0..10 {
        assert_eq!(guest.book(hour(1, "ada@example.org")).await["userErrors"][0]["code"], "SLOT_TAKEN");
    }
    for time in 2..=3 {
        booked(&guest.book(hour(time, "ada@example.org")).await);
    }
    refused(&guest, CREATE, hour(4, "ada@example.org")).await;
    // Nothing of what was refused is there.
    let seen = server.staff().bookings(json!({})).await;
    assert_eq!(seen["nodes"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn the_same_request_again_is_answered_and_not_counted() {
    let post = SmtpServer::start().await;
    let server = server(&post).await;
    let guest = server.anonymous().at(HERE);
    let keyed = |time: u32| {
        let key = json!({ "idempotencyKey": format!("a key for hour {time:03}"), "sessionSecret": secret("ada") });
        with(hour(time, "ada@example.org"), key)
    };
    let (id, _) = booked(&guest.book(keyed(1)).await);
    for _ in 0..10 {
        assert_eq!(booked(&guest.book(keyed(1)).await).0, id);
    }
    for time in 2..=3 {
        booked(&guest.book(keyed(time)).await);
    }
    refused(&guest, CREATE, keyed(4)).await;
    assert_eq!(booked(&guest.book(keyed(1)).await).0, id);
}

#[tokio::test]
async fn a_token_moves_a_booking_so_often_and_cancels_it_always() {
    let post = SmtpServer::start().await;
    let server = server(&post).await;
    let guest = server.anonymous().at(HERE);
    let (id, token) = booked(&guest.book(hour(1, "ada@example.org")).await);
    let to = |time: u32| json!({ "id": id, "managementToken": token, "start": format!("2026-12-02T{time:02}:00:00Z") });
    for time in 2..=3 {
        let moved = guest.send(RESCHEDULE, json!({ "input": to(time) })).await.data();
        assert_eq!(moved["rescheduleBooking"]["userErrors"], json!([]));
    }
    refused(&guest, RESCHEDULE, to(4)).await;
    // Staff are not limited, and whoever asks for what is so already causes no mail.
    let there = guest.send(RESCHEDULE, json!({ "input": to(3) })).await.data();
    assert_eq!(there["rescheduleBooking"]["booking"]["id"], json!(id));
    let moved = server.staff().at(HERE).send(RESCHEDULE, json!({ "input": to(5) })).await.data();
    assert_eq!(moved["rescheduleBooking"]["userErrors"], json!([]));
    let cancelled = guest.cancel(json!({ "id": id, "managementToken": token })).await;
    assert_eq!(cancelled["booking"]["status"], "CANCELLED");
}

#[tokio::test]
async fn mails_cannot_be_turned_on_somebody_else_by_another_address() {
    let post = SmtpServer::start().await;
    let server = server(&post).await;
    for time in 1..=4 {
        let guest = server.anonymous().at(&format!("192.0.2.{time}"));
        let (id, token) = booked(&guest.book(hour(time, &format!("nr{time}@example.org"))).await);
        let input = json!({ "id": id, "managementToken": token, "booker": { "email": "ada@example.org" } });
        if time <= TO_ONE {
            let updated = guest.send(UPDATE, json!({ "input": input })).await.data();
            assert_eq!(updated["updateBooking"]["userErrors"], json!([]));
        } else {
            refused(&guest, UPDATE, input).await;
            // What sends no mail to anybody else is not counted.
            let notes = json!({ "id": id, "managementToken": token, "booker": { "notes": "We bring a drum kit." } });
            let updated = guest.send(UPDATE, json!({ "input": notes })).await.data();
            assert_eq!(updated["updateBooking"]["userErrors"], json!([]));
        }
    }
}

#[tokio::test]
async fn a_series_is_one_mail_and_counts_as_one() {
    let post = SmtpServer::start().await;
    let server = server(&post).await;
    let guest = server.anonymous().at(HERE);
    let series = |time: u32| json!({ "booking": hour(time, "ada@example.org"), "rrule": "FREQ=DAILY;COUNT=5" });
    for time in 1..=3 {
        let made = guest.send(SERIES, json!({ "input": series(time) })).await.data();
        assert_eq!(made["createBookingSeries"]["userErrors"], json!([]), "{made}");
    }
    refused(&guest, SERIES, series(4)).await;
    // What only looks sends nothing.
    let dry = with(series(4), json!({ "dryRun": true }));
    let made = guest.send(SERIES, json!({ "input": dry })).await.data();
    assert_eq!(made["createBookingSeries"]["userErrors"], json!([]), "{made}");
    assert_eq!(post.received_by_now(3).await.len(), 3);
}

#[tokio::test]
async fn whoever_is_signed_in_is_not_limited_by_this_and_neither_is_anybody_without_mails() {
    let post = SmtpServer::start().await;
    let server = server(&post).await;
    let (ada, staff) = (server.customer("ada").at(HERE), server.staff().at(HERE));
    for time in 1..=10 {
        let own = json!({ "resourceId": "res_a", "eventTypeId": "evt_hour",
            "start": format!("2026-12-02T{time:02}:00:00Z") });
        ada.book_it(own).await;
        staff.book_it(with(hour(time, "eve@example.org"), json!({ "resourceId": "res_b" }))).await;
    }
    let silent = furnished(ServerOptions::default()).await;
    for time in 1..=10 {
        booked(&silent.anonymous().at(HERE).book(hour(time, "ada@example.org")).await);
    }
}
