//! What the address of a webhook may look like. Where its name leads is found out whenever something is sent there.

use url::{Host, Url};

use super::public_address::is_public;

/// Characters of an address.
const MAX_URL: usize = 2_048;

/// Which addresses a server may send to.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Public ones, by https.
    Public,
    /// Any, by http too: for development.
    Anywhere,
}

/// Checks an address as somebody has written it.
///
/// # Errors
/// A sentence that says what it should be.
pub fn check_webhook_url(text: &str, reach: Reach) -> Result<(), String> {
    if text.chars().count() > MAX_URL {
        return Err(format!("`url` must have at most {MAX_URL} characters."));
    }
    let url = parse(text, reach)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("`url` must not contain a user name or a password: what is sent is signed, verify that.".to_owned());
    }
    if url.fragment().is_some() {
        return Err("`url` must not have a fragment (`#…`): it would not be sent.".to_owned());
    }
    let reachable = match (reach, url.host()) {
        (_, None) => return Err(form(reach)),
        (Reach::Anywhere, Some(_)) => true,
        (Reach::Public, Some(Host::Domain(name))) => !is_local(name),
        (Reach::Public, Some(Host::Ipv4(address))) => is_public(address.into()),
        (Reach::Public, Some(Host::Ipv6(address))) => is_public(address.into()),
    };
    if reachable { Ok(()) } else { Err("`url` must lead to a public address, not into a private network.".to_owned()) }
}

/// The address, if it says by which of the accepted ways.
fn parse(text: &str, reach: Reach) -> Result<Url, String> {
    // The parser forgives what others do not: white space anywhere, backslashes, missing slashes.
    let is_plain = text.chars().all(|letter| !letter.is_whitespace() && !letter.is_control() && letter != '\\');
    let begins_with = |scheme: &str| {
        let (start, rest) = text.split_at_checked(scheme.len()).unwrap_or_default();
        start.eq_ignore_ascii_case(scheme) && !rest.starts_with('/')
    };
    let is_accepted = begins_with("https://") || reach == Reach::Anywhere && begins_with("http://");
    let parsed = Url::parse(text).ok().filter(|_| is_plain && is_accepted);
    parsed.ok_or_else(|| form(reach))
}

fn form(reach: Reach) -> String {
    let ways = match reach {
        Reach::Public => "an https address",
        Reach::Anywhere => "an https or http address",
    };
    format!("`url` must be {ways}, like `https://example.org/hooks/slotwise`.")
}

/// Whether a name always means the machine itself (RFC 6761).
fn is_local(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_public_and_plain_https() {
        for good in [
            "https://example.org",
            "https://example.org/",
            "HTTPS://Example.org/a/b?c=d&e=%20",
            "https://example.org:8443/hooks",
            "https://bücher.example/hooks",
            "https://93.184.216.34/",
            "https://[2606:2800:220:1:248:1893:25c8:1946]/",
            "https://localhost.example.org/",
        ] {
            assert_eq!(check_webhook_url(good, Reach::Public), Ok(()), "{good}");
        }
        for bad in [
            "",
            "example.org",
            "/hooks",
            "http://example.org/",
            "ftp://example.org/",
            "javascript:alert(1)",
            "https:example.org",
            "https:/example.org",
            "https:\\\\example.org",
            "https://",
            "https:///hooks",
            " https://example.org/",
            "https://example.org/a b",
            "https://exa\nmple.org/",
            "https://example.org/\u{0}",
            "https://ada@example.org/",
            "https://ada:secret@example.org/",
            "https://:secret@example.org/",
            "https://example.org/#there",
            "https://example.org/#",
            "https://example.org:99999/",
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://10.0.0.1/",
            "https://169.254.169.254/latest/meta-data",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://localhost/",
            "https://LOCALHOST./",
            "https://hooks.localhost:8443/",
        ] {
            assert!(check_webhook_url(bad, Reach::Public).is_err(), "{bad}");
        }
    }

    #[test]
    fn development_reaches_the_machine_itself_by_http() {
        for good in ["http://127.0.0.1:9000/hooks", "http://localhost:9000/", "https://[::1]/", "https://example.org/"]
        {
            assert_eq!(check_webhook_url(good, Reach::Anywhere), Ok(()), "{good}");
        }
        for bad in ["ftp://127.0.0.1/", "http://ada@127.0.0.1/", "http:127.0.0.1", "http://127.0.0.1/#there"] {
            assert!(check_webhook_url(bad, Reach::Anywhere).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_have_2048_characters_at_most() {
        let long = |length: usize| format!("https://example.org/{}", "a".repeat(length - "https://example.org/".len()));
        assert_eq!(check_webhook_url(&long(MAX_URL), Reach::Public), Ok(()));
        assert!(check_webhook_url(&long(MAX_URL + 1), Reach::Public).is_err());
    }
}
