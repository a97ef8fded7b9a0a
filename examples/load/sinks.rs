//! A mail server and a webhook's receiver that take everything and count it: as little work as can be, so that what is
//! measured is the server that sends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::api::Outcome;

/// How often what arrived: by `webhook-id`, or by `Message-ID`.
#[derive(Clone, Default)]
pub struct Arrived(Arc<Mutex<HashMap<String, usize>>>);

impl Arrived {
    fn note(&self, name: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default() += 1;
    }

    /// How many different ones arrived, and how many came more than once.
    pub fn count(&self) -> (usize, usize) {
        let arrived = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (arrived.len(), arrived.values().filter(|times| **times > 1).count())
    }

    /// Forgets what has arrived.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// A receiver of webhooks on a port of its own, and what arrives there.
pub async fn receiver() -> Outcome<(u16, Arrived)> {
    serve(0, |stream, arrived| async move { receive(stream, &arrived).await }).await
}

/// A mail server on `port`, and what arrives there.
pub async fn mail_server(port: u16) -> Outcome<(u16, Arrived)> {
    serve(port, |stream, arrived| async move { take_mails(stream, &arrived).await }).await
}

async fn serve<F, R>(port: u16, act: F) -> Outcome<(u16, Arrived)>
where
    F: Fn(TcpStream, Arrived) -> R + Send + 'static,
    R: Future<Output = std::io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(|error| format!("port {port}: {error}"))?;
    let port = listener.local_addr().map_err(|error| error.to_string())?.port();
    let arrived = Arrived::default();
    let sink = arrived.clone();
    tokio::spawn(async move {
        // A connection that breaks is the sender's business.
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(act(stream, sink.clone()));
        }
    });
    Ok((port, arrived))
}

/// HTTP/1.1, as far as it takes to answer 204 to everything.
async fn receive(stream: TcpStream, arrived: &Arrived) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut length, mut name, mut line) = (0, String::new(), String::new());
        loop {
            line.clear();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let Some((header, value)) = line.trim_end().split_once(": ") else {
                if line.trim_end().is_empty() {
                    break;
                }
                continue;
            };
            match header.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().unwrap_or(0),
                "webhook-id" => value.clone_into(&mut name),
                _ => {}
            }
        }
        tokio::io::copy(&mut (&mut stream).take(length), &mut tokio::io::sink()).await?;
        arrived.note(name);
        stream.get_mut().write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await?;
    }
}

/// SMTP, as far as it takes to be given mails.
async fn take_mails(stream: TcpStream, arrived: &Arrived) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.get_mut().write_all(b"220 sink\r\n").await?;
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        let answer: &[u8] = match verb.as_str() {
            "DATA" => {
                stream.get_mut().write_all(b"354 go on\r\n").await?;
                arrived.note(message_id(&mut stream).await?);
                b"250 taken\r\n"
            }
            "QUIT" => b"221 bye\r\n",
            _ => b"250 fine\r\n",
        };
        stream.get_mut().write_all(answer).await?;
    }
}

/// Reads a mail to its end; what it is called.
async fn message_id(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let (mut line, mut id) = (Vec::new(), String::new());
    loop {
        line.clear();
        if stream.read_until(b'\n', &mut line).await? == 0 || line == b".\r\n" {
            return Ok(id);
        }
        if line.starts_with(b"Message-ID:") {
            id = String::from_utf8_lossy(&line).trim().to_owned();
        }
    }
}
