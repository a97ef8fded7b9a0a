//! Who people are, and what they may do.

use serde_json::{Value, json};
use slotwise::domain::access::Role;

use crate::support::people::{account, event, server_with_provider};
use crate::support::studios::{booking, refusal, studios};
use crate::support::{Actor, ServerOptions, TestServer, at_once};

/// An admin by their token alone.
fn boss(server: &TestServer) -> Actor {
    server.signed_in("boss", Role::Admin, "default")
}

/// Whoever has a token that tells no role.
fn plain(server: &TestServer, subject: &str) -> Actor {
    server.bearer(json!({ "sub": subject, "email": format!("{subject}@example.org") }))
}

/// What is known of somebody, without what is of no matter here.
fn user(subject: &str, role: &str) -> Value {
    json!({ "id": subject, "email": format!("{subject}@example.org"), "name": null, "role": role,
        "organizationId": "default" })
}

#[tokio::test]
async fn whoever_comes_with_a_token_is_written_down_with_their_organization() {
    let server = TestServer::start().await;
    let boss = server.signed_in("boss", Role::Admin, "org_new");
    for subject in ["carl", "bob"] {
        let claims = json!({ "sub": subject, "org_id": "org_new", "email": format!("{subject}@example.org") });
        assert_eq!(server.bearer(claims).viewer().await["role"], "CUSTOMER");
    }
    let users = boss.users().await;
    let bob = json!({ "id": "bob", "email": "bob@example.org", "name": null, "role": "CUSTOMER",
        "organizationId": "org_new" });
    assert_eq!(users[0], bob);
    let ids: Vec<&Value> = users.as_array().unwrap().iter().map(|user| &user["id"]).collect();
    assert_eq!(ids, ["bob", "boss", "carl"]);
    assert_eq!(server.log_of_people().await, [""; 0]);
}

#[tokio::test]
async fn a_role_that_no_token_tells_is_the_one_that_an_admin_has_set() {
    let server = TestServer::start().await;
    let (boss, ada) = (boss(&server), plain(&server, "ada"));
    for role in ["CUSTOMER", "STAFF", "ADMIN"] {
        assert_eq!(ada.viewer().await["id"], "ada");
        let payload = boss.set_role("ada", role).await;
        assert_eq!((&payload["user"]["role"], &payload["userErrors"]), (&json!(role), &json!([])));
        assert_eq!(ada.viewer().await["role"], role);
    }
    assert_eq!(ada.users().await[0], user("ada", "ADMIN"));
}

#[tokio::test]
async fn a_role_that_the_token_tells_wins() {
    let server = TestServer::start().await;
    let ada = server.customer("ada");
    assert_eq!(ada.viewer().await["role"], "CUSTOMER");
    boss(&server).set_role("ada", "ADMIN").await;
    assert_eq!(ada.viewer().await["role"], "CUSTOMER");
    assert_eq!(plain(&server, "ada").viewer().await["role"], "ADMIN");
}

#[tokio::test]
async fn a_token_fills_what_is_not_known_and_changes_nothing_that_is() {
    let server = server_with_provider("").await;
    let admin = boss(&server);
    let known = async || {
        let users = admin.users().await;
        let ada = users.as_array().unwrap().iter().find(|user| user["id"] == "ada").unwrap();
        (ada["email"].clone(), ada["name"].clone())
    };
    let with = |claims: Value| server.bearer(claims);
    with(json!({ "sub": "ada" })).viewer().await;
    assert_eq!(known().await, (Value::Null, Value::Null));
    with(json!({ "sub": "ada", "email": "first@example.org" })).viewer().await;
    with(json!({ "sub": "ada", "email": "second@example.org", "name": "Ada" })).viewer().await;
    assert_eq!(known().await, (json!("first@example.org"), json!("Ada")));
    // The caller is called what their token says, and where it is silent, what is known.
    let other = with(json!({ "sub": "ada", "name": "A." })).viewer().await;
    assert_eq!((&other["email"], &other["name"]), (&json!("first@example.org"), &json!("A.")));
    // The provider knows better.
    server.told(event("1", "updated", "2026-12-01T05:00:00Z", account("ada", "Augusta", "2026-12-01T05:00:00Z"))).await;
    with(json!({ "sub": "ada", "email": "third@example.org", "name": "Ada" })).viewer().await;
    assert_eq!(known().await, (json!("ada@example.com"), json!("Augusta")));
}

#[tokio::test]
async fn what_is_too_long_to_be_a_name_or_an_address_is_neither_kept_nor_shown() {
    let server = TestServer::start().await;
    let label = "b".repeat(63);
    let long_email = format!("{}@{label}.{label}.{}.org", "a".repeat(64), "b".repeat(58));
    for (email, name) in
        [(long_email.as_str(), "n".repeat(121)), ("no address", "two\nlines".to_owned()), ("a\0@b.c", "\0".to_owned())]
    {
        let eve = server.bearer(json!({ "sub": "eve", "email": email, "name": name })).viewer().await;
        assert_eq!((&eve["email"], &eve["name"]), (&Value::Null, &Value::Null));
    }
    let fits =
        server.bearer(json!({ "sub": "eve", "email": &long_email[1..], "name": "n".repeat(120) })).viewer().await;
    assert_eq!((&fits["email"], &fits["name"]), (&json!(long_email[1..]), &json!("n".repeat(120))));
}

#[tokio::test]
async fn a_subject_or_organization_that_nobody_can_have_is_refused() {
    let server = TestServer::start().await;
    for claims in [json!({ "sub": "a\0b" }), json!({ "sub": "a\nb" }), json!({ "sub": "ada", "org_id": "o\0" })] {
        assert_eq!(server.bearer(claims.clone()).send("{ viewer { id } }", json!({})).await.status, 401, "{claims}");
    }
}

#[tokio::test]
async fn a_customer_books_with_the_address_that_the_provider_told_where_the_token_tells_none() {
    let server = studios().await;
    let ada = server.bearer(json!({ "sub": "ada", "email": "ada@example.org" }));
    ada.viewer().await;
    let silent = server.bearer(json!({ "sub": "ada" }));
    let booked = silent.book_it(booking("a", "hour", 10)).await;
    assert_eq!(booked["booking"]["booker"]["email"], "ada@example.org");
    let mut other = booking("a", "hour", 12);
    other["booker"] = json!({ "email": "eve@example.org" });
    assert_eq!(silent.book(other).await["userErrors"][0]["field"], json!(["input", "booker", "email"]));
}

#[tokio::test]
async fn whom_the_settings_name_is_an_admin_of_the_organization_that_their_token_names() {
    let server =
        TestServer::start_with(ServerOptions { admins: "root,Chief@Example.org", ..ServerOptions::default() }).await;
    for claims in [
        json!({ "sub": "root" }),
        json!({ "sub": "root", "org_id": "org_x" }),
        json!({ "sub": "root", "role": "customer" }),
        json!({ "sub": "ch", "email": "chief@example.ORG" }),
        // What was told before is still known.
        json!({ "sub": "ch" }),
    ] {
        let admin = server.bearer(claims.clone());
        assert_eq!(admin.viewer().await["role"], "ADMIN", "{claims}");
        let subject = claims["sub"].as_str().unwrap().to_owned();
        assert!(admin.admins().await.contains(&subject), "{claims} is kept as one");
    }
    for claims in
        [json!({ "sub": "ROOT" }), json!({ "sub": "chief@example.org" }), json!({ "sub": "ch2", "name": "root" })]
    {
        assert_eq!(server.bearer(claims.clone()).viewer().await["role"], "CUSTOMER", "{claims}");
    }
}

#[tokio::test]
async fn an_address_that_the_provider_tells_names_an_admin_only_where_it_is_verified() {
    let server = server_with_provider("ada@example.com,eve@example.com").await;
    for (subject, verified, role) in [("ada", true, "ADMIN"), ("eve", false, "CUSTOMER")] {
        let mut told = account(subject, "A", "2026-12-01T05:00:00Z");
        told["email_verified"] = json!(verified);
        server.told(event(subject, "created", "2026-12-01T05:00:00Z", told)).await;
        assert_eq!(server.bearer(json!({ "sub": subject })).viewer().await["role"], role, "{subject}");
    }
    let log = server.log_of_people().await;
    let raised = r#"system updated ada@default {"role":{"from":"CUSTOMER","to":"ADMIN"}}"#;
    assert_eq!((log.len(), log[1].as_str()), (3, raised), "{log:?}");
}

#[tokio::test]
async fn whom_the_settings_name_stays_an_admin() {
    let server =
        TestServer::start_with(ServerOptions { admins: "root,chief@example.org", ..ServerOptions::default() }).await;
    let boss = boss(&server);
    plain(&server, "root").viewer().await;
    plain(&server, "chief").viewer().await;
    for subject in ["root", "chief"] {
        let payload = boss.set_role(subject, "STAFF").await;
        assert_eq!((refusal(&payload), &payload["user"]), ("IN_USE", &Value::Null));
        assert_eq!(payload["userErrors"][0]["field"], json!(["input", "role"]));
        assert!(payload["userErrors"][0]["message"].as_str().unwrap().contains("SLOTWISE_ADMINS"));
    }
    assert_eq!(boss.admins().await, ["chief", "root"]);
}

#[tokio::test]
async fn the_last_admin_of_an_organization_stays_one() {
    let server = TestServer::start().await;
    let boss = boss(&server);
    let (ada, bob) = (plain(&server, "ada"), plain(&server, "bob"));
    for actor in [&ada, &bob, &server.bearer(json!({ "sub": "eve", "org_id": "org_x" }))] {
        actor.viewer().await;
    }
    // An admin of another organization does not count.
    server.signed_in("x", Role::Admin, "org_x").set_role("eve", "ADMIN").await;
    boss.set_role("ada", "ADMIN").await;
    for role in ["STAFF", "CUSTOMER"] {
        let payload = ada.set_role("ada", role).await;
        assert_eq!((refusal(&payload), &payload["user"]), ("IN_USE", &Value::Null));
        assert_eq!(payload["userErrors"][0]["field"], json!(["input", "role"]));
    }
    ada.set_role("bob", "ADMIN").await;
    assert_eq!(ada.set_role("ada", "STAFF").await["user"]["role"], "STAFF");
    assert_eq!(boss.admins().await, ["bob"]);
    assert_eq!(ada.try_set_role("bob", "STAFF").await.code(), "FORBIDDEN");
    let log = server.log_of_people().await;
    let lines = [
        r#"x updated eve@org_x {"role":{"from":"CUSTOMER","to":"ADMIN"}}"#,
        r#"boss updated ada@default {"role":{"from":"CUSTOMER","to":"ADMIN"}}"#,
        r#"ada updated bob@default {"role":{"from":"CUSTOMER","to":"ADMIN"}}"#,
        r#"ada updated ada@default {"role":{"from":"ADMIN","to":"STAFF"}}"#,
    ];
    assert_eq!(log, lines);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_admins_who_take_each_others_role_away_do_not_both_succeed() {
    let server = TestServer::start().await;
    let boss = boss(&server);
    let pair = ["ada", "bob"];
    for subject in pair {
        plain(&server, subject).viewer().await;
    }
    for round in 0..8 {
        for subject in pair {
            boss.set_role(subject, "ADMIN").await;
        }
        let actors = pair.map(|subject| plain(&server, subject));
        let answers = at_once(2, |index| {
            let actor = actors[index].clone();
            async move { actor.try_set_role(pair[1 - index], "CUSTOMER").await }
        })
        .await;
        let left = boss.admins().await;
        assert_eq!(left.len(), 1, "round {round}: {left:?}, {answers:?}");
    }
}

#[tokio::test]
async fn the_role_that_somebody_has_already_is_no_change() {
    let server = TestServer::start().await;
    plain(&server, "ada").viewer().await;
    let first = boss(&server).set_role("ada", "STAFF").await;
    assert_eq!(boss(&server).set_role("ada", "STAFF").await, first);
    let changed = boss(&server).set_role("ada", "CUSTOMER").await;
    // The clock stands still, and still the change is later.
    assert!(changed["user"]["updatedAt"].as_str() > first["user"]["updatedAt"].as_str(), "{changed}");
    assert_eq!(server.log_of_people().await.len(), 2);
}

#[tokio::test]
async fn whoever_is_not_of_the_organization_is_not_found() {
    let server = server_with_provider("").await;
    let boss = boss(&server);
    server.bearer(json!({ "sub": "foreign", "org_id": "org_x" })).viewer().await;
    plain(&server, "gone").viewer().await;
    server.told(event("1", "deleted", "2026-12-01T05:00:00Z", account("gone", "G", "2026-12-01T04:00:00Z"))).await;
    let unknown = boss.set_role("unknown", "STAFF").await.to_string();
    for subject in ["foreign", "gone", "two\nlines", ""] {
        let payload = boss.set_role(subject, "STAFF").await;
        assert_eq!(refusal(&payload), "NOT_FOUND");
        assert_eq!(payload["userErrors"][0]["field"], json!(["input", "userId"]));
        let text = payload.to_string();
        assert_eq!(text.replace(&format!("`{subject}`").replace('\n', "\\n"), "`unknown`"), unknown);
    }
}

#[tokio::test]
async fn users_and_roles_are_for_admins() {
    let server = TestServer::start().await;
    let users = "{ users { totalCount } }";
    for (actor, code) in
        [(server.anonymous(), "UNAUTHENTICATED"), (server.customer("ada"), "FORBIDDEN"), (server.staff(), "FORBIDDEN")]
    {
        let answer = actor.send(users, json!({})).await;
        assert_eq!((answer.code(), &answer.body["data"]), (code, &json!({ "users": null })));
        let answer = actor.try_set_role("ada", "ADMIN").await;
        assert_eq!((answer.code(), &answer.body["data"]), (code, &json!({ "setUserRole": null })));
    }
    assert_eq!(boss(&server).ask(users, json!({})).await["users"]["totalCount"], 3);
}

#[tokio::test]
async fn users_are_listed_by_address_and_id_page_by_page() {
    const PAGE: &str = "query ($first: Int, $after: String, $last: Int, $before: String) {
        users(first: $first, after: $after, last: $last, before: $before) {
            totalCount nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";
    let server = TestServer::start().await;
    let boss = server.bearer(json!({ "sub": "z", "role": "admin" }));
    for (subject, email) in
        [("d", Some("Same@example.org")), ("b", None), ("c", Some("same@example.org")), ("a", Some("last@example.org"))]
    {
        server.bearer(json!({ "sub": subject, "email": email })).viewer().await;
    }
    // Those without an address first.
    let in_order = ["b", "z", "a", "c", "d"];
    for size in 1..=6 {
        for (count, from, towards, more) in
            [("first", "after", "endCursor", "hasNextPage"), ("last", "before", "startCursor", "hasPreviousPage")]
        {
            let (mut walked, mut cursor) = (Vec::new(), Value::Null);
            loop {
                let page = boss.ask(PAGE, json!({ count: size, from: cursor })).await["users"].clone();
                let ids = page["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap().to_owned());
                let ids: Vec<String> = ids.collect();
                walked = if count == "first" { [walked, ids].concat() } else { [ids, walked].concat() };
                assert_eq!(page["totalCount"], 5);
                cursor = page["pageInfo"][towards].clone();
                if page["pageInfo"][more] == false {
                    break;
                }
            }
            assert_eq!(walked, in_order, "{count} {size}");
        }
    }
    let foreign = server.signed_in("x", Role::Admin, "org_x");
    let cursor = boss.ask(PAGE, json!({ "first": 1 })).await["users"]["pageInfo"]["endCursor"].clone();
    assert_eq!(foreign.send(PAGE, json!({ "after": cursor })).await.code(), "BAD_USER_INPUT");
    assert_eq!(boss.send(PAGE, json!({ "first": 201 })).await.code(), "BAD_USER_INPUT");
}

#[tokio::test(flavor = "multi_thread")]
async fn first_requests_that_come_at_once_write_somebody_down_once() {
    let server = TestServer::start().await;
    let ada = server.bearer(json!({ "sub": "ada", "org_id": "org_new", "email": "ada@example.org" }));
    let viewers = at_once(12, |_| {
        let ada = ada.clone();
        async move { ada.viewer().await }
    })
    .await;
    assert!(viewers.iter().all(|viewer| viewer["email"] == "ada@example.org"), "{viewers:?}");
    let boss = server.signed_in("boss", Role::Admin, "org_new");
    assert_eq!(boss.users().await.as_array().unwrap().len(), 2);
}
