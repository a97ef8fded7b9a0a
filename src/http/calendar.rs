//! `/calendars/KEY.ics`: what calendar programs read that subscribe to a feed.
//!
//! Whoever knows the address may read. So the key in it is a secret, which is neither logged nor told again. A wrong one
//! costs what any query does and nothing more: keys are too many to be guessed, and any page could have its visitors'
//! browsers ask for made-up ones, who must not be kept from signing in for that.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, StatusCode, header};
use sha2::{Digest as _, Sha256};

use super::HttpState;
use super::client_address::client_address;
use super::problem::Problem;
use crate::error::Error;
use crate::graphql::execute::ClientAddress;
use crate::graphql::mask::Code;
use crate::throttle::Demand;

/// Gives the calendar to which a key belongs; `None` where there is none that it opens.
pub type Calendars = Arc<dyn Fn(String) -> BoxFuture<'static, Result<Option<String>, Error>> + Send + Sync>;

/// Below which all calendars are.
const FOLDER: &str = "/calendars/";
/// What the name of each ends with.
const EXTENSION: &str = ".ics";
/// Where routes find them.
pub(super) const ROUTE: &str = "/calendars/{*name}";

/// The header by which search engines are kept away.
const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

/// A calendar, or that it is what whoever asks has already.
pub(super) async fn get(
    State(state): State<HttpState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let ClientAddress(address) = client_address(&state.settings.proxies, peer, request.headers());
    // A name that none can have is looked up like any other, and found as little.
    let name = request.uri().path().strip_prefix(FOLDER).and_then(|name| name.strip_suffix(EXTENSION));
    let key = name.unwrap_or_default().to_owned();
    let headers = request.headers();
    let read = async {
        state.throttle.admit(address, &Demand::QUERY)?;
        let calendar = (state.calendars)(key).await.map_err(|error| Problem::fault(&error, headers))?;
        calendar.ok_or_else(no_such_calendar)
    };
    match read.await {
        Ok(calendar) => answer(calendar, headers),
        Err(problem) => problem.into_response(),
    }
}

fn answer(calendar: String, asked: &HeaderMap) -> Response {
    // A weak one: a compressed one on the way is the same calendar (RFC 9110, 8.8.1).
    let tag = format!("W/\"{}\"", URL_SAFE_NO_PAD.encode(Sha256::digest(&calendar)));
    let kept = [
        (header::ETAG, tag.as_str()),
        // Kept by whoever asks, and by nobody between; and asked about each time, so that what is revoked is gone.
        (header::CACHE_CONTROL, "private, no-cache"),
        (header::VARY, "accept-encoding"),
        (ROBOTS, "noindex"),
    ];
    if is_known(asked, &tag) {
        return (StatusCode::NOT_MODIFIED, kept).into_response();
    }
    let headers = [
        (header::CONTENT_TYPE, "text/calendar; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "inline; filename=\"calendar.ics\""),
    ];
    (kept, headers, calendar).into_response()
}

/// Whether `If-None-Match` names `tag` (RFC 9110, 13.1.2): a list, or anything. Whether it is marked as weak does not matter.
fn is_known(asked: &HeaderMap, tag: &str) -> bool {
    let lists = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    // Our own tags have no commas in them.
    let mut named = lists.flat_map(|list| list.split(',')).map(str::trim);
    named.any(|named| named == "*" || bare(named) == bare(tag))
}

/// A tag without its mark.
fn bare(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// One answer for every key that opens nothing, whatever it looks like and whatever it once opened.
fn no_such_calendar() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        Code::NotFound,
        "There is no calendar at this address. Whoever gave it to you may have withdrawn it: ask for another one.",
    )
}

/// `path` as it may be logged: without what may be the key of a calendar, wherever a proxy has put them.
pub(super) fn without_key(path: &str) -> &str {
    let found = path.as_bytes().windows(FOLDER.len()).position(|part| part.eq_ignore_ascii_case(FOLDER.as_bytes()));
    // What was found is ASCII, so what comes before its end is whole.
    found.and_then(|at| path.get(..at + FOLDER.len())).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_known_in_a_list_or_weak_and_a_star_stands_for_any() {
        let known = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::IF_NONE_MATCH, value.parse().unwrap());
            }
            is_known(&headers, "W/\"a\"")
        };
        for values in [&["\"a\""][..], &["*"], &["W/\"a\""], &["\"b\" , W/\"a\""], &["\"b\"", "\"c\",\"a\""]] {
            assert!(known(values), "{values:?}");
        }
        for values in [&[][..], &["\"b\""], &["a"], &["\"A\""], &["\"\""], &[""]] {
            assert!(!known(values), "{values:?}");
        }
    }

    #[test]
    fn no_key_of_a_calendar_is_logged() {
        for (path, logged) in [
            ("/calendars/secret.ics", "/calendars/"),
            ("/Calendars/secret", "/Calendars/"),
            ("/slots/calendars/secret/calendars/x", "/slots/calendars/"),
            ("/ü/calendars/ü", "/ü/calendars/"),
            ("/calendars", "/calendars"),
            ("/graphql", "/graphql"),
        ] {
            assert_eq!(without_key(path), logged);
        }
    }
}
