use async_graphql::parser::parse_query;
use serde_json::json;

use super::*;
use crate::graphql::gate::{Gate, Limits};

/// The size of the only argument in `document`.
fn size_of_argument(document: &str, variables: serde_json::Value) -> u64 {
    let document = parse_query(document).unwrap();
    let variables = Variables::from_json(variables);
    let sizes = VariableSizes::of(&document, &variables);
    let (_, operation) = document.operations.iter().next().unwrap();
    let selection = &operation.node.selection_set.node.items[0].node;
    let async_graphql::parser::types::Selection::Field(field) = selection else { panic!("no field") };
    sizes.arguments(&field.node.arguments)
}

#[test]
fn text_counts_by_its_length_and_each_value_eight() {
    for (literal, json, expected) in [
        ("1", json!(1), 8),
        ("null", json!(null), 8),
        ("\"ä\"", json!("ä"), 8 + 2),
        ("[]", json!([]), 8),
        ("[1, true, [1.5]]", json!([1, true, [1.5]]), 8 * 5),
        ("{ name: \"abc\", list: [1] }", json!({ "name": "abc", "list": [1] }), 8 * 4 + 4 + 3 + 4),
    ] {
        assert_eq!(size_of_argument(&format!("{{ a(x: {literal}) }}"), json!({})), expected, "{literal}");
        let variable = "query ($x: T) { a(x: $x) }";
        assert_eq!(size_of_argument(variable, json!({ "x": json })), expected, "{literal} as a variable");
        let default = format!("query ($x: T = {literal}) {{ a(x: $x) }}");
        assert_eq!(size_of_argument(&default, json!({})), expected, "{literal} by default");
    }
    assert_eq!(size_of_argument("{ a(x: STATE) }", json!({})), 8 + 5);
    assert_eq!(size_of_argument("query ($x: T) { a(x: $x) }", json!({})), 8);
    assert_eq!(size_of_argument("query ($x: T = \"abc\") { a(x: $x) }", json!({ "x": null })), 8);
}

#[test]
fn each_use_of_a_variable_counts() {
    let of = |document: &str| size_of_argument(document, json!({ "x": "x".repeat(92) }));
    assert_eq!(of("query ($x: T) { a(x: $x, y: $x) }"), 200);
    assert_eq!(of("query ($x: T) { a(x: [$x, $x, { y: $x }]) }"), 8 + 100 + 100 + 8 + 1 + 100);
    assert_eq!(of("query ($x: T) { a(x: [$y]) }"), 16);
    // Another operation's default may be what the library puts in.
    let two = "query A ($y: T) { a(x: $y) } query B ($y: T = \"abc\") { a(x: $y) }";
    assert_eq!(of(two), 8 + 3);
}

/// Whether an operation passes that may have so many bytes of arguments.
fn passes(most: u64, query: &str, variables: serde_json::Value) -> bool {
    let limits = Limits { arguments: most, ..Limits::default() };
    let gate = Gate::new(limits, "type Query { a(x: String): Query list: [Query] }");
    match gate.check(query, Some("Q"), &Variables::from_json(variables)) {
        Ok(_) => true,
        Err(refused) => {
            let message = async_graphql::ServerError::from(refused).message;
            assert!(message.starts_with(&format!("The arguments come to more than {most} bytes")), "{message}");
            false
        }
    }
}

#[test]
fn uses_count_wherever_they_are() {
    for query in [
        "query Q ($x: T) { a(x: $x) b(x: $x) }",
        "query Q ($x: T) { a(x: $x) { a(x: $x) } }",
        "query Q ($x: T) { a(x: [$x, $x]) }",
        "query Q ($x: T) { ... @include(if: $x) { a(x: $x) } }",
        "query Q ($x: T) { ...F @include(if: $x) a @skip(if: $x) } fragment F on T { a }",
        "query Q ($x: T) @d(x: $x) { a(x: $x) }",
        "query Q ($x: T, $y: T @d(x: [$x, $x])) { a }",
        "query Q ($x: T) { ...F ...F } fragment F on T { a(x: $x) }",
        "query Q ($x: T) { ...F } fragment F on T @d(x: $x) { ...G } fragment G on T { a(x: $x) }",
        "query Q ($x: T) { a } query R ($x: T) { a(x: [$x, $x]) }",
        "query Q ($x: T) { a } fragment F on T { a(x: $x) } fragment G on T { a(x: $x) }",
    ] {
        let variables = json!({ "x": "x".repeat(92) });
        assert!(!passes(199, query, variables.clone()), "{query}");
        assert!(passes(230, query, variables), "{query}");
    }
}

#[test]
fn a_whole_body_may_be_used_once_and_little_often() {
    let most = Limits::default().arguments;
    let once = "query Q ($x: T) { a(x: $x) }";
    for variables in [json!("x".repeat(1_000_000)), json!(vec![1; 500_000]), json!(vec![""; 330_000])] {
        assert!(passes(most, once, json!({ "x": variables })));
    }
    let often = format!("query Q ($x: T) {{ a(x: [{}]) }}", "$x ".repeat(1_900));
    assert!(passes(most, &often, json!({ "x": "x".repeat(2_000) })));
    assert!(!passes(most, &often, json!({ "x": "x".repeat(64 * 1024) })));
    assert!(!passes(most, &often, json!({ "x": vec![1; 32 * 1024] })));
    let default = format!("query Q ($x: T = \"{}\") {{ a(x: [{}]) }}", "x".repeat(32 * 1024), "$x ".repeat(1_900));
    assert!(!passes(most, &default, json!({})));
}
