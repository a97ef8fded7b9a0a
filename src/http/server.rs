//! The server loop: accept, serve, and come to an end within a bounded time.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::serve::ListenerExt as _;
use tokio::net::{TcpListener, TcpSocket};
use tracing::{debug, warn};

use super::{HttpState, router};

/// How many connections may wait to be accepted: watchers come back all at once after a restart.
const BACKLOG: u32 = 4096;

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
    let listener = listener.tap_io(|stream| {
        // Answers are small, and somebody waits for each.
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, "TCP_NODELAY could not be set");
        }
    });
    let service = router(state).into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, service).with_graceful_shutdown(shutdown.clone().cancelled_owned());
    let ending = async {
        serving.await?;
        sockets.close();
        sockets.wait().await;
        Ok(Ended::Gracefully)
    };
    let out_of_time = async {
        shutdown.cancelled().await;
        tokio::time::sleep(limit).await;
    };
    tokio::select! {
        ended = ending => ended,
        () = out_of_time => {
            warn!(sockets = sockets.len(), "some requests or sockets did not end in time");
            Ok(Ended::OutOfTime)
        }
    }
}
