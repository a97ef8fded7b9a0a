//! Signatures as [Standard Webhooks](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md)
//! has them: HMAC-SHA256 over `id.timestamp.body`, one for each secret that signs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::server_key::DerivedKey;

/// What names the event: the same each time that it is sent, and to whomever.
pub const ID_HEADER: &str = "webhook-id";
/// When this attempt was made, in seconds since 1970.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// The signatures, with a space between each two.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

/// A secret as receivers are shown it, and as libraries take it: `whsec_`, and the base64 of its bytes.
#[must_use]
pub fn secret_text(secret: &DerivedKey) -> String {
    format!("whsec_{}", STANDARD.encode(secret))
}

/// The value of [`SIGNATURE_HEADER`] for an attempt `at` this time, by `secrets` in their order.
#[must_use]
pub fn signatures(secrets: impl IntoIterator<Item = DerivedKey>, id: &str, at: DateTime<Utc>, body: &str) -> String {
    let signatures: Vec<String> = secrets.into_iter().map(|secret| sign(&secret, id, at, body)).collect();
    signatures.join(" ")
}

fn sign(secret: &[u8], id: &str, at: DateTime<Utc>, body: &str) -> String {
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(secret) else { unreachable!("HMAC-SHA256 takes keys of any length") };
    let signed = mac.chain_update(format!("{id}.{}.", at.timestamp())).chain_update(body);
    format!("v1,{}", STANDARD.encode(signed.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Secret, id, time, body, signature: made by the libraries of the specification.
    const KNOWN: [(&str, &str, i64, &str, &str); 2] = [
        (
            "C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
            1_649_367_553,
            r#"{"email":"test@example.com","username":"test_user"}"#,
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
        ),
        (
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
    ];

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 999_000_000).unwrap()
    }

    #[test]
    fn signatures_are_those_of_the_specification() {
        for (secret, id, seconds, body, signature) in KNOWN {
            assert_eq!(sign(&STANDARD.decode(secret).unwrap(), id, at(seconds), body), signature);
        }
    }

    #[test]
    fn a_signature_is_of_this_id_this_time_and_this_body() {
        let signature = sign(&[1; 32], "evn_1", at(1), "{}");
        for other in [
            sign(&[2; 32], "evn_1", at(1), "{}"),
            sign(&[1; 32], "evn_2", at(1), "{}"),
            sign(&[1; 32], "evn_1", at(2), "{}"),
            sign(&[1; 32], "evn_1", at(1), "{ }"),
        ] {
            assert_ne!(signature, other);
        }
    }

    #[test]
    fn each_secret_signs_in_its_turn() {
        let (new, old) = (sign(&[2; 32], "evn_1", at(1), "{}"), sign(&[1; 32], "evn_1", at(1), "{}"));
        assert_eq!(signatures([[2; 32], [1; 32]], "evn_1", at(1), "{}"), format!("{new} {old}"));
        assert_eq!(signatures([[1; 32]], "evn_1", at(1), "{}"), old);
    }

    #[test]
    fn a_secret_is_shown_as_libraries_take_it() {
        assert_eq!(secret_text(&[0; 32]), "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    }
}
