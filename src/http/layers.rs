//! What stands around every route.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use tower::{Service as _, ServiceBuilder, ServiceExt as _};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{And, DefaultPredicate, NotForContentType, Predicate as _};
use tower_http::cors::CorsLayer;
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

/// The routes with everything around them: what answers every request, whatever happens. Clones share it.
///
/// As layers of the router, what stands around would be copied and put on the heap piece by piece for each request.
#[derive(Clone)]
pub(super) struct Routes(Arc<Parts>);

struct Parts {
    router: Router,
    state: HttpState,
    /// Tells pages of other origins what they may; `None`: there are none that may anything.
    cors: Option<CorsLayer>,
    compression: CompressionLayer<Compressed>,
}

/// What is compressed: not what comes part by part.
type Compressed = And<DefaultPredicate, NotForContentType>;

impl Routes {
    /// `router` with everything around it.
    pub(super) fn around(router: Router, state: HttpState) -> Self {
        let compressed = DefaultPredicate::new().and(NotForContentType::const_new("multipart/"));
        let compression = CompressionLayer::new().compress_when(compressed);
        let cors = origin::cors(&state.settings.origins);
        Self(Arc::new(Parts { router, state, cors, compression }))
    }

    /// Names a request, writes a line to the log when it is answered, counts what was refused, and says to browsers what
    /// they may do.
    pub(super) async fn answer(self, mut request: Request) -> Response {
        let state = &self.0.state;
        let begun = state.clock.monotonic();
        let id = named(request.headers_mut(), state);
        let span = span(&request);
        let mut response = self.fitting(request).instrument(span.clone()).await;
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

    /// The answer as whoever asks can take it: compressed, and with what browsers have to know.
    async fn fitting(&self, request: Request) -> Response {
        let Parts { router, state, cors, compression } = &*self.0;
        let limit = state.settings.request_timeout;
        // Nothing of what follows would do anything then, and going through it takes as long as most of the rest.
        if cors.is_none() && !request.headers().contains_key(header::ACCEPT_ENCODING) {
            return answered(router.clone(), request, limit).await;
        }
        let service = ServiceBuilder::new()
            .option_layer(cors.clone())
            .map_response(|response: Response<_>| response.map(Body::new))
            .layer(compression.clone())
            .service_fn(|request| answered(router.clone(), request, limit).map(Ok::<_, Infallible>));
        service.oneshot(request).await.unwrap_or_else(|never| match never {})
    }
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

/// What `router` answers, if it does so within `limit` and without a panic. What has begun to change something goes on in
/// a task of its own.
async fn answered(mut router: Router, request: Request, limit: Duration) -> Response {
    // A router is always ready.
    let answer = AssertUnwindSafe(router.call(request)).catch_unwind();
    match tokio::time::timeout(limit, answer).await {
        Ok(Ok(answer)) => answer.unwrap_or_else(|never| match never {}),
        // The panic itself is logged by the hook; the client learns as little of it as of any fault.
        Ok(Err(_panic)) => panicked().into_response(),
        Err(_elapsed) => out_of_time(limit).into_response(),
    }
}

fn panicked() -> Problem {
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        Code::InternalServerError,
        "Something went wrong on our side. Try again later; if it stays, report the x-request-id of this answer.",
    )
}

fn out_of_time(limit: Duration) -> Problem {
    Problem::new(
        StatusCode::GATEWAY_TIMEOUT,
        Code::InternalServerError,
        format!(
            "The request took longer than {} seconds. Ask for less at once, or try again later; a change may have been \
             made all the same.",
            limit.as_secs()
        ),
    )
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
