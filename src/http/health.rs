//! For whatever watches over the process.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};

use super::HttpState;
use super::problem::Problem;
use crate::graphql::mask::Code;

/// The process answers.
pub(super) async fn alive() -> Response {
    ok()
}

/// The server can do its work: the database answers, and nobody has told it to stop.
pub(super) async fn ready(State(state): State<HttpState>) -> Response {
    let unavailable = |message: &str| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, Code::InternalServerError, message).into_response()
    };
    if state.shutdown.is_cancelled() {
        unavailable("The server is stopping.")
    } else if (state.readiness)().await {
        ok()
    } else {
        unavailable("The database cannot be reached. The log says why.")
    }
}

fn ok() -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")], "ok\n").into_response()
}
