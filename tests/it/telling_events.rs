//! The whole way of everything that can happen to a booking: from who does it to what others are told.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use slotwise::clock::Clock as _;
use slotwise::domain::access::Role;

use crate::support::mail::mails_to;
use crate::support::moving::{an_hour, rooms_with};
use crate::support::receiver::{Conduct, Receiver, Told};
use crate::support::smtp::{Received, SmtpServer};
use crate::support::studios::{refusal, with};
use crate::support::telling::{BOOKING_EVENTS, Entry, Hook, about, assert_in_order, calendar};
use crate::support::{Actor, ServerOptions, TestServer};

/// When what happens on the day of the tests starts.
const TEN: &str = "2026-12-03T10:00:00Z";

async fn server(post: &SmtpServer) -> TestServer {
    rooms_with(ServerOptions { mail: Some(mails_to(post.address)), ..ServerOptions::default() }).await
}

async fn finish(staff: &Actor, mutation: &str, id: &str) {
    staff.change_it(mutation, json!({ "id": id })).await;
}

/// Four bookings to which everything happens that can, each with its token. Ends three hours after they began.
async fn live_through_everything(server: &TestServer) -> [(String, String); 4] {
    let (ada, staff) = (server.customer("ada"), server.staff());
    let asked = ada.make(an_hour("asked", "a", TEN)).await;
    finish(&staff, "confirmBooking", &asked.0).await;
    ada.move_it(json!({ "id": asked.0, "start": "2026-12-04T12:00:00Z" })).await;
    finish(&staff, "declineBooking", &asked.0).await;

    let called_off = ada.make(an_hour("any", "b", TEN)).await;
    ada.change_it("updateBooking", json!({ "id": called_off.0, "booker": { "notes": "We bring a drum kit." } })).await;
    ada.cancel(json!({ "id": called_off.0, "reason": "It rains" })).await;

    let held = ada.make(an_hour("any", "p", TEN)).await;
    let forgotten = ada.make(an_hour("asked", "p", TEN)).await;
    // So that nothing is under way while hours pass.
    server.until_quiet().await;
    server.clock.advance_to(TEN.parse().unwrap());
    server.until_written(&forgotten.0, "EXPIRED").await;
    server.until_quiet().await;
    server.clock.advance_to("2026-12-03T13:00:00Z".parse().unwrap());
    finish(&staff, "completeBooking", &held.0).await;
    finish(&staff, "markBookingNoShow", &held.0).await;
    server.until_quiet().await;
    [asked, called_off, held, forgotten]
}

/// What was told of a booking: what happened, and where the booking stood then.
fn life<'a>(told: &'a [Told], booking: &str) -> Vec<(&'a str, &'a str)> {
    let of = about(told, booking);
    of.into_iter().map(|told| (told.event(), told.payload["data"]["booking"]["status"].as_str().unwrap())).collect()
}

const SERIES: &str = "mutation ($input: CreateBookingSeriesInput!) { createBookingSeries(input: $input) {
    series { id } userErrors { code } } }";
const BOOK: &str = "mutation ($input: CreateBookingInput!) { createBooking(input: $input) { booking { id } } }";

#[tokio::test]
async fn everything_that_happens_is_told_once_in_order_and_signed_and_no_token_with_it() {
    let post = SmtpServer::start().await;
    let (server, receiver) = (server(&post).await, Receiver::start().await);
    let Hook { secret, .. } = server.tell(&receiver, json!({})).await;
    let bookings = live_through_everything(&server).await;
    let told = receiver.taken();
    assert_eq!(receiver.heard().len(), told.len());

    let [asked, called_off, held, forgotten] = bookings.each_ref().map(|(id, _)| life(&told, id));
    let created = ("BOOKING_CREATED", "PENDING");
    let moved = ("BOOKING_RESCHEDULED", "PENDING");
    assert_eq!(asked, [created, ("BOOKING_CONFIRMED", "CONFIRMED"), moved, ("BOOKING_DECLINED", "DECLINED")]);
    let made = ("BOOKING_CREATED", "CONFIRMED");
    assert_eq!(called_off, [made, ("BOOKING_UPDATED", "CONFIRMED"), ("BOOKING_CANCELLED", "CANCELLED")]);
    assert_eq!(held, [made, ("BOOKING_COMPLETED", "COMPLETED"), ("BOOKING_NO_SHOW", "NO_SHOW")]);
    assert_eq!(forgotten, [created, ("BOOKING_EXPIRED", "EXPIRED")]);
    assert_eq!(told.len(), 12, "and nothing else");
    assert_eq!(told.iter().map(Told::event).collect::<BTreeSet<_>>(), BTreeSet::from(BOOKING_EVENTS));
    assert_in_order(&told);

    for one in &told {
        let data = &one.payload["data"];
        assert_eq!((one.id(), &data["booking"]["revision"]), (data["id"].as_str().unwrap(), &data["sequence"]));
        assert_eq!(one.header("content-type"), "application/json");
        assert_eq!(one.header("webhook-signature"), one.signed_by(&[&secret]));
        // Nothing waited: what was told at ten in the morning was signed then.
        let at: chrono::DateTime<chrono::Utc> = one.payload["timestamp"].as_str().unwrap().parse().unwrap();
        let signed: i64 = one.header("webhook-timestamp").parse().unwrap();
        assert!(at.timestamp() <= signed && signed <= server.clock.now().timestamp(), "{}", one.event());
        assert!(bookings.iter().all(|(_, token)| !one.body().contains(token)), "{}", one.body());
    }
    let moved = &about(&told, &bookings[0].0)[2].payload["data"];
    let expected = json!({ "from": TEN, "to": "2026-12-04T12:00:00Z" });
    assert_eq!((&moved["changes"]["start"], &moved["transition"]["previousStart"]), (&expected, &json!(TEN)));
    let cancelled = &about(&told, &bookings[1].0)[2].payload["data"]["transition"];
    assert_eq!(
        (&cancelled["reason"], &cancelled["by"]),
        (&json!("It rains"), &json!({ "kind": "USER", "userId": "ada" }))
    );
    let expired = &about(&told, &bookings[3].0)[1].payload;
    assert_eq!((&expired["timestamp"], &expired["data"]["transition"]["by"]["kind"]), (&json!(TEN), &json!("SYSTEM")));
}

/// Of which change a mail tells, what its subject begins with, and what it does to a calendar.
type Letter = (String, String, Option<(String, Vec<Entry>)>);

/// Of which change of `booking` each mail to `recipient` tells, what its subject begins with, and what it does to a
/// calendar.
fn letters(mails: &[Received], booking: &str, recipient: &str) -> Vec<Letter> {
    let of = mails.iter().filter(|mail| mail.to == [recipient]);
    let named = of.filter_map(|mail| {
        let id = mail.header("Message-ID");
        let change = id.strip_prefix(&format!("<evn_{booking}_"))?.strip_suffix("@example.com>")?;
        let mark = mail.subject().split(':').next().unwrap().to_owned();
        Some((change.to_owned(), mark, calendar(mail)))
    });
    named.collect()
}

#[tokio::test]
async fn the_booker_gets_a_mail_at_each_turn_and_the_operator_what_waits_for_approval() {
    let post = SmtpServer::start().await;
    let server = server(&post).await;
    let bookings = live_through_everything(&server).await;
    let mails = post.received();
    let entry = |booking: &str, sequence, start: &str, method: &str| {
        let entry = Entry { uid: format!("{booking}@slotwise"), sequence, start: start.parse().unwrap() };
        Some((method.to_owned(), vec![entry]))
    };
    let later = "2026-12-04T12:00:00Z";
    let mut count = 0;
    for ((id, _), expected) in bookings.iter().zip([
        &[
            ("1", "Requested", TEN, "REQUEST"),
            ("2", "Approved", TEN, "REQUEST"),
            ("3", "Moved, waits for approval", later, "REQUEST"),
            ("4", "Declined", later, "CANCEL"),
        ][..],
        &[("1", "Confirmed", TEN, "REQUEST"), ("3", "Cancelled", TEN, "CANCEL")],
        &[("1", "Confirmed", TEN, "REQUEST")],
        &[("1", "Requested", TEN, "REQUEST"), ("2", "Expired", TEN, "CANCEL")],
    ]) {
        let expected = expected.iter().map(|(change, mark, start, method)| {
            let calendar = entry(id, change.parse().unwrap(), start, method);
            ((*change).to_owned(), (*mark).to_owned(), calendar)
        });
        let found = letters(&mails, id, "ada@example.org");
        assert_eq!(found, expected.collect::<Vec<_>>());
        count += found.len();
    }
    let wanted = |change: &str| (format!("{change}_approval"), "Approval wanted".to_owned(), None);
    assert_eq!(letters(&mails, &bookings[0].0, "desk@example.com"), [wanted("1"), wanted("3")]);
    assert_eq!(letters(&mails, &bookings[3].0, "desk@example.com"), [wanted("1")]);
    assert_eq!(mails.len(), count + 3, "and nothing else");

    for mail in &mails {
        assert_eq!((mail.from.as_str(), mail.header("From").as_str()), ("studio@example.com", FROM));
        for (id, token) in &bookings {
            let (is_about_it, is_bookers) =
                (mail.header("Message-ID").contains(id.as_str()), mail.to == ["ada@example.org"]);
            // Who books has a link with the booking's token, and nobody else has.
            assert_eq!(mail.everything().contains(token), is_about_it && is_bookers, "{}", mail.subject());
        }
    }
}

const FROM: &str = "\"The Studio\" <studio@example.com>";

#[tokio::test]
async fn what_did_not_happen_is_told_to_nobody() {
    let post = SmtpServer::start().await;
    let (server, receiver) = (server(&post).await, Receiver::start().await);
    server.tell(&receiver, json!({})).await;
    let (ada, bob) = (server.customer("ada"), server.customer("bob"));
    let (id, _) = bob.make(an_hour("any", "a", TEN)).await;
    server.until_quiet().await;
    // What somebody else has, what is past, what no rule allows, and what is so already.
    assert_eq!(refusal(&ada.book(an_hour("any", "a", TEN)).await), "SLOT_TAKEN");
    assert_eq!(refusal(&ada.book(an_hour("any", "a", "2026-12-01T05:00:00Z")).await), "IN_THE_PAST");
    let declined = server.staff().change("declineBooking", json!({ "id": id })).await;
    assert_eq!(refusal(&declined), "ILLEGAL_TRANSITION");
    server.staff().change_it("confirmBooking", json!({ "id": id })).await;
    bob.move_it(json!({ "id": id, "start": TEN })).await;
    let booking = with(an_hour("any", "a", "2026-12-02T10:00:00Z"), json!({}));
    let series = json!({ "booking": booking, "rrule": "FREQ=DAILY;COUNT=3" });
    let refused = ada.ask(SERIES, json!({ "input": series })).await["createBookingSeries"].clone();
    assert_eq!(refusal(&refused), "SLOT_TAKEN");
    let looked = with(series, json!({ "dryRun": true, "onConflict": "SKIP_CONFLICTS" }));
    ada.ask(SERIES, json!({ "input": looked })).await;
    assert_eq!(server.untold().await, 0, "nothing is on its way");
    assert_eq!((receiver.heard().len(), post.received().len()), (1, 1));
}

#[tokio::test]
async fn what_a_fault_undoes_at_the_last_moment_is_told_to_nobody() {
    let post = SmtpServer::start().await;
    let (server, receiver) = (server(&post).await, Receiver::start().await);
    server.tell(&receiver, json!({})).await;
    // PostgreSQL fails when the transaction is committed, SQLite with its last statement.
    let (fails, works) = if server.database_url().starts_with("sqlite") {
        let fails = "CREATE TRIGGER fault AFTER INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'fault'); END";
        (fails, "DROP TRIGGER fault")
    } else {
        let fails = "CREATE FUNCTION fault() RETURNS trigger AS $$ BEGIN RAISE 'fault'; END $$ LANGUAGE plpgsql;
            CREATE CONSTRAINT TRIGGER fault AFTER INSERT ON outbox DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION fault()";
        (fails, "DROP TRIGGER fault ON outbox")
    };
    let ada = server.customer("ada");
    server.execute_sql(fails).await;
    let failed = ada.send(BOOK, json!({ "input": an_hour("any", "a", TEN) })).await;
    assert_eq!(failed.code(), "INTERNAL_SERVER_ERROR");
    server.execute_sql(works).await;
    assert_eq!(server.untold().await, 0, "nothing is on its way");
    assert_eq!((receiver.heard().len(), post.received().len()), (0, 0));

    // The same again happens, and is told.
    let (id, _) = ada.make(an_hour("any", "a", TEN)).await;
    server.until_quiet().await;
    let told = receiver.taken();
    assert_eq!((told.len(), told[0].booking(), told[0].sequence()), (1, id.as_str(), 1));
    assert_eq!(post.received().len(), 1);
    server.assert_sound().await;
}

#[tokio::test]
async fn a_webhook_is_told_what_it_wants_of_its_own_organization_as_it_selects_it() {
    let post = SmtpServer::start().await;
    let server = server(&post).await;
    let [selects, whole, elsewhere] = [Receiver::start().await, Receiver::start().await, Receiver::start().await];
    let selection = "{ what: event booking { start resource { name } booker { email } } id }";
    let hook = server
        .tell(&selects, json!({ "selection": selection, "events": ["BOOKING_CREATED", "BOOKING_CANCELLED"] }))
        .await;
    server.tell(&whole, json!({ "events": ["BOOKING_UPDATED"] })).await;
    let stranger = server.signed_in("root", Role::Admin, "org_x");
    let input = json!({ "url": elsewhere.url, "events": BOOKING_EVENTS });
    stranger.run_well("createWebhook", input).await;
    let ada = server.customer("ada");
    let (id, token) = ada.make(an_hour("any", "a", TEN)).await;
    ada.change_it("updateBooking", json!({ "id": id, "booker": { "notes": "Two chairs" } })).await;
    ada.cancel(json!({ "id": id })).await;
    server.until_quiet().await;

    let selected = selects.taken();
    let [created, cancelled] = &selected[..] else { panic!("{} came", selected.len()) };
    for (told, what, change) in [(created, "CREATED", 1), (cancelled, "CANCELLED", 3)] {
        let expected = format!(
            r#"{{"what":"{what}","booking":{{"start":"{TEN}","resource":{{"name":"a"}},"booker":{{"email":"ada@example.org"}}}},"id":"evn_{id}_{change}"}}"#
        );
        assert_eq!(told.body(), expected);
        assert_eq!(
            (told.id(), told.header("webhook-signature")),
            (format!("evn_{id}_{change}").as_str(), told.signed_by(&[&hook.secret]).as_str())
        );
    }
    let whole = whole.taken();
    assert_eq!(whole.iter().map(Told::event).collect::<Vec<_>>(), ["BOOKING_UPDATED"]);
    assert!(!whole[0].body().contains(&token));
    assert_eq!(elsewhere.visits(), 0);
}

#[tokio::test]
async fn while_a_secret_is_exchanged_both_sign_for_a_day_and_a_test_is_signed_like_anything_else() {
    const DAY: std::time::Duration = std::time::Duration::from_hours(24);
    let (server, receiver) = (rooms_with(ServerOptions::default()).await, Receiver::start().await);
    let Hook { id, secret: old } = server.tell(&receiver, json!({})).await;
    let admin = server.runner();
    let try_it = async || {
        let sent = admin.run_well("sendTestWebhook", json!({ "id": id })).await["delivery"].clone();
        server.until_quiet().await;
        let told = receiver.taken().pop().unwrap();
        assert_eq!((told.id(), &told.payload["test"]), (sent["eventId"].as_str().unwrap(), &json!(true)));
        assert_eq!(told.payload, sent["payload"]);
        told
    };
    let told = try_it().await;
    assert_eq!(told.header("webhook-signature"), told.signed_by(&[&old]));
    let rotated = admin.run_well("rotateWebhookSecret", json!({ "id": id })).await;
    let new = rotated["secret"].as_str().unwrap();
    for (passes, secrets) in [
        (std::time::Duration::ZERO, &[new, &old][..]),
        (DAY.saturating_sub(std::time::Duration::from_millis(1)), &[new, &old]),
        (std::time::Duration::from_millis(1), &[new]),
    ] {
        server.clock.advance(passes);
        let told = try_it().await;
        assert_eq!(told.header("webhook-signature"), told.signed_by(secrets), "after {passes:?}");
        assert_eq!(told.header("webhook-timestamp"), server.clock.now().timestamp().to_string());
    }
}

#[tokio::test]
async fn a_series_is_one_mail_with_all_its_dates_and_for_webhooks_each_booking_by_itself() {
    const MAKE: &str = "mutation ($input: CreateBookingSeriesInput!) { createBookingSeries(input: $input) {
        managementToken series { id } occurrences { booking { id start } } userErrors { code } } }";
    const CANCEL: &str = "mutation ($input: CancelBookingSeriesInput!) { cancelBookingSeries(input: $input) {
        cancelled { id } userErrors { code } } }";
    let post = SmtpServer::start().await;
    let (server, receiver) = (server(&post).await, Receiver::start().await);
    server.tell(&receiver, json!({})).await;
    // So that what is told late comes late: while it is refused, more happens.
    receiver.behave(Conduct::Refuses(503));
    let ada = server.customer("ada");
    let input = json!({ "booking": an_hour("any", "a", TEN), "rrule": "FREQ=WEEKLY;COUNT=3" });
    let made = ada.ask(MAKE, json!({ "input": input })).await["createBookingSeries"].clone();
    let occurrences = made["occurrences"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let bookings: Vec<_> = occurrences.iter().map(|one| text(&one["booking"]["id"])).collect();
    let cancelled = ada.ask(CANCEL, json!({ "input": { "id": made["series"]["id"] } })).await;
    assert_eq!(cancelled["cancelBookingSeries"]["cancelled"].as_array().unwrap().len(), 3, "{cancelled}");
    receiver.behave(Conduct::Takes);
    server.pass_until_told().await;

    let told = receiver.taken();
    assert_eq!(told.len(), 6);
    assert_in_order(&told);
    for booking in &bookings {
        assert_eq!(life(&told, booking), [("BOOKING_CREATED", "CONFIRMED"), ("BOOKING_CANCELLED", "CANCELLED")]);
    }
    let mails = post.received();
    assert_eq!(mails.iter().map(|mail| mail.to.clone()).collect::<Vec<_>>(), vec![vec!["ada@example.org"]; 2]);
    for (mail, mark, sequence) in [(&mails[0], "Confirmed", 1), (&mails[1], "Cancelled", 2)] {
        assert!(mail.subject().starts_with(&format!("{mark}: any, 3 dates from ")), "{}", mail.subject());
        for date in ["3 December 2026", "10 December 2026", "17 December 2026"] {
            assert!(mail.plain().contains(date), "{date}: {}", mail.plain());
        }
        let entries = occurrences.iter().map(|one| Entry {
            uid: format!("{}@slotwise", text(&one["booking"]["id"])),
            sequence,
            start: one["booking"]["start"].as_str().unwrap().parse().unwrap(),
        });
        assert_eq!(calendar(mail), Some(("PUBLISH".to_owned(), entries.collect())));
    }
}
