//! `/metrics`: what the server counts, for whoever knows the token for it.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, header};
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

use super::HttpState;
use super::client_address::client_address;
use super::problem::Problem;
use crate::auth::{Bearer, from_header};
use crate::graphql::execute::ClientAddress;
use crate::metrics::CONTENT_TYPE;

/// What the server counts, and who may know.
#[derive(Clone)]
pub struct MetricsPage {
    /// The token that has to be shown.
    pub token: SecretString,
    /// Gives all of it as text.
    pub text: Arc<dyn Fn() -> String + Send + Sync>,
}

/// All counts. A wrong token costs its address a failed sign-in.
pub(super) async fn get(
    State(state): State<HttpState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    let ClientAddress(address) = client_address(&state.settings.proxies, peer, &headers);
    let read = || {
        let page = state.metrics.as_ref().ok_or_else(super::problem::nothing_there)?;
        state.throttle.may_sign_in(address)?;
        let is_known = match from_header(&headers) {
            Ok(Bearer::Token(shown)) => bool::from(shown.as_bytes().ct_eq(page.token.expose_secret().as_bytes())),
            _ => false,
        };
        if !is_known {
            state.throttle.sign_in_failed(address);
            return Err(Problem::invalid_token());
        }
        Ok::<_, Problem>((page.text)())
    };
    match read() {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE), (header::CACHE_CONTROL, "no-store")], text).into_response(),
        Err(problem) => problem.into_response(),
    }
}
