use std::fmt::Write as _;

use async_graphql::Variables;
use async_graphql::parser::parse_query;
use async_graphql::parser::types::DocumentOperations;
use serde_json::json;

use super::*;
use crate::graphql::gate::variables::VariableSizes;

fn comes_to(query: &str, variables: serde_json::Value) -> u64 {
    let document = parse_query(query).unwrap();
    let operation = match &document.operations {
        DocumentOperations::Single(operation) => &operation.node,
        DocumentOperations::Multiple(operations) => &operations.values().next().unwrap().node,
    };
    let variables = Variables::from_json(variables);
    let sizes = VariableSizes::of(&document, &variables);
    Weights::of(&crate::graphql::sdl()).complexity(&document, &Arguments { operation, variables: &variables, sizes })
}

#[test]
fn lists_count_by_their_sizes_and_multiply() {
    for (query, expected) in [
        ("{ __typename }", 1),
        ("{ settings { quantumMinutes holdSeconds } }", 3),
        // 1 + 50 * (1 + 1), the list itself having been counted.
        ("{ resources { nodes { id } } }", 1 + 50 * 2),
        ("{ resources(first: 7) { edges { node { id name } cursor } } }", 1 + 7 * 5),
        ("{ resources(first: 7) { nodes { eventTypes { id } } } }", 1 + 7 * (1 + 1 + 10)),
        ("{ resources(last: 3, first: 2) { nodes { id } } }", 1 + 3 * 2),
        ("{ resources(first: 1000000) { nodes { id } } }", 1 + 200 * 2),
        ("{ resources(first: -1) { nodes { id } } }", 1 + 2),
        (
            "{ resource(id: \"a\") { eventTypes { resources(first: 100) { nodes { id } } } } }",
            1 + 1 + 10 * (1 + 100 * 2),
        ),
        ("{ daySlots(resourceId: \"a\", date: \"2026-12-01\") { slots { start end } } }", 20 + 1 + 48 * 2),
        (
            "subscription { daySlotsChanged(resourceId: \"a\", date: \"2026-12-01\") { slots { start end } } }",
            20 + 1 + 48 * 2,
        ),
        (
            "{ monthAvailability(resourceId: \"a\", from: \"2026-12-01\", to: \"2026-12-31\") { days { date } } }",
            50 + 31 * 2,
        ),
        ("{ monthAvailability(resourceId: \"a\", from: \"x\", to: \"2026-12-31\") { days { date } } }", 50 + 93 * 2),
        (
            "{ presenceBetween(resourceId: \"a\", from: \"2026-12-01\", to: \"2026-12-07\") { holds { id } } }",
            1 + 7 * (1 + 10),
        ),
        ("{ presenceBetween(resourceId: \"a\", from: \"2020-12-01\", to: \"2026-12-07\") { id } }", 1 + 42),
        ("{ bookings(first: 100) { nodes { id history { at } } } }", 1 + 100 * (1 + 1 + 1 + 10)),
        ("{ myBookings(last: 3) { edges { node { id } } } }", 1 + 3 * 3),
        (
            "{ bookingStats(from: \"a\", to: \"b\") { byStatus { count } byResource { openMinutes } } }",
            500 + 1 + 8 + 1 + 100,
        ),
        ("{ unknown { fields { count } once } }", 1),
        ("{ __schema { types { name } } }", 2_000),
        ("{ __type(name: \"Query\") { name } a: __type(name: \"Query\") { name } }", 200),
    ] {
        assert_eq!(comes_to(query, json!({})), expected, "{query}");
    }
}

#[test]
fn types_that_lead_to_types_multiply() {
    for (query, expected) in [
        (
            "{ __schema { types { fields { args { type { ofType { name } } } type { name } } inputFields { name } } } }",
            2_000,
        ),
        ("{ __schema { types { fields { type { fields { name } } } } } }", 20_000),
        (
            "{ __schema { types { ...F } } } fragment F on __Type { fields { ...G } } fragment G on __Field { type { ... { possibleTypes { fields { name } } } } }",
            200_000,
        ),
        ("{ __type(name: \"Query\") { fields { type { a: fields { type { name } } } } } }", 1_000),
        (
            "{ __type(name: \"Query\") { fields { type { fields { args { type { inputFields { name } } } } } } } }",
            10_000,
        ),
    ] {
        assert_eq!(comes_to(query, json!({})), expected, "{query}");
    }
}

#[test]
fn sizes_may_be_variables() {
    let query = "query ($n: Int = 4, $from: Date!) {
        resources(first: $n) { nodes { id } }
        presenceBetween(resourceId: \"a\", from: $from, to: \"2026-12-07\") { id }
    }";
    let of = |variables| comes_to(query, variables);
    assert_eq!(of(json!({ "from": "2026-12-05" })), 1 + 4 * 2 + 1 + 3);
    assert_eq!(of(json!({ "from": "2026-12-05", "n": 9 })), 1 + 9 * 2 + 1 + 3);
    assert_eq!(of(json!({ "from": "2026-12-05", "n": null })), 1 + 50 * 2 + 1 + 3);
    assert_eq!(comes_to("query ($n: Int) { resources(first: $n) { nodes { id } } }", json!({})), 1 + 50 * 2);
}

#[test]
fn what_a_field_is_given_counts_wherever_it_is_read() {
    let query = "query ($x: String) { eventTypes(first: 20) { nodes { resources(after: $x) { totalCount } } } }";
    let of = |kib: usize| comes_to(query, json!({ "x": "x".repeat(kib * 1024) }));
    assert_eq!(of(0), 1 + 20 * (1 + 1 + 50));
    assert_eq!(of(100) - of(0), 20 * 100);
}

#[test]
fn fragments_count_where_they_are_spread() {
    let query = "query { resources(first: 3) { ...Page ...Page ... on ResourceConnection { nodes { id } } ... { nodes { id } } } }
        fragment Page on ResourceConnection { nodes { ...Node } }
        fragment Node on Resource { id name }";
    assert_eq!(comes_to(query, json!({})), 1 + 3 * (3 + 3 + 2 + 2));
}

#[test]
fn what_doubles_without_end_saturates_and_each_fragment_is_reckoned_once() {
    let mut query = String::from("{ resource(id: \"a\") { ...F0 } }");
    for number in 0..200 {
        let next = number + 1;
        write!(query, "fragment F{number} on Resource {{ eventTypes {{ resources(first: 200) {{ nodes {{ ...F{next} ...F{next} }} }} }} }} ").unwrap();
    }
    query.push_str("fragment F200 on Resource { id }");
    // Were fragments expanded, this would not end.
    assert_eq!(comes_to(&query, json!({})), u64::MAX);
}

#[test]
fn whatever_the_table_names_is_in_the_schema() {
    let weights = Weights::of(&crate::graphql::sdl());
    for (parent, field, _) in LENGTHS {
        assert!(weights.types[parent].contains_key(field), "{parent}.{field}");
    }
    for (field, _) in LABOURS {
        let roots = ["Query", "Subscription"];
        assert!(roots.iter().any(|root| weights.types[*root].contains_key(field)), "{field}");
    }
}

#[test]
fn a_calendar_is_far_below_the_limit() {
    let month = "query { monthAvailability(resourceId: \"a\", from: \"2026-12-01\", to: \"2026-12-31\") { id days { date available slots } } }";
    assert!(comes_to(month, json!({})) < 500);
    // A week of every detail.
    let mut days = String::new();
    for day in 1..8 {
        let detail = "id slots { start end remaining reason }";
        write!(days, "d{day}: daySlots(resourceId: \"a\", date: \"2026-12-0{day}\") {{ {detail} }} ").unwrap();
    }
    assert!(comes_to(&format!("{{ {days} }}"), json!({})) < 2_000);
}
