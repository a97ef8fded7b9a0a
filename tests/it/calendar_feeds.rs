//! Making, listing and revoking calendar feeds, and who may read what at their addresses.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sea_orm::{ConnectionTrait, Database, Statement};
use serde_json::{Value, json};
use slotwise::config::TokenSettings;
use slotwise::domain::access::Role;

use crate::support::calendars::{fetch, said};
use crate::support::people::{account, event, server_with_provider};
use crate::support::running::{of, refusals};
use crate::support::server::token_settings;
use crate::support::studios::{booking, studios};
use crate::support::{Actor, ResourceSpec, ServerOptions, TestServer, at_once};

/// Whether there is a calendar at `url`.
async fn opens(url: &str) -> bool {
    match fetch(url).await.status {
        200 => true,
        404 => false,
        other => panic!("{other}"),
    }
}

/// What is kept of keys.
async fn hashes(server: &TestServer) -> Vec<String> {
    let database = Database::connect(server.database_url()).await.unwrap();
    let statement = Statement::from_string(database.get_database_backend(), "SELECT key_hash FROM calendar_feeds");
    let rows = database.query_all_raw(statement).await.unwrap();
    database.close().await.unwrap();
    rows.iter().map(|row| row.try_get("", "key_hash").unwrap()).collect()
}

#[tokio::test]
async fn a_feed_is_made_listed_and_revoked() {
    let server = studios().await;
    let (ada, staff) = (server.customer("ada"), server.staff());
    let made = ada.make_feed(json!({})).await;
    let id = made["feed"]["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("cal_"), "{id}");
    let feed = json!({
        "id": id, "ownerId": "ada", "resource": null, "details": false, "createdAt": "2026-12-01T06:00:00Z",
    });
    assert_eq!(made["feed"], feed);
    let of_room = staff.make_feed(json!({ "resourceId": "res_a", "details": true })).await;
    let room = of_room["feed"].clone();
    let shown = (&room["ownerId"], &room["resource"], &room["details"]);
    assert_eq!(shown, (&json!("staff"), &json!({ "id": "res_a", "name": "a" }), &json!(true)));

    let room_id = room["id"].as_str().unwrap().to_owned();
    assert_eq!((ada.feeds().await, staff.feeds().await), (vec![id.clone()], vec![id.clone(), room_id.clone()]));
    for stranger in [server.customer("bob"), server.signed_in("staff", Role::Staff, "elsewhere")] {
        assert_eq!(stranger.feeds().await, [""; 0]);
        for id in [&id, &room_id] {
            assert_eq!(refusals(&stranger.revoke(id).await), of(&[("NOT_FOUND", "id")]));
        }
    }
    let (url, room_url) = (made["url"].as_str().unwrap(), of_room["url"].as_str().unwrap());
    assert_eq!((opens(url).await, opens(room_url).await), (true, true));
    assert_eq!(refusals(&ada.revoke(&room_id).await), of(&[("NOT_FOUND", "id")]));
    assert_eq!(ada.revoke(&id).await, json!({ "deletedId": id, "userErrors": [] }));
    assert_eq!((opens(url).await, opens(room_url).await), (false, true));
    assert_eq!(refusals(&ada.revoke(&id).await), of(&[("NOT_FOUND", "id")]));
    // Staff may revoke others'.
    let (bobs, bobs_url) = server.customer("bob").feed(json!({})).await;
    assert_eq!(staff.revoke(&bobs).await["deletedId"], json!(bobs));
    assert_eq!(staff.revoke(&room_id).await["deletedId"], json!(room_id));
    assert_eq!((opens(&bobs_url).await, opens(room_url).await, staff.feeds().await.len()), (false, false, 0));
    // What people do with their own is nobody's business.
    let lines = server.audit_lines().await;
    let lines: Vec<_> = lines.iter().map(|line| (line.action.as_str(), line.entity_id.as_str())).collect();
    assert_eq!(lines, [("created", room_id.as_str()), ("deleted", &bobs), ("deleted", &room_id)]);
}

#[tokio::test]
async fn a_key_is_random_told_once_and_kept_as_a_hash() {
    let server = studios().await;
    let staff = server.staff();
    let mut keys = Vec::new();
    for input in [json!({}), json!({}), json!({ "resourceId": "res_a" })] {
        let (_, url) = staff.feed(input).await;
        let (folder, name) = url.rsplit_once('/').unwrap();
        assert_eq!(folder, format!("http://{}/calendars", server.address));
        let key = name.strip_suffix(".ics").unwrap();
        assert_eq!(URL_SAFE_NO_PAD.decode(key).unwrap().len(), 32);
        keys.push(key.to_owned());
    }
    assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2]);
    let kept = hashes(&server).await;
    assert_eq!(kept.len(), 3);
    let told = staff.ask("{ calendarFeeds { id ownerId resource { id } details createdAt } }", json!({})).await;
    let seen = format!("{kept:?}{told}{:?}", server.audit_lines().await);
    assert!(keys.iter().all(|key| !seen.contains(key.as_str())), "{seen}");
    // A hash opens nothing.
    assert!(!opens(&format!("http://{}/calendars/{}.ics", server.address, kept[0])).await);
}

#[tokio::test]
async fn only_staff_have_feeds_of_resources_and_only_of_their_organization_s() {
    let server = studios().await;
    server.resources([ResourceSpec { organization: "elsewhere".to_owned(), ..ResourceSpec::named("far") }]).await;
    let make = async |actor: &Actor, input: Value| {
        const MAKE: &str = "mutation ($input: CreateCalendarFeedInput!) { createCalendarFeed(input: $input) { url } }";
        actor.send(MAKE, json!({ "input": input })).await
    };
    assert_eq!(make(&server.anonymous(), json!({})).await.code(), "UNAUTHENTICATED");
    // Whether there is such a resource is not told.
    for resource in ["res_a", "res_far", "res_none"] {
        let refused = make(&server.customer("ada"), json!({ "resourceId": resource })).await;
        assert_eq!(refused.code(), "FORBIDDEN");
        assert!(refused.message().contains("resourceId"), "{}", refused.message());
    }
    for resource in ["res_far", "res_none"] {
        let refused = server.staff().make_feed(json!({ "resourceId": resource })).await;
        assert_eq!((refusals(&refused), &refused["url"]), (of(&[("NOT_FOUND", "resourceId")]), &Value::Null));
    }
    assert_eq!(hashes(&server).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_has_twenty_feeds_at_most_however_many_are_made_at_once() {
    let server = studios().await;
    let ada = server.customer("ada");
    ada.ask("{ viewer { id } }", json!({})).await;
    let made = at_once(23, |_| {
        let ada = ada.clone();
        async move { ada.make_feed(json!({})).await }
    })
    .await;
    let refused: Vec<_> = made.iter().map(refusals).filter(|refusals| !refusals.is_empty()).collect();
    assert_eq!(refused, vec![of(&[("LIMIT_EXCEEDED", "")]); 3]);
    let listed = ada.feeds().await;
    assert_eq!(listed.len(), 20);
    server.customer("bob").feed(json!({})).await;
    ada.revoke(&listed[0]).await;
    ada.feed(json!({})).await;
}

#[tokio::test]
async fn an_organization_has_a_thousand_feeds_at_most() {
    let server = studios().await;
    let ada = server.customer("ada");
    ada.ask("{ viewer { id } }", json!({})).await;
    server
        .execute_sql(
            "INSERT INTO calendar_feeds (id, organization_id, owner_id, details, key_hash, created_at) \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999) \
             SELECT 'cal_' || i, 'default', 'user_' || i, false, 'hash ' || i, 0 FROM n",
        )
        .await;
    ada.feed(json!({})).await;
    assert_eq!(refusals(&ada.make_feed(json!({})).await), of(&[("LIMIT_EXCEEDED", "")]));
    server.signed_in("ada", Role::Customer, "elsewhere").feed(json!({})).await;
    // The longest list there is can be asked for.
    let all = "{ calendarFeeds { id ownerId details createdAt resource { id name kind slug timeZone } } }";
    let (listed, statements) = server.statements_of(server.staff().ask(all, json!({}))).await;
    assert_eq!(listed["calendarFeeds"].as_array().unwrap().len(), 1_000);
    assert!(statements <= 8, "{statements}");
}

#[tokio::test]
async fn what_the_owner_may_see_is_looked_at_each_time() {
    let tokens = Some(TokenSettings { trust_roles: false, ..token_settings() });
    let server = TestServer::start_with(ServerOptions { tokens, admins: "root", ..ServerOptions::default() }).await;
    server.resources([ResourceSpec::named("a")]).await;
    let (root, ada) = (server.runner(), server.customer("ada"));
    ada.ask("{ viewer { id } }", json!({})).await;
    root.set_role("ada", "STAFF").await;
    let (_, of_room) = ada.feed(json!({ "resourceId": "res_a" })).await;
    let (_, own) = ada.feed(json!({})).await;
    let (_, of_admin) = root.feed(json!({ "resourceId": "res_a" })).await;
    assert_eq!((opens(&of_room).await, opens(&own).await, opens(&of_admin).await), (true, true, true));
    root.set_role("ada", "CUSTOMER").await;
    assert_eq!((opens(&of_room).await, opens(&own).await), (false, true));
    root.set_role("ada", "ADMIN").await;
    assert!(opens(&of_room).await);
}

#[tokio::test]
async fn where_tokens_name_roles_that_of_the_last_one_counts() {
    let server = studios().await;
    let (_, url) = server.signed_in("ada", Role::Staff, "default").feed(json!({ "resourceId": "res_a" })).await;
    assert!(opens(&url).await);
    for (role, organization, sees) in [
        (Role::Customer, "default", false),
        (Role::Admin, "default", true),
        // Who they are elsewhere is another matter.
        (Role::Customer, "elsewhere", true),
        (Role::Customer, "default", false),
        (Role::Staff, "elsewhere", false),
    ] {
        server.signed_in("ada", role, organization).ask("{ viewer { id } }", json!({})).await;
        assert_eq!(opens(&url).await, sees, "{role:?} of {organization}");
    }
}

#[tokio::test]
async fn feeds_go_with_their_resource() {
    let server = studios().await;
    server.resources([ResourceSpec::named("spare")]).await;
    let staff = server.staff();
    let (gone, gone_url) = staff.feed(json!({ "resourceId": "res_spare" })).await;
    let (kept, kept_url) = staff.feed(json!({ "resourceId": "res_a" })).await;
    server.runner().run_well("deleteResource", json!({ "id": "res_spare" })).await;
    assert_eq!((opens(&gone_url).await, opens(&kept_url).await), (false, true));
    assert_eq!((staff.feeds().await, refusals(&staff.revoke(&gone).await)), (vec![kept], of(&[("NOT_FOUND", "id")])));
    let lines = server.audit_lines().await;
    let deleted = lines.iter().find(|line| line.action == "deleted").unwrap();
    assert_eq!(deleted.changes["calendarFeeds"], json!({ "from": 1, "to": null }));
}

#[tokio::test]
async fn feeds_go_with_their_owner_and_do_not_come_back() {
    let server = server_with_provider("").await;
    server.resources([ResourceSpec::named("a")]).await;
    let elsewhere = server.signed_in("ada", Role::Customer, "elsewhere");
    let mut urls = vec![elsewhere.feed(json!({})).await.1];
    let staff = server.signed_in("ada", Role::Staff, "default");
    urls.push(staff.feed(json!({ "resourceId": "res_a" })).await.1);
    let (_, of_bob) = server.customer("bob").feed(json!({})).await;
    let at = |hour: u32| format!("2026-12-01T{hour:02}:00:00.000Z");
    server.told(event("1", "deleted", &at(7), account("ada", "Ada", &at(7)))).await;
    server.told(event("2", "created", &at(8), account("ada", "Ada", &at(8)))).await;
    staff.ask("{ viewer { id } }", json!({})).await;
    for url in &urls {
        assert!(!opens(url).await);
    }
    assert!(opens(&of_bob).await);
    assert_eq!((hashes(&server).await.len(), staff.feeds().await.len()), (1, 1));
}

#[tokio::test]
async fn addresses_begin_where_the_server_is_reached_and_there_are_none_where_nobody_knows() {
    let at = async |public_url| {
        let server = TestServer::start_with(ServerOptions { public_url, ..ServerOptions::default() }).await;
        (server.customer("ada").make_feed(json!({})).await, server)
    };
    let (made, _server) = at(Some("https://slots.example.com/booking/")).await;
    let url = made["url"].as_str().unwrap();
    assert!(url.starts_with("https://slots.example.com/booking/calendars/") && url.contains(".ics"), "{url}");
    let (refused, server) = at(Some("")).await;
    assert_eq!((refusals(&refused), &refused["feed"]), (of(&[("INVALID", "")]), &Value::Null));
    let message = refused["userErrors"][0]["message"].as_str().unwrap();
    assert!(message.contains("SLOTWISE_PUBLIC_URL"), "{message}");
    assert_eq!(hashes(&server).await, [""; 0]);
}

#[tokio::test]
async fn another_organization_s_bookings_are_in_nobody_s_calendar() {
    let server = studios().await;
    let (ada, ada_elsewhere) = (server.customer("ada"), server.signed_in("ada", Role::Customer, "elsewhere"));
    ada.book_it(booking("a", "hour", 10)).await;
    let (_, own) = ada.feed(json!({ "details": true })).await;
    let (_, elsewhere) = ada_elsewhere.feed(json!({ "details": true })).await;
    assert_eq!((said(&own).await.len(), said(&elsewhere).await.len()), (1, 0));
}
