//! Where webhooks may be sent: over https, and to public addresses only.
//!
//! Whoever sets up a webhook names an address, and the server connects to it: without a check that would be a way into
//! the network that the server stands in. A check of its own before connecting would not do, because a name can mean
//! one address while it is checked and another one a moment later. So the check is part of looking names up for the
//! connection, and the connection goes to the very addresses that have passed. Addresses that are written as such are
//! not looked up, and are checked when the URL is read, in the form that they have there: `https://2130706433/` is
//! 127.0.0.1.

use std::collections::HashSet;
use std::error::Error;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;
use url::{Host, Url};

use crate::domain::public_address::is_public;

/// Most names that are looked up at once. The system's look-up cannot be broken off: with name servers that do not
/// answer, threads would pile up.
const MAX_LOOKUPS: usize = 64;
/// Most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 16;

/// Why nothing can be sent to some place.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// That is no URL of a web server.
    Malformed,
    /// It would be in the clear.
    NotHttps,
    /// It is nobody's on the public internet, at least not as far as is known here.
    NotPublic,
    /// Its name has no address, or nobody knows at present.
    Unresolved,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "The URL is malformed.",
            Self::NotHttps => "The URL does not begin with https.",
            Self::NotPublic => "The address is not public.",
            Self::Unresolved => "The host name could not be resolved.",
        })
    }
}

impl Error for Refused {}

/// How far requests may go.
#[derive(Copy, Clone)]
pub(super) struct Reach {
    /// Whether also without TLS.
    pub plain_http: bool,
    /// To which addresses.
    pub allows: fn(IpAddr) -> bool,
}

impl Reach {
    /// As far as is right.
    pub const PUBLIC: Self = Self { plain_http: false, allows: is_public };
    /// Anywhere: for development.
    pub const ANYWHERE: Self = Self { plain_http: true, allows: |_| true };

    /// The URL in `text`, if requests may go there as far as can be told without looking names up.
    pub fn url(self, text: &str) -> Result<Url, Refused> {
        let url = Url::parse(text).map_err(|_| Refused::Malformed)?;
        match url.scheme() {
            "https" => {}
            "http" if self.plain_http => {}
            "http" => return Err(Refused::NotHttps),
            _ => return Err(Refused::Malformed),
        }
        let is_allowed = match url.host().ok_or(Refused::Malformed)? {
            Host::Ipv4(address) => (self.allows)(address.into()),
            Host::Ipv6(address) => (self.allows)(address.into()),
            Host::Domain(_) => true,
        };
        is_allowed.then_some(url).ok_or(Refused::NotPublic)
    }
}

/// Finds the addresses of a name.
pub(super) type Lookup =
    Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> + Send + Sync>;

/// Names are looked up as by any program on this machine.
pub(super) fn system_lookup() -> Lookup {
    let places = Arc::new(Semaphore::new(MAX_LOOKUPS));
    let hanging = Hanging::default();
    Arc::new(move |name| {
        let (places, hanging) = (Arc::clone(&places), hanging.clone());
        Box::pin(async move {
            if hanging.lock().contains(&name) {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let place = places.acquire_owned().await.map_err(io::Error::other)?;
            let awaited = Awaited { hanging: hanging.clone(), name: name.clone(), has_ended: Arc::default() };
            let has_ended = Arc::clone(&awaited.has_ended);
            let looking = tokio::task::spawn_blocking(move || {
                // Kept until the look-up has really ended, however long ago whoever asked has gone.
                let _place = place;
                let found = (name.as_str(), 0).to_socket_addrs();
                let mut hanging = hanging.lock();
                has_ended.store(true, Ordering::Relaxed);
                hanging.remove(&name);
                Ok(found?.map(|address| address.ip()).collect())
            });
            let found = looking.await.map_err(io::Error::other)?;
            drop(awaited);
            found
        })
    })
}

/// Names of which the look-up goes on though nobody waits for it any more. Nobody is let wait for them again meanwhile:
/// somebody's few names without an answer would take everybody's places.
#[derive(Clone, Default)]
struct Hanging(Arc<Mutex<HashSet<String>>>);

impl Hanging {
    fn lock(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who waits for a look-up: when they go before it has ended, it hangs.
struct Awaited {
    hanging: Hanging,
    name: String,
    /// Written and read with `hanging` locked.
    has_ended: Arc<AtomicBool>,
}

impl Drop for Awaited {
    fn drop(&mut self) {
        let mut hanging = self.hanging.lock();
        if !self.has_ended.load(Ordering::Relaxed) {
            hanging.insert(std::mem::take(&mut self.name));
        }
    }
}

/// Looks names up and passes on the addresses to which requests may go: to these, and to no others, connections are
/// made. Each new connection is another look-up.
pub(super) struct CheckedResolver {
    lookup: Lookup,
    allows: fn(IpAddr) -> bool,
}

impl CheckedResolver {
    pub fn new(lookup: Lookup, allows: fn(IpAddr) -> bool) -> Self {
        Self { lookup, allows }
    }
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (looking, allows) = ((self.lookup)(name.as_str().to_owned()), self.allows);
        Box::pin(async move {
            let mut found = looking.await.map_err(|_| Refused::Unresolved)?;
            if found.is_empty() {
                return Err(Refused::Unresolved.into());
            }
            found.retain(|address| allows(*address));
            if found.is_empty() {
                return Err(Refused::NotPublic.into());
            }
            found.truncate(MAX_ADDRESSES);
            let addresses: Addrs = Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests;
