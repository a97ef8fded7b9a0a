//! Whose web pages may use the server (the Fetch standard's CORS; RFC 6455, 10.2 for WebSockets).

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::config::Origins;

/// How long browsers may remember what they are allowed.
const MAX_AGE: Duration = Duration::from_hours(1);

/// Answers browsers that ask whether a page of another origin may use the server. No cookies are in play. `None`: none may,
/// which is what browsers take from an answer that says nothing of it.
pub(super) fn cors(origins: &Origins) -> Option<CorsLayer> {
    let origins = match origins {
        Origins::Own => return None,
        Origins::Any => AllowOrigin::any(),
        Origins::Listed(listed) => {
            AllowOrigin::list(listed.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()))
        }
    };
    let layer = CorsLayer::new()
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::ACCEPT,
            super::layers::REQUEST_ID,
            // What Apollo and urql add on their own.
            HeaderName::from_static("apollo-require-preflight"),
            HeaderName::from_static("x-apollo-operation-name"),
            HeaderName::from_static("apollographql-client-name"),
            HeaderName::from_static("apollographql-client-version"),
        ])
        .expose_headers([super::layers::REQUEST_ID, header::RETRY_AFTER])
        .max_age(MAX_AGE)
        .allow_origin(origins);
    Some(layer)
}

/// Whether a page of the origin in `headers` may open a WebSocket, which browsers do not ask about before. Whoever
/// sends no `Origin` is no browser.
pub(super) fn may_connect(origins: &Origins, headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    match origins {
        Origins::Any => true,
        Origins::Own => is_own(origin, headers),
        Origins::Listed(listed) => listed.iter().any(|allowed| allowed == origin) || is_own(origin, headers),
    }
}

/// Whether the page is one that this server served: GraphiQL.
fn is_own(origin: &str, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = origin.parse::<Uri>().ok().and_then(|uri| uri.authority().map(ToString::to_string));
    host.is_some() && authority.as_deref() == host
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connects(origins: &Origins, origin: Option<&'static str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("slots.example:8080"));
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
        }
        may_connect(origins, &headers)
    }

    #[test]
    fn a_page_may_connect_if_it_is_listed_or_our_own() {
        let listed = Origins::Listed(vec!["https://app.example".into()]);
        for right in [None, Some("https://app.example"), Some("http://slots.example:8080")] {
            assert!(connects(&listed, right), "{right:?}");
        }
        for wrong in ["https://evil.example", "null", "https://app.example.evil", "http://slots.example"] {
            assert!(!connects(&listed, Some(wrong)), "{wrong}");
        }
        assert!(connects(&Origins::Any, Some("https://evil.example")));
    }

    #[test]
    fn without_a_list_only_our_own_pages_may_connect() {
        assert!(connects(&Origins::Own, None));
        assert!(connects(&Origins::Own, Some("http://slots.example:8080")));
        assert!(!connects(&Origins::Own, Some("https://evil.example")));
    }
}
