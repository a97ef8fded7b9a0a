//! What stands around every route.

use std::any::Any;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate as _};
use tracing::{Instrument as _, Span, info, info_span};

use super::calendar::without_key;
use super::client_address::client_address;
use super::problem::Problem;
use super::{HttpState, origin};
use crate::graphql::execute;
use crate::graphql::mask::Code;
use crate::throttle::Demand;

/// The header that a request's id comes and goes by.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id that is taken over from a client or a proxy.
const MAX_REQUEST_ID: usize = 64;
/// What every answer says to browsers, unless it says something else.
const SAID_TO_BROWSERS: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
];

/// What names the request with these headers; every request has an id by the time it is looked at.
pub(super) fn request_id(headers: &HeaderMap) -> execute::RequestId {
    execute::RequestId::new(headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default())
}

/// `routes` with everything around them, the outermost first.
pub(super) fn around(routes: Router<HttpState>, state: &HttpState) -> Router<HttpState> {
    // What stands around is copied for each request, those within each layer by that layer: one of ours does the work
    // of many.
    let layers = ServiceBuilder::new()
        .layer(from_fn_with_state(state.clone(), attended))
        .layer(CatchPanicLayer::custom(answer_panic))
        .layer(origin::cors(&state.settings.origins))
        .layer(
            CompressionLayer::new()
                .compress_when(DefaultPredicate::new().and(NotForContentType::const_new("multipart/"))),
        )
        .layer(from_fn_with_state(state.settings.request_timeout, in_time));
    routes.layer(layers)
}

/// Names a request, writes a line to the log when it is answered, counts what was refused, and says to browsers what they
/// may do.
async fn attended(State(state): State<HttpState>, mut request: Request, next: Next) -> Response {
    let begun = state.clock.monotonic();
    let id = named(request.headers_mut(), &state);
    let span = span(&request);
    let mut response = next.run(request).instrument(span.clone()).await;
    let latency = u64::try_from(state.clock.monotonic().since(begun).as_micros()).unwrap_or(u64::MAX);
    info!(parent: &span, status = response.status().as_u16(), latency_us = latency, "answered");
    if let Some(code) = response.extensions().get::<Code>() {
        state.engine.refused_elsewhere(*code);
    }
    let headers = response.headers_mut();
    for (name, value) in SAID_TO_BROWSERS {
        headers.entry(name).or_insert(value);
    }
    if let Some(id) = id {
        headers.insert(REQUEST_ID, id);
    }
    response
}

/// What names the request: what is in `headers`, if that can be used, and else something new, which is put there.
///
/// Ids are written to the log and back to the client: only those that are short and plain are taken over.
fn named(headers: &mut HeaderMap, state: &HttpState) -> Option<HeaderValue> {
    let usable = |value: &&HeaderValue| {
        let id = value.as_bytes();
        !id.is_empty()
            && id.len() <= MAX_REQUEST_ID
            && id.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':'))
    };
    let id = match headers.get(REQUEST_ID).filter(usable) {
        Some(id) => id.clone(),
        // Hexadecimal digits always make a header.
        None => HeaderValue::from_str(&state.clock.unique().simple().to_string()).ok()?,
    };
    headers.insert(REQUEST_ID, id.clone());
    Some(id)
}

/// Gives up waiting for an answer. What has begun to change something goes on in a task of its own.
async fn in_time(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    let out_of_time = || {
        Problem::new(
            StatusCode::GATEWAY_TIMEOUT,
            Code::InternalServerError,
            format!(
                "The request took longer than {} seconds. Ask for less at once, or try again later; a change may \
                 have been made all the same.",
                limit.as_secs()
            ),
        )
    };
    tokio::time::timeout(limit, next.run(request)).await.unwrap_or_else(|_elapsed| out_of_time().into_response())
}

/// `pages`, each of which costs its reader a query.
pub(super) fn limited(pages: Router<HttpState>, state: &HttpState) -> Router<HttpState> {
    pages.layer(from_fn_with_state(state.clone(), take_a_query))
}

async fn take_a_query(
    State(state): State<HttpState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let execute::ClientAddress(address) = client_address(&state.settings.proxies, peer, request.headers());
    match state.throttle.admit(address, &Demand::QUERY) {
        Ok(()) => next.run(request).await,
        Err(wait) => Problem::from(wait).into_response(),
    }
}

/// Neither the query string nor any header but the id: documents, variables and tokens stay out of the log, and so do the
/// keys of calendars, which are in the path.
fn span(request: &Request) -> Span {
    info_span!(
        "request",
        method = %request.method(),
        path = without_key(request.uri().path()),
        request_id = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()),
    )
}

/// The panic itself is logged by the hook; the client learns as little of it as of any fault.
fn answer_panic(_panic: Box<dyn Any + Send + 'static>) -> Response {
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        Code::InternalServerError,
        "Something went wrong on our side. Try again later; if it stays, report the x-request-id of this answer.",
    )
    .into_response()
}
