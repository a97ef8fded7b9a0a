//! The server loop: accept, serve, and come to an end within a bounded time.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use futures_util::FutureExt as _;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::connection::Counted;
use super::layers::Routes;
use super::{HttpState, routes};

/// How many connections may wait to be accepted: watchers come back all at once after a restart.
const BACKLOG: u32 = 4096;

/// How long a client may take to send the head of a request, and to think of its next one. Proxies keep their
/// connections for a minute, and must not find one closed that they are about to use.
const HEADER_LIMIT: Duration = Duration::from_secs(75);
/// How much of the head of a request may be kept unread, in bytes; with what is read at once, a head may have twice that.
const MAX_HEAD: usize = 256 * 1024;
/// How long to wait when connections cannot be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// How serving came to an end.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every request was answered and every socket closed.
    Gracefully,
    /// Some were not, within the limit: they end with the process.
    OutOfTime,
}

/// Starts to listen.
///
/// # Errors
///
/// The address cannot be listened on: taken, not this machine's, or not allowed.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restart must not wait for old connections to be forgotten. On Windows the option means something else.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until `state.shutdown` is cancelled. Then nothing more is accepted, running requests are finished,
/// subscriptions completed and sockets closed, for which there is as long as `limit`.
///
/// # Errors
///
/// The listener fails.
pub async fn serve(listener: TcpListener, state: HttpState, limit: Duration) -> io::Result<Ended> {
    let (shutdown, sockets) = (state.shutdown.clone(), state.sockets.clone());
    let connections = TaskTracker::new();
    let ending = async {
        accept(listener, state, &connections).await;
        connections.close();
        connections.wait().await;
        sockets.close();
        sockets.wait().await;
        Ended::Gracefully
    };
    let out_of_time = async {
        shutdown.cancelled().await;
        tokio::time::sleep(limit).await;
    };
    tokio::select! {
        ended = ending => Ok(ended),
        () = out_of_time => {
            warn!(sockets = sockets.len(), "some requests or sockets did not end in time");
            Ok(Ended::OutOfTime)
        }
    }
}

/// Accepts connections until the server stops, each in a task of its own. While there are as many as there may be,
/// whoever comes waits in the backlog.
async fn accept(listener: TcpListener, state: HttpState, connections: &TaskTracker) {
    let (throttle, shutdown) = (Arc::clone(&state.throttle), state.shutdown.clone());
    let settings = Arc::clone(&state.settings);
    let room = Arc::new(Semaphore::new(throttle.total_connections()));
    let routes = routes(state);
    let next = async || {
        // The semaphore is never closed.
        let permit = Arc::clone(&room).acquire_owned().await.ok()?;
        Some((permit, listener.accept().await))
    };
    while let Some(Some((permit, accepted))) = shutdown.run_until_cancelled(next()).await {
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                pause_after(&error).await;
                continue;
            }
        };
        // A proxy speaks for many, who are counted by what they open through it.
        let place = if settings.proxies.include(peer.ip()) { None } else { Some(throttle.connection(peer.ip())) };
        let Ok(place) = place.transpose() else {
            debug!(%peer, "too many connections from one address: this one is closed");
            continue;
        };
        // Answers are small, and somebody waits for each.
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, "TCP_NODELAY could not be set");
        }
        let stream = Counted::new(stream, permit, place);
        connections.spawn(converse(stream, peer, routes.clone(), shutdown.clone()));
    }
}

/// A client that has gone away again is no reason to wait; having no file descriptors left is.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        warn!(%error, "a connection could not be accepted");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

/// Answers the requests of one connection.
async fn converse<S>(stream: S, peer: SocketAddr, routes: Routes, shutdown: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        routes.clone().answer(request.map(Body::new)).map(Ok::<_, Infallible>)
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER_LIMIT).max_buf_size(MAX_HEAD);
    let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
    let mut connection = pin!(connection);
    let mut stopping = pin!(shutdown.cancelled().fuse());
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    debug!(%error, "a connection ended early");
                }
                return;
            }
            () = &mut stopping => connection.as_mut().graceful_shutdown(),
        }
    }
}

#[cfg(test)]
mod tests;
