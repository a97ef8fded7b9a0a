use super::*;

fn masked_error(error: ServerError) -> ServerError {
    let response = masked(Response::from_errors(vec![error]), &RequestId::new("req-1"));
    response.errors.into_iter().next().unwrap()
}

/// What a client reads of an error of the library's: found by its validation, and in the middle of an operation.
fn both_told(message: &str) -> [String; 2] {
    let invalid = ServerError::new(message, None);
    let mut failed = invalid.clone();
    failed.path = vec![PathSegment::Field("field".to_owned())];
    [masked_error(invalid).message, masked_error(failed).message]
}

#[test]
fn a_value_of_another_type_is_not_repeated() {
    for value in [r#""a secret, found out""#, "5", r#"{sessionSecret: "a secret"}"#] {
        let message = format!(r#"Expected input type "Int", found {value}. (occurred while parsing "Input")"#);
        for told in both_told(&message) {
            assert_eq!(told, r#"Expected input type "Int"."#);
        }
    }
}

#[test]
fn what_is_quoted_is_shortened() {
    let long = "ä".repeat(1_000_000);
    let short = format!("{}…", "ä".repeat(64));
    for (before, after) in [
        (r#"Failed to parse "State": Enumeration type does not contain value ""#, r#""."#),
        (r#"Failed to parse "Input": unknown field ""#, r#"" of type "State""#),
    ] {
        for told in both_told(&format!("{before}{long}{after}")) {
            assert_eq!(told, format!("{before}{short}{after}"));
        }
    }
    let invalid = |message: String| masked_error(ServerError::new(message, None)).message;
    let path = r#"Invalid value for argument "input.state", "#;
    let enumeration = r#"enumeration type "State" does not contain the value ""#;
    assert_eq!(invalid(format!("{path}{enumeration}{long}\"")), format!("{path}{enumeration}{short}\""));
    assert_eq!(invalid(format!("{path}{enumeration}ASLEEP\"")), format!("{path}{enumeration}ASLEEP\""));
    // Quotation marks in it help nobody.
    assert_eq!(invalid(format!("{enumeration}{}", "ä\"".repeat(1_000_000))).chars().count(), LONGEST_MESSAGE + 1);
}

#[test]
fn what_a_resolver_says_is_no_message_of_the_library_s() {
    let mut error =
        async_graphql::Error::new_with_source(std::fmt::Error).into_server_error(async_graphql::Pos::default());
    error.message = r#"Failed to parse "a secret""#.to_owned();
    error.path = vec![PathSegment::Field("field".to_owned())];
    assert_eq!(masked_error(error).message, fault_message(&RequestId::new("req-1")));
}
