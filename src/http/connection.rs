//! One connection, which is counted for as long as it is open, whatever is spoken over it, and given up when its client
//! takes nothing any more.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Sleep, sleep};

use crate::throttle::Place;

/// How long a client may take nothing of what is sent. It costs memory as long as it is there.
const STALLED: Duration = Duration::from_secs(30);

/// A stream with the places that it takes. A WebSocket takes the stream along, and so them.
pub(super) struct Counted<S = TcpStream> {
    stream: S,
    /// Runs out when the client has taken nothing for too long; none while there is nothing that it could take.
    stalling: Option<Pin<Box<Sleep>>>,
    _permit: OwnedSemaphorePermit,
    /// None for a trusted proxy, which has as many as it needs.
    _place: Option<Place>,
}

impl<S> Counted<S> {
    pub(super) fn new(stream: S, permit: OwnedSemaphorePermit, place: Option<Place>) -> Self {
        Self { stream, stalling: None, _permit: permit, _place: place }
    }

    /// `written`, unless that has been pending for too long.
    fn in_time<T>(&mut self, written: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalling = None;
            return written;
        }
        let stalling = self.stalling.get_or_insert_with(|| Box::pin(sleep(STALLED)));
        stalling.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.in_time(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.in_time(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_given_up_and_one_that_is_slow_is_not() {
        let permit = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
        let (server, mut client) = duplex(4);
        let mut server = Counted::new(server, permit, None);
        let slow = tokio::spawn(async move {
            for _ in 0..3 {
                sleep(STALLED.mul_f32(0.9)).await;
                client.read_exact(&mut [0; 4]).await.unwrap();
            }
            client
        });
        server.write_all(&[0; 16]).await.unwrap();
        let _client = slow.await.unwrap();
        let stalled = server.write_all(&[0; 4]).await.unwrap_err();
        assert_eq!(stalled.kind(), io::ErrorKind::TimedOut);
    }
}
