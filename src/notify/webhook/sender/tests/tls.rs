//! Receivers with certificates, good and bad.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};
use tokio::task::JoinHandle;

use super::*;

const ISSUER: &[u8] = include_bytes!("../../../../../tests/keys/tls/issuer.pem");
const KEY: &[u8] = include_bytes!("../../../../../tests/keys/tls/key.pem");
/// For `hooks.example.com`.
const GOOD: &[u8] = include_bytes!("../../../../../tests/keys/tls/good.pem");
/// The same, over since 2021.
const EXPIRED: &[u8] = include_bytes!("../../../../../tests/keys/tls/expired.pem");
/// For `intranet.example.org`.
const OTHER_NAME: &[u8] = include_bytes!("../../../../../tests/keys/tls/other_name.pem");

fn certificate(pem: &[u8]) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem).unwrap()
}

/// A receiver that shows this certificate and answers one request; what it read, if they came to an understanding.
fn receiver(pem: &[u8]) -> (u16, JoinHandle<Option<String>>) {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
    let config = Arc::new(config.with_no_client_auth().with_single_cert(vec![certificate(pem)], key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::task::spawn_blocking(move || {
        let (mut tcp, _) = listener.accept().unwrap();
        let mut connection = ServerConnection::new(config).unwrap();
        let mut stream = Stream::new(&mut connection, &mut tcp);
        let mut request = [0; 4096];
        let length = stream.read(&mut request).ok()?;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").ok()?;
        Some(String::from_utf8_lossy(&request[..length]).into_owned())
    });
    (port, serving)
}

/// A sender that trusts `issuer`, and has names lead to this machine.
fn sender_trusting(issuer: Option<&[u8]>) -> WebhookSender {
    let mut trusted = RootCertStore::empty();
    trusted.add_parsable_certificates(issuer.map(certificate));
    let reach = Reach { plain_http: false, ..Reach::ANYWHERE };
    let clock = Arc::new(TestClock::new(now()));
    WebhookSender::reaching(reach, answers(&["127.0.0.1"]), trusted, server_key(), clock).unwrap()
}

#[tokio::test]
async fn a_receiver_with_a_good_certificate_is_sent_everything() {
    let (port, serving) = receiver(GOOD);
    let webhook = webhook(&format!("https://hooks.example.com:{port}/a"));
    assert_eq!(sender_trusting(Some(ISSUER)).send(&webhook, &delivery()).await, arrived(200));
    let request = serving.await.unwrap().unwrap();
    assert!(request.starts_with("POST /a HTTP/1.1\r\n"), "{request}");
}

#[tokio::test]
async fn a_receiver_with_a_bad_certificate_is_sent_nothing_and_quoted_by_nobody() {
    for (pem, issuer, expected) in [
        (EXPIRED, Some(ISSUER), "TLS: the receiver's certificate has expired."),
        (OTHER_NAME, Some(ISSUER), "TLS: the receiver's certificate is for another name."),
        (
            GOOD,
            None,
            "TLS: the receiver's certificate is signed by nobody who is trusted here, or sent without what is between.",
        ),
    ] {
        let (port, serving) = receiver(pem);
        let webhook = webhook(&format!("https://hooks.example.com:{port}/"));
        let failure = failure(sender_trusting(issuer).send(&webhook, &delivery()).await);
        assert_eq!(failure, (None, expected.to_owned(), false));
        assert_eq!(serving.await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_receiver_without_tls_is_told_apart() {
    // It reads what was meant for TLS line by line, and finds no end of it.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://hooks.example.com:{}/", listener.local_addr().unwrap().port());
    let serving = tokio::spawn(async move {
        for answer in [&b"HTTP/1.1 400 Bad Request\r\n\r\nhunter2"[..], b""] {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut read = [0; 4096];
            let _length = tokio::io::AsyncReadExt::read(&mut stream, &mut read).await.unwrap();
            tokio::io::AsyncWriteExt::write_all(&mut stream, answer).await.unwrap();
        }
    });
    let sender = sender_trusting(Some(ISSUER));
    for expected in ["TLS: what the receiver answered is not TLS.", "The receiver broke the connection off."] {
        let failure = failure(sender.send(&webhook(&url), &delivery()).await);
        assert_eq!(failure, (None, expected.to_owned(), false));
    }
    serving.await.unwrap();
}
