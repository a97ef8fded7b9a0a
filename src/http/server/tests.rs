use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::time::{Instant, timeout};

use super::*;
use crate::http::tests::Fixture;

/// A client of a server of its own, in time that passes as soon as everybody waits.
async fn client(request: &str) -> DuplexStream {
    let state = Fixture::new().state;
    let (mut client, server) = tokio::io::duplex(64 * 1024);
    let peer = SocketAddr::from(([192, 0, 2, 7], 5000));
    let shutdown = state.shutdown.clone();
    tokio::spawn(converse(server, peer, routes(state.into()), shutdown));
    client.write_all(request.as_bytes()).await.unwrap();
    client
}

/// What the server sends until it closes the connection, and after how long it does.
async fn until_closed(mut client: DuplexStream) -> (String, Duration) {
    let (mut text, start) = (String::new(), Instant::now());
    timeout(Duration::from_hours(1), client.read_to_string(&mut text)).await.expect("it stays open").unwrap();
    (text, start.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_finish_its_question_is_disconnected() {
    let (answer, after) = until_closed(client("GET /healthz HTTP/1.1\r\nhost: slots.exam").await).await;
    assert!(!answer.contains("200"), "{answer}");
    assert_eq!(after.as_secs(), HEADER_LIMIT.as_secs());
}

#[tokio::test(start_paused = true)]
async fn so_is_one_that_does_not_think_of_another() {
    let (answer, after) = until_closed(client("GET /healthz HTTP/1.1\r\nhost: slots.example\r\n\r\n").await).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(after.as_secs(), HEADER_LIMIT.as_secs());
}
