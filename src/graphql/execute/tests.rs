use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::*;
use crate::graphql::testing::engine;

async fn execute(query: &str, variables: Value) -> (bool, Value) {
    let Value::Object(variables) = variables else { panic!("variables are an object") };
    let operation = Operation { query: Some(query.to_owned()), variables, ..Operation::default() };
    let context = RequestContext {
        caller: Caller::Anonymous,
        address: ClientAddress(Ipv4Addr::LOCALHOST.into()),
        request_id: RequestId::new("req-1"),
        transport: Transport::Post,
    };
    let engine = engine();
    let answer = match engine.prepare(operation, context.address) {
        Ok(prepared) => engine.execute(prepared, context).await,
        Err(NotPrepared::Invalid(refused) | NotPrepared::UnknownDocument(refused)) => refused,
        Err(NotPrepared::TooOften(wait)) => panic!("{wait:?}, without limits"),
    };
    let executed = matches!(answer, Payload::Executed(_));
    (executed, serde_json::from_slice(&answer.response()).unwrap())
}

#[tokio::test]
async fn resolvers_find_who_asks_and_how() {
    let (executed, body) = execute("{ whoami transport requestId }", json!({})).await;
    assert!(executed);
    assert_eq!(body, json!({"data": {"whoami": null, "transport": "Post", "requestId": "req-1"}}));
}

#[tokio::test]
async fn what_is_invalid_is_told_without_being_executed() {
    for (query, variables, told) in [
        ("{ nothing }", json!({}), "Unknown field \"nothing\""),
        ("{ echo }", json!({}), "echo"),
        ("{ echo(text: 5) }", json!({}), "Invalid value for argument \"text\""),
        ("query ($a: String!) { echo(text: $a) }", json!({}), "a"),
        ("query ($a: String!) { echo(text: $a) }", json!({"a": 5}), "String"),
        ("{ echo(text: \"a\") { b } }", json!({}), "echo"),
        ("{ again }", json!({}), "again"),
        ("{ ...F }", json!({}), "F"),
    ] {
        let (executed, body) = execute(query, variables).await;
        assert!(!executed && body.get("data").is_none(), "{query}: {body}");
        assert_eq!(body["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{query}: {body}");
        assert!(body["errors"][0]["message"].as_str().unwrap().contains(told), "{query}: {body}");
    }
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_the_clients_fault_and_named_in_its_words() {
    let (executed, body) = execute("{ small(number: 1000) }", json!({})).await;
    assert!(executed);
    let error = &body["errors"][0];
    assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT");
    assert_eq!(error["message"], "Failed to parse \"Int\": Only integers from -128 to 127 are accepted.");
    assert_eq!(error["path"], json!(["small"]));
}

#[tokio::test]
async fn what_a_resolver_lets_slip_is_masked() {
    let (executed, body) = execute("{ echo(text: \"a\") leak }", json!({})).await;
    assert!(executed);
    assert_eq!(body["data"], json!({"echo": "a", "leak": null}));
    assert_eq!(body["errors"][0]["extensions"]["code"], "INTERNAL_SERVER_ERROR");
    assert_eq!(body["errors"][0]["path"], json!(["leak"]));
    let message = body["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("req-1") && !message.contains("hunter2"), "{message}");

    let (executed, body) = execute("{ leakHard }", json!({})).await;
    assert!(executed);
    assert_eq!(body["data"], Value::Null);
    assert!(!body.to_string().contains("hunter2"), "{body}");
}

#[tokio::test]
async fn what_the_gate_refuses_has_a_code_and_a_place() {
    let (executed, body) = execute("{ a( }", json!({})).await;
    assert!(!executed);
    assert_eq!(body["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
    assert_eq!(body["errors"][0]["locations"], json!([{"line": 1, "column": 6}]));
}

#[tokio::test]
async fn the_standard_introspection_query_passes() {
    let (executed, body) = execute(INTROSPECTION, json!({})).await;
    assert!(executed && body.get("errors").is_none(), "{body}");
    assert_eq!(body["data"]["__schema"]["queryType"]["name"], "Query");
}

/// As graphql-js 16 asks it, with all options.
const INTROSPECTION: &str = "
query IntrospectionQuery {
  __schema {
    description
    queryType { name } mutationType { name } subscriptionType { name }
    types { ...FullType }
    directives { name description isRepeatable locations args(includeDeprecated: true) { ...InputValue } }
  }
}
fragment FullType on __Type {
  kind name description specifiedByURL isOneOf
  fields(includeDeprecated: true) {
    name description args(includeDeprecated: true) { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason
  }
  inputFields(includeDeprecated: true) { ...InputValue }
  interfaces { ...TypeRef }
  enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
  possibleTypes { ...TypeRef }
}
fragment InputValue on __InputValue {
  name description type { ...TypeRef } defaultValue isDeprecated deprecationReason
}
fragment TypeRef on __Type {
  kind name
  ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
    ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } } }
}";
