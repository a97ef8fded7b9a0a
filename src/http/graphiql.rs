//! GraphiQL, a page to try queries on, from within the binary: it asks no other server for anything.

use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::header;

use super::HttpState;
use super::problem::no_such_page;

/// What the page may load: its own. Its editor writes styles as it goes, and its fonts are in its style sheet.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";

/// Files that change only with the version of their package, or whenever we like.
#[derive(Copy, Clone)]
enum Kept {
    /// For a day: what is vendored.
    ADay,
    /// Asked for each time: what is ours.
    Never,
}

macro_rules! asset {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/graphiql/", $name))
    };
}

/// The page and what it loads.
pub(super) fn routes() -> Router<HttpState> {
    Router::new().route("/", get(page)).route("/assets/graphiql/{name}", get(asset))
}

async fn page() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    (headers, asset!("index.html")).into_response()
}

async fn asset(Path(name): Path<String>) -> Response {
    let (content_type, kept, text) = match name.as_str() {
        "boot.js" => (JAVASCRIPT, Kept::Never, asset!("boot.js")),
        "page.css" => (CSS, Kept::Never, asset!("page.css")),
        "graphiql.min.js" => (JAVASCRIPT, Kept::ADay, asset!("graphiql.min.js")),
        "graphiql.min.css" => (CSS, Kept::ADay, asset!("graphiql.min.css")),
        "react.production.min.js" => (JAVASCRIPT, Kept::ADay, asset!("react.production.min.js")),
        "react-dom.production.min.js" => (JAVASCRIPT, Kept::ADay, asset!("react-dom.production.min.js")),
        _ => return no_such_page().await.into_response(),
    };
    let cache = match kept {
        Kept::ADay => "public, max-age=86400",
        Kept::Never => "no-cache",
    };
    ([(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, cache)], text).into_response()
}
