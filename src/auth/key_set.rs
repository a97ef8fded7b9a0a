//! The public keys of an identity provider (RFC 7517, JWKS): fetched, kept, and fetched anew.
//!
//! Known keys are looked up at once, whatever is going on with the provider. A key that is not known is a reason to
//! fetch, but not more often than once a minute, whoever asks for whatever; all who wait share one fetch. While the
//! provider is down, what is known goes on being so. Once an hour everything is fetched anew, so that keys that the
//! provider has withdrawn go.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jsonwebtoken::jwk::Jwk;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::fetch::KeySetAddress;
use super::public_key::{PublicKey, SignatureAlgorithm};
use super::tokens::Unverified;
use crate::clock::{Monotonic, SharedClock};

/// How old keys become before they are fetched anew.
const MAX_AGE: Duration = Duration::from_hours(1);
/// How soon after one fetch there may be another.
const PAUSE: Duration = Duration::from_mins(1);
/// The same for as long as there has not been a single one that succeeded: nobody can sign in till then.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// The keys of one answer that may be used.
#[derive(Debug)]
struct Keys(Vec<(Option<String>, Arc<PublicKey>)>);

/// A key set as it is published. Keys of kinds that nobody here knows are no reason to do without the others.
#[derive(Deserialize)]
struct Published {
    keys: Vec<Value>,
}

impl Keys {
    /// The keys in a JWKS document that are for one of these algorithms; `None`: that is no such document.
    fn from_json(document: &[u8], algorithms: &[SignatureAlgorithm]) -> Option<Self> {
        let published: Published = serde_json::from_slice(document).ok()?;
        let keys = published.keys.into_iter().filter_map(|key| {
            let jwk: Jwk = serde_json::from_value(key).ok()?;
            let key = PublicKey::from_jwk(&jwk).filter(|key| algorithms.contains(&key.algorithm()))?;
            Some((jwk.common.key_id, Arc::new(key)))
        });
        Some(Self(keys.collect()))
    }

    /// The one key that a token can have been signed with, by what its header says; `None` also if there are several.
    fn find(&self, id: Option<&str>, algorithm: SignatureAlgorithm) -> Option<Arc<PublicKey>> {
        let mut fitting = self
            .0
            .iter()
            .filter(|(key_id, key)| key.algorithm() == algorithm && id.is_none_or(|id| key_id.as_deref() == Some(id)));
        match (fitting.next(), fitting.next()) {
            (Some((_, key)), None) => Some(Arc::clone(key)),
            _ => None,
        }
    }
}

/// What is known of a provider's keys. Clones share it.
#[derive(Clone)]
pub(super) struct KeySet(Arc<Shared>);

struct Shared {
    address: KeySetAddress,
    algorithms: Vec<SignatureAlgorithm>,
    clock: SharedClock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The last that were fetched.
    keys: Option<Arc<Keys>>,
    /// When it was last tried.
    tried_at: Option<Monotonic>,
    /// Whether that has not succeeded: it failed, or goes on.
    failed: bool,
    /// Closed when the fetch that was begun last has ended.
    under_way: Option<watch::Receiver<()>>,
}

impl State {
    /// How long to wait from one fetch to the next, at least.
    fn pause(&self) -> Duration {
        if self.keys.is_some() { PAUSE } else { FIRST_PAUSE }
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySet").field("address", &self.0.address).finish_non_exhaustive()
    }
}

impl KeySet {
    /// The keys at `address` that are for one of `algorithms`. Nothing is fetched yet.
    pub(super) fn new(address: KeySetAddress, algorithms: Vec<SignatureAlgorithm>, clock: SharedClock) -> Self {
        Self(Arc::new(Shared { address, algorithms, clock, state: Mutex::default() }))
    }

    /// The key that a token of `algorithm` whose header names `id` was signed with, if its signature is good.
    ///
    /// # Errors
    ///
    /// There is no such key, or more than one; or it is not known what keys there are.
    pub(super) async fn key(
        &self,
        id: Option<&str>,
        algorithm: SignatureAlgorithm,
    ) -> Result<Arc<PublicKey>, Unverified> {
        if !self.0.algorithms.contains(&algorithm) {
            return Err(Unverified::Invalid);
        }
        if let Some(key) = self.known().and_then(|keys| keys.find(id, algorithm)) {
            return Ok(key);
        }
        let fetch = self.fetch();
        // A key that is new to us may be the provider's, where it is too soon to ask.
        let missing = if fetch.is_some() { Unverified::Invalid } else { Unverified::Outdated };
        if let Some(fetch) = fetch {
            ended(fetch).await;
        }
        let keys = self.known().ok_or(Unverified::Unavailable)?;
        keys.find(id, algorithm).ok_or(missing)
    }

    /// Keeps the keys from growing old until `shutdown`.
    pub(super) async fn keep_current(&self, shutdown: CancellationToken) {
        let keeping = async {
            loop {
                if let Some(fetch) = self.fetch() {
                    ended(fetch).await;
                }
                self.0.clock.sleep_until(self.due_at()).await;
            }
        };
        tokio::select! {
            () = keeping => {}
            () = shutdown.cancelled() => {}
        }
    }

    fn known(&self) -> Option<Arc<Keys>> {
        self.0.state().keys.clone()
    }

    /// When to fetch next without being asked.
    fn due_at(&self) -> Monotonic {
        let state = self.0.state();
        let pause = if state.failed { state.pause() } else { MAX_AGE };
        state.tried_at.unwrap_or_default().plus(pause)
    }

    /// The fetch that is under way, or one that begins now; `None` when it is too soon for one. It runs in a task of
    /// its own, whoever goes away.
    fn fetch(&self) -> Option<watch::Receiver<()>> {
        let mut state = self.0.state();
        if let Some(under_way) = state.under_way.as_ref().filter(|under_way| !under_way.is_closed()) {
            return Some(under_way.clone());
        }
        let now = self.0.clock.monotonic();
        if state.tried_at.is_some_and(|tried_at| now.since(tried_at) < state.pause()) {
            return None;
        }
        state.tried_at = Some(now);
        state.failed = true;
        let (done, under_way) = watch::channel(());
        state.under_way = Some(under_way.clone());
        drop(state);
        let shared = Arc::clone(&self.0);
        tokio::spawn(async move {
            shared.fetch().await;
            drop(done);
        });
        Some(under_way)
    }
}

impl Shared {
    /// Nothing that panics is done under the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fetch(&self) {
        let fetched = self.address.get().await.and_then(|document| {
            let keys =
                Keys::from_json(&document, &self.algorithms).ok_or_else(|| "the answer is no key set".to_owned())?;
            if keys.0.is_empty() { Err("it has no key that may be used".to_owned()) } else { Ok(keys) }
        });
        let host = self.address.host();
        let mut state = self.state();
        state.failed = fetched.is_err();
        match fetched {
            Ok(keys) => state.keys = Some(Arc::new(keys)),
            Err(reason) if state.keys.is_some() => {
                tracing::warn!(
                    host,
                    reason,
                    "the key set could not be fetched; the keys known so far go on being used"
                );
            }
            Err(reason) => {
                tracing::error!(host, reason, "the key set could not be fetched; nobody can sign in until it is");
            }
        }
    }
}

/// Waits until a fetch has ended, well or not.
async fn ended(mut fetch: watch::Receiver<()>) {
    // Nothing is ever sent: this is the end of the sender.
    let _ended = fetch.changed().await;
}

#[cfg(test)]
mod tests;
