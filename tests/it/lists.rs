//! Lists, page by page.

use serde_json::{Value, json};

use crate::support::{Actor, EventTypeSpec, ResourceSpec, TestServer};

const PAGE: &str = "query ($kind: String, $first: Int, $after: String, $last: Int, $before: String) {
    resources(kind: $kind, first: $first, after: $after, last: $last, before: $before) {
        totalCount edges { cursor node { id } } nodes { id }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";

/// By name, and among equal names by id.
const IN_ORDER: [&str; 7] = ["res_g", "res_a", "res_d", "res_f", "res_b", "res_c", "res_e"];

/// Seven rooms of which three and two go by the same name.
async fn rooms() -> TestServer {
    let server = TestServer::start().await;
    let named =
        |(name, label): (&str, &str)| ResourceSpec { label: Some(label.to_owned()), ..ResourceSpec::named(name) };
    let labels =
        [("d", "Room"), ("c", "Studio"), ("g", "Annex"), ("f", "Room"), ("a", "Room"), ("e", "Studio"), ("b", "Stage")];
    server.resources(labels.map(named)).await;
    server
}

async fn page(actor: &Actor, variables: Value) -> Value {
    actor.ask(PAGE, variables).await["resources"].clone()
}

fn ids(page: &Value) -> Vec<&str> {
    let of_nodes: Vec<_> = page["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap()).collect();
    let edges = page["edges"].as_array().unwrap();
    assert!(edges.iter().map(|edge| edge["node"]["id"].as_str().unwrap()).eq(of_nodes.iter().copied()), "{page}");
    of_nodes
}

#[tokio::test]
async fn pages_forwards_and_backwards_cover_a_list_once_although_names_are_equal() {
    let server = rooms().await;
    let bob = server.anonymous();
    for size in 1..=8 {
        let (mut forwards, mut after) = (Vec::new(), Value::Null);
        loop {
            let page = page(&bob, json!({ "first": size, "after": after })).await;
            assert_eq!(page["pageInfo"]["hasPreviousPage"], !forwards.is_empty(), "{page}");
            assert_eq!(page["pageInfo"]["startCursor"], page["edges"][0]["cursor"]);
            forwards.extend(ids(&page).into_iter().map(ToOwned::to_owned));
            assert_eq!(page["totalCount"], 7);
            after = page["pageInfo"]["endCursor"].clone();
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
            assert_eq!(ids(&page).len(), size);
        }
        assert_eq!(forwards, IN_ORDER, "{size} a page");

        let (mut backwards, mut before) = (Vec::new(), Value::Null);
        loop {
            let page = page(&bob, json!({ "last": size, "before": before })).await;
            assert_eq!(page["pageInfo"]["hasNextPage"], !backwards.is_empty(), "{page}");
            backwards.splice(0..0, ids(&page).into_iter().map(ToOwned::to_owned));
            before = page["pageInfo"]["startCursor"].clone();
            if page["pageInfo"]["hasPreviousPage"] == false {
                break;
            }
        }
        assert_eq!(backwards, IN_ORDER, "{size} a page, backwards");
    }
}

#[tokio::test]
async fn a_page_lies_between_its_cursors() {
    let server = rooms().await;
    let bob = server.anonymous();
    let all = page(&bob, json!({})).await;
    let cursor = |index: usize| all["edges"][index]["cursor"].clone();
    let between = page(&bob, json!({ "after": cursor(1), "before": cursor(5) })).await;
    assert_eq!(ids(&between), IN_ORDER[2..5]);
    let last = page(&bob, json!({ "after": cursor(1), "before": cursor(5), "last": 2 })).await;
    assert_eq!(ids(&last), IN_ORDER[3..5]);
    let nothing = page(&bob, json!({ "after": cursor(6) })).await;
    assert_eq!((&nothing["nodes"], &nothing["pageInfo"]["endCursor"]), (&json!([]), &Value::Null));
}

#[tokio::test]
async fn numbers_and_cursors_that_make_no_page_are_refused() {
    let server = rooms().await;
    let bob = server.anonymous();
    let all = page(&bob, json!({})).await;
    let mine = all["pageInfo"]["endCursor"].clone();
    for (asked, wrong) in [
        (json!({ "first": 0 }), "first"),
        (json!({ "first": 201 }), "first"),
        (json!({ "first": -1 }), "first"),
        (json!({ "last": 0 }), "last"),
        (json!({ "last": 201 }), "last"),
        (json!({ "first": 2, "last": 2 }), "first"),
        (json!({ "after": "res_a" }), "after"),
        (json!({ "before": "" }), "before"),
        // A cursor is good for the same filter only.
        (json!({ "after": mine, "kind": "room" }), "after"),
    ] {
        let refused = bob.send(PAGE, asked.clone()).await;
        assert_eq!(refused.code(), "BAD_USER_INPUT", "{asked}");
        assert!(refused.message().contains(&format!("`{wrong}`")), "{asked}: {}", refused.message());
    }
    assert_eq!(ids(&page(&bob, json!({ "first": 200 })).await).len(), 7);
    let event_types = "query ($after: String) { eventTypes(after: $after) { nodes { id } } }";
    assert_eq!(bob.send(event_types, json!({ "after": mine })).await.code(), "BAD_USER_INPUT");
}

#[tokio::test]
async fn a_page_has_fifty_entries_unless_asked_otherwise_and_counts_what_its_filter_lets_through() {
    const COUNT: &str =
        "query ($kind: String) { resources(kind: $kind) { totalCount nodes { id } pageInfo { hasNextPage } } }";
    let server = TestServer::start().await;
    let room = |number: u32| ResourceSpec::named(&format!("room{number:02}"));
    let lamp = |number: u32| ResourceSpec { kind: "lamp".to_owned(), ..ResourceSpec::named(&format!("lamp{number}")) };
    server.resources((0..51).map(room).chain((0..3).map(lamp))).await;
    server.resources([ResourceSpec { active: false, ..ResourceSpec::named("off") }]).await;
    server.resources([ResourceSpec { organization: "other".to_owned(), ..ResourceSpec::named("elsewhere") }]).await;
    let bob = server.anonymous();
    for (kind, total, on_page) in [(Value::Null, 54, 50), (json!("lamp"), 3, 3), (json!("boat"), 0, 0)] {
        let list = bob.ask(COUNT, json!({ "kind": kind })).await["resources"].clone();
        assert_eq!((&list["totalCount"], list["nodes"].as_array().unwrap().len()), (&json!(total), on_page));
        assert_eq!(list["pageInfo"]["hasNextPage"], total > on_page);
    }
}

#[tokio::test]
async fn event_types_and_resources_with_room_come_in_pages_too() {
    const TYPES: &str = "query ($after: String) { eventTypes(first: 2, after: $after) {
        totalCount nodes { id } pageInfo { hasNextPage endCursor } } }";
    const ROOM: &str = "query ($last: Int, $before: String, $minutes: Int = 60) {
        availableResources(start: \"2026-12-02T12:00:00Z\", durationMinutes: $minutes, last: $last, before: $before) {
            totalCount edges { cursor node { id } } nodes { id } pageInfo { hasPreviousPage startCursor } } }";
    let server = rooms().await;
    server.event_types(["z", "x", "y"].map(|name| EventTypeSpec::named(name, &[60], &["a"]))).await;
    let bob = server.anonymous();
    let first = bob.ask(TYPES, json!({})).await["eventTypes"].clone();
    assert_eq!((&first["nodes"], &first["totalCount"]), (&json!([{ "id": "evt_x" }, { "id": "evt_y" }]), &json!(3)));
    let rest = bob.ask(TYPES, json!({ "after": first["pageInfo"]["endCursor"] })).await["eventTypes"].clone();
    assert_eq!((&rest["nodes"], &rest["pageInfo"]["hasNextPage"]), (&json!([{ "id": "evt_z" }]), &json!(false)));

    let last = bob.ask(ROOM, json!({ "last": 5 })).await["availableResources"].clone();
    assert_eq!((ids(&last), &last["totalCount"]), (IN_ORDER[2..].to_vec(), &json!(7)));
    let before = json!({ "last": 5, "before": last["pageInfo"]["startCursor"] });
    let first = bob.ask(ROOM, before.clone()).await["availableResources"].clone();
    assert_eq!((ids(&first), &first["pageInfo"]["hasPreviousPage"]), (IN_ORDER[..2].to_vec(), &json!(false)));
    let of_another = crate::support::studios::with(before, json!({ "minutes": 90 }));
    assert_eq!(bob.send(ROOM, of_another).await.code(), "BAD_USER_INPUT");
}

#[tokio::test]
async fn lists_that_hang_on_something_come_in_the_same_order_as_the_others() {
    let server = TestServer::start().await;
    let labelled =
        |(name, label): (&str, &str)| ResourceSpec { label: Some(label.to_owned()), ..ResourceSpec::named(name) };
    let labels = [("1", "Ä"), ("2", "a"), ("3", "B"), ("4", "b"), ("5", "A b"), ("6", "Ab"), ("7", "a-b"), ("8", "_")];
    server.resources(labels.map(labelled)).await;
    server.event_types([EventTypeSpec::named("hour", &[60], &["1", "2", "3", "4", "5", "6", "7", "8"])]).await;
    let query = "{ resources { nodes { name } } eventType(id: \"evt_hour\") { resources { nodes { name } } } }";
    let answer = server.anonymous().ask(query, json!({})).await;
    let names = |list: &Value| -> Vec<String> {
        list["nodes"].as_array().unwrap().iter().map(|node| node["name"].as_str().unwrap().to_owned()).collect()
    };
    let expected = ["A b", "Ab", "B", "_", "a", "a-b", "b", "Ä"];
    assert_eq!(names(&answer["resources"]), expected);
    assert_eq!(names(&answer["eventType"]["resources"]), expected);
}
