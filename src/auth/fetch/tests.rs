use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

#[test]
fn keys_come_over_https_or_from_this_machine() {
    for good in [
        "https://id.example.com/.well-known/jwks.json",
        " https://id.example.com:8443/jwks?client=1 ",
        "http://localhost:8080/jwks",
        "http://127.0.0.1/jwks",
        "http://[::1]:80/jwks",
    ] {
        assert!(KeySetAddress::parse(good).is_ok(), "{good}");
    }
    for wrong in [
        "",
        "id.example.com",
        "/jwks.json",
        "ftp://id.example.com/jwks",
        "file:///etc/jwks.json",
        "http://id.example.com/jwks",
        "http://localhost.example.com/jwks",
        "http://10.0.0.1/jwks",
        "https://user:password@id.example.com/jwks",
        "https://user@id.example.com/jwks",
    ] {
        assert!(KeySetAddress::parse(wrong).is_err(), "{wrong}");
    }
}

/// Gets what a server answers that sends `answer` and then nothing more, without closing the connection.
async fn get(answer: String) -> Result<Vec<u8>, String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/jwks?key=hunter2", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let _read = stream.read(&mut request).await;
        let _written = stream.write_all(answer.as_bytes()).await;
        std::future::pending::<()>().await;
    });
    let got = KeySetAddress::parse(&address).unwrap().get().await;
    serving.abort();
    got
}

fn ok(length: usize, body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}")
}

#[tokio::test]
async fn an_answer_is_taken_if_it_is_one_and_short_enough() {
    assert_eq!(get(ok(2, "{}")).await, Ok(b"{}".to_vec()));
    let longest = "x".repeat(MAX_LENGTH);
    assert_eq!(get(ok(MAX_LENGTH, &longest)).await.map(|body| body.len()), Ok(MAX_LENGTH));
    let too_long = get(ok(MAX_LENGTH + 1, &format!("{longest}x"))).await.unwrap_err();
    assert!(too_long.contains("longer than"), "{too_long}");
    // Endless, without saying how long.
    let chunk = format!("{MAX_LENGTH:x}\r\n{longest}\r\n");
    let endless = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunk}{chunk}");
    assert!(get(endless).await.unwrap_err().contains("longer than"));
    for status in ["404 Not Found", "500 Internal Server Error", "204 No Content"] {
        let error = get(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n")).await.unwrap_err();
        assert!(error.contains(&status[..3]), "{error}");
    }
    assert!(get("nonsense\r\n\r\n".to_owned()).await.is_err());
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let redirect = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/jwks\r\ncontent-length: 0\r\n\r\n";
    assert!(get(redirect.to_owned()).await.unwrap_err().contains("302"));
}

#[tokio::test(start_paused = true)]
async fn whoever_answers_too_slowly_is_given_up_and_the_log_learns_no_secret() {
    // Time that stands still jumps to the next deadline whenever there is nothing else to do.
    for answer in [String::new(), ok(100, "{")] {
        let error = get(answer).await.unwrap_err();
        assert!(error.contains("timed out"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
