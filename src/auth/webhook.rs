//! Signatures of webhooks, as `WorkOS` makes them: `t=<milliseconds since 1970>, v1=<HMAC-SHA256 in hexadecimal>`, over
//! `<t>.<body>`. See <https://workos.com/docs/events/data-syncing/webhooks>.

use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// How far the time of a signature may be from ours, either way.
const TOLERANCE: TimeDelta = TimeDelta::minutes(5);
/// Bytes of an HMAC-SHA256.
const MAC_LENGTH: usize = 32;

/// A signature does not count. Which of its parts is wrong is nobody's business.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct InvalidSignature;

/// The secret that whoever sends webhooks shares with us.
#[derive(Clone)]
pub struct WebhookKey(Hmac<Sha256>);

impl std::fmt::Debug for WebhookKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebhookKey(…)")
    }
}

impl WebhookKey {
    /// The key that is made of `secret`.
    #[must_use]
    pub fn new(secret: &SecretString) -> Self {
        let Ok(mac) = Hmac::new_from_slice(secret.expose_secret().as_bytes()) else {
            unreachable!("HMAC-SHA256 takes keys of any length")
        };
        Self(mac)
    }

    /// Whether `signature`, the header, was made for `body` with this key, within five minutes of `now`.
    ///
    /// # Errors
    /// It is malformed, another body's, of another key, too old, or from the future.
    pub fn verify(&self, signature: &str, body: &[u8], now: DateTime<Utc>) -> Result<(), InvalidSignature> {
        let (mut time, mut macs) = (None, Vec::new());
        for part in signature.split(',') {
            match part.trim().split_once('=').ok_or(InvalidSignature)? {
                ("t", text) if time.is_none() => time = Some(text),
                ("t", _) => return Err(InvalidSignature),
                ("v1", text) => macs.push(bytes(text).ok_or(InvalidSignature)?),
                // Of ways that are still to come.
                _ => {}
            }
        }
        let time = time.ok_or(InvalidSignature)?;
        let signed_at = time.parse().ok().and_then(DateTime::from_timestamp_millis).ok_or(InvalidSignature)?;
        if (now - signed_at).abs() > TOLERANCE {
            return Err(InvalidSignature);
        }
        // While secrets are exchanged there may be one signature for each. Compared in constant time.
        let signed = self.0.clone().chain_update(time).chain_update(".").chain_update(body);
        let is_ours = macs.iter().any(|mac| signed.clone().verify_slice(mac).is_ok());
        is_ours.then_some(()).ok_or(InvalidSignature)
    }
}

/// The bytes of an HMAC-SHA256 that is written in hexadecimal digits.
fn bytes(text: &str) -> Option<[u8; MAC_LENGTH]> {
    let mut bytes = [0; MAC_LENGTH];
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() == 2 * MAC_LENGTH)?;
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::try_from(pair[0] * 16 + pair[1]).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"event":"user.created"}"#;
    const TIME: i64 = 1_796_126_400_000;
    /// Of [`BODY`] at [`TIME`], made by `printf '%s.%s' … | openssl dgst -sha256 -hmac 'hush, a shared secret'`.
    const MAC: &str = "41214d7b0d3ef017fc6aed4bac762c2cc14ed68b28a53f0f226cd6b5e9cedd82";

    fn verify(signature: &str, body: &[u8], seconds_later: i64) -> Result<(), InvalidSignature> {
        let now = DateTime::from_timestamp_millis(TIME).unwrap() + TimeDelta::seconds(seconds_later);
        WebhookKey::new(&SecretString::from("hush, a shared secret")).verify(signature, body, now)
    }

    #[test]
    fn what_is_signed_counts_for_five_minutes_either_way() {
        let signature = format!("t={TIME}, v1={MAC}");
        for (seconds, expected) in
            [(0, Ok(())), (300, Ok(())), (-300, Ok(())), (301, Err(InvalidSignature)), (-301, Err(InvalidSignature))]
        {
            assert_eq!(verify(&signature, BODY, seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn one_signature_that_fits_is_enough() {
        let other = "0".repeat(64);
        for signature in [
            format!("t={TIME},v1={MAC}"),
            format!("v1={MAC},t={TIME}"),
            format!("t={TIME}, v1={other}, v1={MAC}"),
            format!("t={TIME}, v1={}, v2=whatever", MAC.to_uppercase()),
        ] {
            assert_eq!(verify(&signature, BODY, 0), Ok(()), "{signature}");
        }
    }

    #[test]
    fn nothing_else_counts() {
        let flipped = format!("{}{}", if MAC.starts_with('0') { '1' } else { '0' }, &MAC[1..]);
        for signature in [
            String::new(),
            ",".to_owned(),
            format!("t={TIME}"),
            format!("v1={MAC}"),
            format!("t={TIME}, v1="),
            format!("t={TIME}, v1={}", &MAC[..62]),
            format!("t={TIME}, v1={MAC}00"),
            format!("t={TIME}, v1={flipped}"),
            format!("t={TIME}, v2={MAC}"),
            format!("t={}, v1={MAC}", TIME + 1),
            format!("t={TIME}, t={TIME}, v1={MAC}"),
            format!("t={}, v1={MAC}", TIME / 1000),
            format!("t=now, v1={MAC}"),
            format!("t={}, v1={MAC}", i64::MIN),
            format!("t={}, v1={MAC}", i64::MAX),
            format!("t={TIME}, v1={}", "é".repeat(32)),
            MAC.to_owned(),
        ] {
            assert_eq!(verify(&signature, BODY, 0), Err(InvalidSignature), "{signature}");
        }
        let signature = format!("t={TIME}, v1={MAC}");
        assert_eq!(verify(&signature, br#"{"event":"user.deleted"}"#, 0), Err(InvalidSignature));
        let now = DateTime::from_timestamp_millis(TIME).unwrap();
        let other = WebhookKey::new(&SecretString::from("another shared secret"));
        assert_eq!(other.verify(&signature, BODY, now), Err(InvalidSignature));
        assert_eq!(format!("{other:?}"), "WebhookKey(…)");
    }
}
