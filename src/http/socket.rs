//! Carrying the frames of [`crate::graphql::socket`] over a WebSocket.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::FromRequestParts as _;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::{self, BoxStream, SplitSink, SplitStream};
use futures_util::{SinkExt as _, Stream, StreamExt as _};
use http::StatusCode;
use http::request::Parts;
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, debug, info_span};

use super::caller::{Unknown, credentials, recognize, verify};
use super::problem::Problem;
use super::{HttpState, origin};
use crate::auth::from_init_payload;
use crate::clock::{Monotonic, SharedClock};
use crate::graphql::execute::{ClientAddress, RequestId};
use crate::graphql::mask::Code;
use crate::graphql::socket::{Connection, Frame, Protocol, Refused};
use crate::service::credentials::Credentials;
use crate::throttle::{Demand, Place, TRY_AGAIN};

/// What a connection reads at once: subscriptions are short, and connections many.
const READ_BUFFER: usize = 1024;
/// The largest message that a client may send, in bytes. A connection keeps the room for its largest as long as it lives.
const MAX_MESSAGE: usize = 256 * 1024;
/// How many messages a client may send at once. Whoever sends more is read more slowly.
const BURST: u32 = 200;
/// How much time there must be between messages in the long run.
const BETWEEN_MESSAGES: Duration = Duration::from_millis(20);
/// What may wait to be sent to one client; larger than any one message.
const MAX_WRITE_BUFFER: usize = 4 * 1024 * 1024;
/// How long a client may take to introduce itself.
const INIT_LIMIT: Duration = Duration::from_secs(10);
/// How long one message may take to be sent. Whoever reads slower than this has gone away.
const SEND_LIMIT: Duration = Duration::from_secs(15);
/// How often a silent client is asked whether it is there; at the second time without an answer, it is not.
const PING_INTERVAL: Duration = Duration::from_secs(25);

/// The close code for a client that did not introduce itself in time.
const INIT_TIMEOUT: u16 = 4408;
/// The close code for a server that stops: clients connect again.
const RESTARTING: u16 = 1012;
/// The longest reason that fits a close frame, in bytes (RFC 6455, 5.5).
const MAX_REASON: usize = 123;

/// Answers a request for a WebSocket.
pub(super) async fn open(
    state: &HttpState,
    address: ClientAddress,
    request_id: RequestId,
    parts: &mut Parts,
) -> Response {
    if !origin::may_connect(&state.settings.origins, &parts.headers) {
        let message = "Pages of this origin may not connect. See --cors-origins (SLOTWISE_CORS_ORIGINS).";
        return Problem::new(StatusCode::FORBIDDEN, Code::Forbidden, message).into_response();
    }
    let place = match place(state, address) {
        Ok(place) => place,
        Err(problem) => return problem.into_response(),
    };
    let upgrade = match WebSocketUpgrade::from_request_parts(parts, state).await {
        Ok(upgrade) => upgrade.protocols(Protocol::ALL.map(Protocol::name)),
        Err(rejection) => {
            return Problem::bad_request(format!("This is no WebSocket request: {rejection}.")).into_response();
        }
    };
    let agreed = upgrade.selected_protocol().and_then(|name| name.to_str().ok());
    let Some(protocol) = Protocol::ALL.into_iter().find(|protocol| Some(protocol.name()) == agreed) else {
        let message = "Offer the subprotocol graphql-transport-ws (or graphql-ws, the older one).";
        return Problem::bad_request(message).into_response();
    };
    let socket = Socket {
        state: state.clone(),
        connection: Connection { protocol, address, request_id, shutdown: state.shutdown.clone() },
    };
    let max_message = MAX_MESSAGE.min(state.settings.body_limit);
    // Counted from now on: shutting down waits for it.
    let counted = state.sockets.token();
    upgrade
        .max_message_size(max_message)
        .max_frame_size(max_message)
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(MAX_WRITE_BUFFER)
        .on_failed_upgrade(|error| debug!(%error, "a WebSocket could not be opened"))
        .on_upgrade(move |stream| async move {
            let span = info_span!("socket", request_id = socket.connection.request_id.as_str());
            socket.run(stream).instrument(span).await;
            drop((counted, place));
        })
}

/// A place for one more socket; opening one costs as much as a query.
fn place(state: &HttpState, ClientAddress(address): ClientAddress) -> Result<Place, Problem> {
    state.throttle.admit(address, &Demand::QUERY)?;
    state.throttle.socket(address).map_err(|full| {
        let message = format!("{} WebSockets are open from your address already. Close some of them.", full.most);
        Problem::too_often(message, TRY_AGAIN)
    })
}

struct Socket {
    state: HttpState,
    connection: Connection,
}

impl Socket {
    /// Until either side has enough.
    async fn run(self, stream: WebSocket) {
        let Self { state, connection } = self;
        let shutdown = connection.shutdown.clone();
        let (mut sink, stream) = stream.split();
        let heard = Arc::new(AtomicBool::new(true));
        let (introduced, introduction) = oneshot::channel();
        let input = texts(stream, Arc::clone(&heard), Pace::new(Arc::clone(&state.clock)));
        let (engine, address) = (state.engine.clone(), connection.address);
        let frames = engine.connect(connection, input, move |payload| introduce(state, address, payload, introduced));
        let close = Exchange { sink: &mut sink, frames, heard, shutdown }.run(introduction).await;
        if let Some((code, reason)) = close {
            let frame = CloseFrame { code, reason: shortened(&reason).into() };
            // If it cannot be sent, the client has gone away already.
            let _sent = timeout(SEND_LIMIT, sink.send(Message::Close(Some(frame)))).await;
        }
    }
}

/// The two directions of an open connection.
struct Exchange<'a> {
    sink: &'a mut SplitSink<WebSocket, Message>,
    frames: BoxStream<'static, Frame>,
    /// Whether anything has come from the client since it was last asked.
    heard: Arc<AtomicBool>,
    shutdown: CancellationToken,
}

impl Exchange<'_> {
    /// Sends until there is nothing more to be sent. Gives how to close; `None`: there is nobody any more.
    async fn run(mut self, mut introduction: oneshot::Receiver<()>) -> Option<(u16, String)> {
        let mut pings = interval(PING_INTERVAL);
        // Nobody is asked at once.
        pings.reset();
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut init_limit = pin!(sleep(INIT_LIMIT));
        let mut introduced = false;
        loop {
            tokio::select! {
                // What is sent is why all are here.
                biased;
                frame = self.frames.next() => match frame {
                    Some(Frame::Text(text)) => self.send(Message::Text(text.into())).await?,
                    Some(Frame::Close(code, reason)) => return Some((code, reason)),
                    None if self.shutdown.is_cancelled() => {
                        return Some((RESTARTING, "The server is restarting. Connect again.".to_owned()));
                    }
                    None => return None,
                },
                // Told, or refused: then there will be a last frame.
                _ = &mut introduction, if !introduced => introduced = true,
                () = &mut init_limit, if !introduced => {
                    return Some((INIT_TIMEOUT, "connection_init did not come in time.".to_owned()));
                }
                _ = pings.tick() => {
                    if !self.heard.swap(false, Ordering::Relaxed) {
                        return None;
                    }
                    self.send(Message::Ping(Bytes::new())).await?;
                }
            }
        }
    }

    /// `None`: the client takes nothing any more.
    async fn send(&mut self, message: Message) -> Option<()> {
        let mut sending = pin!(self.sink.send(message));
        // Nearly always it is taken at once: then nobody needs a clock.
        if let Poll::Ready(sent) = poll_fn(|cx| Poll::Ready(sending.as_mut().poll(cx))).await {
            return sent.ok();
        }
        timeout(SEND_LIMIT, sending).await.ok()?.ok()
    }
}

/// Who the client is, by its first message, of which the transport is told; from then on, who it is at each operation.
async fn introduce(
    state: HttpState,
    address: ClientAddress,
    payload: serde_json::Value,
    introduced: oneshot::Sender<()>,
) -> Result<Credentials, Refused> {
    let verified = verify(&state, address, from_init_payload(&payload)).await.map_err(refused)?;
    recognize(&state, verified.as_ref()).await.map_err(refused)?;
    // Fails only when the connection has ended meanwhile.
    let _told = introduced.send(());
    Ok(credentials(&state, verified))
}

/// Why somebody of whom it is not known who they are is not let in.
fn refused(unknown: Unknown) -> Refused {
    match unknown {
        Unknown::InvalidToken => Refused::InvalidToken,
        Unknown::TooOften(_) => Refused::TooOften,
        Unknown::Unavailable => Refused::Unavailable,
        Unknown::Failed(error) => {
            tracing::error!(?error, "it could not be found out who opened a WebSocket");
            Refused::Unavailable
        }
    }
}

/// The client's messages, as fast as they may come; whatever else comes shows that it is there.
fn texts(stream: SplitStream<WebSocket>, heard: Arc<AtomicBool>, pace: Pace) -> impl Stream<Item = Bytes> + Send {
    stream::unfold((stream, pace), move |(mut stream, mut pace)| {
        let heard = Arc::clone(&heard);
        async move {
            loop {
                let message = stream.next().await?.ok()?;
                heard.store(true, Ordering::Relaxed);
                pace.keep().await;
                if let message @ (Message::Text(_) | Message::Binary(_)) = message {
                    return Some((message.into_data(), (stream, pace)));
                }
            }
        }
    })
}

/// How fast messages come: while one waits for its time, no further one is read.
struct Pace {
    clock: SharedClock,
    /// When the next message would come of a client that has never sent more than it may.
    due: Monotonic,
}

impl Pace {
    fn new(clock: SharedClock) -> Self {
        Self { due: clock.monotonic(), clock }
    }

    /// Waits until one more message may have come.
    async fn keep(&mut self) {
        let now = self.clock.monotonic();
        self.due = self.due.max(now).plus(BETWEEN_MESSAGES);
        let ahead = self.due.since(now);
        if let Some(wait) = ahead.checked_sub(BETWEEN_MESSAGES * BURST) {
            self.clock.sleep_until(now.plus(wait)).await;
        }
    }
}

fn shortened(reason: &str) -> &str {
    &reason[..reason.floor_char_boundary(MAX_REASON)]
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::clock::TestClock;

    #[test]
    fn a_burst_of_messages_is_read_at_once_and_more_of_them_at_their_pace() {
        let clock = Arc::new(TestClock::new("2026-12-01T12:00:00Z".parse().unwrap()));
        let mut pace = Pace::new(clock.clone());
        let burst = |pace: &mut Pace| (0..BURST).all(|_| pace.keep().now_or_never().is_some());
        assert!(burst(&mut pace));
        for _ in 0..3 {
            let mut late = Box::pin(pace.keep());
            assert!(late.as_mut().now_or_never().is_none());
            clock.advance(BETWEEN_MESSAGES);
            assert!(late.as_mut().now_or_never().is_some());
        }
        // Whoever has been quiet may send many again, and not more than that.
        clock.advance(BURST * BETWEEN_MESSAGES * 5);
        assert!(burst(&mut pace));
        assert!(pace.keep().now_or_never().is_none());
    }
}
