use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::json;

use super::*;

/// For a schema of which nothing is used: what is not in it counts as it stands.
fn gate() -> Gate {
    Gate::new(Limits::default(), "type Query { nothing: Int }")
}

fn refused(query: &str) -> String {
    match gate().check(query, None, &Variables::default()) {
        Ok(_) => panic!("{query:.200} passed"),
        Err(refused) => refused.message,
    }
}

fn passes(query: &str) -> OperationKind {
    match gate().check(query, None, &Variables::default()) {
        Ok(passed) => passed.kind,
        Err(refused) => panic!("{query:.200} was refused: {}", refused.message),
    }
}

#[test]
fn ordinary_documents_pass() {
    assert_eq!(passes("{ a }"), OperationKind::Query);
    assert_eq!(passes("mutation { a b: a }"), OperationKind::Mutation);
    assert_eq!(
        passes("subscription ($a: Int = 1) { a(x: $a) { ...F } } fragment F on T { b }"),
        OperationKind::Subscription
    );
}

#[test]
fn a_document_that_has_passed_is_kept_and_looked_at_anew_each_time() {
    let query = "query One($a: Int!) { a(x: $a) } mutation Two { b }";
    let (gate, given) = (gate(), Variables::from_json(json!({ "a": 1 })));
    assert!(gate.check("{ a", None, &given).is_err() && gate.documents.find("{ a").is_none());
    assert!(gate.check(query, Some("None"), &given).is_err() && gate.documents.find(query).is_none());
    assert_eq!(gate.check(query, Some("One"), &given).unwrap().kind, OperationKind::Query);
    let kept = gate.documents.find(query).unwrap();
    assert_eq!(gate.check(query, Some("Two"), &given).unwrap().kind, OperationKind::Mutation);
    assert!(Arc::ptr_eq(&kept, &gate.documents.find(query).unwrap()), "it was read once");
    // What depends on more than the document is refused all the same.
    assert!(gate.check(query, Some("One"), &Variables::default()).is_err());
    assert!(gate.check(query, None, &given).is_err());
}

#[test]
fn a_document_is_known_to_be_valid_with_the_kinds_of_values_it_was_valid_with() {
    let (gate, query) = (gate(), "query ($a: ID, $b: Int = 1) { a(a: $a, b: $b) }");
    let validity = |query, variables| gate.check(query, None, &Variables::from_json(variables)).unwrap().validity;
    let is_known = |variables| validity(query, variables).unwrap().is_known();
    assert!(!is_known(json!({ "a": "1", "b": 1 })));
    validity(query, json!({ "a": "1", "b": 1 })).unwrap().found();
    for (variables, expected) in [
        (json!({ "a": "2", "b": 7, "c": [] }), true),
        (json!({ "a": 2, "b": 7 }), false),
        (json!({ "a": true, "b": 7 }), false),
        (json!({ "a": null, "b": 7 }), false),
        (json!({ "b": 7 }), false),
        (json!({ "a": "2", "b": -7 }), false),
        (json!({ "a": "2" }), false),
    ] {
        assert_eq!(is_known(variables.clone()), expected, "{variables}");
    }
    validity(query, json!({ "a": 2 })).unwrap().found();
    assert!(is_known(json!({ "a": 3 })) && is_known(json!({ "a": "1", "b": 1 })) && !is_known(json!({})));
    assert!(validity("{ other }", json!({})).is_some_and(|validity| !validity.is_known()));
}

#[test]
fn what_more_is_asked_of_than_its_kind_is_never_known_to_be_valid() {
    for (query, variables) in [
        ("query ($a: Status) { a(a: $a) }", json!({ "a": "OPEN" })),
        ("query ($a: [ID!]) { a(a: $a) }", json!({ "a": "1" })),
        ("query ($a: Input!) { a(a: $a) }", json!({ "a": { "b": 1 } })),
        ("query ($a: ID) { a(a: $a) }", json!({ "a": [] })),
        ("query ($a: ID) { a(a: { b: $a }) }", json!({ "a": "1" })),
        ("query ($a: ID) { ...F } fragment F on Query { b { a(a: [[$a]]) } }", json!({ "a": "1" })),
        ("query ($a: Int) { a(a: $a) }", json!({ "a": 1.5 })),
        ("query ($a: Int) { a(a: $a) }", json!({ "a": 18_446_744_073_709_551_615_u64 })),
    ] {
        let passed = gate().check(query, None, &Variables::from_json(variables)).unwrap();
        assert!(passed.validity.is_none(), "{query}");
    }
    let two = gate().check("query A { a } query B($b: ID) { a(b: $b) }", Some("A"), &Variables::default()).unwrap();
    assert!(two.validity.is_none());
}

#[test]
fn doubling_fragments_are_refused_at_once() {
    let mut query = String::from("{ ...F0 }");
    for number in 0..30 {
        let next = number + 1;
        write!(query, "fragment F{number} on Q {{ ...F{next} ...F{next} }} ").unwrap();
    }
    query.push_str("fragment F30 on Q { a }");
    assert!(query.len() < 2_000);
    assert_eq!(
        refused(&query),
        "The document has more than 5000 fields once its fragments are expanded. Ask for less at once."
    );
}

#[test]
fn unused_fragments_count_too() {
    let mut query = String::from("{ a }");
    for number in 0..40 {
        let next = number + 1;
        write!(query, "fragment F{number} on Q {{ ...F{next} ...F{next} }} ").unwrap();
    }
    assert!(refused(&query).starts_with("The document has more than 5000 fields"));
}

#[test]
fn so_do_the_other_operations() {
    let fields = "a ".repeat(200);
    let mut query = format!("query Q {{ a }} fragment F on Q {{ {fields} }} ");
    for number in 0..30 {
        write!(query, "query Q{number} {{ ...F }} ").unwrap();
    }
    let refused = gate().check(&query, Some("Q"), &Variables::default()).unwrap_err();
    assert!(refused.message.starts_with("The document has more than 5000 fields"));
}

#[test]
fn depth_is_measured_with_fragments_expanded() {
    let nested = |depth: usize| format!("{}a{}", "{ a ".repeat(depth), " }".repeat(depth));
    passes(&nested(19));
    assert_eq!(refused(&nested(21)), "The document is nested too deeply; 20 levels of fields are accepted.");
    assert_eq!(refused(&nested(200)), refused(&nested(21)));

    let mut chain = String::from("{ ...F0 }");
    for number in 0..21 {
        write!(chain, "fragment F{number} on Q {{ a {{ ...F{} }} }} ", number + 1).unwrap();
    }
    chain.push_str("fragment F21 on Q { a }");
    assert_eq!(refused(&chain), refused(&nested(21)));
}

#[test]
fn deep_brackets_never_reach_the_parser() {
    for opening in ["{", "[", "(", "{a", "{a(b:[", "query($a:["] {
        let message = refused(&opening.repeat(1_500));
        assert!(message.contains("nested too deeply"), "{opening}: {message}");
    }
    assert!(refused(&"{ a ".repeat(30_000)).contains("bytes"));
}

#[test]
fn fragments_that_contain_themselves_are_refused() {
    for query in [
        "{ ...A } fragment A on Q { ...A }",
        "{ ...A } fragment A on Q { a { ...B } } fragment B on Q { ... on Q { ...A } }",
        "{ a } fragment A on Q { ...B } fragment B on Q { ...A }",
    ] {
        assert!(refused(query).ends_with("contains itself."), "{query}");
    }
}

#[test]
fn aliases_directives_tokens_and_bytes_are_counted() {
    let aliases = |count: usize| (0..count).fold(String::from("{"), |query, n| format!("{query} a{n}: a")) + "}";
    passes(&aliases(60));
    assert!(refused(&aliases(61)).contains("more than 60 aliases"));
    assert!(refused(&aliases(5_000)).contains("more than 4000 tokens"));
    assert!(refused(&format!("{{ a {} }}", "@d ".repeat(101))).contains("more than 100 directives"));
    assert!(refused(&format!("query {} {{ a }}", "@d ".repeat(101))).contains("more than 100 directives"));
    assert!(refused(&format!("{{ a }} # {}", "x".repeat(65_536))).contains("at most 65536 are accepted"));
    assert!(refused("...A".repeat(4_001).as_str()).contains("more than 4000 tokens"));
}

#[test]
fn strings_and_comments_are_not_looked_into() {
    let brackets = "{".repeat(500);
    passes(&format!("{{ a(b: \"{brackets}\\\" {brackets}\") }}"));
    passes(&format!("{{ a(b: \"\"\"{brackets}\" \\\"\"\" {brackets}\"\"\") }}"));
    passes(&format!("{{ a # {brackets}\n }}"));
    assert!(refused("{ a(b: \"").contains("cannot be read"));
    assert!(refused("{ a(b: \"\\").contains("cannot be read"));
    assert!(refused("{ a(b: \"\"\"\\\"\"").contains("cannot be read"));
}

#[test]
fn what_cannot_be_read_is_told_in_one_line() {
    for (query, message) in [
        ("", "The document cannot be read at line 1, column 1: expected executable definition."),
        ("{ a", "The document cannot be read at line 1, column 4: expected"),
        ("{\n  a(\n}", "The document cannot be read at line 3, column 1: expected"),
        ("fragment F on Q { a }", "The document cannot be read: there is no operation in it."),
        ("{ a } query B { a }", "an operation without a name must be the only one in its document."),
        ("query A { a } query A { a }", "the operation `A` is there twice."),
        ("{ a } fragment F on Q { a } fragment F on Q { a }", "the fragment `F` is there twice."),
    ] {
        let told = refused(query);
        assert!(told.contains(message) && !told.contains('\n') && !told.contains('_'), "{query}: {told}");
    }
}

#[test]
fn one_operation_is_chosen_by_name() {
    let named = |query: &str, name: Option<&str>| {
        gate().check(query, name, &Variables::default()).map(|passed| passed.kind).map_err(|refused| refused.message)
    };
    let two = "query A { a } mutation B { b }";
    assert_eq!(named(two, Some("A")), Ok(OperationKind::Query));
    assert_eq!(named(two, Some("B")), Ok(OperationKind::Mutation));
    assert!(named(two, Some("C")).unwrap_err().contains("no operation named `C`"));
    assert!(named(two, None).unwrap_err().contains("say in `operationName`"));
    assert_eq!(named("query A { a }", None), Ok(OperationKind::Query));
    assert!(named("{ a }", Some("A")).unwrap_err().contains("no operation named `A`"));
}

#[test]
fn a_mutation_does_nothing_twice_under_one_name() {
    for query in [
        "mutation { a a }",
        "mutation { a b: c c: b b: a }",
        "mutation { a ... on M { a } }",
        "mutation { ...F ...F } fragment F on M { a }",
        "mutation { a(x: 1) a(x: 2) @skip(if: true) }",
    ] {
        assert!(refused(query).contains("twice. Give one of them an alias"), "{query}");
    }
    passes("mutation { a b: a c { a a } }");
    passes("{ a a }");
}

#[test]
fn a_variable_that_is_needed_must_have_a_value() {
    let given = |query: &str, variables: serde_json::Value| {
        gate().check(query, None, &Variables::from_json(variables)).map(|_| ()).map_err(|refused| refused.message)
    };
    let missing = Err("The variable `$a` needs a value that is not null.".to_owned());
    assert_eq!(given("query ($a: Int!) { b }", json!({})), missing);
    assert_eq!(given("query ($a: Int! = 1) { b }", json!({"a": null})), missing);
    assert_eq!(given("query ($a: Int!) { b }", json!({"a": 1})), Ok(()));
    assert_eq!(given("query ($a: Int! = 1, $b: Int) { b }", json!({})), Ok(()));
}

#[test]
fn lists_within_lists_are_refused_by_what_they_come_to() {
    let gate = Gate::new(Limits { complexity: 5_000, ..Limits::default() }, &crate::graphql::sdl());
    let check = |query: &str, variables| gate.check(query, None, &Variables::from_json(variables)).map(|_| ());
    let query = "query ($n: Int) { resources(first: $n) { nodes { eventTypes { id } } } }";
    assert!(check(query, json!({ "n": 50 })).is_ok());
    let refused = check("{ resources(first: 200) { nodes { eventTypes { resources { nodes { id } } } } } }", json!({}));
    assert!(refused.unwrap_err().message.starts_with("The operation comes to more than 5000"));
    let deeper = "query ($n: Int) { resources(first: $n) { nodes { eventTypes { id title slug } name slug } } }";
    assert!(check(deeper, json!({ "n": 100 })).is_ok());
    assert!(check(deeper, json!({ "n": 200 })).is_err());
    // Of several operations, only the one that is asked for counts.
    let two = format!("query A {{ settings {{ quantumMinutes }} }} {}", deeper.replace("query", "query B"));
    let variables = Variables::from_json(json!({ "n": 200 }));
    assert!(gate.check(&two, Some("A"), &variables).is_ok());
    assert!(gate.check(&two, Some("B"), &variables).is_err());
}

#[test]
fn the_schema_is_nobody_s_business_where_introspection_is_off() {
    let gate = Gate::new(Limits { introspection: false, ..Limits::default() }, "type Query { a: Int }");
    for query in [
        "{ __schema { types { name } } }",
        "{ a __type(name: \"Query\") { name } }",
        "{ ... on Query { b: __schema { types { name } } } }",
        "{ a ...F } fragment F on Query { __schema { types { name } } }",
        "query A { a } query B { __type(name: \"Query\") { name } }",
    ] {
        let refused = gate.check(query, query.starts_with("query").then_some("A"), &Variables::default()).unwrap_err();
        assert!(refused.message.starts_with("Introspection is switched off"), "{query}: {}", refused.message);
    }
    assert!(gate.check("{ a __typename }", None, &Variables::default()).is_ok());
    passes("{ __schema { types { name } } }");
}

/// What an operation takes: of queries, heartbeats and changes.
fn takes(query: &str) -> (u32, usize, u32) {
    let Demand { queries, heartbeats, changes } = gate().check(query, None, &Variables::default()).unwrap().demand;
    (queries, heartbeats.len(), changes)
}

#[test]
fn each_field_at_the_root_takes_of_a_budget() {
    for (query, expected) in [
        ("{ a }", (1, 0, 0)),
        ("{ __typename }", (1, 0, 0)),
        ("{ a b c: a { d e } __typename }", (3, 0, 0)),
        ("subscription { a }", (1, 0, 0)),
        ("{ ...F ...F } fragment F on Query { a ... on Query { b } }", (4, 0, 0)),
        ("mutation { createBooking { id } }", (0, 0, 1)),
        ("mutation { a: createBooking b: createBooking c: cancelBooking }", (0, 0, 3)),
        ("mutation { heartbeat }", (0, 1, 0)),
        ("mutation { leave a: heartbeat book: createBooking __typename }", (0, 2, 1)),
        ("mutation { __typename }", (1, 0, 0)),
    ] {
        assert_eq!(takes(query), expected, "{query}");
    }
}

#[test]
fn the_budget_of_heartbeats_is_for_mutations_that_exist() {
    let sdl = crate::graphql::sdl();
    for name in demand::HEARTBEATS {
        assert!(sdl.contains(&format!("\t{name}(")), "{name}");
    }
}

#[test]
fn a_session_is_found_in_literals_and_variables() {
    let sessions = |query: &str, variables| {
        let passed = gate().check(query, None, &Variables::from_json(variables)).unwrap();
        let secret = |secret: &Option<secrecy::SecretString>| {
            secret.as_ref().map(|secret| secrecy::ExposeSecret::expose_secret(secret).to_owned())
        };
        passed.demand.heartbeats.iter().map(secret).collect::<Vec<_>>()
    };
    let whole = "mutation ($input: I!) { heartbeat(input: $input) { granted } }";
    let found = vec![Some("mine".to_owned())];
    assert_eq!(sessions(whole, json!({ "input": { "sessionSecret": "mine" } })), found);
    let part =
        "mutation ($secret: S = \"mine\") { leave(input: { resourceId: \"a\", sessionSecret: $secret }) { released } }";
    assert_eq!(sessions(part, json!({})), found);
    assert_eq!(sessions("mutation { leave(input: { sessionSecret: \"mine\" }) }", json!({})), found);
    assert_eq!(
        sessions("mutation ($input: I = { sessionSecret: \"mine\" }) { leave(input: $input) }", json!({})),
        found
    );
    assert_eq!(sessions("mutation { leave(input: { sessionSecret: 5 }) b: leave }", json!({})), [None, None]);
}
