//! Getting a key set from an identity provider: within a time and a size, and from nowhere but its address.

use std::error::Error;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};

use crate::address::is_this_machine;

/// How long an identity provider may take to answer, from the first packet to the last.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The longest key set that is read, in bytes. Those of large providers have a few kilobytes.
const MAX_LENGTH: usize = 256 * 1024;

/// Where an identity provider publishes its keys: over https, or on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySetAddress(Url);

impl KeySetAddress {
    /// The address in `text`.
    ///
    /// # Errors
    ///
    /// What it should be; it is the end of a sentence that begins with a setting's name.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let should = "must be an https address, such as https://id.example.com/.well-known/jwks.json.";
        let url = Url::parse(text.trim()).map_err(|_| should)?;
        let address = Self(url);
        match address.0.scheme() {
            "https" => {}
            "http" if is_this_machine(address.host()) => {}
            "http" => {
                return Err(
                    "must be an https address: whoever can change what comes over plain http decides who signs in. \
                     (Plain http will do on this machine, by localhost or a loopback address.)",
                );
            }
            _ => return Err(should),
        }
        if !address.0.username().is_empty() || address.0.password().is_some() {
            return Err("must be an address without a user name or a password: the keys are public.");
        }
        Ok(address)
    }

    /// The host, for the log.
    pub(super) fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// Gets what is there.
    ///
    /// # Errors
    ///
    /// Why it could not be got, for the log.
    pub(super) async fn get(&self) -> Result<Vec<u8>, String> {
        let mut response = self.client()?.get(self.0.clone()).send().await.map_err(causes)?;
        if response.status() != StatusCode::OK {
            return Err(format!("the answer's status is {}", response.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(causes)? {
            if body.len() + chunk.len() > MAX_LENGTH {
                return Err(format!("the answer is longer than {MAX_LENGTH} bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// Made for each fetch: there are few, hours apart, and certificates of the system change meanwhile.
    fn client(&self) -> Result<Client, String> {
        // The first provider that a process installs is the one it has. Nothing else here installs any.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder().timeout(TIMEOUT).redirect(Policy::none()).pool_max_idle_per_host(0);
        if self.0.scheme() == "http" {
            // Nothing between this machine and itself, and no certificates, which need not be there.
            builder = builder.no_proxy().tls_certs_only([]);
        }
        builder.build().map_err(causes)
    }
}

/// An error with all that led to it. The address is left out: it may be nobody else's business.
fn causes(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
