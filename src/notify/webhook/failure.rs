//! Why a request did not arrive, in words of ours. What a receiver sends never becomes part of them: it would be shown
//! to whoever looks at deliveries, and so make the server a way to read what only the server can reach. That goes for
//! names in a certificate, too.

use std::error::Error;
use std::io;

use rustls::CertificateError;

use super::target::Refused;

/// What is said of a receiver that took too long.
pub(super) const TOO_LATE: &str = "The receiver did not answer within 5 seconds.";

/// Why `error` came about.
pub(super) fn words(error: &reqwest::Error) -> String {
    if let Some(refused) = cause::<Refused>(error) {
        return refused.to_string();
    }
    if let Some(fault) = cause::<rustls::Error>(error) {
        return format!("TLS: {}", of_tls(fault));
    }
    let text = match (error.is_connect(), cause::<io::Error>(error).map(io::Error::kind)) {
        (true, Some(io::ErrorKind::ConnectionRefused)) => "The receiver refused the connection.",
        (true, Some(io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset)) => {
            "The receiver broke the connection off."
        }
        (true, _) => "The receiver could not be reached.",
        (false, _) => "The receiver broke the connection off, or what it answered is not HTTP.",
    };
    text.to_owned()
}

/// The end of a sentence that begins with `TLS:`.
fn of_tls(error: &rustls::Error) -> &'static str {
    use CertificateError as Certificate;
    match error {
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            Certificate::Expired | Certificate::ExpiredContext { .. } => "the receiver's certificate has expired.",
            Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
                "the receiver's certificate is not valid yet."
            }
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
                "the receiver's certificate is for another name."
            }
            Certificate::UnknownIssuer => {
                "the receiver's certificate is signed by nobody who is trusted here, or sent without what is between."
            }
            _ => "the receiver's certificate is not valid.",
        },
        rustls::Error::InvalidMessage(_) => "what the receiver answered is not TLS.",
        rustls::Error::AlertReceived(_) => "the receiver broke the handshake off.",
        rustls::Error::PeerIncompatible(_) => "the receiver has no protocol and cipher that are used here.",
        _ => "the handshake failed.",
    }
}

/// The first cause of `error` that is an `E`.
fn cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    // What an `io::Error` was made of is not among its sources, which begin one further down.
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    let within = wrapped.and_then(|inner| cause::<E>(inner)).or_else(|| error.source().and_then(cause::<E>));
    within.or_else(|| error.downcast_ref())
}
