use std::fmt::Write as _;

use super::*;

fn refused(query: &str) -> String {
    match check(query, None, &Variables::default(), &Limits::default()) {
        Ok(_) => panic!("{query:.200} passed"),
        Err(refused) => refused.message,
    }
}

fn passes(query: &str) -> OperationKind {
    match check(query, None, &Variables::default(), &Limits::default()) {
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
    let refused = check(&query, Some("Q"), &Variables::default(), &Limits::default()).unwrap_err();
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
        check(query, name, &Variables::default(), &Limits::default())
            .map(|passed| passed.kind)
            .map_err(|refused| refused.message)
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
        check(query, None, &Variables::from_json(variables), &Limits::default())
            .map(|_| ())
            .map_err(|refused| refused.message)
    };
    let missing = Err("The variable `$a` needs a value that is not null.".to_owned());
    assert_eq!(given("query ($a: Int!) { b }", serde_json::json!({})), missing);
    assert_eq!(given("query ($a: Int! = 1) { b }", serde_json::json!({"a": null})), missing);
    assert_eq!(given("query ($a: Int!) { b }", serde_json::json!({"a": 1})), Ok(()));
    assert_eq!(given("query ($a: Int! = 1, $b: Int) { b }", serde_json::json!({})), Ok(()));
}

#[test]
fn sizes_of_pages_without_a_value_are_told_wherever_they_are() {
    let query = "query Q($a: Int, $b: Int, $c: Int = 5, $d: Int, $e: Int) {
            x(first: $a) { y(last: $b, other: $e) } ... on Q { x(first: $c) } ...F }
        fragment F on Q { x(first: $d, after: $e) }";
    let mut variables = Variables::default();
    variables.insert(Name::new("d"), Value::from(3));
    let passed = check(query, None, &variables, &Limits::default()).map_err(|refused| refused.message).unwrap();
    let mut unset: Vec<_> = passed.unset_sizes.iter().map(Name::as_str).collect();
    unset.sort_unstable();
    assert_eq!(unset, ["a", "b"]);
}
