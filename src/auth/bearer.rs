//! Where a request carries its token (RFC 6750, 2.1), and the same in `connection_init` of a WebSocket.

use http::{HeaderMap, header};
use serde_json::Value;

/// A token that is not valid. Deliberately says no more: whoever tries tokens learns nothing from the answer.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct InvalidToken;

/// What a request shows of its caller.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Bearer<'a> {
    /// No token: nobody in particular.
    Nobody,
    /// A token, yet to be verified.
    Token(&'a str),
}

/// The token in the `Authorization` header.
///
/// # Errors
///
/// There is such a header, but it is not one bearer token.
pub fn from_header(headers: &HeaderMap) -> Result<Bearer<'_>, InvalidToken> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(Bearer::Nobody),
        (Some(value), None) => value.to_str().map_err(|_| InvalidToken).and_then(credentials),
        (Some(_), Some(_)) => Err(InvalidToken),
    }
}

/// The token in the payload of `connection_init`: `{"Authorization": "Bearer …"}`, the name in any case, also within
/// `headers`, as GraphiQL and Apollo send it.
///
/// # Errors
///
/// There is such a member, but it is not a bearer token.
pub fn from_init_payload(payload: &Value) -> Result<Bearer<'_>, InvalidToken> {
    match authorization(payload).or_else(|| payload.get("headers").and_then(authorization)) {
        None | Some(Value::Null) => Ok(Bearer::Nobody),
        Some(Value::String(text)) => credentials(text),
        Some(_) => Err(InvalidToken),
    }
}

fn authorization(of: &Value) -> Option<&Value> {
    let members = of.as_object()?;
    members.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization")).map(|(_, value)| value)
}

fn credentials(text: &str) -> Result<Bearer<'_>, InvalidToken> {
    match text.trim().split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Bearer::Token(token.trim_start())),
        _ => Err(InvalidToken),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::json;

    use super::*;

    fn header(values: &[&str]) -> Result<bool, InvalidToken> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        from_header(&headers).map(|bearer| bearer == Bearer::Token("a.b.c"))
    }

    #[test]
    fn a_header_is_a_bearer_token_or_an_error() {
        assert_eq!(header(&[]), Ok(false));
        assert_eq!(header(&["Bearer a.b.c"]), Ok(true));
        assert_eq!(header(&["bearer  a.b.c"]), Ok(true));
        for wrong in ["", "Bearer", "a.b.c", "Basic dXNlcjpwYXNz"] {
            assert_eq!(header(&[wrong]), Err(InvalidToken), "{wrong}");
        }
        assert_eq!(header(&["Bearer a.b.c", "Bearer a.b.c"]), Err(InvalidToken));
    }

    #[test]
    fn a_socket_says_it_in_its_first_message() {
        for payload in [
            json!({"Authorization": "Bearer a.b.c"}),
            json!({"authorization": "Bearer a.b.c"}),
            json!({"headers": {"authorization": "Bearer a.b.c"}}),
        ] {
            assert_eq!(from_init_payload(&payload), Ok(Bearer::Token("a.b.c")), "{payload}");
        }
        for payload in [json!(null), json!({}), json!({"headers": {}}), json!({"Authorization": null})] {
            assert_eq!(from_init_payload(&payload), Ok(Bearer::Nobody), "{payload}");
        }
        for payload in [json!({"Authorization": 5}), json!({"Authorization": "a.b.c"})] {
            assert_eq!(from_init_payload(&payload), Err(InvalidToken), "{payload}");
        }
    }
}
