//! Lists of blocks.

use serde_json::{Value, json};
use slotwise::domain::access::Role;

use crate::support::studios::{at, studios};
use crate::support::{Actor, TestServer};

const LIST: &str = "query ($resource: ID, $from: DateTime, $to: DateTime, $first: Int, $after: String, $last: Int,
        $before: String) {
    blocks(resourceId: $resource, from: $from, to: $to, first: $first, after: $after, last: $last, before: $before) {
        totalCount edges { cursor node { id } } nodes { id start end }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";

async fn list(actor: &Actor, variables: Value) -> Value {
    actor.ask(LIST, variables).await["blocks"].clone()
}

fn ids(page: &Value) -> Vec<String> {
    page["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap().to_owned()).collect()
}

async fn block(staff: &Actor, resource: &str, start: &str, end: &str) -> String {
    let input = json!({ "resourceId": format!("res_{resource}"), "start": start, "end": end });
    staff.run_well("createBlock", input).await["block"]["id"].as_str().unwrap().to_owned()
}

/// Blocks of b, of which two begin at once on the two studios; their ids in the order of the list.
async fn blocked() -> (TestServer, Vec<String>) {
    let server = studios().await;
    let staff = server.staff();
    let mut made = Vec::new();
    for (resource, from, to) in [("b", 18, 19), ("b", 9, 10), ("a", 12, 13), ("b", 12, 14), ("a", 20, 22)] {
        made.push((at(from), block(&staff, resource, &at(from), &at(to)).await));
    }
    made.sort();
    (server, made.into_iter().map(|(_, id)| id).collect())
}

#[tokio::test]
async fn pages_forwards_and_backwards_cover_the_list_once_by_start_and_id() {
    let (server, in_order) = blocked().await;
    let staff = server.staff();
    for size in 1..=6 {
        let (mut forwards, mut after) = (Vec::new(), Value::Null);
        let (mut backwards, mut before) = (Vec::new(), Value::Null);
        loop {
            let page = list(&staff, json!({ "first": size, "after": after })).await;
            assert_eq!(page["totalCount"], 5);
            forwards.extend(ids(&page));
            after = page["pageInfo"]["endCursor"].clone();
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
        }
        loop {
            let page = list(&staff, json!({ "last": size, "before": before })).await;
            backwards.splice(0..0, ids(&page));
            before = page["pageInfo"]["startCursor"].clone();
            if page["pageInfo"]["hasPreviousPage"] == false {
                break;
            }
        }
        assert_eq!((&forwards, &backwards), (&in_order, &in_order), "{size} a page");
    }
}

#[tokio::test]
async fn a_list_has_what_overlaps_a_span_and_not_what_touches_it() {
    let (server, in_order) = blocked().await;
    let staff = server.staff();
    let count = async |variables: Value| ids(&list(&staff, variables).await).len();
    assert_eq!(count(json!({ "from": at(10) })).await, 4);
    assert_eq!(count(json!({ "from": "2026-12-02T08:59:59Z" })).await, 5);
    assert_eq!(count(json!({ "to": at(12) })).await, 1);
    assert_eq!(count(json!({ "to": "2026-12-02T11:00:00.001Z" })).await, 3);
    assert_eq!(count(json!({ "from": at(13), "to": at(18) })).await, 1);
    assert_eq!(count(json!({ "from": at(14), "to": at(18) })).await, 0);
    assert_eq!(count(json!({ "resource": "res_a" })).await, 2);
    assert_eq!(ids(&list(&staff, json!({ "resource": "res_a", "from": at(13) })).await), in_order[4..]);
    // A block of a year is found from its last moment on.
    let year = block(&staff, "a", "2026-12-03T00:00:00Z", "2027-12-04T00:00:00Z").await;
    assert_eq!(ids(&list(&staff, json!({ "from": "2027-12-03T23:59:59.999Z" })).await), [year]);
    assert_eq!(count(json!({ "from": "2027-12-04T00:00:00Z" })).await, 0);
}

#[tokio::test]
async fn staff_see_the_blocks_of_their_organization_and_nobody_elses() {
    let (server, _) = blocked().await;
    let other = server.signed_in("eve", Role::Staff, "org_x");
    assert_eq!(list(&other, json!({})).await["totalCount"], 0);
    for resource in ["res_a", "res_none"] {
        let answer = other.send(LIST, json!({ "resource": resource })).await;
        assert_eq!((answer.code(), answer.body["data"]["blocks"].is_null()), ("NOT_FOUND", true));
    }
}

#[tokio::test]
async fn spans_and_cursors_that_are_none_are_refused() {
    let (server, _) = blocked().await;
    let staff = server.staff();
    let page = list(&staff, json!({ "first": 2 })).await;
    let cursor = &page["pageInfo"]["endCursor"];
    let sealed = |content: Value| {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(content.to_string())
    };
    let content: Value = {
        use base64::Engine as _;
        let decoded = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(cursor.as_str().unwrap()).unwrap();
        serde_json::from_slice(&decoded).unwrap()
    };
    let forged = |at: Value, id: &str| sealed(json!([content[0], at, id]));
    for refused in [
        json!({ "from": at(12), "to": at(12) }),
        json!({ "from": at(13), "to": at(12) }),
        json!({ "from": "yesterday" }),
        json!({ "to": "2100-01-01T00:00:00Z" }),
        json!({ "first": 201 }),
        json!({ "after": "x" }),
        // Of another list.
        json!({ "after": cursor, "resource": "res_a" }),
        json!({ "after": cursor, "from": at(1) }),
        // What is no number, or none that a database has.
        json!({ "after": forged(json!("x"), "blk_1") }),
        json!({ "after": forged(json!(1.5), "blk_1") }),
        json!({ "after": forged(json!(9_223_372_036_854_775_808_u64), "blk_1") }),
        json!({ "before": forged(json!(null), "blk_1") }),
        json!({ "before": forged(json!(1), "blk\u{0}") }),
    ] {
        assert_eq!(staff.send(LIST, refused.clone()).await.code(), "BAD_USER_INPUT", "{refused}");
    }
    for far in [i64::MAX, i64::MIN] {
        list(&staff, json!({ "after": forged(json!(far), "blk_1") })).await;
    }
}
