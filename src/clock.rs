//! The only reader of the clock and of randomness.
//!
//! Everything else is handed a [`Clock`], so that a test can decide what time it is, and nothing ever sleeps
//! on the real one behind its back.

#![expect(clippy::disallowed_methods, reason = "this is the module that reads the clock for all others")]

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, SubsecRound, Utc};
use secrecy::SecretString;
use uuid::Uuid;

/// A point on a clock that is never set back, as time since the clock was made.
///
/// Holds live by it: correcting the wall clock neither kills nor prolongs them.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Monotonic(pub Duration);

impl Monotonic {
    /// The point that is `duration` later.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }

    /// How much later this is than `earlier`; zero when it is not.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// What a sleeping task waits for.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A source of time and randomness.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The present instant, in whole milliseconds: what clients can represent and the store keeps.
    fn now(&self) -> DateTime<Utc>;

    /// The present point on the monotonic clock.
    fn monotonic(&self) -> Monotonic;

    /// Ends once [`Clock::monotonic`] has reached `deadline`.
    fn sleep_until(&self, deadline: Monotonic) -> Sleep;

    /// A fresh unique id; ids made later sort later.
    fn unique(&self) -> Uuid;

    /// A fresh secret that nobody can guess: 64 hexadecimal digits, 244 bits of them random.
    fn secret(&self) -> SecretString {
        format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()).into()
    }

    /// A fresh key that nobody can guess, fit for an address: 256 random bits in base64url.
    fn key(&self) -> SecretString {
        let random = std::iter::repeat_with(|| {
            // Version and variant are in the first bits of these two.
            let [a, b, c, d, e, f, _, g, _, h, i, j, k, l, m, n] = Uuid::new_v4().into_bytes();
            [a, b, c, d, e, f, g, h, i, j, k, l, m, n]
        });
        URL_SAFE_NO_PAD.encode(random.flatten().take(KEY_BYTES).collect::<Vec<u8>>()).into()
    }
}

/// How long a key is.
const KEY_BYTES: usize = 32;

/// A clock that is shared.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's own clock.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time starts at zero.
    #[must_use]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(3)
    }

    fn monotonic(&self) -> Monotonic {
        Monotonic(self.started.elapsed())
    }

    fn sleep_until(&self, deadline: Monotonic) -> Sleep {
        let left = deadline.since(self.monotonic());
        Box::pin(tokio::time::sleep(left))
    }

    fn unique(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// A clock that stands still until it is advanced: for tests.
#[derive(Debug)]
pub struct TestClock {
    start: DateTime<Utc>,
    elapsed: tokio::sync::watch::Sender<Duration>,
}

impl TestClock {
    /// A clock that stands at `start`.
    #[must_use]
    pub fn new(start: DateTime<Utc>) -> Self {
        Self { start: start.trunc_subsecs(3), elapsed: tokio::sync::watch::Sender::new(Duration::ZERO) }
    }

    /// Lets `duration` pass on the wall clock and on the monotonic one, and wakes whoever slept till then.
    pub fn advance(&self, duration: Duration) {
        self.elapsed.send_modify(|elapsed| *elapsed += duration);
    }

    /// Lets the time pass until the wall clock shows `instant`; does nothing when it is past.
    pub fn advance_to(&self, instant: DateTime<Utc>) {
        if let Ok(left) = (instant - self.now()).to_std() {
            self.advance(left);
        }
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        self.start + *self.elapsed.borrow()
    }

    fn monotonic(&self) -> Monotonic {
        Monotonic(*self.elapsed.borrow())
    }

    fn sleep_until(&self, deadline: Monotonic) -> Sleep {
        let mut elapsed = self.elapsed.subscribe();
        Box::pin(async move {
            // The sender lives as long as the clock; without it, time stands still for good.
            if elapsed.wait_for(|elapsed| *elapsed >= deadline.0).await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }

    fn unique(&self) -> Uuid {
        // Order by real time keeps later ids later; a test clock may stand still.
        Uuid::now_v7()
    }
}
