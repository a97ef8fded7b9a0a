//! What stands around every route.

use std::any::Any;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate as _};
use tower_http::request_id::{MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::trace::TraceLayer;
use tracing::{Span, info, info_span};

use super::calendar::without_key;
use super::client_address::client_address;
use super::problem::Problem;
use super::{HttpState, origin};
use crate::clock::SharedClock;
use crate::graphql::execute;
use crate::graphql::mask::Code;
use crate::throttle::Demand;

/// The header that a request's id comes and goes by.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id that is taken over from a client or a proxy.
const MAX_REQUEST_ID: usize = 64;

/// What names the request with these headers; every request has an id by the time it is looked at.
pub(super) fn request_id(headers: &HeaderMap) -> execute::RequestId {
    execute::RequestId::new(headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default())
}

/// `routes` with everything around them, the outermost first.
pub(super) fn around(routes: Router<HttpState>, state: &HttpState) -> Router<HttpState> {
    let constant = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    let layers = ServiceBuilder::new()
        .layer(from_fn(drop_unusable_request_id))
        .layer(SetRequestIdLayer::new(REQUEST_ID, FreshRequestId(state.clock.clone())))
        .layer(TraceLayer::new_for_http().make_span_with(span).on_request(()).on_response(log).on_failure(()))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(constant(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(constant(header::X_FRAME_OPTIONS, "DENY"))
        .layer(constant(header::REFERRER_POLICY, "no-referrer"))
        .layer(constant(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"))
        .layer(CatchPanicLayer::custom(answer_panic))
        .layer(origin::cors(&state.settings.origins))
        .layer(
            CompressionLayer::new()
                .compress_when(DefaultPredicate::new().and(NotForContentType::const_new("multipart/"))),
        )
        .layer(from_fn_with_state(state.settings.request_timeout, time_out));
    routes.layer(layers)
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

/// Ids are written to the log and back to the client: only those that are short and plain are taken over.
async fn drop_unusable_request_id(mut request: Request, next: Next) -> Response {
    let usable = |value: &HeaderValue| {
        let id = value.as_bytes();
        !id.is_empty()
            && id.len() <= MAX_REQUEST_ID
            && id.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':'))
    };
    if !request.headers().get(REQUEST_ID).is_some_and(usable) {
        request.headers_mut().remove(REQUEST_ID);
    }
    next.run(request).await
}

#[derive(Clone)]
struct FreshRequestId(SharedClock);

impl MakeRequestId for FreshRequestId {
    fn make_request_id<B>(&mut self, _request: &http::Request<B>) -> Option<RequestId> {
        HeaderValue::from_str(&self.0.unique().simple().to_string()).ok().map(RequestId::new)
    }
}

/// Neither the query string nor any header but the id: documents, variables and tokens stay out of the log, and so do the
/// keys of calendars, which are in the path.
fn span(request: &http::Request<axum::body::Body>) -> Span {
    info_span!(
        "request",
        method = %request.method(),
        path = without_key(request.uri().path()),
        request_id = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()),
    )
}

fn log<B>(response: &http::Response<B>, latency: Duration, span: &Span) {
    let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
    info!(parent: span, status = response.status().as_u16(), latency_us = micros, "answered");
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

/// Gives up waiting for an answer. What has begun to change something goes on in a task of its own.
async fn time_out(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_elapsed) => Problem::new(
            StatusCode::GATEWAY_TIMEOUT,
            Code::InternalServerError,
            format!(
                "The request took longer than {} seconds. Ask for less at once, or try again later; a change may \
                 have been made all the same.",
                limit.as_secs()
            ),
        )
        .into_response(),
    }
}
