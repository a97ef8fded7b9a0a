//! What may happen to a booking, by whom and when, and what becomes of its time.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use slotwise::domain::access::Role;

use crate::support::life::{booked, events};
use crate::support::studios::refusal;
use crate::support::{Actor, EventTypeSpec, ResourceSpec, ServerOptions, TestServer};

/// A room that is always open, for hours that are booked at once (`hour`) and hours that staff confirm (`asked`).
async fn room() -> TestServer {
    let server = TestServer::start_with(ServerOptions { guest_bookings: true, ..ServerOptions::default() }).await;
    server.resources([ResourceSpec::named("a"), ResourceSpec::named("b")]).await;
    let hour = |name: &str| EventTypeSpec::named(name, &[60], &["a", "b"]);
    server.event_types([hour("hour"), EventTypeSpec { requires_confirmation: true, ..hour("asked") }]).await;
    server
}

fn hour(number: usize) -> DateTime<Utc> {
    let first: DateTime<Utc> = "2026-12-01T12:00:00Z".parse().unwrap();
    first + TimeDelta::hours(i64::try_from(number).unwrap())
}

fn input(event_type: &str, number: usize) -> Value {
    json!({ "resourceId": "res_a", "eventTypeId": format!("evt_{event_type}"), "start": hour(number) })
}

fn provisional(number: usize) -> Value {
    let mut input = input("hour", number);
    input["provisionalMinutes"] = json!(60);
    input
}

/// Where a booking stands, as a test wants it.
#[derive(Copy, Clone, Debug, PartialEq)]
enum Stands {
    Provisional,
    Pending,
    Confirmed,
    Started,
    Declined,
    Cancelled,
    Expired,
    Completed,
    NoShow,
}

const EVERYWHERE: [Stands; 9] = [
    Stands::Provisional,
    Stands::Pending,
    Stands::Confirmed,
    Stands::Started,
    Stands::Declined,
    Stands::Cancelled,
    Stands::Expired,
    Stands::Completed,
    Stands::NoShow,
];

impl Stands {
    fn status(self) -> &'static str {
        match self {
            Self::Provisional => "PROVISIONAL",
            Self::Pending => "PENDING",
            Self::Confirmed | Self::Started => "CONFIRMED",
            Self::Declined => "DECLINED",
            Self::Cancelled => "CANCELLED",
            Self::Expired => "EXPIRED",
            Self::Completed => "COMPLETED",
            Self::NoShow => "NO_SHOW",
        }
    }

    /// A booking that stands there, of the hour of that number. Its booker is somebody else each time.
    async fn made(self, server: &TestServer, number: usize) -> (String, String) {
        let (ada, staff) = (server.customer(&format!("ada{number}")), server.staff());
        let wanted = match self {
            Self::Provisional | Self::Expired => provisional(number),
            Self::Pending | Self::Declined => input("asked", number),
            _ => input("hour", number),
        };
        let (id, token) = booked(&ada.book(wanted).await);
        let changes: &[&str] = match self {
            Self::Declined => &["declineBooking"],
            Self::Cancelled => &["cancelBooking"],
            Self::Started => &[""],
            Self::Completed => &["", "completeBooking"],
            Self::NoShow => &["", "markBookingNoShow"],
            _ => &[],
        };
        for change in changes {
            match *change {
                "" => server.clock.advance_to(hour(number)),
                change => drop(staff.change_it(change, json!({ "id": id })).await),
            }
        }
        if self == Self::Expired {
            server.clock.advance(std::time::Duration::from_hours(1));
            server.until_written(&id, "EXPIRED").await;
        }
        assert_eq!(staff.see(&id, None).await["status"], self.status(), "{self:?}");
        (id, token)
    }
}

/// What staff do, and what it comes to from each status: the status after, or why not.
const BY_STAFF: [(&str, [&str; 9]); 5] = {
    const NO: &str = "ILLEGAL_TRANSITION";
    [
        ("confirmBooking", ["CONFIRMED", "CONFIRMED", "CONFIRMED", "CONFIRMED", NO, NO, NO, NO, NO]),
        ("declineBooking", [NO, "DECLINED", NO, NO, "DECLINED", NO, NO, NO, NO]),
        ("cancelBooking", ["CANCELLED", "CANCELLED", "CANCELLED", "CANCELLED", NO, "CANCELLED", NO, NO, NO]),
        ("completeBooking", [NO, NO, NO, "COMPLETED", NO, NO, NO, "COMPLETED", "COMPLETED"]),
        ("markBookingNoShow", [NO, NO, NO, "NO_SHOW", NO, NO, NO, "NO_SHOW", "NO_SHOW"]),
    ]
};

/// What `mutation` made of a booking: the status after, or why not. Fails unless exactly that is written down.
async fn outcome(staff: &Actor, by: &Actor, mutation: &str, id: &str, token: Option<&str>) -> String {
    let before = staff.see(id, None).await;
    let mut input = json!({ "id": id, "reason": "because" });
    if let Some(token) = token {
        input["managementToken"] = json!(token);
    }
    let payload = by.change(mutation, input).await;
    let after = staff.see(id, None).await;
    if payload["booking"].is_null() {
        assert_eq!(after, before, "{mutation} was refused");
        assert_eq!(payload["userErrors"][0]["field"], json!(["input", "id"]));
        return refusal(&payload).to_owned();
    }
    let status = payload["booking"]["status"].as_str().unwrap();
    assert_eq!((&after["status"], &after["revision"]), (&json!(status), &payload["booking"]["revision"]));
    assert_eq!(after["expiresAt"], if status == "PROVISIONAL" { before["expiresAt"].clone() } else { Value::Null });
    if before["status"] == status {
        assert_eq!(after, before, "{mutation} had nothing to do");
    } else {
        assert_eq!(after["revision"].as_i64().unwrap(), before["revision"].as_i64().unwrap() + 1);
        let lines = after["history"].as_array().unwrap();
        let (last, earlier) = lines.split_last().unwrap();
        assert_eq!(json!(earlier), before["history"]);
        assert_eq!(last["event"], status);
        assert_eq!(
            (&last["from"], &last["to"], &last["reason"]),
            (&before["status"], &after["status"], &json!("because"))
        );
    }
    status.to_owned()
}

/// Whether the hour of that number is free.
async fn is_free(server: &TestServer, number: usize) -> bool {
    const FREE: &str = r#"query ($start: DateTime!, $end: DateTime!) {
        isAvailable(resourceId: "res_a", start: $start, end: $end) }"#;
    let asked = json!({ "start": hour(number), "end": hour(number + 1) });
    server.staff().ask(FREE, asked).await["isAvailable"] == true
}

#[tokio::test]
async fn staff_do_what_the_rules_allow_and_nothing_else() {
    for (column, stands) in EVERYWHERE.into_iter().enumerate() {
        let server = room().await;
        let staff = server.staff();
        for (number, (mutation, outcomes)) in BY_STAFF.into_iter().enumerate() {
            let (id, _) = stands.made(&server, number).await;
            let held_before = !is_free(&server, number).await && !has_passed(&server, number);
            let became = outcome(&staff, &staff, mutation, &id, None).await;
            assert_eq!(became, outcomes[column], "{mutation} of what is {stands:?}");
            // Again: the same answer, and nothing written.
            let again = outcome(&staff, &staff, mutation, &id, None).await;
            assert_eq!(again, outcomes[column], "{mutation} of what is {stands:?}, again");
            if !has_passed(&server, number) {
                let let_go = matches!(became.as_str(), "CANCELLED" | "DECLINED");
                assert_eq!(is_free(&server, number).await, let_go || !held_before, "{mutation} of what is {stands:?}");
            }
        }
        server.assert_sound().await;
    }
}

/// Whether that hour has begun, and is offered to nobody.
fn has_passed(server: &TestServer, number: usize) -> bool {
    use slotwise::clock::Clock as _;
    server.clock.now() >= hour(number)
}

#[tokio::test]
async fn booker_and_token_call_off_what_is_ahead() {
    for (column, stands) in EVERYWHERE.into_iter().enumerate() {
        let server = room().await;
        let (staff, guest) = (server.staff(), server.anonymous());
        for number in [0, 1] {
            let (id, token) = stands.made(&server, number).await;
            let ada = server.customer(&format!("ada{number}"));
            let (by, token) = if number == 0 { (&ada, None) } else { (&guest, Some(token.as_str())) };
            let expected = match stands {
                Stands::Started => "TOO_LATE_TO_CANCEL",
                _ => BY_STAFF[2].1[column],
            };
            assert_eq!(outcome(&staff, by, "cancelBooking", &id, token).await, expected, "{stands:?}");
        }
        server.assert_sound().await;
    }
}

#[tokio::test]
async fn what_is_staffs_is_for_the_staff_of_the_bookings_organization_alone() {
    let server = room().await;
    let (id, _) = booked(&server.customer("ada").book(input("asked", 0)).await);
    let elsewhere = server.signed_in("staff", Role::Staff, "elsewhere");
    for (mutation, _) in BY_STAFF {
        let known = elsewhere.change(mutation, json!({ "id": id })).await;
        let unknown = elsewhere.change(mutation, json!({ "id": "bok_unknown" })).await;
        assert_eq!(refusal(&known), "NOT_FOUND");
        assert_eq!(known.to_string().replace(&id, "ID"), unknown.to_string().replace("bok_unknown", "ID"));
        let long = json!({ "id": id, "reason": "x".repeat(501) });
        let refused = server.staff().change(mutation, long).await;
        assert_eq!((refusal(&refused), &refused["userErrors"][0]["field"]), ("INVALID", &json!(["input", "reason"])));
    }
    assert_eq!(events(&server.staff().see(&id, None).await), ["CREATED"]);
}

#[tokio::test]
async fn what_is_confirmed_must_still_be_on_offer_and_what_is_let_go_need_not_be() {
    let switches = [
        ("updateEventType", json!({ "id": "evt_asked", "active": false }), "EVENT_TYPE_INACTIVE"),
        ("updateResource", json!({ "id": "res_a", "active": false }), "RESOURCE_INACTIVE"),
        ("unlinkEventType", json!({ "eventTypeId": "evt_asked", "resourceId": "res_a" }), "RESOURCE_NOT_OFFERED"),
    ];
    for (mutation, change, reason) in switches {
        let server = room().await;
        let (ada, staff) = (server.customer("ada"), server.staff());
        let (first, _) = booked(&ada.book(input("asked", 0)).await);
        let (second, _) = booked(&ada.book(input("asked", 1)).await);
        server.runner().run_well(mutation, change).await;
        let before = staff.see(&first, None).await;
        assert_eq!(refusal(&staff.change("confirmBooking", json!({ "id": first })).await), reason);
        assert_eq!(staff.see(&first, None).await, before);
        assert_eq!(staff.change_it("declineBooking", json!({ "id": first })).await["status"], "DECLINED");
        assert_eq!(ada.change_it("cancelBooking", json!({ "id": second })).await["status"], "CANCELLED");
        server.assert_sound().await;
    }
}

#[tokio::test]
async fn an_add_on_that_is_switched_off_is_not_confirmed_either() {
    let server = room().await;
    let mut with_b = input("asked", 0);
    with_b["addOns"] = json!([{ "resourceId": "res_b" }]);
    let (id, _) = booked(&server.customer("ada").book(with_b).await);
    server.runner().run_well("updateResource", json!({ "id": "res_b", "active": false })).await;
    let refused = server.staff().change("confirmBooking", json!({ "id": id })).await;
    assert_eq!(refusal(&refused), "RESOURCE_INACTIVE", "{refused}");
}

#[tokio::test]
async fn what_has_been_let_go_frees_nothing_that_somebody_else_has_since() {
    for (wanted, let_go) in [("asked", "declineBooking"), ("asked", "cancelBooking"), ("hour", "cancelBooking")] {
        let server = room().await;
        let staff = server.staff();
        let (first, _) = booked(&server.customer("ada").book(input(wanted, 0)).await);
        staff.change_it(let_go, json!({ "id": first })).await;
        let (second, _) = booked(&server.customer("bob").book(input("hour", 0)).await);
        for mutation in ["declineBooking", "cancelBooking", "confirmBooking"] {
            staff.change(mutation, json!({ "id": first })).await;
        }
        assert!(!is_free(&server, 0).await);
        assert_eq!(staff.see(&second, None).await["status"], "CONFIRMED");
        server.assert_sound().await;
    }
}
