//! The least that a server can do on the same libraries: send back ready bytes, over HTTP and to all who watch. What
//! Slotwise does is compared with it.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use http::header::CONTENT_TYPE;
use tokio::sync::watch;

use super::api::Outcome;

#[derive(Clone)]
struct Plain {
    answer: Arc<Mutex<Bytes>>,
    state: watch::Sender<Utf8Bytes>,
}

/// Serves on `port`: what is put to `/answer` is the answer to whatever is sent to `/echo`; what is put to `/state` is
/// sent to all who watch at `/watch`.
pub async fn serve(port: u16) -> Outcome<()> {
    let plain = Plain { answer: Arc::default(), state: watch::Sender::new(Utf8Bytes::from("\"load\":0")) };
    let routes = Router::new()
        .route("/answer", post(answer))
        .route("/echo", post(echo))
        .route("/state", post(state))
        .route("/watch", get(watch))
        .with_state(plain);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.map_err(|error| error.to_string())?;
    // Whether it could be set is seen in what is measured.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, routes).await.map_err(|error| error.to_string())
}

async fn answer(State(plain): State<Plain>, body: Bytes) {
    *plain.answer.lock().unwrap_or_else(PoisonError::into_inner) = body;
}

/// Takes all that was sent, and answers the same to everybody.
async fn echo(State(plain): State<Plain>, _body: Bytes) -> Response {
    let answer = plain.answer.lock().unwrap_or_else(PoisonError::into_inner).clone();
    ([(CONTENT_TYPE, "application/json; charset=utf-8")], answer).into_response()
}

async fn state(State(plain): State<Plain>, body: String) {
    plain.state.send_replace(body.into());
}

async fn watch(State(plain): State<Plain>, upgrade: WebSocketUpgrade) -> Response {
    let states = plain.state.subscribe();
    // As small as those of the server that this is compared with.
    upgrade.read_buffer_size(1024).write_buffer_size(0).on_upgrade(|socket| send_each(socket, states))
}

async fn send_each(mut socket: WebSocket, mut states: watch::Receiver<Utf8Bytes>) {
    states.mark_changed();
    loop {
        tokio::select! {
            changed = states.changed() => {
                let state = states.borrow_and_update().clone();
                if changed.is_err() || socket.send(Message::Text(state)).await.is_err() {
                    return;
                }
            }
            heard = socket.recv() => if !matches!(heard, Some(Ok(_))) { return },
        }
    }
}
