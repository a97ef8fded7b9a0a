//! What the identity provider tells: taken when it is signed, once, and in whatever order it comes.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};
use slotwise::domain::access::Role;

use crate::support::people::{WEBHOOK_SECRET, account, event, server_with_provider, signature};
use crate::support::{Actor, Socket, TestServer, at_once, within_patience};

/// Before the servers of the tests start.
const EARLIER: &str = "2026-12-01T03:00:00.000Z";
const LATER: &str = "2026-12-01T04:00:00.000Z";
const LATEST: &str = "2026-12-01T05:00:00.000Z";

fn boss(server: &TestServer) -> Actor {
    server.signed_in("boss", Role::Admin, "default")
}

/// Names by subject, of all but the admin who asks.
async fn names(server: &TestServer, organization: &str) -> Vec<(String, Option<String>)> {
    let users = server.signed_in("boss", Role::Admin, organization).users().await;
    let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
    let others = users.as_array().unwrap().iter().filter(|user| user["id"] != "boss");
    others.map(|user| (text(&user["id"]).unwrap(), text(&user["name"]))).collect()
}

fn called(subject: &str, name: &str) -> (String, Option<String>) {
    (subject.to_owned(), Some(name.to_owned()))
}

#[tokio::test]
async fn people_are_as_the_provider_tells() {
    let server = server_with_provider("").await;
    let mut ada = account("ada", "Ada", EARLIER);
    ada["last_name"] = json!("Lovelace");
    server.told(event("1", "created", EARLIER, ada)).await;
    let expected = json!({ "id": "ada", "email": "ada@example.com", "name": "Ada Lovelace", "role": "CUSTOMER",
        "organizationId": "default" });
    let users = boss(&server).users().await;
    assert_eq!(users[0], expected);
    let viewer = server.bearer(json!({ "sub": "ada" })).viewer().await;
    assert_eq!(viewer, expected);

    server.told(event("2", "updated", LATER, account("ada", "Augusta", LATER))).await;
    assert_eq!(names(&server, "default").await, [called("ada", "Augusta")]);
    server.told(event("3", "deleted", LATEST, account("ada", "Augusta", LATER))).await;
    assert_eq!(names(&server, "default").await, []);
    let log = server.log_of_people().await;
    let lines = [
        r#"system created ada@default {"email":{"from":null,"to":"ada@example.com"},"name":{"from":null,"to":"Ada Lovelace"},"role":{"from":null,"to":"CUSTOMER"}}"#,
        r#"system updated ada@default {"name":{"from":"Ada Lovelace","to":"Augusta"}}"#,
        r#"system deleted ada@default {"email":{"from":"ada@example.com","to":null},"name":{"from":"Augusta","to":null},"role":{"from":"CUSTOMER","to":null}}"#,
    ];
    assert_eq!(log, lines);
}

#[tokio::test]
async fn without_a_secret_there_is_no_such_address_and_it_says_how_to_get_one() {
    let server = TestServer::start().await;
    let body = event("1", "created", EARLIER, account("ada", "Ada", EARLIER)).to_string();
    let answer = server.post_event(&body, &signature("", &body, server.clock_now())).await;
    assert_eq!((answer.status, answer.code()), (404, "NOT_FOUND"));
    assert!(answer.message().contains("SLOTWISE_IDENTITY_WEBHOOK_SECRET"));
    let read = reqwest::get(format!("http://{}/webhooks/identity", server.address)).await.unwrap();
    assert_eq!(read.status(), 404);
    assert_eq!(names(&server, "default").await, []);
}

#[tokio::test]
async fn what_is_not_signed_as_it_should_be_is_refused_alike_and_changes_nothing() {
    let server = server_with_provider("").await;
    let (now, minutes) = (server.clock_now(), TimeDelta::minutes);
    let body = event("1", "created", EARLIER, account("ada", "Ada", EARLIER)).to_string();
    let other = event("1", "created", EARLIER, account("eve", "Eve", EARLIER)).to_string();
    let good = signature(WEBHOOK_SECRET, &body, now);
    let mac = good.split("v1=").nth(1).unwrap();
    let second = TimeDelta::milliseconds(1);
    let mut bodies = Vec::new();
    for (what, sent) in [
        ("nothing", String::new()),
        ("no time", format!("v1={mac}")),
        ("no signature", good.split(',').next().unwrap().to_owned()),
        ("another time", format!("t={}, v1={mac}", (now + minutes(1)).timestamp_millis())),
        ("another body's", signature(WEBHOOK_SECRET, &other, now)),
        ("another secret's", signature("somebody else's secret", &body, now)),
        ("an empty secret's", signature("", &body, now)),
        ("too old", signature(WEBHOOK_SECRET, &body, now - minutes(5) - second)),
        ("of the future", signature(WEBHOOK_SECRET, &body, now + minutes(5) + second)),
        ("cut off", good[..good.len() - 2].to_owned()),
    ] {
        let answer = server.post_event(&body, &sent).await;
        assert_eq!((answer.status, answer.code()), (401, "UNAUTHENTICATED"), "{what}");
        bodies.push(answer.body);
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "answers that tell signatures apart: {bodies:?}");
    assert_eq!(names(&server, "default").await, []);

    for at in [now - minutes(5), now + minutes(5)] {
        assert_eq!(server.post_event(&body, &signature(WEBHOOK_SECRET, &body, at)).await.status, 200, "{at}");
    }
    assert_eq!(names(&server, "default").await, [called("ada", "Ada")]);
}

#[tokio::test]
async fn what_is_signed_and_makes_no_sense_is_refused_alike() {
    let server = server_with_provider("").await;
    let with = |members: Value| {
        let mut event = event("1", "created", EARLIER, account("ada", "Ada", EARLIER));
        event.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        event.to_string()
    };
    let data = |members: Value| {
        let mut data = account("ada", "Ada", EARLIER);
        data.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        with(json!({ "data": data }))
    };
    let mut bodies = Vec::new();
    for body in [
        String::new(),
        "nonsense".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        with(json!({ "event": 1 })),
        with(json!({ "id": null })),
        with(json!({ "id": "" })),
        with(json!({ "id": "x".repeat(129) })),
        with(json!({ "id": "a\0" })),
        with(json!({ "data": null })),
        with(json!({ "created_at": "yesterday" })),
        data(json!({ "id": "" })),
        data(json!({ "id": 7 })),
        data(json!({ "id": "a\0b" })),
        data(json!({ "id": "x".repeat(65) })),
        data(json!({ "email": ["a@b.c"] })),
        data(json!({ "updated_at": "2026-13-01T00:00:00Z" })),
        data(json!({ "organization_id": "o\u{0}" })),
    ] {
        let answer = server.post_event(&body, &signature(WEBHOOK_SECRET, &body, server.clock_now())).await;
        assert_eq!((answer.status, answer.code()), (400, "BAD_USER_INPUT"), "{body}");
        bodies.push(answer.body);
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    assert_eq!(names(&server, "default").await, []);
}

#[tokio::test]
async fn events_come_as_json_of_a_mebibyte_at_the_most_by_post() {
    let server = server_with_provider("").await;
    let url = format!("http://{}/webhooks/identity", server.address);
    let client = reqwest::Client::new();
    let answered = client.get(&url).send().await.unwrap();
    assert_eq!((answered.status().as_u16(), answered.headers()["allow"].to_str().unwrap()), (405, "POST"));
    let answered = client.post(&url).header("content-type", "text/plain").body("{}").send().await.unwrap();
    assert_eq!(answered.status(), 415);
    for (length, status) in [(1024 * 1024, 200), (1024 * 1024 + 1, 413)] {
        let mut body = r#"{"event":"connection.activated","data":""#.to_owned();
        body.push_str(&"x".repeat(length - body.len() - 2));
        body.push_str(r#""}"#);
        let answer = server.post_event(&body, &signature(WEBHOOK_SECRET, &body, server.clock_now())).await;
        assert_eq!(answer.status, status, "{length}");
    }
}

#[tokio::test]
async fn events_of_other_kinds_are_thanked_for_and_passed_over() {
    let server = server_with_provider("").await;
    for kind in ["organization.created", "user.beamed_up", "USER.CREATED", ""] {
        server.told(json!({ "id": "event_1", "event": kind, "data": account("ada", "Ada", EARLIER) })).await;
    }
    assert_eq!(names(&server, "default").await, []);
}

#[tokio::test]
async fn an_event_is_taken_once_however_often_it_is_sent() {
    let server = server_with_provider("").await;
    for name in ["Ada", "Eve"] {
        server.told(event("1", "created", EARLIER, account("ada", name, EARLIER))).await;
    }
    // Not even with news in it.
    server.told(event("1", "updated", LATEST, account("ada", "Eve", LATEST))).await;
    assert_eq!(names(&server, "default").await, [called("ada", "Ada")]);
    assert_eq!(server.log_of_people().await.len(), 1);
}

#[tokio::test]
async fn an_event_is_remembered_for_a_month() {
    let server = server_with_provider("").await;
    let again = event("1", "updated", LATEST, account("ada", "Again", LATEST));
    server.told(event("1", "created", EARLIER, account("ada", "Ada", EARLIER))).await;
    server.clock.advance(Duration::from_hours(29 * 24));
    server.told(again.clone()).await;
    assert_eq!(names(&server, "default").await, [called("ada", "Ada")]);
    server.clock.advance(Duration::from_hours(24));
    // It is forgotten by the hour.
    let forgotten = async {
        while names(&server, "default").await == [called("ada", "Ada")] {
            server.clock.advance(Duration::from_hours(1));
            server.told(again.clone()).await;
        }
    };
    within_patience("the event to be forgotten", forgotten).await;
    assert_eq!(names(&server, "default").await, [called("ada", "Again")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_comes_many_times_at_once_is_taken_once() {
    let server = server_with_provider("").await;
    let body = event("1", "created", EARLIER, account("ada", "Ada", EARLIER)).to_string();
    let signed = signature(WEBHOOK_SECRET, &body, server.clock_now());
    let statuses = async {
        let (server, body, signed) = (&server, &body, &signed);
        futures_util::future::join_all((0..12).map(|_| async move { server.post_event(body, signed).await.status }))
            .await
    };
    assert_eq!(statuses.await, [200; 12]);
    assert_eq!(server.log_of_people().await.len(), 1);
}

#[tokio::test]
async fn older_news_undo_nothing() {
    let server = server_with_provider("").await;
    server.told(event("1", "updated", LATEST, account("ada", "Newest", LATEST))).await;
    server.told(event("2", "updated", LATEST, account("ada", "Older", LATER))).await;
    server.told(event("3", "created", LATEST, account("ada", "Oldest", EARLIER))).await;
    server.told(event("4", "deleted", LATER, account("ada", "Older", EARLIER))).await;
    assert_eq!(names(&server, "default").await, [called("ada", "Newest")]);
    assert_eq!(server.log_of_people().await.len(), 1);
}

#[tokio::test]
async fn somebody_is_told_of_in_every_organization_that_has_seen_them() {
    let server = server_with_provider("").await;
    for organization in ["org_x", "org_y"] {
        server.bearer(json!({ "sub": "ada", "org_id": organization })).viewer().await;
    }
    server.told(event("1", "created", EARLIER, account("ada", "Ada", EARLIER))).await;
    let expected = [called("ada", "Ada")];
    assert_eq!(names(&server, "org_x").await, expected);
    assert_eq!(names(&server, "org_y").await, expected);
    // They have been seen elsewhere, so nothing makes them one of the default organization's.
    assert_eq!(names(&server, "default").await, []);

    let mut data = account("ada", "Ada", LATER);
    data["organization_id"] = json!("org_z");
    server.told(event("2", "updated", LATER, data)).await;
    assert_eq!(names(&server, "org_z").await, expected);
    assert_eq!(names(&server, "default").await, []);
    // Whoever comes to yet another is known there by what the provider told.
    let viewer = server.bearer(json!({ "sub": "ada", "org_id": "org_w" })).viewer().await;
    assert_eq!((&viewer["email"], &viewer["name"]), (&json!("ada@example.com"), &json!("Ada")));
    assert_eq!(names(&server, "org_w").await, expected);
}

#[tokio::test]
async fn whoever_is_deleted_is_refused_everywhere_with_every_token() {
    let server = server_with_provider("root").await;
    let seen =
        [server.signed_in("root", Role::Admin, "default"), server.bearer(json!({ "sub": "root", "org_id": "org_x" }))];
    for actor in &seen {
        assert_eq!(actor.viewer().await["role"], "ADMIN");
    }
    server.told(event("1", "deleted", LATER, account("root", "R", EARLIER))).await;
    let unseen = server.bearer(json!({ "sub": "root", "org_id": "org_never" }));
    for actor in seen.iter().chain([&unseen]) {
        let answer = actor.send("{ viewer { id } }", json!({})).await;
        assert_eq!((answer.status, answer.code()), (401, "UNAUTHENTICATED"));
        assert_eq!(answer.body, server.anonymous().with_token("x").send("{ viewer { id } }", json!({})).await.body);
        let mut socket = Socket::connect(&server.url(), "graphql-transport-ws").await;
        let payload = json!({ "Authorization": format!("Bearer {}", actor.token().unwrap()) });
        socket.send(json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(socket.next_message().await, None);
    }
    // Nobody comes back by using a token, nor by news that are older or merely changes.
    server.told(event("2", "updated", LATEST, account("root", "R", LATEST))).await;
    assert_eq!(seen[1].viewer().await, Value::Null);
    assert_eq!(names(&server, "default").await, []);
    assert_eq!(names(&server, "org_never").await, []);
}

#[tokio::test]
async fn a_deletion_counts_before_anybody_was_seen_and_before_they_were_told_of() {
    let server = server_with_provider("").await;
    server.told(event("1", "deleted", LATEST, json!({ "id": "ada" }))).await;
    server.told(event("2", "created", EARLIER, account("ada", "Ada", EARLIER))).await;
    server.told(event("3", "updated", LATER, account("ada", "Ada", LATER))).await;
    assert_eq!(server.customer("ada").viewer().await, Value::Null);
    assert_eq!(names(&server, "default").await, []);
    assert_eq!(server.log_of_people().await, [""; 0]);
}

#[tokio::test]
async fn whoever_is_made_anew_begins_as_anybody_does() {
    let server = server_with_provider("").await;
    let ada = server.bearer(json!({ "sub": "ada" }));
    ada.viewer().await;
    boss(&server).set_role("ada", "STAFF").await;
    assert_eq!(ada.viewer().await["role"], "STAFF");
    server.told(event("1", "deleted", LATER, json!({ "id": "ada" }))).await;
    server.told(event("2", "created", LATEST, account("ada", "Ada", LATEST))).await;
    let viewer = ada.viewer().await;
    assert_eq!((&viewer["role"], &viewer["name"]), (&json!("CUSTOMER"), &json!("Ada")));
}

#[tokio::test(flavor = "multi_thread")]
async fn first_requests_do_not_slip_past_a_deletion_that_comes_at_once() {
    let server = server_with_provider("").await;
    for round in 0..12 {
        let subject = format!("ada{round}");
        if round % 2 == 0 {
            // Known elsewhere already.
            server.bearer(json!({ "sub": subject, "org_id": "org_y" })).viewer().await;
        }
        let ada = server.bearer(json!({ "sub": subject, "org_id": "org_x" }));
        let body = event(&subject, "deleted", LATEST, json!({ "id": subject })).to_string();
        let signed = signature(WEBHOOK_SECRET, &body, server.clock_now());
        let requests = at_once(3, |_| {
            let ada = ada.clone();
            async move { ada.viewer().await }
        });
        let (_, answer) = tokio::join!(requests, server.post_event(&body, &signed));
        assert_eq!(answer.status, 200);
        assert_eq!(ada.viewer().await, Value::Null, "round {round}");
    }
    for organization in ["org_x", "org_y"] {
        assert_eq!(names(&server, organization).await, []);
    }
}
